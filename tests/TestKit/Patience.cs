namespace OllamaProxy.TestKit;

/// <summary>
/// How long a test waits for an expected event. Only a fault makes a test wait this long, so it is far more than any step takes on a machine whose
/// cores are all busy. A shorter wait would fail there without a fault.
/// </summary>
internal static class Patience
{
    public static readonly TimeSpan Limit = TimeSpan.FromMinutes(3);
}
