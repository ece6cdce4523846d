//! Vectors of what is known, bought in the background: texts that lack theirs are sent in packs, one after the other, as long
//! as there is money and a provider that works. It sleeps until somebody says that there may be more.

mod making;
mod purchase;

pub(crate) use purchase::{Bought, Pack, buy};

use crate::ask::Counted;
use crate::desk::Desk;
use crate::embeddings::APPLICATION;
use crate::store::{LackVectors, Refusal};
use crate::switch::{Phase, Switch};
use hashbrown::HashMap;
use pg_categorize_core::cascade::Reason;
use pg_categorize_core::fingerprint::Fingerprint;
use pg_categorize_core::frame::Asker;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::watch;

/// How long what was refused rests, where it may pass by itself.
const REST: Duration = Duration::from_secs(60);

/// As [`REST`], where it was the database's fault: an index is being built, or somebody locks a table.
const SHORT_REST: Duration = Duration::from_secs(5);

/// Single texts, one after the other, that a provider turns down before it is taken to turn down all.
const MOST_REJECTED: usize = 3;

/// Buys vectors until the gateway stops.
pub(crate) async fn run(desk: Arc<Desk>) {
    let mut switch = desk.switch.subscribe();
    // Until when plans rest of which nothing could be bought, by their serials: that there may be more texts is no reason to
    // try, and perhaps to pay, again.
    let mut resting = HashMap::new();
    loop {
        round(&desk, &mut switch, &mut resting).await;
        let now = desk.clock.now();
        let rest = resting.values().min().map(|until| until.saturating_sub(now));
        if switch.borrow_and_update().phase > Phase::Running {
            return;
        }
        // What may pass by itself is waited for: the gateway does not leave before it.
        let waits = rest.map(|_| Counted::new(&desk.asks));
        tokio::select! {
            () = desk.vectors_wanted.notified() => {}
            () = tokio::time::sleep(rest.unwrap_or(Duration::MAX)), if rest.is_some() => {}
            changed = switch.changed() => if changed.is_err() { return },
        }
        drop(waits);
    }
}

/// Buys all that can be bought now, but for what rests. Notes what is worth another try that needs nobody's doing.
async fn round(desk: &Arc<Desk>, switch: &mut watch::Receiver<Switch>, resting: &mut HashMap<u64, Duration>) {
    let now = desk.clock.now();
    let anew = desk.vectors_anew.swap(false, Ordering::Relaxed);
    resting.retain(|_, until| *until > now && !anew);
    let (mut held, mut rejected): (Vec<u64>, usize) = (resting.keys().copied().collect(), 0);
    while switch.borrow_and_update().refuses_new().is_none() {
        let Ok(Some(lack)) = desk.store.lack_vectors(held.clone()).await else { break };
        let _busy = Counted::new(&desk.asks);
        if let Err(refusal) = work(desk, switch, &lack, &mut rejected).await {
            held.push(lack.plan.serial);
            if let Some(rest) = rest_after(refusal.reason) {
                resting.insert(lack.plan.serial, desk.clock.now() + rest);
            }
            desk.store.hold_vectors(lack.plan, refusal);
            rejected = 0;
        }
    }
}

/// How long what was refused rests; `None` where it does not pass without anybody's doing.
fn rest_after(reason: Reason) -> Option<Duration> {
    match reason {
        Reason::GatewayDown => Some(SHORT_REST),
        Reason::BudgetExceeded
        | Reason::RateLimited
        | Reason::BreakerOpen
        | Reason::Timeout
        | Reason::ProviderError => Some(REST),
        _ => None,
    }
}

/// Buys the vectors of these; in parts where they are too many for one request. `rejected` are single texts that were turned
/// down since one was bought.
async fn work(
    desk: &Arc<Desk>,
    switch: &mut watch::Receiver<Switch>,
    lack: &LackVectors,
    rejected: &mut usize,
) -> Result<(), Refusal> {
    if let Some(refusal) = &lack.refusal {
        return Err(refusal.clone());
    }
    // They wait for a batch; what is next is asked for.
    if lack.texts.is_empty() {
        return Ok(());
    }
    // How long the vectors of a model are it tells with the first: that nobody can use them should cost next to nothing.
    // Where it turns that one down, it is the text's fault if it takes one of the next.
    let is_first = lack.length.is_none();
    let mut parts: Vec<&[_]> = match is_first {
        true => lack.texts.chunks(1).take(MOST_REJECTED).rev().collect(),
        false => vec![&lack.texts[..]],
    };
    let keys = |part: &[(Fingerprint, String)]| part.iter().map(|(key, _)| *key).collect::<Vec<_>>();
    let mut suspects = Vec::new();
    while let Some(part) = parts.pop() {
        let payers = || Some(vec![Asker { application: APPLICATION.to_owned(), ..Asker::default() }; part.len()]);
        let texts: Vec<(_, &str)> = part.iter().map(|(key, text)| (*key, text.as_str())).collect();
        let (length, patience) = (lack.length, REST);
        let pack = Pack { plan: &lack.plan, texts: &texts, payers: &payers, length, patience, haste: None };
        match buy(desk, switch, &pack).await {
            Bought::Vectors(..) => {
                *rejected = 0;
                if is_first {
                    if !suspects.is_empty() {
                        desk.store.no_vectors(lack.plan.clone(), suspects);
                    }
                    // What is left of it comes with what is asked for next.
                    return Ok(());
                }
            }
            // What is left of it comes with what is asked for next.
            Bought::Outdated | Bought::Unwanted => return Ok(()),
            Bought::TooMuch | Bought::Rejected(_) if part.len() > 1 => {
                let (one, other) = part.split_at(part.len() / 2);
                parts.extend([other, one]);
            }
            Bought::TooMuch => desk.store.no_vectors(lack.plan.clone(), keys(part)),
            Bought::Rejected(refusal) => {
                *rejected += 1;
                if *rejected >= MOST_REJECTED || is_first && parts.is_empty() {
                    return Err(refusal);
                }
                match is_first {
                    true => suspects.extend(keys(part)),
                    false => desk.store.no_vectors(lack.plan.clone(), keys(part)),
                }
            }
            Bought::Refused(refusal) => return Err(refusal),
        }
    }
    Ok(())
}
