//! Commits that fall into the middle of another session's statement: it keeps one view, the next one sees the new.

use crate::ask;
use crate::changes::INPUT;
use pg_categorize_e2e::{Cluster, Database, Session, shared};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

/// A taxonomy `t` in which the input is learnt as Books.
fn taught(name: &str) -> (Database, Session, Session) {
    let database = shared(name);
    let (a, b) = teach(&database);
    (database, a, b)
}

fn teach(database: &Database) -> (Session, Session) {
    let (mut a, b) = (database.session(), database.session());
    a.run("SELECT categorize.create_taxonomy('t', ARRAY['Books', 'Toys'])");
    a.run(&format!("SELECT categorize.learn($$SELECT '{INPUT}', 'Books'$$, 't')"));
    (a, b)
}

fn correct(session: &mut Session) {
    session.run(&format!("SELECT categorize.correct('{INPUT}', 'Toys', 't')"));
}

/// Runs `sql` in B and corrects the input in A meanwhile; returns the distinct answers of B's statement.
fn corrected_meanwhile(a: &mut Session, mut b: Session, sql: &str) -> (Vec<String>, Session) {
    let sql = sql.replace("{input}", INPUT);
    let asking = thread::spawn(move || {
        let answers: Vec<Option<String>> = b.column(&sql);
        let mut answers: Vec<String> = answers.into_iter().map(|a| a.unwrap_or_else(|| "nothing".into())).collect();
        answers.sort();
        answers.dedup();
        (answers, b)
    });
    thread::sleep(Duration::from_millis(600));
    correct(a);
    asking.join().expect("no panic")
}

#[test]
fn a_long_select_keeps_one_view() {
    let (_database, mut a, b) = taught("long_select");
    let sql = "SELECT categorize('{input}', 't') FROM generate_series(1, 30) i WHERE pg_sleep(0.05) IS NOT NULL";
    let (said, mut b) = corrected_meanwhile(&mut a, b, sql);
    assert_eq!(said, ["Books"]);
    assert_eq!(ask(&mut b, "t").as_deref(), Some("Toys"));
}

/// Locking a table takes the messages in, in the middle of the statement.
#[test]
fn a_long_select_keeps_one_view_when_the_message_arrives_within() {
    let (_database, mut a, mut b) = taught("message_within");
    b.run(
        "CREATE TABLE other (i int);
         CREATE FUNCTION touch() RETURNS boolean LANGUAGE plpgsql AS $$
         BEGIN
             PERFORM pg_sleep(0.05);
             LOCK TABLE other IN ACCESS SHARE MODE;
             RETURN true;
         END $$",
    );
    let sql = "SELECT categorize('{input}', 't') FROM generate_series(1, 30) i WHERE touch()";
    let (said, mut b) = corrected_meanwhile(&mut a, b, sql);
    assert_eq!(said, ["Books"]);
    assert_eq!(ask(&mut b, "t").as_deref(), Some("Toys"));
}

/// The first call comes after the commit, under a snapshot from before: what is loaded then is stale when it is loaded.
#[test]
fn a_first_call_under_an_old_snapshot_leaves_nothing_stale() {
    let sql = "WITH late AS MATERIALIZED (SELECT pg_sleep(1.2)) SELECT categorize('{input}', 't') FROM late";
    let (_database, mut a, b) = taught("cold");
    let (said, mut b) = corrected_meanwhile(&mut a, b, sql);
    assert_eq!(said, ["Books"], "a session that had not asked before");
    assert_eq!(ask(&mut b, "t").as_deref(), Some("Toys"));

    a.run(&format!("SELECT categorize.drop_correction('{INPUT}', 't')"));
    assert_eq!(ask(&mut b, "t").as_deref(), Some("Books"));
    let (said, mut b) = corrected_meanwhile(&mut a, b, sql);
    assert_eq!(said, ["Books"], "a session that had asked before");
    assert_eq!(ask(&mut b, "t").as_deref(), Some("Toys"));
}

