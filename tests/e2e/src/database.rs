//! A database with the extension in it.

use crate::{Cluster, Session};
use std::sync::Arc;

/// One database of a cluster, which stays up as long as the handle lives.
#[derive(Clone)]
pub struct Database {
    /// Its cluster.
    pub cluster: Arc<Cluster>,
    /// Its name.
    pub name: String,
}

impl Database {
    /// A new connection to it as the superuser.
    pub fn session(&self) -> Session {
        self.cluster.connect(&self.name)
    }

    /// A new connection to it as this role.
    pub fn session_as(&self, role: &str) -> Session {
        self.cluster.connect_as(&self.name, role)
    }
}
