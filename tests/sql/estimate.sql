-- What a statement will probably ask and cost. Nothing is asked: a provider that has no key is never reached.
CREATE SCHEMA estimated;
GRANT USAGE ON SCHEMA estimated TO PUBLIC;
SET search_path = estimated, public, testing;
SET max_parallel_workers_per_gather = 0;
SET categorize.prefetch = on;
SELECT categorize.create_taxonomy('estimated', ARRAY['chairs', 'coats', 'shoes']) > 0 AS created;
SELECT categorize.configure('estimated', '{"tiers": ["correction", "rule", "cache", "llm"]}');
SET categorize.taxonomy = 'estimated';
-- A quarter has a rule, a quarter is known, a half is not, and a tenth has no title.
CREATE TABLE item AS
    SELECT i AS id, i % 7 AS brand,
           CASE WHEN i % 10 = 0 THEN NULL WHEN i % 4 = 0 THEN 'ruled ' || i WHEN i % 4 = 1 THEN 'known ' || i ELSE 'thing ' || i END AS title
      FROM generate_series(1, 4000) i;
CALL testing.make_tables_beside_item();
CREATE TABLE fresh AS SELECT * FROM item WHERE id < 100;
ALTER TABLE fresh SET (autovacuum_enabled = off);
VACUUM ANALYZE item, brand, part;
SELECT categorize.add_rule('estimated', '^ruled ', 'chairs') > 0 AS ruled;
SELECT categorize.learn($$SELECT title, 'coats' FROM estimated.item WHERE title LIKE 'known %'$$) > 0 AS learnt;

-- Without a provider nothing is paid.
SELECT tier, rows > 0 AS any, low_usd, high_usd, basis ~ '^\d+ values of the column''s statistics$' AS by_values
  FROM categorize.estimate('SELECT categorize(title) FROM item');
SELECT categorize.add_provider('unreached', 'openai') > 0 AS added;

-- A statement's estimate: calls, the tiers that answer, how near both are to the truth, and whether dollars are told.
CREATE FUNCTION estimated.of(statement text, OUT call int, OUT taxonomy text, OUT rows numeric, OUT tiers text, OUT open numeric, OUT dollars text, OUT basis text)
RETURNS SETOF record LANGUAGE sql AS $$
    SELECT e.call, e.taxonomy, round(sum(e.rows), -2), string_agg(e.tier, ', ' ORDER BY e.tier),
           coalesce(round(sum(e.inputs) FILTER (WHERE e.tier = 'llm') / 1000) * 1000, 0),
           CASE WHEN sum(e.high_usd) = 0 THEN 'nothing' WHEN sum(e.low_usd) = 0 THEN 'from 0'
                WHEN sum(e.low_usd) < sum(e.high_usd) THEN 'low to high' ELSE 'odd' END,
           regexp_replace(min(e.basis), '^\d+', 'N')
      FROM categorize.estimate(statement) e GROUP BY 1, 2 ORDER BY 1
