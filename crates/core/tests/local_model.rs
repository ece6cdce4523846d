//! The local model as its users see it: lessons in, a report and a model out.

use pg_categorize_core::cascade::Guess;
use pg_categorize_core::local_model::{
    Damaged, Explanation, Lessons, Live, Model, Options, Prediction, Report, Scratch, Standing, Trained, train,
};
use proptest::prelude::*;

const MEMORY: usize = 64 << 20;
const OPTIONS: Options = Options { threshold: 0.7, is_chosen: false, live: None, hears_names: false };

const THINGS: [(&str, i32); 6] =
    [("running shoe", 11), ("hiking boot", 11), ("felt hat", 12), ("wool scarf", 13), ("desk lamp", 14), ("cup", 15)];
const COLOURS: [&str; 8] = ["red", "blue", "green", "black", "white", "pink", "grey", "brown"];

fn shop() -> Vec<(String, i32)> {
    let size = |n: usize| ["small", "large", "new", "classic", "soft", "light"][n % 6];
    let titles = THINGS.iter().enumerate().flat_map(|(t, (thing, category))| {
        COLOURS.iter().enumerate().flat_map(move |(c, colour)| {
            (0..3).map(move |n| (format!("{} {colour} {thing} {n}", size(t + c + n)), *category))
        })
    });
    titles.collect()
}

fn trained(examples: &[(impl AsRef<str>, i32)]) -> Trained {
    let mut lessons = Lessons::new(MEMORY);
    examples.iter().for_each(|(text, category)| lessons.push(text.as_ref(), *category, 1.0, Standing::New));
    train(lessons, &OPTIONS, None, &mut |_| ()).expect("examples of several categories")
}

fn say(trained: &Trained, text: &str) -> Prediction {
    let mut said = Vec::new();
    Model::verified(&trained.bytes).expect("intact").predict(&[text], &mut Scratch::default(), &mut said);
    said.remove(0)
}

#[test]
fn what_was_taught_is_known_and_sure() {
    let model = trained(&shop());
    let said = say(&model, "a red running shoe");
    assert_eq!(said.guesses[0].category, 11);
    assert!(said.enough_evidence && said.guesses[0].confidence > 0.8, "{said:?}");
    assert!(said.guesses.windows(2).all(|pair| pair[0].confidence >= pair[1].confidence));
    assert!(said.guesses.iter().map(|g| g.confidence).sum::<f32>() <= 1.001);
    // A spelling that nobody taught shares most of its runs of characters.
    assert_eq!(say(&model, "runing shoes").guesses[0].category, 11);
    let report = &model.report;
    assert_eq!((report.examples, report.categories, report.held_out), (144, 5, 144));
    assert!(report.accuracy > 0.95 && report.macro_f1 > 0.9 && report.bins.len() == 15, "{report:?}");
}

#[test]
fn the_same_lessons_make_the_same_model() {
    assert_eq!(trained(&shop()).bytes, trained(&shop()).bytes);
}

#[test]
fn nothing_to_tell_apart_is_refused() {
    for examples in [vec![], vec![("one", 1), ("two", 1)], vec![("?", 1), ("!", 2)]] {
        let mut lessons = Lessons::new(MEMORY);
        examples.iter().for_each(|(text, category)| lessons.push(text, *category, 1.0, Standing::New));
        assert!(train(lessons, &OPTIONS, None, &mut |_| ()).is_err(), "{examples:?}");
    }
}

#[test]
fn one_example_a_category_answers_nothing() {
    let names: Vec<(String, i32)> = (0..40).map(|i| (format!("thing number{i} of kind{i}"), i)).collect();
    let model = trained(&names);
    assert!(!say(&model, "thing number7 of kind7").enough_evidence);
    assert_eq!(model.report.coverage, 0.0);
    assert_eq!(model.report.precision, None);
}

#[test]
fn contradictory_labels_make_nobody_sure() {
    let texts: Vec<(String, i32)> =
        (0..200).map(|i| (format!("{} {}", COLOURS[i % 8], THINGS[i % 6].0), 1 + (i as i32 / 48) % 2)).collect();
    let model = trained(&texts);
    let said = say(&model, "red running shoe");
    assert!(said.guesses[0].confidence < 0.75, "{said:?}");
    let least = Model::open(&model.bytes).expect("intact").least_confidence();
    assert!(said.guesses[0].confidence < least, "{least}");
}

