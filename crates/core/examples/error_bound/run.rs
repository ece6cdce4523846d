//! One run: labels by lot, a model, evidence, thresholds, and what becomes of the other titles.

use super::near::Near;
use super::titles::{Titles, shuffle};
use pg_categorize_core::local_model::{Lessons, Model, Options, Scratch, Standing, train};
use pg_categorize_core::quality::{Said, Tier, calibrate};
use pg_categorize_core::similarity::trials::{self, Example, Question};
use pg_categorize_core::similarity::{NEIGHBOURS, Voice};

/// What is tolerated.
pub const MAX_ERRORS: [f64; 3] = [0.01, 0.03, 0.05];

/// What became of the titles that were not labelled, as shares of them.
pub struct Outcome {
    answered: usize,
    wrong: usize,
    asked: usize,
    pub local_model: f64,
    pub similarity: f64,
    pub cosine: f64,
    pub trigrams: f64,
}

impl Outcome {
    pub fn error(&self) -> f64 {
        self.wrong as f64 / self.answered.max(1) as f64
    }

    pub fn coverage(&self) -> f64 {
        self.answered as f64 / self.asked as f64
    }
}

pub fn run(titles: &Titles, near: &Near, labels: usize, seed: u64) -> Vec<Outcome> {
    let mut order: Vec<u32> = (0..titles.texts.len() as u32).collect();
    shuffle(&mut order, seed + 1);
    let (labelled, rest) = order.split_at(labels);
    let mut is_label = vec![false; order.len()];
    labelled.iter().for_each(|i| is_label[*i as usize] = true);

    let mut lessons = Lessons::new(1 << 30);
    for i in labelled.iter().map(|i| *i as usize) {
        lessons.push(&titles.texts[i], titles.labels[i], 1.0, Standing::New);
    }
    let options = Options { threshold: 0.7, is_chosen: false, live: None, hears_names: false };
    let trained = train(lessons, &options, None, &mut |_| ()).expect("examples of several categories");

    let examples: Vec<Example<'_>> = (titles.texts.iter().zip(&titles.labels))
        .map(|(text, category)| Example { text, category: *category, voice: Voice::Label })
        .collect();
    let question = |i: u32| {
        let labelled = near.by_vector[i as usize].iter().filter(|(n, _)| is_label[*n as usize]);
        Question { example: i, neighbours: labelled.take(NEIGHBOURS).copied().collect() }
    };
    let held_out: Vec<u32> = trained.trials.iter().map(|trial| labelled[trial.lesson as usize]).collect();
    let evidence = trials::ask(&examples, &held_out.iter().map(|i| question(*i)).collect::<Vec<_>>());
    let by_model = |i: u32, guess: Option<i32>, confidence: f32| {
        guess.map(|guess| Said { score: confidence, stands: confidence, right: guess == titles.labels[i as usize] })
    };
    let local: Vec<_> =
        held_out.iter().zip(&trained.trials).map(|(i, t)| by_model(*i, t.guess, t.confidence)).collect();

    let model = Model::open(&trained.bytes).expect("it was just made");
    let texts: Vec<&str> = rest.iter().map(|i| titles.texts[*i as usize].as_str()).collect();
    let mut predictions = Vec::new();
    model.predict(&texts, &mut Scratch::default(), &mut predictions);
    let local_now = rest.iter().zip(&predictions).map(|(i, p)| {
        let best = p.guesses.first().filter(|_| p.enough_evidence);
        by_model(*i, best.map(|b| b.category), best.map_or(0.0, |b| b.confidence))
    });
    let similar_now = rest.iter().map(|i| {
        let judgement = trials::answer(&examples, &question(*i), &evidence.relevance)?;
        Some(trials::said(&judgement, titles.labels[*i as usize]))
    });
    let now: Vec<(Option<Said>, Option<Said>)> = local_now.zip(similar_now).collect();

    MAX_ERRORS
        .iter()
        .map(|max_error| {
            let tier = |said, profile, may_start| Tier { said, chosen: None, profile, may_start };
            let tiers = [tier(&local, 0.7, false), tier(&evidence.said, 0.85, true)];
            let verdicts = calibrate(&tiers, Some(*max_error));
            let answer =
                |tier: usize, said: Option<Said>| said.filter(|s| verdicts[tier].bar.is_reached(s.score, s.stands));
            let (mut by_local, mut by_similarity, mut wrong) = (0, 0, 0);
            for (local, similar) in &now {
                let (first, second) = (answer(0, *local), answer(1, *similar));
                by_local += usize::from(first.is_some());
                by_similarity += usize::from(first.is_none() && second.is_some());
                wrong += usize::from(first.or(second).is_some_and(|said| !said.right));
            }
            let answered = by_local + by_similarity;
            let precision = 1.0 - wrong as f64 / answered.max(1) as f64;
            let fixed = |near: &[Vec<(u32, f32)>]| fixed(titles, rest, &is_label, near, precision);
            let share = |count: usize| count as f64 / rest.len() as f64;
            Outcome {
                answered,
                wrong,
                asked: rest.len(),
                local_model: share(by_local),
                similarity: share(by_similarity),
                cosine: share(fixed(&near.by_vector)),
                trigrams: share(fixed(&near.by_trigrams)),
            }
        })
        .collect()
}

/// How many titles the nearest label answers at the lowest threshold at which so large a share is right.
fn fixed(titles: &Titles, rest: &[u32], is_label: &[bool], near: &[Vec<(u32, f32)>], precision: f64) -> usize {
    let mut answers: Vec<(f32, bool)> = rest
        .iter()
        .filter_map(|i| {
            let (nearest, similarity) = near[*i as usize].iter().find(|(n, _)| is_label[*n as usize])?;
            Some((*similarity, titles.labels[*nearest as usize] == titles.labels[*i as usize]))
        })
        .collect();
    answers.sort_unstable_by(|a, b| b.0.total_cmp(&a.0));
    let mut right = 0;
    let is_precise = |(i, (_, is_right)): (usize, &(f32, bool))| {
        right += usize::from(*is_right);
        (right as f64 >= precision * (i + 1) as f64).then_some(i + 1)
    };
    answers.iter().enumerate().filter_map(is_precise).last().unwrap_or(0)
}
