//! Free answers that a strong model checks: nobody waits, nothing is answered by it, and it is paid once.

use super::wire::Act;
use super::*;
use crate::provider::{Charge, FailureClass};
use pg_categorize_core::audit::Claim;

fn scene() -> Scene {
    Scene::new(Wire::new(|_, _, _| Act::Answer), |plan| plan.strong = vec![Arc::new(route(2, "strong"))])
}

/// That a free tier said this category of each.
pub(super) fn claims(request: u64, texts: &[String], category: i32) -> ToGateway {
    let ToGateway::Ask(mut ask) = question(request, "", texts, PATIENT, 0) else { unreachable!() };
    for input in &mut ask.inputs {
        input.audited = Some(Claim { tier: "local_model".into(), category, confidence: 0.9 });
    }
    ToGateway::Audit(ask)
}

fn models(scene: &Scene) -> Vec<(String, usize)> {
    scene.account.lock().sent.iter().map(|(model, texts)| (model.clone(), texts.len())).collect()
}

#[tokio::test(start_paused = true)]
async fn an_audit_asks_the_strong_model_once_and_stores_no_answer() {
    let scene = scene();
    let mut backend = scene.connect();
    let texts = numbered("title", 4);
    for request in [1, 2] {
        backend.say(&claims(request, &texts, 1)).await;
        tokio::time::sleep(Duration::from_secs(5)).await;
    }
    scene.ends().await;
    assert_eq!(models(&scene), [("strong".into(), 4)]);
    {
        let ledger = scene.ledger.lock();
        assert!(ledger.answers.is_empty() && ledger.audits.len() == 4);
        let costs: i64 = ledger.audits.iter().map(|audit| audit.cost.0).sum();
        assert_eq!(costs, ledger.settled.0);
        for (text, audit) in texts.iter().zip(&ledger.audits) {
            assert_eq!((audit.category, audit.claim.category), (Some(wire::right(text)), 1));
        }
    }
    // Who asks the same is answered as if there had been no audit.
    assert!(
        backend.answers(3, &texts).await.iter().all(|answer| !answer.known && answer.model.as_deref() == Some("cheap"))
    );
    scene.ends().await;
}

#[tokio::test(start_paused = true)]
async fn who_hangs_up_ends_no_audit_and_who_asks_the_same_meanwhile_does_not_wait_for_it() {
    let scene = scene();
    let texts = numbered("title", 2);
    let mut backend = scene.connect();
    backend.say(&claims(1, &texts, 0)).await;
    tokio::time::sleep(Duration::from_millis(1)).await;
    drop(backend);
    // Their tenants differ, or the provider would see one input in two requests at once, as it may.
    let mut other = scene.connect();
    other.say(&question(1, "other", &texts, PATIENT, 0)).await;
    other.replies(1, 2).await;
    scene.ends().await;
    assert_eq!((scene.ledger.lock().audits.len(), scene.sent().len()), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn there_is_no_audit_above_the_soft_ratio_and_none_that_the_budget_does_not_bear() {
    for (soft, budget) in [(true, i64::MAX), (false, 1000)] {
        let scene = scene();
        {
            let mut ledger = scene.ledger.lock();
            (ledger.soft, ledger.budget) = (soft, budget);
        }
        let mut backend = scene.connect();
        backend.say(&claims(1, &numbered("title", 3), 0)).await;
        tokio::time::sleep(Duration::from_secs(5)).await;
        scene.ends().await;
        assert!(scene.sent().is_empty() && scene.ledger.lock().audits.is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn where_there_is_no_strong_model_the_usual_one_audits_and_none_of_these_is_an_outcome() {
    let scene = Scene::new(Wire::new(|_, _, _| Act::NoneFits), |_| {});
    let mut backend = scene.connect();
    backend.say(&claims(1, &numbered("title", 1), 0)).await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    scene.ends().await;
    assert_eq!(models(&scene), [("cheap".into(), 1)]);
    assert_eq!(scene.ledger.lock().audits[0].category, None);
}

#[tokio::test(start_paused = true)]
async fn what_is_paid_for_without_a_verdict_is_not_paid_for_again_until_plans_change() {
    let doubtful = Act::Fail(FailureClass::TimedOut, Charge::Unknown, None);
    let free = Act::Fail(FailureClass::Overloaded, Charge::None, None);
    for (act, is_paid) in [(Act::Wrong, true), (doubtful, true), (free, false)] {
        let scene = Scene::new(Wire::new(move |_, _, _| act.clone()), |_| {});
        let texts = numbered("title", 1);
        // Sessions come and go; each tells of it once.
        let mut after = Vec::new();
        for session in 0..4 {
            if session == 2 {
                scene.desk.plans_changed();
            }
            let mut backend = scene.connect();
            backend.say(&claims(1, &texts, 0)).await;
            tokio::time::sleep(Duration::from_secs(600)).await;
            scene.ends().await;
            after.push(scene.sent().len());
        }
        assert!(after[0] > 0 && scene.ledger.lock().audits.is_empty());
        assert_eq!(
            [after[1] == after[0], after[2] > after[1], after[3] == after[2]],
            [is_paid, true, is_paid],
            "{after:?}"
        );
        // Who asks is not concerned by it.
        let mut backend = scene.connect();
        backend.say(&question(2, "", &texts, PATIENT, 0)).await;
        tokio::time::sleep(Duration::from_secs(600)).await;
        scene.ends().await;
        assert!(scene.sent().len() > after[3]);
    }
}
