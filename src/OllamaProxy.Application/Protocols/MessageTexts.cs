using System.Text;
using OllamaProxy.Application.Protocols.Json;

namespace OllamaProxy.Application.Protocols;

/// <summary>
/// The texts of a conversation as it passes: what the user said last, and the first system text. The role may stand behind the content, and a conversation
/// may be long, so three bounded buffers change places instead of being copied.
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

    /// <summary>Messages that were whole.</summary>
    public int Count { get; private set; }

    /// <summary>
    /// The last message of the user that has a text; otherwise the last message with a text (a tool's result, for example). Empty when none has one.
    /// </summary>
    public string Prompt => (_user.Length > 0 ? _user : _other).ToString();

    /// <summary>The first system text; null when there is none.</summary>
    public string? System => _system.Length > 0 ? _system.ToString() : null;

    /// <summary>A message without a role is taken for the user's.</summary>
    public void Begin()
    {
        _role = Role.User;
        _current.Clear();
    }

    /// <summary>Ollama reads roles in any case.</summary>
    public void SetRole(ReadOnlySpan<byte> role) => _role =
        Ascii.EqualsIgnoreCase(role, "user"u8) ? Role.User :
        Ascii.EqualsIgnoreCase(role, "system"u8) || Ascii.EqualsIgnoreCase(role, "developer"u8) ? Role.System :
        Role.Other;

    /// <summary>A text, or the next part of one: parts stand on lines of their own.</summary>
    public void Append(ReadOnlySpan<byte> utf8, long length) => Append(_current, utf8, length);

    /// <summary>A system text outside the messages, or the next part of it.</summary>
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
