using OllamaProxy.Domain;

namespace OllamaProxy.Infrastructure.Analytics.Postgres;

/// <summary>Records that are written once, however often they are sent: the server remembers who sent which number last.</summary>
/// <param name="Instance">Who sends it.</param>
/// <param name="Number">Its number, greater than that of any earlier batch of the same sender.</param>
/// <param name="Records">The records.</param>
internal sealed record PostgresBatch(Guid Instance, long Number, IReadOnlyList<RequestRecord> Records);
