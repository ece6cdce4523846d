//! Cheap first, strong when needed: what a cheap model is not sure of a strong one decides, and nothing that is paid is lost.

use super::wire::Act;
use super::*;
use crate::plan::Straight;
use crate::provider::{Charge, FailureClass};
use crate::store::{KnownAnswer, Unsure};
use pg_categorize_core::complexity::Complexity;
use pg_categorize_core::money::Money;

/// A scene with a strong model behind the cheap one.
fn scene(script: impl Fn(&str) -> Act + Send + Sync + 'static) -> Scene {
    Scene::new(Wire::new(move |_, route, _| script(&route.model.name)), |plan| {
        plan.strong = vec![Arc::new(route(2, "strong"))];
    })
}

fn models(scene: &Scene) -> Vec<(String, usize)> {
    scene.account.lock().sent.iter().map(|(model, texts)| (model.clone(), texts.len())).collect()
}

/// What a cheap model says that errs.
fn mistaken(text: &str, reply: &Reply) -> Answered {
    let Reply::Answered(answer) = reply else { panic!("{text} is not answered: {reply:?}") };
    assert_eq!(answer.category, (wire::right(text) + 1) % 3);
    (**answer).clone()
}

#[tokio::test(start_paused = true)]
async fn what_the_cheap_model_is_not_sure_of_the_strong_one_decides() {
    let scene = scene(|model| if model == "strong" { Act::Answer } else { Act::Mistaken });
    let mut backend = scene.connect();
    let titles = numbered("title", 10);
    for answer in backend.answers(1, &titles).await {
        assert!(answer.upgraded && answer.model.as_deref() == Some("strong"));
        // Ten inputs share 15,000 nano-dollars, twice.
        assert_eq!(answer.cost, 3000);
    }
    scene.ends().await;
    assert_eq!(models(&scene), [("cheap".into(), 10), ("strong".into(), 10)]);
    assert!(backend.answers(2, &titles).await.iter().all(|answer| answer.known && answer.upgraded));
    assert_eq!(scene.sent().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn where_no_strong_model_can_decide_the_cheap_answer_counts() {
    let down = Act::Fail(FailureClass::Stopped, Charge::None, None);
    let scene = scene(move |model| if model == "strong" { down.clone() } else { Act::Mistaken });
    let mut backend = scene.connect();
    let titles = numbered("title", 3);
    backend.ask(1, &titles, PATIENT).await;
    for (text, reply) in titles.iter().zip(backend.replies(1, 3).await) {
        let answer = mistaken(text, &reply);
        assert!(!answer.upgraded && answer.cost > 0 && answer.model.as_deref() == Some("cheap"));
    }
    scene.ends().await;
    assert_eq!(scene.ledger.lock().answers.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn whose_patience_ends_meanwhile_hears_what_the_cheap_model_said() {
    let scene = scene(|model| if model == "strong" { Act::Hang } else { Act::Mistaken });
    let mut backend = scene.connect();
    let titles = numbered("title", 2);
    backend.ask(1, &titles, Duration::from_secs(5)).await;
    for (text, reply) in titles.iter().zip(backend.replies(1, 2).await) {
        mistaken(text, &reply);
    }
    scene.ends().await;
    assert_eq!(scene.ledger.lock().answers.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn above_the_soft_ratio_nothing_is_upgraded_unless_asked() {
    for asked in [false, true] {
        let scene = Scene::new(Wire::new(|_, _, _| Act::Unsure), move |plan| {
            plan.strong = vec![Arc::new(route(2, "strong"))];
            plan.soft_confidence = 0.9;
            plan.upgrade_above_soft = asked;
        });
        scene.ledger.lock().soft = true;
        let answers = scene.connect().answers(1, &numbered("title", 2)).await;
        assert!(answers.iter().all(|answer| answer.upgraded == asked));
        scene.ends().await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_cheap_model_cannot_answer_twice_the_strong_one_may() {
    let scene = scene(|model| if model == "strong" { Act::Answer } else { Act::Wrong });
    let answers = scene.connect().answers(1, &numbered("title", 2)).await;
    assert!(answers.iter().all(|answer| answer.upgraded));
    scene.ends().await;
    assert_eq!(models(&scene), [("cheap".into(), 2), ("cheap".into(), 1), ("cheap".into(), 1), ("strong".into(), 2)]);
}

#[tokio::test(start_paused = true)]
async fn where_the_strong_model_finds_no_category_the_cheap_answer_is_forgotten() {
    let scene = scene(|model| if model == "strong" { Act::NoneFits } else { Act::Mistaken });
    let mut backend = scene.connect();
    backend.ask(1, &numbered("title", 2), PATIENT).await;
    assert!(backend.replies(1, 2).await.iter().all(|reply| reason(reply) == Reason::NoneOfThese));
    scene.ends().await;
    assert!(scene.ledger.lock().answers.is_empty());
}

#[tokio::test(start_paused = true)]
async fn who_has_gone_pays_for_no_strong_model() {
    let scene = scene(|_| Act::Unsure);
    let mut backend = scene.connect();
    backend.ask(1, &numbered("title", 2), PATIENT).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    drop(backend);
    scene.ends().await;
    assert_eq!(models(&scene), [("cheap".into(), 2)]);
    assert_eq!(scene.ledger.lock().answers.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_plan_that_changes_meanwhile_does_not_ask_the_cheap_model_again() {
    let scene = scene(|model| if model == "strong" { Act::Answer } else { Act::Unsure });
    let mut backend = scene.connect();
    backend.ask(1, &numbered("title", 2), PATIENT).await;
    // The cheap model has answered, and the strong one's request waits for company.
    tokio::time::sleep(Duration::from_millis(115)).await;
    assert_eq!(models(&scene), [("cheap".into(), 2)]);
    scene.plans.lock().clear();
    assert_eq!(backend.replies(1, 2).await.len(), 2);
    scene.ends().await;
    assert_eq!(models(&scene), [("cheap".into(), 2), ("strong".into(), 2)]);
}

/// A plan whose strong model is asked about whatever is complex, which everything is.
fn straight(plan: &mut Plan) {
    plan.strong = vec![Arc::new(route(2, "strong"))];
    plan.straight = Some(Straight { complexity: Complexity::of_choices(&plan.choices), above: -1.0 });
}

#[tokio::test(start_paused = true)]
async fn what_is_complex_goes_to_the_strong_model_at_once() {
    let scene = Scene::new(Wire::new(|_, _, _| Act::Answer), straight);
    let answers = scene.connect().answers(1, &numbered("title", 2)).await;
    assert!(answers.iter().all(|answer| answer.upgraded));
    scene.ends().await;
    assert_eq!(models(&scene), [("strong".into(), 2)]);
}

#[tokio::test(start_paused = true)]
async fn what_is_complex_goes_to_the_cheap_model_where_the_strong_one_cannot_answer() {
    let script = |_: usize, route: &Route, _: &[String]| match route.model.name.as_str() {
        "strong" => Act::Fail(FailureClass::Stopped, Charge::None, None),
        _ => Act::Unsure,
    };
    let scene = Scene::new(Wire::new(script), straight);
    let answers = scene.connect().answers(1, &numbered("title", 2)).await;
    assert!(answers.iter().all(|answer| !answer.upgraded && answer.model.as_deref() == Some("cheap")));
    scene.ends().await;
    assert_eq!(models(&scene)[..2], [("strong".into(), 2), ("cheap".into(), 2)]);
}

#[tokio::test(start_paused = true)]
async fn unsure_answers_wait_for_each_other_and_no_longer_than_they_must() {
    let scene = scene(|model| if model == "strong" { Act::Answer } else { Act::Unsure });
    let mut backend = scene.connect();
    // Of five packs each comes at another moment, and all go to the strong model in full ones.
    for (request, at) in (1..=5).zip(numbered("title", 10).chunks(2)) {
        backend.ask(request, at, PATIENT).await;
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
    let mut heard = 0;
    while heard < 10 {
        let ToBackend::Replies { replies, .. } = backend.hear().await else { panic!("no replies") };
        heard += replies.len();
    }
    scene.ends().await;
    let strong: Vec<usize> =
        models(&scene).into_iter().filter(|(model, _)| model == "strong").map(|(_, n)| n).collect();
    assert_eq!(strong, [10]);
    // A single one waits as long as any, and not for others that do not come.
    let began = tokio::time::Instant::now();
    backend.answers(6, &["single".to_owned()]).await;
    assert!(began.elapsed() < Duration::from_millis(250), "{:?}", began.elapsed());
}

/// A cheap model has said something of these in a batch, for 700 nano-dollars each.
fn said_in_a_batch(scene: &Scene, titles: &[String]) {
    let said = titles.iter().map(|title| {
        let answer = KnownAnswer {
            category: (wire::right(title) + 1) % 3,
            confidence: 0.3,
            provider: Some("one".into()),
            model: Some("cheap".into()),
            upgraded: false,
            grounds: None,
            is_similar: false,
        };
        (fingerprint("", title), (String::new(), Unsure { answer, cost: Money(700) }))
    });
    scene.ledger.lock().unsure.extend(said);
}

#[tokio::test(start_paused = true)]
async fn what_a_batch_left_unsure_goes_to_the_strong_model_at_once() {
    let scene = scene(|_| Act::Answer);
    let titles = numbered("title", 4);
    said_in_a_batch(&scene, &titles[..3]);
    for (at, answer) in scene.connect().answers(1, &titles).await.iter().enumerate() {
        assert_eq!(answer.upgraded, at < 3);
    }
    scene.ends().await;
    let mut sent = models(&scene);
    sent.sort();
    assert_eq!(sent, [("cheap".into(), 1), ("strong".into(), 3)]);
}

#[tokio::test(start_paused = true)]
async fn what_a_batch_left_unsure_counts_where_no_strong_model_decides() {
    for soft in [false, true] {
        let down = Act::Fail(FailureClass::Stopped, Charge::None, None);
        let scene = scene(move |model| if model == "strong" { down.clone() } else { Act::Answer });
        scene.ledger.lock().soft = soft;
        let titles = numbered("title", 3);
        said_in_a_batch(&scene, &titles);
        let mut backend = scene.connect();
        backend.ask(1, &titles, PATIENT).await;
        for (text, reply) in titles.iter().zip(backend.replies(1, 3).await) {
            let answer = mistaken(text, &reply);
            assert_eq!((answer.upgraded, answer.cost), (false, 0));
        }
        scene.ends().await;
        assert!(models(&scene).iter().all(|(model, _)| model == "strong" && !soft), "the cheap one is not paid again");
        assert_eq!(scene.ledger.lock().answers.len(), 3);
    }
}
