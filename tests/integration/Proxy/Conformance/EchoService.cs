using Grpc.AspNetCore.Server.Model;
using Grpc.Core;

namespace ServiceMesh.Tests.Integration.Proxy.Conformance;

/// <summary>A gRPC service of every kind of call, over plain strings: no generated code is needed for that.</summary>
internal sealed class EchoService(Calls calls)
{
    private const string Name = "test.Echo";

    public static Method<string, string> OneMethod { get; } = Of(MethodType.Unary, nameof(One));

    public static Method<string, string> ManyMethod { get; } = Of(MethodType.ServerStreaming, nameof(Many));

    public static Method<string, string> SumMethod { get; } = Of(MethodType.ClientStreaming, nameof(Sum));

    public static Method<string, string> TalkMethod { get; } = Of(MethodType.DuplexStreaming, nameof(Talk));

    public static Method<string, string> FailMethod { get; } = Of(MethodType.Unary, nameof(Fail));

    public static Method<string, string> WaitMethod { get; } = Of(MethodType.Unary, nameof(Wait));

    public static Task<string> One(string request, ServerCallContext context)
    {
        context.ResponseTrailers.Add("x-end", "one");
        return Task.FromResult("hello " + request);
    }

    public static async Task Many(string request, IServerStreamWriter<string> answers, ServerCallContext context)
    {
        foreach (var n in Enumerable.Range(1, 3))
            await answers.WriteAsync($"{request} {n}", context.CancellationToken);
    }

    public static async Task<string> Sum(IAsyncStreamReader<string> requests, ServerCallContext context)
    {
        var sum = "";
        await foreach (var request in requests.ReadAllAsync(context.CancellationToken))
            sum += request;
        return sum;
    }

    public static async Task Talk(IAsyncStreamReader<string> requests, IServerStreamWriter<string> answers, ServerCallContext context)
    {
        await context.WriteResponseHeadersAsync(new Metadata { { "x-talk", "yes" } });
        await foreach (var request in requests.ReadAllAsync(context.CancellationToken))
            await answers.WriteAsync("you said " + request, context.CancellationToken);
    }

    public static Task<string> Fail(string request, ServerCallContext context) =>
        throw new RpcException(new Status(StatusCode.FailedPrecondition, request), new Metadata { { "x-why", "because" } });

    public async Task<string> Wait(string request, ServerCallContext context)
    {
        calls.Begin();
        try
        {
            await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, context.CancellationToken);
        }
        finally
        {
            calls.End();
        }

        return request;
    }

    private static Method<string, string> Of(MethodType type, string name) =>
        new(type, Name, name, Marshallers.StringMarshaller, Marshallers.StringMarshaller);
}

/// <summary>Binds the service's methods, as generated code would.</summary>
internal sealed class EchoMethods : IServiceMethodProvider<EchoService>
{
    public void OnServiceMethodDiscovery(ServiceMethodProviderContext<EchoService> context)
    {
        context.AddUnaryMethod(EchoService.OneMethod, [], static (_, request, call) => EchoService.One(request, call));
        context.AddServerStreamingMethod(EchoService.ManyMethod, [], static (_, request, answers, call) => EchoService.Many(request, answers, call));
        context.AddClientStreamingMethod(EchoService.SumMethod, [], static (_, requests, call) => EchoService.Sum(requests, call));
        context.AddDuplexStreamingMethod(EchoService.TalkMethod, [], static (_, requests, answers, call) => EchoService.Talk(requests, answers, call));
        context.AddUnaryMethod(EchoService.FailMethod, [], static (_, request, call) => EchoService.Fail(request, call));
        context.AddUnaryMethod(EchoService.WaitMethod, [], static (service, request, call) => service.Wait(request, call));
    }
}

/// <summary>Tells when a call of <see cref="EchoService.Wait"/> begins and ends at the server.</summary>
internal sealed class Calls
{
    private TaskCompletionSource begun = New();
    private TaskCompletionSource ended = New();

    public Task NextBegin() => (begun = New()).Task;

    public Task NextEnd() => (ended = New()).Task;

    public void Begin() => begun.TrySetResult();

    public void End() => ended.TrySetResult();

    private static TaskCompletionSource New() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
