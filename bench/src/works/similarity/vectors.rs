//! Vectors of what is known: getting them made, and how they are.

use crate::bench::step;
use pg_categorize_core::embedding::{DIMENSIONS, embed};
use pg_categorize_core::normalise::{Case, normalise};
use pg_categorize_e2e::Session;
use std::time::{Duration, Instant};

/// Patience with a worker that makes vectors.
const PATIENCE: Duration = Duration::from_secs(3600);

/// An index of embeddings that answers.
#[derive(Debug, Clone)]
pub struct Index {
    /// Its table.
    pub table: String,
    /// Whether an HNSW index serves it.
    pub has_hnsw: bool,
    /// From the end of the statement that taught the texts until all of them could be found.
    pub took: Duration,
    /// Bytes of its table, and of the indexes on vectors.
    pub bytes: (i64, i64),
}

/// Installs pgvector.
///
/// # Errors
/// What to say where there is none.
pub fn install(session: &mut Session) -> Result<(), &'static str> {
    let sql = "SELECT EXISTS (SELECT FROM pg_available_extensions
                               WHERE name = 'vector' AND string_to_array(default_version, '.')::int[] >= '{0,8}')";
    if !session.one::<bool>(sql) {
        return Err("skipped: pgvector 0.8 or later is absent");
    }
    session.run("CREATE EXTENSION IF NOT EXISTS vector");
    Ok(())
}

/// Waits until the workers have indexed all that is known in a taxonomy.
///
/// # Panics
/// Where they do not.
pub fn await_index(session: &mut Session, taxonomy: &str, rows: i64) -> Index {
    step(&format!("waiting for the vectors of {taxonomy}"), || {
        let start = Instant::now();
        // What is indexed shows by its rows; that it is ready, by the state.
        let sql = format!(
            "SELECT i.id, i.has_hnsw FROM categorize.embedding_index i JOIN categorize.taxonomy t ON t.id = i.taxonomy_id
              WHERE t.name = '{taxonomy}' AND i.state = 'ready' AND i.rows >= {rows}
                AND NOT EXISTS (SELECT FROM categorize.embedding_index b WHERE b.taxonomy_id = t.id AND b.state = 'building')"
        );
        loop {
            let found = session.query_opt(&sql, &[]).unwrap_or_else(|e| panic!("{sql}: {e}"));
            if let Some(row) = found {
                let table = format!("categorize.embedding_{}", row.get::<_, i32>(0));
                let took = start.elapsed();
                return Index { has_hnsw: row.get(1), took, bytes: bytes(session, &table), table };
            }
            assert!(start.elapsed() < PATIENCE, "no worker has indexed {taxonomy}:\n{}", state(session));
            std::thread::sleep(Duration::from_millis(200));
        }
    })
}

fn bytes(session: &mut Session, table: &str) -> (i64, i64) {
    let hnsw = format!(
        "SELECT coalesce(sum(pg_relation_size(x.indexrelid)), 0)::bigint FROM pg_index x
           JOIN pg_class c ON c.oid = x.indexrelid JOIN pg_am m ON m.oid = c.relam
          WHERE x.indrelid = '{table}'::regclass AND m.amname = 'hnsw'"
    );
    (session.one(&format!("SELECT pg_table_size('{table}')")), session.one(&hnsw))
}

fn state(session: &mut Session) -> String {
    session.column::<String>("SELECT i::text FROM categorize.embedding_index i").join("\n")
}

/// The vector of a title, as pgvector reads it; none where nothing of it is known.
pub fn literal(title: &str) -> Option<String> {
    let embedding = embed(&normalise(title, Case::Folded))?;
    let numbers: [f32; DIMENSIONS] = embedding.0;
    let written: Vec<String> = numbers.iter().map(ToString::to_string).collect();
    Some(format!("[{}]", written.join(",")))
}
