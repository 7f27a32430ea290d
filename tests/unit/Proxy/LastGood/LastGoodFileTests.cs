using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Time.Testing;
using ServiceMesh.Proxy;
using ServiceMesh.Proxy.Health;
using ServiceMesh.Proxy.LastGood;
using ServiceMesh.Proxy.Listening;
using ServiceMesh.Proxy.Snapshots;
using ServiceMesh.Proxy.Traffic.Transforming;
using ServiceMesh.Store;
using Xunit;

namespace ServiceMesh.Tests.Unit.Proxy.LastGood;

public sealed class LastGoodFileTests : IDisposable
{
    private readonly ListeningSockets sockets = new(Options.Create(new SocketTransportOptions()), NullLoggerFactory.Instance);
    private readonly string folder = Directory.CreateTempSubdirectory("last-good-").FullName;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    private string StateFile => Path.Combine(folder, "last-good.json");

    private string KeysFile => Path.Combine(folder, "keyring.json");

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public async Task Read_WhatWasWritten_IsTheSame()
    {
        await File().WriteAsync(Served(), Ct);

        var file = File();
        var read = file.Read()!;

        // Without Consul nothing else says how old it is.
        Assert.Equal(read.SavedAt, file.WrittenAt);
        var stored = Assert.Single(read.Documents.Services).Value;
        Assert.Equal(("demo", 7UL), (stored.Service, stored.Index));
        Assert.Equal("a", Assert.Single(read.Instances["demo"]).Id);
    }

    [Fact]
    public async Task Read_AnyPartOfAFile_IsReportedAndNotUsed()
    {
        await File().WriteAsync(Served(), Ct);
        var whole = await System.IO.File.ReadAllBytesAsync(StateFile, Ct);

        foreach (var length in new[] { 0, 10, 64, 65, whole.Length / 2, whole.Length - 1 })
        {
            await System.IO.File.WriteAllBytesAsync(StateFile, whole[..length], Ct);
            var file = File();
            Assert.Null(file.Read());
            Assert.Equal("it was not used: its checksum is wrong", file.Fault);
        }
    }

    [Fact]
    public async Task Read_AnotherForm_IsReportedAndNotUsed()
    {
        await WriteSoundAsync("""{"schema":2,"savedAt":"2026-01-01T00:00:00Z","services":[]}""");
        var file = File();

        Assert.Null(file.Read());
        Assert.Equal("it was not used: its form 2 is not the 1 that is understood here", file.Fault);
    }

    [Fact]
    public async Task Write_ThatFails_IsToldAndLeavesTheEarlierOne()
    {
        await File().WriteAsync(Served(), Ct);
        // What would be written beside it cannot be.
        Directory.CreateDirectory(StateFile + ".new");
        var file = File();

        await Assert.ThrowsAnyAsync<Exception>(() => file.WriteAsync(Served(), Ct));

        Assert.StartsWith("it cannot be written: ", file.Fault, StringComparison.Ordinal);
        Assert.NotNull(File().Read());
    }

