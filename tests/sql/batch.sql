-- The queue and its functions, without a provider: what is queued, what is refused, and who sees what.
SELECT categorize.create_taxonomy('queued', ARRAY['A', 'B']) > 0 AS created;
SELECT categorize.configure('queued', '{"tiers": ["correction", "rule", "cache", "llm"]}');
SELECT categorize.learn($$ VALUES ('known', 'A') $$, 'queued');
SELECT categorize.add_rule('queued', '^ruled', 'B') > 0 AS added;
-- What nobody answers for free, each once by its normal form; NULL and blanks are left out.
SELECT categorize.enqueue(ARRAY['known', 'ruled out', 'one', 'ONE ', NULL, '', '  ', 'two'], 'queued');
SELECT categorize.enqueue(ARRAY['one', 'three'], 'queued', priority => 10);
SELECT categorize.enqueue('{}', 'queued');
SELECT input, priority, state, tenant, role = CURRENT_USER AS own, attempts, batch_id FROM categorize.job ORDER BY input;
SELECT taxonomy, state, priority, reason, jobs FROM categorize.queue_status WHERE taxonomy = 'queued' ORDER BY priority;
-- A text is asked about once at a time: whoever asks again while it is, hears of the same job, and asks anew once that has ended.
SELECT categorize.enqueue(ARRAY['again'], 'queued');
SELECT categorize.enqueue(ARRAY['again'], 'queued');
DELETE FROM categorize.job_waiting w USING categorize.job_entry j WHERE w.job_id = j.id AND j.input = 'again';
SELECT categorize.end_jobs(array_agg(id), ARRAY['failed'], ARRAY['none_of_these'], NULL) FROM categorize.job WHERE input = 'again';
-- What has ended stays as it ended.
SELECT categorize.end_jobs(array_agg(id), ARRAY['done'], NULL, NULL) FROM categorize.job WHERE input = 'again';
SELECT categorize.enqueue(ARRAY['again'], 'queued');
SELECT state, reason, ended_at IS NULL AS open, id = (SELECT k.job_id FROM categorize.job_key k WHERE k.fingerprint = j.fingerprint) AS asks
  FROM categorize.job j WHERE input = 'again' ORDER BY id;
-- Nobody ends a job in a state that is none.
\set VERBOSITY terse
SELECT categorize.end_jobs(array_agg(id), ARRAY['over'], NULL, NULL) FROM categorize.job WHERE input = 'again' AND ended_at IS NULL;
\set VERBOSITY default
-- A rollback takes it back, a savepoint its part.
BEGIN;
SELECT categorize.enqueue(ARRAY['four'], 'queued');
SAVEPOINT s;
SELECT categorize.enqueue(ARRAY['four', 'five'], 'queued');
ROLLBACK TO s;
SELECT count(*) FROM categorize.job;
ROLLBACK;
SELECT count(*) FROM categorize.job;
-- Bad input.
SELECT categorize.enqueue(NULL, 'queued');
SELECT categorize.enqueue(ARRAY['one'], 'quued');
SELECT categorize.enqueue(ARRAY['one'], 'queued', 0);
SELECT categorize.enqueue(ARRAY['one'], 'queued', 11);
SELECT categorize.enqueue(ARRAY['one'], 'queued', NULL);
SELECT categorize.cancel_batch(NULL);
SELECT categorize.cancel_batch(-1);
SELECT categorize.set_batch_price('nobody', 1, 1);
SELECT categorize.set_batch_price('gpt-6-luna', -1, 1);
SELECT categorize.set_batch_price('gpt-6-luna', NULL, 1);
BEGIN READ ONLY;
SELECT categorize.enqueue(ARRAY['one'], 'queued');
ROLLBACK;
BEGIN READ ONLY;
SELECT categorize.submit_batches();
ROLLBACK;
-- Nothing would ever become of these.
SELECT categorize.create_taxonomy('kept inside', ARRAY['A', 'B']) > 0 AS created;
SELECT categorize.configure('kept inside', '{"allow_external": false}');
SELECT categorize.enqueue(ARRAY['one'], 'kept inside');
SELECT categorize.configure('kept inside', '{"allow_external": true, "tiers": ["cache"]}');
SELECT categorize.enqueue(ARRAY['one'], 'kept inside');
-- How many are concerned; nothing is there to be polled.
SELECT categorize.submit_batches(), categorize.poll_batches();
SELECT count(*) FROM categorize.batch_status;
-- A price of batches is a new row beside the prices that hold.
BEGIN;
SELECT categorize.set_batch_price('gpt-6-luna', 0.05, 0.25) >= 1000 AS stated;
SELECT input, cached_input, output, batch_input, batch_output FROM categorize.price WHERE model = 'gpt-6-luna' AND id >= 1000;
ROLLBACK;
-- Tenants queue for themselves, and see their own.
CREATE ROLE regress_queue_acme LOGIN IN ROLE categorize_user;
ALTER ROLE regress_queue_acme SET categorize.tenant = 'acme';
SELECT current_user AS super \gset
\c - regress_queue_acme
SELECT categorize.enqueue(ARRAY['one', 'two'], 'queued');
SELECT tenant, state, jobs FROM categorize.queue_status;
SELECT categorize.submit_batches();
SELECT count(*) FROM categorize.job;
\c - :super
SELECT tenant, sum(jobs) AS jobs FROM categorize.queue_status GROUP BY tenant ORDER BY tenant;
-- Settings that cannot be meant.
ALTER SYSTEM SET categorize.batch_time = '2 o''clock';
ALTER SYSTEM SET categorize.batch_time = '24:00';
ALTER SYSTEM SET categorize.batch_time_zone = 'Atlantis/Capital';
ALTER SYSTEM SET categorize.batch_minimum = 0;
SET categorize.batch_time = '03:00';
SELECT name, setting, unit, context FROM pg_settings WHERE name LIKE 'categorize.batch%' ORDER BY name;
-- Dropping the taxonomy is not held up.
SELECT categorize.drop_taxonomy('queued');
TRUNCATE categorize.job_entry, categorize.job_waiting, categorize.job_live, categorize.job_end, categorize.job_key CASCADE;
DROP ROLE regress_queue_acme;
SELECT categorize.drop_taxonomy('kept inside');
