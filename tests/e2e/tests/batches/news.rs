//! What is told of jobs and batches, what they save, and answers that are asked for anew.

use crate::support::{KINDS, config, shop};
use pg_categorize_e2e::{Session, eventually};
use pg_categorize_fake_llm::{BatchConfig, Config};
use postgres::fallible_iterator::FallibleIterator;
use std::collections::HashMap;
use std::time::Duration;

/// What a notification says, as texts by their names.
type Told = HashMap<String, String>;

/// What has been notified, until `last` has come.
fn told_until(listener: &mut Session, last: &str) -> Vec<Told> {
    let mut told: Vec<Told> = Vec::new();
    while told.last().is_none_or(|event| event["event"] != last) {
        let next = listener.notifications().timeout_iter(Duration::from_secs(30)).next().unwrap();
        let next = next.unwrap_or_else(|| panic!("no {last} among {told:?}"));
        assert_eq!(next.channel(), "pg_categorize");
        assert!(next.payload().len() < 8000 && !next.payload().contains("title"), "{}", next.payload());
        let rows = listener.query("SELECT key, value FROM json_each_text($1::text::json)", &[&next.payload()]).unwrap();
        told.push(rows.iter().map(|row| (row.get(0), row.get(1))).collect());
    }
    told
}

#[test]
fn a_night_is_told_and_its_savings_are_those_computed_by_hand() {
    for (kind, (name, ..)) in KINDS.iter().enumerate() {
        let shop = shop(&format!("news_{name}"), kind, config());
        let mut listener = shop.session();
        listener.run("LISTEN pg_categorize");
        let mut session = shop.session();
        session.run("CREATE TABLE called (jobs bigint[], role name, mode text)");
        session.run(
            "CREATE FUNCTION after_jobs(jobs bigint[]) RETURNS void LANGUAGE sql AS
             'INSERT INTO public.called VALUES (jobs, current_user, current_setting(''categorize.mode''))'",
        );
        session.run("SELECT categorize.on_completion('after_jobs(bigint[])')");
        shop.enqueue(93);
        shop.submit();
        let told = told_until(&mut listener, "batch_submitted");
        assert_eq!((&*told[0]["requests"], &*told[0]["inputs"]), ("19", "93"), "{name}: {told:?}");
        shop.night();
        let told = told_until(&mut listener, "batch_done");
        let of_jobs = || told.iter().filter(|event| event["event"] == "jobs_ended");
        let ended: usize = of_jobs().map(|event| event["count"].parse::<usize>().unwrap()).sum();
        let ids: usize = of_jobs().map(|event| event["jobs"].split(',').count()).sum();
        assert_eq!((ended, ids), (93, 93), "{name}: {told:?}");
        let done = told.last().unwrap();
        assert_eq!((&*done["answered"], &*done["failed"], &*done["state"]), ("93", "0", "done"), "{name}");
        eventually("all jobs were handed over", 30, || {
            session.one::<i64>("SELECT coalesce(sum(cardinality(jobs)), 0)::bigint FROM called") == 93
        });
        let each = "SELECT count(DISTINCT j) FROM called CROSS JOIN unnest(jobs) j JOIN categorize.job k ON k.id = j AND k.state = 'done'";
        assert_eq!(session.one::<i64>(each), 93, "{name}");
        // To the nano-dollar.
        let account = shop.model.account().batches;
        let savings = "SELECT (batch_usd * 1e9)::bigint, (live_usd * 1e9)::bigint, (saved_usd * 1e9)::bigint, job_type, provider FROM categorize.savings";
        let row = session.query_one(savings, &[]).unwrap();
        let told: (i64, i64, i64, String, String) = (row.get(0), row.get(1), row.get(2), row.get(3), row.get(4));
        let saved = account.live_nanousd - account.charged_nanousd;
        assert!(saved > 0, "{name}");
        assert_eq!(
            told,
            (account.charged_nanousd, account.live_nanousd, saved, "categorize".into(), "fake".into()),
            "{name}"
        );
    }
}

#[test]
fn a_batch_of_which_too_much_failed_is_an_alert_once() {
    let batches = BatchConfig { turnaround_s: (60, 600), errored: 0.5, ..BatchConfig::default() };
    let shop = shop("alerts", 0, Config { batches, seed: 5, ..Config::default() });
    let mut listener = shop.session();
    listener.run("LISTEN pg_categorize");
    shop.enqueue(100);
    let raised =
        |kind: &str| shop.session().one::<i64>(&format!("SELECT count(*) FROM categorize.alert WHERE kind = '{kind}'"));
    shop.submit();
    shop.night();
    eventually("it is told", 30, || raised("batch_failures") == 1);
    let told = told_until(&mut listener, "alert");
    assert_eq!(told.last().unwrap()["kind"], "batch_failures");
    shop.session().run("SELECT categorize.poll_batches()");
    assert_eq!(raised("batch_failures"), 1);
}

