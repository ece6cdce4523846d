//! The gateway as backends, the store and providers see it, in a time that passes only when nothing else can happen.

mod asking;
mod audits;
mod comparing;
mod embeddings;
mod faults;
mod frames;
mod ledger;
mod lists;
mod nights;
mod packing;
mod places;
mod shelf;
mod stopping;
mod upgrades;
mod weather;
mod wire;

use crate::connection;
use crate::desk::{Bounds, Desk};
use crate::plan::{Abilities, AnswerMode, Model, Plan, PriceRow, Provider, ProviderKind, Route};
use crate::switch::{Phase, Switch};
use ledger::Ledger;
use parking_lot::Mutex;
use pg_categorize_core::candidates::{Candidates, Node, Retriever, Tree};
use pg_categorize_core::cascade::{CategoryId, Reason};
use pg_categorize_core::choices::{Choice, Choices};
use pg_categorize_core::fingerprint::Fingerprint;
use pg_categorize_core::frame::{self, Answered, Ask, Asker, HEADER_BYTES, Input, Reply, Target, ToBackend, ToGateway};
use pg_categorize_core::image::Image;
use pg_categorize_core::money::Rate;
use pg_categorize_core::price::{Price, Rates};
use std::collections::BTreeMap;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use wire::{Account, Wire};

/// Longer than anything in a scene takes.
const PATIENT: Duration = Duration::from_secs(3600);

/// Bytes of images that a desk holds: those of some two hundred photos.
const IMAGE_BYTES: usize = 6000;

fn route(id: i32, model: &str) -> Route {
    let rates = Rates {
        input: Rate(100_000_000),
        cached_input: Rate(10_000_000),
        cache_write: Rate(100_000_000),
        cache_write_long: Rate(100_000_000),
        output: Rate(500_000_000),
    };
    let provider = Provider {
        id,
        name: format!("provider {id}"),
        kind: ProviderKind::OpenAi,
        base_url: "http://localhost".into(),
        private_allowed: true,
        key: None,
        abilities: Abilities {
            instruction_role: "system".into(),
            max_tokens_field: "max_tokens".into(),
            openai_extras: false,
        },
        requests_per_minute: None,
        tokens_per_minute: None,
    };
    Route::new(
        provider,
        Model::new(model, AnswerMode::JsonSchema),
        Some(PriceRow { id: 1, price: Price { rates, long: None } }),
    )
}

/// A plan of one route, ten inputs a request.
fn plan() -> Plan {
    let choices = ["a", "b", "c"].iter().zip(0..);
    let choices = choices.map(|(label, id)| Choice { id, label: label.to_string(), description: None }).collect();
    let routes = vec![Arc::new(route(1, "cheap"))];
    Plan { taxonomy: Some(1), taxonomy_version: 1, soft_confidence: 0.3, ..Plan::new(Choices::new(choices), routes) }
}

/// Finds the first two categories for whatever is a title, and nothing for anything else.
#[derive(Debug)]
struct FirstTwo;

impl Retriever for FirstTwo {
    fn shortlist(&self, text: &str, hints: &[CategoryId], most: usize) -> Vec<CategoryId> {
        let found = [0, 1].into_iter().filter(|_| text.contains("title"));
        hints.iter().copied().filter(|id| (0..3).contains(id)).chain(found).take(most).collect()
    }
}

/// The same categories in lists of one. The third can only be found by way of the branch to which all belong.
fn in_lists(plan: &mut Plan) {
    let leaf = |choice: &Choice| Node { id: choice.id, parent: Some(wire::BRANCH), path: choice.label.clone() };
    let branch = Node { id: wire::BRANCH, parent: None, path: "all".into() };
    let tree = Tree::new(plan.choices.list().iter().map(leaf).chain([branch]).collect());
    plan.candidates = Some(Arc::new(Candidates::new(plan.choices.clone(), tree, Box::new(FirstTwo), 1)));
}

struct Scene {
    desk: Arc<Desk>,
    ledger: Arc<Mutex<Ledger>>,
    account: Arc<Mutex<Account>>,
    connections: AtomicU64,
    /// The plans that hold now; whoever empties it has them made anew.
    plans: Arc<Mutex<BTreeMap<String, Arc<Plan>>>>,
}

impl Scene {
    /// Each tenant has a plan of its own, made by `change`.
    fn new(wire: Wire, change: impl Fn(&mut Plan) + Send + 'static) -> Self {
        Self::bounded(wire, 100_000, change)
    }

    fn bounded(wire: Wire, max_flights: usize, change: impl Fn(&mut Plan) + Send + 'static) -> Self {
        let plans: Arc<Mutex<BTreeMap<String, Arc<Plan>>>> = Arc::default();
        let (kept, serial) = (plans.clone(), AtomicU64::new(0));
        let plan_of = move |tenant: &str| {
            let mut plans = kept.lock();
            plans
                .entry(tenant.to_owned())
                .or_insert_with(|| {
                    let serial = serial.fetch_add(1, Ordering::Relaxed);
                    let mut plan = Plan { serial, tenant: tenant.to_owned(), ..plan() };
                    change(&mut plan);
                    Arc::new(plan)
                })
                .clone()
        };
        let (ledger, store) = Ledger::new(Box::new(plan_of)).serve();
        let account = wire.account.clone();
        let switch = Switch { external: true, phase: Phase::Running };
        let bounds = Bounds { flights: max_flights, image_bytes: IMAGE_BYTES };
        let desk = Arc::new(Desk::new(store, Arc::new(wire), switch, bounds));
        Self { desk, ledger, account, connections: AtomicU64::new(0), plans }
    }

