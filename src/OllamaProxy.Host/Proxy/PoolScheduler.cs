namespace OllamaProxy.Host.Proxy;

/// <summary>
/// Runs our own pages, every step of them, on threads of the pool: a question to the store may take a while, and the threads of the sockets carry
/// everybody's tokens (<see cref="InlineSockets"/>).
/// </summary>
internal sealed class PoolScheduler : TaskScheduler
{
    private static readonly PoolScheduler s_instance = new();

    /// <summary>The middleware in front of the pages.</summary>
    public static Task RunAsync(HttpContext context, RequestDelegate next) =>
        Task.Factory.StartNew(() => next(context), CancellationToken.None, TaskCreationOptions.None, s_instance).Unwrap();

    protected override void QueueTask(Task task) => ThreadPool.UnsafeQueueUserWorkItem(static work => s_instance.TryExecuteTask(work), task, preferLocal: false);

    protected override bool TryExecuteTaskInline(Task task, bool taskWasPreviouslyQueued) => Thread.CurrentThread.IsThreadPoolThread && TryExecuteTask(task);

    protected override IEnumerable<Task> GetScheduledTasks() => [];
}
