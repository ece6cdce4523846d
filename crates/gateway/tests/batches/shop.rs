//! A shop whose titles have labels that are known.

use pg_categorize_core::batch::{Moment, Pace};
use pg_categorize_core::choices::{Choice, Choices};
use pg_categorize_core::fingerprint::{Audience, Fingerprinter, Target};
use pg_categorize_core::money::Rate;
use pg_categorize_core::normalise::Case;
use pg_categorize_core::price::{Price, Rates};
use pg_categorize_fake_llm::{BatchConfig, Config, FakeLlm, Faults};
use pg_categorize_gateway::batches::{Driver, Waiting};
use pg_categorize_gateway::plan::{Abilities, AnswerMode, Model, Plan, PriceRow, Provider, ProviderKind, Route};
use pg_categorize_gateway::provider::Http;
use pg_categorize_gateway::secret::Secret;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::store::{Memory, MemoryStore};

pub const KINDS: [ProviderKind; 3] = [ProviderKind::OpenAi, ProviderKind::Anthropic, ProviderKind::Gemini];
pub const LABELS: [&str; 4] = ["Toys", "Books", "Garden > Tools", "Kitchen"];

/// 2026-11-22T00:00:00Z.
const BEGIN: Duration = Duration::from_secs(1_795_305_600);

pub struct Shop {
    pub server: Arc<FakeLlm>,
    pub routes: Vec<Arc<Route>>,
    pub memory: Arc<Memory>,
    http: Arc<Http>,
}

/// A title and the category that it has.
pub fn title(provider: usize, number: usize) -> (String, i32) {
    let category = (number * 7 + provider) % LABELS.len();
    (format!("thing {number} of shelf {provider}"), category as i32)
}

impl Shop {
    /// So many titles for each of the three providers, in packs of five.
    pub async fn new(titles: usize, seed: u64, batches: BatchConfig, faults: Faults) -> Self {
        let mut labels = HashMap::new();
        for provider in 0..KINDS.len() {
            for number in 0..titles {
                let (text, category) = title(provider, number);
                labels.insert(text, LABELS[category as usize].to_owned());
            }
        }
        let stands_at = Some(UNIX_EPOCH + BEGIN);
        let config = Config {
            labels: Arc::new(labels),
            seed,
            batches,
            faults,
            stands_at,
            keep_requests: false,
            ..Config::default()
        };
        let server = Arc::new(FakeLlm::start(config).await);
        let routes: Vec<_> = KINDS.iter().enumerate().map(|(at, kind)| Arc::new(route(&server, at, *kind))).collect();
        let choice = |(id, label): (usize, &&str)| Choice { id: id as i32, label: (*label).into(), description: None };
        let choices = Choices::new(LABELS.iter().enumerate().map(choice).collect());
        let mut plan = Plan::new(choices, routes.clone());
        plan.pack_size = 5;
        let plan = Arc::new(plan);
        let fingerprinter = Fingerprinter::new(Audience::Tenant(""), Target::Taxonomy(1), Case::Folded);
        let mut jobs = Vec::new();
        for provider in 0..KINDS.len() {
            for number in 0..titles {
                let (text, _) = title(provider, number);
                let (job, fingerprint) = (jobs.len() as i64, fingerprinter.fingerprint(&text));
                jobs.push((provider as i32, Waiting { job, fingerprint, text, plan: plan.clone() }));
            }
        }
        let memory = Arc::new(Memory::new(routes.clone(), jobs, seed));
        Self { server, memory, routes, http: Arc::new(Http::new()) }
    }

    /// A driver that dies with this probability at each question to the store.
    pub fn driver(&self, death: f64) -> Driver<MemoryStore, impl Fn() -> Moment + Send + Sync + use<>> {
        let server = self.server.clone();
        let clock = move || moment(server.now());
        let store = MemoryStore::new(self.memory.clone(), death);
        Driver::new(store, self.http.clone(), clock, Pace { poll: Duration::from_secs(600) })
    }

    pub fn now(&self) -> Moment {
        moment(self.server.now())
    }
}

fn moment(time: SystemTime) -> Moment {
    Moment(time.duration_since(UNIX_EPOCH).unwrap().as_secs() as i64)
}

/// Half of what the fake provider charges live for any model.
pub fn price() -> Price {
    let (input, output) = (Rate(50_000_000), Rate(250_000_000));
    let rates = Rates { input, cached_input: input, cache_write: input, cache_write_long: input, output };
    Price { rates, long: None }
}

fn route(server: &FakeLlm, id: usize, kind: ProviderKind) -> Route {
    let (path, model) = match kind {
        ProviderKind::Anthropic => ("", "claude-haiku-5-5"),
        ProviderKind::Gemini => ("/v1beta", "gemini-2.5-flash-lite"),
        _ => ("/v1", "gpt-6-luna"),
    };
    let abilities = Abilities {
        instruction_role: "developer".into(),
        max_tokens_field: "max_completion_tokens".into(),
        openai_extras: true,
    };
    let provider = Provider {
        id: id as i32,
        name: model.into(),
        kind,
        base_url: server.url() + path,
        private_allowed: true,
        key: Some(Secret::new("sk-hidden".into())),
        abilities,
        requests_per_minute: None,
        tokens_per_minute: None,
    };
    let mut model = Model::new(model, AnswerMode::JsonSchema);
    model.reasoning_effort = Some("none".into());
    Route::new(provider, model, Some(PriceRow { id: 1, price: price() }))
}
