//! What similar texts answer, and to whom.

use crate::{ASKED, TEACH, await_answer, explained, is_possible, source, stocked, vectors};
use pg_categorize_e2e::{eventually, shared};

#[test]
fn what_was_taught_is_a_neighbour_soon_after_the_commit() {
    let Some((database, mut session)) = stocked("taught") else { return };
    assert!(explained(&mut session, ASKED).contains("nothing was taught"));
    session.run("BEGIN");
    session.run(TEACH);
    assert_eq!(source(&mut session, ASKED), "unresolved");
    session.run("COMMIT");
    await_answer(&mut session, ASKED);
    let row = session
        .query_one("SELECT category, origin, confidence, evidence FROM categorize_detail($1)", &[&ASKED])
        .unwrap();
    assert_eq!((row.get::<_, String>(0), row.get::<_, String>(1)), ("Shirts".into(), "label".into()));
    assert!((0.5..=1.0).contains(&row.get::<_, f32>(2)));
    let cosine: f64 = session.one_of(
        "SELECT min((n ->> 'cosine')::float8) FROM categorize_detail($1) d, jsonb_array_elements(d.evidence -> 'neighbours') n",
        &[&ASKED],
    );
    assert!(cosine > 0.5, "{cosine}");
    // What was answered is not stored, and teaches nothing.
    assert_eq!(session.one::<i64>("SELECT count(*) FROM categorize.cache"), 13);
    // One that was taught is found exactly.
    assert_eq!(source(&mut session, "red cotton shirt for men"), "cache");
    assert_eq!(source(&mut session, "hydraulic torque wrench"), "unresolved");
    database.cluster.assert_tidy();
}

#[test]
fn a_correction_among_the_neighbours_counts_at_once_and_its_vector_soon() {
    let Some((_, mut session)) = stocked("corrected") else { return };
    session.run(TEACH);
    await_answer(&mut session, ASKED);
    // A neighbour that was taught: its vector is there, and what a person says of it counts from the next statement on.
    session.run("SELECT categorize.correct('white cotton shirt for men', 'Tools'); SELECT categorize.correct('red cotton shirt for men', 'Tools')");
    let tools = |session: &mut pg_categorize_e2e::Session| {
        session.one_of::<i64>(
            "SELECT count(*) FROM categorize.suggest($1, 7) WHERE category = 'Tools' AND origin = 'correction'",
            &[&ASKED],
        )
    };
    assert_eq!(tools(&mut session), 2);
    assert_eq!(source(&mut session, ASKED), "unresolved");
    // One that nobody had heard of becomes a neighbour.
    session.run("SELECT categorize.correct('yellow cotton shirts for men', 'Tools')");
    eventually("the correction has its vector", 30, || tools(&mut session) == 3);
    session.run("SELECT categorize.drop_correction('yellow cotton shirts for men')");
    assert_eq!(tools(&mut session), 2);
    assert_eq!(vectors(&mut session), 13);
}

#[test]
fn changes_of_the_taxonomy_and_forgetting_count_at_once() {
    let Some((_, mut session)) = stocked("changed") else { return };
    session.run(TEACH);
    await_answer(&mut session, ASKED);
    session.run("SELECT categorize.rename_category('t', 'Shirts', 'Clothing > Shirts')");
    let category = "SELECT categorize('yellow cotton shirt for men')";
    assert_eq!(session.text(category).as_deref(), Some("Clothing > Shirts"));
    session.run("SELECT categorize.merge_category('t', 'Clothing > Shirts', 'Tools')");
    assert_eq!(session.text(category).as_deref(), Some("Tools"));
    let before: i64 = vectors(&mut session);
    session.run("SELECT categorize.forget('red cotton shirt for men')");
    assert_eq!(vectors(&mut session), before - 1);
    // What goes past our functions counts no more either, whether its vector is still there or not.
    session.run("DELETE FROM categorize.cache WHERE input LIKE '%shirt%'");
    assert_eq!(source(&mut session, ASKED), "unresolved");
    session.run("SELECT categorize.drop_category('t', 'Books')");
    assert_eq!(session.one::<i64>("SELECT count(*) FROM categorize.suggest('hardcover novel about dogs')"), 0);
}