$$;
SELECT * FROM of('SELECT categorize(title) FROM item');
SELECT * FROM of('SELECT categorize(title, ''estimated''), categorize_detail(title) FROM item');
SELECT * FROM of('SELECT categorize(lower(title)), categorize_cached(title), categorize(title, ARRAY[''a'', ''b'']) FROM item');
SELECT * FROM of('SELECT count(*) FROM item WHERE categorize(title) = ''chairs''');
SELECT * FROM of('SELECT categorize(title) FROM item WHERE categorize(title) IS NOT NULL AND id > 0 ORDER BY 1');
SELECT * FROM of('SELECT categorize(title), count(*) FROM item GROUP BY 1');
SELECT * FROM of('SELECT max(categorize(title)) FROM item GROUP BY brand');
SELECT * FROM of('SELECT categorize(max(title)) FROM item GROUP BY id');
SELECT * FROM of('SELECT categorize(i.title) FROM item i JOIN brand b ON b.id = i.brand');
SELECT * FROM of('SELECT categorize(i.title || b.name) FROM item i JOIN brand b ON b.id = i.brand');
SELECT * FROM of('SELECT a.id FROM item a, item b WHERE a.id = b.id AND categorize(a.title) = categorize(b.title)');
SELECT * FROM of('SELECT categorize(title) FROM item UNION ALL SELECT categorize(title) FROM item');
SELECT * FROM of('SELECT categorize(title) FROM part');
SELECT * FROM of('WITH c AS MATERIALIZED (SELECT categorize(title) AS c FROM item) SELECT a.c FROM c a JOIN c b USING (c)');
SELECT * FROM of('SELECT CASE WHEN id < 10 THEN categorize(title) END FROM item');
SELECT * FROM of('SELECT categorize(title, CASE WHEN id > 5 THEN ''estimated'' END) FROM item');
SELECT * FROM of('SELECT categorize(title, ''none such'') FROM item');
SELECT * FROM of('SELECT categorize(title, ARRAY[NULL::text]) FROM item');
SELECT * FROM of('SELECT categorize(title) FROM fresh');
SELECT * FROM of('SELECT 1');
-- What is read in part is asked in part.
SELECT rows BETWEEN 5 AND 15 AS half, inputs <= rows AS few FROM categorize.estimate('SELECT categorize(title) FROM item LIMIT 20') WHERE tier = 'llm';
SELECT sum(rows) < 1000 AS few FROM categorize.estimate('SELECT EXISTS (SELECT FROM item WHERE categorize(title) = ''chairs'')');
-- All that EXPLAIN takes, and none of it runs.
SELECT * FROM of('INSERT INTO item (title) SELECT categorize(title) FROM item');
SELECT * FROM of('UPDATE item SET title = categorize(title)');
SELECT * FROM of('DELETE FROM item WHERE categorize(title) = ''chairs''');
SELECT * FROM of('CREATE TABLE never AS SELECT categorize(title) FROM item');
SELECT * FROM of('CREATE MATERIALIZED VIEW never AS SELECT categorize(title) FROM item');
SELECT * FROM of('DECLARE c CURSOR FOR SELECT categorize(title) FROM item');
SELECT to_regclass('never') AS never, count(*) FROM item;
SET categorize.prefetch = off;
SELECT * FROM of('SELECT categorize(title) FROM item');
BEGIN READ ONLY;
SELECT * FROM of('SELECT categorize(title) FROM item');
ROLLBACK;
SET categorize.mode = cached;
SELECT * FROM of('SELECT categorize(title) FROM item');
RESET categorize.mode;
-- An input asked by itself costs more than one in company.
SELECT low_usd AS alone FROM categorize.estimate('SELECT categorize(title) FROM item') WHERE tier = 'llm' \gset
SET categorize.prefetch = on;
SELECT low_usd * 2 < :alone AS less FROM categorize.estimate('SELECT categorize(title) FROM item') WHERE tier = 'llm';
CALL testing.sweep(
    $$ SELECT * FROM categorize.estimate(NULL) $$,
    $$ SELECT * FROM categorize.estimate('') $$,
    $$ SELECT * FROM categorize.estimate('SELECT 1; SELECT 2') $$,
    $$ SELECT * FROM categorize.estimate('DROP TABLE item') $$,
    $$ SELECT * FROM categorize.estimate('EXPLAIN SELECT 1') $$,
    $$ SELECT * FROM categorize.estimate('COMMIT') $$,
    $$ SELECT * FROM categorize.estimate('SELECT $1') $$,
    $$ SELECT * FROM categorize.estimate('SELECT categorize(title) FROM nowhere') $$,
    $$ SELECT * FROM categorize.estimate('SELECT categorize(') $$);

-- EXPLAIN tells the same where it tells costs.
CREATE FUNCTION estimated.explained(statement text, options text DEFAULT '') RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    line text;
BEGIN
    FOR line IN EXECUTE format('EXPLAIN (TIMING OFF, SUMMARY OFF, BUFFERS OFF%s) %s', options, statement) LOOP
        line := regexp_replace(line, '  \(cost=.*\)', '');
        RETURN NEXT regexp_replace(line, '(Expected[^:]*:) "?[\d.]+', '\1 N', 'g');
    END LOOP;
END
$$;
SELECT * FROM explained('SELECT categorize(title) FROM item');
SELECT * FROM explained('SELECT categorize(title) FROM item', ', COSTS OFF');
SELECT * FROM explained('SELECT categorize_cached(title) FROM item WHERE id = 1', ', ANALYZE');
CREATE FUNCTION estimated.as_json(statement text) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
    plan jsonb;
BEGIN
    EXECUTE 'EXPLAIN (FORMAT JSON) ' || statement INTO plan;
    RETURN plan -> 0 -> 'Plan';
END
$$;
SELECT key, jsonb_typeof(value) AS type FROM jsonb_each(as_json('SELECT categorize(title) FROM item')) WHERE key LIKE 'Expected%' ORDER BY key COLLATE "C";
SELECT * FROM explained('SELECT categorize(title, ''none such'') FROM item');
SELECT count(*) > 0 AS told FROM explained('SELECT categorize(title) FROM item', ', FORMAT XML') l WHERE l ~ '<Expected-Cost-High>[0-9.]+</Expected-Cost-High>';

