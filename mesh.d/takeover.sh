# shellcheck shell=bash
# proxy upgrade: a new proxy container takes over from the one that serves, without a refused or cut connection.

# More than a start, the idle connections' grace and the drain limit take together.
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
  trap 'take_back "$earlier"' EXIT
  start_proxy_as proxy-next
  if ! wait_until "$TAKEOVER_SECONDS" either_has_ended "$earlier" || runs "$earlier"; then
    note "The new proxy did not take over; the earlier one serves on. The end of the new one's log:"
    docker logs --tail 20 "$MESH_NAME-proxy-next" >&2 || true
    exit 1
  fi
  docker rm --volumes "$earlier" >/dev/null
  docker rename "$MESH_NAME-proxy-next" "$MESH_NAME-proxy"
  trap - EXIT
}

# Whatever ended the takeover: one proxy stays, as Docker's restart policy wants it.
take_back() {
  if ! runs "$1"; then return; fi
  docker update --restart=unless-stopped "$1" >/dev/null
  docker rm --force --volumes "$MESH_NAME-proxy-next" >/dev/null 2>&1 || true
}

either_has_ended() {
  ! runs "$1" || ! runs "$MESH_NAME-proxy-next"
}

runs() {
  [[ $(docker container inspect --format '{{.State.Status}}' "$1" 2>/dev/null) == running ]]
}
