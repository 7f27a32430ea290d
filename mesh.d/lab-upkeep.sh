# shellcheck shell=bash
# shellcheck disable=SC2154 # lab-test.sh sets the names that begin with lab_.
# What an operator does to a mesh that serves: renew certificates, rotate secrets, back Consul up and restore it.

test_renewal() {
  local shown token password
  shown=$(shown_certificates)
  check "all certificates are renewed under load, no request fails" under_load 0 lab_operation renew-certificates.yml
  check "each port shows another certificate" all_are_others "$shown"
  token=$(outside cd cat /etc/servicemesh/deployer/consul-token)
  password=$(<"$ROOT/ansible/secrets/lab/passwords/registry")
  check "all tokens and passwords are rotated under load, no request fails" under_load 0 lab_operation rotate-secrets.yml
  refuse "Consul: a document read with the deployer's token from before the rotation" '403' consul "$token" mesh/services/demo
  refuse "registry: the catalog with the password from before the rotation" '401' \
    ask --user "ci:$password" "https://$LAB_CD:5000/v2/_catalog"
  check "cd: v1 is deployed with the new ones under load, no request fails" under_load 0 on cd '/vagrant/recommendation-service/deploy.sh v1'
}

# lab_operation <playbook> [options …]: its output goes to a log, the last line tells what it did.
lab_operation() {
  local log=$LAB_FOLDER/log/${1%.yml}.log
  lab_playbook "$@" >"$log" 2>&1 || { tail -n 30 "$log"; return 1; }
  summarize_play <"$log"
}

# host ok=… changed=…, in one line.
summarize_play() {
  sed -nE 's/^([a-z0-9]+) +: ok=([0-9]+) +changed=([0-9]+).*/\1 ok=\2 changed=\3/p' | paste -s -d ' '
}

# A line for each certificate that somebody is shown: whose it is, and its end and fingerprint.
shown_certificates() {
  local address
  for address in "$LAB_PROD:2376" "$LAB_PROD2:2376" "$LAB_CD:5000" "$LAB_PROD:8501"; do
    printf '%s %s\n' "$address" "$(timeout 10 openssl s_client -connect "$address" </dev/null 2>/dev/null | print_certificate)"
  done
  printf 'deployer %s\n' "$(outside cd cat /etc/servicemesh/deployer/docker/cert.pem | print_certificate)"
}

print_certificate() { openssl x509 -noout -enddate -fingerprint -sha256 | paste -s -d ' '; }

all_are_others() {
  local before=$1 after same
  after=$(shown_certificates)
  if [[ $(grep -c 'notAfter=.*Fingerprint=' <<<"$after") != "$(wc -l <<<"$after")" ]]; then
    printf 'not everybody shows one:\n%s\n' "$after"
    return 1
  fi
  same=$(comm -12 <(sort <<<"$before") <(sort <<<"$after"))
  if [[ -n $same ]]; then
    printf 'the same as before:\n%s\n' "$same"
    return 1
  fi
  printf '%d certificates, %s\n' "$(wc -l <<<"$after")" "$(sed -nE '1s/.*(notAfter=.* GMT).*/\1/p' <<<"$after")"
}

test_backup() {
  check "a snapshot is saved" saves_snapshot
  check "demo is put under maintenance: 503" maintained
  check "the snapshot is put back: the maintenance is gone, demo serves as before" restores_snapshot
  check "cd: a deployment goes through after that" on cd '/vagrant/recommendation-service/deploy.sh v1'
}

saves_snapshot() {
  lab_operation backup-consul.yml || return 1
  stat --format '%n: %s bytes' "$(newest_snapshot)" | sed 's|.*/||'
}

newest_snapshot() {
  find "$ROOT/ansible/secrets/lab/backups" -name '*.snap' -size +0 | sort | tail -n 1
}

maintained() {
  on cd 'deployer maintenance demo' && wait_until 10 demo_answers 503
}

restores_snapshot() {
  local before=$SECONDS
  lab_operation restore-consul.yml -e snapshot="$(newest_snapshot)" || return 1
  wait_until 30 demo_answers 200 || return 1
  printf 'HTTP 200 again, %d s after the restore began\n' "$((SECONDS - before))"
}

demo_answers() {
  [[ $(curl --silent --noproxy '*' --max-time 5 --output /dev/null --write-out '%{http_code}' "http://$LAB_PROD:8000/demo/1") == "$1" ]]
}
