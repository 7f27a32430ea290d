namespace ServiceMesh.Deployer.Manifest;

/// <summary>The first manifest of a service, to be read and changed by a person. Pure.</summary>
internal static class ManifestTemplate
{
    private const int UsualPort = 8080;

    /// <summary>A service's name after its image's repository.</summary>
    public static string NameOf(ImageReference image)
    {
        var last = image.Repository[(image.Repository.LastIndexOf('/') + 1)..].Replace('.', '-').Replace('_', '-');
        return (last.Length > ServiceName.LongestName ? last[..ServiceName.LongestName] : last).TrimEnd('-');
    }

    /// <param name="image">The image.</param>
    /// <param name="exposed">What it exposes, such as <c>8080/tcp</c>.</param>
    public static (string Text, int Port) Of(ImageReference image, IEnumerable<string> exposed)
    {
        var name = NameOf(image);
        int[] ports = [.. exposed.Select(entry => entry.Split('/')).Where(entry => entry is [_, "tcp"]).Select(entry => int.Parse(entry[0])).Order()];
        var port = ports.FirstOrDefault(UsualPort);
        // What the proxy answers itself leads nowhere else.
        var path = new Route(Host: null, $"/{name}", StripPath: true) is var route && route.Faults().Any() ? $"/{name}-app" : route.Path;
        return ($$"""
            # yaml-language-server: $schema=service.schema.json
            # With 'deployer schema > service.schema.json' an editor completes and checks this file; 'deployer validate' checks it anywhere.

            # The service's name in the mesh; one DNS label.
            name: {{name}}
            # The image without its tag: the version is the tag, 'deployer deploy --version v2' runs …:v2. ${NAME:-default} reads the environment.
            image: {{image.Repository}}
            # {{About(ports)}}
            port: {{port}}
            # What the proxy sends here: a path, a host, or both. strip takes the path off: {{path}}/1 arrives as /1.
            routes:
              - path: {{path}}
                strip: true
            # How many containers of one release run side by side.
            replicas: 1
            # Environment variables of each container.
            environment: {}
            health:
              # A connection to the port is enough; better is a path that answers 2xx while an instance can work, such as http: /health.
              tcp: true
              # How often it is asked, and how long an answer may take.
              interval: 1s
              timeout: 1s
              # How long every instance must have been healthy before the tests start, and how long that may take from the start.
              healthy-for: 2s
              deadline: 1m
            # An image with the service's own tests, run with URL=http://… of the candidate; exit code 0 lets the release pass.
            # tests:
            #   image: {{image.Repository}}-tests
            #   timeout: 2m
            # Growing shares, each judged beside the active release; without it a release gets all of the traffic at once.
            # strategy:
            #   canary: {steps: [10%, 50%], bake: 1m}
            # For how long a release is watched after its promotion, and when it is reverted.
            # watch: {for: 30s, error-share: 5%}
            # How long an old instance may finish what it is answering.
            drain: 30s
            # How many old releases are kept, stopped, for a rollback.
            keep: 1

            """.ReplaceLineEndings("\n"), port);
    }

    private static string About(int[] ports) => ports switch
    {
        [] => "The port on which the container listens. The image exposes none: add EXPOSE to its Dockerfile.",
        [_] => "The port on which the container listens; the host's port is chosen by Docker.",
        [_, .. var others] => $"The port on which the container listens; the image exposes {string.Join(", ", others)} too.",
    };
}
