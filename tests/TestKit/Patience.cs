namespace OllamaProxy.TestKit;

/// <summary>
/// How long a test waits for something that must come. Only a fault makes a test wait for so long, so it is far more than any step takes on a machine whose
/// cores are all busy; a shorter wait fails there without a fault.
/// </summary>
internal static class Patience
{
    public static readonly TimeSpan Limit = TimeSpan.FromMinutes(3);
}
