# shellcheck shell=bash
# up and down: the mesh on one Docker host, on and off.

bring_up() {
  prepare_machine
  read_settings
  check_ports
  prepare_images
  build_own_images
  start_consul
  start_registry
  start_sidecar
  start_proxy
  wait_for_parts
  print_addresses
}

wait_for_parts() {
  wait_for consul "has a leader" consul_has_leader
  wait_for registry "answers" registry_answers
  wait_for proxy "answers GET /services" proxy_answers
  wait_for sidecar "has registered the proxy" proxy_is_registered
}

# wait_for <part> <what it has to do> <the condition>
wait_for() {
  if wait_until 60 "$3"; then return; fi
  note "$MESH_NAME-$1 was started, but it was not seen within 60 s that it $2. The end of its log:"
  docker logs --tail 20 "$MESH_NAME-$1" >&2 || true
  exit 1
}

fetch() {
  curl --silent --show-error --fail --max-time 5 --noproxy '*' "$1"
}

consul_has_leader() {
  [[ $(fetch "$CONSUL_ADDRESS/v1/status/leader") == *:* ]]
}

registry_answers() {
  fetch "http://127.0.0.1:$REGISTRY_PORT/v2/"
}

proxy_answers() {
  fetch "http://127.0.0.1:$PROXY_PORT/services"
}

proxy_is_registered() {
  [[ $(fetch "$CONSUL_ADDRESS/v1/health/service/proxy?passing") == *'"mesh-environment"'* ]]
}

print_addresses() {
  say "Proxy      http://localhost:$PROXY_PORT/services"
  say "Consul UI  http://localhost:$CONSUL_PORT/ui"
  say "Registry   http://$REGISTRY_ADDRESS/v2/_catalog"
}

bring_down() {
  if ! command -v docker >/dev/null; then
    say "Nothing to remove: there is no Docker on this machine."
    return
  fi
  docker_answers || fail "Docker does not answer: $(docker_complaint). Start it, so that the mesh can be removed."
  MESH_NAME=${MESH_NAME:-mesh}
  local containers networks volumes
  containers=$(docker ps --all --format '{{.Names}}' --filter "label=mesh.environment=$MESH_NAME")
  # Containers first: Docker removes no network or volume that is in use.
  remove_all "container" "$containers" docker rm --force --volumes
  networks=$(docker network ls --format '{{.Name}}' --filter "label=mesh.environment=$MESH_NAME")
  remove_all "network" "$networks" docker network rm
  volumes=$(docker volume ls --format '{{.Name}}' --filter "label=mesh.environment=$MESH_NAME")
  remove_all "volume" "$volumes" docker volume rm
  if [[ -z $containers$networks$volumes ]]; then say "Nothing to remove: no mesh named $MESH_NAME is here."; fi
}

# remove_all <kind> <names, a line each> <the command that removes them …>
remove_all() {
  local kind=$1 names=()
  mapfile -t names <<<"$2"
  shift 2
  if [[ -z ${names[0]} ]]; then return; fi
  "$@" "${names[@]}" >/dev/null
  printf "Removed $kind %s.\n" "${names[@]}"
}
