# shellcheck shell=bash

print_help() {
  cat <<'HELP'
Usage: ./mesh <verb>

  demo              sets the machine up, brings the mesh up and walks the whole story:
                    deploy, deploy under load, a release that its tests reject, rollback
  up                brings the mesh up on this Docker host; what runs already stays
  down              removes all that up and the deployer made, and nothing else
  test [suite]      every test, or one suite: unit, integration, end-to-end, lab
  deployer …        the deployer's own verbs: ./mesh deployer --help
  proxy upgrade     builds the proxy anew and lets it take over from the one that serves, without a
                    refused or cut connection; if the new one fails, the old one serves on
  bench [part …]    the benchmarks of the parts, sidecar, proxy, deployer, or all: each figure beside a peer's of
                    the same run (Registrator, if REGISTRATOR=<its binary>; bare YARP, HAProxy, nginx);
                    --quick: shorter runs; the figures also as JSON in artifacts/bench.json;
                    exit code 1 where a figure does not hold its bar
  lab up [host …]   the hosts of the Vagrantfile as containers on this machine, provisioned with Ansible:
                    dev, cd and prod, or those that are named
  lab test          brings them up if need be; the walk-through on them, what must be refused, what must be
                    survived
  lab down          removes them, with their secrets
  help              this text

Settings (environment)

  variable             default   meaning
  MESH_NAME            mesh      tells meshes on one Docker host apart; prefix of every name
  MESH_PROXY_PORT      8000      the port that traffic enters by; the proxy's admin port is 1 above it
  MESH_CONSUL_PORT     8500      Consul's HTTP port; server and gossip use 200 and 199 below it
  MESH_LAB_NAME        lab       prefix of the lab's containers; docs/hosts.md has the lab's further settings
  MESH_REGISTRY_PORT   5000      the image registry's port, on 127.0.0.1

While a mesh is up, the ports that it was brought up with are the defaults.
HELP
}
