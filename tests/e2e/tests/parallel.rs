//! Parallel plans, read-only transactions and standbys answer as plain ones do.

use pg_categorize_e2e::{Cluster, Database, Session, shared};
use std::sync::Arc;

const FORCED: &str =
    "SET max_parallel_workers_per_gather = 2; SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0;
                      SET min_parallel_table_scan_size = 0";

/// Every tier answers some titles, and some stay without an answer.
fn stock(database: &Database) -> Session {
    let mut session = database.session();
    session.run(
        "CREATE TABLE titles AS
             SELECT i, (ARRAY['nike air max 270', 'learnt', 'ruled', 'corrected', 'qwxv'])[i % 5 + 1]
                       || CASE WHEN i % 5 = 0 THEN '' ELSE ' ' || i END AS title
               FROM generate_series(1, 20000) i;
         ANALYZE titles;
         SELECT categorize.learn($$SELECT title, 'Footwear' FROM titles WHERE title LIKE 'learnt %'$$);
         SELECT categorize.correct_many($$SELECT title, 'Clothing' FROM titles WHERE title LIKE 'corrected %'$$);
         SELECT categorize.add_rule('products', '^ruled \\d+$', 'Watches')",
    );
    session
}

/// Answers and their number, over the whole table.
const COUNTS: &str = "SELECT string_agg(line, ';' ORDER BY line) FROM (
    SELECT concat_ws('=', coalesce(c, 'none'), count(*)) AS line
      FROM (SELECT {f} AS c FROM titles OFFSET 0) s GROUP BY c) t";

const FORMS: [&str; 4] = [
    "categorize(title)",
    "categorize_cached(title)",
    "(categorize_detail(title)).category",
    "(SELECT category FROM categorize_many(ARRAY[title]))",
];

/// Workers that EXPLAIN ANALYZE saw at work.
fn launched(session: &mut Session, sql: &str) -> usize {
    let plan: Vec<String> = session.column(&format!("EXPLAIN (ANALYZE, COSTS OFF) {sql}"));
    let line = plan.iter().find_map(|line| line.trim().strip_prefix("Workers Launched: "));
    line.unwrap_or_else(|| panic!("not parallel:\n{}", plan.join("\n"))).parse().expect("a number")
}

#[test]
fn workers_answer_as_the_serial_plan_does() {
    let database = shared("workers");
    let mut session = stock(&database);
    session.run("SET max_parallel_workers_per_gather = 0");
    let serial: Vec<_> = FORMS.iter().map(|f| session.text(&COUNTS.replace("{f}", f))).collect();
    assert!(serial.iter().all(|s| *s == serial[0]), "{serial:?}");
    let all = serial[0].clone().expect("there are rows");
    for part in ["Clothing=4000", "Footwear=4000", "Watches=4000", "Footwear > ", "none="] {
        assert!(all.contains(part), "{all}");
    }
    session.run(FORCED);
    for (form, serial) in FORMS.iter().zip(serial) {
        assert_eq!(session.text(&COUNTS.replace("{f}", form)), serial, "{form}");
    }
    let workers = launched(&mut session, "SELECT count(categorize(title)) FROM titles");
    assert_eq!(workers, 2);
    assert_eq!(session.warnings(), Vec::<String>::new());
    database.cluster.assert_tidy();
}

#[test]
fn workers_fill_a_new_table() {
    let database = shared("new_table");
    let mut session = stock(&database);
    session.run(FORCED);
    assert_eq!(launched(&mut session, "CREATE TABLE filled AS SELECT i, categorize(title) AS c FROM titles"), 2);
    let differ: i64 =
        session.one("SELECT count(*) FROM filled JOIN titles USING (i) WHERE c IS DISTINCT FROM categorize(title)");
    assert_eq!(differ, 0);
    assert_eq!(session.one::<i64>("SELECT count(*) FROM filled"), 20000);
    database.cluster.assert_tidy();
}

#[test]
fn workers_see_what_their_own_transaction_wrote() {
    let database = shared("wrote_before");
    let mut session = stock(&database);
    session.run(FORCED);
    session.run(
        "BEGIN; CREATE TABLE scratch (i int); INSERT INTO scratch VALUES (1);
         SELECT categorize.correct_many($$SELECT title, 'Furniture' FROM titles WHERE title LIKE 'qwxv %'$$)",
    );
    assert_eq!(launched(&mut session, "SELECT count(*) FROM titles WHERE categorize(title) = 'Furniture'"), 2);
    assert_eq!(session.one::<i64>("SELECT count(*) FROM titles WHERE categorize(title) = 'Furniture'"), 4000);
    session.run("ROLLBACK");
    assert_eq!(session.one::<i64>("SELECT count(*) FROM titles WHERE categorize(title) = 'Furniture'"), 0);
    database.cluster.assert_tidy();
}

