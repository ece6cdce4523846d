//! The vote of the nearest neighbours.

use super::guard::{Features, Veto};
use super::relevance::Relevance;
use crate::cascade::CategoryId;

/// How many neighbours vote: k.
pub const NEIGHBOURS: usize = 5;

/// What a correction counts beside a label.
const CORRECTION_WEIGHT: f32 = 3.0;

/// What a paid answer counts at most beside a label: a person looked at neither, but labels are chosen.
const PAID_WEIGHT: f32 = 0.9;

/// How fast a vote fades with the distance to the nearest: a neighbour 0.1 of cosine behind counts 1/e.
const FADE: f32 = 10.0;

/// What doubt weighs beside the votes: nothing is beyond it, and a single neighbour least of all.
const DOUBT: f32 = 0.25;

/// How much nearer than a correction, as a difference of cosines, a machine's answer must be to be heard against it.
const OVERRIDES: f32 = 0.05;

/// An earlier answer that is near.
#[derive(Debug, Clone, Copy)]
pub struct Neighbour<'a> {
    /// Its category, as it is now.
    pub category: CategoryId,
    /// Cosine of the two vectors, -1 to 1.
    pub cosine: f32,
    /// Its text in normal form, case folded.
    pub text: &'a str,
    /// Who said it.
    pub voice: Voice,
}

/// Who said what a neighbour is, which is how much that counts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Voice {
    /// A person corrected it: it counts most, and is not contradicted by machines.
    Correction,
    /// A person taught it.
    Label,
    /// A language model was paid for it, and was this sure, 0 to 1.
    Paid(f32),
}

impl Voice {
    /// How much it counts; a label counts 1.
    fn weight(self) -> f32 {
        match self {
            Self::Correction => CORRECTION_WEIGHT,
            Self::Label => 1.0,
            // What is no number is not sure: min and max would make one of it.
            Self::Paid(confidence) if confidence > 0.0 => confidence.min(1.0) * PAID_WEIGHT,
            Self::Paid(_) => 0.0,
        }
    }
}

/// What the neighbours say.
#[derive(Debug, Clone, PartialEq)]
pub struct Judgement {
    /// The category that won.
    pub category: CategoryId,
    /// Cosine of the nearest neighbour in that category.
    pub cosine: f32,
    /// Share of the weighted votes that it got, 0 to 1.
    pub agreement: f32,
    /// Whether there were [`NEIGHBOURS`] neighbours or more, and all that count say the same.
    pub unanimous: bool,
    /// What separates the text from the nearest neighbour in that category, where it matters there.
    pub veto: Option<Veto>,
    /// What thresholds are tested on, 0 to 1: the cosine, less what speaks for others; 0 under a veto.
    pub score: f32,
}

impl Judgement {
    /// What it stands by where nothing has been measured: the cosine, where all neighbours agree and nothing vetoes; 0 else.
    pub fn stands(&self) -> f32 {
        if self.unanimous && self.veto.is_none() { self.cosine.max(0.0) } else { 0.0 }
    }
}

