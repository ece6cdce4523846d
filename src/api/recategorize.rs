//! Having stored answers asked for anew.

use crate::pg::decision::dollars;
use crate::pg::error::given;
use crate::pg::manage::recategorize::{self, Wanted};
use pgrx::AnyNumeric;
use pgrx::prelude::*;

/// Has answers that machines gave into a taxonomy asked for anew in batches, for the tenant of the session. A new answer takes the place
/// of the old one when it comes; until then, and where none comes, the old one stays. What people have said or taught is left alone.
/// First it tells what that costs: a dry run queues nothing.
///
/// * `taxonomy`: its name; NULL for `categorize.taxonomy`.
/// * `outdated`: only answers that were given for an earlier version of it.
/// * `model`: only answers of this model.
/// * `below`: only answers with a confidence below this, 0 to 1.
/// * `condition`: only answers for which this holds, as in a WHERE over `input`, `category`, `confidence`, `provider`, `model` and
///   `created_at`. It runs with the caller's rights, and can neither write nor spend.
/// * `dry_run`: whether nothing is queued.
/// * `priority`: 1 to 10; 10 goes first.
///
/// Dollars are those of all answers, as `estimate()` tells them: usually, and at most unless requests fail. NULL where no model can be
/// asked, or none has a price for batches.
///
/// # Errors
/// 22023 for an unknown taxonomy or one whose texts stay in the database, and for what else cannot be meant; those of the condition;
/// 25006 where nothing can be written.
#[pg_extern(schema = "categorize")]
#[allow(clippy::type_complexity, clippy::too_many_arguments, reason = "the columns of a table, and what to take")]
fn recategorize(
    taxonomy: default!(Option<&str>, "NULL"),
    outdated: default!(Option<bool>, "false"),
    model: default!(Option<&str>, "NULL"),
    below: default!(Option<f32>, "NULL"),
    condition: default!(Option<&str>, "NULL"),
    dry_run: default!(Option<bool>, "true"),
    priority: default!(Option<i32>, "5"),
) -> TableIterator<
    'static,
    (
        name!(answers, i64),
        name!(without_text, i64),
        name!(queued, i64),
        name!(live_low_usd, Option<AnyNumeric>),
        name!(live_high_usd, Option<AnyNumeric>),
        name!(batch_low_usd, Option<AnyNumeric>),
        name!(batch_high_usd, Option<AnyNumeric>),
    ),
> {
    let plan = recategorize::recategorize(&Wanted {
        taxonomy,
        outdated: given(outdated, "outdated"),
        model,
        below,
        condition,
        dry_run: given(dry_run, "dry_run"),
        priority: given(priority, "priority"),
    });
    let end = |of: Option<[_; 2]>, at: usize| of.map(|ends| dollars(ends[at]));
    let (live, batch) = (plan.live, plan.batch);
    TableIterator::once((
        plan.answers,
        plan.without_text,
        plan.queued,
        end(live, 0),
        end(live, 1),
        end(batch, 0),
        end(batch, 1),
    ))
}