#[test]
fn answers_are_asked_for_anew_where_the_new_ones_take_their_place() {
    let shop = shop("anew", 0, config());
    let mut session = shop.session();
    session.run("SELECT categorize.learn($$ VALUES ('title label', 'Tools') $$)");
    shop.enqueue(20);
    shop.submit();
    shop.night();
    session.run("SELECT categorize.correct('title 1', 'Toys')");
    let charged = shop.charged();
    session.run("UPDATE categorize.cache SET taxonomy_version = taxonomy_version - 1, created_at = created_at - interval '1 day' WHERE origin = 'llm'");
    // Told first; nothing is queued.
    let plan = session
        .query_one(
            "SELECT answers, queued, batch_low_usd > 0 AND batch_low_usd < live_low_usd AND batch_low_usd <= batch_high_usd
               FROM categorize.recategorize(outdated => true)",
            &[],
        )
        .unwrap();
    let told: (i64, i64, bool) = (plan.get(0), plan.get(1), plan.get(2));
    assert_eq!((told, shop.jobs("waiting")), ((19, 0, true), 0));
    let queued = "SELECT queued FROM categorize.recategorize(outdated => true, dry_run => false)";
    assert_eq!(session.one::<i64>(queued), 19);
    // Nobody queues it twice.
    assert_eq!(session.one::<i64>(queued), 0);
    shop.submit();
    shop.night();
    assert!(shop.charged() > charged);
    assert_eq!((shop.settled(), shop.reserved()), (shop.charged(), 0));
    let old = "SELECT count(*) FROM categorize.cache WHERE origin = 'llm' AND created_at < now() - interval '1 hour'";
    assert_eq!(session.one::<i64>(old), 1, "that of the corrected title alone");
    assert_eq!(session.one::<i64>("SELECT answers FROM categorize.recategorize(outdated => true)"), 0);
    assert_eq!(session.text("SELECT categorize('title 1')"), Some("Toys".into()));
    assert_eq!(session.text("SELECT categorize('title label')"), Some("Tools".into()));
}

