namespace OllamaProxy.Host.Threading;

/// <summary>
/// Runs every step of the local endpoints on the thread pool: a query to the store may take milliseconds, and the socket threads carry the tokens of all
/// clients (<see cref="InlineSockets"/>).
/// </summary>
internal sealed class PoolScheduler : TaskScheduler
{
    private static readonly PoolScheduler s_instance = new();

    /// <summary>The middleware in front of the local endpoints.</summary>
    public static Task RunAsync(HttpContext context, RequestDelegate next) =>
        Task.Factory.StartNew(() => next(context), CancellationToken.None, TaskCreationOptions.None, s_instance).Unwrap();

    protected override void QueueTask(Task task) =>
        ThreadPool.UnsafeQueueUserWorkItem(static work => s_instance.TryExecuteTask(work), task, preferLocal: false);

    protected override bool TryExecuteTaskInline(Task task, bool taskWasPreviouslyQueued) => Thread.CurrentThread.IsThreadPoolThread && TryExecuteTask(task);

    protected override IEnumerable<Task> GetScheduledTasks() => [];
}
