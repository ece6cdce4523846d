//! Statements on `categorize.cache`.

use super::run;
use crate::pg::guard;
use pg_categorize_core::fingerprint::Fingerprint;

/// Numbers of the columns that a hit reads, in the order of the table.
pub mod column {
    /// `fingerprint`
    pub const FINGERPRINT: i32 = 1;
    /// `category_id`
    pub const CATEGORY: i32 = 2;
    /// `confidence`
    pub const CONFIDENCE: i32 = 3;
    /// `origin`
    pub const ORIGIN: i32 = 4;
    /// `expires_at`
    pub const EXPIRES_AT: i32 = 5;
    /// `category_label`
    pub const CATEGORY_LABEL: i32 = 6;
    /// `provider`
    pub const PROVIDER: i32 = 7;
    /// `model`
    pub const MODEL: i32 = 8;
    /// `taxonomy_id`
    pub const TAXONOMY: i32 = 11;
    /// `upgraded`
    pub const UPGRADED: i32 = 16;
    /// `raw_confidence`
    pub const RAW_CONFIDENCE: i32 = 17;
    /// `confidence_source`
    pub const CONFIDENCE_SOURCE: i32 = 18;
    /// `rationale`
    pub const RATIONALE: i32 = 19;
}

/// A learnt example to be stored.
pub struct NewLabel {
    /// Key of the input.
    pub fingerprint: Fingerprint,
    /// The input, where the taxonomy stores inputs.
    pub input: Option<String>,
    /// Its category.
    pub category: i32,
}

/// What became of lessons that were to be stored.
#[derive(Debug, Clone, Copy, Default)]
pub struct Stored {
    /// How many there are.
    pub all: u64,
    /// How many of them say something that was not known.
    pub new: u64,
}

impl Stored {
    /// From a column of every row that says whether it is new.
    pub(super) fn count(rows: &[Option<bool>]) -> Self {
        let new = rows.iter().filter(|is_new| **is_new == Some(true)).count();
        Self { all: rows.len() as u64, new: new as u64 }
    }
}

/// Stores learnt examples, newer over older; no input occurs twice. They bear the time of the clock, not that at which a
/// long transaction began: what is newer than a model counts towards the next one. What was known is as old as it was.
pub fn upsert_labels(taxonomy: i32, version: i32, tenant: &str, new: Vec<NewLabel>) -> Stored {
    let fingerprints: Vec<Vec<u8>> = new.iter().map(|l| l.fingerprint.0.to_vec()).collect();
    let categories: Vec<i32> = new.iter().map(|l| l.category).collect();
    let inputs: Vec<Option<String>> = new.into_iter().map(|l| l.input).collect();
    let sql = "INSERT INTO categorize.cache AS known (fingerprint, category_id, confidence, origin, taxonomy_id,
                                                      taxonomy_version, tenant, input, created_at)
         SELECT n.fingerprint, n.category_id, 1, 'label', $1, $2, $3, n.input, pg_catalog.clock_timestamp()
           FROM ROWS FROM (unnest($4::bytea[]), unnest($5::int[]), unnest($6::text[])) AS n (fingerprint, category_id, input)
         ON CONFLICT (fingerprint) DO UPDATE
            SET category_id = excluded.category_id, confidence = 1, origin = 'label', expires_at = NULL,
                provider = NULL, model = NULL, prompt_version = NULL, upgraded = false, raw_confidence = NULL,
                confidence_source = NULL, rationale = NULL, input = excluded.input,
                taxonomy_version = excluded.taxonomy_version,
                created_at = CASE WHEN known.category_id = excluded.category_id AND known.origin = 'label'
                                   AND (known.input IS NULL) = (excluded.input IS NULL)
                                  THEN known.created_at ELSE excluded.created_at END
         RETURNING known.created_at >= $7";
    let arguments = [
        taxonomy.into(),
        version.into(),
        tenant.into(),
        fingerprints.into(),
        categories.into(),
        inputs.into(),
        super::time(guard::clock()).into(),
    ];
    Stored::count(&run::write_returning(sql, &arguments, |row| row.get(1)))
}

/// Forgets what is kept under these keys; returns how many rows went.
pub fn delete_cached(fingerprints: &[Fingerprint]) -> u64 {
    let keys: Vec<Vec<u8>> = fingerprints.iter().map(|f| f.0.to_vec()).collect();
    run::write("DELETE FROM categorize.unsure_answer WHERE fingerprint = ANY ($1)", &[keys.clone().into()]);
    let deleted = run::write("DELETE FROM categorize.cache WHERE fingerprint = ANY ($1)", &[keys.into()]);
    super::delete_vectors(fingerprints);
    deleted
}

/// Removes answers whose time is over; returns how many. Without any, nobody is told to forget anything.
pub fn delete_expired() -> u64 {
    let any = "SELECT 1 FROM categorize.cache WHERE expires_at <= pg_catalog.now() LIMIT 1";
    if run::write_returning(any, &[], |_| ()).is_empty() {
        return 0;
    }
    let delete = "DELETE FROM categorize.cache WHERE expires_at <= pg_catalog.now() RETURNING fingerprint";
    let key = |row: &run::Row| row.get::<Vec<u8>>(1)?.try_into().ok().map(Fingerprint);
    let gone: Vec<_> = run::write_returning(delete, &[], key);
    let count = gone.len() as u64;
    super::delete_vectors(&gone.into_iter().flatten().collect::<Vec<_>>());
    count
}
