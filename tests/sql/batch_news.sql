-- What is told of queue and batches, what they save, and functions that are called. Batches are made here by hand: what the gateway does
-- with them is tested end to end.
CREATE ROLE regress_news_admin IN ROLE categorize_admin;
CREATE ROLE regress_news_user IN ROLE categorize_user;
CREATE ROLE regress_news_other IN ROLE categorize_user;
CREATE TABLE testing.called (jobs bigint[], role text, path text);
GRANT INSERT ON testing.called TO regress_news_user;
GRANT USAGE ON SCHEMA testing TO regress_news_user, regress_news_other;
CREATE FUNCTION testing.after_jobs(jobs bigint[]) RETURNS void LANGUAGE sql AS
    $$ INSERT INTO testing.called VALUES (jobs, current_user, current_setting('search_path')) $$;
CREATE FUNCTION testing.after_one(job bigint) RETURNS void LANGUAGE sql AS '';
CREATE FUNCTION testing.after_any(VARIADIC jobs bigint[]) RETURNS void LANGUAGE sql AS '';
CREATE PROCEDURE testing.proceed(jobs bigint[]) LANGUAGE sql AS '';
CREATE FUNCTION testing.secret(jobs bigint[]) RETURNS void LANGUAGE sql AS '';
REVOKE EXECUTE ON FUNCTION testing.secret(bigint[]) FROM PUBLIC;
-- Waits until a condition holds; false if it does not within 30 s.
CREATE PROCEDURE testing.until(condition text) LANGUAGE plpgsql AS $$
DECLARE holds boolean;
BEGIN
    FOR i IN 1 .. 600 LOOP
        EXECUTE 'SELECT ' || condition INTO holds;
        IF holds THEN RETURN; END IF;
        COMMIT;
        PERFORM pg_sleep(0.05);
    END LOOP;
    RAISE 'not within 30 seconds: %', condition;
END
$$;
-- Waits until no messenger is left that has older settings.
CREATE PROCEDURE testing.quiet() LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_sleep(0.3);
    COMMIT;
    CALL testing.until('NOT EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = ''pg_categorize messenger'')');
END
$$;

-- Functions that cannot be called are refused.
SET ROLE regress_news_user;
SELECT categorize.on_completion(NULL);
SELECT categorize.on_completion('testing.after_one(bigint)');
SELECT categorize.on_completion('testing.after_any(bigint[])');
SELECT categorize.on_completion('testing.proceed(bigint[])');
SELECT categorize.on_completion('testing.secret(bigint[])');
SELECT categorize.on_completion('testing.absent(bigint[])');
SELECT categorize.on_completion(0::oid::regprocedure);
BEGIN READ ONLY;
SELECT categorize.on_completion('testing.after_jobs(bigint[])');
ROLLBACK;
SELECT categorize.drop_completion('testing.after_jobs(bigint[])');

-- One is registered once for a role; others do not see it.
SELECT categorize.on_completion('testing.after_jobs(bigint[])') = categorize.on_completion('testing.after_jobs(bigint[])') AS same;
SELECT function, role, calls, waiting, failures, reason FROM categorize.completions;
SET ROLE regress_news_other;
SELECT count(*) FROM categorize.completions;
SELECT categorize.drop_completion('testing.after_jobs(bigint[])');
SET ROLE regress_news_admin;
SELECT function, role FROM categorize.completions;
-- Nothing of what works inside is anybody's.
SELECT categorize.tell_news(1);
SELECT categorize.raise_alerts(1, '1 hour', 1, 1);
SELECT categorize.news_are_due();
SELECT * FROM categorize.news;
RESET ROLE;

-- Two batches: what they cost, and what it would have been live, to the nano-dollar.
INSERT INTO categorize.batch (id, provider_id, provider, model, rationale, price_id, tenant, token, state, record, requests, inputs, bytes,
                              worst_case_nanousd, created_at, system_identifier, database_oid)
SELECT i, 1, 'fake', 'model', false, 1, CASE i WHEN 1 THEN '' END, i, 'submitted', '{}', 10, 100, 1000, 5000, '2026-11-29 23:30+00', 0, 0
  FROM generate_series(1, 2) i;
INSERT INTO categorize.job_entry (job_type, tenant, role_id, role, batch_id, application_name, fingerprint, provider_id, model, endpoint, body)
SELECT 'scoring', '', r.oid, r.rolname, 1, i::text, '', 1, 'model', 'messages', '["a text that nobody tells"]' FROM generate_series(1, 3) i, pg_roles r
 WHERE r.rolname IN ('regress_news_user', 'regress_news_other');
