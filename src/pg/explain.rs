//! Tier by tier: what each said, its threshold, why it did or did not answer.

use crate::pg::call_site::{Into, scope};
use crate::pg::model::Live;
use crate::pg::neighbours::Neighbourhood;
use crate::pg::resolver::{Resolver, unreadable};
use crate::pg::scope::Scope;
use crate::pg::{error, guc, quality, spi, world};
use pg_categorize_core::cascade::{Guess, Outcome, TierName};
use pg_categorize_core::endpoint;
use pg_categorize_core::local_model::NgramWeight;
use pg_categorize_core::model_choice::ModelChoice;
use pg_categorize_core::provider_settings::ProviderSettings;

/// One tier's line.
pub type Line = (i32, String, bool, Option<String>, Option<f32>, Option<f32>, String);

/// The lines of one input.
pub fn explain(input: Option<&str>, taxonomy: Option<&str>) -> Vec<Line> {
    let Some(input) = input else { return Vec::new() };
    let (world, _) = world::now();
    let Some(scope) = scope(&world, &Into::Taxonomy(taxonomy)) else {
        return vec![nothing("none", "no taxonomy is named and categorize.taxonomy is empty")];
    };
    if let Some(reason) = unreadable(input) {
        return vec![nothing("none", error::hint(reason))];
    }
    let mut answered = false;
    let said = Resolver::new(scope.clone()).each_tier(input);
    let mut lines = Vec::with_capacity(said.len());
    for (step, (tier, outcome)) in said.into_iter().enumerate() {
        let guess = outcome.answer.as_ref().map(|a| a.guess).or(outcome.alternatives.first().copied());
        let answers = outcome.answer.is_some() && !answered;
        let threshold = match tier {
            TierName::LocalModel => Some(scope.local_model_threshold()).filter(|threshold| threshold.is_finite()),
            TierName::Similarity => {
                // Of the embedding by which texts are compared now: the chosen one may still be in the making.
                let open = Neighbourhood::open(&scope);
                let embedding = open.as_ref().map_or(&scope.settings.embedding, Neighbourhood::model);
                quality::threshold(scope.quality().similarity(&scope.settings, embedding).bar)
            }
            _ => None,
        };
        let detail = match scope.model().filter(|_| tier == TierName::LocalModel) {
            Some(model) => trained(&scope, model, input, &outcome, guess) + before(answered),
            None => detail(&scope, tier, &outcome, answered),
        };
        answered |= answers;
        lines.push((
            step as i32 + 1,
            tier.as_str().to_owned(),
            answers,
            guess.and_then(|g| scope.text(g.category)).map(str::to_owned),
            guess.map(|g| g.confidence),
            threshold,
            detail,
        ));
    }
    lines
}

fn detail(scope: &Scope, tier: TierName, outcome: &Outcome, answered: bool) -> String {
    let text = match (tier, &outcome.answer) {
        (TierName::Correction, Some(_)) => "a person said so".to_owned(),
        (TierName::Correction, None) => "nobody corrected this input".to_owned(),
        (TierName::Rule, Some(answer)) => format!("rule {} matches", answer.rule.unwrap_or_default()),
        (TierName::Rule, None) => format!("none of {} rules matches", scope.rules().len()),
        (TierName::Cache, Some(answer)) => format!("kept from an earlier {}", answer.origin.as_str()),
        (TierName::Cache, None) => "no earlier answer for this text".to_owned(),
        (TierName::LocalModel, _) if outcome.alternatives.is_empty() => {
            "lexical (version 0): no word of the input is known".to_owned()
        }
        (TierName::LocalModel, answer) => {
            let verdict = if answer.is_some() { "" } else { "; below the threshold" };
            let next = outcome.alternatives.get(1).and_then(|g| scope.text(g.category));
            let next = next.map(|n| format!("; next best {n}")).unwrap_or_default();
            format!("lexical (version 0): {}{next}{verdict}", words(outcome))
        }
        (TierName::Similarity, _) => similar(scope, outcome),
        (TierName::Llm, None) if outcome.reason.is_none() && guc::mode() == guc::Mode::Live => asked(scope),
        (_, None) => outcome.reason.map_or("not asked in this mode", error::hint).trim_end_matches('.').to_owned(),
        (_, Some(_)) => String::new(),
    };
    text + before(answered)
}

