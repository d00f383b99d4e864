using OllamaProxy.Domain;

namespace OllamaProxy.Application.Recording;

/// <summary>Where records wait that memory has no room for, until the store takes them.</summary>
public interface IRecordSpool
{
    /// <summary>Keeps records durably; false when there is no room, or no such place. Called by the recording worker only.</summary>
    bool TryAdd(IReadOnlyList<RequestRecord> records);
}
