//! Answers to items, and what faults make of them.

use super::{Answering, Asked};
use crate::faults::{Chosen, Fault};
use crate::oracle::Opinion;
use serde_json::Value;

/// What nobody offers.
pub(crate) const NOT_OFFERED: &str = "Something else entirely";

/// The answer to one item.
#[derive(Clone)]
pub(crate) struct Answer<'a> {
    /// Which item of the request.
    pub(crate) place: usize,
    /// Its id there.
    pub(crate) id: Value,
    /// What it is called.
    pub(crate) label: String,
    /// What it was chosen from.
    pub(crate) options: &'a [String],
    /// How; `None` where there was nothing to choose from.
    pub(crate) opinion: Option<Opinion>,
}

impl<'a> Answer<'a> {
    /// What a model says about this item.
    pub(crate) fn to(asked: &Asked, place: usize, id: Value, options: &'a [String], with: &Answering<'_>) -> Self {
        let title = asked.titles.get(place).map_or("", String::as_str);
        let opinion = with.oracle.choose(with.model, title, options, asked.prompt.offers_branches());
        let label = match opinion {
            Some(opinion) => options[opinion.option].clone(),
            None => with.oracle.truth(title).unwrap_or("Other").to_owned(),
        };
        Self { place, id, label, options, opinion }
    }

    /// How sure the model is, as models write it.
    pub(crate) fn confidence(&self) -> f64 {
        self.opinion.map_or(1.0, |opinion| opinion.written())
    }

    /// Why, as models write it: short, and of no weight.
    pub(crate) fn rationale(&self) -> String {
        format!("The words point to {}.", self.label)
    }

    /// A probability for each option.
    pub(crate) fn probabilities(&self, asked: &Asked, with: &Answering<'_>) -> Vec<f64> {
        let title = asked.titles.get(self.place).map_or("", String::as_str);
        self.opinion.map_or_else(Vec::new, |opinion| with.oracle.probabilities(title, self.options, opinion))
    }
}

/// Spoils answers as a fault wants it; the places of the items that have no valid answer then.
pub(crate) fn spoil(answers: &mut Vec<Answer<'_>>, chosen: &Chosen) -> Vec<usize> {
    let Some(at) = answers.iter().position(|answer| answer.place == chosen.item) else { return Vec::new() };
    match chosen.fault {
        Fault::WrongLabel => answers[at].label = NOT_OFFERED.to_owned(),
        Fault::MissingItem => drop(answers.remove(at)),
        Fault::DuplicateItem => {
            let mut second = answers[at].clone();
            let other = second.options.iter().find(|option| **option != second.label);
            let differs = other.is_some();
            second.label = other.cloned().unwrap_or(second.label);
            answers.push(second);
            if !differs {
                return Vec::new();
            }
        }
        Fault::WrongCase => {
            for answer in answers {
                let upper = answer.label.to_uppercase();
                answer.label = if upper == answer.label { answer.label.to_lowercase() } else { upper };
            }
            return Vec::new();
        }
        Fault::ShuffledItems => {
            answers.rotate_left(1);
            return Vec::new();
        }
        _ => return Vec::new(),
    }
    vec![chosen.item]
}

/// How far the largest of these probabilities is from chance (TypeSafe's formula).
pub(crate) fn certainty(probabilities: &[f64]) -> f64 {
    let chance = 1.0 / probabilities.len() as f64;
    let largest = probabilities.iter().copied().fold(0.0, f64::max);
    if probabilities.len() < 2 { 1.0 } else { ((largest - chance) / (1.0 - chance)).clamp(0.0, 1.0) }
}
