using OllamaProxy.Domain;

namespace OllamaProxy.Application.Recording;

/// <summary>Holds records on disk while the store cannot take them.</summary>
public interface IRecordSpool
{
    /// <summary>Writes records durably; false without room or without a spool. Only the recording worker calls it.</summary>
    bool TryAdd(IReadOnlyList<RequestRecord> records);
}
