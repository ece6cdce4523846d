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

/// The enabled rules of a taxonomy, of all tenants.
pub fn rules_of_all(taxonomy: i32) -> Vec<RuleSpec> {
    let sql = "SELECT id, kind, pattern, category_id, priority FROM categorize.rule WHERE taxonomy_id = $1 AND enabled";
    run::write_returning(sql, &[taxonomy.into()], rule).into_iter().flatten().collect()
}

/// Stores a rule; `tenant` is `None` for one that holds for all.
pub fn insert_rule(
    tenant: Option<&str>,
    taxonomy: i32,
    kind: RuleKind,
    pattern: &str,
    category: i32,
    priority: i32,
    author: &str,
) -> Option<i64> {
    let sql = "INSERT INTO categorize.rule (tenant, taxonomy_id, kind, pattern, category_id, priority, created_by)
               VALUES ($1, $2, $3, $4, $5, $6, $7::name) RETURNING id";
    let arguments = [
        tenant.into(),
        taxonomy.into(),
        kind.as_str().into(),
        pattern.into(),
        category.into(),
        priority.into(),
        author.into(),
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

/// How many rules a taxonomy has, and the bytes of their patterns.
pub fn rule_usage(taxonomy: i32) -> (i64, i64) {
    let sql = "SELECT pg_catalog.count(*), coalesce(pg_catalog.sum(pg_catalog.octet_length(pattern)), 0)::bigint
                 FROM categorize.rule WHERE taxonomy_id = $1";
    let row = run::write_returning(sql, &[taxonomy.into()], |row| Some((row.get(1)?, row.get(2)?)));
    row.into_iter().flatten().next().unwrap_or_default()
}
