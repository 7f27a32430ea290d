# shellcheck shell=bash
# shellcheck disable=SC2154 # lab-test.sh sets the names that begin with lab_.
# The second production host, and what happens to requests when hosts, networks and Consul fail.

# What a host may take to come back, or to be known as gone, in seconds.
readonly LAB_PATIENCE=90

# Provisioned by Vagrant itself, as the README has it.
test_second_host_comes() {
  check "prod2 comes up" start_lab_hosts prod2
  check "Vagrant provisions it" lab_vagrant provision prod2
}

test_second_host() {
  check "cd: v2 is deployed to both hosts under load, no request fails" under_load 0 on cd '/vagrant/recommendation-service/deploy.sh v2'
  check "an instance on each host is in the traffic" spread_over_both
}

spread_over_both() {
  local hosts
  hosts=$(instances_in_traffic)
  printf '%s\n' "$hosts" | paste -s -d ' '
  grep -q "$LAB_PROD:" <<<"$hosts" && grep -q "$LAB_PROD2:" <<<"$hosts"
}

instances_in_traffic() {
  fetch "http://$LAB_PROD:8000/services/demo" | jq -r '.instances[] | select(.inTraffic) | .url' | sed 's|.*//||' | sort
}

test_failures() {
  printf '\n| what was done | requests sent | failed | seconds from the first failure to the last | seconds to right again |\n| --- | --- | --- | --- | --- |\n' \
    >>"$LAB_FOLDER/report.md"
  survive "prod2 is stopped hard" unanswered stop_second prod2_is_out
  survive "prod2 is started again" 0 start_second spread_over_both
  survive "prod2 is cut off from the network" unanswered cut_second_off prod2_is_out
  survive "prod2 is connected again" 0 connect_second spread_over_both
  survive "the Consul server is restarted" 0 restart_consul consul_answers
  # The load comes in by prod itself: what is sent while it is away, fails.
  survive "prod is restarted" all restart_prod spread_over_both
  check "cd: a deployment goes through after all that" on cd '/vagrant/recommendation-service/deploy.sh v2'
}

# survive <what is done> <how many requests may fail> <the command that does it> <the condition of all being right again>:
# they may fail from the deed until then, and none may afterwards. How many is a number, all, or unanswered (may_fail).
survive() {
  check "$1" survived "$@"
}

survived() {
  local deed=$1 allowed=$2 begun seconds served sent failed from to
  served=$(requests_served)
  start_lab_load
  wait_until 30 has_served "$((served + LAB_RATE))" || { stop_lab_load; printf 'no load\n'; return 1; }
  begun=$SECONDS
  "$3" || return 1
  wait_until "$LAB_PATIENCE" "$4" || { stop_lab_load; printf 'not right again after %d s\n' "$LAB_PATIENCE"; return 1; }
  seconds=$((SECONDS - begun))
  stop_lab_load
  read -r sent failed from to < <(jq -r '"\(.sent) \(.failed) \(.firstFailureSeconds // 0) \(.lastFailureSeconds // 0)"' "$lab_scratch/load.json")
  jq -r '.firstFailures[]' "$lab_scratch/load.json"
  printf '%d requests sent, %d failed, between %s s and %s s; right again after %d s\n' "$sent" "$failed" "$from" "$to" "$seconds"
  printf '| %s | %d | %d | %.1f | %d |\n' "$deed" "$sent" "$failed" "$(jq -n "$to - $from")" "$seconds" >>"$LAB_FOLDER/report.md"
  if [[ $allowed == unanswered ]]; then
    allowed=$(may_fail "$seconds" "$sent")
    printf '%d sent, %d failed (%d may), right again after %d s\n' "$sent" "$failed" "$allowed" "$seconds"
  fi
  [[ $allowed == all ]] || ((failed <= allowed)) || return 1
  none_fails_now
}

# may_fail <seconds until the host was out> <requests sent>: what was asked of a host that says nothing any more waits for its
# route's timeout, one request on each connection of the load. It is asked of another instance then, as far as the budget for
# retries goes: 10, and a share of the requests.
may_fail() {
  local timeout attempts share waited
  read -r timeout attempts share < <(lab_document |
    jq -r '"\(.routes[0].timeout // "100s" | rtrimstr("s")) \(.traffic.retries.attempts // 2) \((.traffic.retries.budget // 0.2) * 100 | floor)"')
  waited=$((LAB_CONNECTIONS * ($1 / timeout + 1)))
  local retries=$((attempts > 0 ? 10 + $2 * share / 100 : 0))
  printf '%d' "$((waited > retries ? waited - retries : 0))"
}

# What the deployer wrote of demo.
lab_document() {
  curl --silent --noproxy '*' --max-time 10 --cacert "$ROOT/ansible/secrets/lab/authorities/mesh.pem" \
    --header "X-Consul-Token: $(cat "$ROOT/ansible/secrets/lab/consul-token-people")" \
    "https://$LAB_PROD:8501/v1/kv/mesh/services/demo?raw"
}

requests_served() {
  fetch "http://$LAB_PROD:8000/services/demo" | jq '[.releases[].counters.requests] | add // 0'
}

has_served() { (($(requests_served) >= $1)); }

none_fails_now() {
  "$ARTIFACTS/load/load" "http://$LAB_PROD:8000/demo/1" --concurrency "$LAB_CONNECTIONS" --rate "$LAB_RATE" --max-seconds 3 >"$lab_scratch/after.json"
  (($(jq .failed "$lab_scratch/after.json") == 0)) && return
  printf 'requests fail still: %s\n' "$(cat "$lab_scratch/after.json")"
  return 1
}

stop_second() { docker kill "$(lab_container prod2)" >/dev/null; }

start_second() { docker start "$(lab_container prod2)" >/dev/null; }

# The cable between prod2 and the other hosts; Vagrant has one of its own.
cut_second_off() { outside prod2 ip link set "$(mesh_interface prod2)" down; }

connect_second() { outside prod2 ip link set "$(mesh_interface prod2)" up; }

mesh_interface() { outside "$1" ip -o -4 address show to 10.100.200.0/24 | awk '{print $2; exit}'; }

prod2_is_out() { ! instances_in_traffic | grep -q "$LAB_PROD2:"; }

restart_consul() { outside prod docker restart consul >/dev/null; }

consul_answers() {
  [[ $(fetch_consul_leader) == *:* ]] && on cd 'deployer status demo'
}

fetch_consul_leader() { ask "https://$LAB_PROD:8501/v1/status/leader"; }

restart_prod() { docker restart "$(lab_container prod)" >/dev/null; }

lab_container() { printf '%s-%s' "$(lab_name)" "$1"; }
