#!/usr/bin/env bash
# Builds the proxy as an image and pushes it: $REGISTRY/proxy:$VERSION
# REGISTRY defaults to localhost:5000; VERSION to what `git describe` says, or dev.
set -euo pipefail

folder=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(dirname "$folder")
registry=${REGISTRY:-localhost:5000}
version=${VERSION:-$(git -C "$root" describe --tags --always --dirty 2>/dev/null || echo dev)}
image=$registry/proxy:$version

fail() { echo "build-and-push-images: $*" >&2; exit 1; }

[[ $version =~ ^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$ ]] \
  || fail "VERSION '$version' cannot be an image tag. Use letters, digits, '.', '_' and '-', at most 128."
command -v docker >/dev/null || fail "the docker command was not found. Install Docker, then run this again."
docker info >/dev/null 2>&1 \
  || fail "Docker does not answer at ${DOCKER_HOST:-its default socket}. Start it, or set DOCKER_HOST."

docker build --target proxy --build-arg "PROGRAMS=registry-sidecar proxy" -t "$image" "$root" \
  || fail "$image was not built; the output above says why."
docker push "$image" \
  || fail "$image was not pushed. Is a registry running at $registry? Start it, or name another: REGISTRY=host:port."
