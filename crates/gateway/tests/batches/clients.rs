//! One batch at each provider.

use super::shop::Shop;
use pg_categorize_core::batch::{After, Limits, State};
use pg_categorize_fake_llm::{BatchConfig, Fault, Faults, Step};
use pg_categorize_gateway::plan::Route;
use std::sync::Arc;
use std::time::Duration;

const NAMES: [&str; 3] = ["openai", "anthropic", "gemini"];

/// A suspect is looked for longer than this.
const HALF_A_DAY: Duration = Duration::from_secs(12 * 3600);

/// Makes a batch at one provider of what waits, and goes on until this holds.
async fn run(shop: &Shop, provider: usize, until: impl Fn(&Shop) -> bool) {
    shop.driver(0.0).build(&shop.routes[provider]).await.unwrap();
    go_on(shop, until).await;
}

async fn go_on(shop: &Shop, until: impl Fn(&Shop) -> bool) {
    let driver = shop.driver(0.0);
    for _ in 0..1000 {
        if until(shop) {
            return;
        }
        let pass = driver.pass().await.unwrap();
        if pass.steps == 0 {
            let next = pass.next.map_or(Duration::from_secs(60), |next| next.since(shop.now()));
            shop.server.advance(next.max(Duration::from_secs(1)));
        }
    }
    panic!("it never ends");
}

fn states(shop: &Shop) -> Vec<State> {
    shop.memory.look(|data| data.batches.values().map(|kept| kept.record.state).collect())
}

fn ended(shop: &Shop) -> bool {
    states(shop).iter().all(|state| state.is_final())
}

fn ends(shop: &Shop, provider: usize) -> Vec<Option<After>> {
    shop.memory.look(|data| data.jobs.iter().filter(|job| job.provider == provider as i32).map(|job| job.end).collect())
}

#[tokio::test]
async fn every_provider_answers_at_half_the_price() {
    for (provider, name) in NAMES.iter().enumerate() {
        let shop = Shop::new(23, 1, BatchConfig::default(), Faults::default()).await;
        run(&shop, provider, ended).await;
        assert_eq!(states(&shop), [State::Done]);
        assert!(ends(&shop, provider).iter().all(|end| *end == Some(After::Done)), "{name}");
        let batches = shop.server.account().batches;
        assert_eq!((batches.created, batches.charged_lines), (1, 5), "packs of five");
        assert_eq!(shop.memory.look(|data| data.ledger.settled), batches.charged_nanousd);
    }
}