/// A body that a user might write for a provider of this kind.
fn body(kind: usize, text: &str) -> String {
    match kind {
        0 => format!(r#"{{"messages": [{{"role": "user", "content": "{text}"}}], "max_completion_tokens": 50}}"#),
        1 => format!(r#"{{"messages": [{{"role": "user", "content": "{text}"}}], "max_tokens": 50}}"#),
        _ => format!(
            r#"{{"contents": [{{"role": "user", "parts": [{{"text": "{text}"}}]}}], "generationConfig": {{"maxOutputTokens": 50}}}}"#
        ),
    }
}

/// More than is read of the queue at once, and of a batch that is sent: none is left out, and none comes twice.
#[test]
fn long_bodies_come_into_one_batch() {
    let shop = shop("long_requests", 0, config());
    let mut session = shop.session();
    session.run("SELECT categorize.set_budget('database', 1000, 'day', per_request_usd => 10)");
    // Shorter than what costs more since it is long.
    let text = format!("replace('{}', 'LONG', repeat('score ', 100000) || i)::jsonb", body(0, "LONG"));
    session.run(&format!("SELECT categorize.enqueue_request('scoring', 'fake', {text}) FROM generate_series(1, 30) i"));
    shop.submit();
    let batches = "SELECT string_agg(requests || ' ' || (bytes > 18000000), ', ') FROM categorize.batch";
    assert_eq!(session.text(batches).as_deref(), Some("30 true"));
    shop.night();
    assert_eq!((shop.jobs("done"), shop.model.account().batches.created), (30, 1));
    assert_eq!((shop.settled(), shop.reserved()), (shop.charged(), 0));
}

#[test]
fn any_body_goes_through_batches_and_its_reply_is_the_enqueuers() {
    for (kind, (name, ..)) in KINDS.iter().enumerate() {
        let shop = shop(&format!("requests_{name}"), kind, config());
        let mut session = shop.session();
        session.run("CREATE TABLE called (jobs bigint[])");
        session.run(
            "CREATE FUNCTION after_jobs(jobs bigint[]) RETURNS void LANGUAGE sql AS 'INSERT INTO public.called VALUES (jobs)'",
        );
        session.run("SELECT categorize.on_completion('after_jobs(bigint[])')");
        let enqueue = |session: &mut Session, text: &str, job_type: &str| -> i64 {
            let sql = format!("SELECT categorize.enqueue_request('{job_type}', 'fake', '{}', 7)", body(kind, text));
            session.one(&sql)
        };
        // Rolled back with the caller.
        session.run("BEGIN");
        enqueue(&mut session, "never", "scoring");
        session.run("ROLLBACK");
        let ids: Vec<i64> = (0..7).map(|i| enqueue(&mut session, &format!("score {i}"), "scoring")).collect();
        enqueue(&mut session, "extract", "extraction");
        // Beside what is to be categorized: of each kind of work a batch.
        shop.enqueue(10);
        shop.submit();
        assert_eq!(shop.model.account().batches.created, 3, "{name}");
        assert!(shop.reserved() > 0, "{name}");
        shop.night();
        let done =
            "SELECT count(*) FROM categorize.job_result WHERE state = 'done' AND jsonb_typeof(answer) = 'object'";
        assert_eq!(session.one::<i64>(done), 8, "{name}");
        assert_eq!((shop.settled(), shop.reserved()), (shop.charged(), 0), "{name}");
        assert_eq!(shop.jobs("done"), 18, "{name}");
        let savings = "SELECT string_agg(job_type || ' ' || inputs, ', ' ORDER BY job_type) FROM categorize.savings WHERE saved_usd > 0";
        assert_eq!(session.text(savings).unwrap(), "categorize 10, extraction 1, scoring 7", "{name}");
        eventually("they are handed over", 30, || {
            session.one_of::<bool>("SELECT coalesce(bool_or(jobs @> $1), false) FROM called", &[&ids])
        });
        // Nobody else sees them.
        session.run(&format!("CREATE ROLE requests_{name} IN ROLE categorize_admin; SET ROLE requests_{name}"));
        assert_eq!(session.one::<i64>("SELECT count(*) FROM categorize.job_result"), 0, "{name}");
        session.refused("42501", "SELECT answer FROM categorize.job");
    }
}

#[test]
fn embeddings_are_bought_in_batches_as_well() {
    let shop = shop("embeddings", 0, config());
    let mut session = shop.session();
    session.run("SELECT categorize.set_price('text-embedding-3-small', 0.10, 0); SELECT categorize.set_batch_price('text-embedding-3-small', 0.05, 0)");
    session.run(
        r#"SELECT categorize.enqueue_request('vectors', 'fake', '{"model": "text-embedding-3-small", "input": ["red shoes", "blue shoes"], "dimensions": 8}')"#,
    );
    shop.submit();
    shop.night();
    let vectors = "SELECT jsonb_array_length(answer -> 'data') FROM categorize.job_result WHERE state = 'done'";
    assert_eq!(session.one::<i32>(vectors), 2);
    assert!(shop.charged() > 0);
    assert_eq!((shop.settled(), shop.reserved()), (shop.charged(), 0));
}

#[test]
fn a_request_that_is_refused_and_one_that_no_budget_admits_end() {
    let batches = BatchConfig { turnaround_s: (60, 600), errored: 1.0, ..BatchConfig::default() };
    let shop = shop("refused_requests", 1, Config { batches, seed: 3, ..Config::default() });
    let mut session = shop.session();
    session.run(&format!("SELECT categorize.enqueue_request('scoring', 'fake', '{}')", body(1, "a")));
    for _ in 0..6 {
        if shop.jobs("failed") > 0 {
            break;
        }
        shop.submit();
        shop.night();
    }
    assert_eq!(session.text("SELECT state FROM categorize.job_result"), Some("failed".into()));
    session.run("SELECT categorize.set_budget('database', 1, per_request_usd => 0)");
    session.run(&format!("SELECT categorize.enqueue_request('scoring', 'fake', '{}')", body(1, "b")));
    session.run("SELECT categorize.submit_batches()");
    let reason = "SELECT reason = 'request_too_expensive' FROM categorize.job_result WHERE id = (SELECT max(id) FROM categorize.job)";
    eventually("it ends for its reason", 30, || session.one::<Option<bool>>(reason) == Some(true));
    assert_eq!((shop.settled(), shop.reserved()), (shop.charged(), 0));
}
