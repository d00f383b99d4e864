using System.Buffers.Binary;
using OllamaProxy.Host.Commands;
using OllamaProxy.Infrastructure.Supervision;

namespace OllamaProxy.UnitTests.Supervision;

public sealed class PortOwnerTests
{
    private const string Table = """
          sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
           0: 0100007F:2CAA 0100007F:9C40 01 00000000:00000000 00:00000000 00000000  1000        0 11111 1 0000000000000000 20 4 30 10 -1
           1: 0100007F:2CAA 00000000:0000 0A 00000000:00000000 00:00000000 00000000   998        0 22222 1 0000000000000000 100 0 0 10 0
        """;

    [Fact]
    public void The_Linux_socket_table_gives_the_listener_and_not_a_connection() =>
#pragma warning disable CA1416 // Parsing the text works on every system.
        Assert.Equal(("998", "22222"), LinuxPorts.Listener(Table, 11434));

    [Fact]
    public void A_port_without_a_listener_has_no_owner() => Assert.Null(LinuxPorts.Listener(Table, 11435));

    [Theory]
    [InlineData("0::/system.slice/ollama.service\n", "ollama.service")]
    [InlineData("0::/user.slice/user-1000.slice/user@1000.service/app.slice/ollama.service\n", "ollama.service")]
    [InlineData("0::/user.slice/user-1000.slice/user@1000.service/app.slice/app-gnome-terminal.scope\n", null)]
    [InlineData("0::/\n", null)]
    public void The_Linux_control_group_gives_the_unit(string cgroup, string? unit) => Assert.Equal(unit, LinuxPorts.UnitOf(cgroup));

    [Fact]
    public void The_macOS_listing_gives_the_process_and_the_app()
    {
        Assert.Equal((812, "ollama"), MacPorts.Owner("p812\ncollama\n"));
        Assert.Null(MacPorts.Owner(""));
        Assert.Equal(PortManager.MacApp, MacPorts.Manager("ollama", "/Applications/Ollama.app/Contents/Resources/ollama\n"));
        Assert.Equal(PortManager.Homebrew, MacPorts.Manager("ollama", "/opt/homebrew/Cellar/ollama/0.32.15/bin/ollama\n"));
        Assert.Null(MacPorts.Manager("ollama", "/usr/local/bin/ollama\n"));
    }

    [Fact]
    public void The_Windows_table_gives_the_process()
    {
        var table = new byte[4 + (2 * 24)];
        BinaryPrimitives.WriteInt32LittleEndian(table, 2);
        BinaryPrimitives.WriteUInt16BigEndian(table.AsSpan(4 + 8), 8080);
        BinaryPrimitives.WriteInt32LittleEndian(table.AsSpan(4 + 20), 1);
        BinaryPrimitives.WriteUInt16BigEndian(table.AsSpan(4 + 24 + 8), 11434);
        BinaryPrimitives.WriteInt32LittleEndian(table.AsSpan(4 + 24 + 20), 4321);

        Assert.Equal(4321, WindowsPorts.Owner(table, (24, 8, 20), 11434));
        Assert.Null(WindowsPorts.Owner(table, (24, 8, 20), 11435));
        Assert.Null(WindowsPorts.Owner(table.AsSpan(0, 10), (24, 8, 20), 11434));
        Assert.Null(WindowsPorts.Owner([], (24, 8, 20), 11434));
    }
#pragma warning restore CA1416

    [Fact]
    public void Ollamas_systemd_unit_is_named_with_the_commands_that_move_it()
    {
        var text = Taken(new PortHolder(PortHolderKind.Ollama, "an Ollama (0.32.15)"), new PortOwner(812, "ollama", PortManager.Systemd, "ollama.service"));

        Assert.Contains("an Ollama (0.32.15): ollama (process 812, systemd unit ollama.service)", text, StringComparison.Ordinal);
        Assert.Contains("sudo systemctl disable --now ollama.service", text, StringComparison.Ordinal);
        Assert.Contains("Environment=OLLAMA_HOST=127.0.0.1:11435", text, StringComparison.Ordinal);
        Assert.Contains("PROXY_PORT=8080", text, StringComparison.Ordinal);
    }

    [Fact]
    public void A_container_is_recognized_by_the_docker_proxy_process()
    {
        var text = Taken(new PortHolder(PortHolderKind.Ollama, "an Ollama (0.32.15)"), new PortOwner(9, "docker-proxy", PortManager.Docker));

        Assert.Contains("docker-proxy (process 9)", text, StringComparison.Ordinal);
        Assert.Contains("-p 127.0.0.1:11435:11434", text, StringComparison.Ordinal);
    }

    [Fact]
    public void The_app_is_quit_and_not_killed() =>
        Assert.Contains("the app restarts it",
            Taken(new PortHolder(PortHolderKind.Ollama, "an Ollama"), new PortOwner(9, "ollama", PortManager.WindowsApp)), StringComparison.Ordinal);

    [Fact]
    public void Another_program_is_named_and_the_user_is_asked_to_stop_it()
    {
        Assert.Equal(
            "Port 11434 is in use by a program that does not speak HTTP: postgres (process 7). Stop that program, or choose another port with PROXY_PORT.",
            Taken(new PortHolder(PortHolderKind.Foreign, "a program that does not speak HTTP"), new PortOwner(7, "postgres")));
        Assert.Equal(
            "Port 11434 is in use by another program. Stop that program, or choose another port with PROXY_PORT.",
            Taken(new PortHolder(PortHolderKind.None, "nobody"), null));
    }

    private static string Taken(PortHolder holder, PortOwner? owner) => Listeners.Taken(11434, holder, owner);
}
