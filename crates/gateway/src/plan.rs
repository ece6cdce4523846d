//! With what a question is asked: the choices, and the providers in their order. The store makes it from its tables.

use crate::secret::Secret;
use pg_categorize_core::candidates::{Candidates, Reach, Step};
use pg_categorize_core::choices::Choices;
use pg_categorize_core::complexity::Complexity;
use pg_categorize_core::confidence::{Calibration, Source};
use pg_categorize_core::flow::order::Order;
use pg_categorize_core::price::Price;
use pg_categorize_core::raw_request::{Endpoint, RawRequest};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// How the inputs of one tenant in one set of labels are asked about. Two inputs may share a request only where they
/// have the same plan: the same `serial`.
#[derive(Debug)]
pub struct Plan {
    /// Tells plans apart; what changed anything below changed it.
    pub serial: u64,
    /// The tenant.
    pub tenant: String,
    /// The taxonomy, `None` for ad-hoc labels.
    pub taxonomy: Option<i32>,
    /// Its version, 0 for ad-hoc labels.
    pub taxonomy_version: i32,
    /// What a model may answer.
    pub choices: Arc<Choices>,
    /// How these are offered in lists, where they are too many to be offered at once.
    pub candidates: Option<Arc<Candidates>>,
    /// Whose cheap model is asked, in order; the next one where one cannot answer. Not empty.
    pub routes: Vec<Arc<Route>>,
    /// Whose strong model decides where the cheap one is not sure. Empty where none does.
    pub strong: Vec<Arc<Route>>,
    /// Below this confidence of the cheap model the strong one decides.
    pub upgrade_below: f32,
    /// Tells the inputs that are too complex for the cheap model, where any are.
    pub straight: Option<Straight>,
    /// Whether it does so above the soft ratio of a budget, too.
    pub upgrade_above_soft: bool,
    /// In which order those are asked that can be.
    pub order: Order,
    /// Inputs in one request, at least 1.
    pub pack_size: usize,
    /// How long a request waits for company.
    pub pack_wait: Duration,
    /// Requests in flight at once, at least 1.
    pub in_flight: usize,
    /// Whether near-duplicates share an answer for five minutes.
    pub near_duplicates: bool,
    /// Above the soft ratio of a budget, only inputs whose best free confidence is below this go out.
    pub soft_confidence: f32,
    /// Of a plan by which vectors are bought, and nothing is asked: which vectors. Its first route makes them.
    pub embeds: Option<Embeds>,
    /// How the vectors of its inputs are bought, where earlier texts may answer before a language model is asked.
    pub vectors: Option<Arc<Plan>>,
    /// The request, where a user has written it: then nothing is asked about by labels.
    pub raw: Option<Arc<RawRequest>>,
}

/// The vectors that are bought under a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Embeds {
    /// Id of the embedding model, as its index bears it.
    pub model: String,
    /// How many dimensions are asked for; the model has its own number where `None`.
    pub dimensions: Option<usize>,
}

/// Which inputs go to the strong model at once.
#[derive(Debug, PartialEq)]
pub struct Straight {
    /// What makes an input complex among these choices.
    pub complexity: Complexity,
    /// Those of more go straight, 0 to 1.
    pub above: f32,
}

/// Which of a plan's models are asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Grade {
    /// None yet: the vectors of inputs are bought, and earlier texts compared with them.
    Vectors,
    /// The cheap ones.
    Cheap,
    /// The strong ones.
    Strong,
}

/// One model at one provider, and what it costs there.
#[derive(Debug, PartialEq)]
pub struct Route {
    /// The provider.
    pub provider: Provider,
    /// The model.
    pub model: Model,
    /// Its price; `None` where nobody said it: then it is not asked.
    pub price: Option<PriceRow>,
    /// The lower, the earlier it is asked.
    pub priority: i32,
    /// Its share of the requests, beside the weights of the others.
    pub weight: f32,
    /// Whether it is also asked why: a sentence an answer, which is paid.
    pub rationale: bool,
    /// What its confidence is worth, by where that comes from. What is not here is worth what it usually is.
    pub calibrations: BTreeMap<Source, Calibration>,
    /// What it is for, where users have written the requests to it; `None` where it is asked for categories.
    pub raw: Option<RawWork>,
}

