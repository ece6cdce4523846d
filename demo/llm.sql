-- The demo's paid part: what the free tiers left open goes to a language model, within a budget. scripts/demo includes it
-- where LLM is set, with :llm (fake, local or openai), :kind, :url, :second (fake only), :model and :limit (titles at most).
\echo '12. A language model for the rest, with money bounded exactly:' :llm
\echo
\if :local
\echo '   SELECT categorize.set_model(...), set_price(...): a model on this machine costs nothing, and somebody has to say so.'
SELECT categorize.set_model(:'model', :'kind', '{"mode": "decision"}') \g /dev/null
SELECT categorize.set_price(:'model', 0, 0) \g /dev/null
\endif
SELECT :'llm' = 'fake' AS fake \gset
\if :fake
\echo '   SELECT categorize.set_price(...): the prices that are shipped are those of the official hosts.'
SELECT categorize.set_price(name, input, output, cached_input_usd => cached)
  FROM (VALUES ('gpt-6-luna', 0.10, 0.50, 0.01), ('gpt-6.1-terra', 1.00, 5.00, 0.05),
               ('claude-haiku-5-5', 0.10, 0.50, NULL), ('claude-sonnet-5-5', 2.00, 10.00, NULL)) p (name, input, output, cached) \g /dev/null
\echo '   SELECT categorize.add_provider(''first'', ..., settings => ''{"strong_model": "gpt-6.1-terra", "priority": 1}'');'
\echo '   SELECT categorize.add_provider(''second'', ..., settings => ''{"strong_model": "claude-sonnet-5-5", "priority": 2}'');'
SELECT categorize.add_provider('first', :'kind', :'url', settings => jsonb_build_object(
           'model', :'model', 'strong_model', 'gpt-6.1-terra', 'priority', 1)) \g /dev/null
SELECT categorize.add_provider('second', 'anthropic', :'second', settings => jsonb_build_object(
           'model', 'claude-haiku-5-5', 'strong_model', 'claude-sonnet-5-5', 'priority', 2)) \g /dev/null
SELECT categorize.set_budget('database', 1.00, 'day', per_request_usd => 0.25) \g /dev/null
\else
\echo '   SELECT categorize.add_provider(...);'
SELECT categorize.add_provider('demo', :'kind', nullif(:'url', ''), key_env => nullif(:'key', ''),
                               settings => jsonb_build_object('model', :'model')) \g /dev/null
SELECT categorize.set_budget('database', 0.25, 'day', per_request_usd => 0.05) \g /dev/null
\endif
SELECT scope, period, limit_usd, per_request_usd, settled_usd, reserved_usd FROM categorize.budget_status;

\echo '   What is left open, distinct titles:'
-- Where there are two providers, half of them wait for what happens to the first.
CREATE TABLE open_title AS
    SELECT title, truth, row_number() OVER (ORDER BY md5(title)) <= least(:limit, CASE WHEN :'llm' = 'fake' THEN count(*) OVER () / 2 ELSE :limit END) AS now
      FROM (SELECT DISTINCT p.title, p.truth FROM measured m JOIN product p USING (id) WHERE m.at = 'after' AND m.category IS NULL) t;
SELECT count(*) AS "left open", count(*) FILTER (WHERE now) AS "asked now" FROM open_title;

