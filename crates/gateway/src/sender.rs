//! How a request gets to a provider: over HTTP, and in tests however they like.

use crate::embeddings::{self, Embedded};
use crate::plan::{Plan, ProviderKind, Route};
use crate::provider::{self, Charge, Ended, Failure, FailureClass, Http, Item, Limits, Prepared};
use crate::store::Refusal;
use crate::transformer::Workshop;
use pg_categorize_core::cascade::Reason;
use pg_categorize_core::choices::Choices;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The end of a request, to come. Dropping it ends the request, too: nothing can be answered any more.
pub type Sending<'a> = Pin<Box<dyn Future<Output = Ended> + Send + 'a>>;

/// A request that can be sent.
pub trait Parcel: Send + Sync {
    /// Tokens of input that it has at most.
    fn input_bound(&self) -> u64;

    /// Tokens of output that it can bring at most.
    fn output_bound(&self) -> u64;

    /// Sends it.
    fn send<'a>(&'a self, route: &'a Route, choices: &'a Choices, time_limit: Duration) -> Sending<'a>;
}

/// The end of a request for vectors, to come.
pub type Embedding<'a> = Pin<Box<dyn Future<Output = Embedded> + Send + 'a>>;

/// A request for vectors that can be sent.
pub trait VectorParcel: Send + Sync {
    /// Tokens of input that it has at most; it has no output.
    fn input_bound(&self) -> u64;

    /// Sends it.
    fn send<'a>(&'a self, route: &'a Route, time_limit: Duration) -> Embedding<'a>;
}

/// Who makes requests.
pub trait Sender: Send + Sync + 'static {
    /// Inputs that a route takes in one request.
    fn pack_limit(&self, route: &Route, choices: &Choices) -> usize;

    /// Makes a request that offers these choices, those of the plan or some of them.
    ///
    /// # Errors
    /// Why there can be none.
    fn prepare(
        &self,
        route: &Route,
        plan: &Plan,
        choices: &Choices,
        items: &[Item<'_>],
    ) -> Result<Box<dyn Parcel>, Refusal>;

    /// Makes a request for the vectors of texts, of so many dimensions where they are given.
    ///
    /// # Errors
    /// Why there can be none.
    fn prepare_vectors(
        &self,
        route: &Route,
        texts: &[&str],
        dimensions: Option<usize>,
    ) -> Result<Box<dyn VectorParcel>, Refusal>;
}

/// Requests over HTTP, and vectors of what is in this process.
pub(crate) struct OverHttp {
    http: Arc<Http>,
    workshop: Arc<Workshop>,
}

impl OverHttp {
    pub(crate) fn new() -> Self {
        Self { http: Arc::new(Http::new()), workshop: Arc::default() }
    }
}

impl Sender for OverHttp {
    fn pack_limit(&self, route: &Route, choices: &Choices) -> usize {
        provider::pack_limit(route, choices)
    }

    fn prepare(
        &self,
        route: &Route,
        _: &Plan,
        choices: &Choices,
        items: &[Item<'_>],
    ) -> Result<Box<dyn Parcel>, Refusal> {
        let prepared = provider::prepare(route, choices, items)?;
        Ok(Box::new(HttpParcel { http: self.http.clone(), prepared }))
    }

    fn prepare_vectors(
        &self,
        route: &Route,
        texts: &[&str],
        dimensions: Option<usize>,
    ) -> Result<Box<dyn VectorParcel>, Refusal> {
        if route.provider.kind == ProviderKind::Transformer {
            if texts.is_empty() || texts.iter().any(|text| text.trim().is_empty()) {
                return Err(Refusal::new(Reason::EmptyInput));
            }
            let texts = texts.iter().map(|text| (*text).to_owned()).collect();
            return Ok(Box::new(OurVectors { workshop: self.workshop.clone(), texts }));
        }
        let prepared = embeddings::prepare(route, texts, dimensions)?;
        Ok(Box::new(HttpVectors { http: self.http.clone(), prepared }))
    }
}

struct HttpVectors {
    http: Arc<Http>,
    prepared: embeddings::Prepared,
}

impl VectorParcel for HttpVectors {
    fn input_bound(&self) -> u64 {
        self.prepared.input_bound()
    }

    fn send<'a>(&'a self, route: &'a Route, time_limit: Duration) -> Embedding<'a> {
        Box::pin(self.http.embed(route, &self.prepared, time_limit))
    }
}

/// Texts for a transformer, which costs nothing.
struct OurVectors {
    workshop: Arc<Workshop>,
    texts: Vec<String>,
}

impl VectorParcel for OurVectors {
    fn input_bound(&self) -> u64 {
        0
    }

    fn send<'a>(&'a self, route: &'a Route, time_limit: Duration) -> Embedding<'a> {
        Box::pin(async move {
            let started = Instant::now();
            let folder = Path::new(&route.provider.base_url).join(&route.model.name);
            let made = self.workshop.clone().vectors(folder, self.texts.clone());
            let late = || Failure::new(FailureClass::TimedOut, Charge::None, "it took too long");
            let result = tokio::time::timeout(time_limit, made).await.unwrap_or_else(|_| Err(late()));
            Embedded { result, usage: None, limits: Limits::default(), latency: started.elapsed() }
        })
    }
}

struct HttpParcel {
    http: Arc<Http>,
    prepared: Prepared,
}

impl Parcel for HttpParcel {
    fn input_bound(&self) -> u64 {
        self.prepared.input_bound()
    }

    fn output_bound(&self) -> u64 {
        self.prepared.output_bound()
    }

    fn send<'a>(&'a self, route: &'a Route, choices: &'a Choices, time_limit: Duration) -> Sending<'a> {
        Box::pin(self.http.send(route, choices, &self.prepared, time_limit))
    }
}
