using System.Text.Json;

namespace Consul;

/// <summary>
/// The agent that is called, and what is registered at it (<c>/v1/agent</c>). A call that fails throws
/// <see cref="ConsulRequestException"/>.
/// </summary>
public interface IAgentEndpoint
{
    /// <summary>Reads the agent's own settings and state.</summary>
    /// <param name="ct">Ends the call.</param>
    /// <returns>The sections (<c>Config</c>, <c>Member</c>, …) and their entries.</returns>
    Task<QueryResult<Dictionary<string, Dictionary<string, JsonElement>>>> Self(CancellationToken ct = default);

    /// <summary>Reads the name of the agent's node; asked once, then remembered.</summary>
    /// <param name="ct">Ends the call.</param>
    /// <returns>The name.</returns>
    Task<string> GetNodeName(CancellationToken ct = default);

    /// <summary>Reads the instances registered at this agent.</summary>
    /// <param name="ct">Ends the call.</param>
    /// <returns>The instances by id.</returns>
    Task<QueryResult<Dictionary<string, AgentService>>> Services(CancellationToken ct = default);

    /// <inheritdoc cref="Services(CancellationToken)"/>
    /// <param name="q">Options; the agent knows the filter and the token, and does not block.</param>
    /// <param name="ct">Ends the call.</param>
    Task<QueryResult<Dictionary<string, AgentService>>> Services(QueryOptions? q, CancellationToken ct = default);

    /// <summary>Reads the checks registered at this agent.</summary>
    /// <param name="ct">Ends the call.</param>
    /// <returns>The checks by id.</returns>
    Task<QueryResult<Dictionary<string, AgentCheck>>> Checks(CancellationToken ct = default);

    /// <inheritdoc cref="Checks(CancellationToken)"/>
    /// <param name="q">Options; the agent knows the filter and the token, and does not block.</param>
    /// <param name="ct">Ends the call.</param>
    Task<QueryResult<Dictionary<string, AgentCheck>>> Checks(QueryOptions? q, CancellationToken ct = default);

    /// <summary>Registers an instance, or changes the one with the same id. Checks keep their state.</summary>
    /// <param name="service">The instance.</param>
    /// <param name="ct">Ends the call.</param>
    /// <returns>The status.</returns>
    Task<WriteResult> ServiceRegister(AgentServiceRegistration service, CancellationToken ct = default);

    /// <inheritdoc cref="ServiceRegister(AgentServiceRegistration, CancellationToken)"/>
    /// <param name="service">The instance.</param>
    /// <param name="replaceExistingChecks">
    /// Whether checks of the instance that are not given any more are removed.
    /// </param>
    /// <param name="ct">Ends the call.</param>
    Task<WriteResult> ServiceRegister(
        AgentServiceRegistration service, bool replaceExistingChecks, CancellationToken ct = default);

    /// <summary>Removes an instance and its checks.</summary>
    /// <param name="serviceID">The instance's id.</param>
    /// <param name="ct">Ends the call.</param>
    /// <returns>
    /// The status; 404 if the agent has no such instance, which older versions of Consul take as done.
    /// </returns>
    Task<WriteResult> ServiceDeregister(string serviceID, CancellationToken ct = default);

    /// <summary>Puts an instance into maintenance: a critical check is added.</summary>
    /// <param name="serviceID">The instance's id.</param>
    /// <param name="reason">Why, for people; null for Consul's default.</param>
    /// <param name="ct">Ends the call.</param>
    /// <returns>The status; 404 if the agent has no such instance.</returns>
    Task<WriteResult> EnableServiceMaintenance(string serviceID, string? reason, CancellationToken ct = default);

    /// <summary>Takes an instance out of maintenance.</summary>
    /// <param name="serviceID">The instance's id.</param>
    /// <param name="ct">Ends the call.</param>
    /// <returns>The status; 404 if the agent has no such instance.</returns>
    Task<WriteResult> DisableServiceMaintenance(string serviceID, CancellationToken ct = default);

    /// <summary>Registers a check, or changes the one with the same id.</summary>
    /// <param name="check">The check; its name is needed.</param>
    /// <param name="ct">Ends the call.</param>
    /// <returns>The status.</returns>
    Task<WriteResult> CheckRegister(AgentCheckRegistration check, CancellationToken ct = default);

    /// <summary>Removes a check.</summary>
    /// <param name="checkID">The check's id.</param>
    /// <param name="ct">Ends the call.</param>
    /// <returns>The status; 404 if the agent has no such check, which older versions of Consul take as done.</returns>
    Task<WriteResult> CheckDeregister(string checkID, CancellationToken ct = default);

    /// <summary>Sets a TTL check to passing.</summary>
    /// <param name="checkID">The check's id.</param>
    /// <param name="note">The output, for people; null for none.</param>
    /// <param name="ct">Ends the call.</param>
    /// <returns>When the agent has it.</returns>
    /// <exception cref="ConsulRequestException">The call failed, or the agent has no such TTL check.</exception>
    Task PassTTL(string checkID, string? note, CancellationToken ct = default);

    /// <summary>Sets a TTL check to warning.</summary>
    /// <inheritdoc cref="PassTTL" path="/param"/>
    /// <inheritdoc cref="PassTTL" path="/returns"/>
    /// <inheritdoc cref="PassTTL" path="/exception"/>
    Task WarnTTL(string checkID, string? note, CancellationToken ct = default);

    /// <summary>Sets a TTL check to critical.</summary>
    /// <inheritdoc cref="PassTTL" path="/param"/>
    /// <inheritdoc cref="PassTTL" path="/returns"/>
    /// <inheritdoc cref="PassTTL" path="/exception"/>
    Task FailTTL(string checkID, string? note, CancellationToken ct = default);

    /// <summary>Sets the state and the output of a TTL check.</summary>
    /// <param name="checkID">The check's id.</param>
    /// <param name="output">The output, for people; null for none.</param>
    /// <param name="status">The state.</param>
    /// <param name="ct">Ends the call.</param>
    /// <returns>The status.</returns>
    /// <exception cref="ConsulRequestException">The call failed, or the agent has no such TTL check.</exception>
    Task<WriteResult> UpdateTTL(string checkID, string? output, TTLStatus status, CancellationToken ct = default);
}
