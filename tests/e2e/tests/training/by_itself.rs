//! Trained by themselves: after growth, after corrections, and not otherwise.

use crate::{await_idle, busy_trainer, by_itself, is_live, stock, stocked, stored, teach, trainer};
use pg_categorize_e2e::{Cluster, Session, eventually, within};
use std::sync::Arc;
use std::thread::sleep;
use std::time::Duration;

/// Long enough for a process that should not start to be seen.
fn a_while() {
    sleep(Duration::from_millis(700));
}

fn assert_untrained(session: &mut Session, database: &str) {
    a_while();
    assert_eq!((trainer(session, database), stored(session)), (None, 0));
}

#[test]
fn growth_trains_a_model_that_answers() {
    let (database, _) = stocked("growth");
    let mut session = by_itself(&database, "train_after_growth = 25");
    let mut other = database.session();
    assert_eq!(other.text("SELECT categorize('a zorbix vumo')"), None);
    session.run(&teach(49));
    assert_untrained(&mut session, "growth");
    session.run("SELECT categorize.correct('a zorbix thing', 'Toys')");
    eventually("a live model", 30, || is_live(&mut session));
    for session in [&mut session, &mut other] {
        assert_eq!(session.text("SELECT categorize('a zorbix vumo')").as_deref(), Some("Toys"));
    }
    let row = "SELECT concat_ws(' ', version, trained_by IS NULL, examples, corrections) FROM categorize.local_models";
    assert_eq!(session.text(row).as_deref(), Some("1 t 50 1"));
    await_idle(&mut session, "growth");
    // A quarter more, but at least 50.
    session.run(&teach(98).replace("generate_series(1,", "generate_series(50,"));
    a_while();
    assert_eq!(stored(&mut session), 1);
    session.run("SELECT categorize.learn($$VALUES ('a novel by nobody', 'Books')$$)");
    eventually("a second model", 30, || stored(&mut session) == 2);
    // Whether it went live or not, what it has seen is no longer new.
    await_idle(&mut session, "growth");
    session.run("SELECT categorize.learn($$VALUES ('another novel', 'Books')$$)");
    a_while();
    assert_eq!(stored(&mut session), 2);
    database.cluster.assert_tidy();
}

#[test]
fn a_model_of_few_is_trained_again_once_there_are_enough() {
    let (database, _) = stocked("enough");
    let mut session = by_itself(&database, "train_after_growth = 25");
    session.run(&teach(1940));
    eventually("a model of few", 60, || stored(&mut session) == 1);
    await_idle(&mut session, "enough");
    let more = |to: usize, from: usize| teach(to).replace("generate_series(1,", &format!("generate_series({from},"));
    session.run(&more(1999, 1941));
    a_while();
    assert_eq!(stored(&mut session), 1, "not a quarter more, and not enough yet");
    session.run(&more(2000, 2000));
    eventually("a model of enough", 60, || stored(&mut session) == 2);
    database.cluster.assert_tidy();
}

#[test]
fn corrections_train_a_model() {
    let (database, _) = stocked("corrections");
    let mut session = by_itself(&database, "train_after_corrections = 3");
    session.run("SELECT categorize.correct('plush bear', 'Toys'); SELECT categorize.correct('novel', 'Books')");
    session.run(&teach(200));
    assert_untrained(&mut session, "corrections");
    session.run("SELECT categorize.correct_many($$VALUES ('a plush cat', 'Toys')$$)");
    eventually("a live model", 30, || is_live(&mut session));
    database.cluster.assert_tidy();
}

#[test]
fn nothing_is_trained_where_it_is_off_or_of_no_use() {
    let (database, mut session) = stocked("off");
    session.run(&teach(100));
    assert_untrained(&mut session, "off");
    let mut session = by_itself(&database, "train_after_growth = 25");
    // Texts that are not stored teach nothing, nor does one category; and who does not ask a model needs none.
    session.run(
        "SELECT categorize.create_taxonomy('texts', ARRAY['A', 'B']);
         SELECT categorize.configure('texts', '{\"store_input\": false}');
         SELECT categorize.create_taxonomy('tiers', ARRAY['A', 'B']);
         SELECT categorize.configure('tiers', '{\"tiers\": [\"correction\", \"cache\"]}');
         SELECT categorize.create_taxonomy('one', ARRAY['A', 'B'])",
    );
    for taxonomy in ["texts", "tiers", "one"] {
        let category = if taxonomy == "one" { "'A'" } else { "CASE i % 2 WHEN 0 THEN 'A' ELSE 'B' END" };
        session.run(&format!(
            "SELECT categorize.learn($$SELECT 'title ' || i, {category} FROM generate_series(1, 100) i$$, '{taxonomy}')"
        ));
    }
    session.run(
        "DELETE FROM categorize.cache WHERE taxonomy_id = (SELECT id FROM categorize.taxonomies WHERE name = 't')",
    );
    assert_untrained(&mut session, "off");
    database.cluster.assert_tidy();
}

