using OllamaProxy.Domain;

namespace OllamaProxy.Application.Recording;

/// <summary>Keeps records on disk while the store cannot write them.</summary>
public interface IRecordSpool
{
    /// <summary>Writes records durably; false when the spool is full or disabled. Only the recording worker calls it.</summary>
    bool TryAdd(IReadOnlyList<RequestRecord> records);
}
