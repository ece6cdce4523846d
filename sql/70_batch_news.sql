-- News of batches: what is told on the channel `pg_categorize` and to the functions that roles have registered, what an operator should
-- look at, and what batches save. Whoever moves a job or a batch only notes it; a process of its own tells it: neither a full queue of
-- notifications nor somebody's function stands in the way of answers and money.

-- What kind of work is in a batch: all of it is of one.
ALTER TABLE categorize.batch ADD COLUMN job_type text NOT NULL DEFAULT 'categorize';
-- What its requests are written for, where users have written them.
ALTER TABLE categorize.batch ADD COLUMN endpoint text;

-- What has happened and is to be told. It goes once that is done.
CREATE SEQUENCE categorize.news_id_seq;
CREATE TABLE categorize.news (
    id       bigint PRIMARY KEY DEFAULT pg_catalog.nextval('categorize.news_id_seq'),
    kind     text NOT NULL CHECK (kind IN ('batch', 'jobs', 'alert')),
    -- Of a batch and of the jobs that its results ended; NULL where those were of none.
    batch_id bigint,
    -- That the batch, or the jobs, have come to.
    state    text,
    job_type text,
    role_id  oid,
    tenant   text,
    jobs     bigint[],
    alert_id bigint
);

-- Functions that roles want to have called with the jobs that they have queued and that have ended.
CREATE SEQUENCE categorize.completion_id_seq;
CREATE TABLE categorize.completion (
    id             bigint PRIMARY KEY DEFAULT pg_catalog.nextval('categorize.completion_id_seq'),
    function_oid   oid NOT NULL,
    -- As it was called then.
    function       text NOT NULL,
    role_id        oid NOT NULL,
    role           text NOT NULL,
    registered_at  timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    calls          bigint NOT NULL DEFAULT 0,
    failures       bigint NOT NULL DEFAULT 0,
    -- Of the last failure.
    failed_at      timestamptz,
    sqlstate       text,
    -- Why it is called no more.
    ended_at       timestamptz,
    reason         text,
    CHECK ((ended_at IS NULL) = (reason IS NULL))
);
CREATE UNIQUE INDEX completion_key ON categorize.completion (function_oid, role_id) WHERE ended_at IS NULL;

-- Calls that have not succeeded yet.
CREATE SEQUENCE categorize.completion_call_id_seq;
CREATE TABLE categorize.completion_call (
    id            bigint PRIMARY KEY DEFAULT pg_catalog.nextval('categorize.completion_call_id_seq'),
    completion_id bigint NOT NULL REFERENCES categorize.completion (id) ON DELETE CASCADE,
    tenant        text NOT NULL,
    jobs          bigint[] NOT NULL,
    attempts      int NOT NULL DEFAULT 0,
    retry_at      timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp()
);
CREATE INDEX completion_call_retry_at_idx ON categorize.completion_call (retry_at, id);
CREATE INDEX completion_call_completion_id_idx ON categorize.completion_call (completion_id);

-- What alerts have been raised for, so that each is raised once for its cause.
CREATE TABLE categorize.alert_mark (
    kind      text NOT NULL,
    cause     text NOT NULL,
    -- Of `saved`: nano-dollars.
    level     bigint NOT NULL DEFAULT 0,
    raised_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    PRIMARY KEY (kind, cause)
);

-- What is left of batches that are forgotten. Days are UTC.
CREATE TABLE categorize.batch_day (
    day               date NOT NULL,
    job_type          text NOT NULL,
    provider          text NOT NULL,
    model             text NOT NULL,
    tenant            text,
    batches           bigint NOT NULL,
    requests          bigint NOT NULL,
    inputs            bigint NOT NULL,
    answered          bigint NOT NULL,
    cost_nanousd      bigint NOT NULL,
    live_cost_nanousd bigint NOT NULL
);
CREATE UNIQUE INDEX batch_day_key ON categorize.batch_day
    (day, job_type, provider, model, (tenant IS NULL), coalesce(tenant, ''));

CREATE FUNCTION categorize.note_batch() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO categorize.news (kind, batch_id, state)
    VALUES ('batch', NEW.id, CASE NEW.state WHEN 'in_progress' THEN 'submitted' ELSE NEW.state END);
    PERFORM categorize.news_are_due();
    RETURN NULL;
END
$$;
-- It is submitted once the provider has said so.
CREATE TRIGGER note_news AFTER UPDATE ON categorize.batch FOR EACH ROW
    WHEN (OLD.state IS DISTINCT FROM NEW.state AND NEW.state IN ('in_progress', 'done', 'failed', 'expired', 'cancelled'))
    EXECUTE FUNCTION categorize.note_batch();

-- Ends jobs that have not ended: one state and one reason for each. Whoever has queued them hears of it.
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