UPDATE categorize.batch SET state = 'in_progress' WHERE id = 1;
UPDATE categorize.batch SET cost_nanousd = 7, live_cost_nanousd = 15, answered = 95, failed = 5 WHERE id = 1;
SELECT categorize.end_jobs(array_agg(id), array_agg('done'::text), NULL, 1) FROM categorize.job WHERE batch_id = 1 AND application_name < '3';
SELECT categorize.end_jobs(array_agg(id), array_agg('failed'::text), NULL, 1) FROM categorize.job WHERE batch_id = 1 AND application_name = '3';
UPDATE categorize.batch SET state = 'done', ended_at = clock_timestamp() WHERE id = 1;
UPDATE categorize.batch SET state = 'done', ended_at = clock_timestamp(), cost_nanousd = 1000000000001, live_cost_nanousd = 2000000000002,
                            answered = 89, failed = 11 WHERE id = 2;
CALL testing.until('NOT EXISTS (SELECT FROM categorize.news) AND NOT EXISTS (SELECT FROM categorize.completion_call)');
SELECT cardinality(jobs) AS jobs, jobs <@ (SELECT array_agg(id) FROM categorize.job WHERE role = 'regress_news_user') AS own, role, path
  FROM testing.called ORDER BY jobs[1];
SELECT sum(calls) > 0 AS called, sum(waiting) AS waiting, sum(failures) AS failures FROM categorize.completions;

-- Alerts, each once for its cause.
SELECT kind, provider, message FROM categorize.alert WHERE kind LIKE 'batch%' OR kind IN ('saved', 'queue_long') ORDER BY kind, id;
-- By itself it raises no more of them: what follows is asked for here.
ALTER SYSTEM SET categorize.alert_failed_percent = 0;
ALTER SYSTEM SET categorize.alert_batch_age = 0;
ALTER SYSTEM SET categorize.alert_queue_length = 0;
ALTER SYSTEM SET categorize.alert_saved_usd = 0;
SELECT pg_reload_conf();
CALL testing.quiet();
SELECT categorize.raise_alerts(10, '48 hours', 10000, 1000000000000) AS again;
SELECT categorize.raise_alerts(1, '48 hours', 10000, 500000000000) AS bounds_changed;
SELECT categorize.raise_alerts(0, '0', 0, 0) AS off;
INSERT INTO categorize.batch (id, provider_id, provider, model, rationale, price_id, token, state, record, requests, inputs, bytes,
                              worst_case_nanousd, created_at, system_identifier, database_oid)
VALUES (3, 1, 'fake', 'another', false, 1, 3, 'in_progress', '{}', 1, 1, 1, 1, now() - interval '49 hours', 0, 0);
INSERT INTO categorize.job_waiting SELECT i, 'scoring', 5, '', '', NULL, NULL, 0, now() FROM generate_series(1, 5) i;
SELECT categorize.raise_alerts(10, '50 hours', 5, 0) AS not_yet, categorize.raise_alerts(10, '48 hours', 4, 0) AS raised;
SELECT categorize.raise_alerts(10, '48 hours', 4, 0) AS again;
DELETE FROM categorize.job_waiting WHERE job_id <= 2;
SELECT categorize.raise_alerts(10, '48 hours', 4, 0) AS still_half_full;
DELETE FROM categorize.job_waiting WHERE job_id <= 4;
SELECT categorize.raise_alerts(10, '48 hours', 4, 0) AS empty;
INSERT INTO categorize.job_waiting SELECT i, 'scoring', 5, '', '', NULL, NULL, 0, now() FROM generate_series(11, 15) i;
SELECT categorize.raise_alerts(10, '48 hours', 4, 0) AS full_again;
SELECT kind, regexp_replace(message, '20\d\d-.* UTC', 'THEN') AS message FROM categorize.alert WHERE kind IN ('batch_old', 'queue_long') ORDER BY id;
DELETE FROM categorize.job_waiting;

-- What they save; it stays when they are forgotten. Each tenant sees its own.
SELECT * FROM categorize.savings WHERE batch_usd > 0 ORDER BY batch_usd;
SET ROLE regress_news_user;
SELECT day, provider, saved_usd FROM categorize.savings;
RESET ROLE;
DELETE FROM categorize.batch;
SELECT day, batches, requests, answered, batch_usd, live_usd, saved_usd FROM categorize.savings WHERE batch_usd > 0 ORDER BY batch_usd;
SELECT count(*) AS marks FROM categorize.alert_mark WHERE kind LIKE 'batch%';

