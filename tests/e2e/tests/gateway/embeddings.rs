//! Vectors that a provider makes: bought in the background, once, within the budget, and served when all are there; and those of
//! questions, before a language model is asked.

use crate::support::{Shop, builder, shop, shop_in};
use pg_categorize_e2e::{Session, Tools, eventually};
use pg_categorize_fake_llm::{Config, FakeLlm, Fault, Faults, Latency, Step};
use std::time::Duration;

const MODEL: &str = "fake:text-embedding-3-small@256";

/// A shop with so many taught titles, whose similar texts may answer; none without pgvector beside the server.
fn stocked(shop: Shop, titles: i32) -> Option<(Shop, Session)> {
    if !Tools::from_env().share().join("extension/vector.control").exists() {
        println!("skipped: the server has no pgvector");
        return None;
    }
    let mut session = shop.session();
    session.run("CREATE EXTENSION vector");
    session.run(r#"SELECT categorize.configure('shop', '{"tiers": ["correction", "cache", "similarity", "llm"]}')"#);
    session.run("SELECT categorize.set_price('text-embedding-3-small', 0.10, 0)");
    teach(&mut session, 1, titles);
    Some((shop, session))
}

fn teach(session: &mut Session, first: i32, last: i32) {
    session.run(&format!(
        "SELECT categorize.learn($$ SELECT 'cotton toy bear of size ' || i, 'Toys' FROM generate_series({first}, {last}) i $$)"
    ));
}

fn embed_by(session: &mut Session, model: &str) {
    session.run(&format!(r#"SELECT categorize.configure('shop', '{{"embedding": "{model}"}}')"#));
}

fn state(session: &mut Session, model: &str) -> String {
    let sql = format!("SELECT state FROM categorize.embedding_status WHERE taxonomy = 'shop' AND model = '{model}'");
    session.column::<String>(&sql).pop().unwrap_or_else(|| "none".to_owned())
}

fn await_state(session: &mut Session, model: &str, expected: &str) {
    eventually(&format!("{model} is {expected}"), 60, || state(session, model) == expected);
}

fn rows_done(session: &mut Session) -> i64 {
    let sql =
        format!("SELECT coalesce(sum(rows_done), 0)::bigint FROM categorize.embedding_status WHERE model = '{MODEL}'");
    session.one(&sql)
}

fn detail(session: &mut Session, title: &str) -> String {
    session.one_of("SELECT detail FROM categorize.explain($1) WHERE tier = 'similarity'", &[&title])
}

#[test]
fn vectors_are_bought_once_and_are_in_the_ledger() {
    let Some((shop, mut session)) = stocked(shop("vectors", Config::default()), 40) else { return };
    await_state(&mut session, "minilm-256", "ready");
    embed_by(&mut session, MODEL);
    await_state(&mut session, MODEL, "ready");
    eventually("the table is the only one that answers", 30, || state(&mut session, "minilm-256") == "none");
    assert_eq!(shop.model.account().texts_embedded, 40);
    assert_eq!(shop.settled(), shop.charged());
    let told = "SELECT rows, rows_done, (cost_usd * 1000000000)::bigint FROM categorize.embedding_status";
    let row = session.query_one(told, &[]).expect("a row");
    assert_eq!((row.get::<_, i64>(0), row.get::<_, i64>(1), row.get::<_, i64>(2)), (40, 40, shop.charged()));
    let spent = "SELECT (spent_usd * 1000000000)::bigint FROM categorize.spend
                  WHERE provider = 'fake' AND model = 'text-embedding-3-small' AND taxonomy = 'shop'
                    AND application_name = 'pg_categorize embeddings'";
    assert_eq!(session.one::<i64>(spent), shop.charged());
    // What is taught later gets its vectors, too.
    teach(&mut session, 41, 60);
    eventually("later texts have vectors", 60, || rows_done(&mut session) == 60);
    assert_eq!(shop.model.account().texts_embedded, 60);
    // A backend buys nothing: it says so, and a language model answers.
    let said = detail(&mut session, "wool toy bear of size 7");
    assert!(said.contains("buys no vectors"), "{said}");
    let near = session.column::<String>("SELECT text FROM categorize.suggest('cotton toy bear of size 61', 3, 'shop')");
    assert_eq!(near.len(), 3);
    assert_eq!(shop.model.account().texts_embedded, 60, "a suggestion spends nothing");
}

#[test]
fn a_budget_that_is_spent_in_the_middle_holds_the_rest() {
    let Some((shop, mut session)) = stocked(shop("vectors_budget", Config::default()), 600) else { return };
    // The worst case of 256 titles is some 1.2 millidollars, of which a sixth is charged: the second pack has too little.
    session.run("SELECT categorize.set_budget('database', 0.00125)");
    embed_by(&mut session, MODEL);
    await_state(&mut session, MODEL, "held");
    let held = format!("SELECT reason FROM categorize.embedding_status WHERE model = '{MODEL}'");
    assert_eq!(session.text(&held).as_deref(), Some("budget_exceeded"));
    let before = rows_done(&mut session);
    assert!((1..600).contains(&before), "{before} vectors");
    assert!(shop.settled() <= 1_250_000);
    session.run("SELECT categorize.set_budget('database', 1)");
    teach(&mut session, 601, 601);
    await_state(&mut session, MODEL, "ready");
    assert_eq!((rows_done(&mut session), shop.model.account().texts_embedded), (601, 601));
    assert_eq!(shop.settled(), shop.charged());
}

#[test]
fn who_misses_vectors_that_cannot_be_bought_starts_no_indexer() {
    let Some((shop, mut session)) = stocked(shop("vectors_held", Config::default()), 0) else { return };
    session.run("SELECT categorize.set_budget('database', 0)");
    // The one that the change of tiers has started would else index what is taught by the table.
    eventually("no indexer is at work", 30, || indexers(&mut session) == 0);
    embed_by(&mut session, MODEL);
    teach(&mut session, 1, 20);
    await_state(&mut session, MODEL, "held");
    let said = detail(&mut session, "wool toy bear of size 7");
    assert!(said.contains("has not bought all vectors"), "{said}");
    eventually("no indexer is at work", 30, || indexers(&mut session) == 0);
    // Each of them would start one.
    let mut readers: Vec<Session> = (0..20).map(|_| shop.session()).collect();
    let mut most = 0;
    for reader in &mut readers {
        detail(reader, "wool toy bear of size 8");
        most = most.max(indexers(&mut session));
    }
    assert_eq!(most, 0);
    // With money all of it is bought, and an indexer has it answer.
    session.run("SELECT categorize.set_budget('database', 1)");
    await_state(&mut session, MODEL, "ready");
    assert_eq!(rows_done(&mut session), 20);
}

fn indexers(session: &mut Session) -> i64 {
    session.one(
        "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'pg_categorize indexer' AND datname = current_database()",
    )
}

#[test]
fn a_kill_in_the_middle_loses_no_vector_that_is_stored() {
    let cluster = std::sync::Arc::new(builder().start());
    cluster.connect("postgres").run("CREATE EXTENSION pg_categorize");
    let slow = Config { latency: Latency::Fixed(Duration::from_millis(700)), ..Config::default() };
    let Some((shop, mut session)) = stocked(shop_in(&cluster, "vectors_killed", slow), 1000) else { return };
    await_state(&mut session, "minilm-256", "ready");
    embed_by(&mut session, MODEL);
    eventually("some vectors are there", 60, || rows_done(&mut session) > 1);
    cluster.kill(shop.gateway());
    eventually("the server has noticed", 60, || cluster.log().contains("all server processes terminated"));
    let mut again = None;
    eventually("the server is back", 60, || {
        let Ok(mut client) = cluster.config("vectors_killed").connect(postgres::NoTls) else { return false };
        let back = client.simple_query("SELECT 1").is_ok();
        again = Some(client);
        back
    });
    drop(again);
    let mut session = shop.session();
    // The former embedding answers until all are there.
    assert_eq!(state(&mut session, "minilm-256"), "ready");
    teach(&mut session, 1001, 1001);
    await_state(&mut session, MODEL, "ready");
    assert_eq!(rows_done(&mut session), 1001);
    // What was under way was bought twice at most, and is in doubt; the rest was bought once.
    let embedded = shop.model.account().texts_embedded;
    assert!((1001..=1001 + 256).contains(&embedded), "{embedded} texts");
    let doubtful = shop.reserved();
    assert!(shop.settled() <= shop.charged() && shop.charged() <= shop.settled() + doubtful);
}

#[test]
fn who_switches_back_and_forth_pays_once() {
    let Some((shop, mut session)) = stocked(shop("vectors_switch", Config::default()), 50) else { return };
    embed_by(&mut session, MODEL);
    await_state(&mut session, MODEL, "ready");
    embed_by(&mut session, "static");
    await_state(&mut session, "minilm-256", "ready");
    await_state(&mut session, MODEL, "kept");
    teach(&mut session, 51, 55);
    embed_by(&mut session, MODEL);
    await_state(&mut session, MODEL, "ready");
    assert_eq!((rows_done(&mut session), shop.model.account().texts_embedded), (55, 55));
    assert_eq!(shop.settled(), shop.charged());
}

#[test]
fn what_cannot_be_bought_says_why() {
    let Some((shop, mut session)) = stocked(shop("vectors_refused", Config::default()), 20) else { return };
    await_state(&mut session, "minilm-256", "ready");
    session.refused("22023", r#"SELECT categorize.configure('shop', '{"embedding": "nobody:m"}')"#);
    session.refused("22023", r#"SELECT categorize.configure('shop', '{"embedding": "fake:gpt-6-luna"}')"#);
    session.refused("22023", r#"SELECT categorize.configure('shop', '{"embedding": "fake:m@4001"}')"#);
    // What we ship is the price of the official host.
    embed_by(&mut session, "fake:text-embedding-3-large@256");
    await_state(&mut session, "fake:text-embedding-3-large@256", "held");
    assert_eq!(
        session.text("SELECT reason FROM categorize.embedding_status WHERE state = 'held'").as_deref(),
        Some("unknown_price")
    );
    // Without asking for fewer dimensions they are 1,536; the model that is not there is refused by the provider.
    session.run(r#"SELECT categorize.configure('shop', '{"allow_external": false}')"#);
    embed_by(&mut session, MODEL);
    await_state(&mut session, MODEL, "held");
    assert_eq!(
        session.text("SELECT reason FROM categorize.embedding_status WHERE state = 'held'").as_deref(),
        Some("external_off")
    );
    session.run("SELECT categorize.drop_provider('fake')");
    session.run(r#"SELECT categorize.configure('shop', '{"allow_external": true}')"#);
    eventually("no provider is left", 90, || {
        session.text("SELECT reason FROM categorize.embedding_status WHERE state = 'held'").as_deref()
            == Some("no_provider")
    });
    // All the while the former embedding answers, and nothing was spent.
    assert_eq!(state(&mut session, "minilm-256"), "ready");
    assert_eq!(shop.model.account().texts_embedded, 0);
}

#[test]
fn vectors_whose_purchase_cannot_be_booked_at_once_are_bought_once() {
    let Some((shop, mut session)) = stocked(shop("vectors_unbooked", Config::default()), 40) else { return };
    await_state(&mut session, "minilm-256", "ready");
    // The transactions that book the first purchase fail, and no others.
    session.run(
        "CREATE SEQUENCE public.bookings;
         CREATE FUNCTION public.fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
             IF nextval('public.bookings') <= 2 THEN RAISE 'not now'; END IF; RETURN new; END $$;
         CREATE TRIGGER fail BEFORE INSERT ON categorize.ledger FOR EACH ROW WHEN (new.kind = 'settle')
             EXECUTE FUNCTION public.fail()",
    );
    embed_by(&mut session, MODEL);
    await_state(&mut session, MODEL, "ready");
    assert!(session.one::<i64>("SELECT last_value FROM public.bookings") > 2);
    eventually("all is booked", 20, || (shop.settled(), shop.reserved()) == (shop.charged(), 0));
    assert_eq!((rows_done(&mut session), shop.model.account().texts_embedded), (40, 40));
    let cost = "SELECT (cost_usd * 1000000000)::bigint FROM categorize.embedding_status";
    assert_eq!(session.one::<i64>(cost), shop.charged());
}

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

/// As [`MODEL`], of the provider that makes vectors.
const MADE: &str = "maker:text-embedding-3-small@256";

/// Who says the same as the known titles, in another order.
const NEAR: &str = "toy bear, soft cotton, with scarf";

fn source(session: &mut Session, title: &str) -> String {
    let sql = "SELECT concat_ws(' ', source, origin, coalesce(provider, '-'), cost_usd > 0) FROM categorize_detail($1)";
    session.one_of(sql, &[&title])
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
    assert_eq!(rows_of(&mut session, MADE), 6);
    let near = session.column::<String>("SELECT origin FROM categorize.suggest('toy bear', 20, 'shop')");
    assert!(near.len() == 6 && near.iter().all(|origin| origin == "label"), "{near:?}");
    accounts_agree(&shop, &maker);
    let spent = "SELECT count(*) FROM categorize.spend WHERE provider = 'maker' AND application_name <> 'pg_categorize embeddings'";
    assert!(session.one::<i64>(spent) > 0, "who asked pays");
}

fn rows_of(session: &mut Session, model: &str) -> i64 {
    let sql = "SELECT rows_done::bigint FROM categorize.embedding_status WHERE taxonomy = 'shop' AND model = $1";
    session.one_of(sql, &[&model])
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
    eventually("their vectors are stored", 20, || rows_of(&mut session, MADE) == 26);
    accounts_agree(&shop, &maker);
    // The background finds nothing to buy, also when it is told to look.
    session.run("SELECT categorize.learn($$ VALUES ('wooden train', 'Toys') $$)");
    eventually("what is taught is bought", 30, || rows_of(&mut session, MADE) == 27);
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
    eventually("its vector is stored", 20, || rows_of(&mut session, MADE) == 7);
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
    eventually("all have their vectors", 60, || rows_of(&mut session, MADE) == 6 + answered);
}
