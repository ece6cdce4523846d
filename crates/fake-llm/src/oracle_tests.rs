//! Errors, confidence and independence of models.

use super::*;
use crate::model::Confidence;

fn config(titles: usize) -> Config {
    let labels = (0..titles).map(|at| (format!("title {at}"), ["a", "b", "c"][at % 3].to_owned())).collect();
    let model = |error_rate, confidence| Model { error_rate: Some(error_rate), confidence, ..Model::default() };
    let models = BTreeMap::from([
        ("cheap".to_owned(), model(0.3, Confidence::Calibrated)),
        ("strong".to_owned(), model(0.1, Confidence::Calibrated)),
        ("boaster".to_owned(), model(0.3, Confidence::Overconfident)),
    ]);
    Config { labels: Arc::new(labels), models, seed: 7, ..Config::default() }
}

/// The share of answers that are right, for each tenth of the confidence that many have, and its mean there.
fn reliability(oracle: &Oracle, model: &str, titles: usize) -> (f64, Vec<(f64, f64)>) {
    let (mut right, mut buckets) = (0.0, [(0.0, 0.0, 0.0); 10]);
    for at in 0..titles {
        let title = format!("title {at}");
        let (label, confidence) = oracle.says(model, &title);
        let hit = f64::from(u8::from(oracle.truth(&title) == Some(label.as_str())));
        right += hit;
        let bucket = &mut buckets[((confidence * 10.0) as usize).min(9)];
        *bucket = (bucket.0 + 1.0, bucket.1 + hit, bucket.2 + confidence);
    }
    let shares = buckets.into_iter().filter(|(all, ..)| *all > 1000.0);
    (right / titles as f64, shares.map(|(all, hits, sum)| (hits / all, sum / all)).collect())
}

#[test]
fn what_is_difficult_is_wrong_more_often_and_confidence_still_means_something() {
    let titles = 40_000;
    let mut config = config(titles);
    let hard = |at: &usize| at.is_multiple_of(4);
    config.difficulty = Arc::new((0..titles).filter(hard).map(|at| (format!("title {at}"), 2.0)).collect());
    let oracle = Oracle::new(&config);
    let wrong = |of: &dyn Fn(&usize) -> bool| {
        let asked: Vec<_> = (0..titles).filter(of).map(|at| format!("title {at}")).collect();
        let is_wrong = |title: &&String| oracle.truth(title) != Some(oracle.says("cheap", title).0.as_str());
        asked.iter().filter(is_wrong).count() as f64 / asked.len() as f64
    };
    let (of_hard, of_others) = (wrong(&hard), wrong(&|at| !hard(at)));
    assert!((of_hard - 0.6).abs() < 0.02 && (of_others - 0.3).abs() < 0.02, "{of_hard} and {of_others}");
    for (share, said) in reliability(&oracle, "cheap", titles).1 {
        assert!((share - said).abs() < 0.03, "{share} of those with confidence {said}");
    }
}

#[test]
fn confidence_is_the_probability_of_being_right() {
    let titles = 40_000;
    for rate in [0.02, 0.2, 0.6, 1.0] {
        let oracle = Oracle::new(&Config { error_rate: rate, ..config(titles) });
        let (right, shares) = reliability(&oracle, "any", titles);
        assert!((1.0 - right - rate).abs() < 0.01, "{right} right, {rate} wrong wanted");
        assert!(!shares.is_empty());
        for (share, said) in shares {
            assert!((share - said).abs() < 0.04, "right {share}, said {said}, at error rate {rate}");
        }
    }
}

#[test]
fn a_boaster_says_more_than_is_so_but_in_order() {
    let titles = 40_000;
    let (right, shares) = reliability(&Oracle::new(&config(titles)), "boaster", titles);
    assert!((right - 0.7).abs() < 0.01);
    assert!(shares.len() >= 3);
    for (share, said) in &shares {
        let honest = said / (4.0 - 3.0 * said);
        assert!((share - honest).abs() < 0.04, "right {share}, said {said}");
    }
    assert!(shares.is_sorted_by(|one, other| one.0 < other.0), "{shares:?}");
}