#[test]
fn what_was_held_out_is_told_by_its_place() {
    let shop = shop();
    let mut lessons = Lessons::new(MEMORY);
    lessons.push("?!", 11, 1.0, Standing::New);
    shop.iter().for_each(|(text, category)| lessons.push(text, *category, 1.0, Standing::New));
    lessons.name("shoes", 11);
    let Trained { trials, report, .. } = train(lessons, &OPTIONS, None, &mut |_| ()).expect("several categories");
    let mut places: Vec<usize> = trials.iter().map(|trial| trial.lesson as usize).collect();
    places.sort_unstable();
    assert_eq!(places, (1..=shop.len()).collect::<Vec<_>>(), "the first has no words, the last is a name");
    let right = trials.iter().filter(|trial| trial.guess == Some(shop[trial.lesson as usize - 1].1));
    assert_eq!(right.count() as f32 / trials.len() as f32, report.accuracy);
    assert!(trials.iter().all(|trial| (0.0..=1.0).contains(&trial.confidence)));
}

#[test]
fn what_is_not_known_is_not_guessed_at() {
    let model = trained(&shop());
    for text in ["", "  ", "?!", "日本語", "\u{0}\u{1}"] {
        assert!(say(&model, text).guesses.is_empty(), "{text:?}");
    }
    assert!(say(&model, "xylophone quartet zzz").guesses.first().is_none_or(|g| g.confidence < 0.7));
}

#[test]
fn long_and_strange_texts_are_read() {
    let model = trained(&shop());
    let long = "red running shoe ".repeat(60_000);
    assert_eq!(say(&model, &long).guesses[0].category, 11);
    assert!(say(&model, &"x".repeat(1 << 20)).guesses.len() <= 3);
}

#[test]
fn any_damage_is_noticed() {
    let bytes = trained(&shop()).bytes;
    for at in (0..bytes.len()).step_by(97).chain([8, 16, 24, bytes.len() - 1]) {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x10;
        assert!(Model::verified(&damaged).is_err(), "byte {at}");
    }
    for length in [0, 7, 63, 64, 127, 128, bytes.len() - 1] {
        assert_eq!(Model::verified(&bytes[..length]).err(), Some(Damaged::Content), "{length} bytes");
    }
    let mut other = bytes;
    other[16] = 99;
    assert_eq!(Model::verified(&other).err(), Some(Damaged::Version));
}

/// Trains beside a live model; `new` says which examples are new to it.
fn beside(live: &Trained, examples: &[(String, i32)], new: impl Fn(usize) -> bool) -> Report {
    let mut lessons = Lessons::new(MEMORY);
    for (i, (text, category)) in examples.iter().enumerate() {
        lessons.push(text, *category, 1.0, if new(i) { Standing::New } else { Standing::Seen });
    }
    let options = Options { live: Some(live.report.measured()), ..OPTIONS };
    let live = Live { model: Model::open(&live.bytes).expect("intact"), answerable: &Some };
    train(lessons, &options, Some(live), &mut |_| ()).expect("several categories").report
}

#[test]
fn a_better_model_goes_live_and_a_worse_one_does_not() {
    let shop = shop();
    let few: Vec<_> = shop.iter().step_by(12).cloned().collect();
    let first = trained(&few);
    assert!(!beside(&first, &few, |_| false).better(), "the same examples make no better model");
    let more = beside(&first, &shop, |i| i % 12 != 0);
    assert!(more.better(), "{more:?}");
    let second = trained(&shop);
    let noise: Vec<_> = shop
        .iter()
        .enumerate()
        .map(|(i, (text, _))| (format!("{text} again"), 11 + (i as i32 * 7 + i as i32 / 5) % 5))
        .collect();
    let worse = beside(&second, &[&shop[..], &noise].concat(), |i| i >= shop.len());
    assert!(!worse.better(), "{worse:?}");
}

