//! Which inputs share a request.

use super::wire::Act;
use super::*;
use crate::provider::{Charge, FailureClass};
use tokio::time::Instant;

#[tokio::test(start_paused = true)]
async fn a_pack_is_full_or_has_waited() {
    let scene = Scene::new(Wire::new(|_, _, _| Act::Answer), |plan| plan.pack_wait = Duration::from_secs(1));
    let mut backend = scene.connect();
    backend.ask(1, &numbered("title", 23), PATIENT).await;
    tokio::time::sleep(Duration::from_millis(900)).await;
    assert_eq!(scene.sent().iter().map(Vec::len).collect::<Vec<_>>(), [10, 10]);
    backend.replies(1, 23).await;
    assert_eq!(scene.sent().iter().map(Vec::len).collect::<Vec<_>>(), [10, 10, 3]);
    scene.ends().await;
}

#[tokio::test(start_paused = true)]
async fn what_waited_for_its_turn_waits_for_company_from_then_on() {
    let change = |plan: &mut Plan| (plan.in_flight, plan.pack_wait) = (2, Duration::from_millis(20));
    let scene = Scene::new(Wire::new(|_, _, _| Act::Answer), change);
    let mut backend = scene.connect();
    backend.ask(1, &numbered("title", 35), PATIENT).await;
    while scene.sent().len() < 3 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    // Both requests are answered, one full pack has followed, and there is room for the other five.
    tokio::time::sleep(Duration::from_millis(10)).await;
    backend.ask(2, &numbered("more", 5), PATIENT).await;
    backend.replies(1, 35).await;
    assert_eq!(scene.sent().iter().map(Vec::len).collect::<Vec<_>>(), [10, 10, 10, 10]);
    scene.ends().await;
}

