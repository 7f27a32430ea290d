#!/usr/bin/env bash
# Builds the service and its integration tests as images (the unit tests run in the build) and pushes both:
#   $REGISTRY/demo:$VERSION  $REGISTRY/demo-tests:$VERSION
# REGISTRY defaults to localhost:5000; VERSION to what `git describe` says, or dev.
set -euo pipefail

folder=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(dirname "$folder")
registry=${REGISTRY:-localhost:5000}
version=${VERSION:-$(git -C "$root" describe --tags --always --dirty 2>/dev/null || echo dev)}

fail() { echo "build-and-push-images: $*" >&2; exit 1; }

build() { # image, options of docker build
  docker build -f "$folder/Dockerfile" -t "$1" "${@:2}" "$root" \
    || fail "$1 was not built; the output above says why (a failing unit test is one reason)."
}

push() { # image
  docker push "$1" \
    || fail "$1 was not pushed. Is a registry running at $registry? Start it, or name another: REGISTRY=host:port."
}

[[ $version =~ ^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$ ]] \
  || fail "VERSION '$version' cannot be an image tag. Use letters, digits, '.', '_' and '-', at most 128."
command -v docker >/dev/null || fail "the docker command was not found. Install Docker, then run this again."
docker info >/dev/null 2>&1 \
  || fail "Docker does not answer at ${DOCKER_HOST:-its default socket}. Start it, or set DOCKER_HOST."

build "$registry/demo:$version" --build-arg "VERSION=$version"
build "$registry/demo-tests:$version" --target integration-tests
push "$registry/demo:$version"
push "$registry/demo-tests:$version"
