//! The stated bounds, reached. Times are printed, not asserted.

use pg_categorize_e2e::{Session, shared, within};
use std::time::Instant;

fn timed<T>(what: &str, work: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let value = work();
    println!("{what}: {:?}", start.elapsed());
    value
}

#[test]
fn a_taxonomy_of_15000_categories() {
    let database = shared("wide");
    let mut session = database.session();
    // 5 levels: 10 * (1 + 5 * (1 + 6 * (1 + 7 * (1 + 6)))) = 15,060, without a few of the last.
    session.run(
        "CREATE TABLE paths AS
             SELECT format('Top a%s > Second b%s%s > Third c%s%s%s > Fourth d%s%s%s%s > Leaf e%s%s%s%s%s', a, a, b, a, b, c, a, b, c, d, a, b, c, d, e) AS path
               FROM generate_series(1, 10) a, generate_series(1, 5) b, generate_series(1, 6) c, generate_series(1, 7) d, generate_series(1, 6) e
              ORDER BY 1 LIMIT 12490",
    );
    timed("create 15,000 categories", || {
        session.run("SELECT categorize.create_taxonomy_from_query('wide', 'SELECT path FROM paths')")
    });
    let (categories, depth): (i64, i64) = {
        let row = session.query_one(
            "SELECT count(*), max(array_length(string_to_array(path, ' > '), 1))::bigint FROM categorize.categories WHERE taxonomy = 'wide'", &[]);
        let row = row.expect("it answers");
        (row.get(0), row.get(1))
    };
    println!("{categories} categories");
    assert!((14_000..=15_100).contains(&categories));
    assert_eq!(depth, 5);
    let leaf = session.text("SELECT max(path) FROM paths").expect("a path");
    let mut other = database.session();
    timed("first call", || other.text("SELECT categorize('leaf e11111', 'wide')"));
    timed("10,000 misses", || {
        other.run("SELECT count(categorize('qwxv ' || i, 'wide')) FROM generate_series(1, 10000) i")
    });
    timed("correct", || session.run(&format!("SELECT categorize.correct('qwxv', '{leaf}', 'wide')")));
    let said = timed("first call after a correction", || other.text("SELECT categorize('qwxv', 'wide')"));
    assert_eq!(said.as_deref(), Some(leaf.as_str()));
    timed("learn 12,490", || {
        session.run("SELECT categorize.learn('SELECT ''learnt '' || path, path FROM paths', 'wide')")
    });
    timed("rename an inner node", || session.run("SELECT categorize.rename_category('wide', 'Top a9', 'Peak a9')"));
    let said = timed("first call after a rename", || other.text("SELECT categorize('qwxv', 'wide')"));
    assert_eq!(said, Some(leaf.replace("Top a9", "Peak a9")));
    timed("drop", || session.run("SELECT categorize.drop_taxonomy('wide')"));
    other.refused("22023", "SELECT categorize('qwxv', 'wide')");
}

#[test]
fn dropping_a_taxonomy_does_not_read_what_others_stored() {
    let database = shared("drop_beside");
    let mut session = database.session();
    session.run(
        "SELECT categorize.create_taxonomy_from_query('t', 'SELECT ''c'' || i FROM generate_series(1, 3000) i');
         INSERT INTO categorize.correction (fingerprint, category_id, tenant, taxonomy_id, input, corrected_by)
             SELECT sha256(i::text::bytea), 1, '', 1, i::text, 'postgres' FROM generate_series(1, 200000) i",
    );
    // A second is plenty; one sequential scan a category would take minutes.
    session.run("SET statement_timeout = '10s'; SELECT categorize.drop_taxonomy('t')");
}

#[test]
fn titles_of_up_to_a_megabyte() {
    let database = shared("long_titles");
    let mut session = database.session();
    let reason = |session: &mut Session, bytes: i32| {
        session.text(&format!(
            "SELECT (categorize_detail(repeat('qwxv', {bytes} / 4) || repeat('x', {bytes} % 4))).reason"
        ))
    };
    let longest = 1024 * 1024;
    assert_ne!(timed("1 MB", || reason(&mut session, longest)).as_deref(), Some("input_too_large"));
    assert_eq!(reason(&mut session, longest + 1).as_deref(), Some("input_too_large"));
    assert_eq!(session.text(&format!("SELECT categorize(repeat('x', {longest} + 1))")), None);
    timed("1 MB of words", || session.run("SELECT categorize(repeat('nike shoe ', 100000))"));
    timed("1 MB of blanks", || session.run("SELECT categorize(repeat(' ', 1000000))"));
    session.run(&format!("SELECT categorize.correct(repeat('x', {longest}), 'Audio')"));
    assert_eq!(session.text(&format!("SELECT categorize(repeat('X', {longest}))")).as_deref(), Some("Audio"));
    session.run(&format!("SELECT categorize.learn($$SELECT repeat('y', {longest}), 'Audio'$$)"));
    assert_eq!(session.text(&format!("SELECT categorize(repeat('y', {longest}))")).as_deref(), Some("Audio"));
    session.refused("54000", &format!("SELECT categorize.correct(repeat('x', {longest} + 1), 'Audio')"));
    session.refused("54000", &format!("SELECT categorize.learn($$SELECT repeat('x', {longest} + 1), 'Audio'$$)"));
    session.run("SELECT categorize.add_rule('products', 'needle', 'Watches')");
    let said = timed("a rule on 1 MB", || session.text("SELECT categorize(repeat('hay ', 250000) || 'needle')"));
    assert_eq!(said.as_deref(), Some("Watches"));
}

#[test]
fn up_to_100000_rules() {
    let database = shared("many_rules");
    let mut session = database.session();
    // One by one they would take minutes: copies of one that add_rule() has measured, by plain SQL of the owner.
    session.run(
        "SELECT categorize.create_taxonomy('t', ARRAY['A', 'B']);
         SELECT categorize.add_rule('t', '^rule 1\\b', 'A');
         INSERT INTO categorize.rule (taxonomy_id, kind, pattern, category_id, memory)
             SELECT taxonomy_id, kind, '^rule ' || i || '\\b', category_id, memory
               FROM categorize.rule, generate_series(2, 99999) i",
    );
    println!("a rule takes {} bytes", session.one::<i32>("SELECT max(memory) FROM categorize.rule"));
    timed("the 100,000th rule", || session.run("SELECT categorize.add_rule('t', 'the last', 'B')"));
    let error = session.refused("54000", "SELECT categorize.add_rule('t', 'one more', 'B')");
    assert!(error.hint().is_some());
    let mut other = database.session();
    other.run("SET statement_timeout = 500");
    within("a cancelled first call", 3, || other.refused("57014", "SELECT categorize('rule 99999', 't')"));
    other.run("RESET statement_timeout");
    assert_eq!(timed("first call", || other.text("SELECT categorize('rule 99999', 't')")).as_deref(), Some("A"));
    assert_eq!(other.text("SELECT categorize('this is the last', 't')").as_deref(), Some("B"));
    timed("1,000 misses", || other.run("SELECT count(categorize('qwxv ' || i, 't')) FROM generate_series(1, 1000) i"));
    session.run("SELECT categorize.drop_rule(max(id)) FROM categorize.rules WHERE taxonomy = 't'");
    session.run("SELECT categorize.add_rule('t', 'room again', 'B')");
    assert_eq!(
        timed("first call after a change", || other.text("SELECT categorize('room again', 't')")).as_deref(),
        Some("B")
    );
}
