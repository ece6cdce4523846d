//! How the providers are doing, and so whether one may be asked: breakers, limits, latencies, counts.

use crate::plan::Route;
use crate::provider::{Ended, Failure, FailureClass};
use crate::store::{Alert, Refusal};
use hashbrown::HashMap;
use parking_lot::Mutex;
use pg_categorize_core::cascade::Reason;
use pg_categorize_core::flow::breaker::{Breaker, Pass};
use pg_categorize_core::flow::latency::Latency;
use pg_categorize_core::flow::limiter::Limiter;
use pg_categorize_core::flow::retry;
use pg_categorize_core::frame::HealthLine;
use std::sync::Arc;
use std::time::Duration;

/// No provider keeps us waiting for longer, whatever its headers say.
const LONGEST_HOLD: Duration = Duration::from_secs(24 * 3600);

/// All providers.
#[derive(Default)]
pub(crate) struct Health {
    providers: HashMap<i32, ProviderHealth>,
}

#[derive(Default)]
struct ProviderHealth {
    /// What its settings allow, for all its models together.
    limiter: Limiter,
    /// Tokens of each request that will take a place as soon as its money is set aside, the first one first.
    intended: Vec<u64>,
    models: HashMap<String, ModelHealth>,
}

#[derive(Default)]
struct ModelHealth {
    provider: String,
    breaker: Breaker,
    /// What its headers told, and when it wants to be asked again.
    limiter: Limiter,
    intended: Vec<u64>,
    latency: Latency,
    attempts: u64,
    failures: u64,
    answers: u64,
    upgrades: u64,
    in_flight: u32,
    last_failure: Option<String>,
}

/// Leave for one request, which counts against the limits from now on.
pub(crate) struct Permit {
    health: Arc<Mutex<Health>>,
    route: Arc<Route>,
    /// When it may be sent.
    pub(crate) at: Duration,
    probe: bool,
    sent: bool,
    judged: bool,
}

impl Health {
    /// Whether a route may be asked at all.
    ///
    /// # Errors
    /// Why not.
    pub(crate) fn passes(&mut self, route: &Route, now: Duration) -> Result<(), Refusal> {
        let model = &self.of(route).1;
        if model.breaker.would_pass(now) != Pass::No {
            return Ok(());
        }
        let why = model.last_failure.as_deref().unwrap_or("it failed too often");
        let detail = format!("provider {}: {why}", route.provider.name);
        let reason = if model.breaker.is_stopped() { Reason::ProviderError } else { Reason::BreakerOpen };
        Err(Refusal::because(reason, detail))
    }

    /// How long a request of so many tokens would have to wait.
    pub(crate) fn wait(&mut self, route: &Route, tokens: u64, now: Duration) -> Duration {
        let provider = self.provider(route);
        let of_all = provider.limiter.wait_behind(now, &provider.intended, tokens);
        let of_model = provider.models.get(&route.model.name);
        of_model.map_or(of_all, |model| of_all.max(model.limiter.wait_behind(now, &model.intended, tokens)))
    }

    /// For how long nothing at all is sent.
    pub(crate) fn held(&mut self, route: &Route, now: Duration) -> Duration {
        let (limiter, model) = self.of(route);
        limiter.held(now).max(model.limiter.held(now))
    }

    /// What was stopped may have been mended, and limits may have been lifted.
    pub(crate) fn forgive(&mut self) {
        for provider in self.providers.values_mut() {
            provider.limiter.unlimit();
            provider.models.values_mut().for_each(|model| model.breaker.forgive());
        }
    }

    /// The state of all, for people.
    pub(crate) fn lines(&self, now: Duration) -> Vec<HealthLine> {
        let millis = |latency: Option<Duration>| latency.map(|l| l.as_secs_f32() * 1000.0);
        let models = self.providers.values().flat_map(|provider| &provider.models);
        let mut lines: Vec<_> = models
            .map(|(name, model)| HealthLine {
                provider: model.provider.clone(),
                model: name.clone(),
                breaker: model.breaker.state(now).as_str().to_owned(),
                stopped: model.breaker.is_stopped(),
                attempts: model.attempts,
                failures: model.failures,
                answers: model.answers,
                upgrades: model.upgrades,
                in_flight: model.in_flight,
                latency_p50_ms: millis(model.latency.percentile(0.5)),
                latency_p99_ms: millis(model.latency.percentile(0.99)),
                last_failure: model.last_failure.clone(),
            })
            .collect();
        lines.sort_by(|a, b| (&a.provider, &a.model).cmp(&(&b.provider, &b.model)));
        lines
    }