/// The leader of a parallel plan goes on to live after it, unlike its workers. A cluster of its own: what other tests
/// commit floods the queue of messages, and its overflow makes every session drop everything.
#[test]
fn a_parallel_plan_under_an_old_snapshot_leaves_nothing_stale() {
    let cluster = Arc::new(Cluster::builder().conf("autovacuum = off").start());
    let (mut a, mut b) = teach(&cluster.extended("shop"));
    // A row a page, so that leader and workers get some each, and a sleep before every call.
    b.run(
        "CREATE TABLE wide (pad text) WITH (fillfactor = 10);
         ALTER TABLE wide ALTER pad SET STORAGE PLAIN;
         INSERT INTO wide SELECT repeat('x', 6000) FROM generate_series(1, 6);
         ANALYZE wide;
         SET max_parallel_workers_per_gather = 2;
         SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0",
    );
    assert_eq!(ask(&mut b, "t").as_deref(), Some("Books"));
    let sql = "SELECT categorize('{input}', 't') FROM wide WHERE length(pad) + length(pg_sleep(0.9)::text) > 0";
    let (said, mut b) = corrected_meanwhile(&mut a, b, sql);
    assert_eq!(said, ["Books"]);
    assert_eq!(ask(&mut b, "t").as_deref(), Some("Toys"), "after the parallel plan");
}

#[test]
fn a_cursor_keeps_its_view_and_the_statements_beside_it_see_the_new() {
    let (database, mut a, mut b) = taught("cursor");
    let declare = format!("CURSOR FOR SELECT categorize('{INPUT}', 't') FROM generate_series(1, 10)");
    b.run(&format!("BEGIN; DECLARE begun {declare}; DECLARE unbegun {declare}"));
    assert_eq!(b.column::<String>("FETCH 3 FROM begun"), vec!["Books"; 3]);
    correct(&mut a);
    assert_eq!(b.column::<String>("FETCH 2 FROM begun"), vec!["Books"; 2]);
    assert_eq!(b.column::<String>("FETCH 2 FROM unbegun"), vec!["Books"; 2], "its snapshot is from before");
    assert_eq!(ask(&mut b, "t").as_deref(), Some("Toys"), "beside the cursors");
    assert_eq!(b.column::<String>("FETCH ALL FROM begun"), vec!["Books"; 5]);
    assert_eq!(b.column::<String>("FETCH ALL FROM unbegun"), vec!["Books"; 8]);
    assert_eq!(ask(&mut b, "t").as_deref(), Some("Toys"));
    b.run("COMMIT");
    assert_eq!(ask(&mut b, "t").as_deref(), Some("Toys"), "after commit");
    database.cluster.assert_tidy();
}

#[test]
fn a_cursor_keeps_its_view_against_its_own_transaction() {
    let (database, mut a, mut b) = taught("own_cursor");
    let declare = format!("CURSOR FOR SELECT categorize('{INPUT}', 't') FROM generate_series(1, 10)");
    b.run(&format!("BEGIN; DECLARE begun {declare}; DECLARE unbegun {declare}"));
    assert_eq!(b.column::<String>("FETCH 3 FROM begun"), vec!["Books"; 3]);
    correct(&mut b);
    assert_eq!(b.column::<String>("FETCH 2 FROM unbegun"), vec!["Books"; 2]);
    assert_eq!(ask(&mut b, "t").as_deref(), Some("Toys"));
    assert_eq!(b.column::<String>("FETCH ALL FROM begun"), vec!["Books"; 7]);
    assert_eq!(ask(&mut b, "t").as_deref(), Some("Toys"));
    b.run("ROLLBACK");
    assert_eq!(ask(&mut b, "t").as_deref(), Some("Books"));
    assert_eq!(ask(&mut a, "t").as_deref(), Some("Books"));
    database.cluster.assert_tidy();
}

/// What is loaded under an old snapshot is of no use to later statements, but it is to the later rows of this one.
#[test]
fn a_commit_in_mid_statement_does_not_slow_the_rest() {
    let database = shared("slow_rest");
    let mut a = database.session();
    let rows = "FROM generate_series(1, 20000) i
                CROSS JOIN LATERAL (SELECT CASE WHEN i = 1 THEN pg_sleep(1.2)::text ELSE '' END AS waited OFFSET 0) w";
    a.run(
        "CREATE TABLE filled (title text, category text);
         CREATE TRIGGER fill BEFORE INSERT ON filled FOR EACH ROW EXECUTE FUNCTION categorize_trigger('title', 'category')",
    );
    for statement in [
        format!("SELECT m.category {rows} CROSS JOIN LATERAL categorize_many(ARRAY['qwxv ' || i || waited]) m"),
        format!("INSERT INTO filled SELECT 'qwxv ' || i || waited {rows} RETURNING category"),
    ] {
        let mut b = database.session();
        b.run("SELECT categorize('qwxv'); SET statement_timeout = '20s'");
        let running = thread::spawn(move || b.column::<Option<String>>(&statement).len());
        thread::sleep(Duration::from_millis(600));
        a.run("SELECT categorize.correct('something else', 'Audio')");
        assert_eq!(running.join().expect("in time"), 20000);
    }
}
