//! What a statement will probably ask and cost, before anything is asked: from its plan, the statistics of its tables, what the
//! free tiers say of values in these, and the prices of its models. Nothing is bought, and no provider is asked.
//!
//! `site` finds the places that call us and how often they will, `column` and `statistics` what their inputs are, `mix` who will
//! answer them, `price` what a model takes; `limit` refuses what is too dear.

mod column;
mod condition;
mod limit;
mod line;
mod mix;
mod price;
mod site;
mod statistics;

pub use limit::init;
pub use line::lines;
pub use mix::Basis;
pub use price::{PerInput, per_input, per_input_in_batches};

use self::column::Input;
use self::mix::{Mix, mix};
use self::site::{Site, sites};
use self::statistics::Statistics;
use super::function::Form;
use super::tree::{NodeTag, tag};
use crate::pg::ahead::Target;
use crate::pg::call_site::{self, Into};
use crate::pg::stats::{KINDS, kind};
use crate::pg::{guard, guc, tier, world};
use pg_categorize_core::cascade::TierName;
use pg_categorize_core::money::Money;
use pgrx::pg_sys;
use pgrx::prelude::*;

/// What is expected of the calls that ask the same inputs into the same taxonomy.
#[derive(Debug, Clone)]
pub struct Estimate {
    /// The taxonomy; `None` for ad-hoc labels.
    pub taxonomy: Option<String>,
    /// Calls.
    pub calls: f64,
    /// Distinct inputs.
    pub inputs: f64,
    /// Calls by who answers their input: each tier, then nobody.
    pub calls_by: [f64; KINDS],
    /// Distinct inputs by who answers them.
    pub inputs_by: [f64; KINDS],
    /// What is paid, if all goes well for who pays.
    pub low: Money,
    /// What is paid at most, unless requests fail.
    pub high: Money,
    /// On what it rests.
    pub basis: Basis,
}

/// What is expected of a statement.
///
/// # Safety
/// The statement is a finished plan whose tables are locked, inside a transaction with a snapshot; the parameters are those that
/// it runs with, or null.
pub unsafe fn of_statement(statement: *mut pg_sys::PlannedStmt, parameters: pg_sys::ParamListInfo) -> Vec<Estimate> {
    // SAFETY: promised by the caller.
    unsafe { estimates(statement, parameters, sites(statement)) }
}

/// What is expected of the calls that one node of ours looks ahead for.
///
/// # Safety
/// As [`of_statement`]; `node` is one of ours in the statement.
pub unsafe fn of_node(
    statement: *mut pg_sys::PlannedStmt,
    parameters: pg_sys::ParamListInfo,
    node: *mut pg_sys::Plan,
) -> Vec<Estimate> {
    // SAFETY: promised by the caller.
    unsafe {
        let is_of = |site: &Site| std::ptr::eq(site.plan, node) || std::ptr::eq((*site.plan).lefttree, node);
        estimates(statement, parameters, sites(statement).into_iter().filter(is_of).collect())
    }
}

/// Places that ask the same inputs into the same taxonomy: each input is paid for once.
struct Group {
    target: Target,
    input: Option<Input>,
    calls: f64,
    /// Of the place that makes the most.
    most: f64,
    least: f64,
    is_ahead: bool,
}

/// # Safety
/// As [`of_statement`]; the places are those of the statement.
unsafe fn estimates(
    statement: *mut pg_sys::PlannedStmt,
    parameters: pg_sys::ParamListInfo,
    sites: Vec<Site>,
) -> Vec<Estimate> {
    // SAFETY: promised by the caller.
    unsafe {
        if sites.is_empty() || !pg_sys::ActiveSnapshotSet() || guard::in_parallel_mode() {
            return Vec::new();
        }
        let mut groups: Vec<Group> = Vec::new();
        for site in sites {
            let Some(target) = target(&site, parameters) else { continue };
            let input = column::input(statement, site.plan, site.input);
            let same = |group: &&mut Group| match (&group.input, &input) {
                (Some(known), Some(input)) => {
                    group.target == target && pg_sys::equal(known.expression.cast(), input.expression.cast())
                }
                _ => false,
            };
            match groups.iter_mut().find(same) {
                Some(group) => {
                    group.calls += site.calls;
                    group.most = group.most.max(site.calls);
                    group.least = group.least.max(site.least);
                    group.is_ahead |= site.is_ahead;
                }
                None => groups.push(Group {
                    target,
                    input,
                    calls: site.calls,
                    most: site.calls,
                    least: site.least,
                    is_ahead: site.is_ahead,
                }),
            }
        }
        groups.into_iter().filter_map(|group| estimate(statement, group)).collect()
    }
}

