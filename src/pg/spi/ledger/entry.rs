//! The lines of the ledger by which reservations end.

use super::Reservation;
use crate::pg::guard;
use crate::pg::spi::copy_in::{self, Rows};
use crate::pg::spi::{run, time};
use pg_categorize_core::frame::Asker;
use pg_categorize_core::money::Money;
use pg_categorize_core::price::Usage;

/// A line of the ledger by which a reservation ends.
pub struct Entry {
    /// `settle`, `release` or `adjust`.
    pub kind: &'static str,
    /// How much.
    pub amount: Money,
    /// Who pays.
    pub asker: Asker,
    /// Inputs of theirs.
    pub inputs: i32,
    /// Those of them that were not answered.
    pub wasted: i32,
    /// What was charged for, on the first line of a settlement.
    pub usage: Option<Usage>,
    /// Who settled it by hand, or `expired`.
    pub settled_by: Option<String>,
}

/// Stores the lines by which reservations end.
pub fn insert_entries(entries: &[(&Reservation, Entry)]) {
    if entries.len() < copy_in::MANY || !copy_in::takes_our_texts() {
        insert_few(entries);
    } else {
        copy_in::copy_in(c"ledger", rows(entries));
    }
}

fn rows(entries: &[(&Reservation, Entry)]) -> Rows {
    let mut rows = Rows::of(&[
        c"attempt_id",
        c"kind",
        c"booked_at",
        c"reserved_at",
        c"amount_nanousd",
        c"provider_id",
        c"provider",
        c"model",
        c"price_id",
        c"tenant",
        c"taxonomy_id",
        c"role",
        c"application_name",
        c"query_id",
        c"inputs",
        c"wasted",
        c"input_tokens",
        c"cached_tokens",
        c"output_tokens",
        c"settled_by",
    ]);
    let now = guard::clock();
    for (of, entry) in entries {
        let [input, cached, output] = tokens(entry);
        rows.push(&[
            &of.attempt,
            &entry.kind,
            &now,
            &of.reserved_at,
            &entry.amount.0,
            &of.provider_id,
            &of.provider.as_str(),
            &of.model.as_str(),
            &of.price_id,
            &of.tenant.as_str(),
            &of.taxonomy,
            &entry.asker.role.as_str(),
            &entry.asker.application.as_str(),
            &entry.asker.query_id,
            &entry.inputs,
            &entry.wasted,
            &input,
            &cached,
            &output,
            &entry.settled_by.as_deref(),
        ]);
    }
    rows
}

/// The tokens that a line tells of: all that went in, those of them that were cached, and what came out.
fn tokens(entry: &Entry) -> [Option<i64>; 3] {
    let Some(usage) = &entry.usage else { return [None; 3] };
    let input = usage
        .input
        .saturating_add(usage.cached_input)
        .saturating_add(usage.cache_write)
        .saturating_add(usage.cache_write_long);
    [input, usage.cached_input, usage.output].map(|tokens| Some(i64::try_from(tokens).unwrap_or(i64::MAX)))
}

fn insert_few(entries: &[(&Reservation, Entry)]) {
    let sql = "
        INSERT INTO categorize.ledger (attempt_id, kind, reserved_at, amount_nanousd, provider_id, provider, model, price_id,
                                       tenant, taxonomy_id, role, application_name, query_id, inputs, wasted,
                                       input_tokens, cached_tokens, output_tokens, settled_by)
        SELECT * FROM ROWS FROM (
               unnest($1::bigint[]), unnest($2::text[]), unnest($3::timestamptz[]), unnest($4::bigint[]), unnest($5::int[]),
               unnest($6::text[]), unnest($7::text[]), unnest($8::bigint[]), unnest($9::text[]), unnest($10::int[]),
               unnest($11::text[]), unnest($12::text[]), unnest($13::bigint[]), unnest($14::int[]), unnest($15::int[]),
               unnest($16::bigint[]), unnest($17::bigint[]), unnest($18::bigint[]), unnest($19::text[])) AS n";
    let of = || entries.iter().map(|(of, _)| of);
    let entry = || entries.iter().map(|(_, entry)| entry);
    let tokens = |which: usize| entry().map(|entry| tokens(entry)[which]).collect::<Vec<_>>();
    let arguments = [
        of().map(|r| r.attempt).collect::<Vec<_>>().into(),
        entry().map(|e| e.kind.to_owned()).collect::<Vec<_>>().into(),
        of().map(|r| time(r.reserved_at)).collect::<Vec<_>>().into(),
        entry().map(|e| e.amount.0).collect::<Vec<_>>().into(),
        of().map(|r| r.provider_id).collect::<Vec<_>>().into(),
        of().map(|r| r.provider.clone()).collect::<Vec<_>>().into(),
        of().map(|r| r.model.clone()).collect::<Vec<_>>().into(),
        of().map(|r| r.price_id).collect::<Vec<_>>().into(),
        of().map(|r| r.tenant.clone()).collect::<Vec<_>>().into(),
        of().map(|r| r.taxonomy).collect::<Vec<_>>().into(),
        entry().map(|e| e.asker.role.clone()).collect::<Vec<_>>().into(),
        entry().map(|e| e.asker.application.clone()).collect::<Vec<_>>().into(),
        entry().map(|e| e.asker.query_id).collect::<Vec<_>>().into(),
        entry().map(|e| e.inputs).collect::<Vec<_>>().into(),
        entry().map(|e| e.wasted).collect::<Vec<_>>().into(),
        tokens(0).into(),
        tokens(1).into(),
        tokens(2).into(),
        entry().map(|e| e.settled_by.clone()).collect::<Vec<_>>().into(),
    ];
    run::kept(sql, &arguments, |_| ());
}
