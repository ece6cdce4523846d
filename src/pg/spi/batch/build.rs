//! Making a batch.

use super::super::run;
use super::{array, target};
use pg_categorize_core::batch::Batch;
use pg_categorize_core::frame::{Asker, Target};
use pgrx::{JsonB, pg_sys};

/// Bytes of a key.
const KEY: usize = 32;

/// The first job of a request: whose it is.
pub struct Owner {
    /// The job.
    pub job: i64,
    /// Its tenant.
    pub tenant: String,
    /// Into what it is sorted.
    pub target: Target,
    /// Who pays.
    pub asker: Asker,
    /// Texts of which it asks for vectors; 1 where it asks for something else.
    pub inputs: usize,
    /// Whether it is a request that a user has written, or one for vectors.
    pub is_request: bool,
}

/// A batch to be stored.
pub struct NewBatch<'a> {
    /// Its record.
    pub record: &'a Batch,
    /// How large it is.
    pub size: &'a BatchSize,
    /// Its name at the provider.
    pub token: i64,
    /// The provider's name.
    pub provider: &'a str,
    /// The model.
    pub model: &'a str,
    /// Whether it is also asked why.
    pub rationale: bool,
    /// The row of the price.
    pub price: i64,
    /// The server that it is bound to.
    pub system_identifier: i64,
    /// The database that it is bound to.
    pub database: pg_sys::Oid,
}

/// How large a batch is, or a part of it.
pub struct BatchSize {
    /// The tenant, where all are of one.
    pub tenant: Option<String>,
    /// Its inputs.
    pub inputs: i32,
    /// Bytes of its requests.
    pub bytes: i64,
    /// Nano-dollars.
    pub worst_case: i64,
}

impl BatchSize {
    /// The size of both together.
    pub fn with(self, other: Self) -> Self {
        Self {
            tenant: self.tenant.filter(|tenant| other.tenant.as_ref() == Some(tenant)),
            inputs: self.inputs.saturating_add(other.inputs),
            bytes: self.bytes.saturating_add(other.bytes),
            worst_case: self.worst_case.saturating_add(other.worst_case),
        }
    }
}

/// Requests of a batch that come one after the other.
pub struct NewItems<'a> {
    /// The batch.
    pub batch: i64,
    /// The number of the first request, from 0 on.
    pub ordinal: i32,
    /// The number of its first input, from 1 on.
    pub number: i32,
    /// The jobs of each request, and the attempt that pays for it.
    pub requests: &'a [(&'a [i64], i64)],
}

/// Whose these jobs are.
pub fn owners(jobs: &[i64]) -> Vec<Owner> {
    let sql = "SELECT j.id, j.tenant, j.taxonomy_id, j.labels, j.role, j.application_name, j.query_id, j.inputs,
                      j.body IS NOT NULL
                 FROM unnest($1::bigint[]) n (id) JOIN categorize.job_entry j ON j.id = n.id";
    let row = |row: &run::Row| {
        Some(Owner {
            job: row.get(1)?,
            tenant: row.get(2)?,
            // Of a request that a user has written there is none.
            target: target(row.get(3), row.get(4)).unwrap_or(Target::Labels(Vec::new())),
            asker: Asker { role: row.get(5)?, application: row.get(6)?, query_id: row.get(7)? },
            inputs: usize::try_from(row.get::<i32>(8)?).unwrap_or(1),
            is_request: row.get(9)?,
        })
    };
    run::kept(sql, &[array(jobs.iter().copied())], row).into_iter().flatten().collect()
}

/// A number for a batch.
pub fn next_batch() -> i64 {
    let sql = "SELECT nextval('categorize.batch_id_seq')";
    run::kept(sql, &[], |row| row.get(1)).pop().flatten().expect("a sequence has a next value")
}

