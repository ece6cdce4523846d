//! How much memory many titles take on their way from the queue to a provider: a program of its own, since that is measured
//! for the whole process. `PG_CATEGORIZE_TITLES` says how many.

use parking_lot::Mutex;
use pg_categorize_core::batch::{Batch, Limits, Matching, Moment, Pace, Rest, State, Token};
use pg_categorize_core::choices::{Choice, Choices};
use pg_categorize_core::fingerprint::{Audience, Fingerprinter, Target};
use pg_categorize_core::money::Rate;
use pg_categorize_core::normalise::Case;
use pg_categorize_core::price::{Price, Rates};
use pg_categorize_gateway::batches::{
    Driver, LineResult, Lost, Made, Open, Outline, Part, Request, RequestItem, Store, Waiting,
};
use pg_categorize_gateway::plan::{Abilities, AnswerMode, Model, Plan, PriceRow, Provider, ProviderKind, Route};
use pg_categorize_gateway::provider::Http;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;

const PACK: usize = 10;

/// What it may rise by, however many there are. The requests of 50,000 titles have 39 MB.
const MOST_BYTES: u64 = 24 << 20;

fn titles() -> usize {
    let told = std::env::var("PG_CATEGORIZE_TITLES").ok().and_then(|titles| titles.parse().ok());
    told.unwrap_or(50_000)
}

/// A queue that is made up as it is read, and one batch.
#[derive(Clone)]
struct Endless(Arc<Parts>);

struct Parts {
    plan: Arc<Plan>,
    route: Arc<Route>,
    fingerprinter: Fingerprinter,
    batch: Mutex<Option<(Batch, u64)>>,
}

impl Parts {
    fn input(&self, job: usize) -> Waiting {
        let text = format!("Stainless steel garden hose connector, 3/4 inch, model {job}, pack of two, with seals");
        let fingerprint = self.fingerprinter.fingerprint(&text);
        Waiting { job: job as i64, fingerprint, text, plan: self.plan.clone() }
    }
}

impl Store for Endless {
    async fn open(&self) -> Result<Vec<Open>, Lost> {
        let batch = self.0.batch.lock().clone();
        let (token, route) = (Token::new(1, 1, 1), self.0.route.clone());
        let open = |(record, bytes)| Open { record, token, route, bytes, cancel_wanted: false };
        Ok(batch.map(open).into_iter().collect())
    }

    async fn waiting(&self, _: &Arc<Route>, after: Option<i64>, limit: usize) -> Result<Vec<Waiting>, Lost> {
        let from = after.map_or(0, |after| after as usize + 1);
        Ok((from..titles().min(from + limit)).map(|job| self.0.input(job)).collect())
    }

    async fn build(&self, part: Part) -> Result<Option<Made>, Lost> {
        let mut batch = self.0.batch.lock();
        let (record, bytes) = batch.get_or_insert_with(|| (Batch::new(1, 1, Matching::Label, true, 0, Moment(0)), 0));
        record.requests += part.requests.len() as u32;
        *bytes += part.requests.iter().map(|request| request.bytes).sum::<u64>();
        Ok(Some(Made { batch: Some(1), requests: part.requests.len(), skipped: false }))
    }

    async fn too_large(&self, _: Vec<i64>) -> Result<(), Lost> {
        Err(Lost)
    }

    async fn requests(&self, _: i64, from: u32, limit: usize) -> Result<Vec<Request>, Lost> {
        let request = |ordinal: usize| {
            let item = |job: usize| {
                let Waiting { fingerprint, text, .. } = self.0.input(job);
                RequestItem { number: job as u32 + 1, fingerprint, text }
            };
            let items = (ordinal * PACK..(ordinal + 1) * PACK).map(item).collect();
            Request { ordinal: ordinal as u32, plan: self.0.plan.clone(), items }
        };
        let from = from as usize;
        Ok((from..(titles() / PACK).min(from + limit)).map(request).collect())
    }

    async fn outlines(&self, _: i64, _: u32, _: usize) -> Result<Vec<Outline>, Lost> {
        Err(Lost)
    }

