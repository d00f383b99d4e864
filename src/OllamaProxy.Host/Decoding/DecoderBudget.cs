namespace OllamaProxy.Host.Decoding;

/// <summary>
/// The memory that all decoders may use together. Without this limit a few hundred unfinished uploads of 300 bytes could hold gigabytes, because the encoded
/// bytes choose the size of the decoder's window.
/// </summary>
internal sealed class DecoderBudget(long bytes = DecoderBudget.DefaultBytes)
{
    /// <summary>Room for 14 of zstd, 7 of brotli or 1,024 of gzip at once.</summary>
    public const long DefaultBytes = 128L * 1024 * 1024;

    private long _free = bytes;

    public long FreeBytes => Interlocked.Read(ref _free);

    public bool TryReserve(long bytes)
    {
        if (Interlocked.Add(ref _free, -bytes) >= 0)
        {
            return true;
        }

        Return(bytes);
        return false;
    }

    public void Return(long bytes) => Interlocked.Add(ref _free, bytes);
}
