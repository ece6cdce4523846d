-- The plan node: results with it are those without it, whatever the shape of the statement.
CREATE SCHEMA ahead;
SET search_path = ahead, public, testing;
SET max_parallel_workers_per_gather = 0;
CREATE TABLE item AS
    SELECT i AS id,
           CASE i % 10
               WHEN 0 THEN NULL WHEN 1 THEN '  ' WHEN 2 THEN 'nike air max ' || i WHEN 3 THEN 'learnt ' || i % 50
               WHEN 4 THEN 'ruled ' || i WHEN 5 THEN 'corrected ' || i WHEN 6 THEN 'Learnt  ' || i % 50
               WHEN 7 THEN 'qwxv ' || i % 70 WHEN 8 THEN 'office chair' ELSE 'wool coat ' || i END AS title,
           i % 7 AS brand, CASE WHEN i % 11 = 0 THEN 0 ELSE i % 100 END AS price
      FROM generate_series(1, 1200) i;
CREATE INDEX ON item (id);
CALL testing.make_tables_beside_item();
ANALYZE item, brand, part;
SELECT categorize.learn($$SELECT title, 'Clothing' FROM ahead.item WHERE title LIKE 'learnt %'$$) > 0 AS learnt;
SELECT categorize.correct_many($$SELECT title, 'Watches' FROM ahead.item WHERE title LIKE 'corrected %'$$) > 0 AS corrected;
SELECT categorize.add_rule('products', '^ruled \d+$', 'Furniture') > 0 AS ruled;
SELECT categorize.create_taxonomy('few', ARRAY['chairs', 'coats', 'shoes']) > 0 AS created;

-- A statement without the node and with it: its rows in their order, those that differ, and the nodes of its plan.
CREATE FUNCTION ahead.try(statement text, OUT rows int, OUT differ int, OUT nodes int) LANGUAGE plpgsql AS $$
DECLARE
    row record;
    plain text[] := '{}';
    ahead text[] := '{}';
    filled text[];
    line text;
BEGIN
    PERFORM set_config('categorize.prefetch', 'off', true);
    FOR row IN EXECUTE statement LOOP plain := plain || row::text; END LOOP;
    PERFORM set_config('categorize.prefetch', 'on', true);
    FOR row IN EXECUTE statement LOOP ahead := ahead || row::text; END LOOP;
    EXECUTE 'CREATE TEMP TABLE filled ON COMMIT DROP AS ' || statement;
    SELECT array_agg(f::text) INTO filled FROM filled f;
    DROP TABLE filled;
    rows := cardinality(plain);
    differ := (SELECT count(*) FROM (SELECT * FROM unnest(plain) WITH ORDINALITY EXCEPT ALL
                                     SELECT * FROM unnest(ahead) WITH ORDINALITY) d)
        + (SELECT count(*) FROM (SELECT * FROM unnest(ahead) WITH ORDINALITY EXCEPT ALL
                                 SELECT * FROM unnest(plain) WITH ORDINALITY) d)
        + (SELECT count(*) FROM (SELECT * FROM unnest(plain) EXCEPT ALL SELECT * FROM unnest(filled)) d)
        + (SELECT count(*) FROM (SELECT * FROM unnest(filled) EXCEPT ALL SELECT * FROM unnest(plain)) d);
    nodes := 0;
    FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || statement LOOP
        nodes := nodes + (line LIKE '%Custom Scan (Categorize)%')::int;
    END LOOP;
END
$$;