/// What the calls of a place ask into; `None` where that is not known before they are made, or is none that there is.
///
/// # Safety
/// The place is one of a statement that runs with these parameters.
unsafe fn target(site: &Site, parameters: pg_sys::ParamListInfo) -> Option<Target> {
    // SAFETY: promised by the caller; the value is of the type of the function's second argument.
    unsafe {
        let (value, is_null) = match tag(site.into) {
            NodeTag::T_Const => {
                let constant = &*site.into.cast::<pg_sys::Const>();
                (constant.constvalue, constant.constisnull)
            }
            NodeTag::T_Param => {
                let parameter = &*site.into.cast::<pg_sys::Param>();
                // Variables of PL/pgSQL are evaluated when they are fetched, and may fail.
                let is_plain = parameter.paramkind == pg_sys::ParamKind::PARAM_EXTERN
                    && !parameters.is_null()
                    && (*parameters).paramFetch.is_none()
                    && (1..=(*parameters).numParams).contains(&parameter.paramid);
                if !is_plain {
                    return None;
                }
                let given = &*(*parameters).params.as_ptr().add(parameter.paramid as usize - 1);
                (given.value, given.isnull)
            }
            _ => return None,
        };
        let cached_only = site.form == Form::Cached;
        match site.form {
            Form::Taxonomy | Form::Cached => {
                let name = String::from_datum(value, is_null).or_else(guc::taxonomy)?;
                let (world, _) = world::now();
                world.has_taxonomy(&name).then(|| Target::new(&Into::Taxonomy(Some(&name)), cached_only))
            }
            Form::Labels => {
                let labels = Vec::<Option<String>>::from_datum(value, is_null)?;
                let is_valid = pg_categorize_core::taxonomy::ad_hoc_labels(labels.clone()).is_ok();
                is_valid.then(|| Target::new(&Into::Labels(Some(labels)), cached_only))
            }
        }
    }
}

/// # Safety
/// The group is of the statement.
unsafe fn estimate(statement: *mut pg_sys::PlannedStmt, group: Group) -> Option<Estimate> {
    let (world, _) = world::now();
    let scope = call_site::scope(&world, &group.target.as_into())?;
    // SAFETY: promised by the caller.
    let known = group.input.as_ref().and_then(|input| unsafe { statistics::of_input(statement, input) });
    let known = known.as_ref();
    let is_free = group.target.is_cached_only();
    let may_buy = !is_free && tier::may_buy(&scope);
    let price = if may_buy { per_input(&scope, bytes(known), group.is_ahead) } else { None };
    // NULL in, NULL out, free.
    let given = known.map_or(1.0, |known| 1.0 - known.nulls);
    let Mix { basis, inputs, rows_by, inputs_by, open } =
        mix(&scope, known, group.most * given, (is_free, price.is_some()));
    let most = group.most.max(f64::MIN_POSITIVE);
    // As many of fewer inputs, of which none is more than once.
    let least = (open.low * group.least / most).min(group.least);
    let dollars = |inputs: f64, each: f64| if inputs > 0.0 { Money((inputs * each) as i64) } else { Money::ZERO };
    let repeated = group.calls / most;
    Some(Estimate {
        taxonomy: scope.taxonomy().map(|taxonomy| taxonomy.name.clone()),
        calls: group.calls,
        inputs,
        calls_by: rows_by.map(|rows| rows * repeated),
        inputs_by,
        low: price.map_or(Money::ZERO, |price| dollars(least, price.usual)),
        high: price.map_or(Money::ZERO, |price| dollars(open.high, price.worst)),
        basis,
    })
}

/// Bytes of a usual input.
fn bytes(known: Option<&Statistics>) -> f64 {
    /// Where nothing is known of them: a title.
    const TITLE: f64 = 60.0;
    let Some(known) = known else { return TITLE };
    let texts = known.common.iter().map(|(text, _)| text).chain(&known.drawn);
    let (count, bytes) = texts.fold((0.0, 0.0), |(count, bytes), text| (count + 1.0, bytes + text.len() as f64));
    if count > 0.0 { bytes / count } else { TITLE }
}

impl Estimate {
    /// Adds what is expected of other calls.
    fn add(&mut self, other: &Self) {
        self.calls += other.calls;
        self.inputs += other.inputs;
        self.calls_by.iter_mut().zip(other.calls_by).for_each(|(sum, more)| *sum += more);
        self.inputs_by.iter_mut().zip(other.inputs_by).for_each(|(sum, more)| *sum += more);
        self.low = Money(self.low.0.saturating_add(other.low.0));
        self.high = Money(self.high.0.saturating_add(other.high.0));
    }

    /// What is expected of all of them together; `None` of none.
    pub fn sum(estimates: &[Self]) -> Option<Self> {
        let (first, others) = estimates.split_first()?;
        let mut sum = first.clone();
        others.iter().for_each(|other| sum.add(other));
        Some(sum)
    }

    /// Names of those who answer, with the calls and the distinct inputs of each; only of those who are expected to.
    pub fn answerers(&self) -> impl Iterator<Item = (&'static str, f64, f64)> {
        let names = TierName::ALL.iter().map(|tier| tier.as_str()).chain(["unresolved"]);
        let of = self.calls_by.into_iter().zip(self.inputs_by);
        names.zip(of).map(|(name, (calls, inputs))| (name, calls, inputs)).filter(|(_, calls, _)| *calls > 0.0)
    }

    /// Distinct inputs that a model is asked about.
    pub fn bought(&self) -> f64 {
        self.inputs_by[kind(Some(TierName::Llm))]
    }
}

impl Basis {
    /// As it is told: on what an estimate rests.
    pub fn told(self) -> String {
        match self {
            Self::Values(count) => format!("{count} values of the column's statistics"),
            Self::Answers => "answers so far".to_owned(),
            Self::Nothing => "nothing".to_owned(),
        }
    }
}
