-- The demo's paid part: what the free tiers left open goes to a language model, within a budget. scripts/demo includes it
-- where LLM is set, with :llm (fake, local or openai), :kind, :url, :model and :limit (titles at most).
\echo '11. A language model for the rest, with money bounded exactly:' :llm
\echo
\if :local
\echo '   SELECT categorize.set_model(...), set_price(...): a model on this machine costs nothing, and somebody has to say so.'
SELECT categorize.set_model(:'model', :'kind', '{"mode": "decision"}') \g /dev/null
SELECT categorize.set_price(:'model', 0, 0) \g /dev/null
\endif
SELECT :'llm' = 'fake' AS fake \gset
\if :fake
\echo '   SELECT categorize.set_price(...): the prices that are shipped are those of the official host.'
SELECT categorize.set_price(:'model', 0.10, 0.50, cached_input_usd => 0.01) \g /dev/null
\endif
\echo '   SELECT categorize.add_provider(...);'
SELECT categorize.add_provider('demo', :'kind', nullif(:'url', ''), key_env => nullif(:'key', ''),
                               settings => jsonb_build_object('model', :'model')) \g /dev/null
SELECT categorize.set_budget('database', 0.25, 'day', per_request_usd => 0.05) \g /dev/null
SELECT scope, period, limit_usd, per_request_usd, settled_usd, reserved_usd FROM categorize.budget_status;

\echo '   What is left open, distinct titles:'
CREATE TABLE open_title AS
    SELECT DISTINCT p.title, p.truth FROM measured m JOIN product p USING (id) WHERE m.at = 'after' AND m.category IS NULL;
SELECT count(*) AS "left open", least(count(*), :limit) AS "asked now" FROM open_title;

\echo '   SELECT * FROM categorize_many(ARRAY(SELECT title FROM open_title));'
\echo
SET categorize.timeout_ms = 600000;
SELECT clock_timestamp() AS t0 \gset
CREATE TABLE paid AS
    SELECT d.*, o.truth
      FROM (SELECT array_agg(title ORDER BY title) AS titles FROM (SELECT title FROM open_title ORDER BY md5(title) LIMIT :limit) t) q
     CROSS JOIN LATERAL categorize_many(q.titles) d JOIN open_title o ON o.title = d.input;
SELECT round(extract(epoch FROM clock_timestamp() - :'t0')::numeric, 1) AS seconds \gset
SELECT source, coalesce(reason, model) AS "model or reason", count(*) AS titles,
       round(100.0 * avg((category = truth)::int) FILTER (WHERE category IS NOT NULL), 1) AS "right %",
       sum(cost_usd) AS dollars
  FROM paid GROUP BY 1, 2 ORDER BY titles DESC;
\echo '   It took' :seconds 'seconds. Some of its answers:'
\echo
SELECT input AS title, category, round(confidence::numeric, 2) AS confidence, cost_usd
  FROM paid WHERE category IS NOT NULL ORDER BY md5(input) LIMIT 8;

\echo '   The same again: paid once, known from now on, also to other sessions and after a ROLLBACK'
\echo
SELECT d.source, d.origin, count(*) AS titles, sum(d.cost_usd) AS dollars
  FROM (SELECT array_agg(input ORDER BY input) AS titles FROM paid WHERE category IS NOT NULL) q
 CROSS JOIN LATERAL categorize_many(q.titles) d GROUP BY 1, 2;

\echo '   Where the money went:  SELECT * FROM categorize.spend;  and what is left of it:  categorize.budget_status'
\echo
SELECT day, role, taxonomy, model, requests, inputs, input_tokens, output_tokens, spent_usd, wasted_usd FROM categorize.spend;
SELECT scope, limit_usd, settled_usd, reserved_usd, remaining_usd FROM categorize.budget_status;
SELECT provider, model, state, attempts, failures, round(latency_p50_ms) AS p50_ms, round(latency_p99_ms) AS p99_ms FROM categorize.provider_health;

\if :local
\echo '   (A model of 3 MB that knows no brands: good to see how it works, not for work. It costs nothing, so no budget stops it.)'
\else
\echo '   A budget that is spent stops only what costs money:'
\echo
SELECT categorize.set_budget('database', 0, 'day') \g /dev/null
SELECT d.input, d.category, d.source, d.reason
  FROM categorize_many(ARRAY['Nike Air Max 270', 'a thing nobody has ever heard of, 4711']) d;
\endif