-- The select list.
SELECT * FROM try('SELECT id, categorize(title) FROM item');
SELECT * FROM try('SELECT categorize(title), price + 1, categorize(title, ''few'') AS few, item FROM item');
SELECT * FROM try('SELECT categorize(title, ARRAY[''coat'', ''chair'']) FROM item');
SELECT * FROM try('SELECT categorize_cached(title), ctid AS place FROM item');
SELECT * FROM try('SELECT (categorize_detail(title)).* FROM item');
SELECT * FROM try('SELECT (d).source, (d).reason FROM (SELECT categorize_detail(title) AS d FROM item OFFSET 0) s');
SELECT * FROM try('SELECT categorize(lower(title) || '' '' || id) FROM item');
SELECT * FROM try('SELECT d.category FROM item CROSS JOIN LATERAL categorize_detail(title) d');
-- Conditions.
SELECT * FROM try('SELECT id FROM item WHERE categorize(title) = ''Clothing''');
SELECT * FROM try('SELECT id, categorize(title) FROM item WHERE price > 50 AND categorize(title) LIKE ''F%'' AND id % 2 = 0');
SELECT * FROM try('SELECT id FROM item WHERE categorize(title) = ''Watches'' OR categorize(title, ''few'') = ''coats''');
SELECT * FROM try('SELECT id FROM item WHERE price <> 0 AND 1000 / price > 20 AND categorize(title) IS NOT NULL');
SELECT * FROM try('SELECT CASE WHEN price > 0 THEN categorize(title || 1000 / price) END FROM item');
SELECT * FROM try('SELECT CASE brand WHEN 1 THEN categorize(title) WHEN 2 THEN categorize(title, ''few'') ELSE ''none'' END FROM item');
SELECT * FROM try('SELECT coalesce(categorize(title), categorize(title, ''few''), title) FROM item');
SELECT * FROM try('SELECT CASE WHEN false THEN categorize(title, ''no such'') ELSE title END FROM item');
-- Groups, order, distinct.
SELECT * FROM try('SELECT categorize(title), count(*) FROM item GROUP BY 1 ORDER BY 1');
SELECT * FROM try('SELECT categorize(title), count(*) FROM item GROUP BY title ORDER BY title');
SELECT * FROM try('SELECT title FROM item GROUP BY title HAVING categorize(title) = ''Clothing'' ORDER BY title');
SELECT * FROM try('SELECT DISTINCT categorize(title) AS c FROM item ORDER BY c');
SELECT * FROM try('SELECT DISTINCT ON (categorize(title)) id, categorize(title) FROM item ORDER BY categorize(title), id');
SELECT * FROM try('SELECT id FROM item ORDER BY categorize(title), id');
SELECT * FROM try('SELECT max(categorize(title)), count(categorize(title)) FILTER (WHERE price > 5), min(categorize(title, ''few'')) FROM item');
SELECT * FROM try('SELECT brand, categorize(max(title)) FROM item GROUP BY brand ORDER BY brand');
SELECT * FROM try('SELECT id, row_number() OVER (PARTITION BY categorize(title) ORDER BY id) FROM item ORDER BY id');
SELECT * FROM try('SELECT id, categorize(title), sum(id) OVER (ORDER BY id) FROM item ORDER BY id');
SELECT * FROM try('SELECT brand, categorize(title), count(*) FROM item GROUP BY GROUPING SETS ((brand, title), (brand), ()) ORDER BY brand, title');
-- Limits.
SELECT * FROM try('SELECT id, categorize(title) FROM item ORDER BY id LIMIT 10');
SELECT * FROM try('SELECT id, categorize(title) FROM item ORDER BY price, id LIMIT 10 OFFSET 5');
SELECT * FROM try('SELECT id FROM item WHERE categorize(title) = ''Watches'' ORDER BY id LIMIT 5');
SELECT * FROM try('SELECT price, categorize(title) FROM item ORDER BY price FETCH FIRST 3 ROWS WITH TIES');
SELECT * FROM try('SELECT id, categorize(title) FROM item ORDER BY id LIMIT (SELECT 7)');
SELECT * FROM try('SELECT EXISTS (SELECT FROM item WHERE categorize(title) = ''Watches'')');
SELECT * FROM try('SELECT id FROM brand b WHERE EXISTS (SELECT FROM item WHERE brand = b.id AND categorize(title) = ''Watches'')');
-- Joins.
SELECT * FROM try('SELECT categorize(title || '' '' || name) FROM item JOIN brand ON brand.id = brand ORDER BY item.id');
SELECT * FROM try('SELECT i.id, b.name FROM item i LEFT JOIN brand b ON b.id = i.brand AND b.id > 3 WHERE categorize(i.title) = ''Clothing'' ORDER BY i.id');
SELECT * FROM try('SELECT b.name, categorize(b.name), i.id FROM item i JOIN brand b ON b.id = i.brand WHERE i.id < 50 ORDER BY i.id');
SELECT * FROM try('SELECT b.id, l.c FROM brand b CROSS JOIN LATERAL (SELECT categorize(title) AS c FROM item WHERE brand = b.id ORDER BY id LIMIT 3) l ORDER BY 1, 2');
SELECT * FROM try('SELECT count(*) FROM item a JOIN item b ON categorize(a.title) = categorize(b.title) AND a.brand = b.id WHERE a.id < 90 AND b.id < 90');
SELECT * FROM try('SELECT i.id, (SELECT categorize(b.name) FROM brand b WHERE b.id = i.brand) FROM item i ORDER BY i.id');
SELECT * FROM try('SELECT id FROM item WHERE title IN (SELECT categorize(title, ''few'') FROM item) ORDER BY id');
-- Sets and parts.
SELECT * FROM try('SELECT categorize(title) FROM item UNION ALL SELECT categorize(title, ''few'') FROM item');
SELECT * FROM try('SELECT categorize(title) AS c FROM item UNION SELECT categorize(name) FROM brand ORDER BY c');
SELECT * FROM try('SELECT id, categorize(title) FROM part ORDER BY id');
SELECT * FROM try('WITH c AS (SELECT id, categorize(title) AS c FROM item) SELECT c, count(*) FROM c GROUP BY c ORDER BY c');
SELECT * FROM try('WITH c AS MATERIALIZED (SELECT id, categorize(title) AS c FROM item) SELECT id, a.c, b.c AS d FROM c a JOIN c b USING (id) ORDER BY id LIMIT 9');
SELECT * FROM try('WITH RECURSIVE r AS (SELECT 1 AS n, categorize(''office chair'') AS c UNION ALL SELECT n + 1, categorize(c || n) FROM r WHERE n < 5) SELECT * FROM r');
SELECT * FROM try('SELECT categorize(t) FROM (VALUES (''office chair''), (''wool coat 9''), (NULL)) v(t)');
SELECT * FROM try('SELECT categorize(t) FROM unnest(ARRAY[''office chair'', ''wool coat 9'', NULL]) t');
SELECT * FROM try('SELECT id, categorize(title), generate_series(1, 2) FROM item ORDER BY id');
SELECT * FROM try('SELECT id, categorize(title) FROM item TABLESAMPLE bernoulli (30) REPEATABLE (7) ORDER BY id');
-- Volatile functions are called once a row, when it is due.
CREATE SEQUENCE counted;
SELECT * FROM try('SELECT nextval(''counted'') - id - (SELECT last_value FROM counted) AS n, categorize(title) FROM item ORDER BY id LIMIT 0');
SELECT setval('counted', 1);
SELECT id, categorize(title) IS NULL AS is_null, nextval('counted') FROM item ORDER BY id LIMIT 3;
SELECT count(*), max(n) FROM (SELECT nextval('counted') AS n, categorize(title) AS c FROM item LIMIT 20) s;
SELECT n, currval('counted'), categorize(title) IS NULL AS is_null FROM (SELECT nextval('counted') AS n, title FROM item ORDER BY id OFFSET 0) s LIMIT 3;

