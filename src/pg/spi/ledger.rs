//! Reservations and the ledger. Whoever writes them holds [`lock_books`], so that ledger and counters agree.

mod counter;
mod entry;
mod upkeep;

pub use counter::*;
pub use entry::*;
pub use upkeep::*;

use super::{run, time};
use crate::pg::lock::{self, Duty, Span, Thing};
use pg_categorize_core::budget::Movement;
use pg_categorize_core::frame::Asker;
use pg_categorize_core::money::Money;
use pgrx::datum::TimestampWithTimeZone;
use pgrx::pg_sys;

/// An attempt whose cost is not known yet.
#[derive(Debug, Clone)]
pub struct Reservation {
    /// Its number; 0 for one that is to be made.
    pub attempt: i64,
    /// When, in microseconds of the Postgres epoch.
    pub reserved_at: i64,
    /// The most that it can cost.
    pub amount: Money,
    /// Whom it goes to.
    pub provider_id: i32,
    /// The provider's name.
    pub provider: String,
    /// The model.
    pub model: String,
    /// The row of the price.
    pub price_id: i64,
    /// For whom.
    pub tenant: String,
    /// Into what; `None` for ad-hoc labels.
    pub taxonomy: Option<i32>,
    /// Who asks.
    pub asker: Asker,
    /// Inputs in it.
    pub inputs: i32,
}

impl Reservation {
    /// Whether two differ by no more than how much they are, and for how many inputs.
    fn is_beside(&self, other: &Self) -> bool {
        let numbers = |r: &Self| (r.reserved_at, r.provider_id, r.price_id, r.taxonomy);
        numbers(self) == numbers(other)
            && self.asker == other.asker
            && (&self.provider, &self.model, &self.tenant) == (&other.provider, &other.model, &other.tenant)
    }
}

/// Makes those wait for each other, until their transactions end, who write reservations, ledger and counters.
///
/// # Errors
/// 55P03 after `lock_timeout`, and what ends any wait.
pub fn lock_books() {
    lock::acquire(Thing::Gateway(Duty::Booking), pg_sys::ExclusiveLock, Span::Transaction, true);
}

/// Sets money aside, as `open` or `batched`; returns the numbers of the attempts.
pub fn insert_reservations(new: &[Reservation], state: &str) -> Vec<i64> {
    let numbers = "SELECT nextval('categorize.attempt_id_seq') FROM generate_series(1, $1)";
    let ids: Vec<i64> =
        run::kept(numbers, &[(new.len() as i32).into()], |row| row.get(1)).into_iter().flatten().collect();
    // What requests have in common that come one after the other is passed once: those of a batch have all but the money.
    let runs: Vec<&[Reservation]> = new.chunk_by(Reservation::is_beside).collect();
    let firsts: Vec<&Reservation> = runs.iter().map(|run| &run[0]).collect();
    let run_of = runs.iter().zip(1_i32..).flat_map(|(run, number)| run.iter().map(move |_| number));
    let sql = "
        WITH made AS (
            INSERT INTO categorize.reservation (attempt_id, amount_nanousd, inputs, state, reserved_at, provider_id, provider,
                                                model, price_id, tenant, taxonomy_id, role, application_name, query_id)
            SELECT n.attempt_id, n.amount, n.inputs, $5, ($6::timestamptz[])[n.run], ($7::int[])[n.run], ($8::text[])[n.run],
                   ($9::text[])[n.run], ($10::bigint[])[n.run], ($11::text[])[n.run], ($12::int[])[n.run],
                   ($13::text[])[n.run], ($14::text[])[n.run], ($15::bigint[])[n.run]
              FROM ROWS FROM (unnest($1::bigint[]), unnest($2::bigint[]), unnest($3::int[]), unnest($4::int[]))
                AS n (attempt_id, amount, inputs, run)
            RETURNING *)
        INSERT INTO categorize.ledger (attempt_id, kind, reserved_at, amount_nanousd, provider_id, provider, model, price_id,
                                       tenant, taxonomy_id, role, application_name, query_id, inputs)
        SELECT attempt_id, 'reserve', reserved_at, amount_nanousd, provider_id, provider, model, price_id, tenant,
               taxonomy_id, role, application_name, query_id, inputs FROM made";
    let arguments = [
        ids.clone().into(),
        new.iter().map(|r| r.amount.0).collect::<Vec<_>>().into(),
        new.iter().map(|r| r.inputs).collect::<Vec<_>>().into(),
        run_of.collect::<Vec<_>>().into(),
        state.into(),
        firsts.iter().map(|r| time(r.reserved_at)).collect::<Vec<_>>().into(),
        firsts.iter().map(|r| r.provider_id).collect::<Vec<_>>().into(),
        firsts.iter().map(|r| r.provider.clone()).collect::<Vec<_>>().into(),
        firsts.iter().map(|r| r.model.clone()).collect::<Vec<_>>().into(),
        firsts.iter().map(|r| r.price_id).collect::<Vec<_>>().into(),
        firsts.iter().map(|r| r.tenant.clone()).collect::<Vec<_>>().into(),
        firsts.iter().map(|r| r.taxonomy).collect::<Vec<_>>().into(),
        firsts.iter().map(|r| r.asker.role.clone()).collect::<Vec<_>>().into(),
        firsts.iter().map(|r| r.asker.application.clone()).collect::<Vec<_>>().into(),
        firsts.iter().map(|r| r.asker.query_id).collect::<Vec<_>>().into(),
    ];
    run::kept(sql, &arguments, |_| ());
    ids
}

