#!/usr/bin/env bash
# Deploys a version that build-and-push-images.sh has pushed: deploy.sh v2 [options of `deployer deploy`]
# By the deployer that is installed, as on a CI/CD host, and elsewhere by that of the mesh on this machine.
# shellcheck disable=SC2046 # The latter is two words.
cd "$(dirname "${BASH_SOURCE[0]}")" && exec $(type -P deployer || echo ../mesh deployer) deploy service.yaml --version "$@"
