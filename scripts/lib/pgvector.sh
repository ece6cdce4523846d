# shellcheck shell=bash
# pgvector for the private tree of Debian's Postgres: the package where it is new enough, else built from the source
# package of a later release. The wheels bring it along. Without it everything works but the similarity tier, which
# says so.

PGVECTOR_LEAST=0.8 # iterative index scans
PGVECTOR_SUITE=trixie # the first release whose source package is new enough

pgvector_of() { sed -n "s/^default_version *= *'\(.*\)'/\1/p" "$("$1" --sharedir)/extension/vector.control" 2>/dev/null; }

is_new_pgvector() { [ -n "$1" ] && [ "$(printf '%s\n' "$PGVECTOR_LEAST" "$1" | sort -V | head -n 1)" = "$PGVECTOR_LEAST" ]; }

# ensure_pgvector PG_CONFIG, of a server that base means.
ensure_pgvector() {
  local config=$1 major package offered
  ! is_new_pgvector "$(pgvector_of "$config")" || return 0
  case $config in
    "$TOOLS"/*) ;;
    *)
      note "going without pgvector: $config has none from $PGVECTOR_LEAST on, so the similarity tier stays silent"
      return
      ;;
  esac
  major=$(pg_major "$config")
  package=postgresql-$major-pgvector
  offered=$(apt-cache madison "$package" 2>/dev/null | head -n 1 | cut -d '|' -f 2 | tr -d ' ') || true
  if is_new_pgvector "$offered"; then
    (apt_ensure "for similar answers" "$package") && link_debian_postgres "$major" && return
  fi
  build_pgvector "$config" || note "going without pgvector: it could not be built, so the similarity tier stays silent"
}

# Its source package is fetched once. A failure is told by the status: the caller goes without.
build_pgvector() {
  local config=$1 sources=$TOOLS/pgvector archive options
  archive=$(compgen -G "$sources/pgvector_*.orig.tar.*" | head -n 1) || true
  if [ -z "$archive" ]; then
    fetch_pgvector "$sources" || return
    archive=$(compgen -G "$sources/pgvector_*.orig.tar.*" | head -n 1) || return
  fi
  say "Building pgvector into $("$config" --pkglibdir) (20 to 60 s)"
  rm -rf "$sources/build"
  mkdir "$sources/build" && tar -xf "$archive" -C "$sources/build" --strip-components=1 || return
  # Not for this machine's processor alone; where a faster way is worth it, pgvector chooses at run time.
  options=(-C "$sources/build" OPTFLAGS= with_llvm=no PG_CONFIG="$config")
  slowly "make" make -j 2 "${options[@]}" all && slowly "make install" make "${options[@]}" install || return
  is_new_pgvector "$(pgvector_of "$config")"
}

fetch_pgvector() {
  local sources=$1 line
  say "Fetching pgvector's source from Debian (10 s)"
  apt_update
  line=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' | head -n 1)
  [ -n "$line" ] || return
  line="deb-src $line $PGVECTOR_SUITE main"
  rm -rf "$sources"
  mkdir -p "$sources" || return
  # apt fetches as a user of its own.
  chmod a+rwx "$sources"
  slowly "apt-get update" apt_foreign "$line" update || return
  (cd "$sources" && slowly "apt-get source" apt_foreign "$line" source --download-only pgvector) || return
  chmod go-w "$sources"
}