/// What the nearest earlier texts say, and why that is an answer or none.
fn similar(scope: &Scope, outcome: &Outcome) -> String {
    let Some(similar) = &outcome.similar else { return "not asked".to_owned() };
    let Some(nearest) = similar.texts.first() else { return similar.obstacle.clone().unwrap_or_default() };
    let category = scope.text(nearest.category).unwrap_or_default();
    let nearest = format!("nearest of {} earlier texts {category} at {:.3}", similar.texts.len(), nearest.cosine);
    let obstacle = similar.obstacle.as_ref().map(|obstacle| format!("; {obstacle}")).unwrap_or_default();
    format!("{nearest}, agreement {:.2}{obstacle}", similar.agreement)
}

/// Whom the gateway would ask, in its order; nobody is asked by this.
fn asked(scope: &Scope) -> String {
    let explicit = scope.settings.explicit();
    let model = |grade: &str| explicit.get("models").and_then(|models| models.get(grade)?.as_str());
    let upgrades = explicit.get("upgrade").and_then(|upgrade| upgrade.as_str()) != Some("never");
    let (mut cheap, mut strong) = (Vec::new(), Vec::new());
    for provider in world::as_owner(|| spi::providers_in_order(model("cheap"), model("strong"))) {
        let Ok(settings) = ProviderSettings::parse(&provider.settings) else { continue };
        let [cheap_kind, strong_kind] = &provider.kinds;
        let is_of_kind = |kind: &Option<String>| kind.as_ref().is_none_or(|kind| *kind == provider.kind);
        let choice = ModelChoice {
            kind: &provider.kind,
            settings: &settings,
            official: endpoint::is_of_kind(&provider.kind, &provider.base_url),
            cheap: model("cheap").filter(|_| is_of_kind(cheap_kind)),
            strong: model("strong").filter(|_| is_of_kind(strong_kind)),
        };
        cheap.push(format!("{}/{}", provider.name, choice.cheap()));
        strong.extend(choice.strong().filter(|_| upgrades).map(|model| format!("{}/{model}", provider.name)));
    }
    let upgrade = if strong.is_empty() { String::new() } else { format!("; if unsure, {}", strong.join(", then ")) };
    format!("would ask {}{upgrade}", cheap.join(", then "))
}

fn before(answered: bool) -> &'static str {
    if answered { "; an earlier tier answers" } else { "" }
}

/// What of the words of the categories spoke for a guess.
fn words(outcome: &Outcome) -> String {
    if outcome.words.is_empty() { "by its meaning".to_owned() } else { outcome.words.join(", ") }
}

/// What the trained model says, with the n-grams that speak for its guess and for the next best one; and what the words of the
/// categories do, where these were heard beside it and made its guess another or surer one.
fn trained(scope: &Scope, model: &Live, input: &str, outcome: &Outcome, guess: Option<Guess>) -> String {
    let (reading, explanation) = model.explain(scope, input);
    let own = reading.guesses.first();
    let both = guess.filter(|guess| Some(guess) != own);
    let names = both.map(|_| format!("; with the words of the categories: {}", words(outcome))).unwrap_or_default();
    let ngrams = |weights: &[NgramWeight]| {
        let ngram = |n: &NgramWeight| format!("\"{}\" {:+.2}", n.ngram, n.weight);
        weights.iter().map(ngram).collect::<Vec<_>>().join(", ")
    };
    let name = format!("trained (version {})", model.version);
    if reading.guesses.is_empty() {
        return format!("{name}: {}{names}", reading.obstacle.unwrap_or("nothing of the input is known"));
    }
    let next = reading.guesses.get(1).and_then(|g| scope.text(g.category));
    let next = next.map(|next| format!("; next best {next}: {}", ngrams(&explanation.contra))).unwrap_or_default();
    let verdict = match reading.obstacle {
        _ if outcome.answer.is_some() => String::new(),
        Some(obstacle) => format!("; {obstacle}"),
        None => "; below the threshold".to_owned(),
    };
    // The line shows the category that both come to, which may be another one.
    let own = own.filter(|own| both.is_some_and(|both| both.category != own.category));
    let own = own.and_then(|own| scope.text(own.category)).map(|own| format!(" {own}")).unwrap_or_default();
    format!("{name}:{own} {}{next}{names}{verdict}", ngrams(&explanation.pro))
}

fn nothing(tier: &str, detail: &str) -> Line {
    (1, tier.to_owned(), false, None, None, None, detail.to_owned())
}
