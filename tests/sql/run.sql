-- categorize.run(): a whole table in committed chunks.
SELECT categorize.create_taxonomy('bulk', ARRAY['A', 'B', 'Bigger > Category']) > 0 AS created;
SELECT categorize.configure('bulk', '{"tiers": ["correction", "rule", "cache"]}');
SELECT categorize.learn($$ VALUES ('one', 'A'), ('two', 'B'), ('three', 'Bigger > Category'), ('acme one', 'B') $$, 'bulk');
CREATE TABLE product (id int PRIMARY KEY, brand text, title text, price int, category text);
INSERT INTO product SELECT i, CASE WHEN i % 10 = 0 THEN 'acme' END, (ARRAY['one', 'two', 'three', 'unheard of'])[1 + i % 4], i % 7,
                           CASE WHEN i % 25 = 0 THEN 'mine' END FROM generate_series(1, 100) i;
INSERT INTO product VALUES (101, NULL, NULL, 1, NULL), (102, NULL, '', 1, NULL);
CREATE VIEW shown AS SELECT relation, output_column, taxonomy, condition, state, workers, rows_done, rows_total, rows_written, rule,
    cache, llm, unresolved, settled_usd, limit_usd, limit_reached, distinct_inputs, low_usd, time_left IS NULL AS no_time_left,
    ended_at >= since AS ended FROM categorize.progress WHERE relation = 'public.product' ORDER BY run DESC LIMIT 1;

-- A dry run tells and changes nothing.
CALL categorize.run('product', 'title', 'category', 'bulk', dry_run => true);
\x on
SELECT * FROM shown;
\x off
SELECT count(*) FROM product WHERE category IS NOT NULL;

-- Chunks of any size come to the same; what has a value is left alone.
CALL categorize.run('product', 'title', 'category', 'bulk', chunk_size => 7);
\x on
SELECT * FROM shown;
\x off
SELECT title, category, count(*) FROM product GROUP BY 1, 2 ORDER BY 1, 2;
-- Called again, only what is open is done.
CALL categorize.run(relation => 'product', input_column => 'title', output_column => 'category', taxonomy => 'bulk');
SELECT rows_done, rows_written, unresolved FROM shown;
-- Everything anew, where a condition holds; a value that stays is not written, and no answer takes none away.
UPDATE product SET category = 'theirs' WHERE id IN (1, 2, 7);
CALL categorize.run('product', 'title', 'category', 'bulk', overwrite => true, condition => 'product.price < 3 OR id = 7 -- all of these');
SELECT rows_done, rows_written, condition FROM shown;
SELECT id, title, category FROM product WHERE id IN (1, 2, 7, 25, 50) ORDER BY id;

-- Several columns, and columns that a trigger names.
CREATE TABLE two_columns (a uuid, "B c" text COLLATE "C", brand text, title text, category varchar(30), PRIMARY KEY (a, "B c"));
INSERT INTO two_columns SELECT ('00000000-0000-0000-0000-00000000000' || i % 3)::uuid, 'k''"' || i, CASE WHEN i % 2 = 0 THEN 'acme' END, 'one'
  FROM generate_series(1, 20) i;
CREATE TRIGGER fill BEFORE INSERT ON two_columns FOR EACH ROW EXECUTE FUNCTION categorize_trigger('brand, title', 'category', 'bulk');
CALL categorize.run('two_columns', chunk_size => 3);
SELECT brand, title, category, count(*) FROM two_columns GROUP BY 1, 2, 3 ORDER BY 1;

-- Keys of other types, output of other types, partitions, names that need quotes.
CREATE TYPE shelf AS ENUM ('A', 'B', 'Bigger > Category');
CREATE SCHEMA "Odd ""name";
CREATE TABLE "Odd ""name"."Mixed %s" ("Key" timestamptz, "Number" numeric, "Title %I" text, "Shelf" shelf, PRIMARY KEY ("Key", "Number"))
    PARTITION BY RANGE ("Number");
