#!/usr/bin/env bash
# Deploys a version that build-and-push-images.sh has pushed: deploy.sh v2 [options of `deployer deploy`]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

version=${1:?Say the version to deploy, for example: deploy.sh v2}

# On a CI/CD host the deployer is installed with its settings; elsewhere it is the one of the mesh on this machine.
deployer=(deployer)
if [[ -z $(type -P deployer) ]]; then deployer=(../mesh deployer); fi
exec "${deployer[@]}" deploy service.yaml --version "$version" "${@:2}"
