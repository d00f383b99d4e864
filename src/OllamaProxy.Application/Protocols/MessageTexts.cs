using System.Text;
using OllamaProxy.Application.Protocols.Json;

namespace OllamaProxy.Application.Protocols;

/// <summary>
/// The texts of a conversation as it passes: the last user text, and the first system text. The role may follow the content, and conversations can be long, so
/// three bounded buffers are swapped instead of copied.
/// </summary>
internal sealed class MessageTexts
{
    private enum Role : byte
    {
        User,
        System,
        Other,
    }

    private readonly ByteBuffer _system = new(JsonFieldScanner.MaxText);
    private ByteBuffer _current = new(JsonFieldScanner.MaxText);
    private ByteBuffer _user = new(JsonFieldScanner.MaxText);
    private ByteBuffer _other = new(JsonFieldScanner.MaxText);
    private Role _role;

    /// <summary>Complete messages.</summary>
    public int Count { get; private set; }

    /// <summary>The last user message with a text, else the last message with a text (for example a tool's result). Empty without one.</summary>
    public string Prompt => (_user.Length > 0 ? _user : _other).ToString();

    /// <summary>The first system text; null without one.</summary>
    public string? System => _system.Length > 0 ? _system.ToString() : null;

    /// <summary>Starts a message. Without a role it counts as the user's.</summary>
    public void Begin()
    {
        _role = Role.User;
        _current.Clear();
    }

    /// <summary>Ollama ignores the case of roles.</summary>
    public void SetRole(ReadOnlySpan<byte> role) => _role =
        Ascii.EqualsIgnoreCase(role, "user"u8) ? Role.User :
        Ascii.EqualsIgnoreCase(role, "system"u8) || Ascii.EqualsIgnoreCase(role, "developer"u8) ? Role.System :
        Role.Other;

    /// <summary>Appends a text or its next part; parts are separated by line breaks.</summary>
    public void Append(ReadOnlySpan<byte> utf8, long length) => Append(_current, utf8, length);

    /// <summary>Appends a system text outside the messages, or its next part.</summary>
    public void AppendSystem(ReadOnlySpan<byte> utf8, long length) => Append(_system, utf8, length);

    public void End()
    {
        Count++;
        if (_current.Length == 0)
        {
            return;
        }

        switch (_role)
        {
            case Role.User:
                (_current, _user) = (_user, _current);
                break;
            case Role.System when _system.Length == 0:
                _system.Append(_current.Span, _current.Length);
                break;
            case Role.Other:
                (_current, _other) = (_other, _current);
                break;
        }
    }

    private static void Append(ByteBuffer text, ReadOnlySpan<byte> utf8, long length)
    {
        if (text.Length > 0 && length > 0)
        {
            text.Append((byte)'\n');
        }

        text.Append(utf8, length);
    }
}
