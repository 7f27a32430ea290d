namespace Consul;

/// <summary>A session that was to be renewed and does not exist any more.</summary>
public class SessionExpiredException : Exception
{
    /// <summary>Creates an exception without a message.</summary>
    public SessionExpiredException()
    {
    }

    /// <summary>Creates an exception with a message.</summary>
    /// <param name="message">What is wrong.</param>
    public SessionExpiredException(string message)
        : base(message)
    {
    }

    /// <summary>Creates an exception with a message and its cause.</summary>
    /// <param name="message">What is wrong.</param>
    /// <param name="inner">The cause.</param>
    public SessionExpiredException(string message, Exception inner)
        : base(message, inner)
    {
    }
}
