//! Without pgvector, with it and without it again; dump and restore.

use crate::{ASKED, TEACH, await_answer, await_idle, explained, is_possible, source, states, stocked, table};
use pg_categorize_e2e::{eventually, shared};

#[test]
fn without_pgvector_the_tier_says_so_and_nothing_fails() {
    let database = shared("without");
    let mut session = database.session();
    session.run(
        r#"SELECT categorize.create_taxonomy('t', ARRAY['Shirts', 'Books', 'Tools']);
           SELECT categorize.configure('t', '{"tiers": ["correction", "cache", "similarity"], "similarity_threshold": 0.7}');
           SET categorize.taxonomy = 't'"#,
    );
    session.run(TEACH);
    assert_eq!(source(&mut session, ASKED), "unresolved");
    assert!(explained(&mut session, ASKED).contains("pgvector"), "{}", explained(&mut session, ASKED));
    // Few texts are compared without it.
    let near: Vec<String> = session.column("SELECT category FROM categorize.suggest('yellow cotton shirt for men', 3)");
    assert_eq!(near, ["Shirts"; 3]);
    if !is_possible() {
        return;
    }
    // Reading alone has the index built.
    session.run("CREATE EXTENSION vector");
    assert!(explained(&mut session, ASKED).contains("not built yet"));
    await_answer(&mut session, ASKED);
    // As a DBA expects: refused while something depends on it, and with CASCADE the vectors go, not what they are made of.
    let error = session.refused("2BP01", "DROP EXTENSION vector");
    assert!(error.detail().is_some_and(|detail| detail.contains("categorize.embedding_")), "{error:?}");
    session.run("DROP EXTENSION vector CASCADE");
    assert_eq!(source(&mut session, ASKED), "unresolved");
    assert!(explained(&mut session, ASKED).contains("pgvector"));
    session.run("CREATE EXTENSION vector; SELECT categorize.correct('purple cotton shirt for men', 'Shirts')");
    await_answer(&mut session, ASKED);
    await_idle(&mut session);
    assert_eq!(states(&mut session), ["ready"]);
    database.cluster.assert_tidy();
}

#[test]
fn what_was_damaged_is_made_anew() {
    let Some((_, mut session)) = stocked("damaged") else { return };
    session.run(TEACH);
    await_answer(&mut session, ASKED);
    let teach = "SELECT categorize.correct(gen_random_uuid() || ' novel', 'Books')";
    // A table that is gone, and one of vectors of another length.
    let gone = table(&mut session);
    session.run(&format!("ALTER EXTENSION pg_categorize DROP TABLE {gone}; DROP TABLE {gone}"));
    assert!(explained(&mut session, ASKED).contains("not built yet"));
    await_answer(&mut session, ASKED);
    let wrong = table(&mut session);
    assert_ne!(wrong, gone);
    session.run(&format!("TRUNCATE {wrong}; ALTER TABLE {wrong} ALTER COLUMN embedding TYPE halfvec(3) USING NULL"));
    assert_eq!(source(&mut session, ASKED), "unresolved");
    session.run(teach);
    await_answer(&mut session, ASKED);
    // A vector that says nothing is no neighbour, whatever its distance.
    let table = table(&mut session);
    session.run(&format!("UPDATE {table} SET embedding = array_fill(0::real, ARRAY[256])::halfvec"));
    session.run("SELECT categorize.correct('make all memos stale', 'Tools')");
    assert_eq!(source(&mut session, ASKED), "unresolved");
    let nan =
        format!("UPDATE {table} SET embedding = (ARRAY['NaN'::real] || array_fill(0::real, ARRAY[255]))::halfvec");
    session.refused("22000", &nan);
}

#[test]
fn a_dump_leaves_vectors_out_and_a_restore_makes_them_anew() {
    let Some((database, mut session)) = stocked("dumped") else { return };
    session.run(TEACH);
    await_answer(&mut session, ASKED);
    let dump = database.cluster.run("pg_dump", &["dumped"]);
    assert!(dump.contains("yellow") || dump.contains("cotton shirt"), "texts are dumped");
    assert!(!dump.contains("embedding_"), "vectors are not");
    let file = database.cluster.file("dumped.sql");
    database.cluster.run("pg_dump", &["-f", file.to_str().expect("plain"), "dumped"]);
    session.run("CREATE DATABASE restored");
    session.run("ALTER DATABASE restored SET categorize.taxonomy = 't'");
    database
        .cluster
        .run("psql", &["-v", "ON_ERROR_STOP=1", "-q", "-d", "restored", "-f", file.to_str().expect("plain")]);
    let mut restored = database.cluster.connect("restored");
    // Nobody teaches: who asks has the index built.
    await_answer(&mut restored, ASKED);
    assert_eq!(states(&mut restored), ["ready"]);
    database.cluster.assert_tidy();
}

#[test]
fn what_is_not_stored_has_no_vector_and_a_dropped_taxonomy_leaves_none() {
    let Some((_, mut session)) = stocked("private") else { return };
    session.run(r#"SELECT categorize.configure('t', '{"store_input": false}')"#);
    session.run(TEACH);
    assert!(explained(&mut session, ASKED).contains("store_input"));
    session.run(r#"SELECT categorize.configure('t', '{"store_input": true}')"#);
    session.run(TEACH);
    await_answer(&mut session, ASKED);
    session.run("SELECT categorize.drop_taxonomy('t')");
    eventually("its vectors are gone", 30, || states(&mut session).is_empty());
    assert_eq!(session.one::<i64>("SELECT count(*) FROM pg_class WHERE relname ~ '^embedding_[0-9]'"), 0);
}