#[test]
fn what_was_rolled_back_trains_nothing() {
    let (database, _) = stocked("undone");
    let mut session = by_itself(&database, "train_after_growth = 25");
    session.run("BEGIN");
    session.run(&teach(100));
    session.run("ROLLBACK");
    assert_untrained(&mut session, "undone");
    session.run("BEGIN; SAVEPOINT s");
    session.run(&teach(100));
    session.run("ROLLBACK TO s; COMMIT");
    assert_untrained(&mut session, "undone");
    // A prepared transaction starts nothing. When it is committed, the next lesson counts what it taught.
    session.run("BEGIN");
    session.run(&teach(100));
    session.run("PREPARE TRANSACTION 'taught'");
    assert_untrained(&mut session, "undone");
    session.run("COMMIT PREPARED 'taught'");
    assert_untrained(&mut session, "undone");
    session.run("SELECT categorize.correct('a zorbix thing', 'Toys')");
    eventually("a live model", 30, || is_live(&mut session));
    // Serializable transactions ask nothing that could make them fail: the trainer does.
    await_idle(&mut session, "undone");
    session.run("BEGIN ISOLATION LEVEL SERIALIZABLE");
    session.run(&teach(100).replace("generate_series(1,", "generate_series(201,").replace("201, 100", "201, 300"));
    session.run("COMMIT");
    eventually("a second model", 30, || stored(&mut session) == 2);
    database.cluster.assert_tidy();
}

#[test]
fn a_procedure_that_commits_and_a_deferred_trigger_train() {
    let (database, _) = stocked("procedure");
    let mut session = by_itself(&database, "train_after_growth = 25");
    session.run(&format!("DO $$ BEGIN PERFORM ({}); COMMIT; END $$", teach(60).replace("$$", "$q$")));
    eventually("a live model", 30, || is_live(&mut session));
    await_idle(&mut session, "procedure");
    session.run(&format!(
        "CREATE TABLE lesson (i int);
         CREATE FUNCTION teach() RETURNS trigger LANGUAGE plpgsql AS $f$ BEGIN PERFORM ({}); RETURN NULL; END $f$;
         CREATE CONSTRAINT TRIGGER teach AFTER INSERT ON lesson DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION teach();
         BEGIN; INSERT INTO lesson VALUES (1); COMMIT",
        teach(200)
    ));
    eventually("a second model", 30, || stored(&mut session) == 2);
    // What cannot be told, because somebody holds a table, is no obstacle to a COMMIT of one's own either.
    let mut holder = database.session();
    holder.run("BEGIN; LOCK categorize.local_model");
    session.run("SET statement_timeout = '5s'; BEGIN; SELECT categorize.learn($$VALUES ('one', 'Toys')$$); COMMIT");
    assert_eq!(session.text("SELECT 1::text").as_deref(), Some("1"));
    holder.run("COMMIT");
    database.cluster.assert_tidy();
}

#[test]
fn each_tenant_is_trained_on_what_is_its_own() {
    let (database, _) = stocked("owners");
    let mut session = by_itself(&database, "train_after_growth = 25");
    session.run("SELECT categorize.set_tenant('a', false)");
    session.run(&teach(60));
    eventually("a model of a", 30, || is_live(&mut session));
    session.run("SELECT categorize.set_tenant('b', false)");
    assert_eq!(session.text("SELECT categorize('a zorbix vumo')"), None);
    session.run(&teach(60).replace("'Toys'", "'Tools'"));
    eventually("a model of b", 30, || is_live(&mut session));
    assert_eq!(session.text("SELECT categorize('a zorbix vumo')").as_deref(), Some("Tools"));
    session.run("SELECT categorize.set_tenant('a', false)");
    assert_eq!(session.text("SELECT categorize('a zorbix vumo')").as_deref(), Some("Toys"));
    let categories: Vec<i32> = session.column("SELECT categories FROM categorize.local_model ORDER BY tenant");
    assert_eq!(categories, [2, 2]);
    database.cluster.assert_tidy();
}

#[test]
fn a_taxonomy_dropped_meanwhile_is_not_trained() {
    let (database, _) = stocked("dropped");
    let mut session = by_itself(&database, "train_after_growth = 25");
    busy_trainer(&mut session);
    // Nobody waits for the training.
    within("drop_taxonomy()", 3, || session.run("SELECT categorize.drop_taxonomy('much')"));
    await_idle(&mut session, "dropped");
    assert_eq!(stored(&mut session), 0);
    assert!(database.cluster.log().contains("could not train local model of taxonomy \"much\""));
    database.cluster.assert_tidy();
}

#[test]
fn a_commit_succeeds_where_no_process_is_free() {
    let builder = Cluster::builder().conf("categorize.train_after_growth = 25").conf("max_worker_processes = 0");
    let (database, mut session) = stock(Arc::new(builder.start()).extended("crowded"));
    session.run(&teach(100));
    assert_eq!(session.text("SELECT categorize('hardcover novel 1')").as_deref(), Some("Books"));
    assert_eq!(session.warnings(), Vec::<String>::new());
    let log = database.cluster.log();
    assert!(log.contains("no background worker is free to train a local model"), "{log}");
    assert!(log.contains("Raise max_worker_processes"), "{log}");
    // Nor does a table that somebody holds keep it waiting.
    let (mut holder, mut session) = (database.session(), database.session());
    holder.run("BEGIN; LOCK categorize.local_model");
    session.run("SET statement_timeout = '5s'; SELECT categorize.learn($$VALUES ('a zorbix thing', 'Toys')$$)");
    holder.run("COMMIT");
    assert!(database.cluster.log().contains("could not tell whether a training is due"));
    database.cluster.assert_tidy();
}
