//! Eight sessions that do everything at once.

use crate::assert_nothing_orphaned;
use pg_categorize_e2e::{Database, Session, shared, within};
use std::thread;
use std::time::{Duration, Instant};

/// Numbers that look random and are the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 33) % n
    }
}

/// What a busy user does next.
fn statement(dice: &mut Dice) -> String {
    let taxonomy = ["products", "one", "two"][dice.below(3) as usize];
    let category = if taxonomy == "products" { ["Audio", "Watches", "Cameras"] } else { ["A", "B", "C > D"] };
    let category = category[dice.below(3) as usize];
    let title = format!("title {}", dice.below(20));
    match dice.below(24) {
        0 => format!("SELECT categorize.create_taxonomy('{taxonomy}', ARRAY['A', 'B', 'C > D'])"),
        1 if taxonomy != "products" => format!("SELECT categorize.drop_taxonomy('{taxonomy}')"),
        2 => {
            format!(r#"SELECT categorize.configure('{taxonomy}', '{{"local_model_threshold": 0.{}}}')"#, dice.below(9))
        }
        3 | 4 => format!("SELECT categorize.correct('{title}', '{category}', '{taxonomy}')"),
        5 => format!("SELECT categorize.drop_correction('{title}', '{taxonomy}')"),
        6 => format!(
            "SELECT categorize.learn($$SELECT 'title ' || i, '{category}' FROM generate_series(1, 20) i$$, '{taxonomy}')"
        ),
        7 => format!("SELECT categorize.learn($$SELECT '{title}', 'New {}'$$, '{taxonomy}', true)", dice.below(50)),
        8 => format!("SELECT categorize.forget('{title}', '{taxonomy}')"),
        9 => format!("SELECT categorize.add_rule('{taxonomy}', '^{title}$', '{category}')"),
        10 => format!(
            "SELECT categorize.drop_rule(min(id)) FROM categorize.rules WHERE taxonomy = '{taxonomy}' HAVING count(*) > 3"
        ),
        11 => format!("SELECT categorize.add_category('{taxonomy}', 'New {}')", dice.below(50)),
        12 => format!(
            "SELECT categorize.rename_category('{taxonomy}', 'New {}', 'New {}')",
            dice.below(50),
            dice.below(50)
        ),
        13 => format!("SELECT categorize.merge_category('{taxonomy}', 'New {}', '{category}')", dice.below(50)),
        14 => format!(
            "SELECT categorize.correct_many($$SELECT 'title ' || i, '{category}' FROM generate_series(20, 1, -1) i$$, '{taxonomy}')"
        ),
        15 => "SELECT categorize.purge_expired()".into(),
        16 => format!(
            "BEGIN; SELECT categorize.correct('{title}', '{category}', '{taxonomy}'); SELECT categorize('{title}', '{taxonomy}'); ROLLBACK"
        ),
        17 => "SELECT * FROM categorize.stats; SELECT * FROM categorize.rules; SELECT * FROM categorize.corrections"
            .into(),
        _ => format!("SELECT categorize('title ' || i, '{taxonomy}') FROM generate_series(1, 20) i"),
    }
}

/// Errors that are the way to say no: a thing that is gone (22023) or there already (42710).
const DOCUMENTED: [&str; 2] = ["22023", "42710"];

fn be_busy(database: &Database, seed: u64, end: Instant) -> (usize, Vec<String>) {
    let (mut session, mut dice) = (database.session(), Dice(seed));
    let (mut done, mut surprises) = (0, Vec::new());
    while Instant::now() < end {
        let sql = statement(&mut dice);
        if let Err(error) = session.batch_execute(&sql) {
            let said = error.as_db_error().unwrap_or_else(|| panic!("the connection broke: {error}")).clone();
            if !DOCUMENTED.contains(&said.code().code()) {
                surprises.push(format!("{} {} ({:?}) from {sql}", said.code().code(), said.message(), said.where_()));
            }
            session.run("ROLLBACK");
        }
        done += 1;
    }
    // A ROLLBACK without a transaction warns.
    surprises.extend(session.warnings().into_iter().filter(|w| !w.contains("no transaction in progress")));
    (done, surprises)
}

#[test]
fn eight_busy_sessions_get_along() {
    let database = shared("busy");
    let end = Instant::now() + Duration::from_secs(6);
    let sessions: Vec<_> = (0..8)
        .map(|seed| {
            let database = database.clone();
            thread::spawn(move || be_busy(&database, seed, end))
        })
        .collect();
    let results: Vec<_> =
        sessions.into_iter().map(|s| within("a busy session", 60, || s.join().expect("no panic"))).collect();
    let mut surprises: Vec<String> = results.iter().flat_map(|(_, surprises)| surprises.clone()).collect();
    println!("{} statements, {} surprises", results.iter().map(|(done, _)| done).sum::<usize>(), surprises.len());
    surprises.sort();
    surprises.dedup();
    assert!(surprises.is_empty(), "undocumented errors:\n{}", surprises.join("\n"));
    database.cluster.assert_tidy();
    assert_nothing_orphaned(&mut database.session());
    all_agree(&database);
}

/// Once all is quiet, sessions that lived through it answer as a fresh one does.
fn all_agree(database: &Database) {
    let ask = |session: &mut Session| -> Vec<Option<String>> {
        session.column("SELECT categorize('title ' || i) FROM generate_series(1, 20) i")
    };
    let (mut one, mut two) = (database.session(), database.session());
    assert_eq!(ask(&mut one), ask(&mut two));
}
