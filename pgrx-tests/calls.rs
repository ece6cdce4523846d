//! Calls: what a call site keeps, and for how long.

#[pgrx::pg_schema]
mod tests {
    use crate::pgrx_suite::{number, run, taxonomy, text};
    use pgrx::prelude::*;

    #[pg_test]
    fn the_shipped_taxonomy_answers() {
        assert!(text("SELECT categorize('Nike Air Max 270')").is_some_and(|path| path.starts_with("Footwear")));
    }

    #[pg_test]
    fn a_loop_of_plpgsql_sees_what_it_wrote_itself() {
        taxonomy();
        run("DO $$
            DECLARE
                said text := '';
            BEGIN
                FOR i IN 1 .. 3 LOOP
                    PERFORM categorize.correct('title', chr(64 + i));
                    said := said || categorize('title');
                END LOOP;
                ASSERT said = 'ABC', said;
            END
            $$");
    }

    #[pg_test]
    fn all_columns_of_a_row_are_one_call() {
        taxonomy();
        run("SELECT categorize.stats_reset()");
        run("SELECT (categorize_detail(title)).* FROM (VALUES ('title'), ('other'), ('title')) AS v (title)");
        assert_eq!(number("SELECT inputs FROM categorize.stats WHERE taxonomy = 't'"), 3);
    }

    #[pg_test]
    fn a_taxonomy_that_differs_from_row_to_row_is_followed() {
        taxonomy();
        run("SELECT categorize.create_taxonomy('u', ARRAY['U'])");
        run("SELECT categorize.correct('title', 'U', 'u')");
        let said = "SELECT string_agg(categorize('title', t), '' ORDER BY n)
            FROM (VALUES (1, 't'), (2, 'u'), (3, 't')) AS v (n, t)";
        assert_eq!(text(said).as_deref(), Some("AUA"));
    }

    #[pg_test]
    fn labels_that_differ_from_row_to_row_are_followed() {
        let said = "SELECT string_agg(category, ' ' ORDER BY n)
            FROM (SELECT i AS n, categorize('label ' || i, ARRAY['label ' || i]) AS category
                    FROM generate_series(1, 600) i) s";
        run("SET LOCAL categorize.on_unresolved = 'best'");
        assert!(text(said).is_some_and(|all| all.starts_with("label 1 label 2 ") && all.ends_with(" label 600")));
    }

    #[pg_test]
    fn a_setting_that_changes_inside_a_function_is_followed() {
        taxonomy();
        run("CREATE FUNCTION pg_temp.with_shipped() RETURNS text LANGUAGE plpgsql
            SET categorize.taxonomy = 'products' AS $$
            BEGIN
                RETURN categorize('Nike Air Max 270');
            END
            $$");
        let both = "SELECT coalesce(categorize('Nike Air Max 270'), '-') || left(pg_temp.with_shipped(), 8)
            || categorize('title')";
        assert_eq!(text(both).as_deref(), Some("-FootwearA"));
    }
}
