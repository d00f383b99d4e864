using MediatR;
using OllamaProxy.Domain;

namespace OllamaProxy.Application.Recording;

/// <summary>A completed exchange became a record.</summary>
public sealed record RequestRecorded(Exchange Exchange, RequestRecord Record) : INotification;
