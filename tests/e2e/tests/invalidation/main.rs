//! Whatever one session commits, the next statement of every other sees; what was rolled back, nobody does.

mod changes;
mod races;
mod rollback;
mod visibility;

use changes::{Change, INPUT};
use pg_categorize_e2e::Session;

/// What `categorize` and its relatives say of the input; they must be of one mind.
fn ask(session: &mut Session, taxonomy: &str) -> Option<String> {
    let row = session.query_one(
        "SELECT categorize($1, $2), categorize_cached($1, $2), (categorize_detail($1, $2)).category,
                (SELECT m.category FROM categorize_many(ARRAY[$1], $2) m)",
        &[&INPUT, &taxonomy],
    );
    let row = row.unwrap_or_else(|e| panic!("{taxonomy}: {:?}", e.as_db_error()));
    let said: [Option<String>; 4] = std::array::from_fn(|i| row.get(i));
    assert!(said.iter().all(|s| *s == said[0]), "{taxonomy}: the functions disagree: {said:?}");
    let [first, ..] = said;
    first
}

/// Asserts that a session sees a taxonomy as it was before a change, or after it.
fn assert_sees(session: &mut Session, change: &Change, after: bool, when: &str) {
    let expected = if after { change.after } else { change.before };
    assert_eq!(ask(session, change.name).as_deref(), expected, "{}: {when}", change.name);
}