#[test]
fn tenants_have_no_neighbours_in_common() {
    let Some((_, mut session)) = stocked("neighbours") else { return };
    session.run(TEACH);
    await_answer(&mut session, ASKED);
    session.run("SELECT categorize.set_tenant('acme', false)");
    assert_eq!(source(&mut session, ASKED), "unresolved");
    assert_eq!(session.one::<i64>("SELECT count(*) FROM categorize.suggest('red cotton shirt for men')"), 0);
    session.run("SELECT categorize.learn($$SELECT 'cotton shirt for men ' || i, 'Tools' FROM unnest(ARRAY['a', 'b', 'c', 'd', 'e', 'f']) i$$)");
    eventually("acme has neighbours", 30, || {
        session.text("SELECT categorize('nice cotton shirt for men')").as_deref() == Some("Tools")
    });
    session.run("SELECT categorize.set_tenant('', false)");
    assert_eq!(session.text("SELECT categorize('nice cotton shirt for men')").as_deref(), Some("Shirts"));
}

#[test]
fn parallel_workers_read_only_transactions_and_standbys_answer_alike() {
    let Some((database, mut session)) = stocked("everywhere") else { return };
    session.run(TEACH);
    await_answer(&mut session, ASKED);
    session.run(
        "CREATE TABLE titles AS SELECT (ARRAY['yellow', 'pink', 'purple', 'orange'])[i % 4 + 1] || ' cotton shirt for men' AS title
                                  FROM generate_series(1, 4000) i;
         ANALYZE titles",
    );
    let count = "SELECT count(*) FROM titles WHERE categorize(title) = 'Shirts'";
    let serial: i64 = session.one(count);
    assert_eq!(serial, 4000);
    session.run("BEGIN READ ONLY");
    assert_eq!(session.one::<i64>(count), serial);
    session.run("COMMIT; SET max_parallel_workers_per_gather = 2; SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0");
    let plan: Vec<String> = session.column(&format!("EXPLAIN (ANALYZE, COSTS OFF) {count}"));
    assert!(plan.iter().any(|line| line.contains("Workers Launched: ") && !line.contains(": 0")), "{plan:?}");
    assert_eq!(session.one::<i64>(count), serial);
    let standby = database.cluster.replica();
    standby.catch_up(&database.cluster);
    let mut reader = standby.connect("everywhere");
    assert_eq!(source(&mut reader, ASKED), "similarity");
    assert_eq!(reader.one::<i64>(count), serial);
    assert_eq!(reader.one::<i64>("SELECT count(*) FROM categorize.suggest('red cotton shirt for men', 3)"), 3);
    standby.assert_tidy();
}

#[test]
fn pgvector_may_be_in_any_schema_and_nobody_gets_between() {
    if !is_possible() {
        return;
    }
    let database = shared("anywhere");
    let mut session = database.session();
    session.run(&format!("ALTER DATABASE {} SET categorize.taxonomy = 't'", database.name));
    session.run(
        r#"CREATE SCHEMA "Odd ""Name"; CREATE EXTENSION vector SCHEMA "Odd ""Name";
           CREATE SCHEMA trap; CREATE TYPE trap.halfvec AS (x int);
           CREATE FUNCTION trap.never(anyelement, anyelement) RETURNS float8 LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''caught''; END';
           CREATE OPERATOR trap.<=> (FUNCTION = trap.never, LEFTARG = anyelement, RIGHTARG = anyelement);
           SELECT categorize.create_taxonomy('t', ARRAY['Shirts', 'Books', 'Tools']);
           SELECT categorize.configure('t', '{"tiers": ["correction", "cache", "similarity"], "similarity_threshold": 0.7}')"#,
    );
    let mut session = database.session();
    session.run("SET search_path = trap, public");
    session.run(TEACH);
    await_answer(&mut session, ASKED);
    session.run("ALTER EXTENSION vector SET SCHEMA public");
    assert_eq!(source(&mut session, ASKED), "similarity");
    assert_eq!(session.one::<i64>("SELECT count(*) FROM categorize.suggest('red cotton shirt for men', 3)"), 3);
}
