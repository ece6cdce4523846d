//! Tier 5: the nearest earlier texts, where they agree and nothing of what vectors blur separates them from the input.
//!
//! All inputs of a set are one statement. What was found in a statement is found again in it: an index that others write to
//! meanwhile may show other neighbours of the same text.

use super::{folded, is_open};
use crate::pg::freshness::Horizon;
use crate::pg::neighbours::{Asked, Near, Neighbourhood, Obstacle, Weighed, weigh};
use crate::pg::scope::Scope;
use crate::pg::statement_memory::{self, StatementMemory};
use crate::pg::{guard, world};
use pg_categorize_core::cascade::{Answer, Guess, Outcome, Query, Reason, Similar, SimilarText, Tier, TierName};
use pg_categorize_core::fingerprint::Fingerprint;
use pg_categorize_core::similarity::NEIGHBOURS;
use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

/// Inputs whose neighbours are looked for in one statement. A cancel is served between them, and inside.
const WINDOW: usize = 256;

/// Bytes of what was found that are kept for the rest of a statement.
const KEPT_BYTES: usize = 16 * 1024 * 1024;

/// What was found for an input.
struct Found {
    answer: Option<Answer>,
    similar: Rc<Similar>,
}

/// What was found in the current statement.
#[derive(Default)]
struct Said {
    found: HashMap<Fingerprint, Rc<Found>>,
    bytes: usize,
}

thread_local! {
    static SAID: StatementMemory<Said> = const { RefCell::new(None) };
}

pub(super) struct SimilarityTier {
    scope: Rc<Scope>,
    neighbourhood: OnceCell<Result<Neighbourhood, Obstacle>>,
}

impl SimilarityTier {
    pub(super) fn new(scope: Rc<Scope>) -> Self {
        Self { scope, neighbourhood: OnceCell::new() }
    }

    fn neighbourhood(&self) -> Result<&Neighbourhood, Obstacle> {
        let opened = self.neighbourhood.get_or_init(|| Neighbourhood::open(&self.scope));
        opened.as_ref().map_err(|obstacle| *obstacle)
    }

    /// What the neighbours of these texts say, in their order.
    fn look(&self, neighbourhood: &Neighbourhood, asked: &[Asked<'_>]) -> Vec<Found> {
        let near = neighbourhood.nearest(&self.scope, asked, NEIGHBOURS);
        let weigh = |(asked, near): (&Asked<'_>, Result<Vec<Near>, String>)| match near {
            Ok(near) => weigh(&self.scope, asked.normal, near, neighbourhood.model()).into(),
            Err(obstacle) => Found::nothing(obstacle),
        };
        asked.iter().zip(near).map(weigh).collect()
    }
}

impl Tier for SimilarityTier {
    fn name(&self) -> TierName {
        TierName::Similarity
    }

    fn answer(&mut self, queries: &[Query<'_>], outcomes: &mut [Outcome]) {
        let scope = self.scope.clone();
        let horizon = world::moment().horizon;
        let mut open: Vec<(&Query<'_>, &mut Outcome)> = queries.iter().zip(outcomes).filter(is_open).collect();
        if open.is_empty() {
            return;
        }
        let neighbourhood = match self.neighbourhood() {
            Ok(neighbourhood) => neighbourhood,
            Err(obstacle) => {
                let nothing = Found::nothing(obstacle.as_str().to_owned());
                open.into_iter().for_each(|(_, outcome)| take(&nothing, outcome));
                return;
            }
        };
        for window in open.chunks_mut(WINDOW) {
            guard::check_for_interrupts();
            let mut found: HashMap<Fingerprint, Rc<Found>> = said(horizon, |said| {
                let known = |(query, _): &(&Query<'_>, _)| {
                    Some((query.fingerprint, said.found.get(&query.fingerprint)?.clone()))
                };
                window.iter().filter_map(known).collect()
            });
            let mut asked: HashMap<Fingerprint, String> = HashMap::new();
            for (query, _) in window.iter().filter(|(query, _)| !found.contains_key(&query.fingerprint)) {
                asked.entry(query.fingerprint).or_insert_with(|| folded(&scope, query).into_owned());
            }
            let asked: Vec<Asked<'_>> = asked.iter().map(|(key, normal)| Asked { key: *key, normal }).collect();
            if !asked.is_empty() {
                let new: Vec<_> = self.look(neighbourhood, &asked).into_iter().map(Rc::new).collect();
                said(horizon, |said| said.keep(&asked, &new));
                found.extend(asked.iter().map(|asked| asked.key).zip(new));
            }
            for (query, outcome) in window {
                if let Some(found) = found.get(&query.fingerprint) {
                    take(found, outcome);
                }
            }
        }
    }
}

impl From<Weighed> for Found {
    fn from(weighed: Weighed) -> Self {
        Self { answer: weighed.answer, similar: Rc::new(weighed.similar) }
    }
}

impl Found {
    fn nothing(obstacle: String) -> Self {
        Self { answer: None, similar: Rc::new(Similar { obstacle: Some(obstacle), ..Similar::default() }) }
    }
}

/// Writes what was found into an outcome. Categories of neighbours that no tier before has named are told to later ones, after
/// the others and without a confidence, since nothing has measured it.
fn take(found: &Found, outcome: &mut Outcome) {
    outcome.reason.get_or_insert(Reason::BelowThreshold);
    outcome.answer.clone_from(&found.answer);
    outcome.similar = Some(found.similar.clone());
    for text in &found.similar.texts {
        if outcome.alternatives.iter().all(|guess| guess.category != text.category) {
            outcome.alternatives.push(Guess { category: text.category, confidence: 0.0 });
        }
    }
}

impl Said {
    fn keep(&mut self, asked: &[Asked<'_>], found: &[Rc<Found>]) {
        for (asked, found) in asked.iter().zip(found) {
            let texts: usize = found.similar.texts.iter().map(|text| size_of::<SimilarText>() + text.text.len()).sum();
            self.bytes += size_of::<(Fingerprint, Found, Similar)>() + texts;
            if self.bytes <= KEPT_BYTES {
                self.found.insert(asked.key, found.clone());
            }
        }
    }
}

/// Runs `work` on what was found in the statement of this horizon.
fn said<T>(horizon: Horizon, work: impl FnOnce(&mut Said) -> T) -> T {
    statement_memory::recall(&SAID, horizon, work)
}
