//! Questions whose vectors are bought before a model is asked.

use super::wire::{Act, VECTOR_BOUND};
use super::*;
use crate::provider::{Charge, FailureClass};
use pg_categorize_core::cascade::Origin;

/// The model that makes vectors.
const MAKER: &str = "vectors";

/// A scene where vectors of four dimensions are there to compare with; `script` tells what becomes of requests, `change` alters
/// the plan.
fn scene(
    script: impl Fn(usize, &Route, &[String]) -> Act + Send + Sync + 'static,
    change: impl Fn(&mut Plan) + Send + 'static,
) -> Scene {
    let scene = Scene::new(Wire::new(script), move |plan| {
        plan.vectors = Some(Arc::new(vectors(plan)));
        change(plan);
    });
    scene.ledger.lock().shelf.comparable = Some(4);
    scene
}

pub(super) fn vectors(plan: &Plan) -> Plan {
    // Of a provider of its own: what one says of its limits holds for all of its models.
    let routes = vec![Arc::new(route(3, &format!("{MAKER}{}", plan.tenant)))];
    let (serial, tenant) = (1000 + plan.serial, plan.tenant.clone());
    Plan {
        serial,
        tenant,
        taxonomy: Some(1),
        embeds: Some(shelf::embeds()),
        ..Plan::new(Choices::new(Vec::new()), routes)
    }
}

/// Makers of vectors do as told, models answer.
fn makers(act: Act) -> impl Fn(usize, &Route, &[String]) -> Act {
    move |_, route, _| if route.model.name == MAKER { act.clone() } else { Act::Answer }
}

impl Scene {
    /// Texts of the requests to makers of vectors, and to models.
    fn requests(&self) -> (Vec<Vec<String>>, Vec<Vec<String>>) {
        let account = self.account.lock();
        let of = |maker: bool| {
            let sent = account.sent.iter().filter(|(model, _)| (model == MAKER) == maker);
            sent.map(|(_, texts)| texts.clone()).collect()
        };
        (of(true), of(false))
    }

    /// Vectors that were stored, and the most times that one was.
    fn stored(&self) -> (usize, usize) {
        let ledger = self.ledger.lock();
        (ledger.shelf.vectors.len(), ledger.shelf.bought.values().copied().max().unwrap_or(0))
    }

