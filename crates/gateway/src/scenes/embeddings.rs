//! Vectors that are bought in the background.

use super::ledger::POOR;
use super::wire::{Act, VECTOR_BOUND};
use super::*;
use crate::embedder;
use crate::plan::Embeds;
use crate::provider::{Charge, FailureClass};
use crate::store::Refusal;

/// A scene whose tenants have so many texts without vectors.
fn scene(
    script: impl Fn(usize, &Route, &[String]) -> Act + Send + Sync + 'static,
    change: impl Fn(&mut Plan) + Send + 'static,
    texts: &[(&str, usize)],
) -> Scene {
    let scene = Scene::new(Wire::new(script), move |plan| {
        plan.embeds = Some(shelf::embeds());
        change(plan);
    });
    for (tenant, count) in texts {
        scene.put(tenant, &numbered("text", *count));
    }
    tokio::spawn(embedder::run(scene.desk.clone()));
    scene
}

impl Scene {
    fn put(&self, tenant: &str, texts: &[String]) {
        let texts = texts.iter().map(|text| (fingerprint(tenant, text), text.clone()));
        self.ledger.lock().shelf.texts.entry(tenant.to_owned()).or_default().extend(texts);
    }

    fn teach(&self, tenant: &str, texts: &[String]) {
        self.put(tenant, texts);
        self.desk.vectors_wanted.notify_one();
    }

    /// Waits for what is bought between failures, then as [`Scene::ends`].
    async fn rests(&self) {
        tokio::time::sleep(Duration::from_secs(40)).await;
        self.ends().await;
    }

    fn vectors(&self) -> usize {
        self.ledger.lock().shelf.vectors.len()
    }

    fn held(&self) -> Vec<(String, Reason)> {
        self.ledger.lock().shelf.held.iter().map(|(tenant, refusal)| (tenant.clone(), refusal.reason)).collect()
    }
}

#[tokio::test(start_paused = true)]
async fn all_texts_get_their_vectors_once_in_packs_of_one_tenant() {
    let scene = scene(|_, _, _| Act::Answer, |_| {}, &[("one", 35), ("other", 12)]);
    scene.rests().await;
    assert_eq!(scene.vectors(), 47);
    assert!(scene.ledger.lock().shelf.bought.values().all(|times| *times == 1));
    // The first tells how long they are; then packs of ten, and what is left.
    let sizes: Vec<_> = scene.sent().iter().map(Vec::len).collect();
    assert_eq!(sizes, [1, 10, 10, 10, 4, 10, 2]);
    {
        let (ledger, account) = (scene.ledger.lock(), scene.account.lock());
        assert_eq!((ledger.in_doubt.len(), ledger.released), (0, 0));
        // 100 dollars a million tokens of the scene's rates: 100 nano-dollars a token.
        assert_eq!(ledger.settled.0 as u64, account.tokens * 100);
    }
    // What is taught later is bought when somebody says so.
    scene.teach("one", &numbered("later", 3));
    scene.rests().await;
    assert_eq!((scene.vectors(), scene.sent().len()), (50, 8));
}

#[tokio::test(start_paused = true)]
async fn a_budget_that_is_spent_stops_it_and_a_new_one_lets_it_go_on() {
    let scene = scene(|_, _, _| Act::Answer, |_| {}, &[("one", 30)]);
    // The worst case of one request, and what fifteen texts cost.
    scene.ledger.lock().budget = (VECTOR_BOUND * 100) as i64 + 15_000;
    tokio::time::sleep(Duration::from_secs(30)).await;
    let before = scene.vectors();
    assert_eq!(before, 21);
    assert_eq!(scene.held(), [("one".to_owned(), Reason::BudgetExceeded)]);
    {
        let mut ledger = scene.ledger.lock();
        assert!(ledger.held() <= ledger.budget);
        ledger.budget = i64::MAX;
    }
    // Nobody has to say so: what may pass by itself is tried again within a minute or so.
    tokio::time::sleep(Duration::from_secs(90)).await;
    scene.rests().await;
    assert_eq!(scene.vectors(), 30);
    assert!(scene.ledger.lock().shelf.bought.values().all(|times| *times == 1));
}

#[tokio::test(start_paused = true)]
async fn who_has_no_money_holds_up_nobody() {
    let scene = scene(|_, _, _| Act::Answer, |_| {}, &[(POOR, 5), ("rich", 5)]);
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(scene.vectors(), 5);
    assert_eq!(scene.held(), [(POOR.to_owned(), Reason::BudgetExceeded)]);
}

