//! Titles of high complexity go straight to the strong model: what that saves, and what it costs in accuracy, where models err
//! more often on some titles than on others.

use super::Sizes;
use super::difficulty::difficulty;
use super::flipkart::{ABSENT, Titles, titles};
use super::market::{CHEAP, LIKE_OPENAI, Market, STRONG, ask, check, pair};
use super::upgrades::{ERRORS, Pair, accuracy, percent};
use crate::bench::{Bench, step};
use crate::data::copy;
use crate::report::{Item, Report, Section, Table, count};
use pg_categorize_fake_llm::{Config, Oracle};
use std::collections::HashSet;

/// Above which score a title goes straight to the strong model: all of them, the moderate and the complex, the complex, none.
const STRAIGHT_ABOVE: [f64; 4] = [0.0, 0.3, 0.7, 1.0];

/// The free tiers guess, and never answer.
const GUESSING: &str = r#""tiers": ["correction", "cache", "local_model", "llm"], "local_model_threshold": 1"#;

/// What one threshold came to.
struct Run {
    /// Titles that the cheap model was not asked about.
    straight: HashSet<String>,
    upgraded: f64,
    right: f64,
    cost: f64,
}

/// Asks for the same titles at each threshold, before anything was learnt and with a trained model.
pub fn run(bench: &Bench, report: &mut Report) {
    let Some(all) = Titles::flat() else { return report.note(format!("Complexity: {ABSENT}.")) };
    let (known, asked) = Sizes::of(bench).complexity;
    let (known, rest) = all.all.split_at(known);
    let asked = &rest[..asked.min(rest.len())];
    let (hard, difficulty) = step("which titles are hard", || difficulty(&all.all));
    let difficulty = std::sync::Arc::new(difficulty);
    let config = Config { labels: all.labels(), models: pair(ERRORS), difficulty, ..Config::default() };
    let oracle = Oracle::new(&config);
    let wrong = |(title, category): &&Pair| oracle.says(CHEAP.0, title).0 != *category;
    let mut market = Market::open();
    market.add("model", "openai", "/v1", config.clone(), LIKE_OPENAI);
    let models = format!(r#""models": {{"cheap": "{}", "strong": "{}"}}"#, CHEAP.0, STRONG.0);
    market.taxonomy("shop", &all.categories(), &format!("{GUESSING}, {models}"));
    let mut rows = Vec::new();
    for trained in [false, true] {
        let state = if trained { "a trained model" } else { "nothing learnt" };
        if trained {
            step(&format!("learning {} other titles", count(known.len() as f64)), || learn(&market, known));
        }
        let runs = STRAIGHT_ABOVE
            .map(|above| step(&format!("{state}, straight above {above}"), || once(&market, above, asked)));
        let strong = runs[0].cost;
        for (above, run) in STRAIGHT_ABOVE.iter().zip(&runs) {
            let (straight, others): (Vec<_>, Vec<_>) =
                asked.iter().partition(|(title, _)| run.straight.contains(title));
            let share =
                |part: usize, of: usize| if of == 0 { "-".to_owned() } else { percent(part as f64 / of as f64) };
            let missed = |of: &[&Pair]| share(of.iter().filter(|pair| wrong(pair)).count(), of.len());
            rows.push(vec![
                state.to_owned(),
                format!("{above:.1}"),
                share(straight.len(), asked.len()),
                missed(&straight),
                missed(&others),
                percent(run.upgraded - straight.len() as f64 / asked.len() as f64),
                percent(run.right),
                format!("{:.3}", run.cost / strong),
            ]);
        }
    }
    let text = format!(
        "{} titles, json_schema, self-reported confidence, upgrades below 0.80, at each `straight_to_strong` (0: the strong model \
         for all, 1: off). The free tiers guess by the words of the categories, or by a model of {} other titles, and never \
         answer. The cheap model errs for {:.0}% of the titles, the strong one for {:.0}%, both four times as often where a title \
         is hard: where of all other titles the one most alike in its words (TF-IDF, cosine) has another category, which is so \
         for {}. No part of the score looks at that, but it was chosen by us: an oracle cannot prove what real models find hard. \
         *Missed* is how often the cheap model is wrong, or would have been; cost is a share of that of the strong model for all.",
        count(asked.len() as f64),
        count(known.len() as f64),
        100.0 * ERRORS[0],
        100.0 * ERRORS[1],
        percent(hard)
    );
    let head = vec![
        "free tiers",
        "straight above",
        "straight",
        "missed of these",
        "missed of others",
        "upgraded",
        "right",
        "cost",
    ];
    report.note(format!("Complexity: {} of the titles are hard.", percent(hard)));
    rows.iter().for_each(|row| println!("    {}", row.join(" | ")));
    let items = vec![Item::Text(text), Item::Table(Table { head, rows })];
    report.sections.push(Section { title: "What complexity saves", items });
}

/// Has the titles learnt, and a model trained.
fn learn(market: &Market, pairs: &[Pair]) {
    let mut session = market.session();
    session.run("SET categorize.train_after_corrections = 0; SET categorize.train_after_growth = 0");
    session.run("CREATE TEMP TABLE truth (title text, category text)");
    let escaped = |(title, category): &Pair| format!("{title}\t{category}").replace('\\', "\\\\");
    copy(&mut session, "truth", pairs.iter().map(escaped));
    let learnt: i64 = session.one("SELECT categorize.learn('SELECT title, category FROM truth', 'shop')");
    assert_eq!(learnt as usize, pairs.len(), "titles that were not learnt");
    assert!(session.one::<bool>("SELECT active FROM categorize.train('shop')"), "the model is not live");
}

/// Asks for all, as if for the first time.
fn once(market: &Market, above: f64, asked: &[Pair]) -> Run {
    market.run("DELETE FROM categorize.cache WHERE origin = 'llm'; DELETE FROM categorize.confidence_observation");
    market.run(&format!(r#"SELECT categorize.configure('shop', '{{"straight_to_strong": {above}}}')"#));
    market.restart_gateway();
    let before = market.providers[0].account();
    let answers = ask(&mut market.session(), "shop", &titles(asked));
    check("shop", &answers);
    market.quiet();
    let after = market.providers[0].account();
    let requests = after.list.iter().skip(before.list.len()).filter(|request| request.model == CHEAP.0);
    let cheap: HashSet<String> = requests.flat_map(|request| request.items.iter().cloned()).collect();
    let straight = asked.iter().map(|(title, _)| title.clone()).filter(|title| !cheap.contains(title)).collect();
    Run {
        straight,
        upgraded: answers.iter().filter(|answer| answer.upgraded).count() as f64 / asked.len() as f64,
        right: accuracy(asked, &answers),
        cost: (after.charged_nanousd - before.charged_nanousd) as f64 / 1e9,
    }
}
