-- What ordinary statements queue: misses under mode deferred and on_unresolved = queue, with their transaction.
ALTER SYSTEM SET categorize.external = off;
SELECT pg_reload_conf();
SELECT categorize.create_taxonomy('later', ARRAY['A', 'B', 'C']) > 0 AS created;
SELECT categorize.configure('later', '{"tiers": ["correction", "rule", "cache", "llm"]}');
SELECT categorize.learn($$ VALUES ('known', 'A') $$, 'later');
SET categorize.taxonomy = 'later';
SET categorize.mode = 'deferred';
CREATE TABLE title (id int PRIMARY KEY, title text);
INSERT INTO title SELECT n, 'title ' || n FROM generate_series(1, 2000) n;
-- What was queued since this was asked last.
CREATE TABLE testing.seen (id bigint);
CREATE FUNCTION testing.queued() RETURNS TABLE (input text, role text, priority smallint) LANGUAGE sql AS $$
    WITH new AS (SELECT j.* FROM categorize.job j WHERE j.id NOT IN (SELECT s.id FROM testing.seen s)),
         noted AS (INSERT INTO testing.seen SELECT new.id FROM new)
    SELECT new.input, new.role, new.priority FROM new ORDER BY new.input
$$;

-- Without a provider nothing would ever become of it.
SELECT source, reason FROM categorize_detail('one');
SELECT * FROM testing.queued();
SELECT categorize.add_provider('afterwards', 'openai') > 0 AS added;

-- A miss is NULL with the reason `queued`, and is stored when its transaction commits; a text is queued once.
SELECT category, source, reason, evidence FROM categorize_detail('one');
SELECT categorize('one') IS NULL AS one, categorize('  ONE ') IS NULL AS same, categorize('known') AS known;
SELECT * FROM testing.queued();
SELECT ordinality, source, reason FROM categorize_many(ARRAY['two', NULL, ' ', 'known', 'two', 'three']);
SELECT * FROM testing.queued();

-- It goes with its transaction, and with its subtransaction.
BEGIN;
SELECT categorize('never');
ROLLBACK;
BEGIN;
SELECT categorize('four');
SAVEPOINT a;
SELECT categorize('never again');
SAVEPOINT b;
SELECT categorize('not this');
RELEASE b;
ROLLBACK TO a;
SELECT categorize('five');
SAVEPOINT c;
SELECT categorize('six');
RELEASE c;
RELEASE a;
COMMIT;
SELECT * FROM testing.queued();
DO $$
BEGIN
    PERFORM categorize('outside');
    BEGIN
        PERFORM categorize('inside');
        RAISE EXCEPTION 'undone';
    EXCEPTION WHEN raise_exception THEN
        PERFORM categorize('handler');
    END;
END
$$;
SELECT * FROM testing.queued();

-- A cursor that is held is run at the commit.
BEGIN;
DECLARE held CURSOR WITH HOLD FOR SELECT categorize('held');
COMMIT;
CLOSE held;
SELECT * FROM testing.queued();

-- What is read-only queues nothing; what was missed before it was set so is stored.
BEGIN READ ONLY;
SELECT source, reason, evidence ->> 'detail' AS detail FROM categorize_detail('reader');
COMMIT;
BEGIN;
SELECT categorize('before');
SET TRANSACTION READ ONLY;
SELECT reason FROM categorize_detail('after');
COMMIT;
SELECT * FROM testing.queued();

-- A taxonomy and its queue commit together.
BEGIN;
SELECT categorize.create_taxonomy('fresh', ARRAY['X']) > 0 AS created;
SELECT categorize.configure('fresh', '{"tiers": ["cache", "llm"]}');
SELECT reason FROM categorize_detail('in fresh', 'fresh');
COMMIT;
SELECT * FROM testing.queued();

-- Ad-hoc labels, other modes, and what no language model may be asked.
SELECT categorize('of labels', ARRAY['spam', 'quoted "and" back\slashed']);
SELECT input, labels FROM categorize.job WHERE labels IS NOT NULL;
SELECT categorize_cached('cached only');
SET categorize.mode = 'cached';
SELECT reason FROM categorize_detail('cached mode');
SET categorize.on_unresolved = 'queue';
SELECT reason FROM categorize_detail('cached mode');
RESET categorize.on_unresolved;
SET categorize.mode = 'deferred';
SELECT reason, evidence ->> 'detail' AS detail FROM categorize_detail('\x89504e470d0a1a0a0000000d4948445200000001000000010806000000'::bytea);
SELECT categorize.configure('later', '{"allow_external": false}');
SELECT reason FROM categorize_detail('inside only');
SELECT categorize.configure('later', '{"allow_external": true, "tiers": ["cache"]}');
SELECT reason FROM categorize_detail('no model');
SELECT categorize.configure('later', '{"tiers": ["correction", "rule", "cache", "llm"]}');
SELECT reason FROM categorize_detail(' ');
SELECT count(*) FROM categorize.learn($$ SELECT 'teaches', coalesce(categorize('taught by'), 'A') $$);
SELECT * FROM testing.queued();
SELECT tier, detail FROM categorize.explain('explained') WHERE tier = 'llm';
SELECT * FROM testing.queued();

