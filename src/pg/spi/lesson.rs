//! What models learn from: corrections, learnt examples and paid answers; never what a model of ours said.

use super::run;

/// New examples below which no growth is worth a training.
const LEAST_GROWTH: i64 = 50;

/// An example as it is stored.
pub struct Lesson {
    /// The text.
    pub input: String,
    /// Its category, as it was when it was said.
    pub category: i32,
    /// How much it counts.
    pub weight: f32,
    /// When it was said, in microseconds of the Postgres epoch.
    pub said_at: i64,
    /// Whether a person corrected it.
    pub correction: bool,
}

/// Hands over the examples of a tenant as they are committed now, in portions of bounded memory.
///
/// A correction counts twice and stands for whatever else is known of its text. They come by fingerprint: the same
/// examples in the same order, however they are stored.
pub fn for_each_lesson(taxonomy: i32, tenant: &str, mut take: impl FnMut(Lesson)) {
    let sql = "SELECT coalesce(k.input, c.input), k.category_id, 2::real, k.corrected_at, true, k.fingerprint
                 FROM categorize.correction k
                 LEFT JOIN categorize.cache c ON k.input IS NULL AND c.fingerprint = k.fingerprint
                WHERE k.taxonomy_id = $1 AND k.tenant = $2 AND coalesce(k.input, c.input) IS NOT NULL
               UNION ALL
               SELECT c.input, c.category_id, CASE c.origin WHEN 'label' THEN 1::real ELSE c.confidence END, c.created_at,
                      false, c.fingerprint
                 FROM categorize.cache c
                WHERE c.taxonomy_id = $1 AND c.tenant = $2 AND c.origin IN ('label', 'llm') AND c.input IS NOT NULL
                  AND (c.expires_at IS NULL OR c.expires_at > pg_catalog.now())
                  AND NOT EXISTS (SELECT FROM categorize.correction k WHERE k.fingerprint = c.fingerprint)
                ORDER BY 6";
    run::each(sql, &[taxonomy.into(), tenant.into()], |row| {
        let lesson = || {
            Some(Lesson {
                input: row.get(1)?,
                category: row.get(2)?,
                weight: row.get(3)?,
                said_at: row.get(4)?,
                correction: row.get(5)?,
            })
        };
        if let Some(lesson) = lesson() {
            take(lesson);
        }
    });
}

/// When a tenant's model is trained anew; 0 is never.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TrainAfter {
    /// New corrections.
    pub corrections: i32,
    /// New examples, in percent of those that the newest model was trained on.
    pub growth: i32,
}

/// How many examples are missing until a training of this tenant's model is due; none where it is. New is what was said
/// after the newest version was trained, active or not: one that was not better must not be tried again and again.
pub fn lessons_missing(taxonomy: i32, tenant: &str, after: TrainAfter) -> i64 {
    let sql = "WITH newest AS (SELECT m.trained_at, m.examples FROM categorize.local_model m
                                WHERE m.taxonomy_id = $1 AND m.tenant = $2 ORDER BY m.version DESC LIMIT 1),
                    since AS (SELECT coalesce(pg_catalog.max(n.trained_at), '-infinity') AS at,
                                     greatest($5, coalesce(pg_catalog.max(n.examples), 0)::bigint * $4 / 100) AS growth
                                FROM newest n),
                    corrected AS (SELECT pg_catalog.count(*) AS count
                                    FROM (SELECT 1 FROM categorize.correction k
                                           WHERE k.taxonomy_id = $1 AND k.tenant = $2
                                             AND k.corrected_at > (SELECT at FROM since)
                                           LIMIT greatest($3, CASE WHEN $4 > 0 THEN (SELECT growth FROM since) ELSE 0 END)) x),
                    learnt AS (SELECT pg_catalog.count(*) AS count
                                 FROM (SELECT 1 FROM categorize.cache c
                                        WHERE c.taxonomy_id = $1 AND c.tenant = $2 AND c.created_at > (SELECT at FROM since)
                                          AND c.origin IN ('label', 'llm')
                                        LIMIT CASE WHEN $4 > 0 THEN (SELECT growth FROM since) ELSE 0 END) x)
               SELECT least(CASE WHEN $3 > 0 THEN $3 - k.count END, CASE WHEN $4 > 0 THEN s.growth - k.count - l.count END)
                 FROM since s, corrected k, learnt l";
    let arguments = [
        taxonomy.into(),
        tenant.into(),
        i64::from(after.corrections).into(),
        i64::from(after.growth).into(),
        LEAST_GROWTH.into(),
    ];
    run::write_returning(sql, &arguments, |row| row.get(1)).pop().flatten().unwrap_or(i64::MAX)
}

/// The taxonomies and tenants of this database whose training is due, as they are committed now. Examples of one category
/// alone teach nothing.
pub fn due_trainings(after: TrainAfter) -> Vec<(i32, String)> {
    let sql = "WITH lesson AS (SELECT taxonomy_id, tenant, category_id, corrected_at AS at, true AS corrected
                                 FROM categorize.correction WHERE input IS NOT NULL
                               UNION ALL
                               SELECT taxonomy_id, tenant, category_id, created_at, false FROM categorize.cache
                                WHERE taxonomy_id IS NOT NULL AND origin IN ('label', 'llm') AND input IS NOT NULL
                                  AND (expires_at IS NULL OR expires_at > pg_catalog.now())),
                    newest AS (SELECT DISTINCT ON (taxonomy_id, tenant) taxonomy_id, tenant, trained_at, examples
                                 FROM categorize.local_model ORDER BY taxonomy_id, tenant, version DESC)
               SELECT l.taxonomy_id, l.tenant
                 FROM lesson l LEFT JOIN newest n ON n.taxonomy_id = l.taxonomy_id AND n.tenant = l.tenant
                GROUP BY l.taxonomy_id, l.tenant, n.trained_at, n.examples
               HAVING pg_catalog.min(l.category_id) <> pg_catalog.max(l.category_id)
                  AND (($1 > 0 AND $1 <= pg_catalog.count(*)
                            FILTER (WHERE l.corrected AND (n.trained_at IS NULL OR l.at > n.trained_at)))
                    OR ($2 > 0 AND greatest($3, coalesce(n.examples, 0)::bigint * $2 / 100)
                               <= pg_catalog.count(*) FILTER (WHERE n.trained_at IS NULL OR l.at > n.trained_at)))
                ORDER BY l.taxonomy_id, l.tenant";
    let arguments = [i64::from(after.corrections).into(), i64::from(after.growth).into(), LEAST_GROWTH.into()];
    let rows = run::write_returning(sql, &arguments, |row| Some((row.get(1)?, row.get(2)?)));
    rows.into_iter().flatten().collect()
}
