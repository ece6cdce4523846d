\echo Use "ALTER EXTENSION pg_categorize UPDATE" to load this file. \quit

-- 0.6.0: batches at the speed of the tables that they fill.

-- What is asked stays where it is written first; how it goes on is in narrow tables.
ALTER TABLE categorize.job RENAME TO job_before;
CREATE TABLE categorize.job_entry (
    id               bigint PRIMARY KEY DEFAULT pg_catalog.nextval('categorize.job_id_seq'),
    job_type         text NOT NULL DEFAULT 'categorize' CHECK (job_type <> ''),
    -- 10 goes first.
    priority         smallint NOT NULL DEFAULT 5 CHECK (priority BETWEEN 1 AND 10),
    tenant           text NOT NULL,
    -- Of the input in its tenant and taxonomy; of other work than categorization, of what is sent.
    fingerprint      bytea NOT NULL,
    -- The same among those that tenants share, where the taxonomy shares answers.
    shared_fingerprint bytea,
    -- A taxonomy, or the caller's ad-hoc labels.
    taxonomy_id      int,
    labels           text[],
    -- The text; NULL once the job has ended where the taxonomy stores no input.
    input            text,
    -- Whether a machine's stored answer is no answer to it.
    renews           boolean NOT NULL DEFAULT false,
    -- Of other work than categorization: whom it goes to, the model, the API that it is written for, and what is sent.
    provider_id      int,
    model            text,
    endpoint         text,
    body             jsonb,
    -- How many texts a request asks for the vectors of; 1 where it asks for something else.
    inputs           int NOT NULL DEFAULT 1 CHECK (inputs > 0),
    -- Who wants it, as the ledger has it.
    role_id          oid NOT NULL,
    role             text NOT NULL,
    application_name text NOT NULL DEFAULT '',
    query_id         bigint NOT NULL DEFAULT 0,
    enqueued_at      timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    -- Batches that it was in, that had no answer to it, and after which it waited again.
    attempts         smallint NOT NULL DEFAULT 0,
    -- Of other work than categorization: the batch that it is or was in last, and what the provider answered.
    batch_id         bigint,
    answer           jsonb,
    CHECK (CASE job_type WHEN 'categorize' THEN pg_catalog.num_nulls(taxonomy_id, labels) = 1
                         ELSE pg_catalog.num_nulls(provider_id, model, endpoint, body) = 0 END)
);

-- How a job goes on is in tables of their own, which are narrow: where very many go to a provider or come back together, no row of
-- their texts is written again. A job that neither waits, nor is asked live, nor has ended is in a batch.

-- What waits for a batch, with all that is asked of it while it does.
CREATE TABLE categorize.job_waiting (
    job_id      bigint PRIMARY KEY,
    job_type    text NOT NULL,
    priority    smallint NOT NULL,
    tenant      text NOT NULL,
    fingerprint bytea NOT NULL,
    taxonomy_id int,
    labels      text[],
    -- Bytes of its text.
    bytes       int NOT NULL,
    enqueued_at timestamptz NOT NULL
);
-- It is walked in this order: those of a tenant and taxonomy, or of the same labels, which may be long, come together, since they
-- share requests.
CREATE INDEX job_waiting_walk_idx ON categorize.job_waiting
    (priority DESC, tenant, coalesce(taxonomy_id, 0), coalesce(pg_catalog.hash_array_extended(labels, 0::bigint), 0::bigint), job_id)
    WHERE job_type = 'categorize';
-- They are few.
CREATE INDEX job_waiting_request_idx ON categorize.job_waiting (job_id) WHERE job_type <> 'categorize';

-- What is asked or to be asked live, since no batch takes it or had an answer.
CREATE TABLE categorize.job_live (
    job_id   bigint PRIMARY KEY,
    priority smallint NOT NULL
);
CREATE INDEX job_live_walk_idx ON categorize.job_live (priority DESC, job_id);