/// The reservations of these attempts that have not ended; they end now, by the lines that follow in this transaction.
pub fn take_reservations(attempts: &[i64]) -> Vec<Reservation> {
    let sql = "DELETE FROM categorize.reservation WHERE attempt_id = ANY ($1)
               RETURNING attempt_id, reserved_at, amount_nanousd, provider_id, provider, model, price_id, tenant, taxonomy_id,
                         role, application_name, query_id, inputs";
    // It is deleted by now: one that could not be read undoes that.
    run::kept(sql, &[attempts.to_vec().into()], |row| reservation(row).expect("a reservation has all of its columns"))
}

fn reservation(row: &run::Row) -> Option<Reservation> {
    Some(Reservation {
        attempt: row.get(1)?,
        reserved_at: row.get(2)?,
        amount: Money(row.get(3)?),
        provider_id: row.get(4)?,
        provider: row.get(5)?,
        model: row.get(6)?,
        price_id: row.get(7)?,
        tenant: row.get(8)?,
        taxonomy: row.get(9),
        asker: Asker { role: row.get(10)?, application: row.get(11)?, query_id: row.get(12)? },
        inputs: row.get(13)?,
    })
}

/// Notes that nobody knows whether these attempts were charged.
pub fn doubt(attempts: &[i64]) {
    let sql = "UPDATE categorize.reservation SET state = 'in_doubt', in_doubt_since = clock_timestamp()
                WHERE attempt_id = ANY ($1) AND state IN ('open', 'batched')";
    run::kept(sql, &[attempts.to_vec().into()], |_| ());
}

/// Settles an attempt that is in doubt, at what somebody found out that it cost; whether there is such an attempt.
pub fn settle_in_doubt(attempt: i64, cost: Money, who: &str) -> bool {
    lock_books();
    let sql = "SELECT 1 FROM categorize.reservation WHERE attempt_id = $1 AND state = 'in_doubt'";
    let is_in_doubt = !run::kept(sql, &[attempt.into()], |_| ()).is_empty();
    if let Some(reservation) = is_in_doubt.then(|| take_reservations(&[attempt]).pop()).flatten() {
        settle_by(&[(reservation, cost)], who);
        return true;
    }
    false
}

/// Settles attempts by hand, or for their age; their reservations are taken.
fn settle_by(settled: &[(Reservation, Money)], who: &str) {
    let mut entries = Vec::new();
    let mut moved = Vec::new();
    for (reservation, cost) in settled {
        let within = (*cost).min(reservation.amount);
        let beyond = Money(cost.0 - within.0);
        let entry = |kind, amount, inputs| Entry {
            kind,
            amount,
            asker: reservation.asker.clone(),
            inputs,
            wasted: inputs,
            usage: None,
            settled_by: Some(who.to_owned()),
        };
        entries.push((reservation, entry("settle", within, reservation.inputs)));
        if beyond > Money::ZERO {
            entries.push((reservation, entry("adjust", beyond, 0)));
        }
        moved.extend(movements(reservation, Movement::settle(reservation.amount, *cost)));
    }
    insert_entries(&entries);
    move_counters(&moved);
}

/// A moment that statements take.
fn moments(all: impl Iterator<Item = i64>) -> Vec<TimestampWithTimeZone> {
    all.map(time).collect()
}
