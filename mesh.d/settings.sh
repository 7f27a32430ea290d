# shellcheck shell=bash
# shellcheck disable=SC2034 # The other parts use what is set here.
# The settings of one mesh: its name, its host's address and its ports.

read_settings() {
  MESH_NAME=${MESH_NAME:-mesh}
  if [[ ! $MESH_NAME =~ ^[a-z0-9]([a-z0-9-]{0,40}[a-z0-9])?$ ]]; then
    fail "MESH_NAME=\"$MESH_NAME\" is no name for a mesh: lower-case letters, digits and inner hyphens, 42 at the most."
  fi
  PROXY_PORT=$(choose_port MESH_PROXY_PORT proxy 8000)
  # As the proxy itself has it.
  PROXY_ADMIN_PORT=$((PROXY_PORT < 65535 ? PROXY_PORT + 1 : PROXY_PORT - 1))
  CONSUL_PORT=$(choose_port MESH_CONSUL_PORT consul 8500)
  REGISTRY_PORT=$(choose_port MESH_REGISTRY_PORT registry 5000)
  # Consul's two other ports follow from its first, in the usual distances.
  CONSUL_SERVER_PORT=$((CONSUL_PORT - 200))
  CONSUL_SERF_PORT=$((CONSUL_PORT - 199))
  CONSUL_ADDRESS=http://127.0.0.1:$CONSUL_PORT
  REGISTRY_ADDRESS=localhost:$REGISTRY_PORT
  HOST_ADDRESS=$(find_host_address)
}

# The variable's value, else the port that the running mesh was brought up with, else the default.
choose_port() {
  local variable=$1 part=$2 default=$3 port
  port=${!variable:-}
  if [[ -z $port ]]; then port=$(read_label "$part" "mesh.port.$part"); fi
  port=${port:-$default}
  if [[ ! $port =~ ^[0-9]{1,5}$ ]] || ((10#$port < 1024 || 10#$port > 65535)); then
    fail "$variable=\"$port\" is no port: choose a number from 1024 to 65535."
  fi
  printf '%d' "$((10#$port))"
}

# A label of one of this mesh's parts; nothing where the part does not exist.
read_label() {
  docker container inspect --format "{{index .Config.Labels \"$2\"}}" "$MESH_NAME-$1" 2>/dev/null || true
}

# The gateway of Docker's default network: containers of both kinds and the host reach it, other machines do not.
find_host_address() {
  local gateways subnets
  gateways=$(read_bridge '{{println .Gateway}}')
  if grep -Eom1 '^[0-9]+(\.[0-9]+){3}' <<<"$gateways"; then return; fi
  # A daemon that made the network in its present run does not tell the gateway; it is the subnet's first address.
  subnets=$(read_bridge '{{println .Subnet}}')
  if [[ $subnets =~ ([0-9]+\.[0-9]+\.[0-9]+)\.([0-9]+)/ ]]; then
    printf '%s.%d' "${BASH_REMATCH[1]}" "$((BASH_REMATCH[2] + 1))"
    return
  fi
  fail "Docker's network \"bridge\" has no IPv4 address; the mesh publishes its ports on it."
}

read_bridge() {
  docker network inspect bridge --format "{{range .IPAM.Config}}$1{{end}}" 2>/dev/null || true
}
