//! The queue: what is forgotten of it.

#[pgrx::pg_schema]
mod tests {
    use crate::pg::spi;
    use crate::pgrx_suite::{run, text};
    use pgrx::prelude::*;

    /// What is left: jobs, ends and keys.
    fn left() -> String {
        text(
            "SELECT concat_ws(' / ', (SELECT string_agg(application_name, ' ' ORDER BY id) FROM categorize.job_entry),
                    (SELECT string_agg(j.application_name, ' ' ORDER BY j.id) FROM categorize.job_end e
                       JOIN categorize.job_entry j ON j.id = e.job_id),
                    (SELECT string_agg(j.application_name, ' ' ORDER BY j.id) FROM categorize.job_key k
                       JOIN categorize.job_entry j ON j.id = k.job_id))",
        )
        .unwrap_or_default()
    }

    #[pg_test]
    fn what_ended_long_ago_goes_with_its_key_and_what_is_open_stays() {
        run("INSERT INTO categorize.job_entry (id, tenant, fingerprint, taxonomy_id, role_id, role, application_name)
             SELECT i, '', sha256(text::bytea), 1, 10, 'x', name
               FROM (VALUES (1, 'a', 'old'), (2, 'b', 'asked_anew'), (3, 'b', 'anew'), (4, 'c', 'recent'), (5, 'd', 'in_open_batch'),
                            (6, 'e', 'in_ended_batch'), (7, 'f', 'waiting')) v (i, text, name)");
        run("INSERT INTO categorize.job_key (fingerprint, job_id)
             SELECT fingerprint, max(id) FROM categorize.job_entry GROUP BY fingerprint");
        run("INSERT INTO categorize.batch (id, provider_id, provider, model, rationale, price_id, token, state, record, requests, inputs, bytes,
                                           worst_case_nanousd, ended_at, system_identifier, database_oid)
             SELECT i, 1, 'fake', 'model', false, 1, i, 'ingesting', '{}', 1, 1, 1, 1, ended, 0, 0
               FROM (VALUES (1, NULL), (2, now() - interval '91 days')) v (i, ended)");
        run("INSERT INTO categorize.batch_item (batch_id, ordinal, attempt_id, first_number, jobs, fingerprints)
             SELECT i, 0, i, 1, ARRAY[4 + i], '' FROM generate_series(1, 2) i");
        run("INSERT INTO categorize.job_end (job_id, state, batch_id, ended_at)
             SELECT i, 'done', batch, now() - days * interval '1 day'
               FROM (VALUES (1, NULL, 91), (2, NULL, 91), (4, NULL, 89), (5, 1, 91), (6, 2, 91)) v (i, batch, days)");
        spi::prune_queue(90);
        assert_eq!(
            left(),
            "anew recent in_open_batch waiting / recent in_open_batch / anew recent in_open_batch waiting"
        );
        assert_eq!(text("SELECT string_agg(batch_id::text, ' ') FROM categorize.batch_item").as_deref(), Some("1"));
        // Nothing is left to be done.
        spi::prune_queue(90);
        assert_eq!(text("SELECT count(*)::text FROM categorize.job_end").as_deref(), Some("2"));
    }
}
