//! The records of batches.

use super::super::run;
use pg_categorize_core::batch::{Batch, State};
use pg_categorize_core::raw_request::Endpoint;
use pgrx::JsonB;
use pgrx::pg_sys;

/// A batch that has not ended.
pub struct OpenBatch {
    /// Its record.
    pub record: Batch,
    /// Its name at the provider.
    pub token: i64,
    /// The model.
    pub model: String,
    /// Whether it is also asked why.
    pub rationale: bool,
    /// The row of its price.
    pub price: i64,
    /// Bytes of its requests.
    pub bytes: i64,
    /// Whether somebody wants it cancelled.
    pub cancel_wanted: bool,
    /// Whether it is bound to this database.
    pub is_here: bool,
    /// What users call its kind of work, and what its requests are written for, where users have written them.
    pub raw: Option<(String, Endpoint)>,
}

/// The batches that have not ended.
pub fn open_batches(system_identifier: i64, database: pg_sys::Oid) -> Vec<OpenBatch> {
    let sql = "SELECT record, token, model, rationale, price_id, bytes, cancel_wanted,
                      system_identifier = $1 AND database_oid = $2, job_type, endpoint
                 FROM categorize.batch WHERE ended_at IS NULL ORDER BY id";
    let row = |row: &run::Row| {
        Some(OpenBatch {
            record: serde_json::from_value(row.get::<JsonB>(1)?.0).ok()?,
            token: row.get(2)?,
            model: row.get(3)?,
            rationale: row.get(4)?,
            price: row.get(5)?,
            bytes: row.get(6)?,
            cancel_wanted: row.get(7)?,
            is_here: row.get(8)?,
            raw: row.get(9).zip(row.get::<String>(10).and_then(|name| Endpoint::named(&name))),
        })
    };
    run::kept(sql, &[system_identifier.into(), database.into()], row).into_iter().flatten().collect()
}

/// Replaces the record of a batch, unless somebody else has; whether it did.
pub fn replace_record(before: &Batch, after: &Batch) -> bool {
    let sql = "UPDATE categorize.batch
                  SET record = $3, state = $4, unanswered = $5,
                      submitted_at = CASE WHEN $6 THEN coalesce(submitted_at, clock_timestamp()) ELSE submitted_at END,
                      ended_at = CASE WHEN $7 THEN clock_timestamp() END
                WHERE id = $1 AND record = $2 AND ended_at IS NULL RETURNING 1";
    let json = |record: &Batch| JsonB(serde_json::json!(record));
    let arguments = [
        after.id.into(),
        json(before).into(),
        json(after).into(),
        after.state.name().into(),
        after.is_unanswered().into(),
        (after.state == State::Submitted).into(),
        after.state.is_final().into(),
    ];
    !run::kept(sql, &arguments, |_| ()).is_empty()
}

/// Adds to what a batch has brought: inputs with an answer and without, nano-dollars, and what these would have been live.
pub fn count_results(batch: i64, (answered, failed): (i32, i32), (cost, live): (i64, i64)) {
    let sql = "UPDATE categorize.batch SET answered = answered + $2, failed = failed + $3,
                      cost_nanousd = cost_nanousd + $4, live_cost_nanousd = live_cost_nanousd + $5
                WHERE id = $1";
    run::kept(sql, &[batch.into(), answered.into(), failed.into(), cost.into(), live.into()], |_| ());
}

/// Providers of which a batch failed after this moment, in microseconds of the Postgres epoch.
pub fn failed_since(moment: i64) -> Vec<i32> {
    let sql = "SELECT DISTINCT provider_id FROM categorize.batch WHERE state = 'failed' AND ended_at > $1";
    run::kept(sql, &[super::super::time(moment).into()], |row| row.get(1)).into_iter().flatten().collect()
}