-- A function that fails is called again; one that is gone or may not be called any more is not.
CREATE OR REPLACE FUNCTION testing.after_jobs(jobs bigint[]) RETURNS void LANGUAGE plpgsql AS $$ BEGIN RAISE 'a text that nobody tells'; END $$;
CREATE FUNCTION testing.end_job() RETURNS void LANGUAGE sql AS $$
    WITH new AS (INSERT INTO categorize.job_entry (job_type, tenant, role_id, role, batch_id, fingerprint, provider_id, model, endpoint, body)
                 SELECT 'scoring', '', r.oid, r.rolname, 1, '', 1, 'model', 'messages', '{}' FROM pg_roles r WHERE r.rolname = 'regress_news_user' RETURNING id)
    SELECT FROM new $$;
SELECT testing.end_job();
SELECT categorize.end_jobs(array_agg(id), array_agg('done'::text), NULL, 1) FROM categorize.job WHERE state = 'batched';
CALL testing.until('EXISTS (SELECT FROM categorize.completions WHERE failures > 0)');
SELECT waiting, failures > 0 AS failed, sqlstate, reason FROM categorize.completions;
CREATE OR REPLACE FUNCTION testing.after_jobs(jobs bigint[]) RETURNS void LANGUAGE sql AS 'SELECT';
CALL testing.until('EXISTS (SELECT FROM categorize.completions WHERE waiting = 0)');
REVOKE EXECUTE ON FUNCTION testing.after_jobs(bigint[]) FROM PUBLIC;
SELECT testing.end_job();
SELECT categorize.end_jobs(array_agg(id), array_agg('done'::text), NULL, 1) FROM categorize.job WHERE state = 'batched';
CALL testing.until('EXISTS (SELECT FROM categorize.completions WHERE reason IS NOT NULL)');
SELECT waiting, sqlstate, reason FROM categorize.completions;
GRANT EXECUTE ON FUNCTION testing.after_jobs(bigint[]) TO regress_news_user;
SET ROLE regress_news_user;
SELECT categorize.on_completion('testing.after_jobs(bigint[])') > 0 AS again;
RESET ROLE;
DROP FUNCTION testing.after_jobs(bigint[]);
SELECT testing.end_job();
SELECT categorize.end_jobs(array_agg(id), array_agg('done'::text), NULL, 1) FROM categorize.job WHERE state = 'batched';
CALL testing.until('(SELECT count(*) FROM categorize.completions WHERE reason IS NOT NULL) = 2');
SELECT reason FROM categorize.completions ORDER BY id;
SELECT kind, message FROM categorize.alert WHERE kind LIKE 'completion%' ORDER BY id;

