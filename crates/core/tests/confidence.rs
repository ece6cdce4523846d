//! Calibrated confidence, on models of which the truth is known.

use pg_categorize_core::confidence::{Calibration, Observation, Report, Source, calibration_error, is_worth_a_fit};
use proptest::prelude::*;
use std::collections::VecDeque;

/// SplitMix64: the same numbers in every run.
struct Random(u64);

impl Random {
    fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) as f64 / u64::MAX as f64
    }

    fn normal(&mut self) -> f64 {
        (-2.0 * self.uniform().max(1e-12).ln()).sqrt() * (std::f64::consts::TAU * self.uniform()).cos()
    }

    /// One of these values, each with its chance.
    fn of(&mut self, table: &[(f64, f64, f64)]) -> (f64, f64) {
        let mut left = self.uniform();
        let found = table.iter().find(|(chance, ..)| {
            left -= chance;
            left <= 0.0
        });
        let (_, raw, truth) = found.or(table.last()).expect("a table has rows");
        (*raw, *truth)
    }
}

fn sigmoid(z: f64) -> f64 {
    1.0 / (1.0 + (-z).exp())
}

/// What a model says of its confidence, and how probable it is that the answer is right.
type Simulated = (&'static str, Source, fn(&mut Random) -> (f64, f64));

/// Models of each source, as they are met: see the comment on each.
const MODELS: [Simulated; 12] = [
    // Probabilities that mean what they say.
    ("decision, honest", Source::Probabilities, |random| {
        let z = 2.0 + 1.5 * random.normal();
        (sigmoid(z), sigmoid(z))
    }),
    ("decision, overconfident", Source::Probabilities, |random| {
        let z = 2.5 + 2.0 * random.normal();
        (sigmoid(z), sigmoid(0.5 * z - 0.3))
    }),
    ("decision, too modest", Source::Probabilities, |random| {
        let z = 0.5 + random.normal();
        (sigmoid(z), sigmoid(1.8 * z + 0.6))
    }),
    // Tokens of which nearly all are close to 1.
    ("log-probabilities, saturated", Source::LogProbabilities, |random| {
        let z = 6.0 + 2.5 * random.normal();
        (sigmoid(z), sigmoid(0.45 * z - 0.6))
    }),
    // Right up to a point, then no better: no straight line.
    ("log-probabilities, bent", Source::LogProbabilities, |random| {
        let z = 2.0 + 2.0 * random.normal();
        (sigmoid(z), if z < 1.0 { 0.35 } else { 0.6 + 0.35 * sigmoid(4.0 * (z - 3.5)) })
    }),
    // Words such as 0.9, 0.95 and 1.0, in no useful order.
    ("self-reported, words", Source::SelfReported, |random| {
        random.of(&[(0.25, 0.9, 0.74), (0.55, 0.95, 0.72), (0.2, 1.0, 0.9)])
    }),
    ("self-reported, steps of 0.05", Source::SelfReported, |random| {
        random.of(&[
            (0.03, 0.5, 0.35),
            (0.07, 0.7, 0.4),
            (0.1, 0.8, 0.5),
            (0.2, 0.85, 0.62),
            (0.3, 0.9, 0.75),
            (0.25, 0.95, 0.86),
            (0.05, 1.0, 0.93),
        ])
    }),
    ("self-reported, steps, informative", Source::SelfReported, |random| {
        let step = (random.uniform() * 11.0).floor() / 20.0 + 0.5;
        (step, (step * step).min(0.98))
    }),
    ("self-reported, steps, uninformative", Source::SelfReported, |random| {
        random.of(&[(0.1, 0.8, 0.66), (0.3, 0.9, 0.66), (0.4, 0.95, 0.66), (0.2, 0.99, 0.66)])
    }),
    ("self-reported, constant", Source::SelfReported, |_| (0.95, 0.62)),
    ("assumed, good model", Source::Assumed, |_| (0.75, 0.93)),
    ("assumed, bad model", Source::Assumed, |_| (0.75, 0.41)),
];

fn observe(random: &mut Random, model: &Simulated) -> Observation {
    let (raw, truth) = model.2(random);
    Observation { raw: raw as f32, right: random.uniform() < truth, weight: 1.0 }
}

fn median(mut values: Vec<f32>) -> f32 {
    values.sort_by(f32::total_cmp);
    (values[(values.len() - 1) / 2] + values[values.len() / 2]) / 2.0
}

/// The calibration errors of fresh answers that `counts` among: as the model says, and calibrated.
fn errors(
    random: &mut Random,
    model: &Simulated,
    calibration: &Calibration,
    counts: impl Fn(f32) -> bool,
) -> (f32, f32) {
    let fresh: Vec<_> = (0..10_000).map(|_| observe(random, model)).filter(|o| counts(o.raw)).collect();
    let error = |of: &dyn Fn(f32) -> f32| calibration_error(fresh.iter().map(|o| (of(o.raw), o.right, 1.0)));
    (error(&|raw| raw), error(&|raw| calibration.apply(raw)))
}

const SEEDS: u64 = 20;

#[test]
fn five_hundred_observations_leave_an_error_of_five_hundredths() {
    println!("{:<38} {:>7} {:>7} {:>7} {:>7} {:>7} {:>7}", "model", "raw", "prior", "50", "500", "worst", "5000");
    for model in &MODELS {
        let run = |count: usize| -> Vec<(f32, f32)> {
            let of = |seed| {
                let mut random = Random(seed * 7919 + count as u64);
                let seen: Vec<_> = (0..count).map(|_| observe(&mut random, model)).collect();
                errors(&mut random, model, &Calibration::fit(model.1, &seen), |_| true)
            };
            (0..SEEDS).map(of).collect()
        };
        let after = |count| median(run(count).into_iter().map(|e| e.1).collect());
        let raw = median(run(0).into_iter().map(|e| e.0).collect());
        let (five_hundred, worst) = (after(500), run(500).into_iter().map(|e| e.1).fold(0.0, f32::max));
        let (prior, fifty, many) = (after(0), after(50), after(5000));
        println!("{:<38} {raw:>7.3} {prior:>7.3} {fifty:>7.3} {five_hundred:>7.3} {worst:>7.3} {many:>7.3}", model.0);
        assert!(five_hundred <= 0.05, "{}: {five_hundred}", model.0);
        assert!(many <= 0.03, "{}: {many}", model.0);
        // Fifty may be too few to gain by, but not to harm.
        assert!(fifty <= prior + 0.04, "{}: {fifty} after {prior}", model.0);
    }
}

/// Observations that are made with a chance that depends on the raw confidence and on whether the answer is right.
fn observed_by(
    random: &mut Random,
    model: &Simulated,
    count: usize,
    chance: impl Fn(&Observation) -> f64,
) -> Vec<Observation> {
    // A model that never says what is observed has fewer.
    let answers = (0..200 * count).map(|_| observe(random, model)).collect::<Vec<_>>();
    answers.into_iter().filter(|o| random.uniform() < chance(o)).take(count).collect()
}

/// The median errors over the seeds among the answers that count: of the prior, and of a fit to what was observed.
fn prior_and_fitted(
    model: &Simulated,
    seen: impl Fn(&mut Random) -> Vec<Observation>,
    counts: fn(f32) -> bool,
) -> (f32, f32) {
    let of = |seed| {
        let mut random = Random(seed * 104_729 + 3);
        let fitted = Calibration::fit(model.1, &seen(&mut random));
        let after = errors(&mut random, model, &fitted, counts).1;
        (errors(&mut random, model, &Calibration::prior(model.1), counts).1, after)
    };
    let both: Vec<_> = (0..SEEDS).map(of).collect();
    (median(both.iter().map(|e| e.0).collect()), median(both.iter().map(|e| e.1).collect()))
}

#[test]
fn upgrades_say_nothing_about_what_is_above_their_threshold() {
    println!("{:<38} {:>15} {:>15}   error of the prior > fitted to 500 upgrades", "model", "below 0.8", "from 0.8 on");
    for model in &MODELS {
        let upgrades = |random: &mut Random| observed_by(random, model, 500, |o| f64::from(u8::from(o.raw < 0.8)));
        let below = prior_and_fitted(model, upgrades, |raw| raw < 0.8);
        let above = prior_and_fitted(model, upgrades, |raw| raw >= 0.8);
        println!("{:<38} {:>7.3} {:>7.3} {:>7.3} {:>7.3}", model.0, below.0, below.1, above.0, above.1);
        assert!(above.1 <= above.0 + 0.02, "{}: {} after {}", model.0, above.1, above.0);
        assert!(below.1 <= (below.0 + 0.02).min(0.06), "{}: {} after {}", model.0, below.1, below.0);
    }
}

/// Answers of a cheap model in one run, of which those below a threshold are upgraded, and known to be right or wrong once as many
/// again are under way. Returns how much worse than with the truth each went on average, and the share of upgrades.
fn run(model: &Simulated, random: &mut Random, answers: usize, fits: bool) -> (f32, f32) {
    const THRESHOLD: f64 = 0.8;
    const UNDER_WAY: usize = 400;
    let (mut calibration, mut seen, mut known, mut news) = (Calibration::prior(model.1), Vec::new(), 0.0, 0.0);
    let (mut worse, mut upgraded, mut late) = (0.0, 0, VecDeque::new());
    for _ in 0..answers {
        let (raw, truth) = model.2(random);
        let is_upgraded = f64::from(calibration.apply(raw as f32)) < THRESHOLD;
        if is_upgraded != (truth < THRESHOLD) {
            worse += (truth - THRESHOLD).abs();
        }
        upgraded += usize::from(is_upgraded);
        let right = random.uniform() < truth;
        late.push_back(is_upgraded.then_some(Observation { raw: raw as f32, right, weight: 0.5 }));
        if late.len() > UNDER_WAY
            && let Some(observation) = late.pop_front().flatten()
        {
            seen.push(observation);
            news += 0.5;
        }
        if fits && is_worth_a_fit(known, news) {
            calibration = Calibration::fit(model.1, &seen);
            (known, news) = (known + news, 0.0);
        }
    }
    ((worse / answers as f64) as f32, upgraded as f32 / answers as f32)
}

#[test]
fn a_run_that_learns_as_it_goes_upgrades_what_should_be() {
    println!("{:<38} {:>15} {:>15}   5,000 answers: worse than the truth, upgraded", "model", "prior", "learning");
    // As the fake provider has it: right for 88%, and sure of most.
    let honest: Simulated = ("self-reported, honest", Source::SelfReported, |random| {
        let truth = 1.0 - 0.6 * random.uniform().powi(4);
        (truth, truth)
    });
    let mut all = Vec::from(MODELS);
    all.push(honest);
    for model in &all {
        let of = |fits| -> Vec<(f32, f32)> {
            (0..SEEDS).map(|seed| run(model, &mut Random(seed * 15_485_863 + 1), 5_000, fits)).collect()
        };
        let [prior, learning] = [of(false), of(true)].map(|runs| {
            let (worse, upgraded): (Vec<_>, Vec<_>) = runs.into_iter().unzip();
            (median(worse), median(upgraded))
        });
        println!("{:<38} {:>7.4} {:>7.3} {:>7.4} {:>7.3}", model.0, prior.0, prior.1, learning.0, learning.1);
        assert!(learning.0 <= prior.0 + 0.002, "{}: {} after {}", model.0, learning.0, prior.0);
    }
}

#[test]
fn people_may_look_at_what_is_doubtful_and_confirm_rarely() {
    println!("{:<38} {:>7} {:>9} {:>9}   with 500 observations by people", "model", "prior", "doubtful", "confirm");
    for model in &MODELS {
        let doubtful =
            |random: &mut Random| observed_by(random, model, 500, |o| (1.0 - f64::from(o.raw)).powi(2) + 0.02);
        // What is wrong is corrected nine times of ten, what is right is confirmed three times: three confirmations stand
        // for nine.
        let confirm = |random: &mut Random| {
            let mut seen = observed_by(random, model, 500, |o| if o.right { 0.3 } else { 0.9 });
            seen.iter_mut().for_each(|o| o.weight = if o.right { 3.0 } else { 1.0 });
            seen
        };
        let (prior, doubtful) = prior_and_fitted(model, doubtful, |_| true);
        let (_, confirm) = prior_and_fitted(model, confirm, |_| true);
        println!("{:<38} {prior:>7.3} {doubtful:>9.3} {confirm:>9.3}", model.0);
        for after in [doubtful, confirm] {
            assert!(after <= (prior + 0.03).min(0.07), "{}: {after} after {prior}", model.0);
        }
    }
}

#[test]
fn corrections_of_what_was_wrong_alone_change_nothing() {
    for source in Source::ALL {
        let wrong = vec![Observation { raw: 0.9, right: false, weight: 1.0 }; 300];
        assert_eq!(Calibration::fit(source, &wrong), Calibration::prior(source));
    }
}

#[test]
fn what_holds_before_anything_is_known() {
    let worth = |source, raw| Calibration::prior(source).apply(raw);
    for raw in [0.0002, 0.03, 0.5, 0.75, 0.8, 0.97, 0.999] {
        assert_eq!(worth(Source::Probabilities, raw), raw, "a probability passes as it is");
        assert_eq!(worth(Source::LogProbabilities, raw), raw);
        assert_eq!(worth(Source::Assumed, raw), 0.75, "below the threshold of an upgrade");
    }
    assert_eq!((worth(Source::Probabilities, 0.0), worth(Source::Probabilities, 1.0)), (0.0001, 0.9999));
    let self_reported = [0.5, 0.85, 0.9, 0.95, 1.0].map(|raw| (worth(Source::SelfReported, raw) * 100.0).round());
    assert_eq!(self_reported, [50.0, 77.0, 82.0, 89.0, 100.0]);
}

#[test]
fn a_handful_of_observations_swings_nothing() {
    for source in Source::ALL {
        let (raw, prior) = (0.95, Calibration::prior(source));
        let after = |count: usize, right: usize| {
            let seen: Vec<_> = (0..count).map(|i| Observation { raw, right: i < right, weight: 1.0 }).collect();
            Calibration::fit(source, &seen).apply(raw)
        };
        assert_eq!(after(10, 1), prior.apply(raw));
        assert_eq!(after(19, 19), prior.apply(raw));
        let wrong = after(20, 5);
        assert!(wrong > 0.3 && wrong < 0.7, "{source:?}: {wrong}");
        // Little weight is little evidence, and one heavy observation is one.
        let light = vec![Observation { raw, right: true, weight: 0.1 }; 150];
        assert_eq!(Calibration::fit(source, &light), prior);
        let mut heavy = vec![Observation { raw, right: true, weight: 0.01 }; 30];
        heavy.push(Observation { raw, right: false, weight: 1e9 });
        assert_eq!(Calibration::fit(source, &heavy), prior);
    }
}

#[test]
fn a_report_tells_what_it_is_worth() {
    let mut random = Random(5);
    let steps = MODELS.iter().find(|model| model.0 == "self-reported, steps of 0.05").expect("it is there");
    let mut seen: Vec<_> = (0..1000).map(|_| observe(&mut random, steps)).collect();
    let report = Report::of(steps.1, &seen);
    assert_eq!(report.right as usize, seen.iter().filter(|o| o.right).count());
    assert!(report.observations == 1000 && report.before > 0.12 && report.after < 0.05, "{report:?}");
    let fresh = errors(&mut random, steps, &Calibration::fit(steps.1, &seen), |_| true);
    assert!((report.after - fresh.1).abs() < 0.03, "{report:?} but {fresh:?}");
    // What has no pattern promises none, and the order makes no difference.
    seen.reverse();
    assert_eq!(Report::of(steps.1, &seen), report);
    let nothing = Report::of(Source::Assumed, &[]);
    assert_eq!((nothing.observations, nothing.before, nothing.after), (0, 0.0, 0.0));
}

#[test]
fn what_was_stored_is_not_trusted() {
    let read = |text: &str| serde_json::from_str::<Calibration>(text);
    assert_eq!(read("[[0.1,0.3],[0.9,0.7]]").expect("two knots that rise").apply(0.95), 0.7);
    for text in [
        "[]",
        "[[0.1,0.3],[0.1,0.4]]",
        "[[0.1,0.3],[0.2,0.2]]",
        "[[0.0,0.5]]",
        "[[0.5,1.0]]",
        "[[0.5,null]]",
        "[[0.5,1e999]]",
        "{}",
    ] {
        assert!(read(text).is_err(), "{text}");
    }
}

fn any_observation() -> impl Strategy<Value = Observation> {
    let raw = prop_oneof![
        6 => 0.0..=1.0_f32,
        3 => proptest::sample::select(vec![0.0, 0.9, 0.95, 1.0, -0.0]),
        1 => any::<f32>(),
    ];
    let weight = prop_oneof![8 => Just(1.0_f32), 2 => 0.1..3.0_f32, 1 => any::<f32>()];
    (raw, any::<bool>(), weight).prop_map(|(raw, right, weight)| Observation { raw, right, weight })
}

fn any_source() -> impl Strategy<Value = Source> {
    proptest::sample::select(Source::ALL.to_vec())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn whatever_comes_in_confidence_rises_and_is_a_probability(
        source in any_source(), seen in proptest::collection::vec(any_observation(), 0..600), odd in any::<f32>(),
    ) {
        let calibration = Calibration::fit(source, &seen);
        let raws = (0..=200).map(|i| i as f32 / 200.0).chain([f32::INFINITY]);
        let worths: Vec<f32> = std::iter::once(f32::NEG_INFINITY).chain(raws).map(|raw| calibration.apply(raw)).collect();
        prop_assert!(worths.is_sorted(), "{worths:?}");
        for worth in worths.iter().chain([&calibration.apply(odd), &calibration.apply(f32::NAN)]) {
            prop_assert!((0.0001..=0.9999).contains(worth), "{worth}");
        }
        let report = Report::of(source, &seen);
        prop_assert!((0.0..=1.0).contains(&report.before) && (0.0..=1.0).contains(&report.after), "{report:?}");
    }

    #[test]
    fn neither_order_nor_nonsense_makes_a_difference(
        source in any_source(), seen in proptest::collection::vec(any_observation(), 0..400), seed in any::<u64>(),
    ) {
        let mut other = seen.clone();
        for (raw, weight) in [(f32::NAN, 1.0), (f32::INFINITY, 1.0), (1.5, 1.0), (0.5, -1.0), (0.5, f32::NAN), (0.5, f32::INFINITY), (0.5, 0.0)] {
            other.push(Observation { raw, right: true, weight });
        }
        let mut random = Random(seed);
        for i in (1..other.len()).rev() {
            other.swap(i, (random.uniform() * i as f64) as usize);
        }
        prop_assert_eq!(Calibration::fit(source, &other), Calibration::fit(source, &seen));
    }

    #[test]
    fn what_is_written_is_read_again(source in any_source(), seen in proptest::collection::vec(any_observation(), 0..400)) {
        let calibration = Calibration::fit(source, &seen);
        let text = serde_json::to_string(&calibration).expect("it can be written");
        prop_assert!(text.len() < 2500, "{} bytes", text.len());
        let read: Calibration = serde_json::from_str(&text).expect("it can be read");
        prop_assert_eq!(read, calibration);
    }
}
