namespace Consul;

/// <summary>
/// A client of Consul's HTTP API. Safe for use by several threads; keep one and dispose it at the end. Without TLS it
/// holds 16 connections at the most: each blocking query keeps one busy, and further calls wait for a free one.
/// </summary>
public interface IConsulClient : IDisposable
{
    /// <summary>The KV store and its transactions.</summary>
    IKVEndpoint KV { get; }

    /// <summary>The agent that is called, and what is registered at it.</summary>
    IAgentEndpoint Agent { get; }

    /// <summary>Checks and instances as the servers know them.</summary>
    IHealthEndpoint Health { get; }

    /// <summary>Nodes and instances as the servers know them.</summary>
    ICatalogEndpoint Catalog { get; }

    /// <summary>Sessions.</summary>
    ISessionEndpoint Session { get; }

    /// <summary>The servers' raft.</summary>
    IStatusEndpoint Status { get; }
}
