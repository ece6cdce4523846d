//! A provider that does what a script says, and keeps its own account.

use crate::embeddings::Embedded;
use crate::plan::{Plan, Route};
use crate::provider::{Charge, Ended, Failure, FailureClass, Item, ItemAnswer, Limits};
use crate::sender::{Embedding, Parcel, Sender, Sending, VectorParcel};
use crate::store::Refusal;
use hashbrown::HashSet;
use parking_lot::Mutex;
use pg_categorize_core::cascade::Reason;
use pg_categorize_core::choices::{Choices, Verdict};
use pg_categorize_core::confidence::Source;
use pg_categorize_core::price::Usage;
use std::sync::Arc;
use std::time::Duration;

/// What becomes of one request.
#[derive(Clone)]
pub(super) enum Act {
    /// All is answered.
    Answer,
    /// Nothing ever comes.
    Hang,
    /// It fails.
    Fail(FailureClass, Charge, Option<Duration>),
    /// All but the inputs at these positions is answered.
    Without(Vec<usize>),
    /// All is answered, and it is not sure.
    Unsure,
    /// All is answered, wrongly, and it is not sure.
    Mistaken,
    /// No label that was offered.
    Wrong,
    /// The label of this category, which was not offered.
    NotOffered(i32),
    /// None of the categories fits.
    NoneFits,
    /// It is answered, but not what it cost.
    NoUsage,
    /// It is answered, and costs more than it could.
    TooDear,
    /// A bug.
    Panic,
}

type Script = Box<dyn Fn(usize, &Route, &[String]) -> Act + Send + Sync>;

/// The provider.
pub(super) struct Wire {
    script: Script,
    pub(super) latency: Duration,
    pub(super) pack_limit: usize,
    pub(super) account: Arc<Mutex<Account>>,
}

/// What the provider saw.
#[derive(Default)]
pub(super) struct Account {
    /// The texts of each request, and to which model it went.
    pub(super) sent: Vec<(String, Vec<String>)>,
    /// What each of them offered.
    pub(super) offered: Vec<Vec<i32>>,
    /// Requests that have not ended.
    pub(super) now: usize,
    pub(super) most: usize,
    /// What it charged for.
    pub(super) tokens: u64,
    /// How much, in nano-dollars.
    pub(super) charged: i64,
    under_way: HashSet<(String, String)>,
    pub(super) faults: Vec<String>,
}

impl Account {
    /// Charges what is told, at the prices of `route`.
    fn charge(&mut self, usage: Option<Usage>) {
        let Usage { input, output, .. } = usage.unwrap_or_default();
        self.tokens += input + output;
        self.charged += (input * 100 + output * 500) as i64;
    }
}

impl Wire {
    pub(super) fn new(script: impl Fn(usize, &Route, &[String]) -> Act + Send + Sync + 'static) -> Self {
        let latency = Duration::from_millis(100);
        Self { script: Box::new(script), latency, pack_limit: 100, account: Arc::default() }
    }
}

/// The branch that all categories belong to, where there are lists.
pub(super) const BRANCH: i32 = 10;

/// What a model says that errs as little as it can: what is right, or else the branch to which that belongs. Of aliens
/// nothing is.
fn best(text: &str, offered: &[i32]) -> Verdict {
    let likely = [right(text), BRANCH].into_iter().find(|id| offered.contains(id));
    likely.filter(|_| !text.starts_with("alien")).map_or(Verdict::NoneOfThese, Verdict::Category)
}

/// The category that is right for a text.
pub(super) fn right(text: &str) -> i32 {
    text.bytes().map(i32::from).sum::<i32>() % 3
}

impl Sender for Wire {
    fn pack_limit(&self, _: &Route, _: &Choices) -> usize {
        self.pack_limit
    }

    fn prepare(
        &self,
        route: &Route,
        plan: &Plan,
        choices: &Choices,
        items: &[Item<'_>],
    ) -> Result<Box<dyn Parcel>, Refusal> {
        let texts: Vec<String> = items.iter().map(|item| item.text.to_owned()).collect();
        if texts.iter().any(|text| text.starts_with("huge")) && route.model.max_input_tokens.is_some() {
            return Err(Refusal::new(Reason::InputTooLarge));
        }
        let nth = {
            let mut account = self.account.lock();
            let wrong = |item: &Item<'_>| item.image.cloned() != super::shown(item.text);
            if items.iter().any(wrong) || (items.len() > 1 && items.iter().any(|item| item.image.is_some())) {
                account.faults.push(format!("images do not go alone with their own texts: {texts:?}"));
            }
            account.sent.len()
        };
        let act = (self.script)(nth, route, &texts);
        let tenant = plan.tenant.clone();
        let offered: Vec<i32> = choices.list().iter().map(|choice| choice.id).collect();
        if plan.candidates.is_some() != choices.form().is_some() || offered.is_empty() {
            self.account.lock().faults.push(format!("{offered:?} is no list of this plan"));
        }
        let (latency, account) = (self.latency, self.account.clone());
        Ok(Box::new(Scripted { tenant, texts, offered, act, latency, account }))
    }

    fn prepare_vectors(
        &self,
        route: &Route,
        texts: &[&str],
        _: Option<usize>,
    ) -> Result<Box<dyn VectorParcel>, Refusal> {
        let texts: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
        let nth = self.account.lock().sent.len();
        let act = (self.script)(nth, route, &texts);
        // Of a tenant it is not told; where tenants ask for the same texts, their models have names of their own.
        let (tenant, offered, account) = (route.model.name.clone(), Vec::new(), self.account.clone());
        Ok(Box::new(Scripted { tenant, texts, offered, act, latency: self.latency, account }))
    }
}

impl VectorParcel for Scripted {
    fn input_bound(&self) -> u64 {
        VECTOR_BOUND
    }

