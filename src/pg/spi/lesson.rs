//! What models learn from: corrections, learnt examples and paid answers; never what a model of ours said.

use super::run;
use pg_categorize_core::local_model::ENOUGH_EXAMPLES;

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
    /// Whether a language model was paid for it, and no person said so.
    pub paid: bool,
}

/// Hands over the examples of a tenant as they are committed now, in portions of bounded memory.
///
/// A correction counts twice and stands for whatever else is known of its text; where that said the same, it is as old as
/// the older of the two. They come by a hash of their texts: the same examples in the same order, however and
/// under whatever ids they are stored, and the first of them are a fair sample of all.
pub fn for_each_lesson(taxonomy: i32, tenant: &str, mut take: impl FnMut(Lesson)) {
    let sql = "SELECT coalesce(k.input, c.input), k.category_id, 2::real,
                      CASE WHEN c.category_id = k.category_id AND c.origin IN ('label', 'llm') AND c.input IS NOT NULL
                           THEN least(k.corrected_at, c.created_at) ELSE k.corrected_at END, true,
                      pg_catalog.hashtextextended(coalesce(k.input, c.input) COLLATE pg_catalog.\"C\", 0), false
                 FROM categorize.correction k
                 LEFT JOIN categorize.cache c ON c.fingerprint = k.fingerprint
                WHERE k.taxonomy_id = $1 AND k.tenant = $2 AND coalesce(k.input, c.input) IS NOT NULL
               UNION ALL
               SELECT c.input, c.category_id, CASE c.origin WHEN 'label' THEN 1::real ELSE c.confidence END, c.created_at,
                      false, pg_catalog.hashtextextended(c.input COLLATE pg_catalog.\"C\", 0), c.origin = 'llm'
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
                paid: row.get(7)?,
            })
        };
        if let Some(lesson) = lesson() {
            take(lesson);
        }
    });
}

