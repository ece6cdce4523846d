//! What the decision APIs have in common: a choice, and a probability for each of them.

use super::{ItemAnswer, refusal};
use crate::plan::Route;
use crate::store::Refusal;
use pg_categorize_core::choices::{Choices, Verdict};
use pg_categorize_core::confidence::Source;
use pg_categorize_core::prompt::{Prompt, confidence};
use serde_json::Value;

/// Choices of one question, by the documentation of each API.
const CHOICES: std::ops::RangeInclusive<usize> = 2..=255;

/// Alternatives that are kept.
const ALTERNATIVES: usize = 5;

/// What an answer says, unchecked.
pub(super) struct Probabilities<'a> {
    /// The label that was chosen.
    pub(super) choice: Option<&'a str>,
    /// What the server calls its confidence. Servers compute it in different ways, so it counts only where there are no
    /// probabilities.
    pub(super) confidence: Option<f64>,
    /// Labels and their probabilities.
    pub(super) of: Vec<(&'a str, f64)>,
}

/// What is told of the choices, where they are few enough to be decided between.
pub(super) fn options<'a>(route: &Route, choices: &'a Choices) -> Result<&'a Prompt, Refusal> {
    let prompt = choices.prompt();
    // Of a list of its own each question has a part.
    if choices.form().is_some() || CHOICES.contains(&prompt.count) {
        return Ok(prompt);
    }
    let count = choices.list().len();
    Err(refusal(route, format!("decides between 1 to 254 categories, and these are {count}")))
}

/// What is asked about one of several items.
pub(super) fn question(choices: &Choices, id: u32) -> String {
    match choices.form() {
        Some(form) => format!("Item {id}: {}", form.question()),
        None => format!("Which category fits the title of item {id} best?"),
    }
}

impl<'a> Probabilities<'a> {
    /// Those of an answer that names its labels as members.
    pub(super) fn of_object(answer: &'a Value) -> Self {
        let of = answer.get("probabilities").and_then(Value::as_object);
        Self {
            choice: answer.get("choice").and_then(Value::as_str),
            confidence: answer.get("confidence").and_then(Value::as_f64),
            of: of.into_iter().flatten().filter_map(|(label, p)| Some((label.as_str(), p.as_f64()?))).collect(),
        }
    }

    /// The answer: how sure it is, is the probability of what was chosen.
    pub(super) fn answer(&self, id: u32, choices: &Choices) -> ItemAnswer {
        let verdict = self.choice.map_or(Verdict::Invalid, |label| choices.read(label));
        let mut known: Vec<(Verdict, f64)> = Vec::with_capacity(self.of.len());
        for (label, probability) in &self.of {
            let of = choices.read(label);
            let counts = of.is_valid() && (0.0..=1.0).contains(probability);
            if counts && !known.iter().any(|(other, _)| *other == of) {
                known.push((of, *probability));
            }
        }
        // Probabilities of more than all are shares of it.
        let whole = known.iter().map(|(_, probability)| probability).sum::<f64>().max(1.0);
        known.iter_mut().for_each(|(_, probability)| *probability /= whole);
        known.sort_by(|(_, one), (_, other)| other.total_cmp(one));
        let chosen = known.iter().find(|(of, _)| *of == verdict).map(|(_, probability)| *probability);
        let category = |(of, probability): &(Verdict, f64)| match of {
            Verdict::Category(id) => Some((*id, *probability as f32)),
            _ => None,
        };
        let alternatives = known.iter().filter_map(category).take(ALTERNATIVES).collect();
        let (confidence, source) = match verdict {
            Verdict::Invalid | Verdict::NotOffered(_) => (0.0, Source::Assumed),
            _ => confidence(chosen.or(self.confidence), Source::Probabilities),
        };
        ItemAnswer { id, verdict, confidence, source, rationale: None, alternatives }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pg_categorize_core::choices::Choice;

    fn answer(choice: Option<&str>, confidence: Option<f64>, of: &[(&str, f64)]) -> ItemAnswer {
        let labels = ["Toys", "Books"].into_iter().enumerate();
        let list = labels.map(|(i, label)| Choice { id: i as i32, label: label.into(), description: None }).collect();
        Probabilities { choice, confidence, of: of.to_vec() }.answer(1, &Choices::new(list))
    }

    #[test]
    fn the_probability_of_the_choice_counts_and_no_confidence_of_the_server() {
        let toys = answer(Some("Toys"), Some(0.2), &[("Books", 0.1), ("Toys", 0.9), ("Fraud", 1.0), ("toys", 0.3)]);
        assert_eq!((toys.verdict, toys.confidence), (Verdict::Category(0), 0.9));
        assert_eq!(toys.alternatives, [(0, 0.9), (1, 0.1)]);
        assert_eq!(answer(Some("Toys"), Some(0.2), &[]).confidence, 0.2);
        assert_eq!(answer(Some("Toys"), None, &[]).confidence, 0.75);
        // Not the likeliest one: what is said is as unsure as it is.
        assert_eq!(answer(Some("Toys"), None, &[("Books", 0.7), ("Toys", 0.3)]).confidence, 0.3);
    }

    #[test]
    fn probabilities_are_no_more_than_one() {
        let toys = answer(Some("Toys"), None, &[("Toys", 0.9), ("Books", 0.9), ("none of these", f64::NAN)]);
        assert_eq!((toys.confidence, toys.alternatives), (0.5, vec![(0, 0.5), (1, 0.5)]));
        assert_eq!(answer(Some("Toys"), Some(7.0), &[("Toys", -3.0)]).confidence, 0.75);
    }

    #[test]
    fn a_choice_that_was_not_offered_is_none() {
        for choice in [None, Some("Fraud"), Some("")] {
            let invalid = answer(choice, Some(1.0), &[("Toys", 0.9)]);
            assert_eq!((invalid.verdict, invalid.confidence), (Verdict::Invalid, 0.0));
        }
    }
}
