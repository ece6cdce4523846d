//! The free tiers one after the other, each on what those before it leave.

use super::CONFIDENCE;
use super::binomial::upper_bound;
use super::drift::{Drift, drift};
use super::fixed_sequence::{fixed_sequence, least_trials};

/// What a tier said of a held-out example, and whether it was right.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Said {
    /// What thresholds are tested on, 0 to 1; 0 where it must not answer.
    pub score: f32,
    /// What it stands by where nothing is measured, 0 to 1: the local model by its confidence, similarity by the cosine where
    /// all neighbours agree and nothing vetoes.
    pub stands: f32,
    /// Whether it is what people say.
    pub right: bool,
}

/// What an answer has to reach to count.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Bar {
    /// This score or more.
    Score(f32),
    /// What it stands by is this or more; 0 always answers.
    Stands(f32),
    /// Nothing answers.
    Closed,
}

impl Bar {
    /// Whether an answer with this score, that stands by so much, counts.
    pub fn is_reached(self, score: f32, stands: f32) -> bool {
        match self {
            Self::Score(least) => score >= least,
            Self::Stands(least) => least <= 0.0 || (stands > 0.0 && stands >= least),
            Self::Closed => false,
        }
    }
}

/// A tier on its way to a bar.
#[derive(Debug, Clone, Copy)]
pub struct Tier<'a> {
    /// What it said of each held-out example; all tiers of the same examples in the same order. Empty where nothing was measured.
    pub said: &'a [Option<Said>],
    /// The bar that somebody chose, over everything that is measured.
    pub chosen: Option<f32>,
    /// The bar of the profile.
    pub profile: f32,
    /// Whether it may answer by the profile's bar while there is too little evidence for `max_error`.
    pub may_start: bool,
}

/// Where a bar comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Basis {
    /// Somebody set the threshold.
    Chosen,
    /// `max_error` is not set: the profile says so.
    Profile,
    /// `max_error` holds at it, as far as the evidence proves.
    Proven,
    /// There is too little evidence for `max_error`: the profile's bar, or none.
    TooLittle,
    /// There is evidence, and at no threshold it proves that `max_error` holds.
    Unproven,
}

impl Basis {
    /// Its name in views.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Chosen => "taxonomy",
            Self::Profile => "profile",
            Self::Proven => "max_error",
            Self::TooLittle => "too little evidence",
            Self::Unproven => "not proven",
        }
    }
}

/// The bar of a tier, and what is known of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Verdict {
    /// What its answers have to reach.
    pub bar: Bar,
    /// Why.
    pub basis: Basis,
    /// Held-out examples that the tiers before it left to it.
    pub trials: u32,
    /// Those of them that reach the bar.
    pub answered: u32,
    /// Those of them that were wrong.
    pub errors: u32,
    /// What share of its answers may be wrong, at most, at the confidence of each tier; 1 where nothing is known.
    pub bound: f64,
}

/// Answers from which their share of right ones says how sure one more is.
const ENOUGH_ANSWERS: u32 = 50;

impl Verdict {
    /// How sure an answer is that reaches the bar: the share of the held-out answers that were right, by the rule of
    /// succession (Laplace, 1814); none where they are few.
    pub fn precision(&self) -> Option<f32> {
        let right = f64::from(self.answered - self.errors) + 1.0;
        (self.answered >= ENOUGH_ANSWERS).then_some((right / (f64::from(self.answered) + 2.0)) as f32)
    }
}

