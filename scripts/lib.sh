# shellcheck shell=bash
# Shared by every script here: where things are, and how to speak. Source it, do not run it.

set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$ROOT"

IS_ROOT=false
[ "$(id -u)" -eq 0 ] && IS_ROOT=true

# Exported empty by the Makefile; to pgrx that would be a path.
[ -n "${PG_CONFIG:-}" ] || unset PG_CONFIG

# Tools and private Postgres trees are shared by all checkouts, outlive `cargo clean`, and must be readable by the cluster's
# owner: root's own home is not, so root keeps them under /var/cache.
if [ -n "${PG_CATEGORIZE_TOOLS:-}" ]; then
  TOOLS=$PG_CATEGORIZE_TOOLS
elif $IS_ROOT; then
  TOOLS=/var/cache/pg_categorize
else
  TOOLS=${XDG_CACHE_HOME:-$HOME/.cache}/pg_categorize
fi

# Ctrl-C must end a script whose child tidied up and exited by itself; each script's own tidying is a trap on EXIT.
trap 'exit 130' INT
trap 'exit 143' TERM
trap 'exit 129' HUP

say() { printf '==> %s\n' "$*"; }
note() { printf '    %s\n' "$*"; }

# One clear line, never a stack of errors.
die() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}

# slowly WHAT COMMAND...: for commands that are silent for long: one line per 10 s, and their output only if they fail.
slowly() {
  local what=$1 log ticker status=0
  shift
  log=$(mktemp)
  # It leaves no sleep behind, which would keep a lock or the caller's pipe open.
  (
    trap 'kill $!; exit' TERM
    for ((seconds = 10; ; seconds += 10)); do
      sleep 10 &
      wait $!
      note "$what: $seconds s"
    done
  ) &
  ticker=$!
  "$@" >"$log" 2>&1 </dev/null || status=$?
  kill "$ticker" 2>/dev/null || true
  wait "$ticker" 2>/dev/null || true
  [ "$status" -eq 0 ] || cat "$log" >&2
  rm -f "$log"
  return "$status"
}

for part in "$ROOT"/scripts/lib/*.sh; do
  # shellcheck source=/dev/null
  . "$part"
done
unset part
export TOOLS # seen by the parts above
