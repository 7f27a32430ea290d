# shellcheck shell=bash
# shellcheck disable=SC2034 # The other parts use these names, too.
# The images that the mesh is made of: official ones are pulled (or stood in for), ours are built.

readonly CONSUL_IMAGE=hashicorp/consul:1.21
readonly REGISTRY_IMAGE=registry:2
readonly DEBIAN_IMAGE=debian:bookworm-slim
readonly RUNTIME_DEPS_IMAGE=mcr.microsoft.com/dotnet/runtime-deps:10.0-noble-chiseled
readonly ASPNET_IMAGE=mcr.microsoft.com/dotnet/aspnet:10.0
readonly SDK_IMAGE=mcr.microsoft.com/dotnet/sdk:10.0

readonly SIDECAR_IMAGE=mesh/registry-sidecar:dev
readonly PROXY_IMAGE=mesh/proxy:dev

# Registries that gave no answer in this run, so that nothing waits for them twice.
declare -A silent_registries=()

prepare_images() {
  local image
  for image in "$RUNTIME_DEPS_IMAGE" "$ASPNET_IMAGE" "$SDK_IMAGE" "$CONSUL_IMAGE" "$REGISTRY_IMAGE" "$@"; do
    ensure_image "$image"
  done
}

ensure_image() {
  if image_exists "$1"; then return; fi
  if pull_image "$1"; then return; fi
  build_stand_in "$1"
}

image_exists() {
  docker image inspect "$1" >/dev/null 2>&1
}

# A pull may take minutes, but a registry that has not begun to answer after 20 s is taken as out of reach.
pull_image() {
  local image=$1 registry=${1%%/*} log="$ARTIFACTS/log/pull.log" pull
  if [[ $registry != *.* ]]; then registry=docker.io; fi
  if [[ -n ${silent_registries[$registry]:-} ]]; then return 1; fi
  mkdir -p "$ARTIFACTS/log"
  note "Pulling $image."
  docker pull "$image" >"$log" 2>&1 &
  pull=$!
  if ! wait_until 20 pull_has_begun_or_ended "$pull" "$log"; then kill "$pull" 2>/dev/null || true; fi
  if wait "$pull"; then return 0; fi
  if ! grep -q 'Pulling from' "$log"; then silent_registries[$registry]=yes; fi
  return 1
}

pull_has_begun_or_ended() {
  grep -q 'Pulling from' "$2" || ! kill -0 "$1"
}

build_own_images() {
  build_image "$SIDECAR_IMAGE" registry-sidecar
  build_image "$PROXY_IMAGE" proxy
}

# One build makes both programs (see Dockerfile); the second call finds it in Docker's cache.
build_image() {
  local image=$1 program=$2
  if ! image_exists "$image"; then note "Building $image."; fi
  run_quietly "build-$program" \
    docker build --tag "$image" --target "$program" --build-arg "PROGRAMS=registry-sidecar proxy" "$ROOT"
}
