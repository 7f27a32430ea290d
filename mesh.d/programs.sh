# shellcheck shell=bash
# Our own command-line programs: published once to artifacts/, again only after a change, started without a build.

# publish_program <name> <project folder> <further folders that it is built from …>
publish_program() {
  local name=$1 project=$2 target=$ARTIFACTS/$1 stamp
  shift
  mkdir -p "$target"
  # Two calls at a time must not build into each other's output.
  exec {lock}>"$target.lock"
  if command -v flock >/dev/null; then flock "$lock"; fi
  if ! is_current "$target/.published" "$@"; then
    note "Building $name."
    stamp=$(mktemp "$target/.stamp.XXXXXX")
    # Compiled ahead of time: a command line lives for seconds, and its start is most of its life.
    run_quietly "publish-$name" dotnet publish "$ROOT/$project" -c Release -o "$target" \
      --use-current-runtime --self-contained false -p:PublishReadyToRun=true -p:RunAnalyzers=false
    # The stamp is as old as the start of the build: what changes meanwhile is seen next time.
    mv -- "$stamp" "$target/.published"
  fi
  exec {lock}>&-
}

is_current() {
  local stamp=$1 sources
  shift
  [[ -f $stamp ]] || return 1
  sources=$(cd "$ROOT" && find Directory.*.props "$@" -type d \( -name bin -o -name obj \) -prune \
    -o -type f -newer "$stamp" -print) || return 1
  [[ -z $sources ]]
}

run_deployer() {
  prepare_deployer
  exec "$ARTIFACTS/deployer/deployer" "$@"
}

prepare_deployer() {
  require_dotnet
  publish_program deployer deployer mesh-model consul docker
  export_mesh_settings
}

run_bench() {
  bring_up >/dev/null
  publish_program bench tests/bench mesh-model consul docker
  publish_program proxy proxy mesh-model consul
  publish_program deployer deployer mesh-model consul docker
  install_peers
  export_mesh_settings
  export MESH_PROXY=$ARTIFACTS/proxy/proxy MESH_DEPLOYER=$ARTIFACTS/deployer/deployer
  # The bench starts the parts that it measures; the mesh's would only take the processor from them.
  trap 'docker start "$MESH_NAME-sidecar" "$MESH_NAME-proxy" >/dev/null' EXIT
  docker stop "$MESH_NAME-sidecar" "$MESH_NAME-proxy" >/dev/null
  "$ARTIFACTS/bench/bench" "$@"
}

# What the proxy is measured beside, and with.
install_peers() {
  local missing=() program
  for program in haproxy:haproxy nginx:nginx-light wrk:wrk h2load:nghttp2-client; do
    command -v "${program%%:*}" >/dev/null || missing+=("${program##*:}")
  done
  if ((${#missing[@]} > 0)); then install_servers "${missing[@]}"; fi
}

# What our programs need to know of this mesh, where the caller has not set it.
export_mesh_settings() {
  # Without Docker nothing can be read of the mesh; the program itself says best what it misses.
  if ! docker_answers; then return; fi
  read_settings
  export MESH_NAME
  export CONSUL_HTTP_ADDR=${CONSUL_HTTP_ADDR:-$CONSUL_ADDRESS}
  export MESH_ENVIRONMENT=${MESH_ENVIRONMENT:-$MESH_NAME}
  export MESH_PUBLISH=${MESH_PUBLISH:-$HOST_ADDRESS}
  export REGISTRY=${REGISTRY:-$REGISTRY_ADDRESS}
}
