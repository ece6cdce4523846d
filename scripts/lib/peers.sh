# shellcheck shell=bash
# What others wrote, from PyPI: each in an environment of its own under target/peers, so that nothing is installed.

PEERS=$ROOT/target/peers

# peer_packages NAME PACKAGE...: makes $PEERS/NAME with these packages, unless it is there; fails where they cannot be fetched.
# Nothing is compiled here: what is not there for this machine is not there.
peer_packages() {
  local folder=$PEERS/$1 name=$1
  shift
  [ "$(cat "$folder/.packages" 2>/dev/null)" = "$*" ] && return
  python3 -c 'import ensurepip, venv' 2>/dev/null || apt_ensure "for Python packages" python3 python3-venv
  say "Fetching from PyPI into target/peers/$name: $*"
  rm -rf "$folder"
  mkdir -p "$PEERS"
  slowly "making the environment" python3 -m venv "$folder" || return 1
  slowly "pip install" "$folder/bin/python" -m pip install --quiet --disable-pip-version-check --only-binary=:all: "$@" || return 1
  printf '%s\n' "$*" >"$folder/.packages"
}

# As scripts/unit selects them, so that nothing is built twice.
peer_tests=(cargo test --workspace --exclude pg_categorize --exclude pg_categorize_e2e --exclude pg_categorize_bench --test peers)

# The tests and fake-llm, which comes along with a test of its own: built before servers wait for them.
build_peer_tests() { "${peer_tests[@]}" --test account --no-run </dev/null; }

# run_peer_unit_test NAME: a test within a package that waits for what only peers have.
run_peer_unit_test() {
  "${peer_tests[@]:0:${#peer_tests[@]}-2}" --lib "$1" -- --ignored --nocapture </dev/null
}

# run_peer_tests "MODULE..." NAME=COMMAND...: these tests with these servers, each of which finds its port in $PORT.
run_peer_tests() {
  local modules
  read -ra modules <<<"$1"
  shift
  python3 "$ROOT/tests/peers/with_servers.py" "$PEERS/logs" "$@" -- "${peer_tests[@]}" -- "${modules[@]}" </dev/null
}
