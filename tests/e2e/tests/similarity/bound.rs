//! Similar texts under `max_error`.

use crate::{await_answer, explained, source, stocked};
use pg_categorize_e2e::eventually;

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
    eventually("there is an index", 30, || explained(&mut session, asked).contains("agreement"));
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

#[test]
fn evidence_of_one_embedding_says_nothing_under_another() {
    let Some((database, mut session)) = stocked("bound_embedding") else { return };
    session.run("CREATE EXTENSION pg_trgm");
    session.run(r#"SELECT categorize.configure('t', '{"max_error": 0.05, "similarity_threshold": null}')"#);
    session.run(TEACH_MUCH);
    session.run("SELECT categorize.learn($$ SELECT c || ' garden hose for lawns', 'Tools' FROM unnest(ARRAY['red', 'blue', 'green', 'white', 'black', 'grey']) c $$)");
    session.run("SELECT categorize.train('t')");
    let hose = "yellow garden hose for lawns";
    let asked = "hardcover novel 977";
    await_answer(&mut session, asked);
    session.run(r#"SELECT categorize.configure('t', '{"embedding": "pg_trgm"}')"#);
    let ready = "SELECT count(*) FROM categorize.embedding_status WHERE state = 'ready' AND model = 'pg_trgm'";
    eventually("trigrams take over", 60, || session.one::<i64>(ready) == 1);
    assert_eq!(source(&mut session, hose), "unresolved");
    let said = explained(&mut session, hose);
    assert!(said.contains("nothing proves that its answers keep max_error"), "{said}");
    // Without max_error the profile's threshold of that embedding counts, and every difference matters.
    session.run(r#"SELECT categorize.configure('t', '{"max_error": null}')"#);
    assert_eq!(source(&mut session, hose), "similarity");
    let said = explained(&mut session, asked);
    assert!(said.contains("the numbers differ"), "{said}");
    session.run(r#"SELECT categorize.configure('t', '{"max_error": 0.05, "embedding": null}')"#);
    // Of the table in the library it is known again, without a training.
    await_answer(&mut session, asked);
    database.cluster.assert_tidy();
}
