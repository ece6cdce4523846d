//! Statements on `categorize.rule`.

use super::run;
use pg_categorize_core::rules::{RuleKind, RuleSpec};

/// The enabled rules of a taxonomy that a tenant sees: its own and those for all.
pub fn rules(taxonomy: i32, tenant: &str) -> Vec<RuleSpec> {
    let sql = "SELECT id, kind, pattern, category_id, priority FROM categorize.rule
                WHERE taxonomy_id = $1 AND enabled AND (tenant IS NULL OR tenant = $2)";
    run::read(sql, &[taxonomy.into(), tenant.into()], rule).into_iter().flatten().collect()
}

fn rule(row: &run::Row) -> Option<RuleSpec> {
    Some(RuleSpec {
        id: row.get(1)?,
        kind: RuleKind::parse(&row.get::<String>(2)?).ok()?,
        pattern: row.get(3)?,
        category: row.get(4)?,
        priority: row.get(5)?,
    })
}

/// A rule to be stored.
pub struct NewRule<'a> {
    /// The tenant it holds for; `None` for all.
    pub tenant: Option<&'a str>,
    /// The taxonomy.
    pub taxonomy: i32,
    /// Its kind.
    pub kind: RuleKind,
    /// What must match.
    pub pattern: &'a str,
    /// What it answers.
    pub category: i32,
    /// The highest wins.
    pub priority: i32,
    /// Bytes it takes compiled.
    pub memory: i32,
    /// The role that adds it.
    pub author: &'a str,
}

/// Stores a rule and returns its id.
pub fn insert_rule(new: &NewRule<'_>) -> Option<i64> {
    let sql = "INSERT INTO categorize.rule
                      (tenant, taxonomy_id, kind, pattern, category_id, priority, memory, created_by)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8::name) RETURNING id";
    let arguments = [
        new.tenant.into(),
        new.taxonomy.into(),
        new.kind.as_str().into(),
        new.pattern.into(),
        new.category.into(),
        new.priority.into(),
        new.memory.into(),
        new.author.into(),
    ];
    run::write_returning(sql, &arguments, |row| row.get(1)).pop()?
}

/// Deletes a rule of this tenant, or one for all where `shared` is allowed; says whether there was one.
pub fn delete_rule(id: i64, tenant: &str, shared: bool) -> bool {
    let sql = "DELETE FROM categorize.rule WHERE id = $1 AND (tenant = $2 OR (tenant IS NULL AND $3))";
    run::write(sql, &[id.into(), tenant.into(), shared.into()]) > 0
}

/// Bytes of the table of rules, an upper bound of what counting them could find.
pub fn rule_table_bytes() -> i64 {
    let sql = "SELECT pg_catalog.pg_relation_size('categorize.rule')";
    run::write_returning(sql, &[], |row| row.get(1)).pop().flatten().unwrap_or(i64::MAX)
}

/// How many rules a tenant sees in a taxonomy, and the bytes they take compiled; for `None` those of the tenant that
/// sees most, since a rule for all is added to each.
pub fn rule_usage(taxonomy: i32, tenant: Option<&str>) -> (i64, i64) {
    let sql = "WITH used AS (SELECT tenant, pg_catalog.count(*) AS rules, pg_catalog.sum(memory)::bigint AS memory
                              FROM categorize.rule WHERE taxonomy_id = $1 GROUP BY tenant),
                    own AS (SELECT pg_catalog.max(rules) AS rules, pg_catalog.max(memory) AS memory
                              FROM used WHERE tenant IS NOT NULL AND ($2 IS NULL OR tenant = $2))
               SELECT coalesce(o.rules, 0) + coalesce(s.rules, 0), coalesce(o.memory, 0) + coalesce(s.memory, 0)
                 FROM own o LEFT JOIN used s ON s.tenant IS NULL";
    let row = run::write_returning(sql, &[taxonomy.into(), tenant.into()], |row| Some((row.get(1)?, row.get(2)?)));
    row.into_iter().flatten().next().unwrap_or_default()
}
