//! What similarity would have said of examples, had it not known them.

use super::judgement::{Judgement, Neighbour, Voice, judge};
use super::relevance::{NEAR, Pair, Relevance};
use crate::cascade::CategoryId;
use crate::quality::Said;

/// Parts of the questions: each is judged by what was learnt of differences from the others.
const PARTS: usize = 5;

/// An example that others may be near to.
#[derive(Debug, Clone, Copy)]
pub struct Example<'a> {
    /// Its text in normal form (case folded).
    pub text: &'a str,
    /// What it is.
    pub category: CategoryId,
    /// Who said so.
    pub voice: Voice,
}

/// An example that is asked about, with the nearest of the others.
#[derive(Debug, Clone)]
pub struct Question {
    /// Its place among the examples.
    pub example: u32,
    /// The places of the nearest others with their cosines, nearest first.
    pub neighbours: Vec<(u32, f32)>,
}

/// What came of asking.
#[derive(Debug, Clone, Default)]
pub struct Trials {
    /// What was said of each question, where anything was.
    pub said: Vec<Option<Said>>,
    /// Which differences matter, learnt from all questions.
    pub relevance: Relevance,
}

/// Asks about examples as if they were not known (leave one out). No question helps to judge itself: which differences
/// matter to it is learnt from other parts of the questions.
pub fn ask(examples: &[Example<'_>], questions: &[Question]) -> Trials {
    let without = |part: usize| Relevance::learn(pairs(examples, questions, |i| i % PARTS != part));
    let parts: Vec<Relevance> = (0..PARTS).map(without).collect();
    let answer = |(i, question): (usize, &Question)| {
        let right = examples[question.example as usize].category;
        answer(examples, question, &parts[i % PARTS]).map(|judgement| said(&judgement, right))
    };
    Trials {
        said: questions.iter().enumerate().map(answer).collect(),
        relevance: Relevance::learn(pairs(examples, questions, |_| true)),
    }
}

/// What the neighbours of a question say of it.
pub fn answer(examples: &[Example<'_>], question: &Question, relevance: &Relevance) -> Option<Judgement> {
    let neighbour = |(place, cosine): &(u32, f32)| {
        let Example { text, category, voice } = examples[*place as usize];
        Neighbour { category, cosine: *cosine, text, voice }
    };
    let neighbours: Vec<Neighbour<'_>> = question.neighbours.iter().map(neighbour).collect();
    judge(examples[question.example as usize].text, &neighbours, relevance)
}

/// A judgement as evidence: what it says, and whether that is right.
pub fn said(judgement: &Judgement, right: CategoryId) -> Said {
    Said { score: judgement.score, stands: judgement.stands(), right: judgement.category == right }
}

/// The questions for which `take` says so, each with its nearest neighbour where that is near enough to answer.
fn pairs<'a>(
    examples: &'a [Example<'a>],
    questions: &'a [Question],
    take: impl Fn(usize) -> bool,
) -> impl Iterator<Item = Pair<'a>> {
    questions.iter().enumerate().filter(move |(i, _)| take(*i)).filter_map(|(_, question)| {
        let (nearest, _) = question.neighbours.first().filter(|(_, cosine)| *cosine >= NEAR)?;
        let (ours, its) = (&examples[question.example as usize], &examples[*nearest as usize]);
        let apart = ours.category != its.category;
        Some(Pair { text: ours.text, neighbour: its.text, category: its.category, apart })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example(text: &str, category: CategoryId) -> Example<'_> {
        Example { text, category, voice: Voice::Label }
    }

    fn question(example: u32, neighbours: &[u32]) -> Question {
        let cosine = |(i, place): (usize, &u32)| (*place, 0.95 - i as f32 / 100.0);
        Question { example, neighbours: neighbours.iter().enumerate().map(cosine).collect() }
    }

    #[test]
    fn each_is_asked_as_if_it_were_not_known() {
        let texts = ["red shoe", "blue shoe", "green shoe", "pink shoe", "grey shoe", "black shoe", "felt hat"];
        let examples: Vec<Example<'_>> =
            texts.iter().map(|text| example(text, if text.ends_with("hat") { 2 } else { 1 })).collect();
        let questions = [question(0, &[1, 2, 3, 4, 5]), question(6, &[1, 2, 3, 4, 5]), question(1, &[])];
        let trials = ask(&examples, &questions);
        let right: Vec<_> = trials.said.iter().map(|said| said.map(|s| (s.right, s.stands))).collect();
        assert_eq!(right, [Some((true, 0.95)), Some((false, 0.95)), None]);
    }

    #[test]
    fn no_question_tells_itself_what_matters() {
        // Pens of all numbers are pens, as far as the questions of other parts tell; here are only questions of one part.
        let examples: Vec<Example<'_>> =
            (0..1000).map(|i| example(if i % 2 == 0 { "pen 1" } else { "pen 2" }, 1)).collect();
        let alone = |i: u32| if i.is_multiple_of(PARTS as u32) { question(i, &[i + 1; 5]) } else { question(i, &[]) };
        let trials = ask(&examples, &(0..999).map(alone).collect::<Vec<_>>());
        assert_eq!(trials.said[0].map(|s| s.score), Some(0.0), "vetoed: nobody else knows of numbers");
        let everywhere: Vec<Question> = (0..999).map(|i| question(i, &[i + 1; 5])).collect();
        assert!(ask(&examples, &everywhere).said[0].is_some_and(|s| s.score > 0.5));
    }
}
