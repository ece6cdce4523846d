//! How a fake provider behaves.

use crate::batch::BatchConfig;
use crate::faults::Faults;
use crate::latency::Latency;
use crate::model::Model;
use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io::{Error, ErrorKind, Result};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// How a fake provider behaves. [`Config::default`] answers everything at once, without faults or limits.
#[derive(Debug, Clone)]
pub struct Config {
    /// The port on 127.0.0.1; 0 takes a free one.
    pub port: u16,
    /// The true label of titles, by their exact text, and of images, by `sha256:` and the digest of their bytes in hexadecimal
    /// digits. What is not here gets a label that depends on its text.
    pub labels: Arc<HashMap<String, String>>,
    /// How often a known title is answered with another label, 0 to 1.
    pub error_rate: f64,
    /// How many times as often as others a title is answered with another label, whoever is asked, by its exact text; what is
    /// not here is like others.
    pub difficulty: Arc<HashMap<String, f64>>,
    /// Answers, latencies and random faults depend on this and on the text or the number of the request only.
    pub seed: u64,
    /// How long an answer takes. Errors come at once.
    pub latency: Latency,
    /// What goes wrong.
    pub faults: Faults,
    /// Requests a minute, announced in the headers of those that have such; a request beyond them is a 429.
    pub requests_per_minute: Option<u32>,
    /// Tokens a minute: those of the input, and the most that the output may have.
    pub tokens_per_minute: Option<u64>,
    /// Who shares these limits.
    pub limit_scope: LimitScope,
    /// The only key that is accepted; `None` accepts any, and none.
    pub key: Option<String>,
    /// Models that differ from [`Model::default`].
    pub models: BTreeMap<String, Model>,
    /// Whether what the client has not seen whole is charged all the same, as providers do.
    pub charge_lost: bool,
    /// Whether the account keeps a line for each request. Without, its memory grows with the distinct titles only.
    pub keep_requests: bool,
    /// Tokens of the largest request; a larger one gets `context_length_exceeded`.
    pub max_input_tokens: Option<u64>,
    /// Whether prefixes that are marked by a breakpoint are cached.
    pub prompt_cache: bool,
    /// How batches fare.
    pub batches: BatchConfig,
    /// The moment at which the clock of batches stands until it is advanced; without it, it goes as any other, and can be
    /// advanced too.
    pub stands_at: Option<SystemTime>,
    /// How long a client may take to notice a 429 before further requests for the same model and key are held against
    /// it (`too_early_by_model`). The retry of the same titles is judged without it (`too_early`).
    pub notice: Duration,
}

/// Who shares a limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum LimitScope {
    /// Each model and key has limits of its own.
    #[default]
    Model,
    /// All models of a key at one provider share theirs.
    Account,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            port: 0,
            labels: Arc::default(),
            error_rate: 0.0,
            difficulty: Arc::default(),
            seed: 0,
            latency: Latency::Fixed(Duration::ZERO),
            faults: Faults::default(),
            requests_per_minute: None,
            tokens_per_minute: None,
            limit_scope: LimitScope::Model,
            key: None,
            models: BTreeMap::new(),
            charge_lost: true,
            keep_requests: true,
            max_input_tokens: None,
            prompt_cache: true,
            batches: BatchConfig::default(),
            stands_at: None,
            notice: Duration::from_millis(50),
        }
    }
}

impl Config {
    /// What this model costs and how good it is.
    pub fn model(&self, name: &str) -> Model {
        self.models.get(name).copied().unwrap_or_default()
    }

    /// How long the answers of this model take.
    pub(crate) fn latency_of(&self, model: &str) -> Latency {
        self.model(model).latency.unwrap_or(self.latency)
    }

    /// Labels from a file: a line for each title, the label behind a tab.
    pub fn labels_from(path: &Path) -> Result<Arc<HashMap<String, String>>> {
        let text = fs::read_to_string(path)?;
        let line = |(at, line): (usize, &str)| match line.split_once('\t') {
            Some((title, label)) => Ok((title.to_owned(), label.to_owned())),
            None => Err(Error::new(ErrorKind::InvalidData, format!("line {} has no tab", at + 1))),
        };
        let lines = text.lines().enumerate().filter(|(_, line)| !line.is_empty());
        lines.map(line).collect::<Result<_>>().map(Arc::new)
    }
}
