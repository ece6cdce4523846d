//! Calls from PL/pgSQL, cursors, prepared statements and table definitions: right answers, and nothing left open.
//!
//! A look-up keeps an index scan open between calls; each of these is a way to take the ground from under it.

mod open_scans;

use pg_categorize_e2e::{Database, Session, shared};

/// A database with 200 learnt titles 'item N' of taxonomy `t`, in table `items` with their category.
fn stocked(name: &str) -> (Database, Session) {
    let database = shared(name);
    let mut session = database.session();
    session.run(
        "SELECT categorize.create_taxonomy('t', ARRAY['Even', 'Odd']);
         SET categorize.taxonomy = 't';
         CREATE TABLE items AS
             SELECT i AS id, 'item ' || i AS title, CASE WHEN i % 2 = 0 THEN 'Even' ELSE 'Odd' END AS category
               FROM generate_series(1, 200) i;
         SELECT categorize.learn('SELECT title, category FROM items')",
    );
    (database, session)
}

/// Asserts that the session works on and that neither side complained of anything left open.
fn assert_tidy(database: &Database, session: &mut Session) {
    assert_eq!(session.text("SELECT categorize('item 8')").as_deref(), Some("Even"));
    assert_eq!(session.warnings(), Vec::<String>::new());
    database.cluster.assert_tidy();
}

#[test]
fn loops_and_nested_calls() {
    let (database, mut session) = stocked("loops");
    session.run(
        "CREATE FUNCTION label(title text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RETURN categorize(title); END $$;
         DO $$
         DECLARE item record; said text;
         BEGIN
             FOR item IN SELECT *, categorize(title) AS direct FROM items LOOP
                 said := categorize(item.title);
                 IF said <> item.category OR item.direct <> said OR label(item.title) <> said THEN
                     RAISE EXCEPTION 'wrong: %', item;
                 END IF;
             END LOOP;
         END $$",
    );
    let wrong: i64 =
        session.one("SELECT count(*) FROM items WHERE label(title) <> category OR categorize(title) <> category");
    assert_eq!(wrong, 0);
    assert_tidy(&database, &mut session);
}

#[test]
fn commits_inside_a_procedure() {
    let (database, mut session) = stocked("commits");
    session.run(
        "CREATE TABLE filled (title text, category text);
         CREATE PROCEDURE fill() LANGUAGE plpgsql AS $$
         DECLARE item record;
         BEGIN
             FOR item IN SELECT * FROM items LOOP
                 INSERT INTO filled VALUES (item.title, categorize(item.title));
                 IF item.id % 10 = 0 THEN COMMIT; END IF;
                 IF item.id % 10 = 5 THEN ROLLBACK; END IF;
             END LOOP;
         END $$",
    );
    session.run("CALL fill()");
    let (rows, wrong): (i64, i64) = {
        let row = session.query_one("SELECT count(*), count(*) FILTER (WHERE (right(title, 1)::int % 2 = 0) <> (category = 'Even')) FROM filled", &[]);
        let row = row.expect("it answers");
        (row.get(0), row.get(1))
    };
    assert_eq!((rows, wrong), (100, 0));
    assert_tidy(&database, &mut session);
}

#[test]
fn exception_blocks_abort_with_the_scan_open() {
    let (database, mut session) = stocked("exceptions");
    session.run(
        "DO $$
         DECLARE said text; failures int := 0;
         BEGIN
             FOR i IN 1 .. 200 LOOP
                 BEGIN
                     -- The division fails on odd rows, after the look-up of the same statement.
                     SELECT categorize(title) INTO said FROM items WHERE id = i AND length(categorize(title)) / (id % 2 - 1) < 9;
                 EXCEPTION WHEN division_by_zero THEN
                     failures := failures + 1;
                     said := categorize('item ' || i);
                 END;
                 BEGIN
                     PERFORM categorize('item 1', 'no such taxonomy');
                 EXCEPTION WHEN invalid_parameter_value THEN
                     failures := failures + 1;
                 END;
                 IF said <> (CASE WHEN i % 2 = 0 THEN 'Even' ELSE 'Odd' END) THEN
                     RAISE EXCEPTION 'wrong at %: %', i, said;
                 END IF;
             END LOOP;
             IF failures <> 300 THEN RAISE EXCEPTION '% failures', failures; END IF;
         END $$",
    );
    // In an open transaction, with a cursor beside that goes on.
    session.run("BEGIN; DECLARE c CURSOR FOR SELECT categorize(title) FROM items ORDER BY id; SAVEPOINT s");
    assert_eq!(session.column::<String>("FETCH 2 FROM c"), ["Odd", "Even"]);
    session.refused("22012", "SELECT categorize(title), 1 / (3 - id) FROM items ORDER BY id");
    session.run("ROLLBACK TO s");
    assert_eq!(session.column::<String>("FETCH 2 FROM c"), ["Odd", "Even"]);
    session.run("COMMIT");
    assert_tidy(&database, &mut session);
}