-- Of an input that is made of several columns no values are known: what was stored for it lowers what is expected, and what was
-- stored in other taxonomies does not.
SELECT count(categorize_cached(title)) > 0 AS answered FROM item WHERE id <= 40;
SELECT categorize.create_taxonomy('others', ARRAY['chairs']) > 0 AS created;
SELECT categorize.learn($$SELECT 'other ' || i, 'chairs' FROM generate_series(1, 12000) i$$, 'others') AS of_others;
SELECT * FROM of('SELECT categorize(title || id) FROM item');
SELECT categorize.learn($$SELECT title || id, 'chairs' FROM estimated.item WHERE title IS NOT NULL$$) AS of_ours;
SELECT * FROM of('SELECT categorize(title || id) FROM item');
SELECT categorize.drop_taxonomy('others');

-- A limit on what a statement may be expected to cost.
SHOW categorize.max_query_cost;
SET categorize.max_query_cost = 0;
SELECT regexp_replace(testing.attempt('SELECT categorize(title) FROM item'), '[\d.]+ to [\d.]+ dollars for \d+', 'L to H dollars for N');
SELECT testing.attempt('SELECT categorize(title) FROM fresh WHERE id < 0') AS of_what_nothing_is_known;
SELECT * FROM explained('SELECT categorize(title) FROM item') LIMIT 1;
SELECT count(categorize_cached(title)) > 0 AS free FROM item;
SET categorize.max_query_cost = 1000;
PREPARE cheap AS SELECT count(*) FROM (SELECT categorize(title) FROM item WHERE id < 0) i;
EXECUTE cheap;
DEALLOCATE cheap;
RESET categorize.max_query_cost;
SET categorize.max_query_cost = -2;

-- Statistics are told to nobody who may not read what they are of.
CREATE ROLE regress_reader IN ROLE categorize_user;
CREATE VIEW seen AS SELECT id, title FROM item;
CREATE VIEW seen_of_all AS SELECT id, title FROM part_1 UNION ALL SELECT id, title FROM item WHERE id < 5;
GRANT SELECT ON seen, seen_of_all, part TO regress_reader;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA estimated TO regress_reader;
CREATE TABLE secured AS SELECT id, title FROM item;
ALTER TABLE secured ENABLE ROW LEVEL SECURITY;
CREATE POLICY first ON secured USING (id < 10);
GRANT SELECT ON secured TO regress_reader;
ANALYZE secured;
SET ROLE regress_reader;
SET categorize.max_query_cost = 0;
CALL testing.sweep(
    $$ SELECT * FROM categorize.estimate('SELECT categorize(title) FROM estimated.item') $$,
    $$ SELECT * FROM categorize.estimate('INSERT INTO estimated.seen SELECT 1, categorize(''a'')') $$,
    $$ SELECT * FROM categorize.estimate('SELECT * FROM categorize.cache') $$,
    $$ SELECT categorize(title) FROM estimated.item $$,
    $$ EXPLAIN SELECT categorize(title) FROM estimated.item $$);
RESET categorize.max_query_cost;
SELECT tiers, dollars, basis FROM of('SELECT categorize(title) FROM seen');
SELECT tiers, dollars, basis FROM of('SELECT categorize(title) FROM seen_of_all');
SELECT tiers, dollars, basis FROM of('SELECT categorize(title) FROM secured');
-- Who may read the whole may know of its parts.
SELECT tiers, dollars, basis FROM of('SELECT categorize(title) FROM part');
RESET ROLE;
GRANT SELECT (title) ON item TO regress_reader;
SET ROLE regress_reader;
SELECT tiers, dollars, basis FROM of('SELECT categorize(title) FROM item');
SELECT tiers, dollars, basis FROM of('SELECT categorize(title) FROM seen');
-- A function of its own is not run for values that it may not be given.
CREATE FUNCTION pg_temp.tell(text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RAISE NOTICE 'told'; RETURN $1; END $$;
SELECT tiers, basis FROM of('SELECT categorize(pg_temp.tell(title)) FROM item');
RESET ROLE;

SELECT categorize.drop_provider('unreached');
RESET categorize.taxonomy;
RESET search_path;
SET client_min_messages = warning;
DROP SCHEMA estimated CASCADE;
DROP OWNED BY regress_reader;
DROP ROLE regress_reader;
SELECT categorize.drop_taxonomy('estimated');
