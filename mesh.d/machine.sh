# shellcheck shell=bash
# Makes a bare machine fit: the .NET SDK is asked for, Docker Engine and tools are installed where apt can.

prepare_machine() {
  require_dotnet
  require_tool curl
  require_tool jq
  require_docker
}

require_dotnet() {
  if command -v dotnet >/dev/null && dotnet --list-sdks | grep -q '^10\.'; then return; fi
  fail "The .NET 10 SDK is missing. Install it (https://dot.net/download), then run this again."
}

require_tool() {
  command -v "$1" >/dev/null || install_packages "$1"
}

require_docker() {
  if docker_answers; then return; fi
  if [[ -n ${DOCKER_HOST:-} ]]; then
    fail "Docker at DOCKER_HOST=$DOCKER_HOST does not answer. Start it, or unset DOCKER_HOST to use this machine's own."
  fi
  if [[ $EUID -ne 0 ]] || ! command -v apt-get >/dev/null; then
    fail "Docker does not answer: $(docker_complaint). Install and start Docker Engine, and let this user reach it" \
      "(group docker); as root on Debian or Ubuntu this script does so itself."
  fi
  if ! command -v dockerd >/dev/null; then install_packages docker.io iptables; fi
  start_dockerd
}

docker_answers() {
  command -v docker >/dev/null && docker version --format '{{.Server.Version}}' >/dev/null 2>&1
}

docker_complaint() {
  if ! command -v docker >/dev/null; then
    printf 'it is not installed'
    return
  fi
  docker version 2>&1 >/dev/null | tail -n 1 || true
}

start_dockerd() {
  note "Starting Docker Engine."
  if [[ -d /run/systemd/system ]]; then
    systemctl start docker
  else
    forget_dead_process /var/run/docker.pid dockerd
    forget_dead_process /var/run/docker/containerd/containerd.pid containerd
    # A session of its own: the daemon outlives this shell and its terminal, and no Ctrl+C reaches it.
    setsid nohup dockerd >>/var/log/dockerd.log 2>&1 </dev/null &
  fi
  # Where it was killed with many containers, it has them all to start again.
  if ! wait_until 180 docker_answers; then
    tail -n 20 /var/log/dockerd.log >&2 2>/dev/null || true
    fail "Docker Engine did not answer within 180 s; its log: /var/log/dockerd.log or journalctl -u docker."
  fi
}

# forget_dead_process <file with its number> <name>: a daemon that was killed leaves its file behind, and the next one takes
# whatever process has that number now for the one that runs.
forget_dead_process() {
  local number
  number=$(cat "$1" 2>/dev/null) || return 0
  if [[ $(cat "/proc/$number/comm" 2>/dev/null) != "$2" ]]; then rm -f -- "$1"; fi
}

# Installs Debian packages; output is shown only on failure.
install_packages() {
  if ! command -v apt-get >/dev/null; then fail "Missing on this machine: $*. Install it, then run this again."; fi
  note "Installing $* (apt)."
  # The package lists of a bare machine may be absent or stale: then they are refreshed, and once more.
  if (apt_install "$@") >/dev/null 2>&1; then return; fi
  run_quietly apt-update as_root apt-get update -q
  run_quietly apt-install apt_install "$@"
}

# The same for packages that would begin to serve on this machine's ports once they are installed, or once it starts again.
install_servers() {
  local before unit
  before=$(list_enabled_units)
  (
    # Debian asks this file whether a package may start its service.
    if [[ ! -e /usr/sbin/policy-rc.d ]]; then
      printf '#!/bin/sh\nexit 101\n' | as_root tee /usr/sbin/policy-rc.d >/dev/null
      trap 'as_root rm -f /usr/sbin/policy-rc.d' EXIT
      as_root chmod +x /usr/sbin/policy-rc.d
    fi
    install_packages "$@"
  )
  # What was enabled before is somebody's own.
  for unit in $(LC_ALL=C comm -13 <(printf '%s\n' "$before") <(list_enabled_units)); do
    run_quietly systemctl-disable as_root systemctl --root=/ disable "$unit"
  done
}

# Of the next start of this machine, whether systemd runs now or not.
list_enabled_units() {
  if ! command -v systemctl >/dev/null; then return; fi
  systemctl --root=/ list-unit-files --type=service,socket --state=enabled --no-legend | awk '{ print $1 }' | LC_ALL=C sort
}

apt_install() {
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$@"
}

as_root() {
  if [[ $EUID -eq 0 ]]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    fail "This needs root and there is no sudo: $*"
  fi
}

# Prints the path of a Chromium for the browser tests, or nothing where none can be had.
find_chromium() {
  local name
  for name in chromium chromium-browser google-chrome; do
    if command -v "$name"; then return; fi
  done
}
