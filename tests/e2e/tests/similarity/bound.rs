//! Similar texts under `max_error`.

use crate::{await_answer, explained, source, stocked};

/// Hundreds of titles that only their numbers tell apart.
const TEACH_MUCH: &str = "SELECT categorize.learn($$
    SELECT concat_ws(' ', noun, i), category
      FROM (VALUES ('cotton shirt for men', 'Shirts'), ('hardcover novel', 'Books'), ('hydraulic torque wrench', 'Tools')) AS c (noun, category),
           generate_series(1, 150) AS i$$)";

#[test]
fn evidence_decides_from_which_score_on_they_answer_and_what_may_differ() {
    let Some((database, mut session)) = stocked("bound") else { return };
    session.run(r#"SELECT categorize.configure('t', '{"max_error": 0.05, "similarity_threshold": null}')"#);
    session.run(TEACH_MUCH);
    // Until something proves that numbers do not matter, another number is another thing.
    let asked = "hardcover novel 977";
    pg_categorize_e2e::eventually("there is an index", 30, || explained(&mut session, asked).contains("agreement"));
    assert!(
        explained(&mut session, asked).contains("the numbers differ: 977 here"),
        "{}",
        explained(&mut session, asked)
    );
    session.run("SELECT categorize.train('t')");
    await_answer(&mut session, asked);
    let row = session
        .query_one("SELECT based_on, bound, evidence, errors, threshold FROM categorize.tier_quality", &[])
        .unwrap();
    assert_eq!(row.get::<_, String>(0), "max_error");
    assert!((0.0..=0.05).contains(&row.get::<_, f64>(1)));
    assert_eq!((row.get::<_, i64>(2), row.get::<_, i64>(3)), (450, 0));
    assert!((0.5..1.0).contains(&row.get::<_, f32>(4)));
    let confidence: f32 = session.one_of("SELECT confidence FROM categorize_detail($1)", &[&asked]);
    assert!((0.98..1.0).contains(&confidence), "what was measured: {confidence}");
    assert_eq!(source(&mut session, "hardcover novel without 977"), "unresolved");
    assert!(explained(&mut session, "hardcover novel without 977").contains("the negations differ"));
    // Evidence goes with the model that it judges.
    session.run("DELETE FROM categorize.local_model");
    assert_eq!(session.one::<i64>("SELECT count(*) FROM categorize.quality"), 0);
    database.cluster.assert_tidy();
}