/// Requests of users' own: those of one kind of work and one API share batches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawWork {
    /// What the user calls it.
    pub job_type: String,
    /// What they are written for.
    pub endpoint: Endpoint,
}

/// A price as it was read, so that what is reserved at it is settled at it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PriceRow {
    /// Its row.
    pub id: i64,
    /// What it says.
    pub price: Price,
}

/// Which API a provider speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ProviderKind {
    /// OpenAI, and every server that is compatible with it.
    OpenAi,
    /// Messages of Anthropic, and servers that offer them, too.
    Anthropic,
    /// The Developer API of Gemini.
    Gemini,
    /// The decision servers of `/v1/systemone`.
    SystemOne,
    /// None: a sentence transformer in this process, which makes embeddings. Its base URL is the folder of models.
    Transformer,
}

impl ProviderKind {
    /// Its name in tables, where a transformer has no row.
    pub const fn name(self) -> &'static str {
        match self {
            Self::OpenAi => "openai",
            Self::Anthropic => "anthropic",
            Self::Gemini => "gemini",
            Self::SystemOne => "systemone",
            Self::Transformer => "transformer",
        }
    }
}

/// A provider as it is configured, with its key.
#[derive(Debug, Clone, PartialEq)]
pub struct Provider {
    /// Its row.
    pub id: i32,
    /// Its name.
    pub name: String,
    /// Its API.
    pub kind: ProviderKind,
    /// Where it is: scheme, host, port and path before the API's own, without a slash at the end. The store has checked
    /// that the superuser allows this host.
    pub base_url: String,
    /// Whether its name may resolve to a private address, since the superuser listed the host.
    pub private_allowed: bool,
    /// Its key, where it needs one. The store has checked that the superuser binds it to this host.
    pub key: Option<Secret>,
    /// What it can do.
    pub abilities: Abilities,
    /// Requests a minute that are allowed; learnt from its headers where `None`.
    pub requests_per_minute: Option<u32>,
    /// Tokens a minute that are allowed; learnt from its headers where `None`.
    pub tokens_per_minute: Option<u64>,
}

/// What a compatible server does differently (providers' documentation; all are settings of the provider).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Abilities {
    /// `developer` or `system`.
    pub instruction_role: String,
    /// `max_completion_tokens` or `max_tokens`.
    pub max_tokens_field: String,
    /// Whether `store: false` and `prompt_cache_key` may be sent.
    pub openai_extras: bool,
}

/// How a model is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AnswerMode {
    /// It returns a probability for each choice.
    Decision,
    /// It writes JSON of a schema that is enforced, or hoped for.
    JsonSchema,
    /// It writes the label, one input a request.
    Text,
}

/// A model as its row describes it.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    /// Its name at the provider.
    pub name: String,
    /// How it is asked.
    pub mode: AnswerMode,
    /// Tokens of the largest request; `None` where unknown.
    pub max_input_tokens: Option<u64>,
    /// Tokens of the largest answer; `None` where unknown.
    pub max_output_tokens: Option<u64>,
    /// How much to reason, as the provider's documentation names it; `none` turns it off. `None` sends nothing.
    pub reasoning_effort: Option<String>,
    /// Tokens that a model may think beyond what it writes, within the same bound; 0 where it does not.
    pub thinking_tokens: u64,
    /// Sampling parameter; `None`, the default, sends nothing.
    pub temperature: Option<f32>,
    /// Whether the constant prefix is marked as a cache breakpoint (OpenAI from 5.6 on, Anthropic).
    pub cache_breakpoint: bool,
    /// Whether it tells the log-probabilities of what it writes.
    pub log_probabilities: bool,
    /// The most input tokens that one image counts for; `None` where it takes none.
    pub image_tokens: Option<u64>,
}

