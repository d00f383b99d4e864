using MediatR;
using OllamaProxy.Domain;

namespace OllamaProxy.Application.Recording;

/// <summary>A completed exchange became a record.</summary>
/// <param name="Exchange">As it passed, with all its texts: to be counted and measured, never to be kept or shown.</param>
/// <param name="Record">What may be kept and shown: its texts are redacted and cut.</param>
public sealed record RequestRecorded(Exchange Exchange, RequestRecord Record) : INotification;
