using System.ComponentModel;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace ServiceMesh.Proxy.Listening;

/// <summary>Sends sockets themselves through a Unix socket, which .NET has no call for (SCM_RIGHTS, unix(7), cmsg(3)). 64-bit Linux.</summary>
internal static unsafe partial class Descriptors
{
    /// <summary>The most sockets, and the most bytes of text, in one message.</summary>
    private const int MostSockets = 16, MostText = 4096;

    private const int SolSocket = 1, ScmRights = 1, MsgNoSignal = 0x4000, SetDescriptorFlags = 2;

    /// <summary>
    /// Says that other processes may have this socket, too. Without it .NET may take a listening socket out of its state
    /// when it closes it, if an accept is under way at that moment: for all who share it.
    /// </summary>
    public static void MarkShared(Socket socket)
    {
        // .NET spares sockets without the flag close-on-exec: SafeSocketHandle.TryUnblockSocket.
        if (OperatingSystem.IsLinux() && Control(socket.Handle.ToInt32(), SetDescriptorFlags, 0) < 0)
            throw new IOException($"fcntl: {new Win32Exception().Message}");
    }

    /// <exception cref="IOException">The other side is gone.</exception>
    public static void Send(Socket to, ReadOnlySpan<byte> text, ReadOnlySpan<int> sockets)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(sockets.Length, MostSockets, nameof(sockets));
        var size = sizeof(ControlHeader) + (sockets.Length * sizeof(int));
        var control = stackalloc long[(size + 7) / 8];
        *(ControlHeader*)control = new ControlHeader { Length = (nuint)size, Level = SolSocket, Type = ScmRights };
        sockets.CopyTo(new Span<int>((byte*)control + sizeof(ControlHeader), sockets.Length));
        fixed (byte* bytes = text)
        {
            var part = new Part { Start = bytes, Length = (nuint)text.Length };
            var message = new Message { Parts = &part, PartCount = 1, Control = control, ControlLength = (nuint)size };
            if (SendMessage(to.Handle.ToInt32(), &message, MsgNoSignal) != text.Length)
                throw new IOException($"sendmsg: {new Win32Exception().Message}");
        }
    }

    /// <returns>The text, and the sockets, which are now this process's, too. Nothing of both if the other side is gone.</returns>
    public static (byte[] Text, int[] Sockets) Receive(Socket from)
    {
        var buffer = stackalloc byte[MostText];
        var room = sizeof(ControlHeader) + (MostSockets * sizeof(int));
        var control = stackalloc long[room / 8];
        var part = new Part { Start = buffer, Length = MostText };
        var message = new Message { Parts = &part, PartCount = 1, Control = control, ControlLength = (nuint)room };
        var length = ReceiveMessage(from.Handle.ToInt32(), &message, 0);
        if (length < 0)
            throw new IOException($"recvmsg: {new Win32Exception().Message}");
        var header = (ControlHeader*)control;
        var sockets = message.ControlLength >= (nuint)sizeof(ControlHeader) && header->Level == SolSocket && header->Type == ScmRights
            ? new ReadOnlySpan<int>(header + 1, ((int)header->Length - sizeof(ControlHeader)) / sizeof(int)).ToArray()
            : [];
        return (new ReadOnlySpan<byte>(buffer, (int)length).ToArray(), sockets);
    }

    [LibraryImport("libc", EntryPoint = "fcntl", SetLastError = true)]
    private static partial int Control(int descriptor, int command, int argument);

    [LibraryImport("libc", EntryPoint = "sendmsg", SetLastError = true)]
    private static partial nint SendMessage(int socket, Message* message, int flags);

    [LibraryImport("libc", EntryPoint = "recvmsg", SetLastError = true)]
    private static partial nint ReceiveMessage(int socket, Message* message, int flags);

    /// <summary><c>struct iovec</c>.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct Part
    {
        public byte* Start;
        public nuint Length;
    }

    /// <summary><c>struct msghdr</c>.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct Message
    {
        public void* Name;
        public uint NameLength;
        public Part* Parts;
        public nuint PartCount;
        public void* Control;
        public nuint ControlLength;
        public int Flags;
    }

    /// <summary><c>struct cmsghdr</c>.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct ControlHeader
    {
        public nuint Length;
        public int Level;
        public int Type;
    }
}
