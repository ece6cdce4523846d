//! Real PostgreSQL clusters for tests and benchmarks: start, crash, replicate, dump, talk to.
//!
//! `PG_CONFIG` names the installation (`pg_config` of the PATH otherwise). As root, the servers run as the user named
//! by `PG_CATEGORIZE_RUNAS` (`postgres` otherwise), since Postgres refuses to run as root.
//!
//! ```no_run
//! use pg_categorize_e2e::Cluster;
//! let cluster = Cluster::builder().conf("work_mem = '256MB'").start();
//! let mut session = cluster.extended("shop").session();
//! assert!(session.text("SELECT categorize('Nike Air Max 270')").is_some());
//! ```

mod builder;
mod cluster;
mod control;
mod database;
mod dice;
mod reaper;
mod replica;
mod session;
mod shared;
mod tools;
mod wait;

pub use builder::Builder;
pub use cluster::Cluster;
pub use database::Database;
pub use dice::Dice;
pub use session::Session;
pub use shared::shared;
pub use tools::Tools;
pub use wait::{eventually, within};
