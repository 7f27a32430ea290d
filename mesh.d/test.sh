# shellcheck shell=bash
# Every test, or one suite; the last line is the sum: N passed, N failed (, N skipped).

# The image that Testcontainers 4.16 cleans up with.
readonly RYUK_IMAGE=testcontainers/ryuk:0.14.0

run_tests() {
  local wanted=${1:-all} project passed=0 failed=0 skipped=0
  case $wanted in
    all | unit | integration | end-to-end) ;;
    lab)
      run_lab_suite
      report_counts
      return
      ;;
    *) fail "There is no suite \"$wanted\". The suites: unit, integration, end-to-end, lab." ;;
  esac
  if [[ $wanted != unit && -z ${MESH_TEST_CLAIM:-} ]]; then
    run_tests_alone "$wanted"
    return
  fi
  prepare_tests "$wanted"
  if [[ $wanted != unit ]]; then remove_test_leftovers; fi
  for project in "$ROOT"/tests/*/*.csproj; do
    if ! grep -q 'Include="xunit.v3"' "$project"; then continue; fi
    if [[ $wanted == all || $wanted == "$(suite_of "$project")" ]]; then run_test_project "$project"; fi
  done
  if [[ $wanted != unit ]]; then remove_test_leftovers; fi
  if [[ $wanted == all ]]; then run_lab_suite; fi
  report_counts
}

# Two runs on one Docker Engine would take each other's ports, and remove each other's containers as left over.
run_tests_alone() {
  local code=0
  command -v flock >/dev/null || install_packages util-linux
  MESH_TEST_CLAIM=held flock --nonblock --close --conflict-exit-code 75 "${TMPDIR:-/tmp}/mesh-test.lock" "$ROOT/mesh" test "$1" || code=$?
  if ((code == 75)); then fail "Other tests of the mesh run on this machine. Wait for their end, then run this again."; fi
  return "$code"
}

# The sample's integration tests start the service in their own process here, so they need no more than unit tests do.
suite_of() {
  local name
  name=$(basename "$(dirname "$1")")
  case $name in
    integration | end-to-end) printf '%s' "$name" ;;
    *) printf 'unit' ;;
  esac
}

prepare_tests() {
  require_dotnet
  if [[ $1 != unit ]]; then
    prepare_machine
    prepare_images "$DEBIAN_IMAGE"
    prepare_testcontainers
  fi
  if [[ $1 == all || $1 == integration ]]; then prepare_servers; fi
  if [[ $1 == all || $1 == end-to-end ]]; then prepare_browser; fi
  note "Building the solution."
  run_quietly build dotnet build "$ROOT/ServiceMesh.sln" -c Release
  rm -rf -- "$ARTIFACTS/test"
  mkdir -p "$ARTIFACTS/test"
}

prepare_testcontainers() {
  local version
  version=$(docker version --format '{{.Server.APIVersion}}')
  # Testcontainers asks for 1.44 unless it is told what an older daemon speaks.
  if ((${version#*.} < 44)); then export DOCKER_API_VERSION=$version; fi
  if image_exists "$RYUK_IMAGE" || pull_image "$RYUK_IMAGE"; then return; fi
  export TESTCONTAINERS_RYUK_DISABLED=true
}

# Of the tests' own: they run with settings of their own, on free ports. Where they cannot be had, their tests are skipped.
prepare_servers() {
  local missing=() code=0
  [[ -x /usr/sbin/sshd ]] || missing+=(openssh-server openssh-client)
  PATH=$PATH:/usr/sbin command -v haproxy >/dev/null || missing+=(haproxy)
  command -v zsh >/dev/null || missing+=(zsh)
  if ((${#missing[@]} == 0)) || ! command -v apt-get >/dev/null; then return; fi
  set +e
  (
    set -e
    install_servers "${missing[@]}"
  )
  code=$?
  set -e
  if ((code != 0)); then note "Going on without ${missing[*]}."; fi
}

prepare_browser() {
  CHROMIUM=${CHROMIUM:-$(find_chromium)}
  if [[ -z $CHROMIUM ]] && command -v apt-get >/dev/null; then
    install_packages chromium
    CHROMIUM=$(find_chromium)
  fi
  export CHROMIUM
}

# Adds to the caller's passed, failed and skipped.
run_test_project() {
  local project=$1 name assembly report log code=0
  name=$(basename "$(dirname "$project")")
  assembly=$(sed -n 's|.*<AssemblyName>\(.*\)</AssemblyName>.*|\1|p' "$project")
  assembly=${assembly:-$(basename "$project" .csproj)}
  report=$ARTIFACTS/test/$name.trx
  log=$ARTIFACTS/test/$name.log
  note "Running tests/$name."
  # A hung suite ends after 55 minutes instead of never, and as by Ctrl+C: it takes away what it started.
  timeout --foreground --signal=INT --kill-after=60 55m dotnet "$(dirname "$project")/bin/Release/net10.0/$assembly.dll" \
    -noColor -noLogo -result-trx "$report" >"$log" 2>&1 || code=$?
  add_counts "$name" "$report" "$log" "$code"
}

add_counts() {
  local name=$1 report=$2 log=$3 code=$4 good bad left
  good=$(read_counter passed "$report")
  bad=$(($(read_counter failed "$report") + $(read_counter error "$report")))
  left=$(read_counter notExecuted "$report")
  if ((code != 0 && bad == 0)); then
    note "tests/$name ended with exit code $code though no test is reported as failed."
    bad=1
  elif ((good + bad + left == 0)); then
    note "tests/$name ran no test."
    bad=1
  fi
  if ((bad > 0)); then
    show_failures "$log"
    note "The whole output is in ${log#"$ROOT"/}."
  else
    grep -F '[SKIP]' --after-context=1 "$log" || true
  fi
  say "tests/$name: $good passed, $bad failed, $left skipped"
  passed=$((passed + good)) failed=$((failed + bad)) skipped=$((skipped + left))
}

# The hosts of the Vagrantfile. A lab that was up before stays up. Adds to the caller's passed, failed and skipped.
run_lab_suite() {
  local log=$ARTIFACTS/test/lab.log obstacle was_up counts code=0
  obstacle=$(find_lab_obstacle)
  if [[ -n $obstacle ]]; then
    note "The lab cannot run here: $obstacle"
    say "lab: 0 passed, 0 failed, 1 skipped"
    skipped=$((skipped + 1))
    return
  fi
  note "Running the lab."
  mkdir -p "$ARTIFACTS/test"
  was_up=$(list_lab_hosts)
  timeout --foreground --kill-after=10 45m "$ROOT/mesh" lab test >"$log" 2>&1 || code=$?
  if [[ -z $was_up ]]; then run_quietly lab-down lab_down; fi
  counts=$(grep -Eo '^[0-9]+ passed, [0-9]+ failed$' "$log" | tail -n 1)
  counts=${counts:-0 passed, 0 failed}
  if ((code != 0)); then cat "$log"; fi
  if ((code != 0)) && [[ $counts == *" 0 failed" ]]; then counts="${counts% 0 failed} 1 failed"; fi
  say "lab: $counts, 0 skipped"
  passed=$((passed + ${counts%% *})) failed=$((failed + $(cut -d ' ' -f 3 <<<"$counts")))
}

# A counter of a TRX report; 0 where the run left none.
read_counter() {
  local value=''
  if [[ -f $2 ]]; then value=$(grep -o '<Counters [^>]*>' "$2" | sed -nE "s/.* $1=\"([0-9]+)\".*/\1/p"); fi
  printf '%d' "${value:-0}"
}

