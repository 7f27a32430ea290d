namespace Consul;

/// <summary>A setting of the client, or an environment variable, that cannot be used; the message names it.</summary>
public class ConsulConfigurationException : Exception
{
    /// <summary>Creates an exception without a message.</summary>
    public ConsulConfigurationException()
    {
    }

    /// <summary>Creates an exception with a message.</summary>
    /// <param name="message">What is wrong.</param>
    public ConsulConfigurationException(string message)
        : base(message)
    {
    }

    /// <summary>Creates an exception with a message and its cause.</summary>
    /// <param name="message">What is wrong.</param>
    /// <param name="inner">The cause.</param>
    public ConsulConfigurationException(string message, Exception inner)
        : base(message, inner)
    {
    }
}