-- What has ended.
CREATE TABLE categorize.job_end (
    job_id   bigint PRIMARY KEY,
    state    text NOT NULL CHECK (state IN ('done', 'failed', 'cancelled')),
    -- Why there is no answer.
    reason   text,
    -- The batch whose results ended it; NULL where it was no batch.
    batch_id bigint,
    ended_at timestamptz NOT NULL
);
CREATE INDEX job_end_ended_at_idx ON categorize.job_end (ended_at);

-- Which job asks about a text: one at a time. The row of a job that has ended is in nobody's way: whoever asks anew takes it over.
CREATE TABLE categorize.job_key (
    fingerprint bytea PRIMARY KEY,
    job_id      bigint NOT NULL
);

-- Jobs with how far they are: `waiting` for a batch, in a batch (`batched`), asked or to be asked `live`; the others are final.
CREATE VIEW categorize.job WITH (security_barrier) AS
    SELECT j.id, j.job_type,
           CASE WHEN e.job_id IS NOT NULL THEN e.state WHEN w.job_id IS NOT NULL THEN 'waiting'
                WHEN l.job_id IS NOT NULL THEN 'live' ELSE 'batched' END AS state,
           j.priority, j.tenant, j.fingerprint, j.shared_fingerprint, j.taxonomy_id, j.labels, j.input, j.renews, j.provider_id, j.model,
           j.endpoint, j.body, j.inputs, j.role_id, j.role, j.application_name, j.query_id, j.enqueued_at, j.attempts,
           coalesce(e.batch_id, j.batch_id) AS batch_id, e.ended_at, e.reason, j.answer
      FROM categorize.job_entry j
      LEFT JOIN categorize.job_end e ON e.job_id = j.id
      LEFT JOIN categorize.job_waiting w ON w.job_id = j.id
      LEFT JOIN categorize.job_live l ON l.job_id = j.id;

INSERT INTO categorize.job_entry
       (id, job_type, priority, tenant, fingerprint, shared_fingerprint, taxonomy_id, labels, input, renews, provider_id, model, endpoint, body,
        inputs, role_id, role, application_name, query_id, enqueued_at, attempts, batch_id, answer)
SELECT id, job_type, priority, tenant, fingerprint, shared_fingerprint, taxonomy_id, labels, input, renews, provider_id, model, endpoint, body,
       inputs, role_id, role, application_name, query_id, enqueued_at, attempts, CASE WHEN job_type <> 'categorize' THEN batch_id END, answer
  FROM categorize.job_before ORDER BY id;
INSERT INTO categorize.job_waiting (job_id, job_type, priority, tenant, fingerprint, taxonomy_id, labels, bytes, enqueued_at)
SELECT id, job_type, priority, tenant, fingerprint, taxonomy_id, labels, coalesce(octet_length(input), 0), enqueued_at
  FROM categorize.job_before WHERE state = 'waiting' ORDER BY id;
INSERT INTO categorize.job_live (job_id, priority) SELECT id, priority FROM categorize.job_before WHERE state = 'live' ORDER BY id;
INSERT INTO categorize.job_end (job_id, state, reason, batch_id, ended_at)
SELECT id, state, reason, batch_id, ended_at FROM categorize.job_before WHERE ended_at IS NOT NULL ORDER BY ended_at, id;
INSERT INTO categorize.job_key (fingerprint, job_id)
SELECT fingerprint, id FROM categorize.job_before WHERE job_type = 'categorize' AND ended_at IS NULL;

ANALYZE categorize.job_entry, categorize.job_waiting, categorize.job_live, categorize.job_end, categorize.job_key;

ALTER TABLE categorize.job_target DROP CONSTRAINT job_target_job_id_fkey;
ALTER TABLE categorize.job_target
    ADD CONSTRAINT job_target_job_id_fkey FOREIGN KEY (job_id) REFERENCES categorize.job_entry (id) ON DELETE CASCADE;
