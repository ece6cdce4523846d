//! What EXPLAIN says of a node: the inputs that it evaluates, and, once it ran, what it did.

use super::estimate::Estimate;
use super::layout::Asked;
use super::tree::list;
use crate::pg::stats::{self, KINDS};
use pg_categorize_core::cascade::{Outcome, TierName};
use pg_categorize_core::money::Money;
use pgrx::pg_sys;
use std::collections::BTreeMap;
use std::ffi::{CStr, CString};
use std::time::Duration;

/// Names of what is expected of each tier, in the order of all tiers, and of what is left unresolved.
const EXPECTED: [&CStr; KINDS] = [
    c"Expected from Correction",
    c"Expected from Rule",
    c"Expected from Cache",
    c"Expected from Local Model",
    c"Expected from Similarity",
    c"Expected from LLM",
    c"Expected Unresolved",
];

/// Names of what each tier did.
const ANSWERED: [&CStr; TierName::ALL.len()] = [
    c"Answered by Correction",
    c"Answered by Rule",
    c"Answered by Cache",
    c"Answered by Local Model",
    c"Answered by Similarity",
    c"Answered by LLM",
];

/// What a node did.
#[derive(Debug, Clone, Default)]
pub struct Work {
    /// Windows that were read.
    pub windows: u64,
    /// Distinct inputs of windows.
    pub inputs: u64,
    /// Those that each tier answered.
    pub answers: [u64; TierName::ALL.len()],
    /// Those that were sent to the gateway ahead of their calls.
    pub sent: u64,
    /// The requests that brought the answers to them: tokens that were read and written, by the number of the attempt.
    pub requests: BTreeMap<i64, [u64; 2]>,
    /// What the answers to them cost.
    pub cost: Money,
    /// The time that rows waited for these.
    pub waited: Duration,
}

impl Work {
    /// Counts the answer of an outcome, if it has one.
    pub fn count(&mut self, outcome: &Outcome) {
        if let Some(answer) = &outcome.answer {
            self.answers[stats::kind(Some(answer.source))] += 1;
            self.cost = Money(self.cost.0.saturating_add(answer.cost.0));
            if let Some(request) = answer.provenance.as_ref().and_then(|provenance| provenance.request) {
                self.requests.insert(request.attempt, [request.input_tokens, request.output_tokens]);
            }
        }
    }

    /// Adds the work of a part, windows apart.
    pub fn add(&mut self, part: &Self) {
        self.inputs += part.inputs;
        self.answers.iter_mut().zip(part.answers).for_each(|(sum, more)| *sum += more);
        self.sent += part.sent;
        self.requests.extend(&part.requests);
        self.waited += part.waited;
        self.cost = Money(self.cost.0.saturating_add(part.cost.0));
    }
}

/// Says which inputs a node evaluates.
///
/// # Safety
/// The calls are those of the plan; Postgres passed the rest to the callback.
pub unsafe fn inputs(
    calls: &[Asked],
    plan: *mut pg_sys::Plan,
    ancestors: *mut pg_sys::List,
    explained: *mut pg_sys::ExplainState,
) {
    // SAFETY: promised by the caller; names of columns are found through the plan's child.
    unsafe {
        let context = pg_sys::set_deparse_context_plan((*explained).deparse_cxt, plan, ancestors);
        let has_many = pg_sys::list_length((*explained).rtable) > 1 || (*explained).verbose;
        let mut texts: Vec<CString> = Vec::new();
        for call in calls {
            let text = pg_sys::deparse_expression(call.input.cast(), context, has_many, false);
            let text = CStr::from_ptr(text).to_owned();
            if !texts.contains(&text) {
                texts.push(text);
            }
        }
        let names = list(texts.iter().map(|text| text.as_ptr().cast_mut()));
        pg_sys::ExplainPropertyList(c"Inputs".as_ptr(), names, explained);
    }
}

/// Says what is expected of the calls that a node looks ahead for.
///
/// # Safety
/// Postgres passed the state to the callback.
pub unsafe fn expected(estimates: &[Estimate], explained: *mut pg_sys::ExplainState) {
    let Some(sum) = Estimate::sum(estimates) else { return };
    let number = |name: &CStr, value: f64| {
        // SAFETY: promised by the caller; the names live as long as the call.
        unsafe { pg_sys::ExplainPropertyFloat(name.as_ptr(), std::ptr::null(), value.round(), 0, explained) };
    };
    number(c"Expected Calls", sum.calls);
    number(c"Expected Distinct Inputs", sum.inputs);
    for (name, calls) in EXPECTED.iter().zip(sum.calls_by).filter(|(_, calls)| *calls > 0.0) {
        number(name, calls);
    }
    // SAFETY: as above.
    unsafe {
        dollars(c"Expected Cost Low", sum.low, explained);
        dollars(c"Expected Cost High", sum.high, explained);
    }
    let told = estimates.iter().map(|estimate| estimate.basis.told()).collect::<Vec<_>>().join("; ");
    let told = CString::new(told).unwrap_or_default();
    // SAFETY: as above.
    unsafe { pg_sys::ExplainPropertyText(c"Expected by".as_ptr(), told.as_ptr(), explained) };
}

/// Says what a node did.
///
/// # Safety
/// Postgres passed the state to the callback.
pub unsafe fn work(work: &Work, explained: *mut pg_sys::ExplainState) {
    let number = |name: &CStr, value: u64| {
        let value = i64::try_from(value).unwrap_or(i64::MAX);
        // SAFETY: promised by the caller; the names are static.
        unsafe { pg_sys::ExplainPropertyInteger(name.as_ptr(), std::ptr::null(), value, explained) };
    };
    number(c"Windows", work.windows);
    number(c"Distinct Inputs", work.inputs);
    for (name, answers) in ANSWERED.iter().zip(work.answers).filter(|(_, answers)| *answers > 0) {
        number(name, answers);
    }
    if work.sent > 0 {
        number(c"Sent to Gateway", work.sent);
        let tokens = |at: usize| work.requests.values().map(|tokens| tokens[at]).fold(0, u64::saturating_add);
        number(c"Provider Calls", work.requests.len() as u64);
        number(c"Input Tokens", tokens(0));
        number(c"Output Tokens", tokens(1));
        // SAFETY: as above.
        unsafe {
            dollars(c"Cost", work.cost, explained);
            if (*explained).timing {
                let milliseconds = work.waited.as_secs_f64() * 1e3;
                pg_sys::ExplainPropertyFloat(c"Waiting Time".as_ptr(), c"ms".as_ptr(), milliseconds, 3, explained);
            }
        }
    }
}

/// Says an amount.
///
/// # Safety
/// Postgres passed the state to the callback.
unsafe fn dollars(name: &CStr, amount: Money, explained: *mut pg_sys::ExplainState) {
    // SAFETY: promised by the caller; the names live as long as the call.
    unsafe { pg_sys::ExplainPropertyFloat(name.as_ptr(), c"USD".as_ptr(), amount.0 as f64 / 1e9, 6, explained) };
}
