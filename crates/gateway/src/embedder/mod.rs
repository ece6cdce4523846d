//! Vectors of what is known, bought in the background: texts that lack theirs are sent in packs, one after the other, as long
//! as there is money and a provider that works. It sleeps until somebody says that there may be more.

mod purchase;

use crate::ask::Counted;
use crate::desk::Desk;
use crate::store::{LackVectors, Refusal};
use crate::switch::{Phase, Switch};
use pg_categorize_core::cascade::Reason;
use pg_categorize_core::frame::Asker;
use purchase::{Bought, Pack, buy};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// How long what was refused rests, where it may pass by itself.
const REST: Duration = Duration::from_secs(60);

/// Who pays for vectors of what is known, as the ledger tells it: no statement waits for them.
const APPLICATION: &str = "pg_categorize embeddings";

/// Buys vectors until the gateway stops.
pub(crate) async fn run(desk: Arc<Desk>) {
    let mut switch = desk.switch.subscribe();
    loop {
        let rest = round(&desk, &mut switch).await;
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

/// Buys all that can be bought now. Tells when it is worth another try where that needs nobody's doing.
async fn round(desk: &Arc<Desk>, switch: &mut watch::Receiver<Switch>) -> Option<Duration> {
    let (mut held, mut rest) = (Vec::new(), None);
    while switch.borrow_and_update().refuses_new().is_none() {
        let Ok(Some(lack)) = desk.store.lack_vectors(held.clone()).await else { break };
        let _busy = Counted::new(&desk.asks);
        if let Err(refusal) = work(desk, switch, &lack).await {
            held.push(lack.plan.serial);
            if passes(refusal.reason) {
                rest = Some(REST);
            }
            desk.store.hold_vectors(lack.plan, refusal);
        }
    }
    rest
}

/// Whether a reason may cease to be one without anybody's doing.
fn passes(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::BudgetExceeded | Reason::RateLimited | Reason::BreakerOpen | Reason::Timeout | Reason::ProviderError
    )
}

/// Buys the vectors of these; in parts where they are too many for one request.
async fn work(desk: &Arc<Desk>, switch: &mut watch::Receiver<Switch>, lack: &LackVectors) -> Result<(), Refusal> {
    // How long the vectors of a model are it tells with the first: that nobody can use them should cost next to nothing.
    let first = if lack.length.is_none() { 1 } else { lack.texts.len() };
    let mut parts = vec![&lack.texts[..first.min(lack.texts.len())]];
    while let Some(part) = parts.pop() {
        let askers = vec![Asker { application: APPLICATION.to_owned(), ..Asker::default() }; part.len()];
        let texts: Vec<(_, &str)> = part.iter().map(|(key, text)| (*key, text.as_str())).collect();
        let pack = Pack { plan: &lack.plan, texts: &texts, askers: &askers, length: lack.length, patience: REST };
        match buy(desk, switch, &pack).await {
            Bought::Stored => {}
            // What is left of it comes with what is asked for next.
            Bought::Outdated => return Ok(()),
            Bought::TooMuch if part.len() > 1 => {
                let (one, other) = part.split_at(part.len() / 2);
                parts.extend([other, one]);
            }
            Bought::TooMuch => desk.store.no_vectors(lack.plan.clone(), part.iter().map(|(key, _)| *key).collect()),
            Bought::Refused(refusal) => return Err(refusal),
        }
    }
    Ok(())
}