#[test]
fn workers_know_the_tenant_and_the_taxonomy_of_their_leader() {
    let database = shared("leader");
    let mut session = stock(&database);
    session.run(FORCED);
    session.run("SELECT categorize.create_taxonomy('t', ARRAY['Mine', 'Theirs'])");
    for (tenant, category) in [("a", "Mine"), ("b", "Theirs")] {
        session.run(&format!("SELECT categorize.set_tenant('{tenant}', false); SET categorize.taxonomy = 't'"));
        session.run(&format!("SELECT categorize.learn($$SELECT title, '{category}' FROM titles$$)"));
    }
    for (tenant, category) in [("a", "Mine"), ("b", "Theirs")] {
        session.run(&format!("SELECT categorize.set_tenant('{tenant}', false)"));
        let sql = format!("SELECT count(*) FROM titles WHERE categorize(title) = '{category}'");
        assert_eq!(launched(&mut session, &sql), 2);
        assert_eq!(session.one::<i64>(&sql), 20000);
    }
}

#[test]
fn a_read_only_transaction_may_categorize() {
    let database = shared("read_only");
    let mut session = stock(&database);
    let expected = session.text(&COUNTS.replace("{f}", FORMS[0]));
    for begin in [
        "BEGIN READ ONLY",
        "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        "BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY DEFERRABLE",
    ] {
        session.run(begin);
        for form in FORMS {
            assert_eq!(session.text(&COUNTS.replace("{f}", form)), expected, "{form} after {begin}");
        }
        assert!(session.one::<i64>("SELECT count(*) FROM categorize.explain('learnt 1')") > 0);
        assert!(session.one::<i64>("SELECT count(*) FROM categorize.settings('products')") > 0);
        session.run(
            "SELECT * FROM categorize.stats; SELECT * FROM categorize.categories; SELECT * FROM categorize.corrections",
        );
        session.refused("25006", "SELECT categorize.correct('learnt 1', 'Clothing')");
        session.run("ROLLBACK");
    }
}

#[test]
fn a_standby_answers_and_refuses_to_write() {
    // Vacuum on the primary would cancel a slow reader on the standby.
    let primary = Arc::new(Cluster::builder().conf("autovacuum = off").start());
    let database = primary.extended("shop");
    let mut session = stock(&database);
    let expected = session.text(&COUNTS.replace("{f}", FORMS[0]));
    let standby = primary.replica();
    standby.catch_up(&primary);
    let mut reader = standby.connect("shop");
    reader.run(FORCED);
    reader.run("SET statement_timeout = '60s'");
    for form in FORMS {
        assert_eq!(reader.text(&COUNTS.replace("{f}", form)), expected, "{form}");
    }
    assert_eq!(launched(&mut reader, "SELECT count(categorize(title)) FROM titles"), 2);
    let reason = reader.text("SELECT (categorize_detail('qwxv unheard of')).reason");
    assert_eq!(reason.as_deref(), Some("standby"));
    reader.run("SELECT * FROM categorize.explain('learnt 1'); SELECT * FROM categorize.settings(); SELECT * FROM categorize.tier_stats");
    for writer in [
        "categorize.correct('learnt 1', 'Clothing')",
        "categorize.correct_many($$SELECT 'learnt 1', 'Clothing'$$)",
        "categorize.drop_correction('corrected 3')",
        "categorize.learn($$SELECT 'x', 'Clothing'$$)",
        "categorize.forget('learnt 1')",
        "categorize.add_rule('products', 'x', 'Clothing')",
        "categorize.drop_rule(1000)",
        "categorize.create_taxonomy('t', ARRAY['A'])",
        "categorize.configure('products', '{\"leaf_only\": true}')",
        "categorize.rename_category('products', 'Clothing', 'Clothes')",
        "categorize.drop_taxonomy('products')",
        "categorize.purge_expired()",
    ] {
        reader.refused("25006", &format!("SELECT {writer}"));
    }
    assert_eq!(reader.warnings(), Vec::<String>::new());
    standby.assert_tidy();
}
