//! One cluster for all cheap tests of a binary, a database for each.

use crate::{Cluster, Database};
use std::sync::{Arc, OnceLock};

static SHARED: OnceLock<Arc<Cluster>> = OnceLock::new();

/// A fresh database with the extension in the cluster that all tests of this binary share. The library is preloaded.
pub fn shared(name: &str) -> Database {
    let cluster = SHARED.get_or_init(|| {
        // A test that hangs shall say so. No statement of ours takes that long.
        let builder = Cluster::builder().conf("statement_timeout = '60s'");
        let cluster = builder.conf("max_prepared_transactions = 10").start();
        // The roles that the extension makes are the server's: made before tests that begin at the same time make them.
        cluster.connect("postgres").run("CREATE EXTENSION pg_categorize");
        Arc::new(cluster)
    });
    cluster.clone().extended(name)
}
