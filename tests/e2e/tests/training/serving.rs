//! Who answers with a model, and from when on.

use crate::{stock, stocked, teach};
use pg_categorize_e2e::{Cluster, Session};
use std::sync::Arc;

fn source(session: &mut Session) -> Option<String> {
    session.text("SELECT concat_ws(' ', category, evidence->>'method', evidence->>'model_version') FROM categorize_detail('a zorbix vumo')")
}

#[test]
fn other_sessions_see_a_choice_from_their_next_statement_on() {
    let (database, mut session) = stocked("choices");
    session.run(&teach(200));
    let mut other = database.session();
    assert_eq!(other.text("SELECT categorize('a zorbix vumo')"), None);
    session.run("SELECT categorize.train('t'); SELECT categorize.train('t')");
    assert_eq!(source(&mut other).as_deref(), Some("Toys trained 1"));
    assert_eq!(other.text("SELECT categorize('a zorbix vumo')").as_deref(), Some("Toys"));
    session.run("SELECT categorize.activate_model('t', 2)");
    assert_eq!(source(&mut other).as_deref(), Some("Toys trained 2"));
    session.run("SELECT categorize.activate_model('t', 0)");
    assert_eq!(other.text("SELECT categorize('a zorbix vumo')"), None);
    session.run("BEGIN; SELECT categorize.activate_model('t', 1)");
    assert_eq!(other.text("SELECT categorize('a zorbix vumo')"), None);
    session.run("COMMIT");
    assert_eq!(source(&mut other).as_deref(), Some("Toys trained 1"));
    // Plain statements of the owner tell, too.
    session.run("DELETE FROM categorize.local_model");
    assert_eq!(other.text("SELECT categorize('a zorbix vumo')"), None);
    database.cluster.assert_tidy();
}

#[test]
fn parallel_workers_answer_with_it() {
    let (database, mut session) = stocked("workers");
    session.run(&teach(200));
    session.run("SELECT categorize.train('t')");
    session.run(
        "CREATE TABLE titles AS SELECT (ARRAY['a zorbix vumo ', 'some novel ', 'qwxv '])[i % 3 + 1] || i AS title FROM generate_series(1, 20000) i;
         ANALYZE titles",
    );
    let answers = "SELECT string_agg(c || n, ' ' ORDER BY c) FROM (SELECT coalesce(categorize(title), 'none') AS c, count(*) AS n FROM titles GROUP BY 1) s";
    session.run("SET max_parallel_workers_per_gather = 0");
    let serial = session.text(answers).expect("rows");
    assert!(serial.contains("Books") && serial.contains("Toys66"), "{serial}");
    session.run(
        "SET max_parallel_workers_per_gather = 2; SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0;
         SET min_parallel_table_scan_size = 0",
    );
    let plan: Vec<String> = session.column(&format!("EXPLAIN {answers}"));
    assert!(plan.iter().any(|line| line.contains("Workers Planned")), "{plan:?}");
    assert_eq!(session.text(answers).as_deref(), Some(serial.as_str()));
    database.cluster.assert_tidy();
}

#[test]
fn a_standby_answers_with_it_and_trains_nothing() {
    let primary = Cluster::builder().conf("wal_level = replica").conf("max_wal_senders = 3");
    let (database, mut session) = stock(Arc::new(primary.start()).extended("shop"));
    session.run(&teach(200));
    let standby = database.cluster.replica();
    let mut reader = standby.connect("shop");
    assert_eq!(reader.text("SELECT categorize('a zorbix vumo')"), None);
    session.run("SELECT categorize.train('t')");
    standby.catch_up(&database.cluster);
    assert_eq!(source(&mut reader).as_deref(), Some("Toys trained 1"));
    reader.refused("25006", "SELECT categorize.train('t')");
    reader.refused("25006", "SELECT categorize.activate_model('t', 0)");
    assert_eq!(reader.one::<i64>("SELECT count(*) FROM categorize.local_models WHERE active"), 1);
    session.run("SELECT categorize.activate_model('t', 0)");
    standby.catch_up(&database.cluster);
    assert_eq!(reader.text("SELECT categorize('a zorbix vumo')"), None);
    standby.assert_tidy();
    database.cluster.assert_tidy();
}
