//! Vectors of questions, which a provider makes before a language model is asked.

use crate::embeddings::{await_state, embed_by, stocked};
use crate::support::{Shop, builder, shop, shop_in};
use pg_categorize_e2e::{Session, eventually};
use pg_categorize_fake_llm::{Config, FakeLlm, Fault, Faults, Latency, Step};
use std::time::Duration;

/// A shop whose vectors another provider makes than answers; both are ready. Six titles are known.
fn compared(shop: Shop, maker: Config) -> Option<(Shop, FakeLlm, Session)> {
    let (shop, mut session) = stocked(shop, 0)?;
    session.run(
        "SELECT categorize.learn($$ SELECT 'soft cotton toy bear with ' || what, 'Toys'
                                      FROM unnest(ARRAY['ribbon', 'buttons', 'scarf', 'jacket', 'boots', 'apron']) what $$)",
    );
    let maker = FakeLlm::spawn(maker);
    let url = format!("{}/v1", maker.url());
    session
        .run(&format!("SELECT categorize.add_provider('maker', 'openai', '{url}', settings => '{{\"priority\": 9}}')"));
    embed_by(&mut session, MADE);
    await_state(&mut session, MADE, "ready");
    Some((shop, maker, session))
}

/// The embedding, of the provider that makes vectors.
const MADE: &str = "maker:text-embedding-3-small@256";

/// Who says the same as the known titles, in another order.
const NEAR: &str = "toy bear, soft cotton, with scarf";

fn source(session: &mut Session, title: &str) -> String {
    let sql = "SELECT concat_ws(' ', source, origin, coalesce(provider, '-'), cost_usd > 0) FROM categorize_detail($1)";
    session.one_of(sql, &[&title])
}

fn rows_done(session: &mut Session) -> i64 {
    let sql = "SELECT rows_done::bigint FROM categorize.embedding_status WHERE taxonomy = 'shop' AND model = $1";
    session.one_of(sql, &[&MADE])
}

/// What both charged is what is settled, and nothing is in doubt.
fn accounts_agree(shop: &Shop, maker: &FakeLlm) {
    assert_eq!((shop.settled(), shop.reserved()), (shop.charged() + maker.account().charged_nanousd, 0));
}

#[test]
fn a_near_title_is_answered_for_the_price_of_its_vector() {
    let Some((shop, maker, mut session)) = compared(shop("near", Config::default()), Config::default()) else { return };
    assert_eq!(maker.account().texts_embedded, 6);
    assert_eq!(source(&mut session, NEAR), "similarity label maker t");
    assert_eq!((shop.model.account().requests, maker.account().texts_embedded), (0, 7));
    accounts_agree(&shop, &maker);
    let told = "SELECT (evidence->'neighbours'->0->>'text') FROM categorize_detail($1)";
    // It is known from then on, to all, and costs nothing.
    for mut session in [shop.session(), session] {
        assert_eq!(source(&mut session, NEAR), "cache similarity - f");
        assert_eq!(session.query_one(told, &[&NEAR]).expect("a row").get::<_, Option<String>>(0), None);
    }
    let mut session = shop.session();
    let evidence: String = session.one_of(told, &[&"bear, toy, soft cotton, with boots"]);
    assert_eq!(evidence, "soft cotton toy bear with boots");
    assert_eq!((shop.model.account().requests, maker.account().texts_embedded), (0, 8));
    // What neighbours said is nobody's neighbour, and has no vector in the index.
    assert_eq!(rows_done(&mut session), 6);
    let near = session.column::<String>("SELECT origin FROM categorize.suggest('toy bear', 20, 'shop')");
    assert!(near.len() == 6 && near.iter().all(|origin| origin == "label"), "{near:?}");
    accounts_agree(&shop, &maker);
    let spent = "SELECT count(*) FROM categorize.spend WHERE provider = 'maker' AND application_name <> 'pg_categorize embeddings'";
    assert!(session.one::<i64>(spent) > 0, "who asked pays");
}