    /// What the provider charged is what is booked.
    fn accounts_agree(&self) {
        let ledger = self.ledger.lock();
        assert_eq!(ledger.settled.0, self.account.lock().charged);
        assert_eq!(ledger.in_doubt.len(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn earlier_texts_answer_at_the_price_of_a_vector_and_a_model_is_asked_for_the_rest() {
    let scene = scene(makers(Act::Answer), |_| {});
    let mut backend = scene.connect();
    let texts = [numbered("near", 3), numbered("far", 4)].concat();
    let answers = backend.answers(1, &texts).await;
    scene.ends().await;
    let (makers, models) = scene.requests();
    assert_eq!(makers.iter().map(Vec::len).collect::<Vec<_>>(), [7], "one request has all vectors");
    assert_eq!(models, [numbered("far", 4)]);
    for (text, answer) in texts.iter().zip(&answers) {
        let (near, cost) = (text.starts_with("near"), answer.cost);
        assert_eq!(answer.nearness.as_ref().map(|n| n.origin), near.then_some(Origin::Label), "{text}");
        assert_eq!(answer.model.as_deref(), Some(if near { MAKER } else { "cheap" }));
        assert_eq!(cost, if near { 1000 } else { 1000 + 15_000 / 4 });
    }
    assert_eq!(answers.iter().map(|answer| answer.cost).sum::<i64>(), scene.ledger.lock().settled.0);
    // The vector of what a model said is stored with that, once; what earlier texts say is no neighbour.
    assert_eq!(scene.stored(), (4, 1));
    scene.accounts_agree();
    // Whoever asks again is told what is known.
    let again = scene.connect().answers(2, &texts).await;
    scene.ends().await;
    assert!(again.iter().all(|answer| answer.known && answer.cost == 0));
    assert_eq!(again.iter().filter(|answer| answer.nearness.is_some()).count(), 3);
    assert_eq!(scene.account.lock().sent.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn what_comes_back_from_many_comparisons_shares_requests() {
    let scene = scene(makers(Act::Answer), |plan| plan.in_flight = 4);
    let texts: Vec<String> =
        (0..400).map(|i| if i % 10 == 0 { format!("far {i}") } else { format!("near {i}") }).collect();
    scene.connect().answers(1, &texts).await;
    scene.ends().await;
    let (makers, models) = scene.requests();
    assert_eq!(makers.iter().map(Vec::len).max(), Some(64));
    assert_eq!(models.iter().map(Vec::len).sum::<usize>(), 40);
    assert!(models.len() <= 5, "{} requests of {:?}", models.len(), models.iter().map(Vec::len).collect::<Vec<_>>());
    scene.accounts_agree();
}

#[tokio::test(start_paused = true)]
async fn whatever_becomes_of_the_vectors_a_model_answers() {
    let failures = [
        (Act::Fail(FailureClass::ServerError, Charge::Unknown, None), 1),
        (Act::Fail(FailureClass::RateLimited, Charge::None, Some(Duration::from_secs(30))), 0),
        (Act::Fail(FailureClass::Rejected, Charge::None, None), 0),
        (Act::Fail(FailureClass::Stopped, Charge::None, None), 0),
        (Act::Hang, 1),
        // Vectors of another length.
        (Act::Wrong, 0),
    ];
    for (act, doubtful) in failures {
        let scene = scene(makers(act), |_| {});
        let mut backend = scene.connect();
        let began = scene.desk.clock.now();
        backend.ask(1, &numbered("near", 5), Duration::from_secs(10)).await;
        let replies = backend.replies(1, 5).await;
        for (text, reply) in numbered("near", 5).iter().zip(replies) {
            assert_eq!(answered(text, reply).nearness, None);
        }
        assert!(scene.desk.clock.now() - began < Duration::from_secs(4));
        scene.ends().await;
        assert_eq!((scene.requests().0.len(), scene.stored()), (1, (0, 0)));
        assert_eq!(scene.ledger.lock().in_doubt.len(), doubtful);
        // What has failed is not tried again with the next question.
        scene.connect().answers(2, &numbered("near more", 5)).await;
        scene.ends().await;
        assert_eq!(scene.requests().0.len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn vectors_of_another_length_are_paid_for_once_until_plans_change() {
    let scene = scene(makers(Act::Wrong), |_| {});
    for round in 0..3 {
        scene.connect().answers(1, &numbered(&format!("near {round}"), 2)).await;
        tokio::time::sleep(Duration::from_secs(3600)).await;
    }
    assert_eq!(scene.requests().0.len(), 1);
    scene.desk.plans_changed();
    scene.connect().answers(1, &numbered("near again", 2)).await;
    scene.ends().await;
    assert_eq!(scene.requests().0.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_budget_that_has_no_vectors_left_has_no_say_in_what_models_do() {
    let free = |plan: &mut Plan| {
        let rate = Rate(0);
        let rates = Rates { input: rate, cached_input: rate, cache_write: rate, cache_write_long: rate, output: rate };
        let price = Some(PriceRow { id: 2, price: Price { rates, long: None } });
        plan.routes = vec![Arc::new(Route { price, ..route(1, "cheap") })];
    };
    let scene = scene(makers(Act::Answer), free);
    scene.ledger.lock().budget = (VECTOR_BOUND * 100) as i64 - 1;
    scene.connect().answers(1, &numbered("near", 5)).await;
    scene.ends().await;
    assert_eq!((scene.requests().0.len(), scene.requests().1.len()), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn a_vector_is_not_bought_again_for_who_asks_again() {
    // The model refuses all, and is asked again later.
    let models_fail = |nth: usize, route: &Route, _: &[String]| match (route.model.name.as_str(), nth) {
        (MAKER, _) => Act::Answer,
        (_, 0..4) => Act::Fail(FailureClass::Rejected, Charge::None, None),
        _ => Act::Answer,
    };
    let scene = scene(models_fail, |_| {});
    for request in 1..3 {
        let mut backend = scene.connect();
        backend.ask(request, &numbered("far", 1), PATIENT).await;
        assert_eq!(reason(&backend.replies(request, 1).await[0]), Reason::ProviderError);
        scene.ends().await;
    }
    tokio::time::sleep(Duration::from_secs(300)).await;
    while scene.account.lock().sent.len() < 4 {
        let mut backend = scene.connect();
        backend.ask(7, &numbered("far", 1), PATIENT).await;
        backend.replies(7, 1).await;
    }
    scene.connect().answers(8, &numbered("far", 1)).await;
    scene.ends().await;
    assert_eq!((scene.requests().0.len(), scene.stored()), (1, (1, 1)));
    assert!(
        scene.ledger.lock().shelf.compared.len() > 2,
        "it is compared again, since there may be more to compare with"
    );
}

#[tokio::test(start_paused = true)]
async fn nobody_who_has_gone_pays_for_vectors() {
    let scene = scene(makers(Act::Answer), |_| {});
    scene.ledger.lock().slow = Some(Duration::from_secs(1));
    let mut backend = scene.connect();
    backend.ask(1, &numbered("far", 3), PATIENT).await;
    tokio::time::sleep(Duration::from_millis(1500)).await;
    backend.say(&ToGateway::Cancel { request: 1 }).await;
    tokio::time::sleep(Duration::from_secs(10)).await;
    scene.ledger.lock().slow = None;
    scene.ends().await;
    assert_eq!(scene.account.lock().sent.len(), 0);
    let ledger = scene.ledger.lock();
    assert_eq!((ledger.attempts, ledger.released), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn who_waits_when_they_depart_pays_for_vectors_and_answers() {
    let scene = scene(makers(Act::Answer), |_| {});
    scene.ledger.lock().slow = Some(Duration::from_secs(1));
    let (mut first, mut second) = (scene.connect(), scene.connect());
    (first.query_id, second.query_id) = (1, 2);
    first.ask(1, &numbered("far", 3), PATIENT).await;
    tokio::time::sleep(Duration::from_millis(10)).await;
    second.ask(1, &numbered("far", 3), PATIENT).await;
    // The inputs are looked up, and money for their vectors is about to be set aside.
    tokio::time::sleep(Duration::from_millis(1500)).await;
    first.say(&ToGateway::Cancel { request: 1 }).await;
    second.replies(1, 3).await;
    scene.ledger.lock().slow = None;
    scene.ends().await;
    assert_eq!((scene.requests().0.len(), scene.requests().1.len()), (1, 1));
    assert_eq!(scene.ledger.lock().payers, [2, 2]);
    scene.accounts_agree();
}

#[tokio::test(start_paused = true)]
async fn who_goes_while_vectors_are_made_asks_no_model() {
    let scene = scene(makers(Act::Answer), |_| {});
    let mut backend = scene.connect();
    backend.ask(1, &numbered("far", 3), PATIENT).await;
    tokio::time::sleep(Duration::from_millis(60)).await;
    backend.say(&ToGateway::Cancel { request: 1 }).await;
    scene.ends().await;
    assert_eq!((scene.requests().0.len(), scene.requests().1.len()), (1, 0));
    // Its vectors are kept for whoever asks next.
    scene.connect().answers(1, &numbered("far", 3)).await;
    scene.ends().await;
    assert_eq!((scene.requests().0.len(), scene.stored()), (1, (3, 1)));
    scene.accounts_agree();
}

#[tokio::test(start_paused = true)]
async fn an_unsure_answer_brings_its_vector_and_the_strong_one_does_not_bring_it_again() {
    let script =
        |_: usize, route: &Route, _: &[String]| if route.model.name == "cheap" { Act::Unsure } else { Act::Answer };
    let scene = scene(script, |plan| plan.strong = vec![Arc::new(route(2, "strong"))]);
    let answers = scene.connect().answers(1, &numbered("far", 3)).await;
    scene.ends().await;
    assert!(answers.iter().all(|answer| answer.upgraded));
    assert_eq!((scene.requests().0.len(), scene.stored()), (1, (3, 1)));
}

#[tokio::test(start_paused = true)]
async fn neighbours_are_among_what_is_offered() {
    let scene = scene(makers(Act::Answer), in_lists);
    // Nothing in it leads anywhere, but for its neighbours; the list has one.
    let text = "far away".to_owned();
    scene.connect().answers(1, std::slice::from_ref(&text)).await;
    scene.ends().await;
    let account = scene.account.lock();
    let models: Vec<_> = account.sent.iter().zip(&account.offered).filter(|((model, _), _)| model != MAKER).collect();
    assert_eq!((models.len(), models[0].1.as_slice()), (1, &[wire::right(&text)][..]));
}

#[tokio::test(start_paused = true)]
async fn images_and_audits_are_not_compared() {
    let scene = scene(makers(Act::Answer), |_| {});
    let mut backend = scene.connect();
    backend.answers(1, &["photo of a toy".to_owned()]).await;
    backend.say(&audits::claims(2, &numbered("near", 2), 1)).await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    scene.ends().await;
    assert_eq!((scene.requests().0.len(), scene.ledger.lock().audits.len()), (0, 2));
}

#[tokio::test(start_paused = true)]
async fn without_earlier_vectors_a_model_is_asked_at_once() {
    let scene = scene(makers(Act::Answer), |_| {});
    scene.ledger.lock().shelf.comparable = None;
    scene.connect().answers(1, &numbered("near", 2)).await;
    scene.ends().await;
    assert_eq!((scene.requests().0.len(), scene.requests().1.len()), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn a_plan_that_changes_meanwhile_costs_no_second_vector() {
    let scene = scene(makers(Act::Answer), |_| {});
    let mut backend = scene.connect();
    backend.ask(1, &numbered("far", 3), PATIENT).await;
    tokio::time::sleep(Duration::from_millis(60)).await;
    scene.plans.lock().clear();
    for (text, reply) in numbered("far", 3).iter().zip(backend.replies(1, 3).await) {
        answered(text, reply);
    }
    scene.ends().await;
    assert_eq!((scene.requests().0.len(), scene.stored()), (1, (3, 1)));
    scene.accounts_agree();
}