#[tokio::test]
async fn a_create_whose_reply_is_lost_is_found_and_not_repeated() {
    for (provider, name) in NAMES.iter().enumerate() {
        for fault in [Fault::Reset, Fault::CutBody, Fault::Html] {
            let script = Faults::script([Step::of_api(&format!("{name}_batch_create"), fault)]);
            let config = BatchConfig { listing_lag_s: 1800, ..BatchConfig::default() };
            let shop = Shop::new(7, 1, config, script).await;
            run(&shop, provider, ended).await;
            assert_eq!(
                (states(&shop), shop.server.account().batches.created),
                (vec![State::Done], 1),
                "{name} {fault:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_create_that_did_not_happen_is_waited_for_and_then_given_back() {
    for (provider, name) in NAMES.iter().enumerate() {
        let script = Faults::script([Step::of_api(&format!("{name}_batch_create"), Fault::ServerError)]);
        let shop = Shop::new(7, 1, BatchConfig::default(), script).await;
        let start = shop.now();
        run(&shop, provider, ended).await;
        assert_eq!((states(&shop), shop.server.account().batches.created), (vec![State::Failed], 0), "{name}");
        assert!(shop.now().since(start) >= Duration::from_secs(25 * 3600), "{name}");
        assert!(ends(&shop, provider).iter().all(Option::is_none), "{name}: they wait again");
        assert_eq!(shop.memory.look(|data| (data.ledger.reserved, data.ledger.in_doubt)), (0, 0));
    }
}

#[tokio::test]
async fn refusals_are_told_from_troubles_that_pass() {
    for (provider, name) in NAMES.iter().enumerate() {
        for (fault, created) in [(Fault::RateLimit, 1), (Fault::Unauthorized, 0), (Fault::Forbidden, 0)] {
            let script = Faults::script([Step::of_api(&format!("{name}_batch_create"), fault)]);
            let shop = Shop::new(7, 1, BatchConfig::default(), script).await;
            let start = shop.now();
            run(&shop, provider, ended).await;
            let expected = if created == 1 { State::Done } else { State::Failed };
            assert_eq!(states(&shop), [expected], "{name} {fault:?}");
            assert_eq!(shop.server.account().batches.created, created, "{name} {fault:?}");
            assert!(shop.now().since(start) < HALF_A_DAY, "{name} {fault:?}: nobody was suspected");
        }
    }
}

#[tokio::test]
async fn a_cancelled_batch_keeps_what_was_done() {
    for (provider, name) in NAMES.iter().enumerate() {
        let config = BatchConfig { turnaround_s: (40_000, 50_000), ..BatchConfig::default() };
        let shop = Shop::new(200, 1, config, Faults::default()).await;
        run(&shop, provider, |shop| shop.now().0 % 86_400 > 20_000).await;
        assert!(shop.driver(0.0).cancel(1).await.unwrap());
        run(&shop, provider, ended).await;
        assert_eq!(states(&shop)[0], State::Cancelled, "{name}");
        let done = ends(&shop, provider).iter().filter(|end| **end == Some(After::Done)).count();
        assert!((10..190).contains(&done), "{name}: {done}");
        let batches = shop.server.account().batches;
        assert_eq!(shop.memory.look(|data| data.ledger.settled), batches.charged_nanousd, "{name}");
    }
}

/// One request that no budget ever admits ends alone: those behind it are in the same batch, under the numbers that follow.
#[tokio::test]
async fn what_is_too_dear_drops_nothing_but_itself() {
    for (provider, name) in NAMES.iter().enumerate() {
        let shop = Shop::new(1000, 1, BatchConfig::default(), Faults::default()).await;
        let first = provider * 1000;
        for dear in [first, first + 17, first + 500, first + 999] {
            shop.memory.look(|data| data.jobs[dear].is_dear = true);
        }
        run(&shop, provider, ended).await;
        assert_eq!((states(&shop), shop.server.account().batches.created), (vec![State::Done], 1), "{name}");
        let given_up = ends(&shop, provider).iter().filter(|end| **end == Some(After::GiveUp)).count();
        let done = ends(&shop, provider).iter().filter(|end| **end == Some(After::Done)).count();
        // Packs of five.
        assert_eq!((given_up, done), (20, 980), "{name}");
    }
}

/// Whoever cancels while a batch is built pays nothing, also where nobody was told before its create is due.
#[tokio::test]
async fn a_cancel_that_was_not_heard_comes_before_the_create() {
    for (provider, name) in NAMES.iter().enumerate() {
        let shop = Shop::new(7, 1, BatchConfig::default(), Faults::default()).await;
        shop.driver(0.0).build(&shop.routes[provider]).await.unwrap();
        shop.memory.look(|data| data.batches.values_mut().for_each(|kept| kept.cancel_wanted = true));
        go_on(&shop, ended).await;
        assert_eq!((states(&shop), shop.server.account().batches.created), (vec![State::Cancelled], 0), "{name}");
        assert_eq!(shop.memory.look(|data| (data.ledger.reserved, data.ledger.settled)), (0, 0), "{name}");
    }
}

#[tokio::test]
async fn no_room_blames_nobody() {
    let config = BatchConfig { most_enqueued_tokens: Some(10), ..BatchConfig::default() };
    let shop = Shop::new(7, 1, config, Faults::default()).await;
    run(&shop, 0, ended).await;
    assert_eq!(states(&shop), [State::Failed]);
    assert!(shop.memory.look(|data| data.jobs.iter().all(|job| job.attempts == 0 && job.end.is_none())));
}

#[tokio::test]
async fn batches_keep_to_their_limits() {
    let shop = Shop::new(100, 1, BatchConfig::default(), Faults::default()).await;
    let driver = shop.driver(0.0).with_limits(Limits { requests: 1000, bytes: 6000 });
    let built = driver.build(shop.memory.route(0)).await.unwrap();
    assert!(built.batches.len() > 1 && !built.refused, "{built:?}");
    let tiny = shop.driver(0.0).with_limits(Limits { requests: 1000, bytes: 100 });
    assert!(tiny.build(shop.memory.route(1)).await.unwrap().batches.is_empty());
    assert!(ends(&shop, 1).iter().all(|end| *end == Some(After::GiveUp)));
}

#[tokio::test]
async fn a_pack_that_is_too_large_is_asked_about_in_parts() {
    let shop = Shop::new(20, 1, BatchConfig::default(), Faults::default()).await;
    // More and more, until each title fits into a line of its own.
    for bytes in (100..10_000).step_by(10) {
        let driver = shop.driver(0.0).with_limits(Limits { requests: 1, bytes });
        driver.build(shop.memory.route(0)).await.unwrap();
        if ends(&shop, 0).iter().all(Option::is_none) {
            break;
        }
        shop.memory.look(|data| data.jobs.iter_mut().for_each(|job| job.end = None));
    }
    let batches = shop.memory.look(|data| data.batches.len());
    assert!((5..=20).contains(&batches), "{batches} of 20 titles: packs of five were halved");
}

#[tokio::test]
async fn what_has_changed_since_it_was_measured_goes_back_to_the_queue() {
    for (provider, name) in NAMES.iter().enumerate() {
        let shop = Shop::new(7, 1, BatchConfig::default(), Faults::default()).await;
        let start = shop.now();
        shop.driver(0.0).build(&shop.routes[provider]).await.unwrap();
        let last = provider * 7 + 6;
        shop.memory.look(|data| data.jobs[last].input.text.push_str(" and more"));
        go_on(&shop, ended).await;
        assert_eq!((states(&shop), shop.server.account().batches.created), (vec![State::Failed], 0), "{name}");
        assert!(shop.now().since(start) < HALF_A_DAY, "{name}: nobody was suspected");
        let waits =
            |shop: &Shop| shop.memory.look(|data| data.jobs.iter().all(|job| job.end.is_none() && job.attempts == 0));
        assert!(waits(&shop) && shop.memory.look(|data| data.ledger.reserved) == 0, "{name}");
    }
}

#[tokio::test]
async fn packs_do_not_end_where_the_store_pauses() {
    let shop = Shop::new(1000, 1, BatchConfig::default(), Faults::default()).await;
    shop.driver(0.0).build(&shop.routes[0]).await.unwrap();
    assert_eq!(shop.memory.look(|data| data.batches[&1].record.requests), 200);
}

#[tokio::test]
async fn what_has_no_price_is_not_sent_and_not_given_up() {
    let shop = Shop::new(7, 1, BatchConfig::default(), Faults::default()).await;
    let route = &shop.routes[0];
    let unpriced = Arc::new(Route::new(route.provider.clone(), route.model.clone(), None));
    let built = shop.driver(0.0).build(&unpriced).await.unwrap();
    assert!(built.refused && built.batches.is_empty() && ends(&shop, 0).iter().all(Option::is_none), "{built:?}");
}

/// What a proxy says in the place of results is not taken for somebody else's results: the batch would be sent again.
#[tokio::test]
async fn a_page_in_the_place_of_results_makes_no_stranger_of_our_batch() {
    let script = Faults::script([
        Step::of_api("anthropic_batch_create", Fault::Reset),
        Step::of_api("anthropic_batch_results", Fault::Html).times(3),
    ]);
    let shop = Shop::new(7, 1, BatchConfig::default(), script).await;
    run(&shop, 1, ended).await;
    let account = shop.server.account();
    assert_eq!((states(&shop), account.batches.created), (vec![State::Done], 1));
    assert!(ends(&shop, 1).iter().all(|end| *end == Some(After::Done)));
}
