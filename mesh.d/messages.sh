# shellcheck shell=bash
# What the script says, and how it runs a command whose output matters only when it fails.

# Progress goes to stderr, so that the stdout of a verb (deployer --json) is only what the verb answers.
note() { printf '%s\n' "$*" >&2; }

say() { printf '%s\n' "$*"; }

fail() {
  note "$@"
  exit 1
}

# Runs a command with its output in artifacts/log/<name>.log; if it fails, shows the end of that and exits.
# Call it plainly, never in a condition: bash ignores errexit there, also inside the function that is run.
run_quietly() {
  local log="$ARTIFACTS/log/$1.log" code
  shift
  mkdir -p "$ARTIFACTS/log"
  set +e
  (
    set -e
    "$@"
  ) >"$log" 2>&1 </dev/null
  code=$?
  set -e
  if ((code == 0)); then return; fi
  note "Failed with exit code $code: $*"
  tail -n 60 "$log" >&2
  fail "The whole output is in ${log#"$ROOT"/}."
}

# Tries a command every 0.2 s until it succeeds; gives up after so many seconds.
wait_until() {
  local deadline=$((SECONDS + $1))
  shift
  until "$@" >/dev/null 2>&1; do
    ((SECONDS < deadline)) || return 1
    sleep 0.2
  done
}