/// What the nearest neighbours of a text in normal form (case folded) say of it, in any order; nothing where none counts.
/// More than [`NEIGHBOURS`] are heard if they are given.
pub fn judge(text: &str, neighbours: &[Neighbour<'_>], relevance: &Relevance) -> Option<Judgement> {
    let counts = |n: &&Neighbour<'_>| n.cosine.is_finite() && n.voice.weight() > 0.0 && !is_overridden(n, neighbours);
    let heard = || neighbours.iter().filter(counts);
    let nearest = heard().map(|n| n.cosine).max_by(f32::total_cmp)?;
    let vote = |n: &Neighbour<'_>| n.voice.weight() * ((n.cosine - nearest) * FADE).exp();
    let votes_for = |category| heard().filter(|n| n.category == category).map(vote).sum::<f32>();
    // Of two with as many votes the nearer wins, then the smaller id: never the order in which they came.
    let best = heard().max_by(|a, b| {
        let votes = votes_for(a.category).total_cmp(&votes_for(b.category));
        votes.then(a.cosine.total_cmp(&b.cosine)).then(b.category.cmp(&a.category)).then(b.text.cmp(a.text))
    })?;
    let category = best.category;
    let (won, all) = (votes_for(category), heard().map(vote).sum::<f32>());
    let cosine = best.cosine.clamp(0.0, 1.0);
    let veto = veto(text, best, relevance);
    Some(Judgement {
        category,
        cosine: best.cosine,
        agreement: won / all,
        unanimous: neighbours.len() >= NEIGHBOURS && heard().all(|n| n.category == category),
        score: if veto.is_none() { cosine * won / (all + DOUBT) } else { 0.0 },
        veto,
    })
}

/// What separates a text from its neighbour, where that matters for the neighbour's category.
fn veto(text: &str, neighbour: &Neighbour<'_>, relevance: &Relevance) -> Option<Veto> {
    let (ours, its) = (Features::of(text), Features::of(neighbour.text));
    ours.differences(&its).find(|kind| relevance.matters(*kind, neighbour.category)).map(|kind| ours.veto(&its, kind))
}

/// Whether a person corrected something about as near to another category than this machine's answer.
fn is_overridden(neighbour: &Neighbour<'_>, among: &[Neighbour<'_>]) -> bool {
    let is_machine = matches!(neighbour.voice, Voice::Paid(_));
    let speaks_against = |other: &Neighbour<'_>| {
        other.voice == Voice::Correction
            && other.category != neighbour.category
            && neighbour.cosine < other.cosine + OVERRIDES
    };
    is_machine && among.iter().any(speaks_against)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TEXT: &str = "red running shoe";

    fn near(category: CategoryId, cosine: f32, voice: Voice) -> Neighbour<'static> {
        Neighbour { category, cosine, text: TEXT, voice }
    }

    fn labels(categories: &[CategoryId]) -> Vec<Neighbour<'static>> {
        categories.iter().enumerate().map(|(i, c)| near(*c, 0.95 - i as f32 / 100.0, Voice::Label)).collect()
    }

    fn judged(neighbours: &[Neighbour<'_>]) -> Judgement {
        judge(TEXT, neighbours, &Relevance::default()).expect("somebody counts")
    }

    #[test]
    fn five_that_agree_are_unanimous_and_four_are_not() {
        let five = judged(&labels(&[1, 1, 1, 1, 1]));
        assert!(five.unanimous && five.agreement == 1.0 && five.stands() == 0.95, "{five:?}");
        let four = judged(&labels(&[1, 1, 1, 1]));
        assert!(!four.unanimous && four.score < five.score && four.stands() == 0.0);
        let divided = judged(&labels(&[1, 1, 2, 1, 1]));
        assert!(!divided.unanimous && divided.category == 1 && divided.agreement < 0.9 && divided.score < four.score);
    }

    #[test]
    fn many_near_outvote_the_nearest() {
        let judged = judged(&labels(&[2, 1, 1, 1, 1]));
        assert_eq!((judged.category, judged.cosine), (1, 0.94));
    }

    #[test]
    fn a_correction_pushes_out_machines_that_disagree() {
        let paid = |cosine| near(1, cosine, Voice::Paid(1.0));
        let corrected = near(2, 0.90, Voice::Correction);
        let machines = [paid(0.94), paid(0.93), paid(0.92), paid(0.91)];
        let judgement = judged(&[&machines[..], &[corrected]].concat());
        assert_eq!((judgement.category, judgement.agreement), (2, 1.0));
        assert!(judgement.unanimous, "what was pushed out does not count");
        // Much nearer is another matter, and so are people.
        assert_eq!(judged(&[&[paid(0.99); 4][..], &[corrected]].concat()).category, 1);
        let labels = [near(1, 0.94, Voice::Label); 4];
        assert_eq!(judged(&[&labels[..], &[corrected]].concat()).category, 1);
    }

    #[test]
    fn what_is_no_number_and_what_is_not_sure_does_not_count() {
        let relevance = Relevance::default();
        for neighbour in [near(1, f32::NAN, Voice::Label), near(1, f32::INFINITY, Voice::Label)]
            .into_iter()
            .chain([f32::NAN, 0.0, -1.0].map(|confidence| near(1, 0.9, Voice::Paid(confidence))))
        {
            assert_eq!(judge(TEXT, &[neighbour], &relevance), None, "{neighbour:?}");
        }
        assert_eq!(judge(TEXT, &[], &relevance), None);
        assert_eq!(judge("", &labels(&[1; 5]), &relevance).map(|j| j.category), Some(1));
    }

    #[test]
    fn what_differs_from_the_nearest_that_won_vetoes() {
        let of = |text| Neighbour { category: 1, cosine: 0.95, text, voice: Voice::Label };
        let judge = |input, text| judge(input, &[of(text); 5], &Relevance::default()).expect("they count");
        let veto = judge("iphone 15", "iphone 14").veto.expect("another number");
        assert_eq!(veto.to_string(), "the numbers differ: 15 here, 14 there");
        assert!(judge("iphone 15", "iphone 15").veto.is_none());
        let case = judge("iphone 15 case", "iphone 15");
        assert!(case.stands() == 0.0 && case.score == 0.0 && case.category == 1);
    }

    proptest! {
        #[test]
        fn any_neighbours_give_a_judgement_or_none(
            text in any::<String>(), rows in prop::collection::vec((0..4, any::<f32>(), any::<String>(), any::<f32>()), 0..9)
        ) {
            let neighbours: Vec<Neighbour<'_>> = rows
                .iter()
                .map(|(category, cosine, text, confidence)| {
                    let voice = match category {
                        0 => Voice::Correction,
                        1 => Voice::Label,
                        _ => Voice::Paid(*confidence),
                    };
                    Neighbour { category: *category, cosine: *cosine, text, voice }
                })
                .collect();
            if let Some(judged) = judge(&text, &neighbours, &Relevance::default()) {
                prop_assert!((0.0..=1.0).contains(&judged.score), "{:?}", judged);
                prop_assert!((0.0..=1.0001).contains(&judged.agreement), "{:?}", judged);
                let mut turned = neighbours.clone();
                turned.reverse();
                let turned = judge(&text, &turned, &Relevance::default()).expect("the same count");
                prop_assert_eq!(turned.category, judged.category);
            }
        }
    }
}
