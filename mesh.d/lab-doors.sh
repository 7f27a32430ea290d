# shellcheck shell=bash
# shellcheck disable=SC2154 # lab-test.sh sets the names that begin with lab_.
# The doors that must be closed to strangers, each tried, with the answer that it gave.

test_refused_doors() {
  local proxy_token sidecar_token people_token
  make_foreign_certificate
  copy_public_certificate
  proxy_token=$(outside prod cat /etc/servicemesh/proxy/consul-token)
  sidecar_token=$(outside prod cat /etc/servicemesh/registry-sidecar/consul-token)
  people_token=$(cat "$ROOT/ansible/secrets/lab/consul-token-people")
  start_candidate
  printf '| door | answer |\n| --- | --- |\n' >>"$LAB_FOLDER/report.md"

  refuse "Docker's API on prod, without TLS" 'HTTP request to an HTTPS server' ask "http://$LAB_PROD:2376/version"
  refuse "Docker's API on prod, the port without TLS" 'connect to server|refused' ask "http://$LAB_PROD:2375/version"
  refuse "Docker's API on prod, without a certificate" 'alert|not connected|reset' ask "https://$LAB_PROD:2376/version"
  refuse "Docker's API on prod, with a foreign certificate" 'alert|not connected|reset' \
    ask --cert "$lab_scratch/foreign.pem" --key "$lab_scratch/foreign.key" "https://$LAB_PROD:2376/version"
  refuse "Docker's API on prod, with the certificate of prod's Consul" 'alert|not connected|reset' \
    ask --cert "$lab_scratch/consul.pem" --key "$lab_scratch/consul.key" "https://$LAB_PROD:2376/version"
  refuse "Docker's API on cd" 'connect to server|refused' ask "https://$LAB_CD:2376/version"

  refuse "registry: a push without a password" 'no basic auth credentials|authorization' \
    on cd 'mkdir -p stranger && docker --config stranger push cd:5000/demo:v1'
  refuse "registry: the catalog without a password" '401' ask "https://$LAB_CD:5000/v2/_catalog"
  refuse "registry: the catalog with a wrong password" '401' ask --user ci:wrong "https://$LAB_CD:5000/v2/_catalog"
  refuse "registry: without TLS" 'HTTP request to an HTTPS server' ask "http://$LAB_CD:5000/v2/_catalog"

  refuse "Consul: without TLS" 'HTTP request to an HTTPS server' ask "http://$LAB_PROD:8501/v1/kv/mesh/?recurse"
  refuse "Consul: the port without TLS" 'connect to server|refused' ask "http://$LAB_PROD:8500/v1/kv/mesh/?recurse"
  refuse "Consul: a document read without a token" '403' consul "" mesh/services/demo
  refuse "Consul: a document written without a token" '403' consul "" mesh/services/demo --request PUT --data '{}'
  refuse "Consul: the agent on prod asked without a token" '403' ask "https://$LAB_PROD:8501/v1/agent/self"
  refuse "Consul: the services asked for without a token" '^{}.*200' ask "https://$LAB_PROD:8501/v1/catalog/services"
  refuse "Consul: a document written with the proxy's token" '403' \
    consul "$proxy_token" mesh/services/demo --request PUT --data '{}'
  refuse "Consul: a document written with the sidecar's token" '403' \
    consul "$sidecar_token" mesh/services/demo --request PUT --data '{}'
  refuse "Consul: a document written with people's token" '403' \
    consul "$people_token" mesh/services/demo --request PUT --data '{}'
  refuse "Consul: the cookies' key read with people's token" '403' consul "$people_token" mesh/keys/cookie
  refuse "Consul: a service registered with the proxy's token" '403' ask --request PUT \
    --header "X-Consul-Token: $proxy_token" --data '{"Name":"demo"}' "https://$LAB_PROD:8501/v1/agent/service/register"
  refuse "promotion with the proxy's token" 'ermission denied|403' \
    on cd "CONSUL_HTTP_TOKEN=$proxy_token deployer promote demo $lab_candidate"
  refuse "promotion with the sidecar's token" 'ermission denied|403' \
    on cd "CONSUL_HTTP_TOKEN=$sidecar_token deployer promote demo $lab_candidate"

  refuse "proxy: POST /services/demo" '405' ask --request POST --data '{}' "http://$LAB_PROD:8000/services/demo"
  refuse "proxy: DELETE /services/demo" '405' ask --request DELETE "http://$LAB_PROD:8000/services/demo"
  refuse "proxy: the admin port, from another host" 'connect to server|refused' ask "http://$LAB_PROD:8001/state"
  refuse "SSH to prod with the key that every Vagrant box begins with" 'Permission denied' insecure_ssh
  remove_candidate
}

# refuse <the door> <what the answer has to match> <the command that tries it …>
refuse() {
  local door=$1 pattern=$2
  shift 2
  check "$door" refused "$door" "$pattern" "$@"
}

refused() {
  local door=$1 pattern=$2 answer
  shift 2
  answer=$("$@" 2>&1) || true
  answer=$(last_line "$answer")
  printf '%s\n' "$answer"
  grep -Eq "$pattern" <<<"$answer" || return 1
  # shellcheck disable=SC2016 # The backquotes are Markdown's.
  printf '| %s | `%s` |\n' "$door" "${answer//|/\\|}" >>"$LAB_FOLDER/report.md"
}

# As a stranger in the hosts' network would, who has the authority's certificate, which is public. One line, with the status.
ask() {
  curl --silent --show-error --noproxy '*' --max-time 10 --cacert "$ROOT/ansible/secrets/lab/authorities/mesh.pem" \
    --write-out ' (status %{http_code})' "$@" 2>&1 | tr -s '\n' ' '
}

# consul <token> <key> [curl's options …]
consul() {
  local token=$1 key=$2
  shift 2
  ask ${token:+--header "X-Consul-Token: $token"} "$@" "https://$LAB_PROD:8501/v1/kv/$key"
}

make_foreign_certificate() {
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 -subj /CN=deployer \
    -addext extendedKeyUsage=clientAuth -keyout "$lab_scratch/foreign.key" -out "$lab_scratch/foreign.pem" 2>/dev/null
}

copy_public_certificate() {
  cp "$ROOT/ansible/secrets/lab/certificates/consul-prod.pem" "$lab_scratch/consul.pem"
  cp "$ROOT/ansible/secrets/lab/certificates/consul-prod.key" "$lab_scratch/consul.key"
}

insecure_ssh() {
  local key
  key=$(find /usr/share /opt/vagrant -name vagrant -path '*/keys/*' -type f 2>/dev/null | head -n 1)
  install -m 0600 "$key" "$lab_scratch/insecure"
  ssh -n -i "$lab_scratch/insecure" -o IdentitiesOnly=yes -o BatchMode=yes -o StrictHostKeyChecking=no \
    -o UserKnownHostsFile=/dev/null "vagrant@$LAB_PROD" true
}

# A container that somebody started by hand: nothing promotes it but the deployer's token.
start_candidate() {
  lab_candidate=$(outside prod sh -c "docker run -d -P --label SERVICE_NAME=demo \$(docker ps -q --filter label=mesh.service=demo | head -n 1 | xargs docker inspect --format '{{.Image}}')")
  lab_candidate=${lab_candidate:0:12}
}

remove_candidate() { outside prod docker rm -f "$lab_candidate" >/dev/null; }