CREATE OR REPLACE VIEW categorize.queue_status WITH (security_barrier) AS
    SELECT j.job_type, j.tenant, t.name AS taxonomy, j.state, j.priority, j.reason, count(*) AS jobs,
           min(j.enqueued_at) AS oldest_enqueued_at, max(j.ended_at) AS latest_ended_at
      FROM categorize.job j
      LEFT JOIN categorize.taxonomies t ON t.id = j.taxonomy_id
     WHERE categorize.sees_all_tenants() OR j.tenant = categorize.current_tenant()
     GROUP BY j.job_type, j.tenant, t.name, j.state, j.priority, j.reason;
CREATE OR REPLACE VIEW categorize.job_result WITH (security_barrier) AS
    SELECT j.id, j.job_type, j.state, j.priority, j.model, j.reason, j.answer, j.enqueued_at, j.ended_at, j.batch_id
      FROM categorize.job j
     WHERE j.job_type <> 'categorize' AND j.tenant = categorize.current_tenant()
       AND j.role_id = (SELECT r.oid FROM pg_catalog.pg_roles r WHERE r.rolname = CURRENT_USER);
DROP TABLE categorize.job_before;

DROP FUNCTION categorize.note_jobs();
CREATE FUNCTION categorize.end_jobs(ids bigint[], states text[], reasons text[], batch bigint) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    WITH ended AS (
        INSERT INTO categorize.job_end (job_id, state, reason, batch_id, ended_at)
        SELECT n.id, n.state, n.reason, batch, clock_timestamp()
          FROM ROWS FROM (unnest(ids), unnest(states), unnest(reasons)) AS n (id, state, reason)
            ON CONFLICT (job_id) DO NOTHING
        RETURNING job_id, state)
    INSERT INTO categorize.news (kind, batch_id, state, job_type, role_id, tenant, jobs)
    SELECT 'jobs', batch, e.state, j.job_type, j.role_id, j.tenant, array_agg(j.id ORDER BY j.id)
      FROM ended e
      JOIN categorize.job_entry j ON j.id = e.job_id
     GROUP BY e.state, j.job_type, j.role_id, j.tenant;
    IF FOUND THEN
        PERFORM categorize.news_are_due();
    END IF;
END
$$;

CREATE OR REPLACE FUNCTION categorize.raise_alerts(failed_percent int, batch_age interval, queue_length int, saved_nanousd bigint) RETURNS int
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    raised int := 0;
    more int;
    waiting bigint;
    saved numeric;
    steps bigint;
