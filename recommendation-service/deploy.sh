#!/usr/bin/env bash
# Deploys a version that build-and-push-images.sh has pushed: deploy.sh v2 [options of `mesh deployer deploy`]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
exec ../mesh deployer deploy service.yaml --version "${1:?Say the version to deploy, for example: deploy.sh v2}" "${@:2}"
