using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Time.Testing;
using ServiceMesh.Proxy.Listening;
using ServiceMesh.Tests.Proxy.Listening;
using Xunit;

namespace ServiceMesh.Tests.Unit.Proxy.Listening;

public sealed class CertificateKeeperTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Choose_WhenTheNextCertificateBecomesValid_TakesItThoughNoFileChanged()
    {
        using var files = new PemFiles();
        var (ending, next) = (files.Write("ending", ["a.test"], days: 5), files.Write("next", ["a.test"], startsAfterDays: 3));
        var time = new FakeTimeProvider(TimeProvider.System.GetUtcNow());
        var options = Options.Create(new ListeningOptions { HttpsPort = 1, Certificates = files.Folder });
        using var keeper = new CertificateKeeper(options, time, NullLogger<CertificateKeeper>.Instance);
        await keeper.StartAsync(Ct);
        Assert.Equal(ending, Chosen());

        using var late = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        late.CancelAfter(TimeSpan.FromSeconds(30));
        time.Advance(TimeSpan.FromDays(3));
        while (Chosen() != next)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(10), TimeProvider.System, late.Token);
            time.Advance(TimeSpan.FromSeconds(2));
        }

        await keeper.StopAsync(Ct);

        string Chosen() => keeper.Choose("a.test").ServerCertificateContext!.TargetCertificate.Thumbprint;
    }
}
