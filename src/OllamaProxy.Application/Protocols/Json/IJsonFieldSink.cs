namespace OllamaProxy.Application.Protocols.Json;

/// <summary>
/// Is told of the fields that <see cref="JsonFields"/> names, in the order of the body. A span is only valid during the call. What a reader does not listen
/// to passes.
/// </summary>
internal interface IJsonFieldSink
{
    /// <summary>A string.</summary>
    /// <param name="field">Which field.</param>
    /// <param name="utf8">Its text, escapes resolved; at most <see cref="JsonFieldScanner.MaxText"/> bytes.</param>
    /// <param name="length">The bytes of the whole text.</param>
    void Text(int field, ReadOnlySpan<byte> utf8, long length);

    /// <summary>A number, <c>true</c>, <c>false</c> or <c>null</c>, as written.</summary>
    void Literal(int field, ReadOnlySpan<byte> token)
    {
    }

    /// <summary>A value's JSON text, for fields that want it raw; cut at <see cref="JsonFieldScanner.MaxText"/> bytes.</summary>
    void Raw(int field, ReadOnlySpan<byte> json, bool isWhole)
    {
    }

    /// <summary>A value whose presence alone was wanted.</summary>
    void Present(int field)
    {
    }

    /// <summary>An object or array begins.</summary>
    void Begin(int field)
    {
    }

    /// <summary>An object or array that began has ended.</summary>
    void End(int field)
    {
    }

    /// <summary>A top-level value is whole.</summary>
    void DocumentEnd()
    {
    }
}
