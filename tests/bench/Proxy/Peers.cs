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

    public static async Task<RunningProcess> HaproxyAsync(string folder, int port, int backend, CancellationToken ct)
    {
        var file = Path.Combine(folder, "haproxy.cfg");
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
                  http-request set-header X-Forwarded-Proto http
                  http-request set-header X-Forwarded-Host %[req.hdr(host)]
                  http-request set-header X-Forwarded-Prefix {Prefix}
                  http-request replace-path {Prefix}(/.*) \1
                  default_backend out
                backend out
                  server one 127.0.0.1:{backend}

                """),
            ct);
        return await RunningProcess.StartAsync("haproxy", ["-db", "-f", file], port, ct);
    }

    /// <summary>This very program as a proxy that is YARP with its configuration in memory, as its documentation shows it.</summary>
    public static Task<RunningProcess> BareYarpAsync(int port, int backend, CancellationToken ct) => RunningProcess.StartAsync(
        Environment.ProcessPath!,
        [BareYarp.Verb, port.ToString(CultureInfo.InvariantCulture), backend.ToString(CultureInfo.InvariantCulture)],
        port,
        ct);

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
