//! What the nearest texts say of one: the rule of the similarity tier, the same wherever it is asked.

use super::Near;
use crate::pg::scope::Scope;
use pg_categorize_core::cascade::{Answer, Origin, Similar, SimilarText, TierName};
use pg_categorize_core::embedding_model::EmbeddingModel;
use pg_categorize_core::normalise::{Case, normalise};
use pg_categorize_core::similarity::{Neighbour, Voice, judge};

/// Bytes of an earlier text that are shown as evidence.
const SHOWN: usize = 500;

/// What was found for a text.
#[derive(Default)]
pub struct Weighed {
    /// The answer, where the rule says that it is sure.
    pub answer: Option<Answer>,
    /// The neighbours, and what they say together.
    pub similar: Similar,
}

/// Weighs the texts that are nearest to `text`, which is in normal form, case folded, under an embedding.
pub fn weigh(scope: &Scope, text: &str, near: Vec<Near>, model: &EmbeddingModel) -> Weighed {
    // A category that cannot answer any more says nothing, and its texts are no neighbours.
    let now = |near: Near| Some((scope.answerable(near.known.category)?, near));
    let near: Vec<(i32, Near)> = near.into_iter().filter_map(now).collect();
    let texts: Vec<String> = near.iter().map(|(_, near)| normalise(&near.known.input, Case::Folded)).collect();
    let mut neighbours = Vec::with_capacity(near.len());
    for ((category, near), text) in near.iter().zip(&texts) {
        neighbours.push(Neighbour { category: *category, cosine: near.cosine, text, voice: voice(near) });
    }
    let judgement = judge(text, &neighbours, scope.relevance(model));
    let mut similar =
        Similar { texts: near.iter().map(|(category, near)| shown(*category, near)).collect(), ..Similar::default() };
    let Some(judgement) = judgement else {
        similar.obstacle = Some("no earlier text is near".to_owned());
        return Weighed { answer: None, similar };
    };
    (similar.agreement, similar.score) = (judgement.agreement, judgement.score);
    let answer = match scope.similar_enough(&judgement, model) {
        Ok(confidence) => {
            let winners = near.iter().filter(|(category, _)| *category == judgement.category);
            // Of the nearest of those that won; it lasts as long as all of them do.
            let origin = winners.clone().next().map_or(Origin::Label, |(_, near)| origin(near));
            let mut answer = Answer::new(judgement.category, confidence, TierName::Similarity, origin);
            answer.expires_at = winners.filter_map(|(_, near)| near.known.expires_at).min().unwrap_or(i64::MAX);
            Some(answer)
        }
        Err(obstacle) => {
            similar.obstacle = Some(obstacle);
            None
        }
    };
    Weighed { answer, similar }
}

fn voice(near: &Near) -> Voice {
    match origin(near) {
        Origin::Correction => Voice::Correction,
        Origin::Llm => Voice::Paid(near.known.confidence),
        _ => Voice::Label,
    }
}

fn origin(near: &Near) -> Origin {
    Origin::parse(&near.known.origin).unwrap_or(Origin::Label)
}

fn shown(category: i32, near: &Near) -> SimilarText {
    let text = &near.known.input;
    let text = text.char_indices().take_while(|(at, c)| at + c.len_utf8() <= SHOWN).map(|(_, c)| c).collect();
    SimilarText { text, category, cosine: near.cosine, origin: origin(near) }
}
