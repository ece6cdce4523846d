//! Adding and dropping rules.

use super::{as_writer, locked};
use crate::pg::error;
use crate::pg::scope::RULE_MEMORY;
use crate::pg::spi::{self, NewRule};
use pg_categorize_core::error::{Error, ErrorKind};
use pg_categorize_core::rules::{self, RuleKind};
use pg_categorize_core::taxonomy::Taxonomy;

/// Rules of one taxonomy.
const MAX_RULES: i64 = 100_000;

/// Compiled, a rule takes at most so many times the bytes of its row.
const DEAREST_BYTE: i64 = 80;

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
    let need = rules::added_memory(kind, pattern).unwrap_or_else(|e| error::raise(e));
    as_writer(|caller| {
        let taxonomy = locked(taxonomy);
        let category = taxonomy.find(category).unwrap_or_else(|e| error::raise(e)).id;
        let tenant = (!(caller.admin && caller.tenant.is_empty())).then_some(caller.tenant.as_str());
        check_bounds(&taxonomy, tenant, need);
        let new = NewRule {
            tenant,
            taxonomy: taxonomy.id,
            kind,
            pattern,
            category,
            priority,
            memory: i32::try_from(need).unwrap_or(i32::MAX),
            author: &caller.name,
        };
        spi::insert_rule(&new).unwrap_or_else(|| pgrx::error!("a rule was not stored"))
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
fn check_bounds(taxonomy: &Taxonomy, tenant: Option<&str>, need: usize) {
    let table = spi::rule_table_bytes();
    if table / LEAST_ROW_BYTES < MAX_RULES && table * DEAREST_BYTE < RULE_MEMORY as i64 && need < RULE_MEMORY / 2 {
        return;
    }
    let (count, memory) = spi::rule_usage(taxonomy.id, tenant);
    if count >= MAX_RULES {
        error::raise(
            Error::new(ErrorKind::LimitExceeded, format!("taxonomy \"{}\" has too many rules", taxonomy.name))
                .detail(format!("It has {count}; at most {MAX_RULES} are allowed."))
                .hint("Join rules of one category with | or drop some."),
        );
    }
    let total = memory + need as i64;
    if total > RULE_MEMORY as i64 {
        error::raise(
            Error::new(ErrorKind::LimitExceeded, "rules would need too much memory")
                .detail(format!("They would need {total} bytes, of {RULE_MEMORY} allowed."))
                .hint("Drop rules or shorten patterns."),
        );
    }
}