/// The bars of the tiers that answer for nothing, in their order: by choice, by `max_error`, by the profile. For all
/// tiers together to hold at [`CONFIDENCE`], each has its part of the doubt (Bonferroni): where the error of each is at
/// most `max_error`, so is that of all.
pub fn calibrate(tiers: &[Tier<'_>], max_error: Option<f64>) -> Vec<Verdict> {
    let confidence = 1.0 - (1.0 - CONFIDENCE) / tiers.len().max(1) as f64;
    let mut open: Vec<bool> = vec![true; tiers.iter().map(|t| t.said.len()).max().unwrap_or(0)];
    let mut verdicts = Vec::with_capacity(tiers.len());
    for tier in tiers {
        let left: Vec<Option<Said>> = tier.said.iter().zip(&open).filter(|(_, open)| **open).map(|(s, _)| *s).collect();
        let (bar, basis) = bar(tier, &left, max_error, confidence);
        let reached = |said: &Option<Said>| said.is_some_and(|s| bar.is_reached(s.score, s.stands));
        let answers = || left.iter().filter(|s| reached(s)).flatten();
        let (answered, errors) = (answers().count() as u32, answers().filter(|s| !s.right).count() as u32);
        let bound = upper_bound(errors, answered, confidence);
        verdicts.push(Verdict { bar, basis, trials: left.len() as u32, answered, errors, bound });
        open.iter_mut().zip(tier.said).for_each(|(open, said)| *open &= !reached(said));
    }
    verdicts
}

fn bar(tier: &Tier<'_>, left: &[Option<Said>], max_error: Option<f64>, confidence: f64) -> (Bar, Basis) {
    if let Some(chosen) = tier.chosen {
        return (Bar::Stands(chosen), Basis::Chosen);
    }
    let Some(max_error) = max_error else { return (Bar::Stands(tier.profile), Basis::Profile) };
    let said: Vec<(f32, bool)> = left.iter().flatten().filter(|s| s.score > 0.0).map(|s| (s.score, s.right)).collect();
    if let Some(threshold) = fixed_sequence(&said, max_error, confidence) {
        return (Bar::Score(threshold.score), Basis::Proven);
    }
    if tier.said.len() >= least_trials(0, max_error, confidence) {
        return (Bar::Closed, Basis::Unproven);
    }
    let start = Bar::Stands(tier.profile);
    let stands = || left.iter().flatten().filter(|s| start.is_reached(s.score, s.stands));
    let (answered, errors) = (stands().count() as u32, stands().filter(|s| !s.right).count() as u32);
    let is_refuted = drift(errors, answered, max_error) == Drift::Contradicted;
    (if tier.may_start && !is_refuted { start } else { Bar::Closed }, Basis::TooLittle)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(score: f32, right: bool) -> Option<Said> {
        Some(Said { score, stands: score, right })
    }

    fn tier(said: &[Option<Said>]) -> Tier<'_> {
        Tier { said, chosen: None, profile: 0.7, may_start: false }
    }

    /// 2,000 examples: the first tier knows the first half and guesses at the rest, the second the other way round.
    fn two() -> [Vec<Option<Said>>; 2] {
        let score = |i: usize| 0.99 - (i % 1000) as f32 / 10_000.0;
        let knows = |i: usize, known: bool| said(if known { score(i) } else { 0.3 }, known || i.is_multiple_of(2));
        [(0..2000).map(|i| knows(i, i < 1000)).collect(), (0..2000).map(|i| knows(i, i >= 1000)).collect()]
    }

    #[test]
    fn each_tier_is_judged_on_what_is_left_to_it() {
        let [first, second] = two();
        let verdicts = calibrate(&[tier(&first), tier(&second)], Some(0.03));
        assert!(verdicts.iter().all(|v| v.basis == Basis::Proven && v.bound <= 0.03), "{verdicts:?}");
        assert_eq!(verdicts[0].trials, 2000);
        assert_eq!(verdicts[1].trials, 2000 - verdicts[0].answered);
        assert!(verdicts[0].answered >= 900 && verdicts[1].answered >= 900);
        // What the first takes away is not counted for the second.
        let alone = calibrate(&[tier(&second)], Some(0.03));
        assert_eq!(alone[0].trials, 2000);
    }

    #[test]
    fn a_choice_wins_over_max_error_which_wins_over_the_profile() {
        let [first, second] = two();
        let chosen = Tier { chosen: Some(0.9), ..tier(&first) };
        let verdicts = calibrate(&[chosen, tier(&second)], Some(0.03));
        assert_eq!((verdicts[0].bar, verdicts[0].basis), (Bar::Stands(0.9), Basis::Chosen));
        assert_eq!(verdicts[1].basis, Basis::Proven);
        let verdicts = calibrate(&[tier(&first), tier(&second)], None);
        assert!(verdicts.iter().all(|v| v.bar == Bar::Stands(0.7) && v.basis == Basis::Profile));
        assert_eq!((verdicts[0].answered, verdicts[0].errors), (1000, 0), "it is measured all the same");
        assert_eq!(
            (verdicts[0].precision(), calibrate(&[tier(&[])], None)[0].precision()),
            (Some(1001.0 / 1002.0), None)
        );
        let always = Tier { chosen: Some(0.0), ..tier(&first) };
        assert_eq!(calibrate(&[always], Some(0.03))[0].answered, 2000);
    }

    #[test]
    fn without_evidence_only_who_may_starts() {
        let start = Tier { may_start: true, profile: 0.85, ..tier(&[]) };
        let verdicts = calibrate(&[tier(&[]), start], Some(0.03));
        assert_eq!((verdicts[0].bar, verdicts[0].basis), (Bar::Closed, Basis::TooLittle));
        assert_eq!((verdicts[1].bar, verdicts[1].bound), (Bar::Stands(0.85), 1.0));
        // A little evidence cannot prove a bound, but it can refute a start.
        let bad: Vec<_> = (0..40).map(|i| said(0.9, i % 2 == 0)).collect();
        assert_eq!(calibrate(&[Tier { said: &bad, ..start }], Some(0.03))[0].bar, Bar::Closed);
        let good: Vec<_> = (0..40).map(|_| said(0.9, true)).collect();
        assert_eq!(calibrate(&[Tier { said: &good, ..start }], Some(0.03))[0].bar, Bar::Stands(0.85));
        // Enough evidence that proves nothing closes it.
        let many: Vec<_> = (0..4000).map(|i| said(0.9, i % 10 != 0)).collect();
        let verdict = calibrate(&[Tier { said: &many, ..start }], Some(0.03))[0];
        assert_eq!((verdict.bar, verdict.basis), (Bar::Closed, Basis::Unproven));
    }

    #[test]
    fn evidence_of_one_tier_says_nothing_of_another_that_was_not_measured() {
        let [known, _] = two();
        let verdicts = calibrate(&[tier(&known), tier(&[])], Some(0.03));
        assert_eq!((verdicts[1].bar, verdicts[1].basis, verdicts[1].trials), (Bar::Closed, Basis::TooLittle, 0));
        let other = calibrate(&[tier(&[]), tier(&known)], Some(0.03));
        assert_eq!((other[1].basis, other[1].trials), (Basis::Proven, 2000));
        assert_eq!(calibrate(&[tier(&[])], None)[0].bar, Bar::Stands(0.7));
    }

    #[test]
    fn what_must_not_answer_reaches_no_bar_but_that_of_always() {
        assert!(!Bar::Score(0.1).is_reached(0.0, 0.0) && !Bar::Stands(0.1).is_reached(0.0, 0.0));
        assert!(Bar::Stands(0.0).is_reached(0.0, 0.0) && !Bar::Closed.is_reached(1.0, 1.0));
        assert!(!Bar::Score(f32::NAN).is_reached(1.0, 1.0) && !Bar::Score(0.5).is_reached(f32::NAN, 1.0));
        let silent: Vec<Option<Said>> = vec![None; 3000];
        assert_eq!(calibrate(&[tier(&silent)], Some(0.03))[0].bar, Bar::Closed);
        assert!(calibrate(&[], Some(0.03)).is_empty());
    }
}