-- Writing.
CREATE TABLE filled (id int, category text);
INSERT INTO filled SELECT id, categorize(title) FROM item;
SELECT count(*) AS differ FROM filled JOIN item USING (id) WHERE category IS DISTINCT FROM categorize(title);
UPDATE filled f SET category = categorize(title || '!') FROM item i WHERE i.id = f.id;
SELECT count(*) AS differ FROM filled JOIN item USING (id) WHERE category IS DISTINCT FROM categorize(title || '!');
UPDATE item SET title = categorize(title) WHERE id <= 20;
SELECT count(*) FROM item WHERE id <= 20 AND title IS NOT NULL;
DELETE FROM filled WHERE category = 'Watches' AND categorize(category) IS DISTINCT FROM 'nothing';
SELECT count(*) FROM filled;
MERGE INTO filled f USING (SELECT id, categorize(title) AS c FROM item) s ON s.id = f.id
    WHEN MATCHED THEN UPDATE SET category = s.c WHEN NOT MATCHED THEN INSERT VALUES (s.id, s.c);
SELECT count(*) AS differ FROM filled JOIN item USING (id) WHERE category IS DISTINCT FROM categorize(title);
SELECT id, categorize(title) FROM item WHERE id BETWEEN 22 AND 25 ORDER BY id FOR UPDATE;

-- Cursors of SQL read back and forth, as they did.
BEGIN;
DECLARE c CURSOR FOR SELECT id, categorize(title) FROM item WHERE id > 100;
FETCH 2 FROM c;
FETCH BACKWARD 1 FROM c;
UPDATE item SET price = 3 WHERE CURRENT OF c;
COMMIT;
-- Prepared statements, with a plan for each execution and with one for all.
PREPARE p(text, int) AS SELECT categorize(title || $1) FROM item ORDER BY id LIMIT $2;
SET plan_cache_mode = force_generic_plan;
EXECUTE p(' ', 4);
SET categorize.prefetch = off;
EXECUTE p(' ', 4);
SET categorize.prefetch = on;
PREPARE q(text) AS SELECT id, categorize(title, $1) FROM item WHERE id IN (28, 29) ORDER BY id;
EXECUTE q('few');
EXECUTE q(NULL);
RESET plan_cache_mode;

