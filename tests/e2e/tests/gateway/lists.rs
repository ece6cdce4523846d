//! A taxonomy that is too large to be offered at once.

use crate::support::shop;
use pg_categorize_fake_llm::Config;
use std::collections::HashMap;
use std::sync::Arc;

/// A model that knows these titles.
fn knows(titles: &[(&str, &str)]) -> Config {
    let labels: HashMap<_, _> = titles.iter().map(|(title, label)| (title.to_string(), label.to_string())).collect();
    Config { labels: Arc::new(labels), ..Config::default() }
}

/// Ten departments with thirty shelves each.
const LARGE: &str = "SELECT categorize.create_taxonomy('large', (
    SELECT array_agg(format('Department %s > Shelf %s %s', d, d, s) ORDER BY d, s)
      FROM generate_series(1, 10) d, generate_series(1, 30) s))";

#[test]
fn a_large_taxonomy_is_asked_about_in_lists_and_what_is_paid_is_booked() {
    let shop = shop(
        "in_lists",
        knows(&[
            ("a thing of shelf 3 17", "Department 3 > Shelf 3 17"),
            ("a shelf without a number", "Department 9 > Shelf 9 30"),
            ("qwertz", "Department 7 > Shelf 7 4"),
            ("an alien", "none of these"),
        ]),
    );
    let mut session = shop.session();
    session.run(LARGE);
    session.run(r#"SELECT categorize.configure('large', '{"tiers": ["cache", "llm"], "pack_wait_ms": 0}')"#);
    let mut ask = |title: &str| {
        let before = shop.model.account().requests;
        let sql = format!(
            "SELECT coalesce(category, reason) || ', ' || (coalesce(cost_usd, 0) > 0) FROM categorize_detail('{title}', 'large')"
        );
        let answer = session.text(&sql).unwrap_or_default();
        (answer, shop.model.account().requests - before)
    };
    assert_eq!(ask("a thing of shelf 3 17"), ("Department 3 > Shelf 3 17, true".into(), 1));
    // Both lists at most, the top of the tree, and one department.
    for (title, right) in
        [("a shelf without a number", "Department 9 > Shelf 9 30"), ("qwertz", "Department 7 > Shelf 7 4")]
    {
        let (answer, requests) = ask(title);
        assert_eq!(answer, format!("{right}, true"));
        assert!((1..=4).contains(&requests), "{title}: {requests} requests");
        assert_eq!(ask(title), (format!("{right}, false"), 0));
    }
    // Both lists and the top of the tree; then it is known.
    assert_eq!(ask("an alien"), ("none_of_these, false".into(), 3));
    assert_eq!(ask("an alien"), ("none_of_these, false".into(), 0));
    assert_eq!((shop.settled(), shop.reserved()), (shop.charged(), 0));
}

#[test]
fn how_often_the_right_category_is_on_the_list_is_told() {
    let shop = shop("recall", Config::default());
    let mut session = shop.session();
    session.run(LARGE);
    session.run(
        "SELECT categorize.learn($$ SELECT format('thing %s of shelf %s %s', i, 1 + i % 10, 1 + i % 30),
                                           format('Department %s > Shelf %s %s', 1 + i % 10, 1 + i % 10, 1 + i % 30)
                                      FROM generate_series(1, 60) i $$, 'large')",
    );
    let rows = session.column::<String>(
        "SELECT list || ' ' || categories || ' ' || examples || ' ' || unseen_examples FROM categorize.candidate_recall('large')",
    );
    assert_eq!(rows, ["short 20 60 60", "wide 80 60 60"]);
    let wide =
        "SELECT found > 0 AND with_guesses >= found FROM categorize.candidate_recall('large') WHERE list = 'wide'";
    assert!(session.one::<bool>(wide));
}
