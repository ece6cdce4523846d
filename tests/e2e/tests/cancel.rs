//! Ctrl-C and statement_timeout end every long statement soon, and nothing of it stays.

use pg_categorize_e2e::{Session, shared, within};
use postgres::NoTls;
use std::thread;
use std::time::Duration;

const PAIRS: &str = "SELECT ''qwxv '' || i, ''Audio'' FROM generate_series(1, 200000) i";

/// Statements that run for seconds when nobody stops them.
fn long_statements() -> Vec<String> {
    vec![
        "SELECT count(categorize('qwxv ' || i)) FROM generate_series(1, 20000000) i".into(),
        "SELECT count((categorize_detail('qwxv ' || i)).reason) FROM generate_series(1, 20000000) i".into(),
        "SELECT count(*) FROM (SELECT array_agg('qwxv ' || i) AS a FROM generate_series(1, 200000) i) s, categorize_many(a)".into(),
        format!("SELECT categorize.learn('{PAIRS}')"),
        format!("SELECT categorize.correct_many('{PAIRS}')"),
        "SELECT categorize.create_taxonomy_from_query('many', 'SELECT ''a'' || i || '' > b'' || j FROM generate_series(1, 60) i, generate_series(1, 240) j WHERE pg_sleep(0.001) IS NOT NULL')".into(),
    ]
}

fn assert_nothing_stored(session: &mut Session, statement: &str) {
    let stored: i64 = session.one(
        "SELECT (SELECT count(*) FROM categorize.cache) + (SELECT count(*) FROM categorize.correction)
              + (SELECT count(*) FROM categorize.taxonomy WHERE id >= 1000)",
    );
    assert_eq!(stored, 0, "after {statement}");
    assert_eq!(session.text("SELECT categorize('qwxv 7')"), None, "after {statement}");
    assert!(session.text("SELECT categorize('Nike Air Max 270')").is_some());
}

#[test]
fn statement_timeout_ends_a_statement_wherever_it_is() {
    let database = shared("timeouts");
    let mut session = database.session();
    for statement in long_statements() {
        for after in [60, 350] {
            session.run(&format!("SET statement_timeout = {after}"));
            // The bound of two seconds is the promise; the rest is for a busy machine.
            within(&statement, 4, || session.refused("57014", &statement));
            session.run("RESET statement_timeout");
            assert_nothing_stored(&mut session, &statement);
        }
    }
    assert_eq!(session.warnings(), Vec::<String>::new());
    database.cluster.assert_tidy();
}

#[test]
fn a_cancel_request_ends_a_statement_wherever_it_is() {
    let database = shared("cancels");
    for statement in long_statements() {
        let mut session = database.session();
        let cancel = session.cancel_token();
        let sql = statement.clone();
        let running = thread::spawn(move || {
            session.refused("57014", &sql);
            session
        });
        thread::sleep(Duration::from_millis(250));
        cancel.cancel_query(NoTls).expect("the request arrives");
        let mut session = within(&statement, 4, || running.join().expect("it was cancelled"));
        // The postmaster signals process and process group; the second must not hit what we ask next.
        thread::sleep(Duration::from_millis(200));
        assert_nothing_stored(&mut session, &statement);
    }
    database.cluster.assert_tidy();
}

#[test]
fn a_cancel_passes_through_the_trigger() {
    let database = shared("trigger");
    let mut session = database.session();
    session.run(
        "CREATE TABLE products (title text, category text);
         CREATE TRIGGER fill BEFORE INSERT ON products FOR EACH ROW EXECUTE FUNCTION categorize_trigger('title', 'category');
         SET statement_timeout = 200",
    );
    within("insert", 4, || {
        session.refused("57014", "INSERT INTO products SELECT 'qwxv ' || i FROM generate_series(1, 20000000) i")
    });
    session.run("RESET statement_timeout");
    assert_eq!(session.one::<i64>("SELECT count(*) FROM products"), 0);
    assert_eq!(session.warnings(), Vec::<String>::new());
}

#[test]
fn a_cancel_inside_an_exception_block_is_not_swallowed() {
    let database = shared("block");
    let mut session = database.session();
    session.run("SET statement_timeout = 200");
    let block = "DO $$ BEGIN
                     PERFORM count(categorize('qwxv ' || i)) FROM generate_series(1, 20000000) i;
                 EXCEPTION WHEN OTHERS THEN NULL; END $$";
    within("block", 4, || session.refused("57014", block));
    session.run("RESET statement_timeout");
    assert_nothing_stored(&mut session, block);
}
