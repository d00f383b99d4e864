using OllamaProxy.Application.Recording;
using OllamaProxy.Domain;

namespace OllamaProxy.Infrastructure.Analytics;

/// <summary>For a store in files: where they cannot be written, other files could not either.</summary>
internal sealed class NoSpool : IRecordSpool
{
    public bool TryAdd(IReadOnlyList<RequestRecord> records) => false;
}
