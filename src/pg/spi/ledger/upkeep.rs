//! What a gateway does with the ledger when it begins, and every hour.

use super::{lock_books, settle_by, take_reservations};
use crate::pg::spi::{run, time};

/// What was under way when the former gateway ended may have been sent: nobody knows. `before` is when this one began, in
/// microseconds of the Postgres epoch. Returns how many there were.
pub fn doubt_open(before: i64) -> usize {
    let sql = "UPDATE categorize.reservation SET state = 'in_doubt', in_doubt_since = clock_timestamp()
                WHERE state = 'open' AND reserved_at < $1 RETURNING 1";
    run::kept(sql, &[time(before).into()], |_| ()).len()
}

/// Settles at its worst case what has been in doubt for a day; returns how many there were.
pub fn settle_expired() -> usize {
    lock_books();
    let sql = "SELECT attempt_id FROM categorize.reservation
                WHERE state = 'in_doubt' AND in_doubt_since <= clock_timestamp() - interval '24 hours'
                ORDER BY attempt_id LIMIT 10000";
    let expired: Vec<i64> = run::kept(sql, &[], |row| row.get(1)).into_iter().flatten().collect();
    let expired = take_reservations(&expired);
    let settled: Vec<_> = expired.into_iter().map(|reservation| (reservation.clone(), reservation.amount)).collect();
    if !settled.is_empty() {
        settle_by(&settled, "expired");
    }
    settled.len()
}

/// Sums ledger rows up by day that are older than so many days, and removes counters and alerts that are. What belongs to
/// an attempt that has not ended stays.
pub fn roll_up(days: i32) {
    let sql = "
        WITH old AS (
            DELETE FROM categorize.ledger l
             WHERE l.reserved_at < now() - $1 * interval '1 day'
               AND NOT EXISTS (SELECT FROM categorize.reservation r WHERE r.attempt_id = l.attempt_id)
            RETURNING *)
        INSERT INTO categorize.ledger_day AS known
              (day, provider_id, provider, model, tenant, taxonomy_id, role, application_name, query_id, requests, inputs,
               wasted, input_tokens, cached_tokens, output_tokens, spent_nanousd, wasted_nanousd)
        SELECT (reserved_at AT TIME ZONE 'UTC')::date, provider_id, provider, model, tenant, taxonomy_id, role,
               application_name, query_id, count(DISTINCT attempt_id),
               coalesce(sum(inputs) FILTER (WHERE kind = 'settle'), 0), coalesce(sum(wasted) FILTER (WHERE kind = 'settle'), 0),
               coalesce(sum(input_tokens), 0), coalesce(sum(cached_tokens), 0), coalesce(sum(output_tokens), 0),
               sum(amount_nanousd),
               coalesce(sum(round(amount_nanousd::numeric * wasted / inputs)) FILTER (WHERE inputs > 0), 0)
          FROM old WHERE kind IN ('settle', 'adjust')
         GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9
        ON CONFLICT (day, provider_id, provider, model, tenant, coalesce(taxonomy_id, 0), role, application_name, query_id)
        DO UPDATE SET requests = known.requests + excluded.requests, inputs = known.inputs + excluded.inputs,
               wasted = known.wasted + excluded.wasted, input_tokens = known.input_tokens + excluded.input_tokens,
               cached_tokens = known.cached_tokens + excluded.cached_tokens,
               output_tokens = known.output_tokens + excluded.output_tokens,
               spent_nanousd = known.spent_nanousd + excluded.spent_nanousd,
               wasted_nanousd = known.wasted_nanousd + excluded.wasted_nanousd";
    lock_books();
    run::kept(sql, &[days.into()], |_| ());
    // A counter is of use while money may still move in its period: two days after it has ended nothing is in doubt.
    let sql = "DELETE FROM categorize.budget_counter
                WHERE ends_at < now() - greatest($1, 2) * interval '1 day'";
    run::kept(sql, &[days.into()], |_| ());
    run::kept(
        "DELETE FROM categorize.alert_log WHERE raised_at < now() - $1 * interval '1 day'",
        &[days.into()],
        |_| (),
    );
}
