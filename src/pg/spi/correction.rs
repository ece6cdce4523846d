//! Statements on `categorize.correction`.

use super::{Stored, run};
use crate::pg::guard;
use pg_categorize_core::fingerprint::Fingerprint;

/// Numbers of the columns that a hit reads.
pub mod correction_column {
    /// `category_id`
    pub const CATEGORY: i32 = 2;
}

/// A correction to be stored.
pub struct NewCorrection {
    /// Key of the input.
    pub fingerprint: Fingerprint,
    /// The input, where the taxonomy stores inputs.
    pub input: Option<String>,
    /// What the person said.
    pub category: i32,
    /// What the machine had said.
    pub machine_category: Option<i32>,
    /// Which tier had said it.
    pub machine_source: Option<String>,
}

/// Whether a tenant has corrected anything in a taxonomy.
pub fn has_corrections(taxonomy: i32, tenant: &str) -> bool {
    let sql = "SELECT 1 FROM categorize.correction WHERE taxonomy_id = $1 AND tenant = $2 LIMIT 1";
    !run::read(sql, &[taxonomy.into(), tenant.into()], |_| ()).is_empty()
}

/// Stores corrections, newer over older; no input occurs twice. Who says again what was said stays second: that is as old
/// as it was, and of the one who said it first.
pub fn upsert_corrections(taxonomy: i32, tenant: &str, author: &str, new: Vec<NewCorrection>) -> Stored {
    let fingerprints: Vec<Vec<u8>> = new.iter().map(|c| c.fingerprint.0.to_vec()).collect();
    let inputs: Vec<Option<String>> = new.iter().map(|c| c.input.clone()).collect();
    let categories: Vec<i32> = new.iter().map(|c| c.category).collect();
    let machine_categories: Vec<Option<i32>> = new.iter().map(|c| c.machine_category).collect();
    let machine_sources: Vec<Option<String>> = new.iter().map(|c| c.machine_source.clone()).collect();
    let sql = "INSERT INTO categorize.correction AS known (fingerprint, tenant, taxonomy_id, input, category_id,
                                            corrected_by, machine_category_id, machine_source, corrected_at)
         SELECT n.fingerprint, $2, $1, n.input, n.category_id, $3::name, n.machine_category_id, n.machine_source,
                pg_catalog.clock_timestamp()
           FROM ROWS FROM (unnest($4::bytea[]), unnest($5::text[]), unnest($6::int[]), unnest($7::int[]), unnest($8::text[]))
             AS n (fingerprint, input, category_id, machine_category_id, machine_source)
         ON CONFLICT (fingerprint) DO UPDATE
            SET input = excluded.input, category_id = excluded.category_id,
                corrected_by = CASE WHEN known.category_id = excluded.category_id
                                     AND (known.input IS NULL) = (excluded.input IS NULL)
                                    THEN known.corrected_by ELSE excluded.corrected_by END,
                corrected_at = CASE WHEN known.category_id = excluded.category_id
                                     AND (known.input IS NULL) = (excluded.input IS NULL)
                                    THEN known.corrected_at ELSE excluded.corrected_at END
         RETURNING known.corrected_at >= $9";
    let arguments = [
        taxonomy.into(),
        tenant.into(),
        author.into(),
        fingerprints.into(),
        inputs.into(),
        categories.into(),
        machine_categories.into(),
        machine_sources.into(),
        super::time(guard::clock()).into(),
    ];
    Stored::count(&run::write_returning(sql, &arguments, |row| row.get(1)))
}

/// Takes a correction back; says whether there was one.
pub fn delete_correction(fingerprint: &Fingerprint) -> bool {
    let sql = "DELETE FROM categorize.correction WHERE fingerprint = $1";
    let deleted = run::write(sql, &[fingerprint.0.to_vec().into()]) > 0;
    super::delete_vectors(std::slice::from_ref(fingerprint));
    deleted
}
