//! Paid answers as they come into the cache.

use super::{Paid, PaidAnswer, arguments, key};
use crate::pg::spi::copy_in::{self, Rows};
use crate::pg::spi::run;
use crate::pg::{guard, xact};
use pg_categorize_core::fingerprint::Fingerprint;
use std::collections::HashSet;
use std::panic::AssertUnwindSafe;

/// Stores paid answers of one request or of many; never over what a person said. New rows tell nobody: no backend remembers that an
/// answer was absent. Only where one of the keys is there already does a second statement replace what is paid, too.
pub fn store_answers(paid: &Paid<'_>, answers: Vec<PaidAnswer>) {
    let few = answers.len() < copy_in::MANY || !copy_in::takes_our_texts();
    let answers = if few { answers } else { copy_new(paid, answers) };
    if !answers.is_empty() {
        insert_or_update(paid, answers);
    }
}

/// Copies those answers in whose keys nobody has stored or corrected; the others. They are all of them where somebody stored one
/// of the keys meanwhile.
fn copy_new(paid: &Paid<'_>, mut answers: Vec<PaidAnswer>) -> Vec<PaidAnswer> {
    let sql = "SELECT fingerprint FROM categorize.cache WHERE fingerprint = ANY ($1)
               UNION ALL SELECT fingerprint FROM categorize.correction WHERE fingerprint = ANY ($1)";
    // In the order of their index, whose pages are met once then; of two of one key the first counts.
    answers.sort_by_key(|answer| answer.fingerprint.0);
    answers.dedup_by_key(|answer| answer.fingerprint.0);
    let keys: Vec<Vec<u8>> = answers.iter().map(|answer| answer.fingerprint.0.to_vec()).collect();
    let known: HashSet<Fingerprint> = run::kept(sql, &[keys.into()], |row| key(row, 1)).into_iter().flatten().collect();
    let (known, new): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| known.contains(&answer.fingerprint));
    if new.len() < copy_in::MANY {
        return known.into_iter().chain(new).collect();
    }
    let rows = rows(paid, &new);
    if xact::unless_taken(AssertUnwindSafe(|| copy_in::copy_in(c"cache", rows))) {
        return known;
    }
    known.into_iter().chain(new).collect()
}

fn rows(paid: &Paid<'_>, answers: &[PaidAnswer]) -> Rows {
    let mut rows = Rows::of(&[
        c"fingerprint",
        c"category_id",
        c"confidence",
        c"origin",
        c"expires_at",
        c"category_label",
        c"provider",
        c"model",
        c"prompt_version",
        c"cost_nanousd",
        c"taxonomy_id",
        c"taxonomy_version",
        c"tenant",
        c"created_at",
        c"input",
        c"upgraded",
        c"raw_confidence",
        c"confidence_source",
        c"rationale",
    ]);
    let now = guard::clock();
    let expires_at = paid.lasts.map(|seconds| now.saturating_add((seconds * 1e6) as i64));
    for answer in answers {
        rows.push(&[
            &answer.fingerprint.0,
            &answer.category,
            &answer.confidence,
            &"llm",
            &expires_at,
            &answer.label.as_deref(),
            &paid.provider,
            &paid.model,
            &paid.prompt_version,
            &answer.cost,
            &paid.taxonomy.map(|(id, _)| id),
            &paid.taxonomy.map(|(_, version)| version),
            &paid.tenant,
            &now,
            &answer.input.as_deref(),
            &answer.upgraded,
            &answer.grounds.raw_confidence,
            &answer.grounds.source.as_str(),
            &answer.grounds.rationale.as_deref(),
        ]);
    }
    rows
}

/// Stores answers whose keys may be there.
fn insert_or_update(paid: &Paid<'_>, answers: Vec<PaidAnswer>) {
    let update = "
        UPDATE categorize.cache c
           SET category_id = n.category_id, category_label = n.label, confidence = n.confidence, origin = 'llm',
               cost_nanousd = n.cost, input = n.input, upgraded = n.upgraded, raw_confidence = n.raw,
               confidence_source = n.source, rationale = n.rationale, taxonomy_version = $13, provider = $14,
               model = $15, prompt_version = $16, expires_at = clock_timestamp() + $17 * interval '1 second',
               created_at = clock_timestamp()
          FROM ROWS FROM (unnest($1::bytea[]), unnest($2::int[]), unnest($3::text[]), unnest($4::real[]),
                          unnest($5::bigint[]), unnest($6::text[]), unnest($7::boolean[]), unnest($8::real[]),
                          unnest($9::text[]), unnest($10::text[]))
            AS n (fingerprint, category_id, label, confidence, cost, input, upgraded, raw, source, rationale)
         WHERE c.fingerprint = n.fingerprint AND c.origin NOT IN ('label', 'correction')
           AND (c.tenant = $11 OR n.upgraded AND NOT c.upgraded) AND c.taxonomy_id IS NOT DISTINCT FROM $12";
    let count = answers.len();
    let insert = insert_into!("categorize.cache");
    let stored =
        run::kept(insert, &arguments(paid, &answers), |row| key(row, 1)).into_iter().flatten().collect::<Vec<_>>();
    if stored.len() < count {
        let rest: Vec<PaidAnswer> = answers.into_iter().filter(|a| !stored.contains(&a.fingerprint)).collect();
        run::kept(update, &arguments(paid, &rest), |_| ());
    }
}
