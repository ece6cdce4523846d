//! Where the extension is absent, unfit or of another version.

use pg_categorize_e2e::shared;

#[test]
fn without_the_extension_plain_work_goes_on() {
    let database = shared("without");
    let mut session = database.session();
    session.run("DROP EXTENSION pg_categorize");
    let mut session = database.session();
    session.run("CREATE TABLE t (i int); INSERT INTO t SELECT generate_series(1, 1000); ANALYZE t; DROP TABLE t");
    assert_eq!(session.text("SHOW categorize.taxonomy").as_deref(), Some("products"));
    assert!(session.one::<i64>("SELECT count(*) FROM pg_settings WHERE name LIKE 'categorize.%'") >= 5);
    session.run("SET categorize.taxonomy = 'other'");
    session.refused("42602", "SET categorize.nonsense = 1");
    session.refused("42883", "SELECT categorize('Nike')");
    assert_eq!(session.warnings(), Vec::<String>::new());
}

#[test]
fn only_utf8_databases_are_accepted() {
    let database = shared("encodings");
    let mut session = database.session();
    for encoding in ["LATIN1", "SQL_ASCII"] {
        let name = format!("in_{}", encoding.to_lowercase());
        session.run(&format!(
            "CREATE DATABASE {name} ENCODING '{encoding}' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'"
        ));
        let mut refused = database.cluster.connect(&name);
        let error = refused.refused("0A000", "CREATE EXTENSION pg_categorize");
        assert!(error.hint().is_some_and(|hint| hint.contains("UTF8")), "{error:?}");
        assert_eq!(refused.one::<i64>("SELECT count(*) FROM pg_namespace WHERE nspname = 'categorize'"), 0);
    }
}

#[test]
fn versions_that_differ_are_named() {
    let database = shared("versions");
    let mut session = database.session();
    let version: String = session.one("SELECT extversion FROM pg_extension WHERE extname = 'pg_categorize'");
    assert_eq!(session.one::<String>("SELECT categorize.library_version()"), version);
    session.run("UPDATE pg_extension SET extversion = '99.1' WHERE extname = 'pg_categorize'");
    let mut fresh = database.session();
    for call in [
        "SELECT categorize('Nike')",
        "SELECT categorize.correct('Nike', 'Audio')",
        "SELECT * FROM categorize.explain('Nike')",
    ] {
        let error = fresh.refused("55000", call);
        assert!(error.detail().is_some_and(|d| d.contains("99.1") && d.contains(&version)), "{error:?}");
        assert!(error.hint().is_some_and(|h| h.contains("ALTER EXTENSION")), "{error:?}");
    }
    session.run(&format!("UPDATE pg_extension SET extversion = '{version}' WHERE extname = 'pg_categorize'"));
    assert!(fresh.text("SELECT categorize('Nike Air Max 270')").is_some());
}