CREATE TABLE "Odd ""name".low PARTITION OF "Odd ""name"."Mixed %s" FOR VALUES FROM (0) TO (5);
CREATE TABLE "Odd ""name".high PARTITION OF "Odd ""name"."Mixed %s" FOR VALUES FROM (5) TO (50);
INSERT INTO "Odd ""name"."Mixed %s" SELECT '2026-01-02 03:04:05.678901+00'::timestamptz + i % 3 * interval '1 day', i + 0.5, 'three' FROM generate_series(1, 20) i;
SET datestyle = 'SQL, DMY';
SET timezone = 'Asia/Kolkata';
CALL categorize.run('"Odd ""name"."Mixed %s"', 'Title %I', 'Shelf', 'bulk', chunk_size => 3);
RESET datestyle;
RESET timezone;
SELECT "Shelf", count(*) FROM "Odd ""name"."Mixed %s" GROUP BY 1;

-- What the column does not take ends the run; it goes on once that is mended.
CREATE TABLE narrow (id bigint PRIMARY KEY, title text, category varchar(3));
INSERT INTO narrow VALUES (1, 'one'), (2, 'three');
CALL categorize.run('narrow', 'title', 'category', 'bulk', chunk_size => 1);
\echo :LAST_ERROR_SQLSTATE
SELECT state, rows_done, rows_written FROM categorize.progress WHERE relation = 'public.narrow';
ALTER TABLE narrow ALTER category TYPE text;
CALL categorize.run('narrow', 'title', 'category', 'bulk', chunk_size => 1);
SELECT state, rows_done, rows_written FROM categorize.progress WHERE relation = 'public.narrow';
SELECT * FROM narrow ORDER BY id;

-- What cannot be meant.
CREATE TABLE no_key (title text, category text);
CREATE VIEW a_view AS SELECT * FROM product;
SET client_min_messages = warning;
CALL categorize.run('no_key', 'title', 'category', 'bulk');
\echo :LAST_ERROR_SQLSTATE
CALL categorize.run('a_view', 'title', 'category', 'bulk');
\echo :LAST_ERROR_SQLSTATE
CALL categorize.run('nothing', 'title', 'category', 'bulk');
\echo :LAST_ERROR_SQLSTATE
CALL categorize.run(4000000000, 'title', 'category', 'bulk');
\echo :LAST_ERROR_SQLSTATE
CALL categorize.run('product', 'title', 'shelf', 'bulk');
\echo :LAST_ERROR_SQLSTATE
CALL categorize.run('product', 'title,nothing', 'category', 'bulk');
\echo :LAST_ERROR_SQLSTATE
CALL categorize.run('product');
\echo :LAST_ERROR_SQLSTATE
CALL categorize.run('product', 'title', 'category', 'bulky');
\echo :LAST_ERROR_SQLSTATE
CALL categorize.run(NULL, 'title', 'category', 'bulk');
\echo :LAST_ERROR_SQLSTATE
CALL categorize.run('product', 'title', 'category', 'bulk', chunk_size => 0);
\echo :LAST_ERROR_SQLSTATE
CALL categorize.run('product', 'title', 'category', 'bulk', chunk_size => NULL);
\echo :LAST_ERROR_SQLSTATE
CALL categorize.run('product', 'title', 'category', 'bulk', overwrite => NULL);
\echo :LAST_ERROR_SQLSTATE
CALL categorize.run('product', 'title', 'category', 'bulk', max_usd => -1);
\echo :LAST_ERROR_SQLSTATE
CALL categorize.run('product', 'title', 'category', 'bulk', max_usd => 'NaN');
\echo :LAST_ERROR_SQLSTATE
CALL categorize.run('product', 'title', 'category', 'bulk', claim_timeout => '-1 s');
\echo :LAST_ERROR_SQLSTATE
CALL categorize.run('product', 'title', 'category', 'bulk', condition => 'nothing > 1');
\echo :LAST_ERROR_SQLSTATE
CALL categorize.run('product', 'title', 'category', 'bulk', condition => 'price');
\echo :LAST_ERROR_SQLSTATE

