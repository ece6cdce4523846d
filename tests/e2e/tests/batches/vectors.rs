//! Vectors of stored texts that a provider sells in batches: many wait for one, few are bought at once, and none is paid for twice.

use crate::support::{Shop, builder, config, shop, shop_in};
use pg_categorize_e2e::{Dice, Session, Tools, eventually};
use pg_categorize_fake_llm::{BatchConfig, Config};
use std::sync::Arc;
use std::time::Duration;

const MODEL: &str = "fake:text-embedding-3-small@64";

/// A shop with so many taught titles, of which a hundred without vectors are many, and whose vectors have a price in batches; none
/// without pgvector beside the server.
fn stocked(shop: Shop, titles: i32) -> Option<Shop> {
    if !Tools::from_env().share().join("extension/vector.control").exists() {
        println!("skipped: the server has no pgvector");
        return None;
    }
    let mut session = shop.session();
    session.run("CREATE EXTENSION vector");
    session.run(
        r#"SELECT categorize.configure('shop', '{"tiers": ["correction", "cache", "similarity", "llm"], "batch_vectors": 100}')"#,
    );
    session.run("SELECT categorize.set_price('text-embedding-3-small', 0.10, 0)");
    session.run("SELECT categorize.set_batch_price('text-embedding-3-small', 0.05, 0)");
    teach(&mut session, 1, titles);
    Some(shop)
}

fn teach(session: &mut Session, first: i32, last: i32) {
    session.run(&format!(
        "SELECT categorize.learn($$ SELECT 'cotton toy bear of size ' || i, 'Toys' FROM generate_series({first}, {last}) i $$)"
    ));
}

