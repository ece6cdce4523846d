# shellcheck shell=bash
# Throwaway clusters: a folder of their own, a private socket, no TCP, and never port 5432.

# Postgres refuses to run as root.
cluster_owner() {
  if $IS_ROOT; then
    local owner=${PG_CATEGORIZE_RUNAS:-postgres}
    id "$owner" >/dev/null 2>&1 || die "no user $owner to run Postgres as: create it, or set PG_CATEGORIZE_RUNAS"
    echo "$owner"
  else
    id -un
  fi
}

as_owner() {
  local owner
  owner=$(cluster_owner) || exit 1
  if $IS_ROOT; then (cd / && runuser -u "$owner" -- "$@"); else "$@"; fi
}

# The port only names the socket file, but other tools print it and CLUSTER_TCP=1 opens it, so it must be free.
free_port() {
  local port try
  for try in $(seq 50); do
    port=$((54300 + (RANDOM + try) % 700))
    (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || { echo "$port" && return; }
  done
  die "no free port between 54300 and 54999"
}

# cluster_start PG_CONFIG: sets CLUSTER_DIR and exports PGHOST, PGPORT, PGUSER. Reads CLUSTER_CONF (lines for
# postgresql.conf), CLUSTER_CRON=1 (preload pg_cron if it is there) and CLUSTER_TCP=1 (listen on 127.0.0.1 too).
cluster_start() {
  local config=$1 owner bin preload=pg_categorize base=${TMPDIR:-/tmp}
  owner=$(cluster_owner)
  bin=$("$config" --bindir)
  [ ${#base} -le 60 ] || base=/tmp # a socket's path has at most 107 bytes
  CLUSTER_DIR=$(mktemp -d "$base/pg_categorize.XXXXXX")
  CLUSTER_BIN=$bin
  mkdir "$CLUSTER_DIR/socket"
  if $IS_ROOT; then chown -R "$owner" "$CLUSTER_DIR"; fi
  as_owner test -x "$bin/postgres" -a -w "$CLUSTER_DIR" ||
    die "user $owner cannot reach $bin or $CLUSTER_DIR: a folder above is closed to it"
  # PGHOST and the like of the caller must not lead anything to another server.
  unset PGSERVICE PGSERVICEFILE PGHOSTADDR PGPASSWORD PGPASSFILE PGOPTIONS PGDATA PGSSLMODE PGDATABASE
  export PGHOST=$CLUSTER_DIR/socket PGUSER=postgres
  PGPORT=$(free_port)
  export PGPORT
  as_owner "$bin/initdb" -D "$CLUSTER_DIR/data" -U postgres --encoding=UTF8 --locale=C.UTF-8 -A trust --no-sync \
    >"$CLUSTER_DIR/initdb.log" 2>&1 || { cat "$CLUSTER_DIR/initdb.log" >&2 && die "initdb failed"; }
  if [ -n "${CLUSTER_CRON:-}" ]; then
    if [ -e "$("$config" --pkglibdir)/pg_cron.so" ]; then
      preload=pg_categorize,pg_cron
    else
      note "no pg_cron beside this Postgres: going without"
    fi
  fi
  {
    echo "listen_addresses = '${CLUSTER_TCP:+127.0.0.1}'"
    echo "port = $PGPORT"
    echo "unix_socket_directories = '$PGHOST'"
    echo "shared_preload_libraries = '$preload'"
    # A throwaway cluster need not survive a power cut. Crashes of the server itself lose nothing with this.
    echo "fsync = off"
    echo "timezone = 'UTC'"
    case $preload in *pg_cron*) printf "cron.host = '%s'\ncron.database_name = '%s'\n" "$PGHOST" "${CLUSTER_CRON_DATABASE:-postgres}" ;; esac
    printf '%s\n' "${CLUSTER_CONF:-}"
  } | as_owner tee -a "$CLUSTER_DIR/data/postgresql.conf" >/dev/null
  # With it in the server's environment, errors bring a Rust backtrace in their DETAIL.
  unset RUST_BACKTRACE RUST_LIB_BACKTRACE
  as_owner "$bin/pg_ctl" -D "$CLUSTER_DIR/data" -l "$CLUSTER_DIR/log" -w -t 60 start >"$CLUSTER_DIR/pg_ctl.log" 2>&1 ||
    { tail -n 30 "$CLUSTER_DIR/log" "$CLUSTER_DIR/pg_ctl.log" >&2 && die "the throwaway cluster did not start (its log is above)"; }
}

# cluster_stop: stops and removes what cluster_start made; safe to call at any time, more than once.
cluster_stop() {
  [ -n "${CLUSTER_DIR:-}" ] || return 0
  if [ -f "$CLUSTER_DIR/data/postmaster.pid" ]; then
    as_owner "$CLUSTER_BIN/pg_ctl" -D "$CLUSTER_DIR/data" -m fast -w -t 30 stop >/dev/null 2>&1 ||
      as_owner "$CLUSTER_BIN/pg_ctl" -D "$CLUSTER_DIR/data" -m immediate -w -t 30 stop >/dev/null 2>&1 || true
  fi
  rm -rf "$CLUSTER_DIR"
  CLUSTER_DIR=
}
