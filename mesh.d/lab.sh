# shellcheck shell=bash
# lab: the Vagrantfile's hosts on this machine, as containers (Vagrant's docker provider), provisioned with Ansible.

readonly LAB_FOLDER=$ARTIFACTS/lab
# Where a host finds images as files, on machines that reach no container registry.
readonly LAB_ARCHIVES=/var/lib/mesh-lab-images

run_lab() {
  local verb=${1:-}
  shift || true
  case $verb in
    up)
      prepare_lab
      if (($# == 0)); then set -- dev cd prod; fi
      start_lab_hosts "$@"
      provision_lab_hosts "$@"
      print_lab
      ;;
    test)
      refuse_arguments "$@"
      run_lab_tests
      ;;
    down)
      refuse_arguments "$@"
      lab_down
      ;;
    *) fail "The lab's verbs: ./mesh lab up [host …], ./mesh lab test, ./mesh lab down." ;;
  esac
}

prepare_lab() {
  local obstacle
  obstacle=$(find_lab_obstacle)
  if [[ -n $obstacle ]]; then fail "$obstacle"; fi
  prepare_machine
  prepare_lab_tools
  remove_forgotten_hosts
  prepare_images "$DEBIAN_IMAGE"
  mkdir -p "$LAB_FOLDER"
  export MESH_ANSIBLE_VARS=$LAB_FOLDER/settings.yml
  printf -- '---\n' >"$MESH_ANSIBLE_VARS"
  if is_stand_in "$SDK_IMAGE"; then share_stand_ins; fi
}

