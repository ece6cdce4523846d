//! Starting, stopping and killing.

use crate::{Cluster, Session, eventually};
use std::process::{Command, Stdio};

impl Cluster {
    /// Starts the server and waits until it answers.
    pub fn start(&self) {
        let started = self.pg_ctl(&["-w", "-t", "60", "start"]);
        assert!(started, "the cluster did not start:\n{}", self.log());
    }

    /// Stops the server as a user would.
    pub fn stop(&self) {
        let stopped = self.pg_ctl(&["-w", "-t", "60", "-m", "fast", "stop"]);
        assert!(stopped, "the cluster did not stop:\n{}", self.log());
    }

    /// Stops and starts.
    pub fn restart(&self) {
        self.stop();
        self.start();
    }

    /// Kills the postmaster with SIGKILL and starts again once its children are gone.
    pub fn crash(&self) {
        let file = std::fs::read_to_string(self.data().join("postmaster.pid")).expect("a running server");
        assert!(kill(file.lines().next().expect("a pid").parse().expect("a pid")), "the server is not running");
        // Until the last child is gone its shared memory refuses a start.
        eventually("a start after the crash", 60, || self.pg_ctl(&["-w", "-t", "60", "start"]));
    }

    /// Kills one process of the server with SIGKILL, and waits until the postmaster has ended all sessions for it and lets
    /// others in.
    pub fn kill(&self, pid: i32) {
        assert!(self.try_kill(pid), "there is no process {pid}");
    }

    /// As [`Cluster::kill`], of a process that may have ended by itself; whether it had not.
    pub fn try_kill(&self, pid: i32) -> bool {
        let mut witness = self.connect("postgres");
        if !kill(pid) {
            return false;
        }
        eventually("the server notices", 60, || witness.batch_execute("SELECT 1").is_err());
        eventually("the server is back", 60, || Session::open(&self.config("postgres")).is_ok());
        true
    }

    fn pg_ctl(&self, arguments: &[&str]) -> bool {
        let mut command = self.tools.program("pg_ctl");
        command.arg("-D").arg(self.data()).arg("-l").arg(self.home.join("log")).args(arguments);
        // The server inherits what we would read from and would keep it open.
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().expect("pg_ctl runs").success()
    }
}

fn kill(pid: i32) -> bool {
    let mut command = Command::new("kill");
    command.args(["-9", &pid.to_string()]).stderr(Stdio::null());
    command.status().expect("kill runs").success()
}