CREATE FUNCTION categorize.note_alert() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO categorize.news (kind, alert_id) VALUES ('alert', NEW.id);
    PERFORM categorize.news_are_due();
    RETURN NULL;
END
$$;
CREATE TRIGGER note_news AFTER INSERT ON categorize.alert_log FOR EACH ROW EXECUTE FUNCTION categorize.note_alert();

CREATE FUNCTION categorize.keep_batch_day() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO categorize.batch_day AS d
    SELECT (b.created_at AT TIME ZONE 'UTC')::date, b.job_type, b.provider, b.model, b.tenant,
           count(*), sum(b.requests), sum(b.inputs), sum(b.answered), sum(b.cost_nanousd), sum(b.live_cost_nanousd)
      FROM gone b
     GROUP BY 1, 2, 3, 4, 5
        ON CONFLICT (day, job_type, provider, model, (tenant IS NULL), coalesce(tenant, '')) DO UPDATE
       SET batches = d.batches + excluded.batches, requests = d.requests + excluded.requests,
           inputs = d.inputs + excluded.inputs, answered = d.answered + excluded.answered,
           cost_nanousd = d.cost_nanousd + excluded.cost_nanousd,
           live_cost_nanousd = d.live_cost_nanousd + excluded.live_cost_nanousd;
    DELETE FROM categorize.alert_mark m USING gone b
     WHERE m.kind IN ('batch_failures', 'batch_old') AND m.cause = b.id::text;
    RETURN NULL;
END
$$;
CREATE TRIGGER keep_day AFTER DELETE ON categorize.batch REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION categorize.keep_batch_day();

-- Money in doubt is not among the costs before it is settled, and settled without usage it has no live price: it saves nothing.
CREATE VIEW categorize.savings WITH (security_barrier) AS
    SELECT s.day, s.job_type, s.provider, s.model, s.tenant,
           sum(s.batches)::bigint AS batches, sum(s.requests)::bigint AS requests, sum(s.inputs)::bigint AS inputs,
           sum(s.answered)::bigint AS answered,
           sum(s.cost) * 0.000000001 AS batch_usd,
           sum(s.live_cost) * 0.000000001 AS live_usd,
           (sum(s.live_cost) - sum(s.cost)) * 0.000000001 AS saved_usd
      FROM (SELECT (b.created_at AT TIME ZONE 'UTC')::date AS day, b.job_type, b.provider, b.model, b.tenant, 1::bigint AS batches,
                   b.requests::bigint AS requests, b.inputs::bigint AS inputs, b.answered::bigint AS answered,
                   b.cost_nanousd::numeric AS cost, b.live_cost_nanousd::numeric AS live_cost
              FROM categorize.batch b
             WHERE categorize.sees_all_tenants() OR b.tenant = categorize.current_tenant()
            UNION ALL
            SELECT d.day, d.job_type, d.provider, d.model, d.tenant, d.batches, d.requests, d.inputs, d.answered,
                   d.cost_nanousd::numeric, d.live_cost_nanousd::numeric
              FROM categorize.batch_day d
             WHERE categorize.sees_all_tenants() OR d.tenant = categorize.current_tenant()) s
     GROUP BY s.day, s.job_type, s.provider, s.model, s.tenant;

CREATE VIEW categorize.job_result WITH (security_barrier) AS
    SELECT j.id, j.job_type, j.state, j.priority, j.model, j.reason, j.answer, j.enqueued_at, j.ended_at, j.batch_id
      FROM categorize.job j
     WHERE j.job_type <> 'categorize' AND j.tenant = categorize.current_tenant()
       AND j.role_id = (SELECT r.oid FROM pg_catalog.pg_roles r WHERE r.rolname = CURRENT_USER);

CREATE VIEW categorize.completions WITH (security_barrier) AS
    SELECT c.id, c.function, c.role, c.registered_at, c.calls,
           (SELECT count(*) FROM categorize.completion_call k WHERE k.completion_id = c.id) AS waiting,
           c.failures, c.failed_at, c.sqlstate, c.ended_at, c.reason
      FROM categorize.completion c
     WHERE categorize.sees_all_tenants()
        OR c.role_id = (SELECT r.oid FROM pg_catalog.pg_roles r WHERE r.rolname = CURRENT_USER);

