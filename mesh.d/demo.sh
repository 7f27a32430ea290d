# shellcheck shell=bash
# The walk-through. Each claim is checked on what the parts really answer; the first that does not hold ends it.

readonly DEMO_MANIFEST=recommendation-service/service.yaml
readonly DEMO_REQUESTS=2000

run_demo() {
  SECONDS=0
  load_process='' demo_folder=$(mktemp -d)
  trap end_demo EXIT
  trap 'exit 130' INT TERM

  step "Bringing the mesh up"
  bring_up
  step "Building the deployer and the load generator"
  prepare_deployer
  publish_program load tests/load
  build_releases
  deploy_first
  deploy_under_load
  deploy_broken
  roll_back_under_load
  show_end
}

# Stops the load and removes the copies; the mesh stays.
end_demo() {
  # Not the gentle way: asked gently, the generator first sends what it still owes.
  if [[ -n $load_process ]]; then kill -KILL "$load_process" 2>/dev/null || true; fi
  rm -rf -- "$demo_folder"
}

step() { say "" && printf '[%3d s] %s\n' "$SECONDS" "$*"; }

claim() { say "        ✓ $*"; }

refute() { fail "        ✗ $*"; }

build_releases() {
  local version
  for version in v1 v2; do
    step "Building and pushing demo:$version (its unit tests run in the build)"
    push_release "$ROOT" "$version"
  done
  step "Building and pushing demo:v3, broken: the answer's property \"rec\" has another name, which no unit test sees"
  copy_repository "$demo_folder/v3"
  sed -i 's/JsonPropertyName("rec")/JsonPropertyName("recommended")/' "$demo_folder"/v3/recommendation-service/*.cs
  if ! grep -q '"recommended"' "$demo_folder"/v3/recommendation-service/*.cs; then refute "v3 could not be broken."; fi
  push_release "$demo_folder/v3" v3
}

push_release() {
  run_quietly "push-demo-$2" env "VERSION=$2" "$1/recommendation-service/build-and-push-images.sh"
}

copy_repository() {
  mkdir "$1"
  tar -C "$ROOT" --exclude=./.git --exclude=./artifacts --exclude=bin --exclude=obj -c . | tar -C "$1" -x
}

deploy_first() {
  step "Deploying v1"
  deploy v1
  expect_version v1
  expect_recommendation
}

deploy_under_load() {
  step "Deploying v2 while requests come in"
  start_load
  deploy v2
  expect_no_failed_request
  expect_version v2
}

deploy_broken() {
  local before code=0
  step "Deploying v3, which its integration tests have to reject"
  before=$(describe_production)
  deployer deploy "$DEMO_MANIFEST" --version v3 || code=$?
  if ((code != 2)); then refute "The deployer ended with exit code $code; 2 is \"rejected by the tests\"."; fi
  claim "v3 was rejected by its tests (exit code 2)"
  # The rejected candidate's registration goes with its container, a moment after the deployer has ended.
  if ! wait_until 10 production_is "$before"; then
    refute "GET /services/demo changed. Before: $before Now: $(describe_production)"
  fi
  claim "GET /services/demo is what it was: $before"
  expect_recommendation
}

roll_back_under_load() {
  step "Rolling back while requests come in"
  start_load
  deployer rollback demo || refute "The rollback failed with exit code $?."
  expect_no_failed_request
  expect_version v1
}

show_end() {
  step "Every claim held. The mesh stays up; ./mesh down removes it."
  print_addresses
  say "Sample     http://localhost:$PROXY_PORT/demo/1"
  say "History    ./mesh deployer history demo"
}

deployer() {
  (cd "$ROOT" && "$ARTIFACTS/deployer/deployer" "$@")
}

deploy() {
  deployer deploy "$DEMO_MANIFEST" --version "$1" || refute "The deployment of $1 failed with exit code $?."
}

start_load() {
  rm -f -- "$demo_folder/stop"
  "$ARTIFACTS/load/load" "http://127.0.0.1:$PROXY_PORT/demo/1" --concurrency 16 \
    --stop-file "$demo_folder/stop" --min-requests "$DEMO_REQUESTS" >"$demo_folder/load.json" &
  load_process=$!
}

expect_no_failed_request() {
  local sent failed
  touch "$demo_folder/stop"
  wait "$load_process" || refute "The load generator failed with exit code $?."
  load_process=''
  read -r sent failed < <(jq -r '"\(.sent) \(.failed)"' "$demo_folder/load.json") ||
    refute "The load generator reported nothing that can be read: $(cat "$demo_folder/load.json")"
  if ((sent < DEMO_REQUESTS || failed > 0)); then
    refute "$sent requests sent, $failed failed: $(cat "$demo_folder/load.json")"
  fi
  claim "$sent requests sent, $failed failed"
}

expect_version() {
  local version
  version=$(fetch "http://127.0.0.1:$PROXY_PORT/services/demo" | jq -r .version)
  if [[ $version != "$1" ]]; then refute "The proxy serves version $version, not $1."; fi
  claim "the proxy serves $1"
}

expect_recommendation() {
  local answer
  answer=$(fetch "http://127.0.0.1:$PROXY_PORT/demo/1")
  jq -e '.rec | type == "number"' <<<"$answer" >/dev/null || refute "GET /demo/1 answered $answer."
  claim "GET /demo/1 answers $answer"
}

# What must not change when a release is rejected, in one line.
describe_production() {
  fetch "http://127.0.0.1:$PROXY_PORT/services/demo" |
    jq -c '{version, deployment, index, instances: [.instances[].url] | sort}'
}

production_is() {
  [[ $(describe_production) == "$1" ]]
}
