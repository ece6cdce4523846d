//! Chance: faults, cancels and hang-ups in every order. Whatever happens, each attempt is reserved once and closed once,
//! the provider charges nothing that is not in the ledger, and nobody waits for ever.

use super::wire::Act;
use super::*;
use crate::provider::{Charge, FailureClass};
use crate::store::Refusal;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

const CLASSES: [FailureClass; 10] = [
    FailureClass::NotSent,
    FailureClass::RateLimited,
    FailureClass::Stopped,
    FailureClass::ContextOverflow,
    FailureClass::Rejected,
    FailureClass::ServerError,
    FailureClass::Overloaded,
    FailureClass::TimedOut,
    FailureClass::Cut,
    FailureClass::Unreadable,
];

fn any_act(random: &mut StdRng, inputs: usize) -> Act {
    match random.random_range(0..20) {
        0 => Act::Hang,
        1 => Act::Wrong,
        2 if random.random_bool(0.5) => Act::NotOffered(random.random_range(0..12)),
        2 => Act::NoneFits,
        3 => Act::NoUsage,
        4 | 5 => Act::Without((0..inputs).filter(|_| random.random_bool(0.3)).collect()),
        6..=9 => {
            let class = CLASSES[random.random_range(0..CLASSES.len())];
            let unbilled = matches!(
                class,
                FailureClass::NotSent
                    | FailureClass::RateLimited
                    | FailureClass::Rejected
                    | FailureClass::ContextOverflow
            );
            let charge = if unbilled { Charge::None } else { Charge::Unknown };
            let after = random.random_bool(0.3).then(|| Duration::from_millis(random.random_range(0..5000)));
            Act::Fail(class, charge, after)
        }
        10..=12 => Act::Unsure,
        _ => Act::Answer,
    }
}

async fn one_day(seed: u64) {
    let weather = Mutex::new(StdRng::seed_from_u64(seed));
    let mut wire = Wire::new(move |_, _, texts| any_act(&mut weather.lock(), texts.len()));
    let mut random = StdRng::seed_from_u64(!seed);
    wire.latency = Duration::from_millis(random.random_range(1..3000));
    let (pack_size, in_flight) = (random.random_range(1..12), random.random_range(1..6));
    let (near_duplicates, has_strong) = (random.random_bool(0.5), random.random_bool(0.7));
    let (lists, compares) = (random.random_bool(0.5), random.random_bool(0.5));
    let scene = Scene::bounded(wire, random.random_range(20..200), move |plan| {
        (plan.pack_size, plan.in_flight, plan.near_duplicates) = (pack_size, in_flight, near_duplicates);
        plan.routes.push(Arc::new(route(2, "dear")));
        if lists {
            in_lists(plan);
        }
        if compares {
            plan.vectors = Some(Arc::new(comparing::vectors(plan)));
        }
        if has_strong {
            plan.strong = vec![Arc::new(route(1, "strong")), Arc::new(route(3, "other strong"))];
        }
    });
    {
        let mut ledger = scene.ledger.lock();
        ledger.shelf.comparable = Some(4);
        ledger.shelf.is_near = |text| text.ends_with('7');
        ledger.budget = random.random_range(500_000..50_000_000);
        ledger.slow = random.random_bool(0.5).then(|| Duration::from_millis(random.random_range(0..30)));
    }
    let mut backends = Vec::new();
    for i in 0..random.random_range(1..8) {
        let mut random = StdRng::seed_from_u64(seed.wrapping_mul(31).wrapping_add(i));
        let mut backend = scene.connect();
        backends.push(tokio::spawn(async move {
            for request in 0..random.random_range(1..6) {
                let count = random.random_range(1..40);
                let texts: Vec<_> = (0..count).map(|_| format!("title {}", random.random_range(0..60))).collect();
                let patience = Duration::from_millis(random.random_range(0..20_000));
                let tenant = if random.random_bool(0.2) { "other" } else { "" };
                backend.say(&question(request, tenant, &texts, patience, backend.query_id)).await;
                let pause = Duration::from_millis(random.random_range(0..8000));
                match random.random_range(0..5) {
                    0 => {
                        tokio::time::sleep(pause).await;
                        return;
                    }
                    1 => {
                        tokio::time::sleep(pause).await;
                        backend.say(&ToGateway::Cancel { request }).await;
                        // What was on its way may still come.
                        return;
                    }
                    _ => {
                        for (text, reply) in texts.iter().zip(backend.replies(request, texts.len()).await) {
                            if let Reply::Answered(_) = reply {
                                answered(text, reply);
                            }
                        }
                    }
                }
            }
        }));
    }
    if random.random_bool(0.2) {
        tokio::time::sleep(Duration::from_millis(random.random_range(0..5000))).await;
        scene.desk.switch.send_modify(|switch| switch.external = false);
        scene.desk.refuse_all(&Refusal::new(Reason::ExternalOff), true);
    }
    for backend in backends {
        backend.await.expect("a backend is content");
    }
    scene.ends().await;
    let ledger = scene.ledger.lock();
    assert!(ledger.held() <= ledger.budget, "seed {seed}");
    assert_eq!(scene.account.lock().charged, ledger.settled.0, "seed {seed}");
    assert!(ledger.shelf.bought.values().all(|times| *times == 1), "a vector is stored twice, seed {seed}");
    for (key, paid) in &ledger.paid {
        assert_eq!(*paid, 1, "{key:?} is paid {paid} times, seed {seed}");
    }
}

#[test]
fn whatever_happens_the_ledger_is_exact_and_nobody_waits_for_ever() {
    for seed in 0..200 {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
        runtime.expect("a runtime").block_on(async {
            let day = tokio::time::timeout(PATIENT * 24, one_day(seed));
            day.await.unwrap_or_else(|_| panic!("seed {seed} does not end"));
        });
    }
}
