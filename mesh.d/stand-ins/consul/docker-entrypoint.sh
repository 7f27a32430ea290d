#!/bin/sh
# Runs Consul's verbs as the official image does: the agent gets its folders, and its settings from the environment.
set -e

case ${1:-} in
  -*) set -- agent "$@" ;;
esac

if [ "${1:-}" = agent ]; then
  shift
  if [ -n "${CONSUL_LOCAL_CONFIG:-}" ]; then echo "$CONSUL_LOCAL_CONFIG" >/consul/config/local.json; fi
  set -- agent -data-dir=/consul/data -config-dir=/consul/config "$@"
elif ! consul "${1:-}" --help 2>&1 | grep -q "consul ${1:-}"; then
  exec "$@"
fi

if [ "$(id -u)" != 0 ]; then exec consul "$@"; fi
chown -R consul:consul /consul/data /consul/config
exec setpriv --reuid=consul --regid=consul --init-groups consul "$@"
