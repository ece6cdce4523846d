//! Making a batch.

use super::super::run;
use super::{array, target};
use pg_categorize_core::batch::Batch;
use pg_categorize_core::frame::{Asker, Target};
use pgrx::{JsonB, pg_sys};

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
}

/// A batch to be stored.
pub struct NewBatch<'a> {
    /// Its record.
    pub record: &'a Batch,
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
    /// The tenant, where all are of one.
    pub tenant: Option<&'a str>,
    /// Bytes of its requests.
    pub bytes: i64,
    /// Nano-dollars.
    pub worst_case: i64,
    /// The jobs of each request, and the attempt that pays for it.
    pub requests: &'a [(&'a [i64], i64)],
    /// The server that it is bound to.
    pub system_identifier: i64,
    /// The database that it is bound to.
    pub database: pg_sys::Oid,
}

/// Holds jobs that wait until the transaction ends; how many of these do.
pub fn hold_waiting(jobs: &[i64]) -> usize {
    // Joined: an array that is no index condition is searched from its begin for each row.
    let sql = "WITH held AS (SELECT FROM unnest($1::bigint[]) n (id) JOIN categorize.job j ON j.id = n.id
                              WHERE j.state = 'waiting' FOR UPDATE OF j)
               SELECT count(*) FROM held";
    let count = run::kept(sql, &[array(jobs.iter().copied())], |row| row.get::<i64>(1)).pop().flatten();
    usize::try_from(count.unwrap_or(0)).unwrap_or(0)
}

/// Whose these jobs are.
pub fn owners(jobs: &[i64]) -> Vec<Owner> {
    let sql = "SELECT j.id, j.tenant, j.taxonomy_id, j.labels, j.role, j.application_name, j.query_id, j.inputs
                 FROM unnest($1::bigint[]) n (id) JOIN categorize.job j ON j.id = n.id";
    let row = |row: &run::Row| {
        Some(Owner {
            job: row.get(1)?,
            tenant: row.get(2)?,
            // Of a request that a user has written there is none.
            target: target(row.get(3), row.get(4)).unwrap_or(Target::Labels(Vec::new())),
            asker: Asker { role: row.get(5)?, application: row.get(6)?, query_id: row.get(7)? },
            inputs: usize::try_from(row.get::<i32>(8)?).unwrap_or(1),
        })
    };
    run::kept(sql, &[array(jobs.iter().copied())], row).into_iter().flatten().collect()
}

/// A number for a batch.
pub fn next_batch() -> i64 {
    let sql = "SELECT nextval('categorize.batch_id_seq')";
    run::kept(sql, &[], |row| row.get(1)).pop().flatten().expect("a sequence has a next value")
}

/// Stores a batch with its requests; its jobs wait no more.
pub fn insert_batch(new: &NewBatch<'_>) {
    let id = new.record.id;
    let jobs = || new.requests.iter().flat_map(|(jobs, _)| jobs.iter().copied());
    let ordinals = new.requests.iter().zip(0_i32..).flat_map(|((jobs, _), ordinal)| jobs.iter().map(move |_| ordinal));
    let inputs = i32::try_from(jobs().count()).unwrap_or(i32::MAX);
    let sql = "INSERT INTO categorize.batch (id, provider_id, provider, model, rationale, price_id, tenant, token, state, record,
                                             requests, inputs, bytes, worst_case_nanousd, system_identifier, database_oid)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)";
    let arguments = [
        id.into(),
        new.record.provider.into(),
        new.provider.into(),
        new.model.into(),
        new.rationale.into(),
        new.price.into(),
        new.tenant.into(),
        new.token.into(),
        new.record.state.name().into(),
        JsonB(serde_json::json!(new.record)).into(),
        i32::try_from(new.requests.len()).unwrap_or(i32::MAX).into(),
        inputs.into(),
        new.bytes.into(),
        new.worst_case.into(),
        new.system_identifier.into(),
        new.database.into(),
    ];
    run::kept(sql, &arguments, |_| ());
    let sql = "UPDATE categorize.job j SET state = 'batched', batch_id = $1, ordinal = n.ordinal, number = n.number
                 FROM ROWS FROM (unnest($2::bigint[]), unnest($3::int[])) WITH ORDINALITY AS n (id, ordinal, number)
                WHERE j.id = n.id";
    run::kept(sql, &[id.into(), array(jobs()), array(ordinals)], |_| ());
    let sql = "INSERT INTO categorize.batch_item (batch_id, ordinal, attempt_id, first_number, jobs, fingerprints)
               SELECT $1, j.ordinal, min(($2::bigint[])[j.ordinal + 1]), min(j.number), array_agg(j.id ORDER BY j.number),
                      string_agg(j.fingerprint, ''::bytea ORDER BY j.number)
                 FROM categorize.job j WHERE j.batch_id = $1 AND j.state = 'batched' GROUP BY j.ordinal";
    run::kept(sql, &[id.into(), array(new.requests.iter().map(|(_, attempt)| *attempt))], |_| ());
    let sql = "UPDATE categorize.reservation SET state = 'batched' WHERE attempt_id = ANY ($1)";
    run::kept(sql, &[array(new.requests.iter().map(|(_, attempt)| *attempt))], |_| ());
}
