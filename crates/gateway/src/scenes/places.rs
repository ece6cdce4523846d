//! Who goes when, and to whom: limits are for those who have money, and plans for as long as they hold.

use super::wire::Act;
use super::*;

#[tokio::test(start_paused = true)]
async fn who_has_no_money_takes_no_place_of_others() {
    let scene = Scene::new(Wire::new(|_, _, _| Act::Answer), |plan| {
        plan.pack_size = 1;
        let mut route = route(1, "cheap");
        route.provider.requests_per_minute = Some(600);
        plan.routes = vec![Arc::new(route)];
    });
    let (mut poor, mut rich) = (scene.connect(), scene.connect());
    let titles = numbered("title", 300);
    poor.say(&question(1, ledger::POOR, &titles, PATIENT, 1)).await;
    let refused = poor.replies(1, 300).await;
    assert!(refused.iter().all(|reply| reason(reply) == Reason::BudgetExceeded));
    // A bucket of 60 is full: nobody has taken anything of it.
    let began = tokio::time::Instant::now();
    rich.answers(1, &numbered("title", 60)).await;
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    scene.ends().await;
}

#[tokio::test(start_paused = true)]
async fn requests_that_choose_at_once_spread_over_the_providers() {
    let scene = Scene::new(Wire::new(|_, _, _| Act::Answer), |plan| {
        plan.pack_size = 1;
        plan.in_flight = 200;
        plan.routes = (1..=3).map(|id| Arc::new(route(id, &format!("model {id}")))).collect();
        for route in &mut plan.routes {
            if let Some(route) = Arc::get_mut(route) {
                route.provider.requests_per_minute = Some(600);
            }
        }
    });
    let began = tokio::time::Instant::now();
    scene.connect().answers(1, &numbered("title", 180)).await;
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    scene.ends().await;
}

#[tokio::test(start_paused = true)]
async fn what_waits_under_a_plan_that_changed_is_looked_up_again() {
    let scene = Scene::new(Wire::new(|_, _, _| Act::Answer), |plan| {
        plan.near_duplicates = true;
        plan.pack_wait = Duration::from_secs(1);
        plan.routes = vec![Arc::new(route(1, if plan.serial == 0 { "former" } else { "latter" }))];
    });
    let mut backend = scene.connect();
    let titles = numbered("title", 5);
    backend.ask(1, &titles, PATIENT).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    scene.plans.lock().clear();
    let replies = backend.replies(1, 5).await;
    titles.iter().zip(replies).for_each(|(text, reply)| _ = answered(text, reply));
    scene.ends().await;
    let models: Vec<_> = scene.account.lock().sent.iter().map(|(model, _)| model.clone()).collect();
    assert_eq!(models, ["latter"]);
}
