//! What fails: retries, fallbacks, and the money of attempts that nobody knows the end of.

use super::wire::Act;
use super::*;
use crate::provider::{Charge, FailureClass};
use tokio::time::Instant;

fn fail(class: FailureClass) -> Act {
    Act::Fail(class, if class == FailureClass::RateLimited { Charge::None } else { Charge::Unknown }, None)
}

/// A scene whose plan has two routes, and whose first one fails.
fn falling_back(class: FailureClass) -> Scene {
    let script = move |_: usize, route: &Route, _: &[String]| match route.model.name.as_str() {
        "cheap" => fail(class),
        _ => Act::Answer,
    };
    Scene::new(Wire::new(script), |plan| plan.routes.push(Arc::new(route(2, "dear"))))
}

#[tokio::test(start_paused = true)]
async fn after_a_time_out_the_attempt_is_in_doubt_and_the_input_is_sent_again() {
    let scene = Scene::new(Wire::new(|nth, _, _| if nth == 0 { Act::Hang } else { Act::Answer }), |_| {});
    let began = Instant::now();
    scene.connect().answers(1, &numbered("title", 3)).await;
    assert!(began.elapsed() >= Duration::from_secs(60));
    scene.ends().await;
    assert_eq!((scene.sent().len(), scene.ledger.lock().in_doubt.len()), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn failures_are_retried_within_the_patience_and_then_told() {
    let script =
        |nth: usize, _: &Route, _: &[String]| if nth < 3 { fail(FailureClass::ServerError) } else { Act::Answer };
    let scene = Scene::new(Wire::new(script), |_| {});
    scene.connect().answers(1, &numbered("title", 1)).await;
    assert_eq!(scene.sent().len(), 4);
    let scene = Scene::new(Wire::new(|_, _, _| fail(FailureClass::ServerError)), |_| {});
    let mut backend = scene.connect();
    backend.ask(1, &numbered("title", 1), Duration::from_secs(3)).await;
    let Reply::Unanswered { reason, detail } = backend.replies(1, 1).await.remove(0) else { panic!("an answer") };
    assert_eq!((reason, detail.as_deref()), (Reason::ProviderError, Some("provider provider 1: ServerError")));
    scene.ends().await;
    assert_eq!(scene.ledger.lock().in_doubt.len(), scene.sent().len());
}

#[tokio::test(start_paused = true)]
async fn nothing_is_sent_before_the_time_that_a_provider_asks_for() {
    let after = Duration::from_secs(7);
    let script = move |nth: usize, _: &Route, _: &[String]| match nth {
        0 => Act::Fail(FailureClass::RateLimited, Charge::None, Some(after)),
        _ => Act::Answer,
    };
    let scene = Scene::new(Wire::new(script), |plan| plan.pack_wait = Duration::ZERO);
    let (mut first, mut second) = (scene.connect(), scene.connect());
    first.ask(1, &numbered("title", 1), PATIENT).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    second.ask(1, &numbered("other", 1), PATIENT).await;
    tokio::time::sleep(Duration::from_millis(6800)).await;
    assert_eq!(scene.sent().len(), 1);
    first.replies(1, 1).await;
    second.replies(1, 1).await;
    scene.ends().await;
    assert_eq!((scene.sent().len(), scene.ledger.lock().released), (3, 1));
    // Longer than anybody waits: told at once, and truly.
    let never = Act::Fail(FailureClass::RateLimited, Charge::None, Some(PATIENT * 2));
    let scene = Scene::new(Wire::new(move |_, _, _| never.clone()), |_| {});
    let mut backend = scene.connect();
    backend.ask(1, &numbered("title", 1), Duration::from_secs(10)).await;
    assert_eq!(reason(&backend.replies(1, 1).await[0]), Reason::RateLimited);
    assert_eq!(scene.sent().len(), 1);
    scene.ends().await;
}

#[tokio::test(start_paused = true)]
async fn a_limit_of_requests_spreads_them_and_is_the_reason_of_the_rest() {
    let scene = Scene::new(Wire::new(|_, _, _| Act::Answer), |plan| {
        let mut limited = route(1, "cheap");
        limited.provider.requests_per_minute = Some(60);
        (plan.routes, plan.pack_size) = (vec![Arc::new(limited)], 1);
    });
    let mut backend = scene.connect();
    backend.ask(1, &numbered("title", 100), Duration::from_secs(10)).await;
    let replies = backend.replies(1, 100).await;
    let answered = replies.iter().filter(|reply| matches!(reply, Reply::Answered(_))).count();
    assert!((10..=20).contains(&answered), "{answered} were answered");
    let rest = replies.iter().filter(|reply| matches!(reply, Reply::Unanswered { .. }));
    assert!(rest.clone().all(|reply| reason(reply) == Reason::RateLimited), "{:?}", rest.collect::<Vec<_>>());
    scene.ends().await;
}

#[tokio::test(start_paused = true)]
async fn the_next_provider_is_asked_where_one_cannot_answer() {
    use FailureClass::{Cut, NotSent, Overloaded, RateLimited, Rejected, ServerError, Stopped, Unreadable};
    for class in [Cut, NotSent, Overloaded, RateLimited, Rejected, ServerError, Stopped, Unreadable] {
        let scene = falling_back(class);
        let answers = scene.connect().answers(1, &numbered("title", 2)).await;
        assert!(answers.iter().all(|answer| answer.model.as_deref() == Some("dear")), "{class:?}");
        scene.ends().await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_unknown_price_refuses_and_the_next_route_may_have_one() {
    for priced in [false, true] {
        let scene = Scene::new(Wire::new(|_, _, _| Act::Answer), move |plan| {
            let unpriced = Route { price: None, ..route(1, "cheap") };
            plan.routes = vec![Arc::new(unpriced)];
            plan.routes.extend(priced.then(|| Arc::new(route(2, "dear"))));
        });
        let mut backend = scene.connect();
        backend.ask(1, &numbered("title", 1), PATIENT).await;
        match backend.replies(1, 1).await.remove(0) {
            Reply::Answered(answer) => assert!(priced && answer.model.as_deref() == Some("dear")),
            Reply::Unanswered { reason, detail } => {
                assert!(!priced && reason == Reason::UnknownPrice && detail.unwrap().contains("cheap"));
            }
        }
        scene.ends().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_breaker_opens_rests_and_is_closed_by_a_probe() {
    let script = |nth: usize, _: &Route, _: &[String]| if nth < 5 { fail(FailureClass::Cut) } else { Act::Answer };
    let scene = Scene::new(Wire::new(script), |plan| plan.pack_size = 1);
    let mut backend = scene.connect();
    for request in 0..5 {
        backend.ask(request, &[format!("title {request}")], Duration::from_millis(300)).await;
        assert_eq!(reason(&backend.replies(request, 1).await[0]), Reason::ProviderError);
    }
    backend.ask(5, &numbered("title", 1), PATIENT).await;
    assert_eq!(reason(&backend.replies(5, 1).await[0]), Reason::BreakerOpen);
    assert_eq!(scene.sent().len(), 5);
    assert_eq!(scene.ledger.lock().alerts.iter().map(|alert| alert.kind).collect::<Vec<_>>(), ["breaker_open"]);
    tokio::time::sleep(Duration::from_secs(301)).await;
    backend.answers(6, &numbered("title", 1)).await;
    scene.ends().await;
    backend.say(&ToGateway::Health { request: 9 }).await;
    let ToBackend::Health { request: 9, lines } = backend.hear().await else { panic!("no health") };
    assert_eq!((lines[0].breaker.as_str(), lines[0].attempts, lines[0].failures), ("closed", 6, 5));
    assert!(lines[0].latency_p50_ms.is_some_and(|ms| (100.0..120.0).contains(&ms)));
}

/// The provider that is asked first dies with all that it has in flight. Its breaker opens by the first failures; the rest were
/// under way by then, and nothing follows them.
#[tokio::test(start_paused = true)]
async fn a_breaker_opens_before_all_that_was_in_flight_has_failed() {
    let script = |nth: usize, route: &Route, _: &[String]| match route.model.name.as_str() {
        "cheap" if nth >= 10 => fail(FailureClass::Cut),
        _ => Act::Answer,
    };
    let scene = Scene::new(Wire::new(script), |plan| {
        plan.routes.push(Arc::new(route(2, "dear")));
        (plan.pack_size, plan.in_flight) = (1, 20);
    });
    let mut backend = scene.connect();
    backend.answers(1, &numbered("title", 10)).await;
    let answers = backend.answers(2, &numbered("other", 100)).await;
    assert!(answers.iter().all(|answer| answer.model.as_deref() == Some("dear")));
    scene.ends().await;
    backend.say(&ToGateway::Health { request: 9 }).await;
    let ToBackend::Health { request: 9, lines } = backend.hear().await else { panic!("no health") };
    // By the window of ten, of which two were answered: eight. No input is sent to it twice, and none after that.
    assert_eq!((lines[0].breaker.as_str(), lines[0].attempts, lines[0].failures), ("open", 30, 20));
    let alerts: Vec<_> = scene.ledger.lock().alerts.iter().map(|alert| alert.message.clone()).collect();
    assert_eq!(alerts, ["The provider fails again and again: Cut. Its failures so far: 8."]);
}

#[tokio::test(start_paused = true)]
async fn no_connection_counts_for_all_models_of_a_provider_and_a_cut_one_for_its_own() {
    for (class, of_strong) in [(FailureClass::NotSent, "open"), (FailureClass::Cut, "closed")] {
        let script = move |_: usize, route: &Route, texts: &[String]| match route.model.name.as_str() {
            "cheap" if texts[0].starts_with("lost") => fail(class),
            "cheap" => Act::Unsure,
            _ => Act::Answer,
        };
        let scene = Scene::new(Wire::new(script), |plan| {
            plan.strong = vec![Arc::new(route(1, "strong"))];
            plan.pack_size = 1;
        });
        let mut backend = scene.connect();
        backend.answers(1, &numbered("title", 1)).await;
        backend.ask(2, &numbered("lost", 10), Duration::from_secs(5)).await;
        assert!(backend.replies(2, 10).await.iter().all(|reply| matches!(reply, Reply::Unanswered { .. })));
        scene.ends().await;
        backend.say(&ToGateway::Health { request: 9 }).await;
        let ToBackend::Health { request: 9, lines } = backend.hear().await else { panic!("no health") };
        let states: Vec<_> = lines.iter().map(|line| (line.model.as_str(), line.breaker.as_str())).collect();
        assert_eq!(states, [("cheap", "open"), ("strong", of_strong)], "{class:?}");
        // What is told of a model is what it did itself.
        assert_eq!((lines[1].attempts, lines[1].failures), (1, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn a_stopped_provider_is_not_asked_until_something_changes() {
    let script = |nth: usize, _: &Route, _: &[String]| if nth == 0 { fail(FailureClass::Stopped) } else { Act::Answer };
    let scene = Scene::new(Wire::new(script), |_| {});
    let mut backend = scene.connect();
    for request in 0..3 {
        backend.ask(request, &numbered("title", 1), PATIENT).await;
        assert_eq!(reason(&backend.replies(request, 1).await[0]), Reason::ProviderError);
    }
    assert_eq!(scene.sent().len(), 1);
    scene.desk.plans_changed();
    backend.answers(3, &numbered("title", 1)).await;
    scene.ends().await;
}

#[tokio::test(start_paused = true)]
async fn an_answer_without_its_cost_counts_and_its_attempt_is_in_doubt() {
    let scene = Scene::new(Wire::new(|_, _, _| Act::NoUsage), |_| {});
    scene.connect().answers(1, &numbered("title", 4)).await;
    scene.ends().await;
    let ledger = scene.ledger.lock();
    assert_eq!((ledger.in_doubt.len(), ledger.answers.len(), ledger.settled.0), (1, 4, 0));
}

#[tokio::test(start_paused = true)]
async fn what_costs_more_than_was_reserved_is_booked_and_stops_the_model() {
    let scene = Scene::new(Wire::new(|_, _, _| Act::TooDear), |_| {});
    let mut backend = scene.connect();
    backend.answers(1, &numbered("title", 1)).await;
    scene.ends().await;
    assert!(scene.ledger.lock().adjusted.0 > 0);
    assert_eq!(scene.ledger.lock().alerts[0].kind, "reservation_exceeded");
    backend.ask(2, &numbered("other", 1), PATIENT).await;
    assert_eq!(reason(&backend.replies(2, 1).await[0]), Reason::BreakerOpen);
    assert_eq!(scene.sent().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_bug_is_an_error_for_those_who_wait_and_for_nobody_else() {
    let script = |_: usize, _: &Route, texts: &[String]| match texts[0].as_str() {
        "title 0" => Act::Panic,
        _ => Act::Answer,
    };
    let scene = Scene::new(Wire::new(script), |plan| (plan.in_flight, plan.pack_size) = (1, 2));
    let mut backend = scene.connect();
    backend.ask(1, &numbered("title", 4), PATIENT).await;
    let replies = backend.replies(1, 4).await;
    assert!(replies[..2].iter().all(|reply| reason(reply) == Reason::ProviderError));
    assert!(replies[2..].iter().all(|reply| matches!(reply, Reply::Answered(_))));
    scene.ends().await;
    assert_eq!(scene.ledger.lock().in_doubt.len(), 1);
}
