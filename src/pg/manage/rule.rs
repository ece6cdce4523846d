//! Adding and dropping rules.

use super::{as_writer, locked};
use crate::pg::scope::RULE_MEMORY;
use crate::pg::{error, spi};
use pg_categorize_core::error::{Error, ErrorKind};
use pg_categorize_core::rules::{self, RuleKind, RuleSet};

/// Rules of one taxonomy.
const MAX_RULES: usize = 100_000;

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
        let (count, bytes) = spi::rule_usage(taxonomy.id);
        if count >= MAX_RULES as i64 {
            error::raise(
                Error::new(ErrorKind::LimitExceeded, format!("taxonomy \"{}\" has too many rules", taxonomy.name))
                    .detail(format!("It has {count}; at most {MAX_RULES} are allowed."))
                    .hint("Join rules of one category with | or drop some."),
            );
        }
        refuse_memory(need, count, bytes);
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

/// The bound is on compiled rules; stored patterns bound it from below, so that the exact need is computed only near it.
fn refuse_memory(need: usize, count: i64, bytes: i64) {
    let floor = need + bytes as usize + count as usize * 64;
    if floor > RULE_MEMORY {
        error::raise(
            Error::new(ErrorKind::LimitExceeded, "rules would need too much memory")
                .detail(format!("At least {floor} bytes, of {RULE_MEMORY} allowed."))
                .hint("Drop rules or shorten patterns."),
        );
    }
    // An empty set always fits; the call keeps the two bounds in one place.
    debug_assert!(RuleSet::compile(Vec::new(), RULE_MEMORY).is_ok());
}