#[test]
fn what_the_live_model_was_trained_on_proves_nothing_for_it() {
    // One label in five is wrong. Who was trained on them knows them; asked about them it would look nearly perfect.
    let noisy = |i: usize, category: i32| {
        if i.is_multiple_of(5) { 11 + (category - 11 + 1 + i as i32 / 5 % 4) % 5 } else { category }
    };
    let shop: Vec<_> =
        shop().into_iter().enumerate().map(|(i, (text, c))| (format!("{text} no{i}"), noisy(i, c))).collect();
    let live = trained(&shop);
    let more: Vec<_> =
        shop.iter().enumerate().map(|(i, (text, _))| (format!("{text} too"), self::shop()[i].1)).collect();
    let report = beside(&live, &[&shop[..], &more].concat(), |i| i >= shop.len());
    let said = report.live.expect("a live model").accuracy;
    let right = |of: &[(String, i32)]| {
        let right = of.iter().filter(|(text, category)| say(&live, text).guesses[0].category == *category);
        right.count() as f32 / of.len() as f32
    };
    // Half of the examples count as they were reported, the others as the model answers them.
    let (reported, known) = (live.report.accuracy, right(&shop));
    assert!(known > reported + 0.05, "it knows {known} of what it was trained on, and reported {reported}");
    assert!((said - (reported + right(&more)) / 2.0).abs() < 0.001, "{said} counted, {reported} reported");
}

#[test]
fn a_model_that_may_not_answer_replaces_nothing_that_does() {
    let mut lessons = Lessons::new(MEMORY);
    for (i, (text, category)) in shop().into_iter().step_by(12).enumerate() {
        let guess =
            Guess { category: if i % 3 > 0 { category } else { -1 }, confidence: if i % 3 > 0 { 0.9 } else { 0.1 } };
        lessons.push(&text, category, 1.0, Standing::Untrained(Some(guess)));
    }
    let report = train(lessons, &OPTIONS, None, &mut |_| ()).expect("several categories").report;
    assert_eq!((report.coverage, report.worth), (0.0, 0.0), "twelve examples prove nothing: {report:?}");
    assert!(!report.better() && report.live.is_some_and(|live| live.worth > 0.5));
}

#[test]
fn a_small_model_is_measured_with_the_names_that_are_heard_beside_it() {
    let report = |hears_names| {
        let mut lessons = Lessons::new(MEMORY);
        for (i, (text, category)) in shop().into_iter().step_by(12).enumerate() {
            // Never sure enough alone, and right three times of four; nor is a model of twelve.
            let guess = Guess { category: if i % 4 > 0 { category } else { -1 }, confidence: 0.65 };
            lessons.push(&text, category, 1.0, Standing::Untrained(Some(guess)));
        }
        let options = Options { hears_names, ..OPTIONS };
        train(lessons, &options, None, &mut |_| ()).expect("several categories").report
    };
    let (alone, together) = (report(false), report(true));
    assert!(alone.pooled.is_none());
    let pooled = together.pooled.expect("both were measured");
    assert!(pooled.worth > together.worth && pooled.worth > 0.3, "{together:?}");
    assert!(together.better() && together.live.is_some_and(|live| live.worth == 0.0));
    assert_eq!(together.worth, alone.worth, "what later models have to beat is the model alone");
}

#[test]
fn a_model_of_many_labels_is_measured_alone() {
    let mut lessons = Lessons::new(MEMORY);
    for (i, (text, category)) in (0..14).flat_map(|i| shop().into_iter().map(move |lesson| (i, lesson))) {
        let names = Guess { category, confidence: 0.65 };
        lessons.push(&format!("{text} {i}"), category, 1.0, Standing::Untrained(Some(names)));
    }
    let report = train(lessons, &Options { hears_names: true, ..OPTIONS }, None, &mut |_| ()).unwrap().report;
    assert!(report.examples >= 2_000 && report.pooled.is_none(), "{report:?}");
}

#[test]
fn a_category_that_is_described_needs_no_example() {
    let mut lessons = Lessons::new(MEMORY);
    shop().iter().for_each(|(text, category)| lessons.push(text, *category, 1.0, Standing::New));
    for (category, name) in [(11, "shoes"), (12, "hats"), (20, "umbrellas"), (21, "kettles"), (21, "kitchen > kettles")]
    {
        lessons.name(name, category);
    }
    lessons.describe("umbrella, parasol, brolly", 20);
    lessons.describe("folding umbrella for the rain", 20);
    let model = train(lessons, &OPTIONS, None, &mut |_| ()).expect("several categories");
    let report = &model.report;
    assert_eq!((report.examples, report.held_out, report.categories), (144, 144, 5), "words are no examples");
    let said = say(&model, "a folding umbrella");
    assert!(said.guesses[0].category == 20 && said.enough_evidence, "{said:?}");
    let said = say(&model, "kettles");
    assert!(said.guesses[0].category == 21 && !said.enough_evidence, "a name alone is no evidence: {said:?}");
}

