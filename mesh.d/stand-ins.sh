# shellcheck shell=bash
# Stand-ins for official images, made of Debian's packages and this machine's own .NET, for machines that reach
# no container registry. Each behaves like the official image for what the mesh does with it.

build_stand_in() {
  note "$1 cannot be pulled: building a stand-in from Debian packages."
  require_debian "$1"
  case $1 in
    "$DEBIAN_IMAGE") ;;
    "$ASPNET_IMAGE") ensure_image "$RUNTIME_DEPS_IMAGE" ;;
    "$SDK_IMAGE") ensure_image "$ASPNET_IMAGE" ;;
    *) ensure_image "$DEBIAN_IMAGE" ;;
  esac
  case $1 in
    "$DEBIAN_IMAGE") run_quietly stand-in-debian stand_in_for_debian ;;
    "$RUNTIME_DEPS_IMAGE") run_quietly stand-in-runtime-deps docker build --tag "$1" "$ROOT/mesh.d/stand-ins/runtime-deps" ;;
    "$ASPNET_IMAGE") run_quietly stand-in-aspnet stand_in_for_aspnet ;;
    "$SDK_IMAGE") run_quietly stand-in-sdk stand_in_for_sdk ;;
    "$CONSUL_IMAGE") run_quietly stand-in-consul stand_in_for_consul ;;
    "$REGISTRY_IMAGE") run_quietly stand-in-registry stand_in_for_registry ;;
    *) fail "There is no stand-in for $1." ;;
  esac
}

require_debian() {
  if ! grep -qx 'ID=debian' /etc/os-release 2>/dev/null; then
    fail "Stand-ins can be built on Debian only. Let this machine reach a container registry, or load $1 by hand."
  fi
  command -v debootstrap >/dev/null || install_packages debootstrap
}

stand_in_for_debian() {
  local directory mirror image
  directory=$(mktemp -d)
  mirror=$(find_debian_mirror)
  as_root debootstrap --variant=minbase \
    --include=ca-certificates,libicu72,libssl3,zlib1g,libstdc++6 bookworm "$directory" "$mirror"
  # It gets its name when it is whole: a torn one would be taken for the image from then on.
  image=$(as_root tar -C "$directory" -c --exclude=./var/cache/apt/archives/*.deb --exclude=./var/lib/apt/lists/*_* . |
    docker import --change 'CMD ["bash"]' --change 'LABEL mesh.stand-in=true' -)
  docker tag "$image" "$DEBIAN_IMAGE"
  as_root rm -rf -- "$directory"
}

stand_in_for_aspnet() {
  build_with_dotnet "$ASPNET_IMAGE" "$ROOT/mesh.d/stand-ins/aspnet" dotnet host shared
}

stand_in_for_sdk() {
  local context
  context=$(mktemp -d)
  cp -R "$ROOT/mesh.d/stand-ins/sdk/." "$context"
  # What this machine trusts and where it gets packages, so that a restore inside a build works as it does outside.
  cp /etc/ssl/certs/ca-certificates.crt "$context"
  # Where NuGet was never used, listing the sources makes it write its configuration.
  dotnet nuget list source
  cp "$HOME/.nuget/NuGet/NuGet.Config" "$context"
  build_with_dotnet "$SDK_IMAGE" "$context" sdk sdk-manifests packs templates \
    --build-arg NUGET_CERT_REVOCATION_MODE="${NUGET_CERT_REVOCATION_MODE:-online}"
  rm -rf -- "$context"
}

# Builds a context together with folders of this machine's .NET; the rest of the arguments go to docker build.
build_with_dotnet() {
  local image=$1 context=$2 dotnet folders=()
  shift 2
  while (($#)) && [[ $1 != --* ]]; do
    folders+=("$1")
    shift
  done
  dotnet=$(dirname "$(readlink -f "$(command -v dotnet)")")
  tar -c -C "$context" . -C "$dotnet" "${folders[@]}" | docker build --tag "$image" "$@" -
}

stand_in_for_consul() {
  # Debian 12 has no Consul, its predecessor has.
  build_with_package "$CONSUL_IMAGE" bullseye consul "$ROOT/mesh.d/stand-ins/consul"
}

stand_in_for_registry() {
  build_with_package "$REGISTRY_IMAGE" bookworm docker-registry "$ROOT/mesh.d/stand-ins/registry"
}

# Builds a context together with the unpacked files of one Debian package, in its folder package/.
build_with_package() {
  local image=$1 suite=$2 package=$3 context
  context=$(mktemp -d)
  cp -R "$4/." "$context"
  download_package "$suite" "$package" "$context/package"
  docker build --tag "$image" "$context"
  rm -rf -- "$context"
}

# Unpacks a package of another suite with an apt state of its own: nothing on this machine changes.
download_package() {
  local suite=$1 package=$2 target=$3 state
  state=$(mktemp -d)
  mkdir -p "$state/lists/partial" "$state/cache/archives/partial" "$target"
  printf 'deb [signed-by=%s] %s %s main\n' /usr/share/keyrings/debian-archive-keyring.gpg \
    "$(find_debian_mirror)" "$suite" >"$state/sources.list"
  local options=(-q -o Dir::Etc::SourceList="$state/sources.list" -o Dir::Etc::SourceParts=/dev/null
    -o Dir::State::Lists="$state/lists" -o Dir::Cache="$state/cache" -o Dir::State::status=/dev/null
    -o APT::Sandbox::User=)
  apt-get "${options[@]}" update
  (cd "$state" && apt-get "${options[@]}" download "$package")
  dpkg -x "$state"/"$package"_*.deb "$target"
  rm -rf -- "$state"
}

# The mirror that this machine itself is configured with.
find_debian_mirror() {
  local origin component address
  # apt knows the origin once its package lists are there; installing debootstrap has seen to that.
  while IFS='|' read -r origin component address; do
    if [[ $origin == Debian && $component == main && $address != *-security* ]]; then
      printf '%s' "$address"
      return
    fi
  done < <(list_apt_targets)
  fail "No Debian mirror is configured in apt's sources."
}

list_apt_targets() {
  # shellcheck disable=SC2016 # apt fills these in, not the shell.
  apt-get indextargets --format '$(ORIGIN)|$(COMPONENT)|$(REPO_URI)' 'Created-By: Packages'
}
