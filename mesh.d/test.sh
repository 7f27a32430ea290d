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
  prepare_tests "$wanted"
  for project in "$ROOT"/tests/*/*.csproj; do
    if ! grep -q 'Include="xunit.v3"' "$project"; then continue; fi
    if [[ $wanted == all || $wanted == "$(suite_of "$project")" ]]; then run_test_project "$project"; fi
  done
  if [[ $wanted != unit ]]; then remove_test_leftovers; fi
  if [[ $wanted == all ]]; then run_lab_suite; fi
  report_counts
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
    prepare_sshd
  fi
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
  containers_before=$(list_test_containers)
}

list_test_containers() {
  docker ps --all --quiet --no-trunc --filter label=org.testcontainers=true | sort
}

# Of the test's own: it runs with its own keys, on a free port. Where it cannot be had, its tests are skipped.
prepare_sshd() {
  if [[ ! -x /usr/sbin/sshd ]] && command -v apt-get >/dev/null; then install_servers openssh-server openssh-client; fi
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
  # A hung suite ends after 55 minutes instead of never.
  timeout --foreground --kill-after=10 55m dotnet "$(dirname "$project")/bin/Release/net10.0/$assembly.dll" \
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
  if ((bad > 0)); then cat "$log"; else grep -F '[SKIP]' --after-context=1 "$log" || true; fi
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

# Without Ryuk, what an aborted run left behind goes here: test containers that were not there before, and the tests' mesh.
remove_test_leftovers() {
  local leftovers
  if [[ ${TESTCONTAINERS_RYUK_DISABLED:-} == true ]]; then
    leftovers=$(comm -13 <(printf '%s\n' "${containers_before:-}") <(list_test_containers))
    remove_all "container" "$leftovers" docker rm --force --volumes
  fi
  MESH_NAME=mesh-test bring_down >/dev/null
}

report_counts() {
  local line="$passed passed, $failed failed"
  if ((skipped > 0)); then line+=", $skipped skipped"; fi
  if ((passed + failed + skipped == 0)); then note "No test project was found."; fi
  say "$line"
  ((failed == 0 && passed + skipped > 0))
}