/// What people said of texts, at most so many of a tenant's corrections and learnt examples as the statement sees them: a fair
/// sample, the same each time.
pub fn sample_of_lessons(taxonomy: i32, tenant: &str, most: i64) -> Vec<Lesson> {
    let sql = "SELECT s.input, s.category_id, s.said_at, s.correction
                 FROM (SELECT coalesce(k.input, c.input) AS input, k.category_id, k.corrected_at AS said_at, true AS correction
                         FROM categorize.correction k
                         LEFT JOIN categorize.cache c ON c.fingerprint = k.fingerprint
                        WHERE k.taxonomy_id = $1 AND k.tenant = $2
                       UNION ALL
                       SELECT c.input, c.category_id, c.created_at, false
                         FROM categorize.cache c
                        WHERE c.taxonomy_id = $1 AND c.tenant = $2 AND c.origin = 'label'
                          AND NOT EXISTS (SELECT FROM categorize.correction k WHERE k.fingerprint = c.fingerprint)) s
                WHERE s.input IS NOT NULL AND s.category_id IS NOT NULL
                ORDER BY pg_catalog.hashtextextended(s.input COLLATE pg_catalog.\"C\", 0) LIMIT $3";
    let rows = run::read(sql, &[taxonomy.into(), tenant.into(), most.into()], |row| {
        let (input, category, said_at) = (row.get(1)?, row.get(2)?, row.get(3)?);
        Some(Lesson { input, category, weight: 1.0, said_at, correction: row.get(4)?, paid: false })
    });
    rows.into_iter().flatten().collect()
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
/// after the newest version was trained, active or not: one that was not better must not be tried again and again. A model of
/// few examples is trained again as soon as there are enough, since it need not be surer than its threshold then; but not one that
/// was made of enough, if some of them could not be learnt.
pub fn lessons_missing(taxonomy: i32, tenant: &str, after: TrainAfter) -> i64 {
    let sql = "WITH newest AS (SELECT m.trained_at, m.examples,
                                      m.examples + coalesce((m.metrics ->> 'left_out')::bigint, 0) < $6 AS of_few
                                 FROM categorize.local_model m
                                WHERE m.taxonomy_id = $1 AND m.tenant = $2 ORDER BY m.version DESC LIMIT 1),
                    enough AS (SELECT n.of_few AND (
                                      SELECT pg_catalog.count(*)
                                        FROM (SELECT 1 FROM categorize.correction k
                                               WHERE k.taxonomy_id = $1 AND k.tenant = $2 AND k.input IS NOT NULL
                                              UNION ALL
                                              SELECT 1 FROM categorize.cache c
                                               WHERE c.taxonomy_id = $1 AND c.tenant = $2 AND c.origin IN ('label', 'llm')
                                                 AND c.input IS NOT NULL
                                                 AND (c.expires_at IS NULL OR c.expires_at > pg_catalog.now())
                                                 AND NOT EXISTS (SELECT FROM categorize.correction k
                                                                  WHERE k.fingerprint = c.fingerprint)
                                               LIMIT $6) x) >= $6 AS is_enough
                                 FROM newest n),
                    since AS (SELECT coalesce(pg_catalog.max(n.trained_at), '-infinity') AS at,
                                     greatest($5, CASE WHEN (SELECT is_enough FROM enough) THEN 0
                                                       ELSE coalesce(pg_catalog.max(n.examples), 0)::bigint * $4 / 100 END) AS growth
                                FROM newest n),
                    corrected AS (SELECT pg_catalog.count(*) AS count
                                    FROM (SELECT 1 FROM categorize.correction k
                                           WHERE k.taxonomy_id = $1 AND k.tenant = $2 AND k.input IS NOT NULL
                                             AND k.corrected_at > (SELECT at FROM since)
                                           LIMIT greatest($3, CASE WHEN $4 > 0 THEN (SELECT growth FROM since) ELSE 0 END)) x),
                    learnt AS (SELECT pg_catalog.count(*) AS count
                                 FROM (SELECT 1 FROM categorize.cache c
                                        WHERE c.taxonomy_id = $1 AND c.tenant = $2 AND c.created_at > (SELECT at FROM since)
                                          AND c.origin IN ('label', 'llm') AND c.input IS NOT NULL
                                          AND (c.expires_at IS NULL OR c.expires_at > pg_catalog.now())
                                        LIMIT CASE WHEN $4 > 0 THEN (SELECT growth FROM since) ELSE 0 END) x)
               SELECT least(CASE WHEN $3 > 0 THEN $3 - k.count END, CASE WHEN $4 > 0 THEN s.growth - k.count - l.count END)
                 FROM since s, corrected k, learnt l";
    let arguments = [
        taxonomy.into(),
        tenant.into(),
        i64::from(after.corrections).into(),
        i64::from(after.growth).into(),
        LEAST_GROWTH.into(),
        (ENOUGH_EXAMPLES as i64).into(),
    ];
    run::write_returning(sql, &arguments, |row| row.get(1)).pop().flatten().unwrap_or(i64::MAX)
}

/// The categories of a tenant's examples, as they were when they were said; of the newest `among` corrections and of as
/// many of the others.
pub fn lesson_categories(taxonomy: i32, tenant: &str, among: i64) -> Vec<i32> {
    let sql = "SELECT DISTINCT x.category_id
                 FROM ((SELECT k.category_id FROM categorize.correction k
                         WHERE k.taxonomy_id = $1 AND k.tenant = $2 AND k.input IS NOT NULL
                         ORDER BY k.corrected_at DESC LIMIT $3)
                       UNION ALL
                       (SELECT c.category_id FROM categorize.cache c
                         WHERE c.taxonomy_id = $1 AND c.tenant = $2 AND c.origin IN ('label', 'llm') AND c.input IS NOT NULL
                           AND (c.expires_at IS NULL OR c.expires_at > pg_catalog.now())
                         ORDER BY c.created_at DESC LIMIT $3)) x";
    let arguments = [taxonomy.into(), tenant.into(), among.into()];
    run::write_returning(sql, &arguments, |row| row.get(1)).into_iter().flatten().collect()
}

/// The taxonomies of this database and the tenants that have examples in them, as they are committed now.
pub fn taught() -> Vec<(i32, String)> {
    let sql = "SELECT taxonomy_id, tenant FROM categorize.correction WHERE input IS NOT NULL
               UNION
               SELECT taxonomy_id, tenant FROM categorize.cache
                WHERE taxonomy_id IS NOT NULL AND origin IN ('label', 'llm') AND input IS NOT NULL
                ORDER BY 1, 2";
    run::write_returning(sql, &[], |row| Some((row.get(1)?, row.get(2)?))).into_iter().flatten().collect()
}
