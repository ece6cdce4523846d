//! What a cluster is started with.

use crate::Cluster;
use crate::tools::finish;

/// What a cluster is started with.
#[derive(Debug, Clone)]
pub struct Builder {
    preload: Vec<String>,
    lines: Vec<String>,
}

impl Builder {
    /// Whether `pg_categorize` is in `shared_preload_libraries` (it is unless said otherwise).
    pub fn preload(mut self, preload: bool) -> Self {
        self.preload.retain(|library| library != "pg_categorize" || preload);
        self
    }

    /// Preloads one more library.
    pub fn also_preload(mut self, library: &str) -> Self {
        self.preload.push(library.to_owned());
        self
    }

    /// Adds a line to `postgresql.conf`.
    pub fn conf(mut self, line: &str) -> Self {
        self.lines.push(line.to_owned());
        self
    }

    /// Initialises and starts the cluster.
    ///
    /// # Panics
    /// Where it does not start; with the end of its log.
    pub fn start(self) -> Cluster {
        let cluster = Cluster::prepare();
        let mut initdb = cluster.tools.program("initdb");
        initdb.args(["-U", "postgres", "--encoding=UTF8", "--locale=C.UTF-8", "-A", "trust", "--no-sync", "-D"]);
        initdb.arg(cluster.data());
        finish(initdb);
        let mut lines = vec![
            "listen_addresses = ''".to_owned(),
            format!("shared_preload_libraries = '{}'", self.preload.join(",")),
            // A throwaway cluster need not survive a power cut. A crash of the server loses nothing with this.
            "fsync = off".to_owned(),
            "timezone = 'UTC'".to_owned(),
            "shared_buffers = '64MB'".to_owned(),
            "max_connections = 40".to_owned(),
            // What a test teaches shall be trained when the test says so.
            "categorize.train_after_growth = 0".to_owned(),
            "categorize.train_after_corrections = 0".to_owned(),
        ];
        lines.extend(cluster.place());
        lines.extend(self.lines);
        cluster.configure(&lines);
        cluster.start();
        cluster
    }
}

impl Cluster {
    /// A cluster with the library preloaded, unless the builder is told otherwise.
    pub fn builder() -> Builder {
        Builder { preload: vec!["pg_categorize".to_owned()], lines: Vec::new() }
    }
}