    fn connect(&self) -> Backend {
        let (ours, theirs) = UnixStream::pair().expect("a pair of sockets");
        let connection = self.connections.fetch_add(1, Ordering::Relaxed);
        tokio::spawn(connection::serve(self.desk.clone(), theirs, connection));
        Backend { stream: ours, query_id: connection as i64 }
    }

    /// Texts of all requests, in the order of sending.
    fn sent(&self) -> Vec<Vec<String>> {
        self.account.lock().sent.iter().map(|(_, texts)| texts.clone()).collect()
    }

    /// Waits until nothing is under way, and checks that nothing is left and nothing went wrong.
    async fn ends(&self) {
        let over = || self.desk.business().0 == 0 && self.desk.attempts.load(Ordering::Relaxed) == 0;
        for _ in 0..100_000 {
            if over() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        // What was said last may still be on its way to the store.
        tokio::time::sleep(Duration::from_secs(1)).await;
        let (ledger, account) = (self.ledger.lock(), self.account.lock());
        assert!(over(), "something is still under way");
        assert_eq!(ledger.faults, Vec::<String>::new());
        assert_eq!(account.faults, Vec::<String>::new());
        assert!(ledger.unsure.is_empty(), "answers that nobody confirmed: {:?}", ledger.unsure);
        assert!(ledger.open.is_empty(), "attempts are open: {:?}", ledger.open);
        assert_eq!(ledger.closings, ledger.attempts as usize);
        assert_eq!(self.desk.health.lock().in_flight(), 0);
        assert!(self.desk.is_clear(), "a lane or a flight is left");
        assert_eq!(self.desk.album.bytes(), 0, "an image is left");
    }
}

struct Backend {
    stream: UnixStream,
    query_id: i64,
}

fn fingerprint(tenant: &str, text: &str) -> Fingerprint {
    let mut bytes = [0; 32];
    for (at, chunk) in bytes.chunks_mut(8).enumerate() {
        let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one((at, tenant, text));
        chunk.copy_from_slice(&hash.to_le_bytes());
    }
    Fingerprint(bytes)
}

/// Titles that begin so come with an image.
fn shown(text: &str) -> Option<Image> {
    Image::new(&[b"GIF89a", text.as_bytes()].concat()).filter(|_| text.starts_with("photo"))
}

fn question(request: u64, tenant: &str, texts: &[String], patience: Duration, query_id: i64) -> ToGateway {
    let input = |text: &String| Input {
        key: fingerprint(tenant, text),
        shared_key: None,
        text: text.clone(),
        image: shown(text),
        best_confidence: 0.5,
        hints: Vec::new(),
        audited: None,
    };
    ToGateway::Ask(Ask {
        request,
        patience_ms: patience.as_millis() as u32,
        asker: Asker { query_id, ..Asker::default() },
        tenant: tenant.to_owned(),
        target: Target::Taxonomy { id: 1, version: 1 },
        inputs: texts.iter().map(input).collect(),
    })
}

fn numbered(name: &str, count: usize) -> Vec<String> {
    (0..count).map(|i| format!("{name} {i}")).collect()
}

impl Backend {
    async fn say(&mut self, message: &ToGateway) {
        self.stream.write_all(&frame::encode(message).expect("a frame")).await.expect("the gateway listens");
    }

    async fn ask(&mut self, request: u64, texts: &[String], patience: Duration) {
        self.say(&question(request, "", texts, patience, self.query_id)).await;
    }

    async fn hear(&mut self) -> ToBackend {
        let mut bytes = vec![0; HEADER_BYTES];
        self.stream.read_exact(&mut bytes).await.expect("a frame");
        let length = frame::length(&bytes).expect("a frame of ours").expect("a header");
        bytes.resize(length, 0);
        self.stream.read_exact(&mut bytes[HEADER_BYTES..]).await.expect("the whole frame");
        frame::decode(&bytes).expect("a message")
    }

    /// The next `count` replies to a request, by position. Each position has one reply.
    async fn replies(&mut self, request: u64, count: usize) -> Vec<Reply> {
        let mut all = BTreeMap::new();
        while all.len() < count {
            let ToBackend::Replies { request: to, replies } = self.hear().await else { panic!("no replies") };
            assert_eq!(to, request);
            for (position, reply) in replies {
                assert!(all.insert(position, reply).is_none(), "two replies to {position}");
            }
        }
        all.into_values().collect()
    }

    async fn answers(&mut self, request: u64, texts: &[String]) -> Vec<Answered> {
        self.ask(request, texts, PATIENT).await;
        let replies = self.replies(request, texts.len()).await;
        texts.iter().zip(replies).map(|(text, reply)| answered(text, reply)).collect()
    }
}

fn answered(text: &str, reply: Reply) -> Answered {
    let Reply::Answered(answer) = reply else { panic!("{text} is not answered: {reply:?}") };
    assert_eq!(answer.category, wire::right(text), "{text} has the answer of another");
    *answer
}

fn reason(reply: &Reply) -> Reason {
    let Reply::Unanswered { reason, .. } = reply else { panic!("{reply:?} is an answer") };
    *reason
}
