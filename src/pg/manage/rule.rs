//! Adding and dropping rules.

use super::{as_writer, locked};
use crate::pg::scope::RULE_MEMORY;
use crate::pg::{error, spi};
use pg_categorize_core::error::{Error, ErrorKind};
use pg_categorize_core::rules::{self, RuleKind, RuleSet, RuleSpec};
use pg_categorize_core::taxonomy::Taxonomy;

/// Rules of one taxonomy.
const MAX_RULES: i64 = 100_000;

/// Compiled, patterns take at most so many times their bytes; beyond it the exact need is computed.
const INDEX_FACTOR: i64 = 16;

/// No row of `categorize.rule` is smaller.
const LEAST_ROW_BYTES: i64 = 100;

/// Adds a rule and returns its id. One of a session without tenant holds for all tenants if its author is a member of
/// `categorize_admin`, any other for the author's tenant alone.
///
/// # Errors
/// 22023 for a bad pattern, kind, category or taxonomy; 54000 beyond the bounds of count and memory.
pub fn add(taxonomy: &str, pattern: &str, category: &str, kind: &str, priority: i32) -> i64 {
    let kind = RuleKind::parse(kind).unwrap_or_else(|e| error::raise(e));
    rules::validate(kind, pattern).unwrap_or_else(|e| error::raise(e));
    as_writer(|caller| {
        let taxonomy = locked(taxonomy);
        let category = taxonomy.find(category).unwrap_or_else(|e| error::raise(e)).id;
        check_bounds(&taxonomy, kind, pattern);
        let tenant = (!(caller.admin && caller.tenant.is_empty())).then_some(caller.tenant.as_str());
        spi::insert_rule(tenant, taxonomy.id, kind, pattern, category, priority, &caller.name)
            .unwrap_or_else(|| pgrx::error!("a rule was not stored"))
    })
}

/// Drops a rule that the caller may change.
///
/// # Errors
/// 22023 where there is none of this id.
pub fn drop(id: i64) {
    let dropped = as_writer(|caller| spi::delete_rule(id, &caller.tenant, caller.admin));
    if !dropped {
        error::raise(
            Error::invalid(format!("rule {id} does not exist"))
                .hint("categorize.rules lists the rules that this session sees."),
        );
    }
}

/// Counts only where the size of the table does not already show that the bounds are far: adding many rules stays linear.
fn check_bounds(taxonomy: &Taxonomy, kind: RuleKind, pattern: &str) {
    let table = spi::rule_table_bytes();
    if table / LEAST_ROW_BYTES < MAX_RULES && table * INDEX_FACTOR < RULE_MEMORY as i64 {
        return;
    }
    let (count, bytes) = spi::rule_usage(taxonomy.id);
    if count >= MAX_RULES {
        error::raise(
            Error::new(ErrorKind::LimitExceeded, format!("taxonomy \"{}\" has too many rules", taxonomy.name))
                .detail(format!("It has {count}; at most {MAX_RULES} are allowed."))
                .hint("Join rules of one category with | or drop some."),
        );
    }
    if bytes * INDEX_FACTOR > RULE_MEMORY as i64 {
        let mut all = spi::rules_of_all(taxonomy.id);
        all.push(RuleSpec { id: i64::MAX, kind, pattern: pattern.to_owned(), category: 0, priority: 0 });
        RuleSet::compile(all, RULE_MEMORY).unwrap_or_else(|e| error::raise(e));
    }
}
