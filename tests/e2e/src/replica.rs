//! A streaming standby.

use crate::{Cluster, eventually};

impl Cluster {
    /// A hot standby that streams from this cluster, on the same settings.
    pub fn replica(&self) -> Cluster {
        let replica = Cluster::prepare();
        let mut backup = self.client("pg_basebackup");
        backup.args(["-X", "stream", "-c", "fast", "-R", "--no-sync", "-D"]).arg(replica.data());
        crate::tools::finish(backup);
        replica.configure(&replica.place());
        replica.start();
        replica
    }

    /// Waits until this standby has replayed all that the primary has committed.
    pub fn catch_up(&self, primary: &Cluster) {
        let end: String = primary.connect("postgres").one("SELECT pg_current_wal_lsn()::text");
        let mut session = self.connect("postgres");
        let replayed = format!("SELECT coalesce(pg_last_wal_replay_lsn() >= '{end}', false)");
        eventually("the standby replays", 30, || session.one(&replayed));
    }
}
