//! Batches at llmock, whose life cycles of OpenAI's and Anthropic's others have written. A batch takes three seconds there,
//! and its answers heed no schema: what counts is that each is created once, found, polled, read to its end and paid.

use super::store::{Memory, MemoryStore};
use super::{route, say, shop};
use pg_categorize_core::batch::{Moment, Pace, State};
use pg_categorize_core::fingerprint::{Audience, Fingerprinter, Target};
use pg_categorize_core::normalise::Case;
use pg_categorize_gateway::batches::{Driver, Waiting};
use pg_categorize_gateway::plan::{AnswerMode, Plan, ProviderKind};
use pg_categorize_gateway::provider::Http;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Inputs of each provider, in packs of five.
const INPUTS: usize = 20;

pub async fn take_their_course(url: &str) {
    for (kind, path, model) in
        [(ProviderKind::OpenAi, "/v1", "gpt-4o-mini"), (ProviderKind::Anthropic, "/anthropic", "claude-haiku-4-5")]
    {
        let route = Arc::new(route(&format!("{url}{path}"), kind, AnswerMode::JsonSchema, model));
        let plan = Arc::new(Plan { pack_size: 5, ..Plan::new(shop(), vec![route.clone()]) });
        let fingerprinter = Fingerprinter::new(Audience::Tenant(""), Target::Taxonomy(1), Case::Folded);
        let job = |number: usize| {
            let text = format!("title {number}");
            let fingerprint = fingerprinter.fingerprint(&text);
            (route.provider.id, Waiting { job: number as i64, fingerprint, text, plan: plan.clone() })
        };
        let memory = Arc::new(Memory::new(vec![route.clone()], (0..INPUTS).map(job).collect(), 0));
        let store = MemoryStore::new(memory.clone(), 0.0);
        let driver = Driver::new(store, Arc::new(Http::new()), now, Pace { poll: Duration::from_secs(1) });
        driver.build(&route).await.expect("a batch");
        let mut passes = 0;
        while memory.look(|data| data.batches.values().any(|kept| !kept.record.state.is_final())) {
            let pass = driver.pass().await.expect("a pass");
            passes += 1;
            assert!(passes < 200, "{kind:?} never ends");
            if pass.steps == 0 {
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        }
        memory.look(|data| {
            let kept = &data.batches[&1];
            assert_eq!((kept.record.state, kept.record.short_readings), (State::Done, 0), "{kind:?}");
            assert!(data.ledger.settled > 0 && data.ledger.reserved == 0 && data.ledger.in_doubt == 0, "{kind:?}");
            say(&format!("batch {}: {:?}", kept.record.remote.as_deref().unwrap_or_default(), data.ledger));
        });
    }
}

fn now() -> Moment {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970");
    Moment(since.as_secs() as i64)
}
