//! Models that are trained by `train()` and by themselves: who is trained when, what a cancel or crash leaves, who sees it.

mod by_itself;
mod crash;
mod databases;
mod restraint;
mod serving;
mod waiting;

use pg_categorize_e2e::{Cluster, Database, Session, eventually, shared};
use std::sync::Arc;

/// A database with taxonomy `t` as the default one, in which every guess of a model counts.
fn stocked(name: &str) -> (Database, Session) {
    stock(shared(name))
}

/// A cluster whose models are trained by themselves after 50 examples, and such a database in it.
fn stocked_of_its_own(lines: &[&str]) -> (Database, Session) {
    let builder = Cluster::builder().conf("categorize.train_after_growth = 25");
    let builder = lines.iter().fold(builder, |builder, line| builder.conf(line));
    stock(Arc::new(builder.start()).extended("shop"))
}

fn stock(database: Database) -> (Database, Session) {
    let mut session = database.session();
    session.run(&format!("ALTER DATABASE {} SET categorize.taxonomy = 't'", database.name));
    session.run(
        "SELECT categorize.create_taxonomy('t', ARRAY['Toys', 'Books', 'Tools']);
         SELECT categorize.configure('t', '{\"local_model_threshold\": 0.5}')",
    );
    (database.clone(), database.session())
}

/// Has models of a database trained by themselves, from the next session on.
fn by_itself(database: &Database, setting: &str) -> Session {
    database.session().run(&format!("ALTER DATABASE {} SET categorize.{setting}", database.name));
    database.session()
}

/// Teaches `count` examples, of two categories in turn.
fn teach(count: usize) -> String {
    format!(
        "SELECT categorize.learn($$SELECT CASE i % 2 WHEN 0 THEN 'zorbix kwel vumo ' ELSE 'hardcover novel ' END || i,
                                          CASE i % 2 WHEN 0 THEN 'Toys' ELSE 'Books' END FROM generate_series(1, {count}) i$$, 't')"
    )
}

/// Teaches so much that a training takes seconds.
const TEACH_MUCH: &str =
    "SELECT categorize.create_taxonomy_from_query('much', 'SELECT ''c'' || i FROM generate_series(1, 400) i');
     SELECT categorize.learn($$SELECT concat_ws(' ', 'word' || i % 400, md5(i::text), 'of', md5((i / 3)::text), md5((i % 5000)::text)),
                                      'c' || i % 400 + 1 FROM generate_series(1, 60000) i$$, 'much')";

/// Whether the tenant has a live model.
fn is_live(session: &mut Session) -> bool {
    session.one("SELECT EXISTS (SELECT FROM categorize.local_models WHERE active)")
}

/// Models stored in the database, of all tenants.
fn stored(session: &mut Session) -> i64 {
    session.one("SELECT count(*) FROM categorize.local_model")
}

/// The process that trains in a database, if there is one.
fn trainer(session: &mut Session, database: &str) -> Option<i32> {
    let sql = format!(
        "SELECT pid FROM pg_stat_activity WHERE backend_type = 'pg_categorize trainer' AND datname = '{database}' LIMIT 1"
    );
    session.column(&sql).pop()
}

/// Lets nobody store a model until the session ends its transaction. A trainer waits ten seconds for that.
fn hold(database: &Database) -> Session {
    let mut holder = database.session();
    holder.run("BEGIN; LOCK TABLE categorize.local_model IN SHARE MODE");
    holder
}

/// A trainer that is at work on `t` until the session that is returned ends its transaction.
fn held_trainer(database: &Database, session: &mut Session) -> (Session, i32) {
    let holder = hold(database);
    session.run(&teach(60));
    (holder, at_work(session, "query = 'storing local model of taxonomy \"t\"' AND wait_event_type = 'Lock'"))
}

/// A trainer that computes for seconds, also on a fast machine, and for no minute on a slow one.
fn busy_trainer(session: &mut Session) -> i32 {
    session.run(&TEACH_MUCH.replace("60000", "20000"));
    at_work(session, "query LIKE 'training local model of taxonomy \"much\"%'")
}

/// The trainer of the session's database that is as this condition says.
fn at_work(session: &mut Session, condition: &str) -> i32 {
    let sql = format!(
        "SELECT pid FROM pg_stat_activity
          WHERE backend_type = 'pg_categorize trainer' AND datname = current_database() AND {condition}"
    );
    let mut pid = None;
    eventually("the trainer is at work", 30, || {
        pid = session.column(&sql).pop();
        pid.is_some()
    });
    pid.expect("seen just now")
}

/// How often the server has written a line with these words.
fn logged(database: &Database, words: &str) -> usize {
    database.cluster.log().lines().filter(|line| line.contains(words)).count()
}

/// Waits until no process trains in a database.
fn await_idle(session: &mut Session, database: &str) {
    eventually("the trainer ends", 60, || trainer(session, database).is_none());
}

/// Forgets which trainings failed, as ten minutes do.
fn ten_minutes_pass(session: &mut Session) {
    session.run("COPY (SELECT 1) TO PROGRAM 'cat > /dev/null; rm -f pg_stat_tmp/pg_categorize.*.attempt'");
}