impl Plan {
    /// A plan for ad-hoc labels with the defaults of a taxonomy's settings.
    pub fn new(choices: Choices, routes: Vec<Arc<Route>>) -> Self {
        Self {
            serial: 0,
            tenant: String::new(),
            taxonomy: None,
            taxonomy_version: 0,
            choices: Arc::new(choices),
            candidates: None,
            routes,
            strong: Vec::new(),
            upgrade_below: 0.8,
            straight: None,
            upgrade_above_soft: false,
            order: Order::Priority,
            pack_size: 10,
            pack_wait: Duration::from_millis(10),
            in_flight: 20,
            near_duplicates: false,
            soft_confidence: 0.35,
            embeds: None,
            vectors: None,
            raw: None,
        }
    }

    /// A plan of a request that a user has written, for a tenant.
    pub fn of_request(tenant: String, request: RawRequest) -> Self {
        let raw = Some(Arc::new(request));
        Self { tenant, raw, pack_size: 1, ..Self::new(Choices::new(Vec::new()), Vec::new()) }
    }

    /// Whether both say the same; serials do not count.
    pub fn is_like(&self, other: &Self) -> bool {
        let how = |plan: &Self| {
            let upgrade = (plan.upgrade_below, plan.upgrade_above_soft);
            let pack = (plan.pack_size, plan.pack_wait, plan.in_flight, plan.near_duplicates);
            (plan.taxonomy, plan.taxonomy_version, upgrade, pack, plan.order, plan.soft_confidence)
        };
        how(self) == how(other)
            && self.tenant == other.tenant
            && self.straight == other.straight
            && self.routes == other.routes
            && self.strong == other.strong
            && self.embeds == other.embeds
            && self.buys_vectors_like(other)
            && self.choices == other.choices
            && self.candidates == other.candidates
    }

    fn buys_vectors_like(&self, other: &Self) -> bool {
        match (&self.vectors, &other.vectors) {
            (Some(own), Some(others)) => own.is_like(others),
            (own, others) => own.is_none() && others.is_none(),
        }
    }

    /// Which inputs one at this step may share a request with.
    pub fn reach_of(&self, step: Step) -> Reach {
        if self.candidates.is_some() { step.reach() } else { Reach::Short }
    }

    /// What is offered in a request, as far as that is known before there is one.
    pub fn usual_choices(&self) -> &Choices {
        self.candidates.as_ref().map_or(&self.choices, |candidates| candidates.typical())
    }

    /// Whether an input goes to the strong model at once. `best_confidence` is how sure the free tiers were.
    pub fn goes_straight(&self, text: &str, best_confidence: f32) -> bool {
        let is_complex = |straight: &Straight| straight.complexity.score(text, best_confidence, None) > straight.above;
        !self.strong.is_empty() && self.straight.as_ref().is_some_and(is_complex)
    }

    /// Who is asked, in order.
    pub fn routes_of(&self, grade: Grade) -> &[Arc<Route>] {
        match grade {
            Grade::Vectors => self.vectors.as_ref().map_or(&[], |vectors| &vectors.routes),
            Grade::Cheap => &self.routes,
            Grade::Strong => &self.strong,
        }
    }
}

impl Model {
    /// A model of which only its name and the way to ask it are known.
    pub fn new(name: impl Into<String>, mode: AnswerMode) -> Self {
        Self {
            name: name.into(),
            mode,
            max_input_tokens: None,
            max_output_tokens: None,
            reasoning_effort: None,
            thinking_tokens: 0,
            temperature: None,
            cache_breakpoint: false,
            log_probabilities: false,
            image_tokens: None,
        }
    }
}

impl Route {
    /// What a confidence of this model is worth, 0 to 1.
    pub fn calibrated(&self, raw: f32, source: Source) -> f32 {
        let fitted = self.calibrations.get(&source);
        fitted.map_or_else(|| Calibration::prior(source).apply(raw), |calibration| calibration.apply(raw))
    }

    /// A route that is asked for categories alone.
    pub fn new(provider: Provider, model: Model, price: Option<PriceRow>) -> Self {
        Self {
            provider,
            model,
            price,
            priority: 0,
            weight: 1.0,
            rationale: false,
            calibrations: BTreeMap::new(),
            raw: None,
        }
    }
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.provider.name, self.model.name)
    }
}
