//! What an indexer does and what it leaves alone.

use crate::{ASKED, TEACH, await_answer, await_idle, stocked, table};
use pg_categorize_e2e::{eventually, within};

#[test]
fn what_a_long_transaction_taught_is_found_when_it_commits() {
    let Some((database, mut session)) = stocked("long") else { return };
    session.run(TEACH);
    await_answer(&mut session, ASKED);
    let mut slow = database.session();
    slow.run("BEGIN; SELECT categorize.correct('slow hammer', 'Tools')");
    // Others teach and are indexed meanwhile: the moment until which all is done must not pass what is not committed.
    for i in 0..3 {
        session.run(&format!("SELECT categorize.correct('quick hammer number {i}', 'Tools')"));
        eventually("the quick one has its vector", 30, || {
            session.one::<i64>(&format!("SELECT count(*) FROM categorize.suggest('quick hammer number {i}', 9) WHERE text = 'quick hammer number {i}'")) == 1
        });
    }
    await_idle(&mut session);
    slow.run("COMMIT");
    eventually("the slow one has its vector", 30, || {
        session.one::<i64>("SELECT count(*) FROM categorize.suggest('slow hammer', 9) WHERE text = 'slow hammer'") == 1
    });
}

#[test]
fn vectors_of_what_went_past_our_functions_go_with_the_next_sweep() {
    let Some((_, mut session)) = stocked("swept") else { return };
    session.run(TEACH);
    await_answer(&mut session, ASKED);
    await_idle(&mut session);
    session.run("DELETE FROM categorize.cache WHERE input LIKE 'red%'");
    let count = format!("SELECT count(*) FROM {}", table(&mut session));
    // An hour passes.
    session.run("UPDATE categorize.embedding_index SET swept_at = swept_at - interval '2 hours'");
    session.run("SELECT categorize.correct('one more novel', 'Books')");
    eventually("the vector is gone", 30, || session.one::<i64>(&count) == 13);
    assert_eq!(session.one::<i64>("SELECT rows FROM categorize.embedding_index"), 13);
}

#[test]
fn who_forgets_waits_for_no_index_that_is_being_built() {
    let Some((database, mut session)) = stocked("forgets") else { return };
    session.run(TEACH);
    await_answer(&mut session, ASKED);
    await_idle(&mut session);
    let table = table(&mut session);
    let count = format!("SELECT count(*) FROM {table}");
    // What CREATE INDEX holds.
    let mut builder = database.session();
    builder.run(&format!("BEGIN; LOCK TABLE {table} IN SHARE MODE"));
    within("forget()", 10, || session.run("SELECT categorize.forget('red cotton shirt for men')"));
    assert_eq!(session.one::<i64>(&count), 13);
    let shown = "SELECT count(*) FROM categorize.suggest('red cotton shirt for men', 20) WHERE text LIKE 'red%'";
    assert_eq!(session.one::<i64>(shown), 0);
    builder.run("COMMIT");
    await_idle(&mut session);
    // An hour passes.
    session.run("UPDATE categorize.embedding_index SET swept_at = swept_at - interval '2 hours'");
    session.run("SELECT categorize.forget('blue cotton shirt for men')");
    assert_eq!(session.one::<i64>(&count), 12, "nobody builds any more");
    session.run("SELECT categorize.correct('one more novel', 'Books')");
    eventually("the new one has its vector", 30, || {
        session.one::<i64>("SELECT count(*) FROM categorize.suggest('one more novel', 1) WHERE text = 'one more novel'")
            == 1
    });
    eventually("the vector is gone", 30, || session.one::<i64>(&count) == 12);
}

#[test]
fn a_session_that_reads_an_old_index_holds_up_nobody() {
    let Some((database, mut session)) = stocked("reader") else { return };
    session.run(TEACH);
    await_answer(&mut session, ASKED);
    let mut reader = database.session();
    reader.run("BEGIN ISOLATION LEVEL REPEATABLE READ");
    assert_eq!(crate::source(&mut reader, ASKED), "similarity");
    session.run("SELECT categorize.drop_taxonomy('t')");
    await_idle(&mut session);
    // The table is still there for who reads it, and goes with the next indexing.
    assert_eq!(crate::source(&mut reader, "pink cotton shirt for men"), "similarity");
    reader.run("COMMIT");
    session.run("SELECT categorize.create_taxonomy('t', ARRAY['Shirts', 'Books', 'Tools'])");
    session.run(TEACH);
    eventually("one index is left", 30, || crate::states(&mut session) == ["ready"]);
}
