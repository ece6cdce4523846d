//! Texts that are compared by their trigrams: no model, no pgvector.

use crate::{ASKED, TEACH, await_answer, explained, source};
use pg_categorize_e2e::{Database, Session, eventually, shared};

/// A database without pgvector, and in it taxonomy `t`, whose texts are compared by trigrams.
fn stocked(name: &str, schema: Option<&str>) -> (Database, Session) {
    let database = shared(name);
    let mut session = database.session();
    session.run(&format!("ALTER DATABASE {} SET categorize.taxonomy = 't'", database.name));
    if let Some(schema) = schema {
        session.run(&format!("CREATE SCHEMA IF NOT EXISTS \"{schema}\"; CREATE EXTENSION pg_trgm SCHEMA \"{schema}\""));
    }
    session.run(
        r#"SELECT categorize.create_taxonomy('t', ARRAY['Shirts', 'Books', 'Tools']);
           SELECT categorize.configure('t', '{"tiers": ["correction", "cache", "similarity"], "embedding": "pg_trgm"}')"#,
    );
    (database.clone(), database.session())
}

fn state(session: &mut Session, model: &str) -> Option<String> {
    session.column(&format!("SELECT state FROM categorize.embedding_status WHERE model = '{model}'")).pop()
}

#[test]
fn they_answer_in_whatever_schema_the_extension_is() {
    let (_database, mut session) = stocked("trigrams", Some("other tools"));
    session.run(TEACH);
    await_answer(&mut session, ASKED);
    let said = explained(&mut session, ASKED);
    assert!(said.contains("nearest of 5 earlier texts Shirts"), "{said}");
    // Another number vetoes, as with vectors; what is far from all is below the threshold.
    session.run("SELECT categorize.learn($$ SELECT 'phone case model 15 ' || c, 'Tools' FROM unnest(ARRAY['red', 'blue', 'teal', 'pink', 'grey']) c $$)");
    eventually("it is indexed", 30, || explained(&mut session, "phone case model 16 red").contains("Tools"));
    let said = explained(&mut session, "phone case model 16 red");
    assert!(said.contains("numbers differ"), "{said}");
    assert_eq!(source(&mut session, "garden hose"), "unresolved");
    let near: Vec<String> = session.column("SELECT category FROM categorize.suggest('yellow cotton shirt', 3, 't')");
    assert_eq!(near, ["Shirts", "Shirts", "Shirts"]);
    let threshold = "SELECT value::text FROM categorize.settings('t') WHERE name = 'similarity_threshold'";
    assert_eq!(session.text(threshold).as_deref(), Some("0.6"));
}

#[test]
fn without_the_extension_the_tier_abstains_and_says_so() {
    let (_database, mut session) = stocked("trigrams_missing", None);
    session.run(TEACH);
    assert_eq!(source(&mut session, ASKED), "unresolved");
    let said = explained(&mut session, ASKED);
    assert!(said.contains("pg_trgm is not installed"), "{said}");
    // Suggestions are compared one by one, by the static table.
    assert_eq!(session.column::<String>("SELECT text FROM categorize.suggest('yellow cotton shirt', 2, 't')").len(), 2);
    // As soon as it is there, the next look has the index made.
    session.run("CREATE EXTENSION pg_trgm");
    await_answer(&mut session, ASKED);
    // And without it again nothing fails.
    session.run("DROP EXTENSION pg_trgm CASCADE");
    assert_eq!(source(&mut session, ASKED), "unresolved");
}

#[test]
fn an_index_of_trigrams_serves_many_texts_and_finds_what_comparing_all_finds() {
    let (_database, mut session) = stocked("trigrams_many", Some("public"));
    session.run("SELECT categorize.learn($$ SELECT 'steel hammer no ' || md5(i::text), 'Tools' FROM generate_series(1, 3000) i $$)");
    session.run(TEACH);
    await_answer(&mut session, ASKED);
    eventually("the index is built", 60, || {
        session.one::<i64>(
            "SELECT count(*) FROM pg_indexes WHERE schemaname = 'categorize' AND indexdef LIKE '%gist_trgm_ops%'",
        ) == 1
    });
    eventually("one answers", 30, || state(&mut session, "pg_trgm").as_deref() == Some("ready"));
    let table: String =
        session.one("SELECT 'categorize.embedding_' || id FROM categorize.embedding_index WHERE state = 'ready'");
    // Texts may be as near as others: how near they are is the same.
    let compared: Vec<f32> = session.column(&format!(
        "SELECT (1 - (normal <-> 'yellow cotton shirt for men'))::real FROM {table}
          ORDER BY (normal <-> 'yellow cotton shirt for men') + 0 LIMIT 5"
    ));
    let found: Vec<f32> =
        session.column("SELECT cosine FROM categorize.suggest('yellow cotton shirt for men', 5, 't')");
    assert_eq!((compared.len(), compared), (5, found));
}

#[test]
fn a_switch_serves_the_former_embedding_until_the_new_one_is_there() {
    let (_database, mut session) = stocked("trigrams_switch", Some("public"));
    session.run(TEACH);
    await_answer(&mut session, ASKED);
    // Without pgvector there is no index of vectors, and that of trigrams goes on.
    session.run(r#"SELECT categorize.configure('t', '{"embedding": "static"}')"#);
    assert_eq!(source(&mut session, ASKED), "similarity");
    if crate::is_possible() {
        session.run("CREATE EXTENSION vector");
        session.run("SELECT categorize.learn($$ VALUES ('another hardcover novel about stars', 'Books') $$)");
        eventually("vectors take over", 60, || state(&mut session, "pg_trgm").is_none());
        assert_eq!(state(&mut session, "minilm-256").as_deref(), Some("ready"));
        session.run(r#"SELECT categorize.configure('t', '{"embedding": "pg_trgm"}')"#);
        eventually("trigrams take over", 60, || state(&mut session, "minilm-256").is_none());
        assert_eq!(source(&mut session, ASKED), "similarity");
    }
}