-- Where nothing can be committed, or written.
BEGIN;
CALL categorize.run('product', 'title', 'category', 'bulk');
\echo :LAST_ERROR_SQLSTATE
ROLLBACK;
CREATE FUNCTION calls() RETURNS void LANGUAGE plpgsql AS $$ BEGIN CALL categorize.run('product', 'title', 'category', 'bulk'); END $$;
SELECT calls();
\echo :LAST_ERROR_SQLSTATE
SELECT count(*) AS left_behind FROM categorize.progress WHERE condition IS NULL AND state = 'interrupted';
SET default_transaction_read_only = on;
CALL categorize.run('product', 'title', 'category', 'bulk');
\echo :LAST_ERROR_SQLSTATE
RESET default_transaction_read_only;
-- A block that is not in a transaction may.
UPDATE product SET category = NULL WHERE title = 'one';
DO $$ BEGIN CALL categorize.run('product', 'title', 'category', 'bulk'); END $$;
SELECT count(*) FROM product WHERE title = 'one' AND category = 'A';
RESET client_min_messages;

-- The application's name, the mode and the digits of the session are its own again.
SELECT current_setting('application_name') LIKE 'pg_regress%' AS application_name, current_setting('categorize.mode') AS mode, current_setting('extra_float_digits');

-- An answer that is missing is no error, whatever the session or the taxonomy says of it.
SET categorize.on_unresolved = 'error';
CALL categorize.run('product', 'title', 'category', 'bulk', condition => 'id < 5');
SELECT rows_done, rows_written, unresolved FROM shown;
SET categorize.on_unresolved = 'null';

-- Rights: the caller's, on the table, its columns and its rows.
CREATE ROLE regress_runner IN ROLE categorize_user;
CREATE ROLE regress_other IN ROLE categorize_user;
UPDATE product SET category = NULL;
SET ROLE regress_runner;
CALL categorize.run('product', 'title', 'category', 'bulk');
\echo :LAST_ERROR_SQLSTATE
RESET ROLE;
GRANT SELECT (id, title, category) ON product TO regress_runner;
SET ROLE regress_runner;
CALL categorize.run('product', 'title', 'category', 'bulk');
\echo :LAST_ERROR_SQLSTATE
CALL categorize.run('product', 'title', 'category', 'bulk', condition => 'price > 1');
\echo :LAST_ERROR_SQLSTATE
RESET ROLE;
GRANT UPDATE (category) ON product TO regress_runner;
ALTER TABLE product ENABLE ROW LEVEL SECURITY;
CREATE POLICY few ON product TO regress_runner USING (id <= 10);
SET ROLE regress_runner;
SET client_min_messages = warning;
CALL categorize.run('product', 'title', 'category', 'bulk');
RESET client_min_messages;
SELECT relation, state, rows_done, rows_total, rows_written FROM categorize.progress WHERE state = 'done';
SELECT count(*) FROM categorize.progress WHERE role <> 'regress_runner';
SELECT * FROM categorize.bulk_run;
-- Nobody does what belongs to another's run.
RESET ROLE;
SELECT max(run) AS run FROM categorize.progress WHERE role = 'regress_runner' \gset
SET ROLE regress_other;
SELECT count(*) FROM categorize.progress;
SELECT task FROM categorize.run_claim(:run, '1 minute');
SELECT categorize.run_close(1, ARRAY['llm'], 1);
RESET ROLE;
SELECT count(*), max(id) FROM product WHERE category IS NOT NULL;
SELECT count(*) > 5 AS admins_see_all FROM categorize.progress;

