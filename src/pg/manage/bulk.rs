//! The books of bulk runs: who works at which keys, how far a run is, and what it may still buy.

use super::{Caller, as_writer, taxonomy};
use crate::pg::spi::{self, BulkClaim, BulkRun, NewBulkRun, Spending};
use crate::pg::{error, guard, launch};
use pg_categorize_core::bulk::{self, Sampled};
use pg_categorize_core::dollars;
use pg_categorize_core::error::Error;
use pg_categorize_core::money::{Money, NANO};
use pgrx::JsonB;
use pgrx::datum::Interval;
use pgrx::prelude::*;

/// More than anybody means.
const MOST: Money = Money(1_000_000_000 * NANO);

/// Rows of a chunk: more would be held in memory at once.
const MOST_ROWS: i32 = 100_000;

/// A table, by its OID.
pub type Relation = pg_sys::Oid;

/// What a run is to do.
pub struct Wanted<'a> {
    /// The table.
    pub relation: Relation,
    /// Columns of the input, with commas between them.
    pub input_columns: &'a str,
    /// The column to be filled.
    pub output_column: &'a str,
    /// Name of the taxonomy.
    pub taxonomy: &'a str,
    /// Which rows.
    pub condition: Option<&'a str>,
    /// Whether rows that have a value are done, too.
    pub overwrite: bool,
    /// Dollars.
    pub limit: Option<&'a str>,
    /// Rows of a chunk.
    pub chunk_size: i32,
    /// Whether nothing is to be bought or written.
    pub dry_run: bool,
    /// How long a claim stands without a sign of its holder.
    pub claim_timeout: Interval,
}

/// What a session does next.
pub struct Task {
    /// `plan`, `next`, `range`, `wait` or `done`.
    pub name: &'static str,
    /// What it holds for that.
    pub claim: Option<i64>,
    /// The key before the first.
    pub from_key: Option<JsonB>,
    /// The last key.
    pub to_key: Option<JsonB>,
}

/// Begins a run, or goes on with one.
pub fn begin(wanted: &Wanted<'_>) -> i64 {
    if guard::in_transaction_block() {
        error::report(
            PgSqlErrorCode::ERRCODE_ACTIVE_SQL_TRANSACTION,
            "categorize.run() cannot run inside a transaction block",
            Some("It commits each chunk by itself.".to_owned()),
            Some("CALL it outside of BEGIN, of functions and of several statements sent at once.".to_owned()),
        );
    }
    let limit = wanted.limit.map(|text| dollars::parse(text, "max_usd", MOST).unwrap_or_else(|e| error::raise(e)));
    if !(1..=MOST_ROWS).contains(&wanted.chunk_size) {
        error::raise(
            Error::invalid(format!("invalid value for \"chunk_size\": {}", wanted.chunk_size))
                .hint(format!("Allowed: a number of rows from 1 to {MOST_ROWS}.")),
        );
    }
    if wanted.claim_timeout.as_micros() <= 0 {
        error::raise(
            Error::invalid("claim_timeout must be positive").hint("It is how long a claim stands, as in '10 minutes'."),
        );
    }
    as_writer(|caller| {
        taxonomy(Some(wanted.taxonomy));
        spi::prune_bulk_runs();
        let new = NewBulkRun {
            role: &caller.name,
            tenant: &caller.tenant,
            relation: wanted.relation,
            input_columns: wanted.input_columns,
            output_column: wanted.output_column,
            taxonomy: wanted.taxonomy,
            condition: wanted.condition,
            overwrite: wanted.overwrite,
            dry_run: wanted.dry_run,
            limit,
        };
        if let Some(run) = spi::insert_bulk_run(&new) {
            return run;
        }
        let run = spi::join_bulk_run(&new).unwrap_or_else(|| {
            error::report(
                PgSqlErrorCode::ERRCODE_T_R_SERIALIZATION_FAILURE,
                "the same run ended just now",
                None,
                Some("Call it again.".to_owned()),
            )
        });
        let detail = format!("It is run {run} of categorize.progress, which has not ended.");
        error::notice("going on with a run that was begun", detail, "Other arguments begin another run.".to_owned());
        run
    })
}

/// Takes what is to be done next.
pub fn claim(run: i64, timeout: Interval) -> Task {
    as_writer(|caller| {
        let state = own(caller, run);
        let task = |name, claim| Task { name, claim, from_key: None, to_key: None };
        if state.ended {
            return task("done", None);
        }
        if let Some(BulkClaim { id, planning, from_key, to_key }) = spi::take_over_claim(run, &timeout) {
            return Task { name: if planning { "plan" } else { "range" }, claim: Some(id), from_key, to_key };
        }
        if !state.planned {
            let busy = spi::open_claims(run) > 0;
            return if busy { task("wait", None) } else { task("plan", spi::insert_claim(run, true, None, &timeout)) };
        }
        if !state.swept {
            let claim = spi::insert_claim(run, false, state.position.as_ref(), &timeout);
            return Task { name: "next", claim, from_key: state.position, to_key: None };
        }
        if spi::open_claims(run) == 0 {
            spi::end_bulk_run(run);
        }
        task("done", None)
    })
}

