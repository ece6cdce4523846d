//! One connection, with what tests ask of it.

use postgres::error::DbError;
use postgres::types::{FromSqlOwned, ToSql};
use postgres::{Client, Config, NoTls};
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex};

/// A client that keeps the WARNINGs it was sent.
pub struct Session {
    client: Client,
    warnings: Arc<Mutex<Vec<String>>>,
}

impl Deref for Session {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

impl DerefMut for Session {
    fn deref_mut(&mut self) -> &mut Client {
        &mut self.client
    }
}

impl Session {
    /// Connects.
    ///
    /// # Errors
    /// Those of the server or the socket.
    pub fn open(config: &Config) -> Result<Self, postgres::Error> {
        let warnings = Arc::new(Mutex::new(Vec::new()));
        let kept = warnings.clone();
        let mut config = config.clone();
        config.notice_callback(move |notice| {
            if notice.severity() == "WARNING" {
                kept.lock().expect("no test panics here").push(notice.message().to_owned());
            }
        });
        Ok(Self { client: config.connect(NoTls)?, warnings })
    }

    /// Runs statements without parameters.
    pub fn run(&mut self, sql: &str) {
        self.client.batch_execute(sql).unwrap_or_else(|e| panic!("{sql}\nfailed: {}", describe(&e)));
    }

    /// The one value of a query of one row and column.
    pub fn one<T: FromSqlOwned>(&mut self, sql: &str) -> T {
        self.one_of(sql, &[])
    }

    /// As [`Session::one`], with parameters.
    pub fn one_of<T: FromSqlOwned>(&mut self, sql: &str, parameters: &[&(dyn ToSql + Sync)]) -> T {
        let row = self.client.query_one(sql, parameters);
        row.unwrap_or_else(|e| panic!("{sql}\nfailed: {}", describe(&e))).get(0)
    }

    /// The one text, or NULL, of a query of one row and column.
    pub fn text(&mut self, sql: &str) -> Option<String> {
        self.one(sql)
    }

    /// The first column of all rows.
    pub fn column<T: FromSqlOwned>(&mut self, sql: &str) -> Vec<T> {
        let rows = self.client.query(sql, &[]).unwrap_or_else(|e| panic!("{sql}\nfailed: {}", describe(&e)));
        rows.iter().map(|row| row.get(0)).collect()
    }

    /// Runs statements that must fail with this SQLSTATE, and returns the error.
    ///
    /// # Panics
    /// Where they succeed or fail otherwise.
    pub fn refused(&mut self, state: &str, sql: &str) -> DbError {
        match self.client.batch_execute(sql) {
            Ok(()) => panic!("{sql}\nshould have failed with {state}"),
            Err(e) => {
                let error = e.as_db_error().unwrap_or_else(|| panic!("{sql}\nfailed otherwise: {e}")).clone();
                assert_eq!(error.code().code(), state, "{sql}\nfailed otherwise: {error:?}");
                error
            }
        }
    }

    /// Process id of the backend.
    pub fn pid(&mut self) -> i32 {
        self.one("SELECT pg_backend_pid()")
    }

    /// The WARNINGs since the last call.
    pub fn warnings(&mut self) -> Vec<String> {
        // Notices travel before the next reply.
        _ = self.client.simple_query("");
        std::mem::take(&mut *self.warnings.lock().expect("no test panics here"))
    }
}

/// What an error says, with its SQLSTATE where the server sent it.
pub(crate) fn describe(error: &postgres::Error) -> String {
    match error.as_db_error() {
        Some(e) => format!(
            "{} {}\ndetail: {}\nhint: {}\ncontext: {}",
            e.code().code(),
            e.message(),
            e.detail().unwrap_or("-"),
            e.hint().unwrap_or("-"),
            e.where_().unwrap_or("-")
        ),
        None => error.to_string(),
    }
}