-- Under a hostile path nothing of it runs.
CREATE SCHEMA evil;
CREATE SEQUENCE evil.ran;
CREATE FUNCTION evil.boom() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_catalog.nextval('evil.ran'); RETURN false; END $$;
CREATE FUNCTION evil.same(text, text) RETURNS boolean LANGUAGE sql AS 'SELECT evil.boom()';
CREATE FUNCTION evil.same(int, int) RETURNS boolean LANGUAGE sql AS 'SELECT evil.boom()';
CREATE FUNCTION evil.same(bigint, bigint) RETURNS boolean LANGUAGE sql AS 'SELECT evil.boom()';
CREATE FUNCTION evil.sum(int, int) RETURNS int LANGUAGE sql AS 'SELECT CASE WHEN evil.boom() THEN 1 ELSE 1 END';
CREATE OPERATOR evil.= (LEFTARG = text, RIGHTARG = text, FUNCTION = evil.same);
CREATE OPERATOR evil.<> (LEFTARG = text, RIGHTARG = text, FUNCTION = evil.same);
CREATE OPERATOR evil.> (LEFTARG = int, RIGHTARG = int, FUNCTION = evil.same);
CREATE OPERATOR evil.< (LEFTARG = int, RIGHTARG = int, FUNCTION = evil.same);
CREATE OPERATOR evil.<= (LEFTARG = int, RIGHTARG = int, FUNCTION = evil.same);
CREATE OPERATOR evil.= (LEFTARG = int, RIGHTARG = int, FUNCTION = evil.same);
CREATE OPERATOR evil.= (LEFTARG = bigint, RIGHTARG = bigint, FUNCTION = evil.same);
CREATE OPERATOR evil.+ (LEFTARG = int, RIGHTARG = int, FUNCTION = evil.sum);
CREATE OPERATOR evil.- (LEFTARG = int, RIGHTARG = int, FUNCTION = evil.sum);
CREATE DOMAIN evil.text AS pg_catalog.int4;
CREATE DOMAIN evil.jsonb AS pg_catalog.int4;
CREATE DOMAIN evil.int8 AS pg_catalog.text;
CREATE FUNCTION evil.cardinality(pg_catalog.anyarray) RETURNS int LANGUAGE plpgsql AS $$ BEGIN PERFORM evil.boom(); RETURN 666; END $$;
CREATE FUNCTION evil.unnest(pg_catalog.anyarray) RETURNS SETOF pg_catalog.anyelement LANGUAGE plpgsql AS $$ BEGIN PERFORM evil.boom(); END $$;
CREATE FUNCTION evil.concat(pg_catalog.text, bigint) RETURNS pg_catalog.text LANGUAGE plpgsql AS $$ BEGIN PERFORM evil.boom(); RETURN 'evil'; END $$;
UPDATE product SET category = NULL;
UPDATE two_columns SET category = NULL;
\c
SET client_min_messages = warning;
SET search_path = evil, pg_catalog;
CALL categorize.run('public.product'::pg_catalog.regclass, 'title'::pg_catalog.text, 'category'::pg_catalog.text, 'bulk'::pg_catalog.text, max_usd => 1);
CALL categorize.run('public.two_columns'::pg_catalog.regclass, max_usd => 1, overwrite => true);
CALL categorize.run('public.product'::pg_catalog.regclass, 'title'::pg_catalog.text, 'category'::pg_catalog.text, 'bulk'::pg_catalog.text, dry_run => true);
SELECT is_called AS evil_ran FROM evil.ran;
RESET search_path;
SELECT count(*) FROM product WHERE category IS NOT NULL;
SELECT count(*) FROM two_columns WHERE category IS NOT NULL;
DROP SCHEMA evil CASCADE;

DROP VIEW a_view, shown;
DROP FUNCTION calls;
DROP TABLE product, two_columns, narrow, no_key;
DROP SCHEMA "Odd ""name" CASCADE;
DROP TYPE shelf;
DROP ROLE regress_runner, regress_other;
SELECT categorize.drop_taxonomy('bulk');