-- A limit that differs from scan to scan, groups that know of themselves, and groups of groups.
SELECT * FROM try('SELECT n, count(*) FROM (VALUES (2::bigint), (NULL)) t(n), LATERAL (SELECT categorize(title) AS c FROM item ORDER BY title LIMIT t.n) s GROUP BY n');
SELECT * FROM try('SELECT categorize(title), grouping(title) FROM item GROUP BY title');
SELECT * FROM try('SELECT brand, price, max(categorize(title)) FROM item GROUP BY ROLLUP (brand, price) ORDER BY 1, 2 LIMIT 20');
SELECT * FROM try('WITH c AS MATERIALIZED (SELECT id, categorize(title) AS cat FROM item) SELECT CASE WHEN EXISTS (SELECT FROM c WHERE cat IS NOT NULL) THEN 0 ELSE (SELECT count(*) FROM c) END');
CREATE SEQUENCE falling INCREMENT -1 MINVALUE 1 MAXVALUE 100 START 10;
SELECT count(*) FROM (SELECT categorize(title) FROM item ORDER BY title LIMIT nextval('falling')) s;

-- A setting makes tests fail where the node was expected.
SET categorize.require_prefetch = on;
SELECT categorize(title) FROM item ORDER BY id LIMIT 1;
SELECT attempt('SELECT categorize(title || random()) FROM ahead.item');
SELECT attempt('SELECT categorize(''office chair'')');
SELECT attempt('SELECT set_config(''ahead.word'', id::text, true), categorize(title || current_setting(''ahead.word'')) FROM ahead.item');
SELECT attempt('SELECT count(random()), count(categorize(title || id)) FROM ahead.item');
RESET categorize.require_prefetch;
-- What the row itself would not raise is not raised.
SELECT attempt('SELECT categorize(title, ''no such'') FROM ahead.item WHERE title IS NULL LIMIT 1');
SELECT attempt('SELECT categorize(title, ''no such'') FROM ahead.item');
SELECT attempt('SELECT id FROM ahead.item WHERE id = 3 AND (1 = 1 OR categorize(title, ''no such'') = ''x'')');
SELECT attempt('SELECT categorize((1 / price)::text) FROM (SELECT price FROM ahead.item ORDER BY id LIMIT 100) s LIMIT 5');
SET categorize.prefetch_window = 3;
SELECT * FROM try('SELECT id, categorize(title) FROM item WHERE categorize(title, ''few'') IS NOT NULL');
RESET categorize.prefetch_window;
SET work_mem = 64;
SELECT * FROM try('SELECT id, categorize(title || repeat(''x'', 10000)) FROM item WHERE id < 100');
RESET work_mem;
-- What the inputs of a window are made of is not kept.
CREATE FUNCTION held() RETURNS bigint LANGUAGE sql AS $$
    SELECT sum(total_bytes)::bigint FROM pg_backend_memory_contexts WHERE name = 'Categorize'
$$;
SELECT count(held), max(held) < 1000000 AS is_little
  FROM (SELECT held(), categorize(right(repeat(title, 100000), 20)) FROM item WHERE id <= 100 OFFSET 0) s;
-- A variable is not evaluated before a call needs it.
DO $$
DECLARE
    named record;
    n int;
BEGIN
    SELECT 'few' AS name INTO named;
    FOR i IN 1..2 LOOP
        SELECT count(CASE WHEN price < 0 THEN categorize(title, named.name) END) INTO n FROM ahead.item;
        RAISE NOTICE '% answers', n;
        SELECT count(categorize(title, named.name)) INTO n FROM ahead.item WHERE price < 0;
        RAISE NOTICE '% answers', n;
        SELECT 1 AS other INTO named;
    END LOOP;
END
$$;
-- A serializable transaction reads what it is asked for.
CREATE FUNCTION plan_of(options text, statement text) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY EXECUTE format('EXPLAIN (%s) %s', options, statement);
END
$$;
BEGIN ISOLATION LEVEL SERIALIZABLE;
SELECT trim(line) FROM plan_of('ANALYZE', 'SELECT categorize(title) FROM item WHERE id < 5') line WHERE line LIKE '%Windows:%';
SELECT * FROM try('SELECT id, categorize(title) FROM item ORDER BY id LIMIT 10');
COMMIT;
SELECT trim(line) FROM plan_of('ANALYZE', 'SELECT categorize(title) FROM item WHERE id < 5') line WHERE line LIKE '%Windows:%';
-- Since PG 18 EXPLAIN says which node is disabled: the scan, and not those above it.
SET enable_seqscan = off;
SELECT count(*) < 2 AS is_the_scan
  FROM plan_of('COSTS OFF', 'SELECT categorize(name) FROM brand ORDER BY 1') line WHERE line LIKE '%Disabled: true%';
RESET enable_seqscan;
EXPLAIN (COSTS OFF) SELECT id, categorize(title) FROM item WHERE price > 5 AND categorize(title) = 'Clothing' ORDER BY id LIMIT 5;
EXPLAIN (COSTS OFF, VERBOSE) SELECT categorize(title), count(categorize(title, 'few')) FROM item GROUP BY 1;
SET client_min_messages = warning;
DROP SCHEMA ahead CASCADE;