#[tokio::test(start_paused = true)]
async fn failures_are_tried_again_and_then_held() {
    let failing = |nth: usize, _: &Route, _: &[String]| match nth {
        1 => Act::Fail(FailureClass::ServerError, Charge::Unknown, None),
        2 => Act::Fail(FailureClass::RateLimited, Charge::None, Some(Duration::from_secs(5))),
        _ => Act::Answer,
    };
    let scene = scene(failing, |_| {}, &[("one", 11)]);
    scene.rests().await;
    assert_eq!((scene.vectors(), scene.sent().len()), (11, 4));
    // What may have been charged is in doubt, what was limited is released.
    let doubtful = scene.ledger.lock().in_doubt.len();
    assert_eq!((doubtful, scene.ledger.lock().released), (1, 1));

    let stopped = |_: usize, _: &Route, _: &[String]| Act::Fail(FailureClass::Stopped, Charge::None, None);
    let scene = self::scene(stopped, |_| {}, &[("one", 11)]);
    tokio::time::sleep(Duration::from_secs(20)).await;
    assert_eq!((scene.vectors(), scene.sent().len()), (0, 1));
    assert_eq!(scene.held(), [("one".to_owned(), Reason::ProviderError)]);
}

#[tokio::test(start_paused = true)]
async fn vectors_of_another_length_are_paid_for_once() {
    let script = |nth: usize, _: &Route, _: &[String]| if nth < 1 { Act::Answer } else { Act::Wrong };
    let scene = scene(script, |_| {}, &[("one", 5)]);
    tokio::time::sleep(Duration::from_secs(50)).await;
    // One is there; then they are of another length.
    assert_eq!((scene.vectors(), scene.sent().len()), (1, 2));
    assert_eq!(scene.held(), [("one".to_owned(), Reason::InvalidAnswer)]);
    let held = scene.ledger.lock().shelf.held[0].1.detail.clone().expect("a sentence");
    assert!(held.contains("5 dimensions where 4 were expected"), "{held}");
    let line = scene.desk.health.lock().lines(scene.desk.clock.now()).pop().expect("a line");
    assert_eq!((line.failures, line.attempts), (1, 2));
    // They were charged, and the provider said for how much.
    assert_eq!(scene.ledger.lock().settled.0 as u64, scene.account.lock().tokens * 100);
    assert_eq!(scene.ledger.lock().in_doubt.len(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_model_that_does_not_shorten_its_vectors_is_asked_once() {
    let asks_for_eight = |plan: &mut Plan| plan.embeds = Some(Embeds { dimensions: Some(8), ..shelf::embeds() });
    let scene = scene(|_, _, _| Act::Answer, asks_for_eight, &[("one", 5)]);
    tokio::time::sleep(Duration::from_secs(50)).await;
    assert_eq!((scene.vectors(), scene.sent().len()), (0, 1));
    assert_eq!(scene.held(), [("one".to_owned(), Reason::InvalidAnswer)]);
}

#[tokio::test(start_paused = true)]
async fn vectors_that_are_too_long_cost_one_text() {
    let scene = scene(|_, _, _| Act::TooDear, |_| {}, &[("one", 500)]);
    tokio::time::sleep(Duration::from_secs(50)).await;
    let sizes: Vec<_> = scene.sent().iter().map(Vec::len).collect();
    assert_eq!((scene.vectors(), sizes), (0, vec![1]));
    assert_eq!(scene.held(), [("one".to_owned(), Reason::InvalidAnswer)]);
    let held = scene.ledger.lock().shelf.held[0].1.detail.clone().expect("a sentence");
    assert!(held.contains("5000 dimensions") && held.contains("4000"), "{held}");
}

#[tokio::test(start_paused = true)]
async fn a_text_of_which_there_is_no_vector_is_left_out_and_the_others_are_not() {
    let rejects = |_: usize, _: &Route, texts: &[String]| match texts.iter().any(|text| text == "text 7") {
        true => Act::Fail(FailureClass::Rejected, Charge::None, None),
        false => Act::Answer,
    };
    let scene = scene(rejects, |_| {}, &[("one", 40)]);
    scene.rests().await;
    assert_eq!(scene.vectors(), 39);
    let key = fingerprint("one", "text 7");
    assert_eq!(scene.ledger.lock().shelf.unusable, [key].into_iter().collect());
}

#[tokio::test(start_paused = true)]
async fn the_first_text_may_be_one_of_which_there_is_no_vector() {
    let keys: Vec<_> = numbered("text", 12).iter().map(|text| (fingerprint("one", text), text.clone())).collect();
    let (key, bad) = keys.into_iter().min().expect("a text");
    let rejects = move |_: usize, _: &Route, texts: &[String]| match texts.contains(&bad) {
        true => Act::Fail(FailureClass::Rejected, Charge::None, None),
        false => Act::Answer,
    };
    let scene = scene(rejects, |_| {}, &[("one", 12)]);
    scene.rests().await;
    assert_eq!((scene.vectors(), scene.held()), (11, Vec::new()));
    assert_eq!(scene.ledger.lock().shelf.unusable, [key].into_iter().collect());
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_turns_all_down_costs_no_text_its_vector() {
    let rejects = |_: usize, _: &Route, _: &[String]| Act::Fail(FailureClass::Rejected, Charge::None, None);
    let scene = scene(rejects, |_| {}, &[("one", 40)]);
    tokio::time::sleep(Duration::from_secs(30)).await;
    let sizes: Vec<_> = scene.sent().iter().map(Vec::len).collect();
    assert_eq!(sizes, [1, 1, 1]);
    assert_eq!(scene.held(), [("one".to_owned(), Reason::ProviderError)]);
    assert!(scene.ledger.lock().shelf.unusable.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_begins_to_turn_all_down_is_held() {
    let rejects = |nth: usize, _: &Route, _: &[String]| match nth {
        0..2 | 20.. => Act::Answer,
        _ => Act::Fail(FailureClass::Rejected, Charge::None, None),
    };
    let scene = scene(rejects, |_| {}, &[("one", 60)]);
    tokio::time::sleep(Duration::from_secs(30)).await;
    // Of ten, five, two and one: then one and one more.
    assert_eq!((scene.vectors(), scene.held()), (11, vec![("one".to_owned(), Reason::ProviderError)]));
    let left_out = scene.ledger.lock().shelf.unusable.len();
    assert_eq!(left_out, 2);
    // It is tried again by itself, and goes on where it works.
    tokio::time::sleep(Duration::from_secs(300)).await;
    scene.rests().await;
    let left_out = scene.ledger.lock().shelf.unusable.len();
    assert_eq!(scene.vectors(), 60 - left_out);
    assert!(left_out <= 8, "{left_out}");
}

#[tokio::test(start_paused = true)]
async fn that_there_is_more_is_no_reason_to_try_again_at_once() {
    let failing = |_: usize, _: &Route, _: &[String]| Act::Fail(FailureClass::Stopped, Charge::Unknown, None);
    let scene = scene(failing, |_| {}, &[("one", 5)]);
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(scene.held(), [("one".to_owned(), Reason::ProviderError)]);
    for round in 0..10 {
        scene.teach("one", &numbered(&format!("more {round}"), 1));
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
    assert_eq!((scene.sent().len(), scene.held().len()), (1, 1));
    // After a change it is tried at once, under the same plan as well.
    scene.desk.plans_changed();
    scene.desk.vectors_wanted.notify_one();
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(scene.held().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn what_the_store_holds_back_is_asked_for_again_by_itself() {
    // Above the soft ratio of a budget; and while what was bought before cannot be stored.
    for (reason, rest) in [(Reason::BudgetExceeded, 60), (Reason::GatewayDown, 5)] {
        let scene = scene(|_, _, _| Act::Answer, |_| {}, &[]);
        scene.ledger.lock().shelf.refuses = Some(reason);
        scene.teach("one", &numbered("text", 12));
        tokio::time::sleep(Duration::from_secs(3)).await;
        assert_eq!((scene.sent().len(), scene.held()), (0, vec![("one".to_owned(), reason)]));
        scene.ledger.lock().shelf.refuses = None;
        scene.desk.vectors_wanted.notify_one();
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(scene.vectors(), 0, "it rests whatever is said");
        tokio::time::sleep(Duration::from_secs(rest)).await;
        scene.ends().await;
        assert_eq!(scene.vectors(), 12);
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_price_nothing_is_sent() {
    let no_price = |plan: &mut Plan| {
        plan.routes = vec![Arc::new(Route { price: None, ..route(1, "cheap") })];
    };
    let scene = scene(|_, _, _| Act::Answer, no_price, &[("one", 3)]);
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!((scene.sent().len(), scene.ledger.lock().attempts), (0, 0));
    assert_eq!(scene.held(), [("one".to_owned(), Reason::UnknownPrice)]);
}

#[tokio::test(start_paused = true)]
async fn the_kill_switch_ends_a_purchase_at_once() {
    let scene = scene(|nth, _, _| if nth == 1 { Act::Hang } else { Act::Answer }, |_| {}, &[("one", 30)]);
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!((scene.account.lock().now, scene.vectors()), (1, 1));
    scene.desk.switch.send_modify(|switch| switch.external = false);
    scene.desk.refuse_all(&Refusal::new(Reason::ExternalOff), true);
    tokio::time::sleep(Duration::from_millis(10)).await;
    assert_eq!((scene.account.lock().now, scene.ledger.lock().in_doubt.len()), (0, 1));
    scene.rests().await;
    assert_eq!(scene.sent().len(), 2, "nothing is sent while it is off");
    scene.desk.switch.send_modify(|switch| switch.external = true);
    scene.rests().await;
    assert_eq!(scene.vectors(), 30);
}

#[tokio::test(start_paused = true)]
async fn a_plan_that_no_longer_holds_is_asked_for_anew() {
    let scene = scene(|_, _, _| Act::Answer, |_| {}, &[]);
    scene.ledger.lock().slow = Some(Duration::from_millis(200));
    scene.teach("one", &numbered("text", 25));
    // Between the pack and its money, what plans are made of changes.
    for _ in 0..10 {
        tokio::time::sleep(Duration::from_millis(130)).await;
        scene.plans.lock().clear();
    }
    scene.ledger.lock().slow = None;
    tokio::time::sleep(Duration::from_secs(5)).await;
    scene.rests().await;
    assert_eq!(scene.vectors(), 25);
    assert!(scene.ledger.lock().shelf.bought.values().all(|times| *times == 1));
}