#[test]
fn models_err_independently_and_always_alike() {
    let titles = 40_000;
    let (oracle, again) = (Oracle::new(&config(titles)), Oracle::new(&config(titles)));
    let (mut cheap_wrong, mut strong_wrong, mut both, mut same) = (0.0, 0.0, 0.0, 0.0);
    for at in 0..titles {
        let title = format!("title {at}");
        let (cheap, strong) = (oracle.says("cheap", &title), oracle.says("strong", &title));
        assert_eq!((&cheap, &strong), (&again.says("cheap", &title), &again.says("strong", &title)));
        let wrong = |said: &(String, f64)| oracle.truth(&title) != Some(said.0.as_str());
        let count = |is: bool| f64::from(u8::from(is));
        cheap_wrong += count(wrong(&cheap));
        strong_wrong += count(wrong(&strong));
        both += count(wrong(&cheap) && wrong(&strong));
        same += count(wrong(&cheap) && cheap.0 == strong.0);
    }
    let share = |number: f64| number / titles as f64;
    assert!((share(cheap_wrong) - 0.3).abs() < 0.01 && (share(strong_wrong) - 0.1).abs() < 0.01);
    assert!((share(both) - 0.03).abs() < 0.004, "{} of both", share(both));
    assert!((same / both - 0.5).abs() < 0.06, "of two wrong labels one in two is the same: {}", same / both);
}

#[test]
fn a_wrong_label_is_a_near_one() {
    let labels = HashMap::from([("t".to_owned(), "Toys > Games > Chess".to_owned())]);
    let oracle = Oracle::new(&Config { labels: Arc::new(labels), error_rate: 1.0, ..Config::default() });
    let options = ["Books", "Toys > Games > Chess", "Toys > Bricks", "Toys > Games > Go", NONE_OF_THESE];
    let wrong = |seed| {
        let oracle = Oracle { seed, ..oracle.clone() };
        oracle.says_of("m", "t", &options).expect("options").0
    };
    let said: BTreeSet<String> = (0..50).map(wrong).collect();
    assert!(
        said.iter().all(|label| ["Toys > Games > Go", "Toys > Games > Chess"].contains(&label.as_str())),
        "{said:?}"
    );
    assert!(said.contains("Toys > Games > Go"));
}

#[test]
fn an_unknown_title_has_one_label_whatever_the_order_and_model() {
    let oracle = Oracle::new(&Config { labels: Arc::default(), ..config(0) });
    let (one, other) = (["x", "y", "z", NONE_OF_THESE], [NONE_OF_THESE, "z", "y", "x"]);
    let mut seen = BTreeSet::new();
    for at in 0..100 {
        let title = at.to_string();
        let said = oracle.says_of("cheap", &title, &one).expect("options").0;
        assert_eq!(said, oracle.says_of("strong", &title, &other).expect("options").0);
        seen.insert(said);
    }
    assert_eq!(seen.len(), 3);
    assert_eq!(oracle.says_of("cheap", "t", &[] as &[&str]), None);
    assert_eq!(oracle.says("cheap", "t"), (String::new(), 0.0));
    assert_eq!(oracle.says_of("cheap", "t", &[NONE_OF_THESE]).map(|said| said.0).as_deref(), Some(NONE_OF_THESE));
}

#[test]
fn probabilities_add_up_and_the_chosen_one_is_the_largest() {
    let oracle = Oracle::new(&config(1000));
    for options in [&["a"][..], &["a", "b"], &["a", "b", "c"], &["a", "b", "c", "d", "e"]] {
        for at in 0..1000 {
            let title = format!("title {at}");
            let opinion = oracle.choose("cheap", &title, options, false).expect("options");
            let probabilities = oracle.probabilities(&title, options, opinion);
            assert!((probabilities.iter().sum::<f64>() - 1.0).abs() < 1e-9);
            let largest = (0..options.len()).max_by(|a, b| probabilities[*a].total_cmp(&probabilities[*b]));
            assert_eq!(largest, Some(opinion.option));
        }
    }
}

#[test]
fn a_label_that_is_not_offered_is_none_of_these_and_of_branches_the_one_it_belongs_to() {
    let labels = HashMap::from([("knife".to_owned(), "Home > Kitchen > Knives".to_owned())]);
    let oracle = Oracle::new(&Config { labels: Arc::new(labels), ..Config::default() });
    let says =
        |options: &[&str], branches| options[oracle.choose("m", "knife", options, branches).unwrap().option].to_owned();
    let options = ["Books", "Home", "Home > Kitchen", NONE_OF_THESE];
    assert_eq!(says(&options, false), NONE_OF_THESE);
    assert_eq!(says(&options, true), "Home > Kitchen");
    assert_eq!(says(&["Books", NONE_OF_THESE], true), NONE_OF_THESE);
}