-- A function gains nothing from the process that calls it.
CREATE TABLE testing.gain (n int GENERATED ALWAYS AS IDENTITY, what text);
GRANT INSERT ON testing.gain TO regress_news_user;
CREATE TABLE testing.deferring (who text);
GRANT INSERT ON testing.deferring TO regress_news_user;
CREATE FUNCTION testing.tell_who() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN INSERT INTO testing.gain (what) VALUES ('deferred as ' || current_user); RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER late AFTER INSERT ON testing.deferring DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION testing.tell_who();
CREATE FUNCTION testing.hostile(jobs bigint[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    statement text;
BEGIN
    FOREACH statement IN ARRAY ARRAY['INSERT INTO testing.deferring VALUES (1)', 'RESET ROLE', 'RESET SESSION AUTHORIZATION', 'SET ROLE postgres', 'SET SESSION AUTHORIZATION postgres',
                                     'SET CONSTRAINTS ALL DEFERRED', 'INSERT INTO testing.deferring VALUES (2)', 'LISTEN x', 'CREATE TEMP TABLE t (a int)',
                                     'DELETE FROM categorize.job_entry', 'CREATE ROLE regress_gained SUPERUSER'] LOOP
        BEGIN
            EXECUTE statement;
            INSERT INTO testing.gain (what) VALUES (statement || ' as ' || current_user);
        EXCEPTION WHEN OTHERS THEN
            INSERT INTO testing.gain (what) VALUES (statement || ': ' || SQLSTATE);
        END;
    END LOOP;
END
$$;
SET ROLE regress_news_user;
SELECT categorize.on_completion('testing.hostile(bigint[])') > 0 AS registered;
RESET ROLE;
SELECT testing.end_job();
SELECT categorize.end_jobs(array_agg(id), array_agg('done'::text), NULL, 1) FROM categorize.job WHERE state = 'batched';
CALL testing.until('EXISTS (SELECT FROM testing.gain)');
SELECT what FROM testing.gain ORDER BY n;

-- One that takes too long is cancelled.
ALTER SYSTEM SET categorize.completion_timeout = '1s';
SELECT pg_reload_conf();
CALL testing.quiet();
SELECT categorize.drop_completion('testing.hostile(bigint[])') AS not_of_this_role;
SET ROLE regress_news_user;
SELECT categorize.drop_completion('testing.hostile(bigint[])');
RESET ROLE;
CREATE FUNCTION testing.slow(jobs bigint[]) RETURNS void LANGUAGE sql AS 'SELECT pg_sleep(600)';
SET ROLE regress_news_user;
SELECT categorize.on_completion('testing.slow(bigint[])') > 0 AS registered;
RESET ROLE;
SELECT testing.end_job();
SELECT categorize.end_jobs(array_agg(id), array_agg('done'::text), NULL, 1) FROM categorize.job WHERE state = 'batched';
CALL testing.until($$EXISTS (SELECT FROM categorize.completions WHERE function ~ 'slow' AND sqlstate = '57014')$$);
SET ROLE regress_news_user;
SELECT categorize.drop_completion('testing.slow(bigint[])');
RESET ROLE;
ALTER SYSTEM RESET ALL;
SELECT pg_reload_conf();

-- Answers that are asked for anew: told first, and what people have said is left alone.
SELECT categorize.create_taxonomy('news', ARRAY['Fruit', 'Tool']) > 0 AS made;
SELECT categorize.learn($$ VALUES ('a label', 'Fruit') $$, 'news');
SELECT categorize.learn($$ SELECT 'text ' || n, 'Tool' FROM generate_series(1, 9) n $$, 'news');
UPDATE categorize.cache SET origin = 'llm', provider = 'fake', model = 'm' || substr(input, 6)::int % 2, confidence = substr(input, 6)::real / 10,
                            taxonomy_version = taxonomy_version - (substr(input, 6)::int <= 2)::int, input = nullif(input, 'text 9')
 WHERE input LIKE 'text %' AND taxonomy_id = (SELECT id FROM categorize.taxonomy WHERE name = 'news');
SELECT categorize.correct('text 8', 'Fruit', 'news');
SELECT * FROM categorize.recategorize('news');
SELECT (SELECT answers FROM categorize.recategorize('news', outdated => true)) AS outdated,
       (SELECT answers FROM categorize.recategorize('news', model => 'm1')) AS of_model,
       (SELECT answers FROM categorize.recategorize('news', below => 0.35)) AS unsure,
       (SELECT answers FROM categorize.recategorize('news', condition => 'input ~ ''[12]'' AND category = ''Tool'' -- a remark')) AS meant,
       (SELECT answers FROM categorize.recategorize('news', condition => 'true) UNION SELECT 1000000 WHERE (true')) AS other_query,
       (SELECT answers FROM categorize.recategorize('news', model => 'm1', below => 0.35, condition => 'provider IS NULL')) AS none;
-- Nobody can be asked here.
SELECT * FROM categorize.recategorize('news', dry_run => false);
-- What only live calls do, they would answer by what is stored.
SELECT categorize.configure('news', '{"straight_to_strong": 0.5}');
SELECT * FROM categorize.recategorize('news', dry_run => false);
SELECT categorize.configure('news', '{"straight_to_strong": null}');
SELECT * FROM categorize.recategorize('news', below => 2);
SELECT * FROM categorize.recategorize('news', condition => 'DELETE FROM categorize.cache');
SELECT * FROM categorize.recategorize('news', condition => 'no_such_column');
SELECT * FROM categorize.recategorize('news', priority => 11);
SELECT * FROM categorize.recategorize('no such');
SELECT * FROM categorize.recategorize('news', dry_run => NULL);
SET ROLE regress_news_user;
SELECT * FROM categorize.recategorize('news');
RESET ROLE;
SELECT categorize.drop_taxonomy('news');

-- Requests that users write: what they may cost has to be known.
SET ROLE regress_news_user;
SELECT categorize.enqueue_request('scoring', 'news', '{}');
SET ROLE regress_news_admin;
SELECT categorize.enqueue_request('scoring', 'news', '{}');
RESET ROLE;
ALTER SYSTEM SET categorize.allowed_hosts = '127.0.0.1:*';
SELECT pg_reload_conf();
SELECT pg_sleep(0.3);
SELECT categorize.add_provider('news', 'openai', 'http://127.0.0.1:9/v1', settings => '{"model": "news-model"}') > 0 AS added;
SET ROLE regress_news_admin;
SELECT categorize.enqueue_request(NULL, 'news', '{}');
SELECT categorize.enqueue_request('scoring', NULL, '{}');
SELECT categorize.enqueue_request('scoring', 'news', NULL);
SELECT categorize.enqueue_request('a text', 'news', '{}');
SELECT categorize.enqueue_request('categorize', 'news', '{}');
SELECT categorize.enqueue_request('scoring', 'new', '{}');
SELECT categorize.enqueue_request('scoring', 'news', '[]');
SELECT categorize.enqueue_request('scoring', 'news', '{"max_completion_tokens": 5}');
SELECT categorize.enqueue_request('scoring', 'news', '{"messages": [{"role": "user", "content": "hi"}]}');
SELECT categorize.enqueue_request('scoring', 'news', '{"messages": [{"role": "user", "content": "hi"}], "max_completion_tokens": 5, "stream": true}');
SELECT categorize.enqueue_request('scoring', 'news', '{"messages": [{"role": "user", "content": "hi"}], "max_completion_tokens": 5}');
SELECT categorize.set_price('news-model', 1, 1) > 0 AS priced, categorize.set_batch_price('news-model', 0.5, 0.5) > 0 AS priced_in_batches;
SELECT categorize.enqueue_request('scoring', 'news', '{"messages": [{"role": "user", "content": "hi"}], "max_completion_tokens": 9e18}');
SELECT categorize.enqueue_request('scoring', 'news', '{"messages": [{"role": "user", "content": "hi"}], "max_completion_tokens": 5}', 0);
BEGIN READ ONLY;
SELECT categorize.enqueue_request('scoring', 'news', '{"messages": [{"role": "user", "content": "hi"}], "max_completion_tokens": 5}');
ROLLBACK;
BEGIN;
SELECT categorize.enqueue_request('scoring', 'news', '{"messages": [{"role": "user", "content": "hi"}], "max_completion_tokens": 5}', 9) > 0 AS queued;
SELECT job_type, state, priority, model, reason, answer FROM categorize.job_result;
SET LOCAL ROLE regress_news_user;
SELECT count(*) FROM categorize.job_result;
ROLLBACK;
RESET ROLE;
-- Choosing a provider's embedding tells what it costs: in batches where texts are as many as wait for one.
SELECT categorize.create_taxonomy('news', ARRAY['Fruit', 'Tool']) > 0 AS made;
SELECT categorize.learn($$ SELECT 'text ' || n, 'Tool' FROM generate_series(1, 9) n $$, 'news');
BEGIN;
SELECT categorize.configure('news', '{"embedding": "news:news-model", "batch_vectors": 10}');
ROLLBACK;
BEGIN;
SELECT categorize.configure('news', '{"embedding": "news:news-model", "batch_vectors": 9}');
-- No batch takes the inputs of such a taxonomy.
UPDATE categorize.cache SET origin = 'llm' WHERE taxonomy_id = (SELECT id FROM categorize.taxonomy WHERE name = 'news');
SELECT answers, queued, batch_low_usd FROM categorize.recategorize('news');
SELECT * FROM categorize.recategorize('news', dry_run => false);
ROLLBACK;
SELECT categorize.drop_taxonomy('news');
SELECT categorize.drop_provider('news');
DELETE FROM categorize.price WHERE model = 'news-model';
ALTER SYSTEM RESET ALL;
SELECT pg_reload_conf();
DELETE FROM categorize.job_entry WHERE job_type = 'scoring';
DELETE FROM categorize.completion;
DELETE FROM categorize.batch_day;
DELETE FROM categorize.alert_log;
DELETE FROM categorize.alert_mark;
DROP OWNED BY regress_news_user, regress_news_other, regress_news_admin;
DROP ROLE regress_news_user, regress_news_other, regress_news_admin;
DROP FUNCTION testing.hostile, testing.slow, testing.end_job, testing.secret, testing.after_one, testing.after_any;
DROP PROCEDURE testing.proceed, testing.until, testing.quiet;
DROP TABLE testing.called, testing.gain, testing.deferring;
DROP FUNCTION testing.tell_who;