-- An error takes the queue back with all else.
SET categorize.on_unresolved = 'error';
\set VERBOSITY verbose
\set SHOW_CONTEXT never
SELECT testing.attempt($$ SELECT categorize('in error') $$);
\set VERBOSITY default
RESET categorize.on_unresolved;
SELECT * FROM testing.queued();

-- on_unresolved = queue: what was asked and not answered, whatever kept it; of the session and of the taxonomy.
SET categorize.mode = 'live';
SELECT reason FROM categorize_detail('switched off');
SET categorize.on_unresolved = 'queue';
SELECT category, reason FROM categorize_detail('switched off');
SELECT categorize('switched off') IS NULL AS unanswered, categorize(' ') IS NULL AS blank;
SELECT * FROM testing.queued();
RESET categorize.on_unresolved;
SELECT categorize.configure('later', '{"on_unresolved": "queue"}');
SELECT reason FROM categorize_detail('by taxonomy');
SELECT categorize.configure('later', '{"on_unresolved": null}');
SELECT * FROM testing.queued();

-- Plans that may queue are run by their own process alone, also those that were made before.
SET categorize.prefetch = off;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET plan_cache_mode = 'force_generic_plan';
PREPARE calls AS SELECT count(*), count(categorize(title)) FROM title WHERE id <= 1500;
CREATE FUNCTION testing.launched(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    line text;
BEGIN
    FOR line IN EXECUTE 'EXPLAIN (ANALYZE, COSTS off, TIMING off, SUMMARY off) ' || statement LOOP
        IF line LIKE '%Workers Launched%' THEN RETURN btrim(line); END IF;
    END LOOP;
    RETURN 'serial plan';
END
$$;
SET categorize.mode = 'cached';
SELECT testing.launched('EXECUTE calls') LIKE 'Workers Launched: %' AS planned_parallel;
SET categorize.mode = 'deferred';
EXECUTE calls;
SELECT count(*), min(input), max(role) FROM testing.queued();
SELECT testing.launched('EXECUTE calls');
-- So are they where a taxonomy says it, whatever the session does.
SET categorize.mode = 'live';
SELECT testing.launched($$ SELECT count(categorize('of taxonomy ' || title)) FROM title $$) LIKE 'Workers Launched: %' AS parallel;
SELECT count(*) FROM testing.queued();
SELECT categorize.configure('later', '{"on_unresolved": "queue"}');
SELECT testing.launched($$ SELECT count(categorize('of taxonomy ' || title)) FROM title $$);
SELECT count(*) FROM testing.queued();
SET categorize.mode = 'cached';
SELECT testing.launched($$ SELECT count(categorize('of taxonomy ' || title)) FROM title $$) LIKE 'Workers Launched: %' AS parallel;
SET categorize.mode = 'live';
SELECT categorize.configure('later', '{"on_unresolved": null}');
SET categorize.mode = 'deferred';
-- What does not call us is none of our business.
SELECT testing.launched($$ SELECT count(*) FROM title WHERE title ~ 'x' $$) LIKE 'Workers Launched: %' AS parallel;
DEALLOCATE calls;
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET min_parallel_table_scan_size;
RESET plan_cache_mode;
-- The node looks ahead as far as it may, and queues what is called only.
SET categorize.prefetch = on;
SELECT count(*) FROM (SELECT categorize(title) FROM title WHERE id > 1900 LIMIT 5) called;
SELECT * FROM testing.queued();

RESET categorize.mode;
RESET categorize.taxonomy;
TRUNCATE categorize.job_entry, categorize.job_waiting, categorize.job_live, categorize.job_end, categorize.job_key CASCADE;
SELECT categorize.drop_taxonomy('later'), categorize.drop_taxonomy('fresh');
SELECT categorize.drop_provider('afterwards');
ALTER SYSTEM RESET categorize.external;
SELECT pg_reload_conf();
DROP TABLE title, testing.seen;
DROP FUNCTION testing.launched, testing.queued;
