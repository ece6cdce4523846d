//! What goes wrong, by chance or by a script.

use crate::delay::RetryAfter;
use crate::random;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// One way in which an answer goes wrong.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// Nothing goes wrong: a pause in a script.
    #[default]
    None,
    /// 429 with a delay.
    RateLimit,
    /// 429 with a delay, and the wish to be asked less often.
    SlowDown,
    /// 429 that no delay helps against.
    Quota,
    /// 401.
    Unauthorized,
    /// 403.
    Forbidden,
    /// 404.
    ModelNotFound,
    /// 408.
    RequestTimeout,
    /// 409.
    Conflict,
    /// 500.
    ServerError,
    /// 503.
    Overloaded,
    /// 503 of a local server that has not loaded its model yet; its code is a number.
    Loading,
    /// 400: the request has too many tokens.
    ContextLengthExceeded,
    /// 302 to another name of this server, where requests that follow are counted.
    Redirect,
    /// A body that takes [`Faults::slow_ms`].
    SlowBody,
    /// Headers and half of the body, then the connection is closed.
    CutBody,
    /// 200 with a page for people.
    Html,
    /// 200 with a complete body that is half of a JSON text.
    BrokenJson,
    /// The connection is reset before any reply.
    Reset,
    /// No reply ever.
    Hang,
    /// 200 with a body without end.
    HugeBody,
    /// A label that was not offered.
    WrongLabel,
    /// Labels in the wrong case.
    WrongCase,
    /// One item is not answered.
    MissingItem,
    /// Answers in another order.
    ShuffledItems,
    /// One item is answered twice, with different labels where there are two.
    DuplicateItem,
    /// The model refuses.
    Refusal,
    /// The answer ends in its middle for want of tokens. Decisions have no such form.
    Length,
    /// What the model wrote is not JSON; the body around it is. Decisions have no such form.
    BrokenContent,
    /// A reply without `usage`.
    NoUsage,
    /// A reply that charges a million tokens more than were sent.
    UsageAbove,
}

/// What goes wrong. In JSON every field may be left out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Faults {
    /// How often each happens, of all requests that no step of the script is for. Their sum is 1 at most.
    pub random: BTreeMap<Fault, f64>,
    /// Steps; the first one that fits a request and is not used up decides.
    pub script: Vec<Step>,
    /// The delay of a 429.
    pub retry_after_ms: u64,
    /// How the delay is told.
    pub retry_after: RetryAfter,
    /// How long a slow body takes.
    pub slow_ms: u64,
}

/// One step of a script. Without `request` and `title` it is for any request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// What goes wrong.
    pub fault: Fault,
    /// Only in the request of this number; the first one is 1.
    #[serde(default)]
    pub request: Option<u64>,
    /// Only in requests to this API, by its name in the account.
    #[serde(default)]
    pub api: Option<String>,
    /// Only in requests with a title that contains this; where one item is spoiled, it is that one.
    #[serde(default)]
    pub title: Option<String>,
    /// So many times.
    #[serde(default = "once")]
    pub times: u32,
    /// In the place of [`Faults::retry_after_ms`].
    #[serde(default)]
    pub retry_after_ms: Option<u64>,
}

/// What goes wrong with one request.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Chosen {
    /// The fault.
    pub(crate) fault: Fault,
    /// Which item is spoiled, where it is one.
    pub(crate) item: usize,
    /// The delay of a 429.
    pub(crate) retry_after: Duration,
}

impl Default for Faults {
    fn default() -> Self {
        Self {
            random: BTreeMap::new(),
            script: Vec::new(),
            retry_after_ms: 100,
            retry_after: RetryAfter::Both,
            slow_ms: 1000,
        }
    }
}

impl Faults {
    /// By chance: how often each.
    pub fn random(rates: impl IntoIterator<Item = (Fault, f64)>) -> Self {
        Self { random: rates.into_iter().collect(), ..Self::default() }
    }

    /// By a script.
    pub fn script(steps: impl IntoIterator<Item = Step>) -> Self {
        Self { script: steps.into_iter().collect(), ..Self::default() }
    }

    /// What goes wrong with this request. Uses up a step of the script.
    pub(crate) fn choose(&mut self, seed: u64, number: u64, api: &str, titles: &[String]) -> Chosen {
        for step in self.script.iter_mut().filter(|step| step.times > 0) {
            let item = match &step.title {
                Some(part) => titles.iter().position(|title| title.contains(part.as_str())),
                None => Some(0),
            };
            let fits =
                step.request.is_none_or(|request| request == number) && step.api.as_deref().is_none_or(|of| of == api);
            if let Some(item) = item.filter(|_| fits) {
                step.times -= 1;
                let retry_after = Duration::from_millis(step.retry_after_ms.unwrap_or(self.retry_after_ms));
                return Chosen { fault: step.fault, item, retry_after };
            }
        }
        let mut chance = random::uniform_of(seed ^ 0xfa17, number);
        let drawn = self.random.iter().find(|(_, rate)| {
            chance -= **rate;
            chance < 0.0
        });
        let fault = drawn.map_or(Fault::None, |(fault, _)| *fault);
        Chosen { fault, item: 0, retry_after: Duration::from_millis(self.retry_after_ms) }
    }
}

impl Step {
    /// For the next request.
    pub fn next(fault: Fault) -> Self {
        Self { fault, request: None, api: None, title: None, times: 1, retry_after_ms: None }
    }

    /// For the request of this number.
    pub fn of_request(number: u64, fault: Fault) -> Self {
        Self { request: Some(number), ..Self::next(fault) }
    }

    /// For the next request to this API, by its name in the account: `openai_batch_create`.
    pub fn of_api(api: &str, fault: Fault) -> Self {
        Self { api: Some(api.to_owned()), ..Self::next(fault) }
    }

    /// For the next request with a title that contains this.
    pub fn of_title(part: &str, fault: Fault) -> Self {
        Self { title: Some(part.to_owned()), ..Self::next(fault) }
    }

    /// So many times in place of once.
    pub fn times(self, times: u32) -> Self {
        Self { times, ..self }
    }

    /// With this delay, where it is a 429.
    pub fn retry_after_ms(self, delay: u64) -> Self {
        Self { retry_after_ms: Some(delay), ..self }
    }
}

fn once() -> u32 {
    1
}