BEGIN
    WITH raised AS (
        INSERT INTO categorize.alert_mark (kind, cause)
        SELECT 'batch_failures', b.id::text FROM categorize.batch b
         WHERE b.ended_at IS NOT NULL AND b.state <> 'cancelled' AND failed_percent > 0
           AND (b.state = 'failed' OR b.failed::bigint * 100 > b.inputs::bigint * failed_percent)
            ON CONFLICT DO NOTHING RETURNING cause::bigint AS batch_id)
    INSERT INTO categorize.alert_log (kind, provider, model, message)
    SELECT 'batch_failures', b.provider, b.model,
           CASE b.state WHEN 'failed' THEN format('Batch %s failed.', b.id)
                        ELSE format('Of %s inputs of batch %s %s have no answer.', b.inputs, b.id, b.failed) END
      FROM raised r JOIN categorize.batch b ON b.id = r.batch_id ORDER BY b.id;
    GET DIAGNOSTICS more = ROW_COUNT;
    raised := raised + more;

    WITH raised AS (
        INSERT INTO categorize.alert_mark (kind, cause)
        SELECT 'batch_old', b.id::text FROM categorize.batch b
         WHERE b.ended_at IS NULL AND batch_age > interval '0' AND b.created_at < clock_timestamp() - batch_age
            ON CONFLICT DO NOTHING RETURNING cause::bigint AS batch_id)
    INSERT INTO categorize.alert_log (kind, provider, model, message)
    SELECT 'batch_old', b.provider, b.model,
           format('Batch %s has not ended since %s.', b.id, to_char(b.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI "UTC"'))
      FROM raised r JOIN categorize.batch b ON b.id = r.batch_id ORDER BY b.id;
    GET DIAGNOSTICS more = ROW_COUNT;
    raised := raised + more;

    IF queue_length > 0 THEN
        SELECT count(*) INTO waiting
          FROM (SELECT FROM categorize.job_waiting LIMIT queue_length::bigint + 1) w;
        IF waiting > queue_length THEN
            INSERT INTO categorize.alert_mark (kind, cause) VALUES ('queue_long', '') ON CONFLICT DO NOTHING;
            IF FOUND THEN
                INSERT INTO categorize.alert_log (kind, message)
                VALUES ('queue_long', format('More than %s jobs wait for a batch.', queue_length));
                raised := raised + 1;
            END IF;
        ELSIF waiting <= queue_length / 2 THEN
            -- A queue that grows again is another cause.
            DELETE FROM categorize.alert_mark WHERE kind = 'queue_long';
        END IF;
    END IF;

    IF saved_nanousd > 0 THEN
        SELECT coalesce(sum(s.live - s.cost), 0::numeric) INTO saved
          FROM (SELECT b.live_cost_nanousd AS live, b.cost_nanousd AS cost FROM categorize.batch b
                UNION ALL SELECT d.live_cost_nanousd, d.cost_nanousd FROM categorize.batch_day d) s;
        steps := floor(saved / saved_nanousd);
        IF steps > 0 THEN
            INSERT INTO categorize.alert_mark AS m (kind, cause, level) VALUES ('saved', '', steps * saved_nanousd)
                ON CONFLICT (kind, cause) DO UPDATE SET level = excluded.level, raised_at = excluded.raised_at
             WHERE excluded.level > m.level;
            IF FOUND THEN
                INSERT INTO categorize.alert_log (kind, message)
                VALUES ('saved', format('Batches have saved %s dollars.', trim_scale(steps * saved_nanousd * 0.000000001)));
                raised := raised + 1;
            END IF;
        END IF;
    END IF;
    RETURN raised;
END
$$;

COMMENT ON VIEW categorize.job IS
    'Queued work, with whom it is for and what became of it. Of an input the batch is told that ended it.';
COMMENT ON TABLE categorize.job_entry IS 'Queued work, with whom it is for.';
COMMENT ON TABLE categorize.job_waiting IS 'Jobs that wait for a batch.';
COMMENT ON TABLE categorize.job_live IS 'Jobs that are asked live.';
COMMENT ON TABLE categorize.job_end IS 'Jobs that have ended, with what became of them.';
COMMENT ON TABLE categorize.job_key IS 'Which job asks about a text.';
REVOKE ALL ON categorize.job, categorize.job_entry, categorize.job_waiting, categorize.job_live, categorize.job_end, categorize.job_key
    FROM PUBLIC;
REVOKE ALL ON FUNCTION categorize.end_jobs(bigint[], text[], text[], bigint) FROM PUBLIC;
COMMENT ON FUNCTION categorize.end_jobs(bigint[], text[], text[], bigint) IS 'Ends jobs, and notes it for those who hear of it; used inside.';

DO $$
DECLARE
    owner text := (SELECT pg_catalog.quote_ident(r.rolname) FROM pg_catalog.pg_class c
                     JOIN pg_catalog.pg_roles r ON r.oid OPERATOR(pg_catalog.=) c.relowner
                    WHERE c.oid OPERATOR(pg_catalog.=) 'categorize.taxonomy'::pg_catalog.regclass);
    object text;
BEGIN
    FOREACH object IN ARRAY ARRAY['TABLE categorize.job_entry', 'TABLE categorize.job_waiting', 'TABLE categorize.job_live',
                                  'TABLE categorize.job_end', 'TABLE categorize.job_key', 'VIEW categorize.job',
                                  'FUNCTION categorize.end_jobs(bigint[], text[], text[], bigint)'] LOOP
        EXECUTE pg_catalog.concat('ALTER ', object, ' OWNER TO ', owner);
    END LOOP;
END
$$;

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
