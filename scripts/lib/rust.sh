# shellcheck shell=bash
# Rust and cargo-pgrx at the version that Cargo.toml pins.

manifest_value() { sed -n "s/^$1 *= *\"=\{0,1\}\([^\"]*\)\".*/\1/p" Cargo.toml | head -n 1; }

PGRX_VERSION=$(manifest_value pgrx)
RUST_VERSION=$(manifest_value rust-version)
CARGO_PGRX_ROOT=$TOOLS/cargo-pgrx-$PGRX_VERSION
export PGRX_HOME=$TOOLS/pgrx
# pgrx-tests runs `cargo pgrx install` itself, so the pinned one must be first in PATH. ~/.cargo/bin: a shell that CI or
# sudo starts often lacks it.
export PATH=$CARGO_PGRX_ROOT/bin:$PATH:${CARGO_HOME:-${HOME:-/root}/.cargo}/bin

need_rust() {
  local hint="pg_categorize needs Rust $RUST_VERSION or newer: https://rustup.rs" have
  command -v cargo >/dev/null || die "$hint"
  have=$(rustc --version 2>/dev/null) || die "$hint"
  have=${have#rustc }
  have=${have%% *}
  [ "$(printf '%s\n' "$RUST_VERSION" "${have%%-*}" | sort -V | head -n 1)" = "$RUST_VERSION" ] || die "$hint (found $have)"
}

ensure_cargo_pgrx() {
  [ -x "$CARGO_PGRX_ROOT/bin/cargo-pgrx" ] && return
  # Its network library links OpenSSL.
  apt_ensure "to build cargo-pgrx" libssl-dev pkg-config
  say "Installing cargo-pgrx $PGRX_VERSION into $CARGO_PGRX_ROOT (once; 3 to 6 minutes)"
  cargo install cargo-pgrx --version "$PGRX_VERSION" --locked --root "$CARGO_PGRX_ROOT" </dev/null ||
    die "could not build cargo-pgrx $PGRX_VERSION (see above)"
}
