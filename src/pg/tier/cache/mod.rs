//! Tier 3: an earlier answer for the same text, or a learnt example; exact and not expired.
//!
//! Texts are looked up one by one through the index, until so many were that reading the stored answers once would have been
//! less work (`held.rs`). Where they do not fit into memory, the page on which one was found is read as a whole, as long as the
//! next are found there (`pages.rs`).

mod held;
mod pages;

pub use held::{MANY, ROWS_PER_LOOK_UP};

use crate::pg::probe::{Found, Probe};
use crate::pg::scope::Scope;
use crate::pg::shared_answers::SharedAnswers;
use crate::pg::spi::column;
use crate::pg::{catalog, guard};
use held::Held;
use pages::Pages;
use pg_categorize_core::cascade::{Answer, Guess, Origin, Outcome, Provenance, Query, Recall, Tier, TierName};
use pg_categorize_core::confidence::Source;
use pg_categorize_core::exact::Known;
use pg_categorize_core::frame::Grounds;
use std::rc::Rc;

pub(super) struct CacheTier {
    scope: Rc<Scope>,
    probe: Option<Probe>,
    held: Held,
    pages: Pages,
    /// What is held says this of a set of queries.
    known: Vec<Known>,
}

impl CacheTier {
    pub(super) fn new(scope: Rc<Scope>, shared: Option<Rc<SharedAnswers>>) -> Self {
        Self { scope, probe: None, held: Held::new(shared), pages: Pages::new(), known: Vec::new() }
    }
}

impl Tier for CacheTier {
    fn name(&self) -> TierName {
        TierName::Cache
    }

    fn expect(&mut self, queries: usize) {
        self.held.expect(queries);
    }

    fn answer(&mut self, queries: &[Query<'_>], outcomes: &mut [Outcome]) {
        let scope = &self.scope;
        self.held.count(outcomes.iter().filter(|outcome| outcome.answer.is_none()).count(), scope);
        // By themselves, so that the processor waits for the memory of many at once.
        self.known.clear();
        self.held.tell(queries, &mut self.known);
        let probe = self.probe.get_or_insert_with(|| {
            let tables = catalog::tables();
            Probe::hash(tables.cache, tables.cache_index)
        });
        let mut stored = Stored { probe, pages: (!self.held.is_whole()).then_some(&mut self.pages), scope };
        for (at, (query, outcome)) in queries.iter().zip(outcomes).enumerate().filter(|(_, (_, o))| o.answer.is_none())
        {
            outcome.answer = match self.known.get(at) {
                Some(Known::Answer(guess)) => Some(label(*guess)),
                Some(Known::Nothing) => None,
                Some(Known::Elsewhere) | None => stored.find(query),
            };
        }
    }

    fn recall(&mut self, query: &Query<'_>) -> Recall {
        let Some(probe) = &mut self.probe else { return Recall::Unknown };
        self.held.count(1, &self.scope);
        let answer = match self.held.tell_one(query) {
            Some(Known::Answer(guess)) => Some(label(guess)),
            Some(Known::Nothing) => None,
            Some(Known::Elsewhere) | None => {
                let pages = (!self.held.is_whole()).then_some(&mut self.pages);
                Stored { probe, pages, scope: &self.scope }.find(query)
            }
        };
        answer.map_or(Recall::Nothing, Recall::Answer)
    }
}

/// Answers where they are stored.
struct Stored<'a> {
    probe: &'a mut Probe,
    /// Pages that were read, where there may be more on them than what is held.
    pages: Option<&'a mut Pages>,
    scope: &'a Scope,
}

impl Stored<'_> {
    /// The stored answer of one query.
    fn find(&mut self, query: &Query<'_>) -> Option<Answer> {
        let known = self.pages.as_mut().and_then(|pages| pages.tell(&query.fingerprint));
        if let Some(Known::Answer(guess)) = known {
            return Some(label(guess));
        }
        let scope = self.scope;
        let own = self.probe.find(&query.fingerprint, |row| (read(row, scope), row.page()));
        if let Some((Some(answer), page)) = own {
            // Of what has to be read where it is stored, a page would tell no more.
            if let Some(pages) = self.pages.as_mut().filter(|_| answer.origin == Origin::Label && known.is_none()) {
                pages.found(page, scope);
            }
            return Some(answer);
        }
        let shared = self.probe.find(&query.shared_fingerprint?, |row| read(row, scope)).flatten();
        // Tenants share paid answers only; what people said stays theirs.
        shared.filter(|answer| answer.origin == Origin::Llm)
    }
}

/// The answer that somebody taught.
fn label(Guess { category, confidence }: Guess) -> Answer {
    Answer::new(category, confidence, TierName::Cache, Origin::Label)
}

fn read(row: &Found, scope: &Scope) -> Option<Answer> {
    let category = match row.get::<i32>(column::CATEGORY) {
        Some(id) => scope.answerable(id)?,
        None => scope.ad_hoc(row.get(column::CATEGORY_LABEL)?)?,
    };
    let confidence = row.get::<f32>(column::CONFIDENCE)?;
    let origin = origin(row)?;
    let mut answer = Answer::new(category, confidence, TierName::Cache, origin);
    if let Some(expires_at) = row.get::<i64>(column::EXPIRES_AT) {
        if expires_at <= guard::statement_time() {
            return None;
        }
        answer.expires_at = expires_at;
    }
    if origin == Origin::Llm {
        let (provider, model, grounds) = (row.get(column::PROVIDER), row.get(column::MODEL), grounds(row));
        answer.provenance = Some(Box::new(Provenance { provider, model, grounds, request: None }));
        answer.upgraded = row.get(column::UPGRADED).unwrap_or(false);
    }
    Some(answer)
}

/// The tier that made a stored answer.
fn origin(row: &Found) -> Option<Origin> {
    Origin::parse(str::from_utf8(row.bytes(column::ORIGIN)?).ok()?)
}

fn grounds(row: &Found) -> Option<Grounds> {
    let source = Source::parse(row.get(column::CONFIDENCE_SOURCE)?)?;
    Some(Grounds { raw_confidence: row.get(column::RAW_CONFIDENCE)?, source, rationale: row.get(column::RATIONALE) })
}
