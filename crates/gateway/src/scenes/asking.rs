//! One answer, paid once, for all who ask.

use super::wire::Act;
use super::*;

#[tokio::test(start_paused = true)]
async fn a_question_is_answered_paid_and_stored_and_then_known() {
    let scene = Scene::new(Wire::new(|_, _, _| Act::Answer), |_| {});
    let mut backend = scene.connect();
    let texts = numbered("title", 25);
    let answers = backend.answers(1, &texts).await;
    assert!(answers.iter().all(|answer| !answer.known && answer.model.as_deref() == Some("cheap")));
    scene.ends().await;
    let cost: i64 = answers.iter().map(|answer| answer.cost).sum();
    assert_eq!((scene.sent().len(), scene.ledger.lock().settled.0), (3, cost));
    let again = backend.answers(2, &texts).await;
    assert!(again.iter().all(|answer| answer.known && answer.cost == 0));
    scene.ends().await;
    assert_eq!(scene.sent().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_hundred_connections_that_ask_the_same_pay_once() {
    let scene = Scene::new(Wire::new(|_, _, _| Act::Answer), |_| {});
    let texts = numbered("title", 1000);
    let mut backends: Vec<_> = (0..100).map(|_| scene.connect()).collect();
    for backend in &mut backends {
        backend.ask(1, &texts, PATIENT).await;
    }
    let mut cost = 0;
    for backend in &mut backends {
        for (text, reply) in texts.iter().zip(backend.replies(1, texts.len()).await) {
            cost += answered(text, reply).cost;
        }
    }
    scene.ends().await;
    let mut sent: Vec<_> = scene.sent().into_iter().flatten().collect();
    sent.sort();
    sent.dedup();
    assert_eq!((sent.len(), scene.sent().iter().map(Vec::len).sum::<usize>()), (1000, 1000));
    // What is told to all is what was paid, once.
    assert_eq!(cost, scene.ledger.lock().settled.0);
}

#[tokio::test(start_paused = true)]
async fn tenants_share_neither_a_flight_nor_a_request() {
    let scene = Scene::new(Wire::new(|_, _, _| Act::Answer), |plan| plan.near_duplicates = true);
    let mut backend = scene.connect();
    let texts = [String::from("the same")];
    for (request, tenant) in [(1, "a"), (2, "b")] {
        backend.say(&question(request, tenant, &texts, PATIENT, 0)).await;
    }
    for _ in 0..2 {
        backend.hear().await;
    }
    scene.ends().await;
    assert_eq!(scene.sent(), [texts.to_vec(), texts.to_vec()]);
}

#[tokio::test(start_paused = true)]
async fn when_the_one_who_began_is_cancelled_the_others_get_the_answer() {
    for (hangs_up, before) in [(false, 5), (true, 5), (false, 50), (true, 50)] {
        let scene = Scene::new(Wire::new(|_, _, _| Act::Answer), |_| {});
        let texts = numbered("title", 3);
        let (mut first, mut second) = (scene.connect(), scene.connect());
        first.ask(1, &texts, PATIENT).await;
        tokio::time::sleep(Duration::from_millis(2)).await;
        second.ask(1, &texts, PATIENT).await;
        tokio::time::sleep(Duration::from_millis(before)).await;
        if hangs_up {
            drop(first);
        } else {
            first.say(&ToGateway::Cancel { request: 1 }).await;
        }
        for (text, reply) in texts.iter().zip(second.replies(1, 3).await) {
            answered(text, reply);
        }
        scene.ends().await;
        assert_eq!(scene.sent().len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_sent_for_somebody_who_is_gone_and_what_is_sent_is_stored() {
    for (after, sent, stored) in [(5, 0, 0), (50, 1, 3)] {
        let scene = Scene::new(Wire::new(|_, _, _| Act::Answer), |_| {});
        let mut backend = scene.connect();
        backend.ask(1, &numbered("title", 3), PATIENT).await;
        tokio::time::sleep(Duration::from_millis(after)).await;
        drop(backend);
        scene.ends().await;
        assert_eq!((scene.sent().len(), scene.ledger.lock().answers.len()), (sent, stored));
    }
}

#[tokio::test(start_paused = true)]
async fn somebody_gone_while_the_money_is_set_aside_costs_nothing() {
    let scene = Scene::new(Wire::new(|_, _, _| Act::Answer), |plan| plan.pack_wait = Duration::ZERO);
    scene.ledger.lock().slow = Some(Duration::from_secs(1));
    let mut backend = scene.connect();
    backend.ask(1, &numbered("title", 3), PATIENT).await;
    tokio::time::sleep(Duration::from_millis(1500)).await;
    drop(backend);
    scene.ends().await;
    assert_eq!((scene.sent().len(), scene.ledger.lock().released), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn patience_ends_for_one_and_goes_on_for_another() {
    let mut wire = Wire::new(|_, _, _| Act::Answer);
    wire.latency = Duration::from_secs(5);
    let scene = Scene::new(wire, |_| {});
    let texts = numbered("title", 2);
    let (mut hasty, mut patient) = (scene.connect(), scene.connect());
    hasty.ask(1, &texts, Duration::from_secs(1)).await;
    patient.ask(1, &texts, Duration::from_secs(10)).await;
    let late = hasty.replies(1, 2).await;
    assert!(late.iter().all(|reply| reason(reply) == Reason::Timeout));
    assert_eq!(scene.ledger.lock().answers.len(), 0);
    patient.replies(1, 2).await;
    scene.ends().await;
}

#[tokio::test(start_paused = true)]
async fn what_is_answered_and_not_yet_stored_is_not_asked_again() {
    let scene = Scene::new(Wire::new(|_, _, _| Act::Answer), |_| {});
    let mut backend = scene.connect();
    let texts = numbered("title", 2);
    backend.ask(1, &texts, PATIENT).await;
    tokio::time::sleep(Duration::from_millis(60)).await;
    scene.ledger.lock().slow = Some(Duration::from_secs(5));
    backend.replies(1, 2).await;
    let again = backend.answers(2, &texts).await;
    assert!(again.iter().all(|answer| answer.known && answer.cost == 0));
    assert!(scene.ledger.lock().answers.is_empty(), "the first answers were to be slow to store");
    scene.ends().await;
    assert_eq!(scene.sent().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn near_duplicates_share_an_answer_for_five_minutes_where_that_is_set() {
    for (near, requests) in [(true, [1, 1, 2]), (false, [1, 2, 3])] {
        let scene = Scene::new(Wire::new(|_, _, _| Act::Answer), move |plan| plan.near_duplicates = near);
        let mut backend = scene.connect();
        // Their letters, and so what is right for them, are the same.
        let texts = ["red shoe", "shoe red"].map(String::from);
        let both = backend.answers(1, &texts).await;
        assert_eq!(both.iter().filter(|answer| answer.cost == 0).count(), usize::from(near));
        assert_eq!(scene.sent().len(), requests[0]);
        // Three more blanks leave the remainder as it is.
        backend.answers(2, &["red    shoe".to_owned()]).await;
        assert_eq!(scene.sent().len(), requests[1]);
        scene.ends().await;
        tokio::time::sleep(Duration::from_secs(301)).await;
        backend.answers(3, &["shoe    red".to_owned()]).await;
        assert_eq!(scene.sent().len(), requests[2]);
    }
}

#[tokio::test(start_paused = true)]
async fn above_the_soft_ratio_only_what_the_free_tiers_do_not_know_goes_out() {
    let scene = Scene::new(Wire::new(|_, _, _| Act::Answer), |plan| plan.soft_confidence = 0.5);
    scene.ledger.lock().soft = true;
    let mut backend = scene.connect();
    backend.ask(1, &numbered("title", 2), PATIENT).await;
    let replies = backend.replies(1, 2).await;
    assert!(replies.iter().all(|reply| reason(reply) == Reason::BudgetExceeded));
    scene.ends().await;
    assert!(scene.sent().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_spent_budget_refuses_and_never_exceeds() {
    let scene = Scene::new(Wire::new(|_, _, _| Act::Answer), |plan| plan.pack_size = 1);
    // A request costs 15,000 nano-dollars and reserves 150,000.
    scene.ledger.lock().budget = 200_000;
    let mut backend = scene.connect();
    backend.ask(1, &numbered("title", 50), PATIENT).await;
    let replies = backend.replies(1, 50).await;
    assert!(replies.iter().any(|reply| matches!(reply, Reply::Unanswered { reason: Reason::BudgetExceeded, .. })));
    scene.ends().await;
    assert!(scene.ledger.lock().held() <= 200_000);
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_is_told_and_leaves_room_for_small_questions() {
    let scene = Scene::bounded(Wire::new(|_, _, _| Act::Hang), 100, |_| {});
    let (mut large, mut small) = (scene.connect(), scene.connect());
    large.ask(1, &numbered("title", 150), Duration::from_secs(20)).await;
    let refused = large.replies(1, 50).await;
    assert!(refused.iter().all(|reply| reason(reply) == Reason::RateLimited));
    small.ask(1, &numbered("other", 1), Duration::from_secs(1)).await;
    assert_eq!(reason(&small.replies(1, 1).await[0]), Reason::Timeout);
    drop(large);
    scene.ends().await;
}
