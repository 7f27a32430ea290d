# shellcheck shell=bash
# shellcheck disable=SC2034 # The other parts use these names, too.
# lab test: the hosts brought up, the walk-through, what must be refused, what must be survived. Each check prints what
# it saw; the last line is the sum. The tables are also in artifacts/lab/report.md.

readonly LAB_CD=10.100.200.200 LAB_PROD=10.100.200.201 LAB_PROD2=10.100.200.202
# The load: so many connections, each with one request at a time, and so many requests a second over all of them.
readonly LAB_CONNECTIONS=16 LAB_RATE=200

run_lab_tests() {
  SECONDS=0
  prepare_lab
  publish_program load tests/load
  mkdir -p "$LAB_FOLDER/log"
  : >"$LAB_FOLDER/report.md"
  lab_passed=0 lab_failed=0 lab_load='' lab_scratch=$(mktemp -d)
  declare -gA lab_tracks=()
  trap end_lab_tests EXIT
  # What each task takes is at the end of the logs.
  export ANSIBLE_CALLBACKS_ENABLED=ansible.posix.profile_tasks
  lab_step "The Vagrantfile and the playbooks, while dev, cd and prod start"
  meanwhile files test_lab_files
  run_quietly lab-start start_lab_hosts dev cd prod
  join files
  lab_step "Provisioning them"
  run_quietly lab-provision provision_lab_hosts dev cd prod
  lab_step "The walk-through of the README"
  meanwhile dev test_developers_host
  test_walk_through
  join dev
  lab_step "Doors that stay closed, while prod2 comes up"
  meanwhile prod2 test_second_host_comes
  test_refused_doors
  join prod2
  lab_step "One more production host"
  test_second_host
  lab_step "Certificates and secrets"
  test_renewal
  lab_step "The playbook once more"
  test_playbook
  lab_step "Failures, with requests coming in at http://prod:8000/demo/1"
  test_failures
  lab_step "Consul backed up and restored"
  test_backup
  report_lab
}

end_lab_tests() {
  local process
  for process in $lab_load "${lab_tracks[@]}"; do kill -KILL "$process" 2>/dev/null || true; done
  rm -rf -- "$lab_scratch"
}

# With the machine's load, without which the times say little.
lab_step() {
  local load=''
  if [[ -r /proc/loadavg ]]; then read -r load _ </proc/loadavg; fi
  printf '\n[%3d s, load %s] %s\n' "$SECONDS" "${load:-?}" "$*"
}

# check <what holds> <the command that shows it …>: the command's last line is the evidence.
check() {
  local what=$1 answer begun=$SECONDS
  shift
  if answer=$("$@" 2>&1 </dev/null); then
    lab_passed=$((lab_passed + 1))
    printf '  ok     %4d s  %s: %s\n' "$((SECONDS - begun))" "$what" "$(last_line "$answer")"
  else
    lab_failed=$((lab_failed + 1))
    printf '  FAILED %4d s  %s:\n%s\n' "$((SECONDS - begun))" "$what" "$(tail -n 30 <<<"$answer")"
  fi
}

# meanwhile <name> <function>: its checks run beside what follows; join <name> waits for them, and shows and counts them.
meanwhile() {
  "$2" >"$lab_scratch/$1.out" 2>&1 &
  lab_tracks[$1]=$!
}

join() {
  local output=$lab_scratch/$1.out code=0
  wait "${lab_tracks[$1]}" || code=$?
  unset "lab_tracks[$1]"
  cat "$output"
  lab_passed=$((lab_passed + $(grep -c '^  ok  ' "$output" || true)))
  lab_failed=$((lab_failed + $(grep -c '^  FAILED ' "$output" || true)))
  if ((code != 0)); then check "$1 comes to its end" false; fi
}

last_line() { sed '/^[[:space:]]*$/d' <<<"$1" | tail -n 1 | cut -c 1-160; }

report_lab() {
  lab_step "The tables are in artifacts/lab/report.md"
  say "$lab_passed passed, $lab_failed failed"
  ((lab_failed == 0 && lab_passed > 0))
}

# ---- on the hosts

# on <host> <command line>: as the user that Vagrant logs in, in a login shell.
on() {
  local host=$1 address
  address=$(lab_address "$host")
  ssh -n -i "$ROOT/.vagrant/machines/$host/docker/private_key" -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null \
    -o LogLevel=ERROR -o ConnectTimeout=10 "vagrant@$address" "bash -l -c $(printf %q "$2")"
}

lab_address() {
  case $1 in
    dev) printf '10.100.200.199' ;;
    cd) printf '%s' "$LAB_CD" ;;
    prod) printf '%s' "$LAB_PROD" ;;
    prod2) printf '%s' "$LAB_PROD2" ;;
  esac
}

# The host itself, from outside: what a power switch, a cable or a look over the shoulder would be.
outside() { docker exec "$(lab_name)-$1" "${@:2}"; }

# ---- the tree

test_lab_files() {
  check "vagrant validate" lab_vagrant validate
  check "ansible-lint" lint_playbooks
  check "ansible-playbook --syntax-check" lab_playbook site.yml --syntax-check
}

lint_playbooks() {
  (cd "$ROOT/ansible" && ansible-lint --offline --profile production) && printf 'clean\n'
}

# ---- the walk-through

