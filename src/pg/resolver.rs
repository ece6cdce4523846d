//! From raw inputs to outcomes: normal forms, fingerprints, then the tiers of the scope.

use crate::pg::scope::Scope;
use crate::pg::shared_answers::SharedAnswers;
use crate::pg::{audit, deferral, guard, guc, tier};
use pg_categorize_core::cascade::{self, Answer, Outcome, Query, Reason, Tier, TierName};
use pg_categorize_core::fingerprint::{Fingerprint, Fingerprinter};
use pg_categorize_core::image::Picture;
use pg_categorize_core::normalise::{is_blank, normalise_into};
use std::cell::OnceCell;
use std::rc::Rc;

/// Bytes of an input that are read; a longer one is unresolved with reason `input_too_large`.
pub const MAX_INPUT_BYTES: usize = 1024 * 1024;

/// Inputs that pass the tiers together; between two such sets a cancel is served.
const SET: usize = 1000;

/// By what an input is known among the answers of its tenant, and among those that tenants share.
pub type Keys = (Fingerprint, Option<Fingerprint>);

/// The tiers of one scope with their open scans and buffers.
pub struct Resolver {
    scope: Rc<Scope>,
    tiers: Vec<Box<dyn Tier>>,
    normals: Vec<String>,
    /// Whether anybody could be asked or audit, once that was asked.
    has_providers: OnceCell<bool>,
    /// What becomes of misses.
    misses: Misses,
}

/// What becomes of inputs that the tiers leave open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Misses {
    /// What the session and the taxonomy say.
    AsSet,
    /// They are queued.
    Queued,
    /// They stay so.
    Left,
}

impl Resolver {
    /// A resolver for a scope; nothing is opened yet.
    pub fn new(scope: Rc<Scope>) -> Self {
        Self::sharing(scope, None)
    }

    /// One in a process of a parallel plan, which can read stored answers together with others.
    pub fn sharing(scope: Rc<Scope>, shared: Option<&Rc<SharedAnswers>>) -> Self {
        let (normals, has_providers, misses) = (Vec::new(), OnceCell::new(), Misses::AsSet);
        Self { tiers: tier::tiers(&scope, shared), scope, normals, has_providers, misses }
    }

    /// One that asks nobody outside now, and queues what that leaves open.
    pub fn deferred(scope: Rc<Scope>) -> Self {
        Self { misses: Misses::Queued, ..Self::free(scope) }
    }

    /// One that never asks outside the database, and so costs nothing.
    pub fn free(scope: Rc<Scope>) -> Self {
        Self::new(scope).without_cost()
    }

    /// Without the tier that asks outside the database.
    pub fn without_cost(mut self) -> Self {
        self.tiers.retain(|tier| tier.name() != TierName::Llm);
        self.misses = Misses::Left;
        self
    }

    /// The scope it works for.
    pub fn scope(&self) -> &Rc<Scope> {
        &self.scope
    }

    /// What the tiers say of each input.
    pub fn resolve(&mut self, inputs: &[&str]) -> Vec<Outcome> {
        self.tiers.iter_mut().for_each(|tier| tier.begin());
        let mut outcomes = Vec::with_capacity(inputs.len());
        for set in inputs.chunks(SET) {
            guard::check_for_interrupts();
            outcomes.extend(self.resolve_set(set, self.tiers.len(), |_| ()));
        }
        outcomes.iter_mut().for_each(settle);
        outcomes
    }

    /// What the tiers before the language model say of each input, which costs nothing: `found` is told each in its order, those
    /// that are left open with their keys. About `rest` more inputs will come in the statement.
    pub fn look_ahead(&mut self, inputs: &[&str], rest: usize, mut found: impl FnMut(Outcome, Option<Keys>)) {
        self.tiers.iter_mut().for_each(|tier| tier.begin());
        self.expect(rest);
        let free = self.free_tiers();
        let is_all = free == self.tiers.len();
        for set in inputs.chunks(SET) {
            guard::check_for_interrupts();
            let mut keys = Vec::new();
            let outcomes =
                self.resolve_set(set, free, |query| keys.push((query.fingerprint, query.shared_fingerprint)));
            let mut keys = keys.into_iter();
            for (mut outcome, input) in outcomes.into_iter().zip(set) {
                let keys = if unreadable(input).is_none() { keys.next() } else { None };
                let open = keys.filter(|_| !is_all && outcome.answer.is_none());
                if open.is_none() {
                    settle(&mut outcome);
                }
                found(outcome, open);
            }
        }
    }