/// Stores a batch.
pub fn insert_batch(new: &NewBatch<'_>) {
    let sql = "INSERT INTO categorize.batch (id, provider_id, provider, model, rationale, price_id, tenant, token, state, record,
                                             requests, inputs, bytes, worst_case_nanousd, system_identifier, database_oid)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)";
    let arguments = [
        new.record.id.into(),
        new.record.provider.into(),
        new.provider.into(),
        new.model.into(),
        new.rationale.into(),
        new.price.into(),
        new.size.tenant.as_deref().into(),
        new.token.into(),
        new.record.state.name().into(),
        JsonB(serde_json::json!(new.record)).into(),
        i32::try_from(new.record.requests).unwrap_or(i32::MAX).into(),
        new.size.inputs.into(),
        new.size.bytes.into(),
        new.size.worst_case.into(),
        new.system_identifier.into(),
        new.database.into(),
    ];
    run::kept(sql, &arguments, |_| ());
}

/// The record and the size of a batch that is being built, held until the transaction ends; `None` where somebody wants it cancelled.
pub fn hold_building(batch: i64) -> Option<(Batch, BatchSize)> {
    let sql = "SELECT record, tenant, inputs, bytes, worst_case_nanousd FROM categorize.batch
                WHERE id = $1 AND state = 'building' AND NOT cancel_wanted FOR UPDATE";
    let row = |row: &run::Row| {
        let size = BatchSize { tenant: row.get(2), inputs: row.get(3)?, bytes: row.get(4)?, worst_case: row.get(5)? };
        Some((serde_json::from_value(row.get::<JsonB>(1)?.0).ok()?, size))
    };
    run::kept(sql, &[batch.into()], row).pop()?
}

/// Keeps how large a batch is that has got more requests.
pub fn grow_batch(record: &Batch, size: &BatchSize) {
    let sql = "UPDATE categorize.batch
                  SET record = $2, requests = $3, tenant = $4, inputs = $5, bytes = $6, worst_case_nanousd = $7
                WHERE id = $1";
    let arguments = [
        record.id.into(),
        JsonB(serde_json::json!(record)).into(),
        i32::try_from(record.requests).unwrap_or(i32::MAX).into(),
        size.tenant.as_deref().into(),
        size.inputs.into(),
        size.bytes.into(),
        size.worst_case.into(),
    ];
    run::kept(sql, &arguments, |_| ());
}

/// Stores requests of a batch, whose jobs wait no more; whether all of them did.
pub fn insert_items(new: &NewItems<'_>) -> bool {
    let jobs: Vec<i64> = new.requests.iter().flat_map(|(jobs, _)| jobs.iter().copied()).collect();
    // Joined: an array that is no index condition is searched from its begin for each row.
    let sql = "DELETE FROM categorize.job_waiting w USING unnest($1::bigint[]) WITH ORDINALITY AS n (id, place)
                WHERE w.job_id = n.id RETURNING n.place::int, w.fingerprint";
    let mut keys = vec![0; jobs.len() * KEY];
    let key = |row: &run::Row| {
        let (place, key): (i32, &[u8]) = (row.get(1)?, row.get(2)?);
        let at = usize::try_from(place - 1).ok()? * KEY;
        keys.get_mut(at..at + KEY).filter(|room| room.len() == key.len())?.copy_from_slice(key);
        Some(())
    };
    if run::kept(sql, &[array(jobs.iter().copied())], key).into_iter().flatten().count() != jobs.len() {
        return false;
    }
    let sql = "INSERT INTO categorize.batch_item (batch_id, ordinal, attempt_id, first_number, jobs, fingerprints)
               SELECT $1, n.place + $2, n.attempt_id, n.behind + $3, ($4::bigint[])[n.behind + 1 : n.behind + n.inputs],
                      substr($5::bytea, n.behind * 32 + 1, n.inputs * 32)
                 FROM ROWS FROM (unnest($6::bigint[]), unnest($7::int[]), unnest($8::int[])) WITH ORDINALITY
                   AS n (attempt_id, behind, inputs, place)";
    let inputs: Vec<i32> = new.requests.iter().map(|(jobs, _)| jobs.len() as i32).collect();
    let behind = inputs.iter().scan(0, |sum, inputs| Some(std::mem::replace(sum, *sum + inputs)));
    let arguments = [
        new.batch.into(),
        (new.ordinal - 1).into(),
        new.number.into(),
        jobs.into(),
        keys.into(),
        array(new.requests.iter().map(|(_, attempt)| *attempt)),
        array(behind),
        inputs.clone().into(),
    ];
    run::kept(sql, &arguments, |_| ());
    true
}