# What failed, and how: the runner indents that deeper than anything else, and the tests' own logs may stand between. Of a
# suite that did not come to its end, the last lines.
show_failures() {
  awk '/ \[FAIL\]$/ { left = 300 } left-- > 0 && /^    /' "$1" | head -n 2000 || true
  grep -q '^=== TEST EXECUTION SUMMARY ===' "$1" || tail -n 40 "$1"
}

# What a run leaves that is cut short, this one or an earlier one. All of it bears the mark of the tests; nothing else is touched.
remove_test_leftovers() {
  remove_all "container" "$(docker ps --all --quiet --no-trunc --filter label=mesh.test)" docker rm --force --volumes
  MESH_NAME=mesh-test bring_down >/dev/null
  MESH_NAME=mesh-second bring_down >/dev/null
  remove_all "network" "$(docker network ls --quiet --filter label=mesh.test)" docker network rm
  remove_all "volume" "$(docker volume ls --quiet --filter label=mesh.test)" docker volume rm
  docker image prune --all --force --filter label=mesh.test >/dev/null
  if [[ $EUID -eq 0 ]]; then remove_test_engines; fi
}

# Docker Engines of the tests' own: all of their processes name their folder.
remove_test_engines() {
  local folder process
  for folder in "${TMPDIR:-/tmp}"/mesh-docker-*/; do
    if [[ ! -d $folder ]]; then continue; fi
    for process in $(pgrep --full -- "$folder"); do
      # A container's first process is a child of its shim, and would outlive it.
      pkill -KILL --parent "$process" || true
      kill -KILL "$process" 2>/dev/null || true
    done
    if [[ -f $folder/bridge ]]; then ip link delete "$(cat "$folder/bridge")" 2>/dev/null || true; fi
    while read -r mount; do umount --lazy "$mount"; done < <(awk -v "folder=$folder" 'index($2, folder) == 1 { print $2 }' /proc/mounts | sort -r)
    rm -rf -- "$folder"
  done
}

report_counts() {
  local line="$passed passed, $failed failed"
  if ((skipped > 0)); then line+=", $skipped skipped"; fi
  if ((passed + failed + skipped == 0)); then note "No test project was found."; fi
  say "$line"
  ((failed == 0 && passed + skipped > 0))
}