    /// Tells the places of the inputs that no free tier answers, with their keys. What cannot be asked about is not among them.
    pub fn leave_open(&mut self, inputs: &[&str], mut open: impl FnMut(usize, Keys)) {
        self.tiers.iter_mut().for_each(|tier| tier.begin());
        let free = self.free_tiers();
        for (number, set) in inputs.chunks(SET).enumerate() {
            guard::check_for_interrupts();
            let mut keys = Vec::new();
            let outcomes =
                self.resolve_set(set, free, |query| keys.push((query.fingerprint, query.shared_fingerprint)));
            let mut keys = keys.into_iter();
            for (at, (outcome, input)) in outcomes.into_iter().zip(set).enumerate() {
                let keys = if unreadable(input).is_none() { keys.next() } else { None };
                if let Some(keys) = keys.filter(|_| outcome.answer.is_none()) {
                    open(number * SET + at, keys);
                }
            }
        }
    }

    /// What the language model and the tiers behind it say of an input of which [`Self::look_ahead`] left this.
    pub fn finish(&mut self, input: &str, outcome: Outcome) -> Outcome {
        let free = self.free_tiers();
        self.tiers.iter_mut().for_each(|tier| tier.begin());
        self.prepare(&[input]);
        let mut outcome = [outcome];
        let query = [query(&self.scope, input, &self.normals[0], None)];
        cascade::run(&mut self.tiers[free..], &query, &mut outcome);
        // Earlier texts may have answered in the gateway.
        self.audit(&query, &outcome);
        self.queue(&query, &mut outcome);
        let [mut outcome] = outcome;
        settle(&mut outcome);
        outcome
    }

    /// Number of the tiers before the first that costs something.
    fn free_tiers(&self) -> usize {
        self.tiers.iter().position(|tier| tier.name() == TierName::Llm).unwrap_or(self.tiers.len())
    }

    /// What the tiers say of one input.
    pub fn resolve_one(&mut self, input: &str) -> Outcome {
        let mut outcome = [Outcome::default()];
        if let Some(reason) = unreadable(input) {
            outcome[0].reason = Some(reason);
        } else {
            self.tiers.iter_mut().for_each(|tier| tier.begin());
            self.prepare(&[input]);
            let query = [query(&self.scope, input, &self.normals[0], None)];
            cascade::run(&mut self.tiers, &query, &mut outcome);
            self.audit(&query, &outcome);
            self.queue(&query, &mut outcome);
        }
        let [mut outcome] = outcome;
        settle(&mut outcome);
        outcome
    }

    /// About so many more inputs will come in the statement.
    pub fn expect(&mut self, rest: usize) {
        self.tiers.iter_mut().for_each(|tier| tier.expect(rest));
    }

    /// By what inputs are known, in their order.
    pub fn keys(&mut self, inputs: &[&str]) -> Vec<Keys> {
        self.prepare(inputs);
        let key = |(input, normal): (&&str, &String)| {
            let query = query(&self.scope, input, normal, None);
            (query.fingerprint, query.shared_fingerprint)
        };
        inputs.iter().zip(&self.normals).map(key).collect()
    }

    /// What the tiers say of one input without loading, opening or reckoning anything. Nothing of it is audited.
    pub fn recall(&mut self, input: &str) -> Option<Answer> {
        if unreadable(input).is_some() {
            return None;
        }
        self.prepare(&[input]);
        let query = query(&self.scope, input, &self.normals[0], None);
        cascade::recall(&mut self.tiers, &query)
    }

    /// What the tiers say of an image with the text beside it, which may be blank.
    pub fn resolve_picture(&mut self, picture: &Picture<'_>, text: &str) -> Outcome {
        let mut outcome = [Outcome::default()];
        // One of blanks says as little as none.
        let text = if is_blank(text) { "" } else { text };
        if text.len() > MAX_INPUT_BYTES {
            outcome[0].reason = Some(Reason::InputTooLarge);
        } else {
            self.tiers.iter_mut().for_each(|tier| tier.begin());
            self.prepare(&[text]);
            let query = query(&self.scope, text, &self.normals[0], Some(picture));
            cascade::run(&mut self.tiers, &[query], &mut outcome);
            self.queue(&[query], &mut outcome);
        }
        let [mut outcome] = outcome;
        settle(&mut outcome);
        outcome
    }

    /// What each tier says of one input by itself for nothing, asked one after the other, for `explain`.
    pub fn each_tier(&mut self, input: &str) -> Vec<(TierName, Outcome)> {
        self.prepare(&[input]);
        let query = query(&self.scope, input, &self.normals[0], None);
        let mut said = Vec::with_capacity(self.tiers.len());
        for tier in &mut self.tiers {
            let mut outcome = [Outcome::default()];
            tier.preview(&[query], &mut outcome);
            let [outcome] = outcome;
            said.push((tier.name(), outcome));
        }
        said
    }