#[test]
fn prepared_statements_run_many_times() {
    let (database, mut session) = stocked("prepared");
    let statement = session.prepare("SELECT categorize($1)").expect("it prepares");
    for round in 0..3 {
        for i in 1..=50 {
            let row = session.query_one(&statement, &[&format!("item {i}")]).expect("it answers");
            let said: Option<String> = row.get(0);
            let corrected = round == 1 && i == 7;
            let expected = if corrected || i % 2 == 0 { "Even" } else { "Odd" };
            assert_eq!(said.as_deref(), Some(expected), "round {round}, item {i}");
        }
        match round {
            0 => session.run("SELECT categorize.correct('item 7', 'Even')"),
            _ => session.run("SELECT categorize.drop_correction('item 7')"),
        }
    }
    assert_tidy(&database, &mut session);
}

#[test]
fn checks_defaults_and_indexes() {
    let (database, mut session) = stocked("definitions");
    session.run(
        "CREATE TABLE checked (
             title text CHECK (categorize(title) IS NOT NULL),
             category text DEFAULT categorize('item 4'),
             CHECK (categorize_cached(title) <> 'Odd'));
         INSERT INTO checked (title) SELECT title FROM items WHERE category = 'Even'",
    );
    session.refused("23514", "INSERT INTO checked (title) VALUES ('item 2'), ('item 3')");
    session.refused("23514", "INSERT INTO checked (title) VALUES ('something unheard of')");
    assert_eq!(session.column::<String>("SELECT DISTINCT category FROM checked"), ["Even"]);
    assert_eq!(session.one::<i64>("SELECT count(*) FROM checked"), 100);
    // What can change must not be frozen into an index or a generated column.
    session.refused("42P17", "CREATE INDEX ON items (categorize(title))");
    session.refused("42P17", "CREATE INDEX ON items (categorize_cached(title))");
    session.refused("42P17", "ALTER TABLE items ADD c text GENERATED ALWAYS AS (categorize_cached(title)) STORED");
    assert_tidy(&database, &mut session);
}

#[test]
fn settings_of_one_transaction_end_with_it() {
    let (database, mut session) = stocked("set_local");
    session.run(
        "SELECT categorize.create_taxonomy('other', ARRAY['Elsewhere']);
                 SELECT categorize.learn($$SELECT title, 'Elsewhere' FROM items$$, 'other')",
    );
    session.run("BEGIN; SET LOCAL categorize.taxonomy = 'other'");
    assert_eq!(session.text("SELECT categorize('item 1')").as_deref(), Some("Elsewhere"));
    session.run("SAVEPOINT s; SET LOCAL categorize.taxonomy = 't'");
    assert_eq!(session.text("SELECT categorize('item 1')").as_deref(), Some("Odd"));
    session.run("ROLLBACK TO s");
    assert_eq!(session.text("SELECT categorize('item 1')").as_deref(), Some("Elsewhere"));
    session.run("COMMIT");
    assert_eq!(session.text("SELECT categorize('item 1')").as_deref(), Some("Odd"));
    // A function's own setting, in the same statement as a call without it.
    session.run("CREATE FUNCTION elsewhere(title text) RETURNS text LANGUAGE sql SET categorize.taxonomy = 'other' AS 'SELECT categorize(title)'");
    let said: Vec<String> = session.column("SELECT concat_ws('/', categorize(title), elsewhere(title), categorize(title)) FROM items WHERE id < 3 ORDER BY id");
    assert_eq!(said, ["Odd/Elsewhere/Odd", "Even/Elsewhere/Even"]);
    assert_tidy(&database, &mut session);
}
