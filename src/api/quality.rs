//! How sure the tiers must be that answer for nothing, and what that rests on.

use crate::pg::quality::threshold;
use crate::pg::{guc, spi, world};
use pg_categorize_core::quality;
use pgrx::prelude::*;

/// The free tiers of each taxonomy of which the session's tenant has evidence, or that sets `max_error`: the rows behind the
/// view `tier_quality`. Evidence, answered and errors count held-out examples; bound and shares are from 0 to 1.
#[pg_extern(schema = "categorize", volatile, parallel_restricted)]
#[allow(clippy::type_complexity, reason = "the columns of a table")]
fn tier_bounds() -> TableIterator<
    'static,
    (
        name!(taxonomy, String),
        name!(tier, String),
        name!(max_error, Option<f64>),
        name!(threshold, Option<f32>),
        name!(based_on, String),
        name!(bound, Option<f64>),
        name!(evidence, i64),
        name!(answered, i64),
        name!(errors, i64),
        name!(computed_at, Option<TimestampWithTimeZone>),
    ),
> {
    let tenant = guc::tenant();
    let names = world::as_owner(|| spi::taxonomies_with_quality(&tenant));
    let (world, _) = world::now();
    let mut rows = Vec::new();
    for name in names {
        let scope = world.scope(&tenant, &name);
        let quality = scope.quality();
        for (tier, verdict) in quality.verdicts() {
            rows.push((
                name.clone(),
                tier.as_str().to_owned(),
                scope.settings.max_error,
                threshold(verdict.bar),
                verdict.basis.as_str().to_owned(),
                (verdict.answered > 0).then_some(verdict.bound),
                i64::from(verdict.trials),
                i64::from(verdict.answered),
                i64::from(verdict.errors),
                quality.computed_at.and_then(|at| TimestampWithTimeZone::try_from(at).ok()),
            ));
        }
    }
    TableIterator::new(rows)
}

/// What `errors` wrong answers of `trials` say of the claim that at most a share of `max_error` is wrong: `none`,
/// `contradicted`, or `unknown` where there is nothing to tell from. It may be asked as often as one likes: in one case of
/// twenty at most it ever contradicts a claim that holds. NULL where an argument is.
#[pg_extern(schema = "categorize", immutable, strict, parallel_safe)]
fn drift(errors: i64, trials: i64, max_error: f64) -> String {
    let count = |n: i64| u32::try_from(n.max(0)).unwrap_or(u32::MAX - 1);
    quality::drift(count(errors), count(trials), max_error).as_str().to_owned()
}