\echo '   SELECT * FROM categorize_many(ARRAY(SELECT title FROM open_title));'
\echo
SET categorize.timeout_ms = 600000;
\set ask 'INSERT INTO paid SELECT d.*, o.truth, :''at'' FROM (SELECT array_agg(title ORDER BY title) AS titles FROM open_title WHERE now = (:''at'' = ''first'')) q CROSS JOIN LATERAL categorize_many(q.titles) d JOIN open_title o ON o.title = d.input;'
\set who 'SELECT coalesce(provider, source) AS provider, coalesce(reason, model) AS "model or reason", upgraded, count(*) AS titles, round(100.0 * avg((category = truth)::int) FILTER (WHERE category IS NOT NULL), 1) AS "right %", sum(cost_usd) AS dollars, round(1000 * avg(cost_usd), 3) AS "for 1,000" FROM paid WHERE at = :''at'' GROUP BY 1, 2, 3 ORDER BY upgraded, titles DESC;'
CREATE TABLE paid AS SELECT d.*, NULL::text AS truth, NULL::text AS at FROM categorize_many('{}'::text[]) d;
\set at first
SELECT clock_timestamp() AS t0 \gset
:ask
SELECT round(extract(epoch FROM clock_timestamp() - :'t0')::numeric, 1) AS seconds \gset
:who
\if :fake
\echo '   The cheap model was asked for all of them, and the strong one, at ten times the price, where that was not sure (below 0.80).'
\endif
\echo '   It took' :seconds 'seconds. Some of its answers:'
\echo
SELECT input AS title, category, round(confidence::numeric, 2) AS confidence, upgraded, cost_usd
  FROM (SELECT *, row_number() OVER (PARTITION BY upgraded ORDER BY md5(input)) AS nth FROM paid WHERE category IS NOT NULL) p
 WHERE nth <= 5 ORDER BY upgraded, nth LIMIT 8;

\if :fake
\echo '13. The first provider goes down. The same call for the other half, nothing else changed:'
\echo
-- Nobody listens there for ten minutes.
\! bash -c 'exec 3<>/dev/tcp/127.0.0.1/$DEMO_PORT; printf "POST /_fake/down HTTP/1.0\r\nContent-Type: application/json\r\nContent-Length: 32\r\n\r\n{\"how\":\"refuse\",\"for_ms\":600000}" >&3; cat <&3 >/dev/null'
\set at second
SELECT clock_timestamp() AS t0 \gset
:ask
SELECT round(extract(epoch FROM clock_timestamp() - :'t0')::numeric, 1) AS seconds \gset
:who
\echo '   It took' :seconds 'seconds; the second provider speaks another API. Who failed is asked last, and not at all once its breaker is open:'
\echo
SELECT provider, model, state, attempts, failures, round(latency_p50_ms) AS p50_ms FROM categorize.provider_health ORDER BY provider, model;
SELECT at AS half, count(*) AS titles, count(category) AS answered, round(100.0 * avg((category = truth)::int) FILTER (WHERE category IS NOT NULL), 1) AS "right %",
       count(*) FILTER (WHERE upgraded) AS upgraded, sum(cost_usd) AS dollars
  FROM paid GROUP BY at ORDER BY at;
\endif

\echo '   The same again: paid once, known from now on, also to other sessions and after a ROLLBACK'
\echo
SELECT d.source, d.origin, count(*) AS titles, sum(d.cost_usd) AS dollars
  FROM (SELECT array_agg(input ORDER BY input) AS titles FROM paid WHERE category IS NOT NULL) q
 CROSS JOIN LATERAL categorize_many(q.titles) d GROUP BY 1, 2;

\echo '   Where the money went:  SELECT * FROM categorize.spend;  and what is left of it:  categorize.budget_status'
\echo
SELECT day, role, taxonomy, model, requests, inputs, input_tokens, output_tokens, spent_usd, wasted_usd FROM categorize.spend;
SELECT scope, limit_usd, settled_usd, reserved_usd, remaining_usd FROM categorize.budget_status;
\if :fake
\else
SELECT provider, model, state, attempts, failures, round(latency_p50_ms) AS p50_ms, round(latency_p99_ms) AS p99_ms FROM categorize.provider_health;
\endif

\if :fake
\ir night.sql
\endif

\if :local
\echo '   (A model of 3 MB that knows no brands: good to see how it works, not for work. It costs nothing, so no budget stops it.)'
\else
\echo '   A budget that is spent stops only what costs money:'
\echo
SELECT categorize.set_budget('database', 0, 'day') \g /dev/null
SELECT d.input, d.category, d.source, d.reason
  FROM categorize_many(ARRAY['Nike Air Max 270', 'a thing nobody has ever heard of, 4711']) d;
\endif