    fn send<'a>(&'a self, route: &'a Route, time_limit: Duration) -> Embedding<'a> {
        Box::pin(async move {
            let _under_way = UnderWay::new(self, &route.model.name);
            if matches!(self.act, Act::Hang) {
                tokio::time::sleep(time_limit).await;
                return embedded(fail(FailureClass::TimedOut, Charge::Unknown, None), Vec::new());
            }
            tokio::time::sleep(self.latency).await;
            let length = match &self.act {
                Act::Fail(class, charge, after) => return embedded(fail(*class, *charge, *after), Vec::new()),
                Act::Wrong => 5,
                Act::TooDear => 5000,
                _ => 4,
            };
            let usage = Some(Usage { input: 10 * self.texts.len() as u64, ..Usage::default() });
            self.account.lock().charge(usage);
            let vectors = self.texts.iter().map(|text| vec![right(text) as f32 + 1.0; length]).collect();
            embedded(Ended { result: Ok(Vec::new()), usage, limits: Limits::default(), latency: self.latency }, vectors)
        })
    }
}

fn embedded(ended: Ended, vectors: Vec<Vec<f32>>) -> Embedded {
    let Ended { result, usage, limits, latency } = ended;
    Embedded { result: result.map(|_| vectors), usage, limits, latency }
}

/// Tokens of a request for vectors, at most.
pub(super) const VECTOR_BOUND: u64 = 1000;

struct Scripted {
    tenant: String,
    texts: Vec<String>,
    offered: Vec<i32>,
    act: Act,
    latency: Duration,
    account: Arc<Mutex<Account>>,
}

/// A request under way.
struct UnderWay<'a>(&'a Scripted);

impl<'a> UnderWay<'a> {
    fn new(request: &'a Scripted, model: &str) -> Self {
        let mut account = request.account.lock();
        account.sent.push((model.to_owned(), request.texts.clone()));
        account.offered.push(request.offered.clone());
        account.now += 1;
        account.most = account.most.max(account.now);
        for text in &request.texts {
            if !account.under_way.insert((request.tenant.clone(), text.clone())) {
                account.faults.push(format!("{text} is sent while an attempt for it may still be answered"));
            }
        }
        Self(request)
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        let mut account = self.0.account.lock();
        account.now -= 1;
        for text in &self.0.texts {
            account.under_way.remove(&(self.0.tenant.clone(), text.clone()));
        }
    }
}

impl Parcel for Scripted {
    fn input_bound(&self) -> u64 {
        1000
    }

    fn output_bound(&self) -> u64 {
        100 * self.texts.len() as u64
    }

    fn send<'a>(&'a self, route: &'a Route, _: &'a Choices, time_limit: Duration) -> Sending<'a> {
        Box::pin(async move {
            let _under_way = UnderWay::new(self, &route.model.name);
            if matches!(self.act, Act::Hang) {
                tokio::time::sleep(time_limit).await;
                return fail(FailureClass::TimedOut, Charge::Unknown, None);
            }
            tokio::time::sleep(self.latency).await;
            let answers = |skipped: &[usize], verdict: &dyn Fn(&str) -> Verdict| {
                let all = self.texts.iter().enumerate().filter(|(at, _)| !skipped.contains(at));
                let answer = |(at, text): (usize, &String)| ItemAnswer {
                    id: at as u32 + 1,
                    verdict: verdict(text),
                    confidence: if matches!(self.act, Act::Unsure | Act::Mistaken) { 0.5 } else { 0.9 },
                    source: Source::Probabilities,
                    rationale: None,
                    alternatives: Vec::new(),
                };
                all.map(answer).collect::<Vec<_>>()
            };
            assert!(!matches!(self.act, Act::Panic), "a bug on purpose");
            let category = |text: &str| best(text, &self.offered);
            let mut usage = Some(Usage { input: 100, output: 10, ..Usage::default() });
            let result = match &self.act {
                Act::Fail(class, charge, after) => return fail(*class, *charge, *after),
                Act::Without(skipped) => answers(skipped, &category),
                Act::Wrong => answers(&[], &|_| Verdict::Invalid),
                Act::NotOffered(id) => answers(&[], &|_| Verdict::NotOffered(*id)),
                Act::NoneFits => answers(&[], &|_| Verdict::NoneOfThese),
                Act::NoUsage => {
                    usage = None;
                    answers(&[], &category)
                }
                Act::TooDear => {
                    usage = Some(Usage { input: 2000, output: 20_000, ..Usage::default() });
                    answers(&[], &category)
                }
                Act::Mistaken => answers(&[], &|text| Verdict::Category((right(text) + 1) % 3)),
                Act::Answer | Act::Unsure | Act::Hang | Act::Panic => answers(&[], &category),
            };
            self.account.lock().charge(usage);
            Ended { result: Ok(result), usage, limits: Limits::default(), latency: self.latency }
        })
    }
}

fn fail(class: FailureClass, charge: Charge, retry_after: Option<Duration>) -> Ended {
    let failure = Failure { retry_after, ..Failure::new(class, charge, format!("{class:?}")) };
    Ended { result: Err(failure), usage: None, limits: Limits::default(), latency: Duration::ZERO }
}
