//! Similar earlier texts: who makes their vectors, when they count, and what a crash, a drop or a dump leaves.
//!
//! Without pgvector beside the server nothing of it can be seen, and the tests say so.

mod answers;
mod bound;
mod building;
mod life;
mod share;
mod trigrams;
mod upkeep;

use pg_categorize_e2e::{Database, Session, Tools, eventually, shared};

/// Whether pgvector is installed beside the server.
fn is_possible() -> bool {
    let possible = Tools::from_env().share().join("extension/vector.control").exists();
    if !possible {
        println!("skipped: the server has no pgvector");
    }
    possible
}

/// A database with pgvector, and in it taxonomy `t` as the default one, in which nothing but similar texts answers beside
/// what is known exactly.
fn stocked(name: &str) -> Option<(Database, Session)> {
    is_possible().then(|| stock(shared(name)))
}

fn stock(database: Database) -> (Database, Session) {
    let mut session = database.session();
    session.run(&format!("ALTER DATABASE {} SET categorize.taxonomy = 't'", database.name));
    session.run(
        r#"CREATE EXTENSION vector;
           SELECT categorize.create_taxonomy('t', ARRAY['Shirts', 'Books', 'Tools']);
           SELECT categorize.configure('t', '{"tiers": ["correction", "cache", "similarity"], "similarity_threshold": 0.7}')"#,
    );
    (database.clone(), database.session())
}

/// Teaches texts that are near to [`ASKED`], and others that are not.
const TEACH: &str = "SELECT categorize.learn($$
    SELECT colour || ' cotton shirt for men', 'Shirts' FROM unnest(ARRAY['red', 'blue', 'green', 'white', 'black', 'grey', 'brown']) AS colour
    UNION ALL SELECT 'hardcover novel about ' || topic, 'Books' FROM unnest(ARRAY['love', 'war', 'peace', 'crime', 'nature', 'school']) AS topic$$)";

/// A title that nobody taught; all of its neighbours are shirts.
const ASKED: &str = "yellow cotton shirt for men";

/// Where the answer to a title comes from.
fn source(session: &mut Session, title: &str) -> String {
    session.one_of("SELECT source FROM categorize_detail($1)", &[&title])
}

/// What `explain()` says of the tier.
fn explained(session: &mut Session, title: &str) -> String {
    session.one_of("SELECT detail FROM categorize.explain($1) WHERE tier = 'similarity'", &[&title])
}

/// Waits until similar texts answer.
fn await_answer(session: &mut Session, title: &str) {
    // Who finds no index asks for one once a minute.
    eventually("similar texts answer", 90, || source(session, title) == "similarity");
}

/// The state of the indexes of all taxonomies, newest last.
fn states(session: &mut Session) -> Vec<String> {
    session.column("SELECT state FROM categorize.embedding_index ORDER BY id")
}

/// The table of the index that answers.
fn table(session: &mut Session) -> String {
    session.one("SELECT 'categorize.embedding_' || id FROM categorize.embedding_index WHERE state = 'ready'")
}

/// How many vectors that table has.
fn vectors(session: &mut Session) -> i64 {
    let table = table(session);
    session.one(&format!("SELECT count(*) FROM {table}"))
}

/// The process that makes vectors in the session's database, if there is one.
fn indexer(session: &mut Session) -> Option<i32> {
    let sql = "SELECT pid FROM pg_stat_activity WHERE backend_type = 'pg_categorize indexer' AND datname = current_database()";
    session.column(sql).pop()
}

/// Waits until no process makes vectors.
fn await_idle(session: &mut Session) {
    eventually("the indexer ends", 120, || indexer(session).is_none());
}