-- How a function is called with the ids of jobs as a role, or why it cannot be. It looks into catalogs only.
CREATE FUNCTION categorize.completion_statement(
    function oid, role oid, OUT name text, OUT call text, OUT reason text, OUT sqlstate text, OUT message text, OUT hint text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    callee record;
BEGIN
    SELECT p.proname, n.nspname, p.pronamespace, p.prokind = 'f' AS is_function, p.provariadic <> 0 AS takes_single_ids,
           p.proargtypes::text = 'bigint[]'::regtype::oid::text AS takes_ids INTO callee
      FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE p.oid = function;
    IF NOT FOUND THEN
        reason := 'function_gone';
        sqlstate := '42883';
        message := 'the function does not exist';
        RETURN;
    END IF;
    name := function::regprocedure::text;
    IF NOT callee.is_function OR NOT callee.takes_ids OR callee.takes_single_ids THEN
        reason := 'not_suitable';
        sqlstate := '22023';
        message := format('%s is no function of one bigint[]', name);
        hint := 'It is called with the ids of jobs that have ended, as in CREATE FUNCTION after_jobs(jobs bigint[]) RETURNS void.';
    ELSIF NOT EXISTS (SELECT FROM pg_roles r WHERE r.oid = role) THEN
        reason := 'role_gone';
        sqlstate := '42704';
        message := 'the role does not exist';
    ELSIF NOT has_schema_privilege(role, callee.pronamespace, 'USAGE') OR NOT has_function_privilege(role, function, 'EXECUTE') THEN
        reason := 'not_allowed';
        sqlstate := '42501';
        message := format('role "%s" may not call %s', pg_get_userbyid(role), name);
        hint := 'It needs EXECUTE on the function and USAGE on its schema.';
    END IF;
    IF reason IS NULL THEN
        call := format('SELECT %I.%I($1::pg_catalog.int8[])', callee.nspname, callee.proname);
    END IF;
END
$$;

-- Takes up to so many news, tells them, and notes whom to call; how many there were. A payload has at most 8,000 bytes: of more jobs
-- than a hundred it has the numbers alone. Where listeners have not read for long and the queue fills, nothing is told: the views say it.
CREATE FUNCTION categorize.tell_news(most int) RETURNS int
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

-- Raises the alerts that are due, each once for its cause; how many. 0 turns a kind off.
CREATE FUNCTION categorize.raise_alerts(failed_percent int, batch_age interval, queue_length int, saved_nanousd bigint) RETURNS int
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

COMMENT ON TABLE categorize.news IS 'What has happened to jobs and batches and is to be told.';
COMMENT ON TABLE categorize.completion IS 'Functions that roles have called when their jobs have ended.';
COMMENT ON TABLE categorize.completion_call IS 'Calls of these functions that have not succeeded yet.';
COMMENT ON TABLE categorize.alert_mark IS 'What alerts have been raised for.';
COMMENT ON TABLE categorize.batch_day IS 'What is left of batches that are forgotten, by day (UTC).';
COMMENT ON SEQUENCE categorize.news_id_seq IS 'Ids of news.';
COMMENT ON SEQUENCE categorize.completion_id_seq IS 'Ids of functions that are called when jobs have ended.';
COMMENT ON SEQUENCE categorize.completion_call_id_seq IS 'Ids of calls of these.';
COMMENT ON VIEW categorize.savings IS
    'What batches cost and what the same tokens would have cost live, by day (UTC), kind of work, provider and model: of the tenant of the session, of all for members of categorize_admin.';
COMMENT ON VIEW categorize.job_result IS
    'The requests that the current role has queued with enqueue_request(), and what the provider answered.';
COMMENT ON VIEW categorize.completions IS
    'The functions that are called when jobs of a role have ended, and how the calls went: of the role, of all for members of categorize_admin.';
COMMENT ON FUNCTION categorize.note_batch() IS 'Notes that a batch has been submitted or has ended; used inside.';
COMMENT ON FUNCTION categorize.end_jobs(bigint[], text[], text[], bigint) IS 'Ends jobs, and notes it for those who hear of it; used inside.';
COMMENT ON FUNCTION categorize.note_alert() IS 'Notes that an alert was raised; used inside.';
COMMENT ON FUNCTION categorize.keep_batch_day() IS 'Keeps what batches cost and saved when they are forgotten; used inside.';
COMMENT ON FUNCTION categorize.completion_statement(oid, oid) IS
    'How a function is called with the ids of jobs as a role, or why it cannot be; used inside.';
COMMENT ON FUNCTION categorize.tell_news(int) IS
    'Tells what has happened on the channel pg_categorize, and notes which functions are to be called; used inside.';
COMMENT ON FUNCTION categorize.raise_alerts(int, interval, int, bigint) IS
    'Raises the alerts about queue and batches that are due, each once for its cause; used inside.';
REVOKE ALL ON categorize.news, categorize.completion, categorize.completion_call, categorize.alert_mark, categorize.batch_day FROM PUBLIC;
REVOKE ALL ON SEQUENCE categorize.news_id_seq, categorize.completion_id_seq, categorize.completion_call_id_seq FROM PUBLIC;