# Why this machine cannot run the lab; nothing if it can.
find_lab_obstacle() {
  local missing
  if [[ -n ${DOCKER_HOST:-} && $DOCKER_HOST != unix://* ]]; then
    printf 'its hosts are containers of this machine, and DOCKER_HOST is %s.' "$DOCKER_HOST"
    return
  fi
  if [[ -n $(list_foreign_hosts running) ]]; then
    printf 'a lab is up that was made in another folder. Take it down there (./mesh lab down).'
    return
  fi
  missing=$(missing_lab_tools)
  if [[ -n $missing ]] && { [[ $EUID -ne 0 ]] || ! command -v apt-get >/dev/null; }; then
    printf 'missing on this machine: %s; as root on Debian or Ubuntu this script installs them.' "$missing"
  fi
}

prepare_lab_tools() {
  local missing=()
  read -ra missing < <(missing_lab_tools) || true
  if ((${#missing[@]} > 0)); then install_packages "${missing[@]}"; fi
}

# The packages that are missing, in one line.
missing_lab_tools() {
  local program
  for program in vagrant:vagrant ansible-playbook:ansible ansible-lint:ansible-lint rsync:rsync ssh:openssh-client openssl:openssl; do
    command -v "${program%%:*}" >/dev/null || printf '%s ' "${program##*:}"
  done
}

# The lab's containers, whoever made them.
list_lab_hosts() {
  docker_answers || return 0
  docker ps --all --quiet --no-trunc --filter "label=mesh.lab=$(lab_name)" "$@"
}

# Those that this tree's Vagrant does not know, in one of Docker's states or all.
list_foreign_hosts() {
  local host
  for host in $(list_lab_hosts ${1:+--filter "status=$1"}); do
    grep -qs "$host" "$ROOT"/.vagrant/machines/*/docker/id || printf '%s\n' "$host"
  done
}

lab_name() { printf '%s' "${MESH_LAB_NAME:-lab}"; }

# They hold the names and addresses of those that Vagrant is to make.
remove_forgotten_hosts() {
  local host
  for host in $(list_foreign_hosts); do
    docker rm --force --volumes "$host" >/dev/null
  done
}

# This verb's Vagrant; "vagrant ssh cd" and the like need none of these settings.
lab_vagrant() {
  (cd "$ROOT" && VAGRANT_DEFAULT_PROVIDER=docker VAGRANT_CHECKPOINT_DISABLE=1 vagrant "$@")
}

# Vagrant asks Docker about every container that it has just listed, and gives up if one of them is gone by then.
start_lab_hosts() {
  lab_vagrant up --no-provision "$@" || lab_vagrant up --no-provision "$@"
}

# All at once: what one host waits for the others use. `vagrant up` alone provisions one host after the other.
provision_lab_hosts() {
  lab_playbook site.yml --limit "$(IFS=, && printf '%s' "$*")"
}

lab_playbook() {
  (cd "$ROOT/ansible" && ANSIBLE_CONFIG=ansible.cfg ansible-playbook --extra-vars "@$MESH_ANSIBLE_VARS" "$@")
}

is_stand_in() {
  [[ $(docker image inspect --format '{{index .Config.Labels "mesh.stand-in"}}' "$1") == true ]]
}

# What this machine could not pull its hosts cannot either: they get the stand-ins, and this machine's way to packages.
share_stand_ins() {
  run_quietly lab-base build_lab_base
  export MESH_LAB_BASE=mesh/lab-base:dev
  export MESH_LAB_IMAGES=$LAB_FOLDER/images
  archive_images "$CONSUL_IMAGE"
  archive_images "$REGISTRY_IMAGE"
  archive_images "$SDK_IMAGE" "$ASPNET_IMAGE"
  archive_images "$RUNTIME_DEPS_IMAGE"
  {
    printf 'docker_image_archives: %s\n' "$LAB_ARCHIVES"
    # Docker's own name server for networks is of no use to containers inside of a host.
    printf 'docker_name_servers: [%s]\n' "$(name_servers)"
  } >>"$MESH_ANSIBLE_VARS"
}

# Debian with this machine's own apt sources and authorities.
build_lab_base() {
  local context
  context=$(mktemp -d)
  cp /etc/ssl/certs/ca-certificates.crt "$context"
  list_debian_sources >"$context/sources.list"
  printf 'FROM %s\nCOPY ca-certificates.crt /etc/ssl/certs/\nCOPY sources.list /etc/apt/\n' "$DEBIAN_IMAGE" >"$context/Dockerfile"
  docker build --tag mesh/lab-base:dev "$context"
  rm -rf -- "$context"
}

list_debian_sources() {
  # shellcheck disable=SC2016 # apt fills these in, not the shell.
  apt-get indextargets --format '$(ORIGIN)|$(REPO_URI)|$(RELEASE)|$(COMPONENT)' 'Created-By: Packages' |
    while IFS='|' read -r origin address suite component; do
      if [[ $origin == Debian ]]; then printf 'deb %s %s %s\n' "$address" "$suite" "$component"; fi
    done
}

name_servers() {
  sed -n 's/^nameserver \([0-9.]*\)$/\1/p' /etc/resolv.conf | grep -v '^127\.' | paste -s -d , || true
}

# Images as one file, named after the first: layers that they share are in it once.
archive_images() {
  local file=$MESH_LAB_IMAGES/${1//[^A-Za-z0-9.-]/_}.tar id
  id=$(docker image inspect --format '{{.Id}}' "$@")
  mkdir -p "$MESH_LAB_IMAGES"
  if [[ -f $file && $(cat "$file.id" 2>/dev/null) == "$id" ]]; then return; fi
  rm -f -- "$file.id"
  docker save --output "$file" "$@"
  printf '%s' "$id" >"$file.id"
}

print_lab() {
  say "Hosts      dev, cd, prod (and prod2: ./mesh lab up prod2); vagrant ssh cd"
  say "Proxy      http://10.100.200.201:8000/services"
  say "Consul UI  https://10.100.200.201:8501/ui, with the token in ansible/secrets/lab/consul-token-people"
}

lab_down() {
  if ! command -v vagrant >/dev/null; then
    say "Nothing to remove: there is no Vagrant on this machine."
    return
  fi
  lab_vagrant destroy --force
  if docker_answers; then docker image rm --force mesh/lab-base:dev >/dev/null 2>&1 || true; fi
  # Without hosts, nobody trusts these any more.
  rm -rf -- "$ROOT/ansible/secrets/lab" "$LAB_FOLDER/images"
}
