using System.Globalization;

namespace ServiceMesh.Bench.Proxy;

/// <summary>
/// The backend and the proxies that the mesh's one is measured beside. Each peer does the same: takes the prefix off, tells
/// who asked in <c>X-Forwarded-*</c>, keeps connections to the backend.
/// </summary>
internal static class Peers
{
    /// <summary>The path prefix under which all proxies serve the backend.</summary>
    public const string Prefix = "/bench";

    /// <summary>The path of the route that changes headers.</summary>
    public const string ChangesPrefix = "/bench-all";

    /// <summary>The header that a request gets there.</summary>
    public static readonly IReadOnlyDictionary<string, string> RequestHeader = new Dictionary<string, string>(StringComparer.Ordinal) { ["X-Zone"] = "eu" };

    /// <summary>The header that an answer gets there.</summary>
    public static readonly IReadOnlyDictionary<string, string> ResponseHeader = new Dictionary<string, string>(StringComparer.Ordinal) { ["X-Served-By"] = "the mesh" };

    /// <summary>The most bytes of a body there.</summary>
    public const int BodyLimit = 1 << 20;

    /// <summary>nginx that answers by itself with 1 KB of JSON: on a port each, with the name in front.</summary>
    public static Task<RunningProcess> BackendAsync(string folder, IReadOnlyList<(string Name, int Port)> servers, CancellationToken ct)
    {
        var body = new string('x', 980);
        var listed = string.Concat(servers.Select(server => string.Create(
            CultureInfo.InvariantCulture,
            $$"""

              server {
                listen 127.0.0.1:{{server.Port}} backlog=4096;
                location / { default_type application/json; return 200 '{"name":"{{server.Name}}","filler":"{{body}}"}'; }
              }
            """)));
        return NginxAsync(folder, "backend", workers: 1, listed, servers[0].Port, ct);
    }

    public static Task<RunningProcess> NginxAsync(string folder, int port, int backend, CancellationToken ct) => NginxAsync(
        folder,
        "nginx",
        workers: 2,
        string.Create(
            CultureInfo.InvariantCulture,
            $$"""

              upstream backend { server 127.0.0.1:{{backend}}; keepalive 1024; keepalive_requests 100000000; }
              server {
                listen 127.0.0.1:{{port}} backlog=4096;
                location {{Prefix}}/ {
                  proxy_pass http://backend/;
                  proxy_http_version 1.1;
                  proxy_set_header Connection "";
                  proxy_set_header Host $host;
                  proxy_set_header X-Forwarded-For $remote_addr;
                  proxy_set_header X-Forwarded-Proto $scheme;
                  proxy_set_header X-Forwarded-Host $http_host;
                  proxy_set_header X-Forwarded-Prefix {{Prefix}};
                }
              }
            """),
        port,
        ct);

    public static Task<RunningProcess> HaproxyAsync(string folder, int port, int backend, CancellationToken ct) => HaproxyAsync(
        folder,
        "haproxy",
        Prefix,
        frontend: "",
        string.Create(CultureInfo.InvariantCulture, $"  server one 127.0.0.1:{backend}"),
        port,
        ct);

    /// <summary>
    /// HAProxy with what the mesh's proxy does where all is on: a line of log for each request, clients told apart by a cookie and
    /// half of them sent to each instance, headers changed, retries, a limit of bodies and of requests at once, active and passive
    /// checks, slow start. Its cookie is not signed, for it signs none.
    /// </summary>
    public static Task<RunningProcess> HaproxyAllOnAsync(string folder, int port, int backend, int other, CancellationToken ct)
    {
        var ((name, value), (answerName, answerValue)) = (RequestHeader.Single(), ResponseHeader.Single());
        return HaproxyAsync(
            folder,
            "haproxy-all",
            ChangesPrefix,
            $$"""
              log stdout format raw local0
              option httplog
              http-request deny deny_status 413 if { req.body_size gt {{BodyLimit}} }
              http-request set-header {{name}} "{{value}}"
              http-response set-header {{answerName}} "{{answerValue}}"
            """,
            string.Create(
                CultureInfo.InvariantCulture,
                $"""
                  balance random(2)
                  cookie mesh-bench-all insert indirect nocache httponly attr SameSite=Lax
                  retries 3
                  option redispatch
                  retry-on conn-failure 502 503 504
                  timeout queue 10s
                  option httpchk GET /
                  default-server check observe layer7 maxconn 1000 slowstart 1s
                  server one 127.0.0.1:{backend} cookie one
                  server two 127.0.0.1:{other} cookie two
                """),
            port,
            ct);
    }

    private static async Task<RunningProcess> HaproxyAsync(
        string folder, string name, string prefix, string frontend, string servers, int port, CancellationToken ct)
    {
        var file = Path.Combine(folder, $"{name}.cfg");
        await File.WriteAllTextAsync(
            file,
            string.Create(
                CultureInfo.InvariantCulture,
                $"""
                global
                  nbthread 2
                  maxconn 8192
                defaults
                  mode http
                  timeout connect 5s
                  timeout client 100s
                  timeout server 100s
                  http-reuse always
                  option forwardfor
                frontend in
                  bind 127.0.0.1:{port}
                {frontend}
                  http-request set-header X-Forwarded-Proto http
                  http-request set-header X-Forwarded-Host %[req.hdr(host)]
                  http-request set-header X-Forwarded-Prefix {prefix}
                  http-request replace-path {prefix}(/.*) \1
                  default_backend out
                backend out
                {servers}

                """),
            ct);
        // Into a file, as the mesh's: nobody reads along.
        return await RunningProcess.StartAsync("sh", ["-c", "exec haproxy -db -f \"$0\" > \"$1\"", file, Path.Combine(folder, $"{name}.log")], port, ct);
    }

    /// <summary>
    /// This very program as a proxy that is YARP with its configuration in memory, as its documentation shows it; with the runtime's settings
    /// that the mesh's proxy has, so that what is compared is what it adds.
    /// </summary>
    public static Task<RunningProcess> BareYarpAsync(int port, int backend, CancellationToken ct) => RunningProcess.StartAsync(
        Environment.ProcessPath!,
        [BareYarp.Verb, port.ToString(CultureInfo.InvariantCulture), backend.ToString(CultureInfo.InvariantCulture)],
        port,
        ct,
        BenchMesh.Garbage,
        ("DOTNET_gcServer", "0"),
        ("DOTNET_SYSTEM_NET_SOCKETS_INLINE_COMPLETIONS", "1"));

    private static async Task<RunningProcess> NginxAsync(
        string folder, string name, int workers, string servers, int port, CancellationToken ct)
    {
        var home = Directory.CreateDirectory(Path.Combine(folder, name)).FullName;
        var file = Path.Combine(home, "nginx.conf");
        await File.WriteAllTextAsync(
            file,
            string.Create(
                CultureInfo.InvariantCulture,
                $$"""
                daemon off;
                worker_processes {{workers}};
                pid {{home}}/pid;
                error_log stderr error;
                events { worker_connections 8192; }
                http {
                  access_log off;
                  keepalive_requests 100000000;
                  client_body_temp_path {{home}}/body;
                  proxy_temp_path {{home}}/proxy;
                  fastcgi_temp_path {{home}}/fastcgi;
                  uwsgi_temp_path {{home}}/uwsgi;
                  scgi_temp_path {{home}}/scgi;{{servers}}
                }

                """),
            ct);
        return await RunningProcess.StartAsync("nginx", ["-p", home, "-c", file], port, ct);
    }
}
