//! What is known of inputs by now, and paid answers that are stored: statements of the gateway.

use super::run;
use pg_categorize_core::confidence::Source;
use pg_categorize_core::fingerprint::Fingerprint;
use pg_categorize_core::frame::Grounds;

/// An answer that is kept.
pub struct KeptAnswer {
    /// Its key.
    pub fingerprint: Fingerprint,
    /// Its category as it was stored; `None` for an ad-hoc label.
    pub category: Option<i32>,
    /// The ad-hoc label.
    pub label: Option<String>,
    /// How sure.
    pub confidence: f32,
    /// Who was paid for it.
    pub provider: Option<String>,
    /// The model.
    pub model: Option<String>,
    /// Whether a strong model decided.
    pub upgraded: bool,
    /// What its confidence is made of, where a model was asked.
    pub grounds: Option<Grounds>,
    /// Whether earlier texts answered, and no model.
    pub is_similar: bool,
}

/// A paid answer to be stored.
pub struct PaidAnswer {
    /// Its key.
    pub fingerprint: Fingerprint,
    /// Its category, or none for an ad-hoc label.
    pub category: Option<i32>,
    /// The ad-hoc label.
    pub label: Option<String>,
    /// How sure.
    pub confidence: f32,
    /// Nano-dollars.
    pub cost: i64,
    /// The input, where it may be stored.
    pub input: Option<String>,
    /// Whether a strong model decided.
    pub upgraded: bool,
    /// What its confidence is made of.
    pub grounds: Grounds,
}

/// What answers of one request have in common.
pub struct Paid<'a> {
    /// The tenant.
    pub tenant: &'a str,
    /// Taxonomy and version, unless the labels are ad hoc.
    pub taxonomy: Option<(i32, i32)>,
    /// Who was paid.
    pub provider: &'a str,
    /// The model.
    pub model: &'a str,
    /// What it was asked with.
    pub prompt_version: &'a str,
    /// Seconds for which the answers count; `None` for ever.
    pub lasts: Option<f64>,
}

/// Corrections of a tenant.
pub fn corrections(tenant: &str, keys: &[Fingerprint]) -> Vec<(Fingerprint, i32)> {
    let sql = "SELECT fingerprint, category_id FROM categorize.correction WHERE fingerprint = ANY ($2) AND tenant = $1";
    let rows = run::kept(sql, &[tenant.into(), bytes(keys).into()], |row| Some((key(row, 1)?, row.get(2)?)));
    rows.into_iter().flatten().collect()
}

/// Answers of a tenant that have not expired.
pub fn own_answers(tenant: &str, keys: &[Fingerprint]) -> Vec<KeptAnswer> {
    let sql = "SELECT fingerprint, category_id, category_label, confidence, provider, model, upgraded, raw_confidence,
                      confidence_source, rationale, origin = 'similarity' FROM categorize.cache
                WHERE fingerprint = ANY ($2) AND tenant = $1 AND (expires_at IS NULL OR expires_at > clock_timestamp())";
    run::kept(sql, &[tenant.into(), bytes(keys).into()], kept_answer).into_iter().flatten().collect()
}

/// Paid answers that tenants share, and that have not expired. What people said stays theirs.
pub fn shared_answers(keys: &[Fingerprint]) -> Vec<KeptAnswer> {
    let sql = "SELECT fingerprint, category_id, category_label, confidence, provider, model, upgraded, raw_confidence,
                      confidence_source, rationale, false FROM categorize.cache
                WHERE fingerprint = ANY ($1) AND origin = 'llm'
                  AND (expires_at IS NULL OR expires_at > clock_timestamp())";
    run::kept(sql, &[bytes(keys).into()], kept_answer).into_iter().flatten().collect()
}

/// What cheap models said while strong ones were to decide, with what it cost in nano-dollars.
pub fn unsure_answers(keys: &[Fingerprint]) -> Vec<(KeptAnswer, i64)> {
    let sql = "SELECT fingerprint, category_id, category_label, confidence, provider, model, upgraded, raw_confidence,
                      confidence_source, rationale, false, cost_nanousd FROM categorize.unsure_answer
                WHERE fingerprint = ANY ($1)";
    let rows = run::kept(sql, &[bytes(keys).into()], |row| Some((kept_answer(row)?, row.get(12)?)));
    rows.into_iter().flatten().collect()
}

/// The statement that stores answers in a table of the shape of the cache.
macro_rules! insert_into {
    ($table:literal) => {
        concat!(
            "INSERT INTO ",
            $table,
            " (fingerprint, category_id, category_label, confidence, origin, cost_nanousd, input, upgraded,
               raw_confidence, confidence_source, rationale, tenant, taxonomy_id, taxonomy_version, provider, model,
               prompt_version, expires_at, created_at)
              SELECT n.fingerprint, n.category_id, n.label, n.confidence, 'llm', n.cost, n.input, n.upgraded, n.raw,
                     n.source, n.rationale, $11, $12, $13, $14, $15, $16,
                     clock_timestamp() + $17 * interval '1 second', clock_timestamp()
                FROM ROWS FROM (unnest($1::bytea[]), unnest($2::int[]), unnest($3::text[]), unnest($4::real[]),
                                unnest($5::bigint[]), unnest($6::text[]), unnest($7::boolean[]), unnest($8::real[]),
                                unnest($9::text[]), unnest($10::text[]))
                  AS n (fingerprint, category_id, label, confidence, cost, input, upgraded, raw, source, rationale)
               WHERE NOT EXISTS (SELECT FROM categorize.correction k WHERE k.fingerprint = n.fingerprint)
              ON CONFLICT (fingerprint) DO NOTHING RETURNING fingerprint"
        )
    };
}

