# shellcheck shell=bash
# proxy upgrade: a new proxy container takes over from the one that serves, without a refused or cut connection.

# More than a start takes, with its wait for Consul.
readonly TAKEOVER_SECONDS=120

run_proxy_verb() {
  if [[ ${1:-} != upgrade || $# -ne 1 ]]; then fail "The proxy has one verb here: ./mesh proxy upgrade."; fi
  prepare_machine
  read_settings
  if [[ $(docker container inspect --format '{{.State.Running}}' "$MESH_NAME-proxy" 2>/dev/null) != true ]]; then
    fail "$MESH_NAME-proxy does not run, so there is nothing to take over from: ./mesh up."
  fi
  prepare_images
  build_image "$PROXY_IMAGE" proxy
  take_over
  say "$MESH_NAME-proxy is the new proxy: $(docker container inspect --format '{{slice .Id 0 12}} of {{slice .Image 7 19}}' "$MESH_NAME-proxy")."
}

# Both listen on the same sockets for a moment (proxy/README.md); the earlier one leaves by itself, with exit code 0.
take_over() {
  local earlier
  earlier=$(docker container inspect --format '{{.Id}}' "$MESH_NAME-proxy")
  docker rm --force --volumes "$MESH_NAME-proxy-next" >/dev/null 2>&1 || true
  # Docker would start it again otherwise, and it would take over in turn.
  docker update --restart=no "$earlier" >/dev/null
  trap 'settle "$earlier"' EXIT
  start_proxy_as proxy-next
  if ! wait_until "$TAKEOVER_SECONDS" is_decided "$earlier" || ! has_taken_over "$earlier"; then
    note "The new proxy did not take over; the earlier one serves on. The end of the new one's log:"
    docker logs --tail 20 "$MESH_NAME-proxy-next" >&2 || true
    exit 1
  fi
  take_place "$earlier"
  trap - EXIT
  note "The new proxy serves. The earlier one finishes what it has, until its drain limit; nobody need wait for it."
  docker wait "$earlier" >/dev/null
  remove_those_that_left
}

# Whatever ended the takeover: one proxy stays, as Docker's restart policy wants it. Which one, the proxies have decided:
# one that was taken over from takes no connection any more.
settle() {
  if has_taken_over "$1"; then
    take_place "$1"
    return
  fi
  docker update --restart=unless-stopped "$1" >/dev/null
  docker rm --force --volumes "$MESH_NAME-proxy-next" >/dev/null 2>&1 || true
}

# The new one has the name from now on.
take_place() {
  docker rename "$1" "$MESH_NAME-proxy-left-${1:0:12}" 2>/dev/null || true
  docker rename "$MESH_NAME-proxy-next" "$MESH_NAME-proxy"
}

remove_those_that_left() {
  local left
  left=$(docker ps --all --quiet --filter status=exited --filter "name=^/?$MESH_NAME-proxy-left-")
  # shellcheck disable=SC2086 # An id a word.
  if [[ -n $left ]]; then docker rm --volumes $left >/dev/null; fi
}

is_decided() {
  has_taken_over "$1" || ! runs "$1" || ! runs "$MESH_NAME-proxy-next"
}

# It says so, or there was nobody left to take over from.
has_taken_over() {
  [[ $(docker logs "$MESH_NAME-proxy-next" 2>&1) == *"Took over "* ]] || { ! runs "$1" && runs "$MESH_NAME-proxy-next"; }
}

runs() {
  [[ $(docker container inspect --format '{{.State.Status}}' "$1" 2>/dev/null) == running ]]
}
