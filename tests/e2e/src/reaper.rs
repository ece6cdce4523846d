//! Cleaning up whatever happens to us.
//!
//! A cluster that sits in a static is never dropped, and a killed test drops nothing. So every cluster has a small
//! shell beside it that waits for the end of its standard input, which the kernel closes with our process, and then
//! stops the server and removes its folder.

use std::path::Path;
use std::process::{Child, Command, Stdio};

const SCRIPT: &str = r#"
    trap '' INT TERM HUP
    read -r _
    pid=$(head -n 1 "$1/data/postmaster.pid" 2>/dev/null)
    if [ -n "$pid" ]; then
        kill -INT "$pid"
        for _ in $(seq 100); do kill -0 "$pid" 2>/dev/null || break; sleep 0.1; done
        kill -9 "$pid" 2>/dev/null
    fi
    rm -rf "$1"
"#;

/// The shell that cleans up after one cluster.
#[derive(Debug)]
pub(crate) struct Reaper(Child);

impl Reaper {
    /// Watches over the cluster in `home`.
    pub(crate) fn watch(home: &Path) -> Self {
        let mut command = Command::new("sh");
        command.args(["-c", SCRIPT, "reaper"]).arg(home).current_dir("/");
        // Its own output would keep a pipe behind the tests open.
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        Self(command.spawn().expect("sh runs"))
    }
}

impl Drop for Reaper {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        // An error here would hide the panic that may be unwinding.
        _ = self.0.wait();
    }
}
