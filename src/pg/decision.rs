//! Outcomes as rows of `categorize.decision`.

use crate::pg::error;
use crate::pg::guc;
use crate::pg::scope::Scope;
use pg_categorize_core::cascade::{Guess, Outcome, Reason, Similar, SimilarText, TierName};
use pg_categorize_core::money::Money;
use pgrx::heap_tuple::PgHeapTuple;
use pgrx::{AllocatedByRust, AnyNumeric, JsonB};
use serde_json::{Value, json};

/// A row of `categorize.decision`.
pub type Decision = PgHeapTuple<'static, AllocatedByRust>;

/// The decision on one input, of which `input` is the text; `scope` is `None` where no taxonomy was named.
///
/// # Errors
/// Under `on_unresolved = error`, the SQLSTATE of the reason.
pub fn decision(ordinality: i32, input: Option<&str>, scope: Option<&Scope>, outcome: &Outcome) -> Decision {
    let mut row = PgHeapTuple::new_composite_type("categorize.decision")
        .unwrap_or_else(|e| pgrx::error!("type categorize.decision is unusable: {e}"));
    let text = |guess: &Guess| scope.and_then(|s| s.text(guess.category)).map(str::to_owned);
    set(&mut row, 1, ordinality);
    set(&mut row, 2, input.map(str::to_owned));
    set(&mut row, 9, false);
    set(&mut row, 10, AnyNumeric::from(0));
    if let Some(taxonomy) = scope.and_then(Scope::taxonomy) {
        set(&mut row, 12, taxonomy.name.clone());
        set(&mut row, 13, taxonomy.version);
    }
    if !outcome.alternatives.is_empty() {
        let alternative = |g: &Guess| json!({"category": text(g), "confidence": rounded(g.confidence)});
        set(&mut row, 14, JsonB(outcome.alternatives.iter().map(alternative).collect()));
    }
    match (&outcome.answer, outcome.reason) {
        (Some(answer), _) => {
            set(&mut row, 3, text(&answer.guess));
            set(&mut row, 4, answer.guess.confidence);
            set(&mut row, 5, answer.source.as_str());
            set(&mut row, 6, answer.origin.as_str());
            let provenance = answer.provenance.as_deref();
            set(&mut row, 7, provenance.and_then(|p| p.provider.clone()));
            set(&mut row, 8, provenance.and_then(|p| p.model.clone()));
            set(&mut row, 9, answer.upgraded);
            if answer.cost > Money::ZERO {
                set(&mut row, 10, dollars(answer.cost));
            }
        }
        // NULL in, NULL out: nothing was asked.
        (None, None) => {}
        (None, Some(reason)) => {
            let policy = scope.map_or_else(guc::on_unresolved, Scope::on_unresolved);
            if policy == guc::OnUnresolved::Error {
                error::unresolved(reason, outcome.detail.as_deref(), scope);
            }
            if let Some(best) = outcome.alternatives.first().filter(|_| policy == guc::OnUnresolved::Best) {
                set(&mut row, 3, text(best));
                set(&mut row, 4, best.confidence);
            }
            set(&mut row, 5, "unresolved");
            set(&mut row, 11, reason.as_str());
        }
    }
    if let Some(evidence) = evidence(scope, outcome) {
        set(&mut row, 15, JsonB(evidence));
    }
    row
}

fn evidence(scope: Option<&Scope>, outcome: &Outcome) -> Option<Value> {
    match (&outcome.answer, outcome.reason) {
        (Some(answer), _) if answer.source == TierName::Rule => Some(json!({"rule": answer.rule})),
        (Some(answer), _) if answer.source == TierName::LocalModel => Some(match scope.and_then(Scope::model) {
            Some(model) => json!({"model_version": model.version, "method": "trained", "ngrams": outcome.words}),
            None => json!({"model_version": 0, "method": "lexical", "words": outcome.words}),
        }),
        (Some(answer), _) if answer.source == TierName::Similarity => {
            let similar = outcome.similar.as_ref()?;
            Some(json!({"agreement": rounded(similar.agreement), "neighbours": neighbours(scope, similar)}))
        }
        (Some(answer), _) => {
            let grounds = answer.provenance.as_ref()?.grounds.as_ref()?;
            let mut evidence = json!({
                "raw_confidence": rounded(grounds.raw_confidence),
                "confidence_source": grounds.source.as_str(),
            });
            if let Some(rationale) = &grounds.rationale {
                evidence["rationale"] = json!(rationale);
            }
            Some(evidence)
        }
        (None, Some(reason)) => {
            let mut evidence = match &outcome.detail {
                Some(detail) => json!({"hint": error::hint(reason), "detail": detail}),
                None => json!({"hint": error::hint(reason)}),
            };
            if let Some(similar) = &outcome.similar {
                if !similar.texts.is_empty() {
                    evidence["neighbours"] = neighbours(scope, similar);
                }
                // Where a paid tier has the last word, what is missing for this one is not what helps.
                if !similar.texts.is_empty() || reason == Reason::BelowThreshold {
                    evidence["similarity"] = json!(similar.obstacle);
                }
            }
            Some(evidence)
        }
        _ => None,
    }
}

/// The nearest earlier texts, nearest first.
fn neighbours(scope: Option<&Scope>, similar: &Similar) -> Value {
    let neighbour = |near: &SimilarText| {
        json!({
            "text": near.text,
            "category": scope.and_then(|scope| scope.text(near.category)),
            "cosine": rounded(near.cosine),
            "origin": near.origin.as_str(),
        })
    };
    similar.texts.iter().map(neighbour).collect()
}

/// Confidences in JSON are written as people read them.
pub fn rounded(confidence: f32) -> f64 {
    (f64::from(confidence) * 1000.0).round() / 1000.0
}

/// An amount as SQL has it.
pub fn dollars(amount: Money) -> AnyNumeric {
    AnyNumeric::try_from(amount.to_string().as_str()).unwrap_or_else(|e| pgrx::error!("an amount is no number: {e}"))
}

fn set<T: pgrx::IntoDatum>(row: &mut Decision, column: usize, value: T) {
    let column = std::num::NonZeroUsize::new(column).expect("columns are counted from one");
    row.set_by_index(column, value).unwrap_or_else(|e| pgrx::error!("type categorize.decision is unusable: {e}"));
}