#[test]
fn a_model_is_asked_about_other_titles_and_their_vectors_are_stored_once() {
    let Some((shop, maker, mut session)) = compared(shop("far", Config::default()), Config::default()) else { return };
    session.run(r#"SELECT categorize.configure('shop', '{"pack_wait_ms": 100}')"#);
    let titles = "SELECT array_agg('steel hammer number ' || i) FROM generate_series(1, 20) i";
    let sources =
        session.column::<String>(&format!("SELECT DISTINCT source FROM categorize_many(({titles})) ORDER BY source"));
    assert_eq!(sources, ["llm"]);
    assert_eq!(maker.account().texts_embedded, 26);
    let requests = maker.account().requests;
    eventually("their vectors are stored", 20, || rows_done(&mut session) == 26);
    accounts_agree(&shop, &maker);
    // The background finds nothing to buy, also when it is told to look.
    session.run("SELECT categorize.learn($$ VALUES ('wooden train', 'Toys') $$)");
    eventually("what is taught is bought", 30, || rows_done(&mut session) == 27);
    assert_eq!((maker.account().texts_embedded, maker.account().requests), (27, requests + 1));
    // A paid answer is a neighbour like others.
    let near = session.text("SELECT origin FROM categorize.suggest('steel hammer number 3', 1, 'shop')");
    assert_eq!(near.as_deref(), Some("llm"));
    accounts_agree(&shop, &maker);
}

#[test]
fn whatever_becomes_of_a_vector_the_model_answers() {
    let steps = ["resets", "errs", "hangs"].into_iter().zip([Fault::Reset, Fault::ServerError, Fault::Hang]);
    let script = steps.map(|(title, fault)| Step::of_title(title, fault).times(1000));
    let failing = Config { faults: Faults::script(script), ..Config::default() };
    let Some((shop, maker, mut session)) = compared(shop("far_failing", Config::default()), failing) else { return };
    for (asked, title) in (1..).zip(["hammer resets", "hammer errs", "hammer hangs"]) {
        assert_eq!(source(&mut session, title), "llm llm fake t", "{title}");
        assert_eq!(shop.model.account().requests, asked);
        // What has failed rests for ten seconds, and then until the breaker lets somebody try.
        std::thread::sleep(Duration::from_secs(11));
    }
    // The background buys what it can: nothing, of these.
    let (charged, settled) = (shop.charged() + maker.account().charged_nanousd, shop.settled());
    assert!(settled <= charged && charged <= settled + shop.reserved(), "{settled} of {charged}");
}

#[test]
fn a_budget_that_is_spent_stops_vectors_and_not_the_model() {
    let Some((shop, maker, mut session)) = compared(shop("far_budget", Config::default()), Config::default()) else {
        return;
    };
    session.run("SELECT categorize.set_budget('provider:maker', 0)");
    assert_eq!(source(&mut session, NEAR), "llm llm fake t");
    assert_eq!(maker.account().texts_embedded, 6);
    accounts_agree(&shop, &maker);
    // A budget of all stops both.
    session.run("SELECT categorize.set_budget('database', 0)");
    let reason = session.text("SELECT reason FROM categorize_detail('wooden whistle')");
    assert_eq!(reason.as_deref(), Some("budget_exceeded"));
    assert_eq!(maker.account().texts_embedded, 6);
}

#[test]
fn another_embedding_that_is_chosen_meanwhile_buys_no_vectors() {
    let Some((shop, maker, mut session)) = compared(shop("far_switch", Config::default()), Config::default()) else {
        return;
    };
    assert_eq!(source(&mut session, "steel hammer"), "llm llm fake t");
    eventually("its vector is stored", 20, || rows_done(&mut session) == 7);
    embed_by(&mut session, "static");
    await_state(&mut session, "minilm-256", "ready");
    assert_eq!(source(&mut session, "green wheelbarrow"), "llm llm fake t");
    assert_eq!(maker.account().texts_embedded, 7);
    // One that is not complete is not compared with: what is known by it would be a part.
    session.run("SELECT categorize.set_budget('provider:maker', 0)");
    embed_by(&mut session, MADE);
    await_state(&mut session, MADE, "held");
    assert_eq!(source(&mut session, "red wheelbarrow"), "llm llm fake t");
    assert_eq!(maker.account().texts_embedded, 7);
    accounts_agree(&shop, &maker);
}

#[test]
fn a_kill_while_questions_are_compared_loses_no_money() {
    let cluster = std::sync::Arc::new(builder().start());
    cluster.connect("postgres").run("CREATE EXTENSION pg_categorize");
    let slow = Config { latency: Latency::Fixed(Duration::from_millis(700)), ..Config::default() };
    let Some((shop, maker, mut session)) = compared(shop_in(&cluster, "far_killed", slow.clone()), slow) else {
        return;
    };
    for round in 0..3 {
        let mut asking = shop.session();
        let asker = std::thread::spawn(move || {
            let titles = format!("SELECT array_agg('steel hammer {round} number ' || i) FROM generate_series(1, 60) i");
            // The server goes down under it.
            _ = asking.simple_query(&format!("SELECT count(*) FROM categorize_many(({titles}))"));
        });
        // While vectors are made, and while models are asked about what is left.
        std::thread::sleep(Duration::from_millis(300 + 600 * round));
        cluster.kill(shop.gateway());
        asker.join().expect("it ended");
        eventually("the server is back", 60, || {
            let Ok(mut client) = cluster.config("far_killed").connect(postgres::NoTls) else { return false };
            // Who came before the server went down is not back.
            std::thread::sleep(Duration::from_millis(500));
            client.simple_query("SELECT 1").is_ok()
        });
        session = shop.session();
    }
    assert_eq!(source(&mut session, NEAR), "similarity label maker t");
    let doubtful = shop.reserved();
    let (charged, settled) = (shop.charged() + maker.account().charged_nanousd, shop.settled());
    assert!(settled <= charged && charged <= settled + doubtful, "{settled} and {doubtful} of {charged}");
    // No text has two vectors, and each that was answered has one.
    let lacking = "SELECT count(*) FROM categorize.cache c WHERE c.origin = 'llm' AND c.input IS NOT NULL";
    let answered: i64 = session.one(lacking);
    eventually("all have their vectors", 60, || rows_done(&mut session) == 6 + answered);
}