/// Notes that a run is planned.
pub fn planned(claim: i64, rows: i64) {
    as_writer(|caller| {
        if let Some(run) = held(caller, claim) {
            spi::delete_claim(claim);
            spi::set_planned(run.id, rows);
        }
    });
}

/// Notes up to which key a claim goes; `last` where no row comes after it.
pub fn advance(claim: i64, to_key: Option<JsonB>, last: bool) {
    as_writer(|caller| {
        if let Some(run) = held(caller, claim) {
            spi::advance(run.id, claim, to_key, last);
        }
    });
}

/// How many of so many inputs a claim may buy now.
pub fn allow(claim: i64, inputs: i32) -> Option<i32> {
    as_writer(|caller| {
        // Who has lost its claim buys nothing for it.
        let Some(run) = held(caller, claim) else { return Some(0) };
        let limit = run.limit?;
        if inputs <= 0 {
            // Who only begins gives back what it had, and need not know what is left.
            spi::set_allowance(claim, Money::ZERO);
            return Some(0);
        }
        let Spending { spent, set_aside, under_way, dearest } = spi::bulk_spending(run.id, claim);
        let open = set_aside || under_way && gateway_comes();
        let allowance = bulk::allowance(limit, spent, dearest, open, inputs);
        spi::set_allowance(claim, allowance.set_aside());
        match allowance {
            bulk::Allowance::Buy { inputs, .. } => Some(inputs),
            bulk::Allowance::Wait => Some(-1),
            bulk::Allowance::Spent => {
                spi::set_limit_reached(run.id);
                Some(0)
            }
        }
    })
}

/// Whether there is a gateway, or will be, that ends what is under way. What a gateway that is gone has left is ended by its successor,
/// which nobody else may ask for: who waits buys nothing.
fn gateway_comes() -> bool {
    launch::want_gateway();
    launch::obstacle().is_none()
}

/// Ends a claim, and counts its rows.
pub fn close(claim: i64, sources: &[Option<String>], written: i64) -> bool {
    as_writer(|caller| {
        let Some(run) = held(caller, claim) else { return false };
        spi::delete_claim(claim);
        let tiers = bulk::tally(sources.iter().map(|source| (source.as_deref(), 1)));
        spi::count_rows(run.id, sources.len() as i64, written, JsonB(serde_json::json!(tiers)));
        true
    })
}

/// A sample from its columns.
pub fn sample(sources: Vec<Option<String>>, rows: Vec<Option<i64>>, sketches: Vec<Option<String>>) -> Vec<Sampled> {
    let columns = sources.into_iter().zip(rows).zip(sketches);
    columns
        .map(|((source, rows), sketch)| Sampled {
            source: source.unwrap_or_default(),
            rows: rows.unwrap_or(0),
            sketch: sketch.unwrap_or_default(),
        })
        .collect()
}

/// Ends a dry run, and tells the caller what it found.
pub fn surveyed(run: i64, rows: i64, inputs: i64, sample: &[Sampled]) {
    as_writer(|caller| {
        let state = own(caller, run);
        let prices = spi::price_of_input(&caller.tenant, taxonomy(Some(&state.taxonomy)).id);
        let survey = bulk::survey(rows, inputs, sample, prices);
        spi::end_dry_run(run, rows, inputs, &survey);
        let tiers: Vec<String> = survey.tiers.iter().map(|(tier, rows)| format!("{tier} {rows}")).collect();
        let price = match survey.price {
            Some((low, high)) => format!("The rest costs about {low} to {high} dollars."),
            None => {
                "What the rest costs is not known: no language model was asked for this taxonomy of late.".to_owned()
            }
        };
        error::notice(
            &format!("{rows} rows with {inputs} distinct inputs; nothing was bought or written"),
            format!("Rows by tier: {}. {price}", if tiers.is_empty() { "none".to_owned() } else { tiers.join(", ") }),
            format!("categorize.progress shows it as run {run}."),
        );
    });
}

/// A run of the caller's, held until the transaction ends.
///
/// # Errors
/// 22023 where there is none.
fn own(caller: &Caller, run: i64) -> BulkRun {
    spi::lock_bulk_run(run, &caller.name, &caller.tenant).unwrap_or_else(|| {
        error::raise(
            Error::invalid(format!("run {run} does not exist"))
                .hint("categorize.progress lists the runs that this session sees."),
        )
    })
}

/// The run of a claim that this session holds, with the run held until the transaction ends.
fn held(caller: &Caller, claim: i64) -> Option<BulkRun> {
    let run = spi::run_of_claim(claim)?;
    let run = spi::lock_bulk_run(run, &caller.name, &caller.tenant)?;
    spi::holds_claim(claim).then_some(run)
}
