//! Stored answers that are read at once, of a taxonomy among others, of a whole table or of pages of it, say what look-ups one by one
//! say.

use pg_categorize_e2e::{Database, Session, shared};

/// Titles of the taxonomy that is asked about; 15,000 of them are more than are looked up one by one.
const ASKED: usize = 15_000;

/// Two taxonomies: a few answers of one among many of the other, of every kind that a stored answer has.
fn stock(database: &Database, others: usize) -> Session {
    let mut session = database.session();
    session.run(&format!(
        "SELECT categorize.create_taxonomy('own', ARRAY['Learnt', 'Paid', 'Similar', 'Expired']);
         SELECT categorize.create_taxonomy('other', ARRAY['Learnt', 'Elsewhere']);
         CREATE TABLE title AS SELECT i, 'title number ' || i AS title FROM generate_series(1, {ASKED}) i;
         CREATE TABLE other AS SELECT i, 'title number ' || i AS title FROM generate_series(1, {others}) i;
         SELECT categorize.learn($$SELECT title, 'Learnt' FROM title$$, 'own');
         SELECT categorize.learn($$SELECT title, 'Elsewhere' FROM other$$, 'other');
         -- As others than people have stored them.
         CREATE TEMPORARY TABLE id AS SELECT path, id FROM categorize.categories WHERE taxonomy = 'own';
         ANALYZE title",
    ));
    let change = |part: usize, to: &str| {
        format!(
            "UPDATE categorize.cache c SET {to}
              WHERE taxonomy_id = (SELECT id FROM categorize.taxonomy WHERE name = 'own')
                AND substr(input, 14)::int % 10 = {part}",
        )
    };
    let path = |path: &str| format!("category_id = (SELECT id FROM id WHERE path = '{path}')");
    session.run(&change(1, &format!("origin = 'llm', {}", path("Paid"))));
    session.run(&change(2, &format!("origin = 'similarity', confidence = 0.9, {}", path("Similar"))));
    session.run(&change(3, &format!("expires_at = now() - interval '1 day', {}", path("Expired"))));
    session.run(&change(4, &format!("expires_at = now() + interval '1 day', {}", path("Paid"))));
    session.run("SELECT categorize.configure('own', '{\"tiers\": [\"cache\"]}')");
    session
}

/// How many rows of a table have which category.
fn counts(session: &mut Session, category: &str, from: &str) -> String {
    session.one(&format!(
        "SELECT string_agg(line, ' ' ORDER BY line)
           FROM (SELECT coalesce(c, 'none') || '=' || count(*) AS line
                   FROM (SELECT {category} AS c FROM {from} OFFSET 0) s GROUP BY c) t"
    ))
}

const ALL: &str = "Learnt=9000 Paid=3000 Similar=1500 none=1500";

#[test]
fn a_trigger_fills_what_a_call_answers_however_many_answers_others_have() {
    let database = shared("stored_trigger");
    let mut session = stock(&database, 120_000);
    let file = database.cluster.file("titles");
    session.run(&format!(
        "COPY title (title) TO '{}';
         CREATE TABLE filled (title text, category text);
         CREATE TRIGGER fill BEFORE INSERT ON filled FOR EACH ROW EXECUTE FUNCTION categorize_trigger('title', 'category', 'own')",
        file.display()
    ));
    // Known to the planner or not, and in another order than they were stored.
    for before in ["SELECT 1", "ANALYZE categorize.cache", "SET work_mem = '64kB'; SET hash_mem_multiplier = 1"] {
        session.run(before);
        session.run(&format!("TRUNCATE filled; COPY filled (title) FROM '{}'", file.display()));
        assert_eq!(counts(&mut session, "category", "filled"), ALL, "COPY after {before}");
        session.run("TRUNCATE filled; INSERT INTO filled SELECT title FROM title ORDER BY md5(title)");
        assert_eq!(counts(&mut session, "category", "filled"), ALL, "INSERT after {before}");
        // Others have answers to the same titles.
        let asked = counts(&mut session, "categorize(title, 'other')", "title");
        assert_eq!(asked, format!("Elsewhere={ASKED}"), "after {before}");
    }
    database.cluster.assert_tidy();
}