test_developers_host() {
  check "dev: the image builds, and its unit tests with it" on dev \
    'cd /vagrant && docker build -q -f recommendation-service/Dockerfile --build-arg VERSION=v1 -t demo:v1 .'
  check "dev: its integration tests pass against itself" on dev \
    'cd /vagrant && docker build -q -f recommendation-service/Dockerfile --target integration-tests -t demo-tests:v1 . && docker run --rm demo-tests:v1'
  check "dev: it runs, and its tests pass against the URL" on dev \
    'docker rm -f demo >/dev/null 2>&1; docker run -d --name demo -p 8080:8080 demo:v1 >/dev/null && docker run --rm --network host -e URL=http://localhost:8080 -e EXPECTED_VERSION=v1 demo-tests:v1'
}

test_walk_through() {
  check "cd: v1 is built and pushed" on cd 'cd /vagrant && VERSION=v1 recommendation-service/build-and-push-images.sh'
  meanwhile broken test_broken_release
  check "cd: v1 is deployed" on cd '/vagrant/recommendation-service/deploy.sh v1'
  check "cd: http://prod:8000/services/demo tells v1" served_version v1
  check "cd: http://prod:8000/demo/1 answers" on cd 'curl -sSf http://prod:8000/demo/1'
  check "cd: v2 is built and pushed" on cd 'cd /vagrant && VERSION=v2 recommendation-service/build-and-push-images.sh'
  check "cd: v2 is deployed under load, no request fails" under_load 0 on cd '/vagrant/recommendation-service/deploy.sh v2'
  check "cd: http://prod:8000/services/demo tells v2" served_version v2
  join broken
  check "cd: v3 is rejected by its tests (exit code 2), production is what it was" rejected v3
  check "cd: rolled back to v1 under load, no request fails" under_load 0 on cd 'deployer rollback demo'
  check "cd: http://prod:8000/services/demo tells v1 again" served_version v1
}

test_broken_release() {
  check "cd: v3, broken, is built and pushed" on cd 'rm -rf broken && cp -r /vagrant broken && cd broken &&
    sed -i "s/JsonPropertyName(\"rec\")/JsonPropertyName(\"recommended\")/" recommendation-service/*.cs &&
    VERSION=v3 recommendation-service/build-and-push-images.sh'
}

served_version() {
  local seen
  seen=$(on cd 'curl -sSf http://prod:8000/services/demo' | jq -r .version)
  printf '%s\n' "$seen"
  [[ $seen == "$1" ]]
}

lab_production() {
  fetch "http://$LAB_PROD:8000/services/demo" | jq -c '{version, deployment, index, instances: [.instances[].url] | sort}'
}

lab_production_is() { [[ $(lab_production) == "$1" ]]; }

rejected() {
  local before code=0
  before=$(lab_production)
  on cd "/vagrant/recommendation-service/deploy.sh $1" || code=$?
  printf 'exit code %d\n%s\n' "$code" "$before"
  ((code == 2)) && wait_until 10 lab_production_is "$before"
}

# ---- load

start_lab_load() {
  rm -f -- "$lab_scratch/stop"
  "$ARTIFACTS/load/load" "http://$LAB_PROD:8000/demo/1" --concurrency "$LAB_CONNECTIONS" --rate "$LAB_RATE" --max-seconds 600 \
    --stop-file "$lab_scratch/stop" >"$lab_scratch/load.json" &
  lab_load=$!
}

stop_lab_load() {
  touch "$lab_scratch/stop"
  wait "$lab_load"
  lab_load=''
}

# under_load <failures allowed> <command …>
under_load() {
  local allowed=$1 code=0
  shift
  start_lab_load
  "$@" || code=$?
  stop_lab_load
  ((code == 0)) || return "$code"
  jq -r '"\(.sent) requests sent, \(.failed) failed \(.firstFailures | join("; "))"' "$lab_scratch/load.json"
  (($(jq .sent "$lab_scratch/load.json") > 0 && $(jq .failed "$lab_scratch/load.json") <= allowed))
}

# ---- the playbook

test_playbook() {
  check "a second run changes nothing" plays_unchanged
  check "--check says that nothing would change" plays_unchanged --check
  check "another setting of the sidecar replaces the sidecar alone" replaces_only registry-sidecar \
    '{sidecar_settings: {SIDECAR_RESYNC: 20s}}'
  check "and takes no stage: an instance of v1 is active, the traffic goes on" served_version v1
  check "another setting of the proxy replaces the proxy alone, no request fails" under_load 0 replaces_only proxy \
    '{sidecar_settings: {SIDECAR_RESYNC: 20s}, proxy_settings: {PROXY_RESYNC: "00:00:20"}}'
}

# plays_unchanged [ansible-playbook's options …]
plays_unchanged() {
  local output
  output=$(lab_playbook site.yml "$@") || { printf '%s\n' "$output"; return 1; }
  grep -B1 '^changed:' <<<"$output" || true
  summarize_play <<<"$output"
  (($(grep -c 'changed=0 .*unreachable=0 .*failed=0' <<<"$output") == 4))
}

# replaces_only <part> <settings>: of prod's containers that one is another afterwards, and no other.
replaces_only() {
  local before after
  before=$(list_parts)
  lab_playbook site.yml --limit prod --extra-vars "$2" >"$LAB_FOLDER/log/settings.log" || { tail -n 30 "$LAB_FOLDER/log/settings.log"; return 1; }
  after=$(list_parts)
  comm -3 <(printf '%s\n' "$before") <(printf '%s\n' "$after") | sed 's/^\t//' | cut -d ' ' -f 1,2 | sort -u | tee "$lab_scratch/replaced"
  [[ $(cut -d ' ' -f 1 "$lab_scratch/replaced" | sort -u) == "$1" ]]
}

# A line for each container on prod: the part that it is, or its service, and its id.
list_parts() {
  outside prod docker ps --no-trunc --format '{{.Label "mesh.part"}}{{.Label "mesh.service"}} {{.ID}}' | sort
}