    /// What the first `tiers` of them say of a set; `seen` is shown each query.
    fn resolve_set(&mut self, inputs: &[&str], tiers: usize, mut seen: impl FnMut(&Query<'_>)) -> Vec<Outcome> {
        let mut outcomes = vec![Outcome::default(); inputs.len()];
        let mut open = Vec::with_capacity(inputs.len());
        for (i, input) in inputs.iter().enumerate() {
            match unreadable(input) {
                Some(reason) => outcomes[i].reason = Some(reason),
                None => open.push(i),
            }
        }
        self.prepare(&open.iter().map(|i| inputs[*i]).collect::<Vec<_>>());
        let queries: Vec<Query<'_>> =
            open.iter().enumerate().map(|(at, i)| query(&self.scope, inputs[*i], &self.normals[at], None)).collect();
        queries.iter().for_each(&mut seen);
        // What is only looked ahead at may never be asked for: it is audited once a call has it.
        let is_all = tiers == self.tiers.len();
        if open.len() == inputs.len() {
            cascade::run(&mut self.tiers[..tiers], &queries, &mut outcomes);
            if is_all {
                self.audit(&queries, &outcomes);
                self.queue(&queries, &mut outcomes);
            }
        } else {
            let mut readable = vec![Outcome::default(); open.len()];
            cascade::run(&mut self.tiers[..tiers], &queries, &mut readable);
            if is_all {
                self.audit(&queries, &readable);
                self.queue(&queries, &mut readable);
            }
            open.into_iter().zip(readable).for_each(|(i, outcome)| outcomes[i] = outcome);
        }
        outcomes
    }

    /// Has an answer that was found ahead audited, if it is chosen for that, now that a call has it.
    pub fn audit_answer(&mut self, input: &str, outcome: &Outcome) {
        if audit::concerns(outcome) {
            self.prepare(&[input]);
            let query = query(&self.scope, input, &self.normals[0], None);
            self.audit(&[query], std::slice::from_ref(outcome));
        }
    }

    /// Has a share of the free answers checked, where language models may be asked.
    fn audit(&self, queries: &[Query<'_>], outcomes: &[Outcome]) {
        if self.tiers.iter().any(|tier| tier.name() == TierName::Llm) {
            audit::tell(&self.scope, queries, outcomes, &self.has_providers);
        }
    }

    /// Queues what is open, where that is wanted.
    fn queue(&self, queries: &[Query<'_>], outcomes: &mut [Outcome]) {
        if self.misses != Misses::Left {
            let is_deferred = self.misses == Misses::Queued;
            deferral::queue(&self.scope, queries, outcomes, is_deferred, &self.has_providers);
        }
    }

    fn prepare(&mut self, inputs: &[&str]) {
        if self.normals.len() < inputs.len() {
            self.normals.resize_with(inputs.len(), String::new);
        }
        for (input, normal) in inputs.iter().zip(&mut self.normals) {
            normalise_into(input, self.scope.case(), normal);
        }
    }
}

/// An answer needs no reason, and no answer needs one.
pub fn settle(outcome: &mut Outcome) {
    match outcome.answer {
        Some(_) => (outcome.reason, outcome.detail) = (None, None),
        None => _ = outcome.reason.get_or_insert(Reason::BelowThreshold),
    }
}

/// The keys of an input in a scope; `None` where it cannot be asked about at all.
pub fn keys(scope: &Scope, input: &str) -> Option<Keys> {
    if unreadable(input).is_some() {
        return None;
    }
    let mut normal = String::new();
    normalise_into(input, scope.case(), &mut normal);
    let query = query(scope, input, &normal, None);
    Some((query.fingerprint, query.shared_fingerprint))
}

/// Why an input cannot be asked about at all.
pub fn unreadable(input: &str) -> Option<Reason> {
    if is_blank(input) {
        Some(Reason::EmptyInput)
    } else if input.len() > MAX_INPUT_BYTES {
        Some(Reason::InputTooLarge)
    } else {
        None
    }
}

/// Why an image cannot be asked about, with what a person needs to know of it.
pub fn unviewable(image: &[u8]) -> Option<Outcome> {
    let most = guc::max_image_bytes();
    if image.is_empty() {
        return Some(Outcome { reason: Some(Reason::EmptyInput), ..Outcome::default() });
    }
    let detail = format!("The image has {} bytes, and categorize.max_image_size is {most} bytes.", image.len());
    let outcome = Outcome { reason: Some(Reason::InputTooLarge), detail: Some(detail), ..Outcome::default() };
    (image.len() > most).then_some(outcome)
}

fn query<'a>(scope: &Scope, raw: &'a str, normal: &'a str, picture: Option<&'a Picture<'a>>) -> Query<'a> {
    let key = |fingerprints: &Fingerprinter| match picture {
        Some(picture) => fingerprints.of_image(picture.digest(), normal),
        None => fingerprints.fingerprint(normal),
    };
    Query { raw, normal, picture, fingerprint: key(&scope.own), shared_fingerprint: scope.shared.as_ref().map(key) }
}