#[test]
fn workers_that_read_together_answer_as_one_process_does_also_once_more() {
    let database = shared("stored_workers");
    let mut session = stock(&database, 20_000);
    session.run("SET max_parallel_workers_per_gather = 0");
    assert_eq!(counts(&mut session, "categorize(title, 'own')", "title"), ALL);
    session.run(
        "SET max_parallel_workers_per_gather = 3; SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0;
         SET min_parallel_table_scan_size = 0; ALTER TABLE title SET (parallel_workers = 3)",
    );
    for leads in ["on", "off"] {
        session.run(&format!("SET parallel_leader_participation = {leads}"));
        let plan = session.column::<String>("EXPLAIN SELECT count(categorize(title, 'own')) FROM title").join("\n");
        assert!(plan.contains("Parallel Custom Scan (Categorize)"), "{plan}");
        assert_eq!(counts(&mut session, "categorize(title, 'own')", "title"), ALL, "leader {leads}");
        // Two taxonomies in one list: one of them is read by each process for itself.
        let both = "categorize(title, 'own') || categorize(title, 'other')";
        let expected = "LearntElsewhere=9000 PaidElsewhere=3000 SimilarElsewhere=1500 none=1500";
        assert_eq!(counts(&mut session, both, "title"), expected, "leader {leads}");
        // A Gather that is asked again and again, with and without memory for the answers.
        session.run("SET enable_hashjoin = off; SET enable_mergejoin = off; SET enable_material = off");
        let again = "generate_series(1, 3) g JOIN (SELECT i, categorize(title, 'own') AS c FROM title OFFSET 0) t ON t.i % 3 = g - 1";
        assert_eq!(counts(&mut session, "c", again), ALL, "leader {leads}");
        session.run("SET work_mem = '64kB'; SET hash_mem_multiplier = 1");
        assert_eq!(counts(&mut session, "categorize(title, 'own')", "title"), ALL, "leader {leads}");
        session.run("RESET work_mem; RESET hash_mem_multiplier; RESET enable_hashjoin; RESET enable_mergejoin; RESET enable_material");
        // A LIMIT lets the workers go while they are at it.
        let some = "(SELECT title FROM title WHERE categorize(title, 'own') = 'Similar' LIMIT 7) s";
        assert_eq!(session.one::<i64>(&format!("SELECT count(*) FROM {some}")), 7, "leader {leads}");
    }
    database.cluster.assert_tidy();
}

/// Look-ups of stored answers through the index so far.
fn look_ups(session: &mut Session) -> i64 {
    session.run("SELECT pg_stat_force_next_flush()");
    session.one("SELECT pg_stat_get_numscans('categorize.cache_fingerprint_idx'::regclass)")
}

#[test]
fn what_does_not_fit_is_read_by_pages_and_says_what_look_ups_say() {
    let others = 60_000;
    let database = shared("stored_pages");
    let (mut session, mut teacher) = (stock(&database, others), database.session());
    session.run(
        "SET work_mem = '256kB'; SET hash_mem_multiplier = 1; SET max_parallel_workers_per_gather = 0;
         SET categorize.memo_size = 0",
    );
    let all_others = format!("Elsewhere={others}");
    let ask_others = |session: &mut Session, order: &str| {
        let before = look_ups(session);
        let asked =
            counts(session, "categorize(title, 'other')", &format!("(SELECT title FROM other ORDER BY {order}) o"));
        assert_eq!(asked, all_others, "by {order}");
        look_ups(session) - before
    };
    for prefetch in ["on", "off"] {
        session.run(&format!("SET categorize.prefetch = {prefetch}"));
        // In the order of their storing, about so, and in none; of all kinds, of which some were stored anew.
        for order in ["i", "i / 500, md5(title)", "md5(title)"] {
            let from = format!("(SELECT title FROM title ORDER BY {order}) t");
            assert_eq!(counts(&mut session, "categorize(title, 'own')", &from), ALL, "prefetch {prefetch}, by {order}");
            let made = ask_others(&mut session, order);
            let is_spared = made < others as i64 / 10;
            assert_eq!(is_spared, order != "md5(title)", "{made} look-ups with prefetch {prefetch}, by {order}");
        }
    }
    // A serializable transaction reads what it asks for.
    session.run("SET default_transaction_isolation = 'serializable'");
    let made = ask_others(&mut session, "i");
    session.run("RESET default_transaction_isolation");
    assert!(made >= others as i64, "{made} look-ups");
    // A page says what the statement sees.
    session.run("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1");
    teacher.run("SELECT categorize.learn($$SELECT title, 'Learnt' FROM other WHERE i % 3 = 0$$, 'other')");
    ask_others(&mut session, "i");
    session.run("COMMIT");
    let asked = counts(&mut session, "categorize(title, 'other')", "other");
    assert_eq!(asked, format!("Elsewhere={} Learnt={}", others / 3 * 2, others / 3));
    database.cluster.assert_tidy();
}
