//! Transactions: errors that are contained, and rollbacks that leave no trace.

#[pgrx::pg_schema]
mod tests {
    use crate::pg::xact;
    use crate::pgrx_suite::{number, run, taxonomy, text};
    use pgrx::prelude::*;

    #[pg_test]
    fn contained_work_that_fails_is_taken_back() {
        run("CREATE TEMP TABLE written (i int)");
        let outcome = xact::contained(|| {
            run("INSERT INTO written VALUES (1)");
            run("SELECT 1 / 0");
        });
        assert_eq!(outcome, Err("division by zero".to_owned()));
        assert_eq!(number("SELECT count(*) FROM written"), 0);
    }

    #[pg_test]
    fn contained_work_that_succeeds_stays() {
        run("CREATE TEMP TABLE written (i int)");
        assert_eq!(xact::contained(|| run("INSERT INTO written VALUES (1)")), Ok(()));
        assert_eq!(number("SELECT count(*) FROM written"), 1);
    }

    #[pg_test(error = "stopped by the test")]
    fn a_cancel_is_never_contained() {
        let stop = "DO $$ BEGIN RAISE query_canceled USING MESSAGE = 'stopped by the test'; END $$";
        let _ = xact::contained(|| run(stop));
    }

    #[pg_test]
    fn a_trigger_that_cannot_fill_keeps_the_row_and_the_transaction() {
        taxonomy();
        run("SELECT categorize.rename_category('t', 'A', 'A long path')");
        run("CREATE TEMP TABLE item (title text, category varchar(3))");
        run("CREATE TRIGGER fill BEFORE INSERT ON item
             FOR EACH ROW EXECUTE FUNCTION categorize_trigger('title', 'category', 't')");
        run("INSERT INTO item VALUES ('title')");
        run("SELECT categorize.correct('title', 'B')");
        run("INSERT INTO item VALUES ('title')");
        assert_eq!(
            text("SELECT string_agg(coalesce(category, '-'), '' ORDER BY ctid) FROM item").as_deref(),
            Some("-B")
        );
    }

    #[pg_test]
    fn what_a_subtransaction_took_back_is_not_remembered() {
        taxonomy();
        run("DO $$
            DECLARE
                said text := '';
            BEGIN
                FOR i IN 1 .. 3 LOOP
                    BEGIN
                        PERFORM categorize.correct('title', 'B');
                        said := said || categorize('title') || (categorize_detail('title')).category;
                        RAISE division_by_zero;
                    EXCEPTION WHEN division_by_zero THEN
                        said := said || categorize('title') || (categorize_detail('title')).category || ' ';
                    END;
                END LOOP;
                ASSERT said = 'BBAA BBAA BBAA ', said;
            END
            $$");
    }

    #[pg_test]
    fn a_scan_survives_the_rollback_of_a_subtransaction_beside_it() {
        taxonomy();
        run("DO $$
            DECLARE
                answer text;
                said text := '';
            BEGIN
                FOR answer IN SELECT categorize('title') FROM generate_series(1, 30) LOOP
                    BEGIN
                        said := said || answer || (SELECT categorize('title'));
                        RAISE division_by_zero;
                    EXCEPTION WHEN division_by_zero THEN
                        NULL;
                    END;
                END LOOP;
                ASSERT said = repeat('AA', 30), said;
                ASSERT categorize('title') = 'A';
            END
            $$");
    }

    #[pg_test]
    fn an_error_of_ours_gives_the_caller_his_role_and_path_back() {
        taxonomy();
        run("CREATE ROLE some_editor IN ROLE categorize_editor");
        run("SET LOCAL search_path = pg_temp, public");
        run("SET LOCAL ROLE some_editor");
        run("DO $$
            BEGIN
                PERFORM categorize.correct('title', 'no such category');
            EXCEPTION WHEN invalid_parameter_value THEN
                ASSERT current_user = 'some_editor', current_user;
                ASSERT current_setting('search_path') = 'pg_temp, public', current_setting('search_path');
            END
            $$");
        assert_eq!(text("SELECT current_user::text").as_deref(), Some("some_editor"));
        run("RESET ROLE");
    }
}
