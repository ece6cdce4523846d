//! A cluster of its own: a folder, a private socket, no TCP.

use crate::reaper::Reaper;
use crate::tools::finish;
use crate::{Database, Session, Tools};
use postgres::Config;
use postgres::error::SqlState;
use std::io::Write;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Patience with a server that recovers.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running cluster; stopped and removed when dropped, also by a panic or a kill of the test.
#[derive(Debug)]
pub struct Cluster {
    pub(crate) tools: Tools,
    pub(crate) home: PathBuf,
    pub(crate) port: u16,
    // Last, since it ends what the others name.
    _reaper: Reaper,
}

impl Cluster {
    /// An empty folder for a cluster, watched from now on.
    pub(crate) fn prepare() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let tools = Tools::from_env();
        let base = std::env::var("TMPDIR").ok().filter(|base| base.len() <= 60).unwrap_or_else(|| "/tmp".into());
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let home = PathBuf::from(format!("{base}/pgc_e2e.{}.{number}", std::process::id()));
        let mut mkdir = tools.command("mkdir");
        mkdir.args(["-p", "-m", "700"]).arg(&home);
        finish(mkdir);
        // The port only names the socket file. It is a free one in case that a test opens it.
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        Self { _reaper: Reaper::watch(&home), tools, home, port }
    }

    /// Settings that say where this cluster is.
    pub(crate) fn place(&self) -> [String; 2] {
        [format!("port = {}", self.port), format!("unix_socket_directories = '{}'", self.home.display())]
    }

    /// The installation it runs on.
    pub fn tools(&self) -> &Tools {
        &self.tools
    }

    /// Its data folder.
    pub fn data(&self) -> PathBuf {
        self.home.join("data")
    }

    /// A new path in its folder, which goes with the cluster and is writable for its programs.
    pub fn file(&self, name: &str) -> PathBuf {
        self.home.join(name)
    }

    /// Adds lines to `postgresql.conf`; later ones win.
    pub fn configure(&self, lines: &[String]) {
        let mut tee = self.tools.command("tee");
        tee.arg("-a").arg(self.data().join("postgresql.conf")).stdin(Stdio::piped()).stdout(Stdio::null());
        let mut child = tee.spawn().expect("tee runs");
        writeln!(child.stdin.take().expect("it is piped"), "{}", lines.join("\n")).expect("tee reads");
        assert!(child.wait().expect("tee ends").success());
    }

    /// How to connect to a database as the superuser.
    pub fn config(&self, database: &str) -> Config {
        let mut config = Config::new();
        config.host_path(&self.home).port(self.port).user("postgres").dbname(database);
        config
    }

    /// Connects as the superuser.
    pub fn connect(&self, database: &str) -> Session {
        self.connect_as(database, "postgres")
    }

    /// Connects as a role; waits while the server recovers.
    pub fn connect_as(&self, database: &str, role: &str) -> Session {
        let mut config = self.config(database);
        let config = config.user(role);
        let deadline = Instant::now() + PATIENCE;
        loop {
            match Session::open(config) {
                Ok(session) => return session,
                // A server that was killed may say so a moment after it was reached again.
                Err(e) if e.code() == Some(&SqlState::CANNOT_CONNECT_NOW) && Instant::now() < deadline => {
                    thread::sleep(Duration::from_millis(50));
                }
                Err(e) => panic!("cannot connect to {database} as {role}: {e}\n{}", self.log()),
            }
        }
    }

    /// A fresh database with the extension.
    pub fn extended(self: &Arc<Self>, name: &str) -> Database {
        self.connect("postgres").run(&format!("CREATE DATABASE {name}"));
        self.connect(name).run("CREATE EXTENSION pg_categorize");
        Database { cluster: self.clone(), name: name.to_owned() }
    }

    /// A client program such as `psql` or `pg_dump`, told where the cluster is.
    pub fn client(&self, program: &str) -> Command {
        let mut command = self.tools.program(program);
        command.env("PGHOST", &self.home).env("PGPORT", self.port.to_string()).env("PGUSER", "postgres");
        command
    }

    /// Runs a client program to its end and returns what it printed.
    ///
    /// # Panics
    /// Where it fails.
    pub fn run(&self, program: &str, arguments: &[&str]) -> String {
        let mut command = self.client(program);
        command.args(arguments);
        String::from_utf8_lossy(&finish(command).stdout).into_owned()
    }

    /// The server's log.
    pub fn log(&self) -> String {
        std::fs::read(self.home.join("log")).map(|log| String::from_utf8_lossy(&log).into_owned()).unwrap_or_default()
    }

    /// Asserts that the server complained of nothing that we left open, and that nothing crashed.
    pub fn assert_tidy(&self) {
        const UNTIDY: [&str; 7] =
            ["leak", "not closed", "still referenced", "PANIC:", "terminated by signal", "TRAP:", "snapshot reference"];
        let log = self.log();
        let found: Vec<&str> = log.lines().filter(|line| UNTIDY.iter().any(|word| line.contains(word))).collect();
        assert!(found.is_empty(), "the server's log complains:\n{}", found.join("\n"));
    }
}