#[test]
fn what_answers_without_a_model_must_be_beaten() {
    let better_than = |right: fn(usize) -> bool| {
        let mut lessons = Lessons::new(MEMORY);
        for (i, (text, category)) in shop().into_iter().enumerate().filter(|(i, _)| i % 9 == 0) {
            let guess = Guess { category: if right(i) { category } else { -1 }, confidence: 0.99 };
            lessons.push(&text, category, 1.0, Standing::Untrained(Some(guess)));
        }
        train(lessons, &OPTIONS, None, &mut |_| ()).expect("several categories").report
    };
    assert!(!better_than(|_| true).better(), "nothing is better than always right");
    let report = better_than(|i| i % 2 == 0);
    assert!(report.better() && report.live.is_some_and(|live| (0.3..0.7).contains(&live.accuracy)), "{report:?}");
}

#[test]
fn a_correction_outweighs_a_label() {
    // Both ways, so that neither wins by its place.
    for (labelled, corrected) in [(12, 13), (13, 12)] {
        let mut lessons = Lessons::new(MEMORY);
        for (text, category) in shop() {
            lessons.push(&text, category, 1.0, Standing::New);
        }
        for n in 0..6 {
            lessons.push(&format!("umbrella {n}"), labelled, 1.0, Standing::New);
            lessons.push(&format!("umbrella {n}"), corrected, 2.0, Standing::New);
        }
        let model = train(lessons, &OPTIONS, None, &mut |_| ()).expect("several categories");
        assert_eq!(say(&model, "umbrella").guesses[0].category, corrected);
    }
}

#[test]
fn the_strongest_words_are_told() {
    let model = trained(&shop());
    let model = Model::open(&model.bytes).expect("intact");
    let said = model.explain("large red running shoe", 11, Some(12), 3);
    let Explanation { pro: said, contra } = said;
    assert!(contra.iter().all(|n| n.weight > 0.0 && !said.iter().any(|s| s.ngram == n.ngram)), "{contra:?}");
    assert!(said[0].ngram.contains("shoe") || said[0].ngram.contains("running"), "{said:?}");
    assert!(said.len() == 3 && said.windows(2).all(|pair| pair[0].weight >= pair[1].weight && pair[1].weight > 0.0));
    assert_eq!(model.explain("large red running shoe", 999, None, 3), Explanation::default());
}

#[test]
fn progress_may_cancel() {
    let mut lessons = Lessons::new(MEMORY);
    shop().iter().for_each(|(text, category)| lessons.push(text, *category, 1.0, Standing::New));
    let mut last = 0.0;
    let cancel = std::panic::AssertUnwindSafe(|| {
        train(lessons, &OPTIONS, None, &mut |done| {
            assert!(done >= last, "{done} after {last}");
            last = done;
            assert!(done < 0.5, "cancelled");
        })
    });
    assert!(std::panic::catch_unwind(cancel).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_lessons_make_a_model_or_an_error(
        examples in prop::collection::vec((any::<String>(), 0..40i32, 0.0..3.0f32), 0..60), question in any::<String>()
    ) {
        let mut lessons = Lessons::new(MEMORY);
        examples.iter().for_each(|(text, category, weight)| lessons.push(text, *category, *weight, Standing::New));
        if let Ok(trained) = train(lessons, &OPTIONS, None, &mut |_| ()) {
            let said = say(&trained, &question);
            for guess in &said.guesses {
                prop_assert!((0.0..=1.0).contains(&guess.confidence), "{:?}", said);
                prop_assert!(examples.iter().any(|(_, c, _)| *c == guess.category));
            }
        }
    }

    #[test]
    fn any_bytes_are_a_model_or_damaged(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        prop_assert!(Model::verified(&bytes).is_err());
    }
}
