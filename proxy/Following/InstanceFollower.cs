using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Consul;
using Microsoft.Extensions.Options;
using ServiceMesh.Proxy.Snapshots;
using ServiceMesh.Store;

namespace ServiceMesh.Proxy.Following;

/// <summary>
/// Follows the catalog's checks and services, and reads the instances of those that changed, all of one change together.
/// However long Consul takes for it, nobody waits but the next reading.
/// </summary>
internal sealed class InstanceFollower(
    IConsulClient consul,
    BlockingQuery blocking,
    InstanceReader reader,
    MeshNews news,
    SnapshotHolder snapshots,
    IOptions<ProxyOptions> options,
    TimeProvider time)
{
    // At most so many services a second are read again without a reason: thousands of services must not keep Consul busy.
    private const int RoundLimit = 100;

    // With one there are more, but each proxy has it at the same time, and Consul has just been in trouble.
    private const int RoundLimitBehind = 500;
    private static readonly TimeSpan Again = TimeSpan.FromSeconds(1);

    // The list of all checks wakes for each output that is another one, and of thousands that is all the time. What changes after a
    // quiet time is told at once.
    private static readonly TimeSpan RestPerCheck = TimeSpan.FromMilliseconds(0.05);

    private readonly Channel<Question> asked = Channel.CreateUnbounded<Question>();
    private DocumentSet documents = DocumentSet.Empty;
    private bool isBehind;
    private bool isReadingAgain;

    /// <summary>Follows these documents' services from now on.</summary>
    public void Follow(DocumentSet told) => Volatile.Write(ref documents, told);

    /// <summary>Has the instances of these services read.</summary>
    public void Ask(IReadOnlyCollection<string> services) => asked.Writer.TryWrite(new Question(services, time.GetTimestamp(), IsAgain: false));

    /// <summary>Its loops; each ends by the stop alone, or by a bug.</summary>
    public Task[] Run(CancellationToken ct) => [FollowChecksAsync(ct), FollowCatalogAsync(ct), ReadAgainAsync(ct), ReadAsync(ct)];

    private async Task FollowChecksAsync(CancellationToken ct)
    {
        var view = new HealthView([]);
        await foreach (var checks in FollowAsync(
            "checks", (q, token) => consul.Health.State(HealthStatus.Any, q, token), ct, checks => RestPerCheck * checks.Length))
        {
            var next = new HealthView(checks);
            Ask([.. next.ChangedSince(view)]);
            view = next;
        }
    }

    // Instances without any check are in no health answer; a change of a service's tags is told here at least.
    private async Task FollowCatalogAsync(CancellationToken ct)
    {
        Dictionary<string, string[]> before = [];
        await foreach (var services in FollowAsync("catalog", (q, token) => consul.Catalog.Services(q, token), ct))
        {
            var changed = services.Keys.Union(before.Keys)
                .Where(name => !(services.GetValueOrDefault(name) ?? []).ToHashSet().SetEquals(before.GetValueOrDefault(name) ?? []));
            Ask([.. changed]);
            before = services;
        }
    }

    // A question from the beginning comes after a failure, or where Consul fell back. What happened meanwhile may look like
    // nothing: an instance that is back on another port has the checks and the tags that it had.
    private async IAsyncEnumerable<T> FollowAsync<T>(
        string subject,
        Func<QueryOptions, CancellationToken, Task<QueryResult<T>>> query,
        [EnumeratorCancellation] CancellationToken ct,
        Func<T, TimeSpan>? rest = null)
        where T : class
    {
        var (isFirst, isAnew) = (true, false);
        await foreach (var answer in blocking.FollowAsync(subject, AskAsync, static (_, _) => false, ct, rest))
        {
            if (isAnew && !isFirst)
                Volatile.Write(ref isBehind, true);
            isFirst = false;
            yield return answer;
        }

        Task<QueryResult<T>> AskAsync(QueryOptions q, CancellationToken token)
        {
            isAnew = q.WaitIndex == 0;
            return query(q, token);
        }
    }

    // What no watch tells of (a second instance without checks, say) is seen by then.
    private async Task ReadAgainAsync(CancellationToken ct)
    {
        var (round, isHurried, hurried) = (new Queue<string>(), false, default(long?));
        using var timer = new PeriodicTimer(TimeSpan.FromSeconds(1), time);
        while (await timer.WaitForNextTickAsync(ct))
        {
            // What changes waits behind what is being read; and where Consul takes long for that, more at once would make it longer.
            if (Volatile.Read(ref isReadingAgain))
                continue;
            var services = snapshots.Current.Services;
            // Not one upon the other: Consul may refuse questions because of these. Those whose turn it is go first: where one
            // failure follows the other, the last would never be read.
            if ((hurried is not { } last || time.GetElapsedTime(last) >= options.Value.Resync) && Interlocked.Exchange(ref isBehind, false))
                (round, isHurried, hurried) = (new Queue<string>(round.Union(services.Keys, StringComparer.Ordinal)), true, time.GetTimestamp());
            else if (round.Count == 0)
                (round, isHurried) = (new Queue<string>(services.Keys), false);
            var share = isHurried ? RoundLimitBehind : (int)Math.Min(RoundLimit, Math.Ceiling(services.Count / options.Value.Resync.TotalSeconds));
            List<string> now = [];
            while (now.Count < share && round.TryDequeue(out var service))
                now.Add(service);
            Volatile.Write(ref isReadingAgain, true);
            asked.Writer.TryWrite(new Question(now, time.GetTimestamp(), IsAgain: true));
        }
    }

    private async Task ReadAsync(CancellationToken ct)
    {
        HashSet<string> due = new(StringComparer.Ordinal);
        long? came = null;
        while (await AskedAsync(isAgain: due.Count > 0, ct))
        {
            var isAgain = false;
            while (asked.Reader.TryRead(out var question))
            {
                due.UnionWith(question.Services);
                came ??= question.Came;
                isAgain |= question.IsAgain;
            }

            due.RemoveWhere(service => !IsFollowed(service));
            if (due.Count > 0)
            {
                var read = await SecondLook.ReadAsync(
                    due, () => snapshots.Current, services => reader.ReadAsync(services, ct), () => reader.ListAsync(ct), options.Value.LossShare);
                news.Instances([.. due], read, came ?? time.GetTimestamp());
                due.ExceptWith(read.Keys);
            }

            came = due.Count == 0 ? null : came;
            if (isAgain)
                Volatile.Write(ref isReadingAgain, false);
        }
    }

    // What could not be read is read again a moment later, whether anything is asked or not.
    private async Task<bool> AskedAsync(bool isAgain, CancellationToken ct)
    {
        var more = asked.Reader.WaitToReadAsync(ct).AsTask();
        if (!isAgain)
            return await more;
        try
        {
            return await more.WaitAsync(Again, time, ct);
        }
        catch (TimeoutException)
        {
            return true;
        }
    }

    private bool IsFollowed(string service) =>
        // Those in effect, too: one whose document is gone may be held back, and goes on by what its instances do.
        Volatile.Read(ref documents).Services.ContainsKey(service) || snapshots.Current.Services.ContainsKey(service);

    /// <summary>Services to be read, when what led to it came, and whether nothing did but their turn.</summary>
    private readonly record struct Question(IReadOnlyCollection<string> Services, long Came, bool IsAgain);
}