    async fn keep(&self, _: &Batch, after: &Batch, _: Rest) -> Result<(), Lost> {
        self.0.batch.lock().as_mut().unwrap().0 = after.clone();
        Ok(())
    }

    async fn ingest(&self, _: i64, _: Vec<LineResult>) -> Result<(), Lost> {
        Err(Lost)
    }
}

/// A provider that forgets what it reads; how many bytes that was.
async fn forgetful() -> (String, Arc<AtomicU64>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    let read = Arc::new(AtomicU64::new(0));
    let count = read.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let mut stream = BufReader::new(stream);
            let (mut length, mut line) = (0, String::new());
            while stream.read_line(&mut line).await.unwrap() > 2 {
                let header = line.to_ascii_lowercase();
                length = header.strip_prefix("content-length:").map_or(length, |text| text.trim().parse().unwrap());
                line.clear();
            }
            let mut body = stream.take(length);
            let mut buffer = vec![0; 1 << 16];
            while let Ok(bytes @ 1..) = body.read(&mut buffer).await {
                count.fetch_add(bytes as u64, Ordering::Relaxed);
            }
            let reply = r#"{"id":"file-1"}"#;
            let reply =
                format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{reply}", reply.len());
            body.into_inner().write_all(reply.as_bytes()).await.unwrap();
        }
    });
    (url, read)
}

/// Bytes of memory: `VmRSS` now, `VmHWM` at most (proc(5)).
fn memory(what: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(what)).unwrap();
    line.trim_matches(|c: char| !c.is_ascii_digit()).parse::<u64>().unwrap() * 1024
}

#[tokio::test]
async fn many_titles_are_sent_in_little_memory() {
    let (base_url, read) = forgetful().await;
    let rates = [(); 5].map(|()| Rate(50_000_000));
    let [input, cached_input, cache_write, cache_write_long, output] = rates;
    let price = Price { rates: Rates { input, cached_input, cache_write, cache_write_long, output }, long: None };
    let abilities = Abilities {
        instruction_role: "developer".into(),
        max_tokens_field: "max_completion_tokens".into(),
        openai_extras: true,
    };
    let provider = Provider {
        id: 1,
        name: "p".into(),
        kind: ProviderKind::OpenAi,
        base_url,
        private_allowed: true,
        key: None,
        abilities,
        requests_per_minute: None,
        tokens_per_minute: None,
    };
    let model = Model::new("gpt-6-luna", AnswerMode::JsonSchema);
    let route = Arc::new(Route::new(provider, model, Some(PriceRow { id: 1, price })));
    let choice = |id: i32| Choice { id, label: format!("Department {} > Shelf {id}", id / 10), description: None };
    let mut plan = Plan::new(Choices::new((0..100).map(choice).collect()), vec![route.clone()]);
    plan.pack_size = PACK;
    let store = Endless(Arc::new(Parts {
        plan: Arc::new(plan),
        route: route.clone(),
        fingerprinter: Fingerprinter::new(Audience::Tenant(""), Target::Taxonomy(1), Case::Folded),
        batch: Mutex::default(),
    }));
    let driver = Driver::new(store.clone(), Arc::new(Http::new()), || Moment(0), Pace::default());
    let driver = driver.with_limits(Limits { requests: 50_000, bytes: u64::MAX });
    let before = memory("VmRSS:");
    let start = Instant::now();
    driver.build(&route).await.unwrap();
    let built = start.elapsed();
    driver.pass().await.unwrap();
    let sent: Duration = start.elapsed() - built;
    let (record, bytes) = store.0.batch.lock().clone().unwrap();
    let (most, read) = (memory("VmHWM:"), read.load(Ordering::Relaxed));
    let rose = most.saturating_sub(before);
    println!("{} titles, {read} bytes: built in {built:?}, sent in {sent:?}, memory rose by {rose} bytes", titles());
    assert_eq!((record.state, record.requests as usize), (State::Uploaded, titles() / PACK));
    assert!(read > bytes && bytes > MOST_BYTES, "{read} {bytes}");
    assert!(rose <= MOST_BYTES, "{rose}");
}