#[tokio::test(start_paused = true)]
async fn questions_of_different_connections_share_a_pack() {
    let scene = Scene::new(Wire::new(|_, _, _| Act::Answer), |_| {});
    let mut backends: Vec<_> = (0..10).map(|_| scene.connect()).collect();
    for (i, backend) in backends.iter_mut().enumerate() {
        backend.ask(1, &[format!("title {i}")], PATIENT).await;
    }
    for backend in &mut backends {
        backend.replies(1, 1).await;
    }
    scene.ends().await;
    assert_eq!(scene.sent().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_large_question_does_not_starve_a_small_one() {
    let scene = Scene::new(Wire::new(|_, _, _| Act::Answer), |plan| plan.in_flight = 1);
    let (mut large, mut small) = (scene.connect(), scene.connect());
    large.ask(1, &numbered("title", 20_000), PATIENT).await;
    tokio::time::sleep(Duration::from_millis(450)).await;
    let before = scene.sent().len();
    small.ask(1, &numbered("other", 1), PATIENT).await;
    small.replies(1, 1).await;
    assert!(scene.sent().len() - before <= 2, "{} requests went first", scene.sent().len() - before);
    drop(large);
    scene.ends().await;
}

#[tokio::test(start_paused = true)]
async fn no_more_requests_are_in_flight_than_the_plan_allows() {
    let scene = Scene::new(Wire::new(|_, _, _| Act::Answer), |plan| (plan.in_flight, plan.pack_size) = (3, 2));
    scene.connect().answers(1, &numbered("title", 100)).await;
    scene.ends().await;
    assert_eq!(scene.account.lock().most, 3);
}

#[tokio::test(start_paused = true)]
async fn long_texts_make_smaller_packs() {
    let scene = Scene::new(Wire::new(|_, _, _| Act::Answer), |_| {});
    let texts: Vec<_> = (0..6).map(|i| format!("{i} {}", "x".repeat(15_000))).collect();
    scene.connect().answers(1, &texts).await;
    scene.ends().await;
    assert_eq!(scene.sent().iter().map(Vec::len).collect::<Vec<_>>(), [2, 2, 2]);
}

#[tokio::test(start_paused = true)]
async fn a_route_that_takes_one_input_gets_one() {
    let mut wire = Wire::new(|_, _, _| Act::Answer);
    wire.pack_limit = 1;
    let scene = Scene::new(wire, |_| {});
    scene.connect().answers(1, &numbered("title", 7)).await;
    scene.ends().await;
    assert!(scene.sent().len() == 7 && scene.sent().iter().all(|texts| texts.len() == 1));
}

#[tokio::test(start_paused = true)]
async fn a_context_overflow_halves_the_pack() {
    let script = |_: usize, _: &Route, texts: &[String]| match texts.len() {
        0..=3 => Act::Answer,
        _ => Act::Fail(FailureClass::ContextOverflow, Charge::None, None),
    };
    let scene = Scene::new(Wire::new(script), |_| {});
    scene.connect().answers(1, &numbered("title", 10)).await;
    scene.ends().await;
    assert_eq!(scene.sent().iter().map(Vec::len).collect::<Vec<_>>(), [10, 5, 5, 3, 2, 3, 2]);
    assert_eq!(scene.ledger.lock().released, 3);
}

#[tokio::test(start_paused = true)]
async fn one_input_that_is_too_large_is_told_so_and_the_others_are_answered() {
    let scene = Scene::new(Wire::new(|_, _, _| Act::Answer), |plan| {
        let mut small = route(1, "small");
        small.model.max_input_tokens = Some(10);
        plan.routes = vec![Arc::new(small)];
    });
    let mut backend = scene.connect();
    let texts = [&numbered("title", 4)[..], &["huge".to_owned()]].concat();
    backend.ask(1, &texts, PATIENT).await;
    let mut replies = backend.replies(1, 5).await;
    assert_eq!(replies.pop().as_ref().map(reason), Some(Reason::InputTooLarge));
    texts.iter().zip(replies).for_each(|(text, reply)| _ = answered(text, reply));
    scene.ends().await;
}

#[tokio::test(start_paused = true)]
async fn what_a_reply_lacks_is_asked_again_alone_and_once() {
    let script = |nth: usize, _: &Route, texts: &[String]| match texts {
        [one] if one == "title 7" => Act::Without(vec![0]),
        _ if nth == 0 => Act::Without(vec![3, 7]),
        _ => Act::Answer,
    };
    let scene = Scene::new(Wire::new(script), |_| {});
    let mut backend = scene.connect();
    backend.ask(1, &numbered("title", 10), PATIENT).await;
    let replies = backend.replies(1, 10).await;
    assert_eq!(reason(&replies[7]), Reason::InvalidAnswer);
    assert!(matches!(replies[3], Reply::Answered(_)));
    scene.ends().await;
    assert_eq!(scene.sent()[1..], [vec!["title 3".to_owned()], vec!["title 7".to_owned()]]);
    assert_eq!(scene.ledger.lock().wasted, 3);
}

#[tokio::test(start_paused = true)]
async fn an_answer_outside_the_labels_is_asked_once_more_and_that_none_fits_is_not() {
    for (act, requests, why) in [(Act::Wrong, 2, Reason::InvalidAnswer), (Act::NoneFits, 1, Reason::NoneOfThese)] {
        let scene = Scene::new(Wire::new(move |_, _, _| act.clone()), |_| {});
        let mut backend = scene.connect();
        backend.ask(1, &numbered("title", 1), PATIENT).await;
        assert_eq!(reason(&backend.replies(1, 1).await[0]), why);
        scene.ends().await;
        assert_eq!((scene.sent().len(), scene.ledger.lock().answers.len()), (requests, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn an_image_goes_alone_and_waits_for_nobody() {
    let wire = || Wire::new(|_, _, _| Act::Answer);
    let scene = Scene::new(wire(), |plan| plan.pack_wait = Duration::from_secs(60));
    let mut backend = scene.connect();
    let began = Instant::now();
    backend.answers(1, &numbered("photo", 3)).await;
    assert_eq!(began.elapsed(), Duration::from_millis(100));
    scene.ends().await;
    assert_eq!(scene.sent().len(), 3);

    // Titles wait for each other all the same, and neither kind shuts out the other.
    let scene = Scene::new(wire(), |plan| (plan.in_flight, plan.pack_wait) = (1, Duration::from_secs(60)));
    let mut backend = scene.connect();
    let mixed = [&numbered("title", 10)[..], &numbered("photo", 2), &numbered("title", 20)[10..]].concat();
    backend.answers(1, &mixed).await;
    scene.ends().await;
    let sizes: Vec<usize> = scene.sent().iter().map(Vec::len).collect();
    assert_eq!(sizes, [10, 1, 1, 10]);

    let scene = Scene::new(wire(), |plan| (plan.in_flight, plan.pack_wait) = (1, Duration::from_secs(60)));
    let (mut titles, mut photos) = (scene.connect(), scene.connect());
    titles.ask(1, &numbered("title", 30), PATIENT).await;
    photos.ask(1, &numbered("photo", 3), PATIENT).await;
    assert_eq!((titles.replies(1, 30).await.len(), photos.replies(1, 3).await.len()), (30, 3));
    scene.ends().await;
    let last_photo = scene.sent().iter().rposition(|texts| texts[0].starts_with("photo"));
    assert!(last_photo < Some(scene.sent().len() - 1), "{:?}", scene.sent());
}

#[tokio::test(start_paused = true)]
async fn images_beyond_the_bound_are_refused_until_others_are_answered() {
    let scene = Scene::new(Wire::new(|_, _, _| Act::Answer), |_| {});
    let mut backend = scene.connect();
    let photos = numbered("photo", 500);
    backend.ask(1, &photos, PATIENT).await;
    let replies = backend.replies(1, 500).await;
    let refused: Vec<&Reply> = replies.iter().filter(|reply| matches!(reply, Reply::Unanswered { .. })).collect();
    assert!(refused.iter().all(|reply| reason(reply) == Reason::RateLimited));
    assert!((200..400).contains(&refused.len()), "{}", refused.len());
    // Titles are not concerned, and there is room again.
    backend.answers(2, &numbered("title", 10)).await;
    backend.answers(3, &photos[400..]).await;
    scene.ends().await;
}

#[tokio::test(start_paused = true)]
async fn near_duplicates_with_images_are_two_things() {
    let scene = Scene::new(Wire::new(|_, _, _| Act::Answer), |plan| plan.near_duplicates = true);
    let mut backend = scene.connect();
    let photos = ["photo of 7 red shoes".to_owned(), "photo of 7 shoes red".to_owned()];
    backend.answers(1, &photos).await;
    scene.ends().await;
    assert_eq!(scene.sent().len(), 2);
}
