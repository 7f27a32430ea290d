namespace Consul;

/// <summary>What can be wrong with a configuration, said when the client is made and not at its first call.</summary>
internal static class ConsulConfigurationCheck
{
    public static ConsulClientConfiguration Checked(ConsulClientConfiguration config)
    {
        if (config.Address is not { IsAbsoluteUri: true, Scheme: "http" or "https" })
            throw new ConsulConfigurationException($"Consul's address '{config.Address}' is no http or https URL");
        if (config.RequestTimeout <= TimeSpan.Zero || config.RequestTimeout > TimeSpan.FromDays(1))
        {
            throw new ConsulConfigurationException(
                $"RequestTimeout is {config.RequestTimeout}: more than 0 and at most one day is needed");
        }

        if (!string.IsNullOrEmpty(config.Token))
            Token(config.Token);
        return config;
    }

    public static string Token(string token) => token.AsSpan().ContainsAnyExceptInRange('!', '~')
        ? throw new ConsulConfigurationException("the ACL token holds a character that an HTTP header cannot carry")
        : token;
}
