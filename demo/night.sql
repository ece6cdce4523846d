-- The demo's night: what nobody waits for is queued, sent to a Batch API, and in the table the next morning. The fake
-- provider's clock is set forward by the eight hours that a night takes. scripts/demo includes it where LLM=fake.
\echo '14. Overnight, at half the price: another shop with the same categories, which begins from nothing and can wait'
\echo
\echo '   SELECT categorize.set_batch_price(...): as with live prices, those that are shipped are of the official hosts.'
SELECT categorize.drop_provider('first') \g /dev/null
SELECT categorize.set_batch_price('claude-haiku-5-5', 0.05, 0.25) \g /dev/null
SELECT categorize.create_taxonomy('night', ARRAY(SELECT path FROM categorize.categories WHERE taxonomy = 'shop' ORDER BY path)) \g /dev/null
SELECT categorize.configure('night', '{"tiers": ["correction", "cache", "llm"], "upgrade": "never"}') \g /dev/null
CREATE TABLE catalogue (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, title text, truth text, category text);
INSERT INTO catalogue (title, truth) SELECT title, truth FROM product ORDER BY md5(title) LIMIT 1000;
CREATE FUNCTION pg_temp.await(condition text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    holds boolean := false;
BEGIN
    FOR i IN 1 .. 600 LOOP
        EXECUTE 'SELECT ' || condition INTO holds;
        EXIT WHEN holds;
        PERFORM pg_sleep(0.1);
    END LOOP;
    IF NOT holds THEN
        RAISE EXCEPTION 'waited in vain for: %', condition;
    END IF;
END
$$;

\echo '   SELECT categorize.enqueue_query(''SELECT id, title FROM catalogue'', ''night'', ''catalogue'', ''category'');'
\echo
SELECT categorize.enqueue_query('SELECT id, title FROM catalogue', 'night', 'catalogue', 'category') AS "queued, distinct titles";
\echo '   At 02:00 they are sent; now is SELECT categorize.submit_batches();'
\echo
SELECT categorize.submit_batches() \g /dev/null
SELECT pg_temp.await($$ NOT EXISTS (SELECT FROM categorize.queue_status WHERE state = 'waiting') AND EXISTS (SELECT FROM categorize.batch_status WHERE state = 'in_progress') $$) \g /dev/null
SELECT id, provider, model, state, requests, inputs, worst_case_usd AS "set aside" FROM categorize.batch_status ORDER BY id;
\echo '   The night passes. The gateway asks once a minute, then less often, how far they are; now is categorize.poll_batches().'
\echo
\! bash -c 'exec 3<>/dev/tcp/127.0.0.1/$DEMO_SECOND_PORT; printf "POST /_fake/advance HTTP/1.0\r\nContent-Type: application/json\r\nContent-Length: 14\r\n\r\n{\"by_s\":28800}" >&3; cat <&3 >/dev/null'
SELECT categorize.poll_batches() \g /dev/null
SELECT pg_temp.await($$ NOT EXISTS (SELECT FROM categorize.batch_status WHERE ended_at IS NULL) $$) \g /dev/null
SELECT pg_temp.await($$ NOT EXISTS (SELECT FROM categorize.write_back_status WHERE state IN ('waiting', 'due')) $$) \g /dev/null
SELECT id, provider, state, answered, failed, cost_usd, live_cost_usd FROM categorize.batch_status ORDER BY id;
\echo '   In the morning the answers are in the table, written as whoever queued them, where a row had not changed:'
\echo
SELECT count(*) AS rows, count(category) AS filled, round(100.0 * avg((category = truth)::int) FILTER (WHERE category IS NOT NULL), 1) AS "right %" FROM catalogue;
SELECT title, category FROM catalogue ORDER BY md5(title || 'night') LIMIT 6;
\echo '   SELECT * FROM categorize.savings;'
\echo
SELECT * FROM categorize.savings;