    /// A model answered so many inputs, of which so many go to a strong one.
    pub(crate) fn answered(&mut self, route: &Route, answers: usize, upgrades: usize) {
        let model = self.of(route).1;
        model.answers += answers as u64;
        model.upgrades += upgrades as u64;
    }

    /// Requests at the providers.
    pub(crate) fn in_flight(&self) -> u32 {
        self.providers.values().flat_map(|provider| provider.models.values()).map(|model| model.in_flight).sum()
    }

    fn provider(&mut self, route: &Route) -> &mut ProviderHealth {
        let provider = self.providers.entry(route.provider.id).or_default();
        provider.limiter.limit(route.provider.requests_per_minute.map(u64::from), route.provider.tokens_per_minute);
        provider
    }

    fn of(&mut self, route: &Route) -> (&mut Limiter, &mut ModelHealth) {
        let provider = self.provider(route);
        let model = provider.models.entry_ref(&route.model.name).or_default();
        if model.provider != route.provider.name {
            model.provider.clone_from(&route.provider.name);
        }
        (&mut provider.limiter, model)
    }
}

impl ProviderHealth {
    /// A connection is the business of the host, which its models share: that there is none counts against all of them.
    fn unreachable(&mut self, route: &Route, detail: &str, now: Duration) {
        for (_, model) in self.models.iter_mut().filter(|(name, _)| **name != route.model.name) {
            model.breaker.failed(now, false);
            model.last_failure = Some(detail.to_owned());
        }
    }
}

/// Somebody is about to ask for leave, once the money is there: others see the place as taken, and the limits do not, so that
/// who has no money takes nothing from anybody.
pub(crate) struct Intent {
    health: Arc<Mutex<Health>>,
    route: Arc<Route>,
    tokens: u64,
}

impl Intent {
    pub(crate) fn new(health: &Arc<Mutex<Health>>, route: &Arc<Route>, tokens: u64) -> Self {
        let intent = Self { health: health.clone(), route: route.clone(), tokens };
        intent.change(|intended| intended.push(tokens));
        intent
    }

    fn change(&self, change: impl Fn(&mut Vec<u64>)) {
        let mut health = self.health.lock();
        change(&mut health.of(&self.route).1.intended);
        change(&mut health.provider(&self.route).intended);
    }
}

impl Drop for Intent {
    fn drop(&mut self) {
        self.change(|intended| {
            // Those of one size stand for each other.
            if let Some(at) = intended.iter().position(|tokens| *tokens == self.tokens) {
                intended.remove(at);
            }
        });
    }
}

impl Permit {
    /// Leave for a request of so many tokens; `None` where the breaker does not give it.
    pub(crate) fn take(health: &Arc<Mutex<Health>>, route: &Arc<Route>, tokens: u64, now: Duration) -> Option<Self> {
        let mut all = health.lock();
        let (limiter, model) = all.of(route);
        let at = now + limiter.wait(now, tokens).max(model.limiter.wait(now, tokens));
        let pass = model.breaker.pass(now);
        if pass == Pass::No {
            return None;
        }
        limiter.take(now, tokens);
        model.limiter.take(now, tokens);
        let (health, route, probe) = (health.clone(), route.clone(), pass == Pass::Probe);
        Some(Self { health, route, at, probe, sent: false, judged: false })
    }

    /// When it may be sent: the provider may have asked for a pause since. `None` where it may not be sent any more.
    pub(crate) fn moment(&self, now: Duration) -> Option<Duration> {
        let mut health = self.health.lock();
        let open = !self.probe && health.passes(&self.route, now).is_err();
        (!open).then(|| self.at.max(now + health.held(&self.route, now)))
    }

