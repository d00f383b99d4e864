using MediatR;
using OllamaProxy.Domain;

namespace OllamaProxy.Application.Recording;

/// <summary>A completed exchange became a record.</summary>
/// <param name="Exchange">The exchange with all its texts: for counting and measuring, never to be stored or shown.</param>
/// <param name="Record">The record, with its texts redacted and cut, to be stored and shown.</param>
public sealed record RequestRecorded(Exchange Exchange, RequestRecord Record) : INotification;
