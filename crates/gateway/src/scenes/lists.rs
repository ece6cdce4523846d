//! Taxonomies that are too large to be offered at once: a short list, a longer one, then the tree, each in a request of its
//! own that is reserved and booked as any.

use super::wire::{Act, BRANCH};
use super::*;
use crate::lane::LaneKey;
use crate::plan::Grade;
use pg_categorize_core::candidates::Reach;

/// What a request costs.
const REQUEST: i64 = 15_000;

fn scene(script: impl Fn(usize, &Route, &[String]) -> Act + Send + Sync + 'static) -> Scene {
    Scene::new(Wire::new(script), in_lists)
}

/// Titles of which the category with this id is right.
fn titles(of: i32, count: usize) -> Vec<String> {
    (0..).map(|i| format!("title {i}")).filter(|title| wire::right(title) == of).take(count).collect()
}

fn offered(scene: &Scene) -> Vec<Vec<i32>> {
    scene.account.lock().offered.clone()
}

/// What is settled, and for how many inputs in vain.
fn booked(scene: &Scene) -> (i64, usize) {
    let ledger = scene.ledger.lock();
    (ledger.settled.0, ledger.wasted)
}

#[tokio::test(start_paused = true)]
async fn a_list_widens_and_the_tree_is_walked_until_what_is_right_is_found() {
    for (right, lists) in
        [(0, vec![vec![0]]), (1, vec![vec![0], vec![0, 1]]), (2, vec![vec![0], vec![0, 1], vec![BRANCH], vec![2]])]
    {
        let scene = scene(|_, _, _| Act::Answer);
        let mut backend = scene.connect();
        let titles = titles(right, 1);
        let answer = backend.answers(1, &titles).await.remove(0);
        scene.ends().await;
        assert_eq!(offered(&scene), lists);
        // Whoever asks pays for all of it, and the answer is stored with that.
        assert_eq!(answer.cost, REQUEST * lists.len() as i64);
        assert_eq!(booked(&scene), (answer.cost, 0));
        assert!(backend.answers(2, &titles).await[0].known);
        scene.ends().await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_belongs_nowhere_comes_to_an_end_after_both_lists_and_the_top_of_the_tree() {
    for aliens in [1, 10] {
        let scene = scene(|_, _, _| Act::Answer);
        let mut backend = scene.connect();
        let texts = numbered("alien title", aliens);
        backend.ask(1, &texts, PATIENT).await;
        assert!(backend.replies(1, aliens).await.iter().all(|reply| reason(reply) == Reason::NoneOfThese));
        scene.ends().await;
        // They go on together: ten of them need no more requests than one.
        assert_eq!(offered(&scene), [vec![0], vec![0, 1], vec![BRANCH]]);
        assert_eq!(booked(&scene), (3 * REQUEST, 0));
        assert!(scene.ledger.lock().answers.is_empty());
        // It is known from then on, as long as the plan is the same.
        backend.ask(2, &texts, PATIENT).await;
        assert!(backend.replies(2, aliens).await.iter().all(|reply| reason(reply) == Reason::NoneOfThese));
        assert_eq!(scene.sent().len(), 3);
        scene.plans.lock().clear();
        backend.ask(3, &texts, PATIENT).await;
        backend.replies(3, aliens).await;
        scene.ends().await;
        assert_eq!(scene.sent().len(), 6);
    }
}

#[tokio::test(start_paused = true)]
async fn what_leads_to_no_category_goes_to_the_tree_at_once() {
    let scene = scene(|_, _, _| Act::Answer);
    let mut backend = scene.connect();
    let text = (0..).map(|i| format!("zzz {i}")).find(|text| wire::right(text) == 2);
    backend.answers(1, &[text.expect("a text")]).await;
    scene.ends().await;
    assert_eq!(offered(&scene), [vec![BRANCH], vec![0, 1, 2]]);
}

#[tokio::test(start_paused = true)]
async fn what_the_free_tiers_guess_is_on_the_list() {
    let scene = scene(|_, _, _| Act::Answer);
    let mut backend = scene.connect();
    let titles = titles(2, 1);
    let ToGateway::Ask(mut ask) = question(1, "", &titles, PATIENT, 0) else { unreachable!() };
    ask.inputs[0].hints = vec![77, 2];
    backend.say(&ToGateway::Ask(ask)).await;
    answered(&titles[0], backend.replies(1, 1).await.remove(0));
    scene.ends().await;
    assert_eq!(offered(&scene), [vec![2]]);
}

#[tokio::test(start_paused = true)]
async fn inputs_share_a_request_with_those_at_the_same_step() {
    let scene = scene(|_, _, _| Act::Answer);
    let mut backend = scene.connect();
    let all = [titles(0, 3), titles(1, 3), titles(2, 3)].concat();
    backend.answers(1, &all).await;
    scene.ends().await;
    let sizes: Vec<usize> = scene.sent().iter().map(Vec::len).collect();
    assert_eq!((sizes, offered(&scene).len()), (vec![9, 6, 3, 3], 4));
}

#[tokio::test(start_paused = true)]
async fn who_goes_between_the_steps_costs_nothing_more_and_what_is_paid_is_booked() {
    for (after, requests) in [(50, 1), (150, 2), (5, 0)] {
        let scene = scene(|_, _, _| Act::Answer);
        let mut backend = scene.connect();
        backend.ask(1, &titles(2, 2), PATIENT).await;
        tokio::time::sleep(Duration::from_millis(after)).await;
        drop(backend);
        scene.ends().await;
        assert_eq!((scene.sent().len(), booked(&scene).0), (requests, REQUEST * requests as i64));
        // Who asks again goes on from there.
        scene.connect().answers(1, &titles(2, 2)).await;
        scene.ends().await;
        assert_eq!(offered(&scene), [vec![0], vec![0, 1], vec![BRANCH], vec![2]]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_budget_that_is_spent_between_the_steps_refuses_and_keeps_the_books() {
    let scene = scene(|_, _, _| Act::Answer);
    // A request costs 15,000 and reserves 150,000.
    scene.ledger.lock().budget = 160_000;
    let mut backend = scene.connect();
    backend.ask(1, &titles(2, 1), PATIENT).await;
    assert_eq!(reason(&backend.replies(1, 1).await[0]), Reason::BudgetExceeded);
    scene.ends().await;
    assert_eq!((scene.sent().len(), booked(&scene).0), (1, REQUEST));
    scene.ledger.lock().budget = i64::MAX;
    backend.answers(2, &titles(2, 1)).await;
    scene.ends().await;
    assert_eq!(offered(&scene), [vec![0], vec![0, 1], vec![BRANCH], vec![2]]);
}

#[tokio::test(start_paused = true)]
async fn patience_that_ends_between_the_steps_is_told_as_such() {
    let scene = scene(|_, _, _| Act::Answer);
    let mut backend = scene.connect();
    let titles = titles(2, 1);
    backend.ask(1, &titles, Duration::from_millis(250)).await;
    assert_eq!(reason(&backend.replies(1, 1).await[0]), Reason::Timeout);
    scene.ends().await;
    let sent = scene.sent().len();
    assert_eq!(scene.ledger.lock().settled.0, REQUEST * sent as i64);
}

#[tokio::test(start_paused = true)]
async fn a_category_that_was_not_offered_is_asked_about_once_more_with_it_on_the_list() {
    let scene = scene(|nth, _, _| if nth == 0 { Act::NotOffered(2) } else { Act::Answer });
    let mut backend = scene.connect();
    backend.answers(1, &titles(2, 1)).await;
    scene.ends().await;
    assert_eq!(offered(&scene), [vec![0], vec![0, 2]]);
    // What is none of the taxonomy is asked again as it was, and then is no answer.
    let scene = self::scene(|_, _, _| Act::NotOffered(99));
    let mut backend = scene.connect();
    backend.ask(1, &titles(2, 1), PATIENT).await;
    assert_eq!(reason(&backend.replies(1, 1).await[0]), Reason::InvalidAnswer);
    scene.ends().await;
    assert_eq!(offered(&scene), [vec![0], vec![0]]);
}

#[tokio::test(start_paused = true)]
async fn the_strong_model_chooses_from_the_long_list_with_what_the_cheap_one_found_in_the_tree() {
    let script = |_: usize, route: &Route, _: &[String]| match route.model.name.as_str() {
        "strong" => Act::Answer,
        _ => Act::Unsure,
    };
    let scene = Scene::new(Wire::new(script), |plan| {
        in_lists(plan);
        plan.strong = vec![Arc::new(route(2, "strong"))];
    });
    let mut backend = scene.connect();
    let answer = backend.answers(1, &titles(2, 1)).await.remove(0);
    scene.ends().await;
    assert!(answer.upgraded && answer.cost == 5 * REQUEST);
    assert_eq!(offered(&scene)[3..], [vec![2], vec![0, 1, 2]]);
}

#[tokio::test(start_paused = true)]
async fn what_the_cheap_model_finds_nowhere_the_strong_one_looks_for_on_the_long_list_and_in_the_tree() {
    let script = |_: usize, route: &Route, _: &[String]| match route.model.name.as_str() {
        "strong" => Act::Answer,
        _ => Act::NoneFits,
    };
    let scene = Scene::new(Wire::new(script), |plan| {
        in_lists(plan);
        (plan.strong, plan.upgrade_below) = (vec![Arc::new(route(2, "strong"))], 0.99);
    });
    let mut backend = scene.connect();
    let answer = backend.answers(1, &titles(2, 1)).await.remove(0);
    scene.ends().await;
    assert!(answer.upgraded && answer.cost == 6 * REQUEST, "{answer:?}");
    assert_eq!(offered(&scene)[3..], [vec![0, 1], vec![BRANCH], vec![2]]);
}

#[tokio::test(start_paused = true)]
async fn a_way_down_is_as_sure_as_all_of_it() {
    let scene = scene(|_, _, _| Act::Answer);
    let mut backend = scene.connect();
    let sure = backend.answers(1, &titles(0, 1)).await.remove(0);
    let walked = backend.answers(2, &titles(2, 1)).await.remove(0);
    scene.ends().await;
    let raw = |answer: &Answered| answer.grounds.as_ref().expect("grounds").raw_confidence;
    // Both of its branches were said with nine of ten.
    assert!((raw(&sure) - 0.9).abs() < 1e-6 && (raw(&walked) - 0.81).abs() < 1e-6);
}

#[tokio::test(start_paused = true)]
async fn a_plan_that_changes_between_the_steps_goes_on_where_it_was() {
    let scene = scene(|_, _, _| Act::Answer);
    let mut backend = scene.connect();
    backend.ask(1, &titles(2, 1), PATIENT).await;
    // The short list has been answered, and the long one waits for company.
    tokio::time::sleep(Duration::from_millis(115)).await;
    assert_eq!(scene.sent().len(), 1);
    scene.plans.lock().clear();
    backend.replies(1, 1).await;
    scene.ends().await;
    assert_eq!(offered(&scene), [vec![0], vec![0, 1], vec![BRANCH], vec![2]]);
}

#[test]
fn a_lane_is_fed_by_those_before_it() {
    let key = LaneKey { serial: 1, tenant: "".into(), grade: Grade::Strong, reach: Reach::Short };
    let feeding = key.others().filter(|(_, feeds)| *feeds);
    let grades = [[Grade::Vectors; 3], [Grade::Cheap; 3]].concat();
    assert!(feeding.map(|(other, _)| other.grade).eq(grades));
}
