# shellcheck shell=bash
# Debian packages: asked for only when missing, so that a second run needs neither network nor password.

is_installed() { [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

as_root() {
  if $IS_ROOT; then
    "$@"
  else
    command -v sudo >/dev/null || die "need root for: $* (install sudo, or run as root)"
    sudo "$@"
  fi
}

apt_get() {
  as_root env DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=a \
    apt-get -q -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 "$@" </dev/null
}

# Lists of the last half hour are new enough.
apt_update() {
  [ -n "$(find "$TOOLS/.apt-updated" -mmin -30 2>/dev/null)" ] && return
  say "Fetching apt's package lists (10 to 30 s)"
  slowly "apt-get update" apt_get update || die "apt-get update failed: is the network up?"
  touch "$TOOLS/.apt-updated"
}

# apt_ensure WHY PACKAGE...
apt_ensure() {
  local why=$1 package missing=()
  shift
  for package; do is_installed "$package" || missing+=("$package"); done
  [ ${#missing[@]} -eq 0 ] && return
  command -v apt-get >/dev/null || die "needs ${missing[*]} $why, and installs them with apt only: install their like yourself"
  apt_update
  say "Installing with apt, $why (about a minute): ${missing[*]}"
  slowly "apt-get install" apt_get install -y --no-install-recommends "${missing[@]}" || die "apt-get could not install: ${missing[*]}"
}

apt_offers() { [ -n "$(apt-cache madison "$1" 2>/dev/null)" ]; }

# The Debian package would make a cluster `main` and start it on port 5432: neither ours to make nor wanted. The setting is
# put back as it was, also when the installation fails.
without_main_cluster() (
  conf=/etc/postgresql-common/createcluster.conf
  apt_ensure "for the Debian way of keeping several Postgres versions" postgresql-common
  saved=$(mktemp)
  had=false
  if [ -e "$conf" ]; then
    had=true
    cat "$conf" >"$saved"
  fi
  # tee keeps the file's owner and mode.
  if $had; then
    trap 'as_root tee "$conf" <"$saved" >/dev/null; rm -f "$saved"' EXIT
  else
    trap 'as_root rm -f "$conf"; rm -f "$saved"' EXIT
  fi
  trap 'exit 130' INT TERM HUP
  as_root pg_conftool "$conf" set create_main_cluster false
  "$@"
)

# Foreign suites (a newer pgvector from Debian's next release): apt_foreign LINE APT-GET-ARGUMENTS... works on lists and
# state of its own under $TOOLS and leaves /etc/apt alone. LINE is a sources.list line.
apt_foreign() {
  local line=$1 dir=$TOOLS/apt-foreign
  shift
  mkdir -p "$dir/lists/partial" "$dir/archives/partial"
  printf '%s\n' "$line" >"$dir/sources.list"
  apt_get -o Dir::Etc::sourcelist="$dir/sources.list" -o Dir::Etc::sourceparts=- -o Dir::State::lists="$dir/lists" \
    -o Dir::Cache::archives="$dir/archives" -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= "$@"
}