fn embed(session: &mut Session, model: &str) {
    session.run(&format!(r#"SELECT categorize.configure('shop', '{{"embedding": "{model}"}}')"#));
}

fn state(session: &mut Session) -> String {
    let sql =
        format!("SELECT state || coalesce(' ' || reason, '') FROM categorize.embedding_status WHERE model = '{MODEL}'");
    session.column::<String>(&sql).pop().unwrap_or_else(|| "none".to_owned())
}

fn await_state(shop: &Shop, expected: &str) {
    eventually(&format!("the embedding is {expected}"), 60, || state(&mut shop.session()) == expected);
}

/// Texts that wait for a batch or are in one.
fn queued(shop: &Shop) -> i64 {
    let sql = "SELECT coalesce(sum(inputs), 0) FROM categorize.job WHERE job_type = 'embedding' AND ended_at IS NULL";
    shop.session().one(sql)
}

fn rows_done(shop: &Shop) -> i64 {
    let sql =
        format!("SELECT coalesce(sum(rows_done), 0)::bigint FROM categorize.embedding_status WHERE model = '{MODEL}'");
    shop.session().one(&sql)
}

/// Texts that the ledger has paid for.
fn paid(shop: &Shop) -> i64 {
    shop.session().one("SELECT coalesce(sum(inputs), 0)::bigint FROM categorize.ledger WHERE kind = 'settle'")
}

/// Texts that are charged for live.
fn embedded(shop: &Shop) -> u64 {
    shop.model.account().texts_embedded
}

/// All vectors are there, and each nano-dollar of the provider's account is in the ledger, and in the view of the embeddings.
fn assert_settled(shop: &Shop, texts: i64) {
    assert_eq!((rows_done(shop), paid(shop)), (texts, texts));
    assert_eq!((shop.settled(), shop.reserved()), (shop.charged(), 0));
    let cost = format!("SELECT (cost_usd * 1e9)::bigint FROM categorize.embedding_status WHERE model = '{MODEL}'");
    assert_eq!(shop.session().one::<i64>(&cost), shop.charged());
    let left = "SELECT count(*) FROM categorize.queued_vector";
    assert_eq!(shop.session().one::<i64>(left), 0);
    let texts = "SELECT count(*) FROM categorize.job WHERE job_type = 'embedding' AND body <> '{}'";
    assert_eq!(shop.session().one::<i64>(texts), 0, "texts of jobs that have ended are kept");
}

#[test]
fn many_wait_for_a_batch_and_few_do_not() {
    let Some(shop) = stocked(shop("vectors", 0, config()), 600) else { return };
    embed(&mut shop.session(), MODEL);
    // How long the vectors are is told by the first, which is bought live.
    await_state(&shop, "held queued");
    eventually("all others wait", 30, || queued(&shop) == 599);
    assert_eq!((embedded(&shop), rows_done(&shop)), (1, 1));
    let waits = "SELECT job_type || ' ' || taxonomy || ' ' || state || ' ' || sum(jobs) FROM categorize.queue_status
                  GROUP BY job_type, taxonomy, state";
    assert_eq!(shop.session().text(waits).as_deref(), Some("embedding shop waiting 3"));
    // Nobody has queued them.
    assert_eq!(shop.session().one::<i64>("SELECT count(*) FROM categorize.job_result"), 0);
    shop.submit();
    shop.night();
    await_state(&shop, "ready");
    assert_settled(&shop, 600);
    let account = shop.model.account();
    assert_eq!((account.texts_embedded, account.batches.created), (1, 1));
    let savings = "SELECT job_type, (batch_usd * 1e9)::bigint, (live_usd * 1e9)::bigint FROM categorize.savings";
    let row = shop.session().query_one(savings, &[]).expect("a row");
    let told: (String, i64, i64) = (row.get(0), row.get(1), row.get(2));
    let by_hand = (account.batches.charged_nanousd, account.batches.live_nanousd);
    assert_eq!(told, ("embedding".to_owned(), by_hand.0, by_hand.1));
    assert!(by_hand.0 > 0 && by_hand.0 < by_hand.1);
    let spent = "SELECT count(*) FROM categorize.spend WHERE taxonomy = 'shop' AND application_name = 'pg_categorize embeddings'";
    assert_eq!(shop.session().one::<i64>(spent), 1);
    // What is taught later are few.
    teach(&mut shop.session(), 601, 620);
    eventually("they have their vectors", 60, || rows_done(&shop) == 620);
    assert_settled(&shop, 620);
    assert_eq!(shop.model.account().batches.created, 1);
    // As many as are worth a batch, again.
    teach(&mut shop.session(), 621, 900);
    eventually("they wait", 60, || queued(&shop) == 280);
    shop.submit();
    shop.night();
    eventually("they have their vectors", 60, || rows_done(&shop) == 900);
    assert_settled(&shop, 900);
    assert_eq!(embedded(&shop), 21);
}

#[test]
fn a_choice_that_is_taken_back_buys_no_more() {
    let Some(shop) = stocked(shop("vectors_back", 0, config()), 300) else { return };
    embed(&mut shop.session(), MODEL);
    eventually("they wait", 60, || queued(&shop) == 299);
    embed(&mut shop.session(), "static");
    shop.session().run("SELECT categorize.submit_batches()");
    eventually("nothing waits", 30, || queued(&shop) == 0);
    assert_eq!((embedded(&shop), shop.model.account().batches.created), (1, 0));
    assert_eq!(shop.session().one::<i64>("SELECT count(*) FROM categorize.queued_vector"), 0);
    // What is in a batch is paid for, and kept.
    embed(&mut shop.session(), MODEL);
    eventually("they wait", 60, || queued(&shop) == 299);
    shop.submit();
    embed(&mut shop.session(), "static");
    shop.night();
    await_state(&shop, "kept");
    eventually("they are stored", 30, || rows_done(&shop) == 300);
    embed(&mut shop.session(), MODEL);
    await_state(&shop, "ready");
    assert_settled(&shop, 300);
    assert_eq!(embedded(&shop), 1);
}

#[test]
fn what_batches_leave_is_bought_live() {
    let batches = BatchConfig { turnaround_s: (60, 600), errored: 1.0, ..BatchConfig::default() };
    let Some(shop) = stocked(shop("vectors_left", 0, Config { batches, ..Config::default() }), 300) else { return };
    embed(&mut shop.session(), MODEL);
    for _ in 0..4 {
        eventually("they wait, or are left", 60, || {
            let waits = "SELECT count(*) FROM categorize.job WHERE state = 'waiting'";
            shop.session().one::<i64>(waits) > 0 || state(&mut shop.session()) == "ready"
        });
        if state(&mut shop.session()) == "ready" {
            break;
        }
        shop.submit();
        shop.night();
    }
    await_state(&shop, "ready");
    assert!(shop.jobs("failed") > 0);
    assert_settled(&shop, 300);
    assert_eq!(embedded(&shop), 300);
}

/// Nobody has to know that they wait: an index that its batch was taken from is completed live.
#[test]
fn what_no_batch_takes_any_more_is_bought_live() {
    let Some(shop) = stocked(shop("vectors_no_batch", 0, config()), 300) else { return };
    embed(&mut shop.session(), MODEL);
    eventually("they wait", 60, || queued(&shop) == 299);
    // Newer, and without a price for batches.
    shop.session().run("SELECT categorize.set_price('text-embedding-3-small', 0.10, 0)");
    await_state(&shop, "ready");
    assert_settled(&shop, 300);
    assert_eq!((embedded(&shop), shop.model.account().batches.created), (300, 0));
    // As many again, and then the taxonomy wants none of its vectors in batches.
    shop.session().run("SELECT categorize.set_batch_price('text-embedding-3-small', 0.05, 0)");
    teach(&mut shop.session(), 301, 600);
    eventually("they wait", 60, || queued(&shop) == 300);
    shop.session().run(r#"SELECT categorize.configure('shop', '{"batch_vectors": 0}')"#);
    eventually("they have their vectors", 60, || rows_done(&shop) == 600);
    assert_settled(&shop, 600);
    assert_eq!((embedded(&shop), shop.model.account().batches.created), (600, 0));
}

/// Its last vector is there, and a crash came before it was made to answer: whoever comes then has it made.
#[test]
fn an_index_that_is_complete_answers_after_a_crash() {
    let cluster = Arc::new(builder().start());
    let Some(shop) = stocked(shop_in(&cluster, "vectors_complete", 0, config()), 20) else { return };
    embed(&mut shop.session(), MODEL);
    await_state(&shop, "ready");
    shop.session().run("UPDATE categorize.embedding_index SET state = 'building' WHERE indexed_until IS NOT NULL");
    assert!(state(&mut shop.session()).starts_with("building"));
    cluster.kill(shop.gateways().pop().expect("a gateway"));
    // Somebody asks for a gateway.
    shop.session().run("SELECT categorize('what nobody has taught')");
    await_state(&shop, "ready");
}

/// The texts of a taxonomy that is dropped are not kept in the queue: neither where they wait, nor where they are in a batch.
#[test]
fn a_dropped_taxonomy_leaves_no_text_in_the_queue() {
    let Some(shop) = stocked(shop("vectors_dropped", 0, config()), 300) else { return };
    embed(&mut shop.session(), MODEL);
    eventually("they wait", 60, || queued(&shop) == 299);
    shop.submit();
    teach(&mut shop.session(), 301, 600);
    eventually("others wait", 60, || queued(&shop) == 599);
    let kept = "SELECT count(*) FROM categorize.job WHERE job_type = 'embedding' AND body::text LIKE '%cotton%'";
    assert!(shop.session().one::<i64>(kept) >= 4);
    shop.session().run("SELECT categorize.drop_taxonomy('shop')");
    shop.session().run("SELECT categorize.submit_batches()");
    shop.night();
    eventually("nothing is queued", 60, || queued(&shop) == 0);
    assert_eq!(shop.session().one::<i64>(kept), 0);
    assert_eq!((shop.settled(), shop.reserved()), (shop.charged(), 0));
}

#[test]
fn kills_at_any_point_lose_no_vector_and_pay_for_none_twice() {
    let cluster = Arc::new(builder().start());
    for seed in 0..3_u64 {
        let mut dice = Dice(seed + 20);
        let database = format!("vectors_killed_{seed}");
        let Some(shop) = stocked(shop_in(&cluster, &database, 0, config()), 2000) else { return };
        embed(&mut shop.session(), MODEL);
        for _ in 0..6 {
            std::thread::sleep(Duration::from_millis(dice.below(500)));
            if dice.below(2) == 0 {
                cluster.crash();
            } else if let Some(gateway) = shop.gateways().pop() {
                cluster.try_kill(gateway);
            }
            shop.session().run("SELECT categorize.submit_batches()");
            if dice.below(2) == 0 {
                shop.model.advance(Duration::from_secs(300));
            }
        }
        eventually("all have their vectors", 90, || {
            shop.session().run("SELECT categorize.submit_batches(), categorize.poll_batches()");
            shop.model.advance(Duration::from_secs(660));
            std::thread::sleep(Duration::from_millis(200));
            state(&mut shop.session()) == "ready"
        });
        shop.done();
        // The one request that is under way live when its gateway is killed is in doubt, and is bought again.
        let doubted = shop.reserved();
        let in_doubt: i64 = shop.session().one("SELECT count(*) FROM categorize.reservation");
        let batches: i64 = shop.session().one("SELECT count(*) FROM categorize.batch");
        assert_eq!(rows_done(&shop), 2000, "{database}");
        assert_eq!(shop.model.account().batches.created as i64, batches, "{database}");
        assert_eq!(paid(&shop), 2000, "{database}: {in_doubt} in doubt");
        let (settled, charged) = (shop.settled(), shop.charged());
        assert!(settled <= charged && charged <= settled + doubted, "{database}: {settled} {charged} {doubted}");
    }
}
