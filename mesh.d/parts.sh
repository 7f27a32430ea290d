# shellcheck shell=bash
# The four containers of a mesh on one host. Each is left alone while its image and settings are what they should be.

start_consul() {
  local settings='{"leave_on_terminate":false,"skip_leave_on_interrupt":true,"disable_update_check":true,"performance":{"raft_multiplier":1}}'
  local options=(-server -bootstrap-expect=1 -ui -node="$(uname -n)" -bind="$HOST_ADDRESS" -client=127.0.0.1
    -http-port="$CONSUL_PORT" -server-port="$CONSUL_SERVER_PORT" -serf-lan-port="$CONSUL_SERF_PORT"
    -serf-wan-port=-1 -dns-port=-1 -grpc-port=-1)
  if consul_knows -grpc-tls-port; then options+=(-grpc-tls-port=-1); fi
  start_part consul "$CONSUL_IMAGE" \
    --label "mesh.port.consul=$CONSUL_PORT" \
    --label "mesh.ports=$CONSUL_PORT $CONSUL_SERVER_PORT $CONSUL_SERF_PORT" \
    --network host --volume "$(make_volume consul):/consul/data" \
    --env SERVICE_IGNORE=true --env "CONSUL_LOCAL_CONFIG=$settings" \
    -- agent "${options[@]}"
}

consul_knows() {
  [[ $(docker run --rm --entrypoint consul "$CONSUL_IMAGE" agent -h 2>&1 || true) == *" $1="* ]]
}

start_registry() {
  start_part registry "$REGISTRY_IMAGE" \
    --label "mesh.port.registry=$REGISTRY_PORT" --label "mesh.ports=$REGISTRY_PORT" \
    --publish "127.0.0.1:$REGISTRY_PORT:5000" --volume "$(make_volume registry):/var/lib/registry" \
    --env SERVICE_IGNORE=true --
}

start_sidecar() {
  local socket
  socket=$(find_docker_socket)
  # The socket's group, so that the sidecar need not be root to read Docker's events.
  start_part sidecar "$SIDECAR_IMAGE" \
    --network host --volume "$socket:/var/run/docker.sock:ro" --group-add "$(stat -L -c %g "$socket")" \
    --env "CONSUL_HTTP_ADDR=$CONSUL_ADDRESS" --env "SIDECAR_IP=$HOST_ADDRESS" \
    --env "SIDECAR_ENVIRONMENT=$MESH_NAME" --
}

find_docker_socket() {
  local address
  address=$(docker context inspect --format '{{.Endpoints.docker.Host}}')
  if [[ $address != unix://* ]]; then
    fail "Docker is reached at $address; the mesh runs where this script runs, through a local socket (unix://…)."
  fi
  printf '%s' "${address#unix://}"
}

# The sidecar registers the proxy like any other container, by its exposed port and its SERVICE_ variables.
start_proxy() {
  if proxy_may_be_taken_over; then
    note "$MESH_NAME-proxy has a new image: the new proxy takes over from the one that serves."
    take_over
  else
    start_proxy_as proxy
  fi
}

# It runs, another image is to run on the same ports.
proxy_may_be_taken_over() {
  local state='{{.State.Running}} {{index .Config.Labels "mesh.environment"}} {{index .Config.Labels "mesh.ports"}}'
  [[ $(docker container inspect --format "$state" "$MESH_NAME-proxy" 2>/dev/null) == "true $MESH_NAME $PROXY_PORT $PROXY_ADMIN_PORT" &&
    $(docker container inspect --format '{{.Image}}' "$MESH_NAME-proxy") != "$(docker image inspect --format '{{.Id}}' "$PROXY_IMAGE")" ]]
}

# start_proxy_as <part>: under another name it is the one that takes over.
start_proxy_as() {
  local ports=()
  if ((PROXY_PORT != 8000)); then ports=(--expose "$PROXY_PORT" --env SERVICE_8000_IGNORE=true); fi
  # The stop may take as long as the proxy's drain limit, and a little more.
  start_part "$1" "$PROXY_IMAGE" --stop-timeout 45 \
    --label "mesh.port.proxy=$PROXY_PORT" --label "mesh.ports=$PROXY_PORT $PROXY_ADMIN_PORT" \
    --network host --volume "$(make_volume proxy):/state" "${ports[@]}" \
    --env "CONSUL_HTTP_ADDR=$CONSUL_ADDRESS" --env "PROXY_PORT=$PROXY_PORT" --env "PROXY_ADMIN_PORT=$PROXY_ADMIN_PORT" \
    --env SERVICE_NAME=proxy --env SERVICE_CHECK_HTTP=/services/-/readyz --env SERVICE_CHECK_INTERVAL=1s --
}

# start_part <part> <image> <docker run's options …> -- <the container's arguments …>
start_part() {
  local name=$MESH_NAME-$1 image=$2 options=() fingerprint
  shift 2
  while [[ $1 != -- ]]; do
    options+=("$1")
    shift
  done
  shift
  fingerprint=$({ docker image inspect --format '{{.Id}}' "$image" && printf '%s\0' "${options[@]}" -- "$@"; } | sha256sum)
  fingerprint=${fingerprint%% *}
  if [[ $(docker container inspect --format '{{index .Config.Labels "mesh.fingerprint"}}' "$name" 2>/dev/null) == "$fingerprint" ]]; then
    docker start "$name" >/dev/null
    return
  fi
  if docker container inspect "$name" >/dev/null 2>&1; then replace_own_container "$name"; fi
  note "Starting $name."
  docker run --detach --name "$name" --restart unless-stopped \
    --label "mesh.environment=$MESH_NAME" --label "mesh.fingerprint=$fingerprint" \
    "${options[@]}" "$image" "$@" >/dev/null
}

replace_own_container() {
  local owner
  owner=$(docker container inspect --format '{{index .Config.Labels "mesh.environment"}}' "$1")
  if [[ $owner != "$MESH_NAME" ]]; then
    fail "A container named $1 exists that is not part of this mesh. Rename it, or choose another MESH_NAME."
  fi
  note "Replacing $1: its image or settings changed."
  docker stop "$1" >/dev/null
  docker rm --volumes "$1" >/dev/null
}

# Prints the name of one of this mesh's volumes, labelled so that down finds it.
make_volume() {
  docker volume create --label "mesh.environment=$MESH_NAME" "$MESH_NAME-$1"
}
