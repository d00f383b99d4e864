namespace OllamaProxy.Application.Protocols.Json;

/// <summary>Receives the fields of <see cref="JsonFields"/> in the order of the body. Spans are valid only during the call.</summary>
internal interface IJsonFieldSink
{
    /// <summary>A string.</summary>
    /// <param name="field">The field.</param>
    /// <param name="utf8">The text with escapes resolved, at most <see cref="JsonFieldScanner.MaxText"/> bytes.</param>
    /// <param name="length">The length of the whole text in bytes.</param>
    void Text(int field, ReadOnlySpan<byte> utf8, long length);

    /// <summary>A number, <c>true</c>, <c>false</c> or <c>null</c>, as written.</summary>
    void Literal(int field, ReadOnlySpan<byte> token)
    {
    }

    /// <summary>The JSON text of a value, for fields that want it raw; cut at <see cref="JsonFieldScanner.MaxText"/> bytes.</summary>
    void Raw(int field, ReadOnlySpan<byte> json, bool isWhole)
    {
    }

    /// <summary>A value of which only the presence was requested.</summary>
    void Present(int field)
    {
    }

    /// <summary>An object or array starts.</summary>
    void Begin(int field)
    {
    }

    /// <summary>An object or array ends.</summary>
    void End(int field)
    {
    }

    /// <summary>A top-level value is complete.</summary>
    void DocumentEnd()
    {
    }
}
