#!/bin/sh
# Prints the version of the mesh's own programs: a short hash of all that they are built from.
set -eu
cd "$(dirname "$0")/.."
find Dockerfile .dockerignore Directory.*.props global.json .editorconfig .config consul mesh-model docker registry-sidecar proxy deployer \
  -type d \( -name bin -o -name obj \) -prune -o -type f -print | LC_ALL=C sort |
  xargs sha256sum | sha256sum | cut -c 1-12
