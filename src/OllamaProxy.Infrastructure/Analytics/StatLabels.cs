using System.Buffers.Binary;
using System.Text;
using OllamaProxy.Domain;

namespace OllamaProxy.Infrastructure.Analytics;

/// <summary>What statistics are grouped by. The numbers are stored.</summary>
internal enum StatLabel
{
    Model = 0,
    Endpoint = 1,
    Category = 2,
    Client = 3,
    Application = 4,
    Outcome = 5,

    /// <summary>Of single records only: no stored sum has it.</summary>
    ErrorType = 6,
}

/// <summary>What statistics are grouped and filtered by.</summary>
internal sealed record StatLabels(string? Model, string Endpoint, string Category, string? Client, string? Application, string Outcome, string Status, bool IsInference)
{
    /// <summary>How many texts <see cref="ToBytes"/> writes: the labels in their order, and the status.</summary>
    public const int Texts = 7;

    public string? this[StatLabel label] => label switch
    {
        StatLabel.Model => Model,
        StatLabel.Endpoint => Endpoint,
        StatLabel.Category => Category,
        StatLabel.Client => Client,
        StatLabel.Application => Application,
        StatLabel.Outcome => Outcome,
        _ => throw new ArgumentOutOfRangeException(nameof(label), label, "A label without a value."),
    };

    public static StatLabels Of(RequestRecord record) =>
        new(record.Model, record.Endpoint, record.Category, record.ClientIp, record.Application, record.Outcome, record.Status, record.IsInference);

    /// <summary>One unambiguous key: each text behind its length, -1 for none.</summary>
    public byte[] ToBytes()
    {
        string?[] texts = [Model, Endpoint, Category, Client, Application, Outcome, Status];
        var bytes = new byte[1 + texts.Sum(text => sizeof(short) + (text is null ? 0 : Encoding.UTF8.GetByteCount(text)))];
        bytes[0] = IsInference ? (byte)1 : (byte)0;
        var at = 1;
        foreach (var text in texts)
        {
            var length = text is null ? -1 : Encoding.UTF8.GetBytes(text, bytes.AsSpan(at + sizeof(short)));
            BinaryPrimitives.WriteInt16LittleEndian(bytes.AsSpan(at), checked((short)length));
            at += sizeof(short) + Math.Max(length, 0);
        }

        return bytes;
    }

    public static StatLabels FromBytes(ReadOnlySpan<byte> bytes)
    {
        var isInference = TakeIsInference(ref bytes);
        return new StatLabels(Text(ref bytes), Text(ref bytes)!, Text(ref bytes)!, Text(ref bytes), Text(ref bytes), Text(ref bytes)!, Text(ref bytes)!, isInference);

        static string? Text(ref ReadOnlySpan<byte> rest) => TryTake(ref rest, out var utf8) ? Encoding.UTF8.GetString(utf8) : null;
    }

    /// <summary>Takes the first part off what <see cref="ToBytes"/> wrote. Throws <see cref="FormatException"/> where there is none.</summary>
    public static bool TakeIsInference(scoped ref ReadOnlySpan<byte> bytes)
    {
        if (bytes.IsEmpty)
        {
            throw new FormatException("Labels have no end.");
        }

        var isInference = bytes[0] != 0;
        bytes = bytes[1..];
        return isInference;
    }

    /// <summary>Takes the next text off; false for none. Throws <see cref="FormatException"/> on anything else.</summary>
    public static bool TryTake(scoped ref ReadOnlySpan<byte> bytes, out ReadOnlySpan<byte> utf8)
    {
        if (!BinaryPrimitives.TryReadInt16LittleEndian(bytes, out var length) || length > bytes.Length - sizeof(short))
        {
            throw new FormatException("A label has no end.");
        }

        bytes = bytes[sizeof(short)..];
        utf8 = bytes[..Math.Max((int)length, 0)];
        bytes = bytes[utf8.Length..];
        return length >= 0;
    }
}
