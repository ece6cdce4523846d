\echo Use "ALTER EXTENSION pg_categorize UPDATE" to load this file. \quit

-- 0.6.0: batches at the speed of the tables that they fill.

-- Where no function is registered, no job is counted for one.
CREATE OR REPLACE FUNCTION categorize.tell_news(most int) RETURNS int
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    has_room boolean := pg_notification_queue_usage() < 0.5::float8;
    payload text;
    taken categorize.news[];
BEGIN
    WITH gone AS (
        DELETE FROM categorize.news n WHERE n.id IN (SELECT o.id FROM categorize.news o ORDER BY o.id LIMIT most) RETURNING n)
    SELECT array_agg(g.n ORDER BY (g.n).id) INTO taken FROM gone g;
    FOR payload IN
        SELECT t.payload::text FROM (
            SELECT n.id, json_build_object('event', 'batch_' || n.state, 'batch', n.batch_id, 'state', n.state,
                       'job_type', b.job_type, 'requests', b.requests, 'inputs', b.inputs, 'answered', b.answered,
                       'failed', b.failed) AS payload
              FROM unnest(taken) n JOIN categorize.batch b ON b.id = n.batch_id WHERE n.kind = 'batch'
            UNION ALL
            SELECT min(n.id), json_strip_nulls(json_build_object('event', 'jobs_ended', 'batch', n.batch_id, 'job_type', n.job_type,
                       'state', n.state, 'count', sum(cardinality(n.jobs)),
                       'jobs', CASE WHEN sum(cardinality(n.jobs)) <= 100 THEN
                           (SELECT json_agg(j.id ORDER BY j.id) FROM unnest(taken) o CROSS JOIN unnest(o.jobs) j (id)
                             WHERE o.kind = 'jobs' AND o.batch_id IS NOT DISTINCT FROM n.batch_id AND o.job_type = n.job_type
                               AND o.state = n.state) END))
              FROM unnest(taken) n WHERE n.kind = 'jobs' GROUP BY n.batch_id, n.job_type, n.state
            UNION ALL
            SELECT n.id, json_build_object('event', 'alert', 'alert', a.id, 'kind', a.kind)
              FROM unnest(taken) n JOIN categorize.alert_log a ON a.id = n.alert_id WHERE n.kind = 'alert') t
         WHERE has_room ORDER BY t.id
    LOOP
        PERFORM pg_notify('pg_categorize', payload);
    END LOOP;

    IF EXISTS (SELECT FROM categorize.completion c WHERE c.ended_at IS NULL) THEN
        INSERT INTO categorize.completion_call (completion_id, tenant, jobs)
        SELECT c.id, j.tenant, array_agg(j.job ORDER BY j.job)
          FROM (SELECT n.role_id, n.tenant, e.job, (row_number() OVER (PARTITION BY n.role_id, n.tenant ORDER BY e.job) - 1) / 1000 AS portion
                  FROM unnest(taken) n CROSS JOIN unnest(n.jobs) e (job) WHERE n.kind = 'jobs') j
          JOIN categorize.completion c ON c.role_id = j.role_id AND c.ended_at IS NULL
         GROUP BY c.id, j.tenant, j.portion ORDER BY c.id, min(j.job);
    END IF;
    RETURN coalesce(cardinality(taken), 0);
END
$$;
