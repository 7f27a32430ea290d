# shellcheck shell=bash
# No host port is assumed to be free: whatever the mesh needs is checked before anything is started.

check_ports() {
  local problems=()
  declare -A chosen=()
  check_port proxy "$PROXY_PORT" MESH_PROXY_PORT "the proxy"
  check_port proxy "$PROXY_ADMIN_PORT" MESH_PROXY_PORT "the proxy's admin port, 1 above its traffic port"
  check_port consul "$CONSUL_PORT" MESH_CONSUL_PORT "Consul's HTTP API"
  check_port consul "$CONSUL_SERVER_PORT" MESH_CONSUL_PORT "Consul's servers, 200 below its HTTP port"
  check_port consul "$CONSUL_SERF_PORT" MESH_CONSUL_PORT "Consul's gossip, 199 below its HTTP port"
  check_port registry "$REGISTRY_PORT" MESH_REGISTRY_PORT "the image registry"
  if ((${#problems[@]} == 0)); then return; fi
  printf '%s\n' "${problems[@]}" "Nothing was started." >&2
  exit 1
}

# Adds to the caller's problems; a part of this mesh may of course hold its own port.
check_port() {
  local part=$1 port=$2 variable=$3 purpose=$4
  if [[ -n ${chosen[$port]:-} ]]; then
    problems+=("Port $port was chosen for ${chosen[$port]} and for $purpose. Choose another with $variable.")
    return
  fi
  chosen[$port]=$purpose
  if part_holds_port "$part" "$port" || ! port_is_taken "$port"; then return; fi
  problems+=("Port $port, needed for $purpose, is taken by $(find_port_holder "$port"). Choose another with $variable.")
}

part_holds_port() {
  local part=$1 port=$2
  [[ $(docker container inspect --format '{{.State.Running}}' "$MESH_NAME-$part" 2>/dev/null) == true ]] || return 1
  [[ " $(read_label "$part" mesh.ports) " == *" $port "* ]]
}

port_is_taken() {
  if command -v ss >/dev/null; then
    [[ -n $(ss -Hlntu "sport = :$1") ]]
  else
    accepts_connections 127.0.0.1 "$1" || accepts_connections "$HOST_ADDRESS" "$1"
  fi
}

accepts_connections() {
  (exec 3<>"/dev/tcp/$1/$2") 2>/dev/null
}

find_port_holder() {
  local port=$1 holder
  holder=$(docker ps --filter "publish=$port" --format '{{.Names}}' | head -n 1)
  if [[ -z $holder ]]; then holder=$(find_mesh_part_with_port "$port"); fi
  if [[ -n $holder ]]; then
    printf 'the container %s' "$holder"
    return
  fi
  # Shows a process only to its owner and to root: users:(("name",pid=1,fd=2))
  holder=$(ss -Hlntup "sport = :$port" 2>/dev/null | sed -nE 's/.*\(\("([^"]+)",pid=([0-9]+).*/\1 (process \2)/p' | head -n 1) || true
  printf '%s' "${holder:-another process}"
}

# Parts on the host's network publish nothing; their labels tell.
find_mesh_part_with_port() {
  docker ps --filter label=mesh.ports --format '{{.Names}} {{.Label "mesh.ports"}}' |
    while read -r name ports; do
      if [[ " $ports " == *" $1 "* ]]; then
        printf '%s' "$name"
        break
      fi
    done
}
