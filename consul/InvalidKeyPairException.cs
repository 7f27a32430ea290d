namespace Consul;

/// <summary>A KV key that cannot be written: empty, with a leading slash, or a lock without its session.</summary>
public class InvalidKeyPairException : Exception
{
    /// <summary>Creates an exception without a message.</summary>
    public InvalidKeyPairException()
    {
    }

    /// <summary>Creates an exception with a message.</summary>
    /// <param name="message">What is wrong.</param>
    public InvalidKeyPairException(string message)
        : base(message)
    {
    }

    /// <summary>Creates an exception with a message and its cause.</summary>
    /// <param name="message">What is wrong.</param>
    /// <param name="inner">The cause.</param>
    public InvalidKeyPairException(string message, Exception inner)
        : base(message, inner)
    {
    }
}