    /// It is sent.
    pub(crate) fn sent(&mut self) {
        self.sent = true;
        let mut health = self.health.lock();
        let model = health.of(&self.route).1;
        model.in_flight += 1;
        model.attempts += 1;
    }

    /// It cost more than it could: nothing more is sent there until somebody has looked.
    pub(crate) fn exceeded(route: &Route, health: &Mutex<Health>, now: Duration) {
        let mut health = health.lock();
        let model = health.of(route).1;
        model.breaker.open(now);
        model.last_failure = Some("a request cost more than was reserved for it".to_owned());
    }

    /// How it ended. Tells what operators should see.
    pub(crate) fn judge(mut self, ended: &Ended, now: Duration) -> Option<Alert> {
        self.judged = true;
        let mut health = self.health.lock();
        let (limiter, model) = health.of(&self.route);
        learn(model, &self.route, ended, now);
        let Err(failure) = &ended.result else {
            model.latency.record(ended.latency);
            model.breaker.succeeded(self.probe);
            return None;
        };
        model.last_failure = Some(failure.detail.clone());
        // Whether it speaks of one model or of all, it does not say.
        if let Some(pause) = pause(failure) {
            model.limiter.hold(now.saturating_add(pause));
            limiter.hold(now.saturating_add(pause));
        }
        match failure.class {
            FailureClass::RateLimited | FailureClass::ContextOverflow | FailureClass::Rejected => {
                if self.probe {
                    model.breaker.abandoned();
                }
                model.failures += u64::from(failure.class == FailureClass::Rejected);
                None
            }
            FailureClass::Stopped => {
                model.failures += 1;
                let message = format!("The provider refuses to work: {}.", failure.detail);
                model.breaker.stop(now).then(|| alert("provider_stopped", &self.route, message))
            }
            FailureClass::NotSent
            | FailureClass::ServerError
            | FailureClass::Overloaded
            | FailureClass::TimedOut
            | FailureClass::Cut
            | FailureClass::Unreadable => {
                model.failures += 1;
                let (detail, failures) = (&failure.detail, model.failures);
                let message = format!("The provider fails again and again: {detail}. Its failures so far: {failures}.");
                let opened = model.breaker.failed(now, self.probe);
                if failure.class == FailureClass::NotSent {
                    health.provider(&self.route).unreachable(&self.route, detail, now);
                }
                opened.then(|| alert("breaker_open", &self.route, message))
            }
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut health = self.health.lock();
        let model = health.of(&self.route).1;
        if self.sent {
            model.in_flight = model.in_flight.saturating_sub(1);
        }
        if self.probe && !self.judged {
            model.breaker.abandoned();
        }
    }
}

/// For how long a failure stops all requests to the provider.
fn pause(failure: &Failure) -> Option<Duration> {
    let overloaded = (failure.class == FailureClass::Overloaded).then_some(retry::OVERLOADED);
    failure.retry_after.max(overloaded).map(|pause| pause.min(LONGEST_HOLD))
}

/// What its headers say of its limits. Settings come first.
fn learn(model: &mut ModelHealth, route: &Route, ended: &Ended, now: Duration) {
    let limits = &ended.limits;
    let settings = &route.provider;
    model.limiter.limit(
        limits.requests_limit.map(u64::from).filter(|_| settings.requests_per_minute.is_none()),
        limits.tokens_limit.filter(|_| settings.tokens_per_minute.is_none()),
    );
    let spent = [
        limits.requests_reset.filter(|_| limits.requests_remaining == Some(0)),
        limits.tokens_reset.filter(|_| limits.tokens_remaining == Some(0)),
    ];
    for reset in spent.into_iter().flatten() {
        model.limiter.hold(now.saturating_add(reset.min(LONGEST_HOLD)));
    }
}

/// A line of the view `alert`.
pub(crate) fn alert(kind: &'static str, route: &Route, message: String) -> Alert {
    Alert { kind, provider: route.provider.name.clone(), model: route.model.name.clone(), message }
}