// Below the statement, which it uses, too.
mod store;

pub use store::*;

/// Keeps what a cheap model said while a strong one is asked, over what it said before.
pub fn store_unsure(paid: &Paid<'_>, answers: Vec<PaidAnswer>) {
    forget_unsure(&answers.iter().map(|answer| answer.fingerprint).collect::<Vec<_>>());
    run::kept(insert_into!("categorize.unsure_answer"), &arguments(paid, &answers), |_| ());
}

/// A strong model has decided these: what the cheap one said is forgotten.
pub fn forget_unsure(keys: &[Fingerprint]) {
    run::kept("DELETE FROM categorize.unsure_answer WHERE fingerprint = ANY ($1)", &[bytes(keys).into()], |_| ());
}

/// No strong model decided these: what the cheap one said counts. An answer that is there has expired, or nobody would have
/// been asked.
pub fn confirm_unsure(keys: &[Fingerprint]) {
    let former = "SELECT true FROM categorize.cache WHERE fingerprint = ANY ($1) AND origin = 'llm' LIMIT 1";
    if !run::kept(former, &[bytes(keys).into()], |_| ()).is_empty() {
        let expired = "DELETE FROM categorize.cache WHERE fingerprint = ANY ($1) AND origin = 'llm'
                          AND expires_at <= clock_timestamp()";
        run::kept(expired, &[bytes(keys).into()], |_| ());
    }
    // It begins to count now, and is found among what is new.
    let now = "UPDATE categorize.unsure_answer SET created_at = clock_timestamp() WHERE fingerprint = ANY ($1)";
    run::kept(now, &[bytes(keys).into()], |_| ());
    let confirm = "
        WITH confirmed AS (DELETE FROM categorize.unsure_answer WHERE fingerprint = ANY ($1) RETURNING *)
        INSERT INTO categorize.cache SELECT * FROM confirmed n
         WHERE NOT EXISTS (SELECT FROM categorize.correction k WHERE k.fingerprint = n.fingerprint)
           AND (n.taxonomy_id IS NULL OR EXISTS (
                    SELECT FROM categorize.taxonomy t LEFT JOIN categorize.taxonomy o ON o.overrides = t.id
                     WHERE t.id = n.taxonomy_id AND NOT coalesce(o.dropped, t.dropped)))
            ON CONFLICT (fingerprint) DO NOTHING";
    run::kept(confirm, &[bytes(keys).into()], |_| ());
}

/// The keys of what cheap models said before this moment, in microseconds of the Postgres epoch, and about which nobody has
/// decided since.
pub fn unsure_before(moment: i64) -> Vec<Fingerprint> {
    let sql = "SELECT fingerprint FROM categorize.unsure_answer WHERE created_at < $1";
    run::kept(sql, &[super::time(moment).into()], |row| key(row, 1)).into_iter().flatten().collect()
}

fn arguments(paid: &Paid<'_>, answers: &[PaidAnswer]) -> [run::Arg; 17] {
    [
        answers.iter().map(|a| a.fingerprint.0.to_vec()).collect::<Vec<_>>().into(),
        answers.iter().map(|a| a.category).collect::<Vec<_>>().into(),
        answers.iter().map(|a| a.label.clone()).collect::<Vec<_>>().into(),
        answers.iter().map(|a| a.confidence).collect::<Vec<_>>().into(),
        answers.iter().map(|a| a.cost).collect::<Vec<_>>().into(),
        answers.iter().map(|a| a.input.clone()).collect::<Vec<_>>().into(),
        answers.iter().map(|a| a.upgraded).collect::<Vec<_>>().into(),
        answers.iter().map(|a| a.grounds.raw_confidence).collect::<Vec<_>>().into(),
        answers.iter().map(|a| a.grounds.source.as_str().to_owned()).collect::<Vec<_>>().into(),
        answers.iter().map(|a| a.grounds.rationale.clone()).collect::<Vec<_>>().into(),
        paid.tenant.into(),
        paid.taxonomy.map(|(id, _)| id).into(),
        paid.taxonomy.map(|(_, version)| version).into(),
        paid.provider.into(),
        paid.model.into(),
        paid.prompt_version.into(),
        paid.lasts.into(),
    ]
}

fn kept_answer(row: &run::Row) -> Option<KeptAnswer> {
    Some(KeptAnswer {
        fingerprint: key(row, 1)?,
        category: row.get(2),
        label: row.get(3),
        confidence: row.get(4)?,
        provider: row.get(5),
        model: row.get(6),
        upgraded: row.get(7)?,
        grounds: grounds(row),
        is_similar: row.get(11)?,
    })
}

fn grounds(row: &run::Row) -> Option<Grounds> {
    let source = Source::parse(&row.get::<String>(9)?)?;
    Some(Grounds { raw_confidence: row.get(8)?, source, rationale: row.get(10) })
}

fn key(row: &run::Row, column: i32) -> Option<Fingerprint> {
    row.get::<Vec<u8>>(column)?.try_into().ok().map(Fingerprint)
}

fn bytes(keys: &[Fingerprint]) -> Vec<Vec<u8>> {
    keys.iter().map(|key| key.0.to_vec()).collect()
}
