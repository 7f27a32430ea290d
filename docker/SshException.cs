namespace ServiceMesh.Docker;

/// <summary>The way by ssh to a Docker Engine failed; the message says why and what to do about it.</summary>
/// <param name="host">Where to, as <c>ssh://user@host:port</c>.</param>
/// <param name="complaint">What ssh, the shell there or its docker command said.</param>
public sealed class SshException(Uri host, string complaint) : IOException(Explain(host, complaint))
{
    // By words only: ssh ends with 255 whatever it was, and the rest is the other side's own text.
    private static string Explain(Uri host, string complaint)
    {
        var said = complaint.Trim();
        var last = said[(said.LastIndexOf('\n') + 1)..].Trim();
        return said switch
        {
            _ when Says("REMOTE HOST IDENTIFICATION HAS CHANGED") =>
                $"it shows another host key than the one that is known. If that is right, take the old one out (ssh-keygen -R) and connect once by hand: {Command(host)}",
            _ when Says("Host key verification failed") || Says("host key is known for") =>
                $"its host key is not known to this user. Connect once by hand and compare it: {Command(host)}, or put it into known_hosts",
            _ when Says("Permission denied (") =>
                $"ssh is refused: {last} Put this user's public key into authorized_keys there, name the key in ~/.ssh/config, or load it into ssh-agent; nobody is asked for a password",
            _ when Says("not found") && Says("docker") =>
                $"there is no docker command for that user there ({last}). Install it, or mend the PATH of a shell without a terminal",
            _ when Says("docker daemon") || Says("docker.sock") =>
                $"the docker command there does not reach its Engine. Let that user use it (group docker), or start it. It said: {last}",
            _ => $"ssh said: {last.TrimEnd('.')}. Try it by hand: {Command(host)}",
        };

        bool Says(string words) => said.Contains(words, StringComparison.OrdinalIgnoreCase);
    }

    // OpenSSH takes the same form of an address.
    private static string Command(Uri host) => $"ssh {host.GetLeftPart(UriPartial.Authority)}";
}