    [Fact]
    public async Task Keys_AreKeptForTheirOwnerAlone()
    {
        using var signer = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var ring = Keyring.Of([signer], RandomNumberGenerator.GetBytes(Keyring.CookieKeyBytes));
        await Keys().WriteAsync(ring, Ct);

        var read = Keys().Read()!;

        Assert.Equal(ring.CookieKey.ToArray(), read.CookieKey.ToArray());
        Assert.Equal(signer.ExportSubjectPublicKeyInfoPem(), Assert.Single(read.Signers).Value.ExportSubjectPublicKeyInfoPem());
        if (!OperatingSystem.IsWindows())
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, System.IO.File.GetUnixFileMode(KeysFile));
    }

    [Fact]
    public async Task Keys_ThatAreDamaged_AreNotUsedAndReplaced()
    {
        var ring = Keyring.Of([], RandomNumberGenerator.GetBytes(Keyring.CookieKeyBytes));
        await Keys().WriteAsync(ring, Ct);
        var damaged = await System.IO.File.ReadAllBytesAsync(KeysFile, Ct);
        damaged[^3] ^= 1;
        await System.IO.File.WriteAllBytesAsync(KeysFile, damaged, Ct);

        Assert.Null(Keys().Read());
        await Keys().WriteAsync(ring, Ct);
        Assert.Equal(ring.CookieKey.ToArray(), Keys().Read()!.CookieKey.ToArray());
    }

    [Fact]
    public async Task Keeper_APromotionThatWasWaitedFor_IsWrittenWhenItIsInEffect()
    {
        var snapshots = new SnapshotHolder(TrustedProxies.None);
        using var keeper = new LastGoodKeeper(snapshots, File(), sockets, TimeProvider.System, NullLogger<LastGoodKeeper>.Instance);
        var first = ServiceDocument.Create("demo", []).Promote(new Release("one", "v1", "image", DateTimeOffset.UnixEpoch));
        var instances = new Dictionary<string, IReadOnlyList<Instance>>(StringComparer.Ordinal)
        {
            ["demo"] = [new("a", "node", "demo", "10.0.0.9", 1, "one", "v1", "passing"), new("b", "node", "demo", "10.0.0.9", 2, "two", "v2", "passing")],
        };
        MeshView View(ServiceDocument document, ulong index) =>
            new(DocumentSet.Of([new StoredDocument("demo", document, index, Fault: null)]), instances, MeshView.NothingHeld);
        var moment = new Moment(DateTimeOffset.UnixEpoch);
        snapshots.Publish(SnapshotOrigin.Consul, View(first, 7), moment);
        Assert.Equal(7UL, await WrittenAsync());

        var promoted = View(first.Promote(new Release("two", "v2", "image", DateTimeOffset.UnixEpoch)), 8);
        snapshots.Publish(SnapshotOrigin.Consul, promoted, moment);
        Assert.Equal(7UL, await WrittenAsync());

        var answers = new HealthFinding(snapshots.Current.Services["demo"].Members[1].State, FindingKind.Answers);
        snapshots.Publish(SnapshotOrigin.Consul, promoted, moment with { Touched = new Dictionary<string, List<HealthFinding>>(StringComparer.Ordinal) { ["demo"] = [answers] } });
        Assert.Equal(8UL, await WrittenAsync());

        // A stop writes what waits.
        async Task<ulong> WrittenAsync()
        {
            await keeper.StopAsync(Ct);
            return File().Read()!.Documents.Services["demo"].Index;
        }
    }

    [Fact]
    public async Task Keeper_AWriteThatFailed_IsTriedAgainThoughNothingIsNew()
    {
        var (snapshots, time) = (new SnapshotHolder(TrustedProxies.None), new FakeTimeProvider());
        var file = File();
        using var keeper = new LastGoodKeeper(snapshots, file, sockets, time, NullLogger<LastGoodKeeper>.Instance);
        using var late = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        late.CancelAfter(TimeSpan.FromSeconds(30));
        await keeper.StartAsync(Ct);
        var inTheWay = Directory.CreateDirectory(StateFile + ".new");
        snapshots.Publish(SnapshotOrigin.Consul, new MeshView(Served().Documents, new Dictionary<string, IReadOnlyList<Instance>>(StringComparer.Ordinal), MeshView.NothingHeld), new Moment(DateTimeOffset.UnixEpoch));
        while (file.Fault is null)
            await Task.Delay(TimeSpan.FromMilliseconds(10), TimeProvider.System, late.Token);

        inTheWay.Delete();
        while (file.Fault is not null)
        {
            time.Advance(TimeSpan.FromSeconds(15));
            await Task.Delay(TimeSpan.FromMilliseconds(10), TimeProvider.System, late.Token);
        }

        Assert.Equal("demo", Assert.Single(File().Read()!.Documents.Services).Key);
        await keeper.StopAsync(Ct);
    }

    [Fact]
    public async Task Keeper_AfterAnotherProxyTookOver_WritesNothing()
    {
        var snapshots = new SnapshotHolder(TrustedProxies.None);
        using var keeper = new LastGoodKeeper(snapshots, File(), sockets, TimeProvider.System, NullLogger<LastGoodKeeper>.Instance);
        snapshots.Publish(SnapshotOrigin.Consul, new MeshView(Served().Documents, new Dictionary<string, IReadOnlyList<Instance>>(StringComparer.Ordinal), MeshView.NothingHeld), new Moment(DateTimeOffset.UnixEpoch));

        sockets.HandOver();
        await keeper.StopAsync(Ct);

        Assert.False(System.IO.File.Exists(StateFile));
    }

    private LastGoodFile File() => new(Settings(), TimeProvider.System, NullLogger<LastGoodFile>.Instance);

    private KeyringFile Keys() => new(Settings(), NullLogger<KeyringFile>.Instance);

    private IOptions<ProxyOptions> Settings() => Options.Create(new ProxyOptions { State = folder });

    private Task WriteSoundAsync(string json) => System.IO.File.WriteAllTextAsync(
        StateFile, Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(json))) + "\n" + json, Ct);

    private static Snapshot Served()
    {
        var snapshots = new SnapshotHolder(TrustedProxies.None);
        var document = ServiceDocument.Create("demo", []).Promote(new Release("one", "v1", "image", DateTimeOffset.UnixEpoch));
        IReadOnlyList<Instance> instances = [new("a", "node", "demo", "10.0.0.9", 1, "one", "v1", "passing")];
        snapshots.Publish(SnapshotOrigin.Consul, new MeshView(
            DocumentSet.Of([new StoredDocument("demo", document, 7, Fault: null)]),
            new Dictionary<string, IReadOnlyList<Instance>>(StringComparer.Ordinal) { ["demo"] = instances },
            MeshView.NothingHeld), new Moment(DateTimeOffset.UnixEpoch));
        return snapshots.Current;
    }
}
