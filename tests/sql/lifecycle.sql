-- CREATE and DROP EXTENSION, in databases of their own.
\set SHOW_CONTEXT never
CREATE DATABASE regress_ascii ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0;
\c regress_ascii
CREATE EXTENSION pg_categorize;
\echo :LAST_ERROR_SQLSTATE
\c regression
DROP DATABASE regress_ascii;
CREATE DATABASE regress_life ENCODING 'UTF8' TEMPLATE template0;
\c regress_life

-- The library is preloaded, the extension absent: its settings are there, and nothing fails.
SHOW categorize.taxonomy;
SELECT categorize('x');
\echo :LAST_ERROR_SQLSTATE

-- Rolled back, then used in the transaction that creates it, in a schema of the user's choice.
BEGIN;
CREATE EXTENSION pg_categorize;
SELECT categorize('Nike Air Max 270') IS NOT NULL AS answered;
ROLLBACK;
SELECT categorize('x');
\echo :LAST_ERROR_SQLSTATE
CREATE SCHEMA home;
BEGIN;
CREATE EXTENSION pg_categorize SCHEMA home;
SELECT home.categorize('Nike Air Max 270') IS NOT NULL AS answered;
SELECT categorize.create_taxonomy('life', ARRAY['A']) > 0 AS created;
SELECT categorize.correct('one', 'A', 'life');
SELECT home.categorize('one', 'life'), (home.categorize_detail('one', 'life')).category;
COMMIT;
SELECT home.categorize('one', 'life'), (home.categorize_detail('one', 'life')).category;
ALTER EXTENSION pg_categorize SET SCHEMA public;

-- What pg_dump carries.
SELECT c::regclass AS dumped, condition FROM pg_extension, unnest(extconfig, extcondition) AS u (c, condition) WHERE extname = 'pg_categorize' ORDER BY c::regclass::text;

-- A drop needs CASCADE where a trigger uses it, is rolled back as a whole, and leaves nothing but the roles.
CREATE TABLE item (title text, category text);
CREATE TRIGGER fill BEFORE INSERT ON item FOR EACH ROW EXECUTE FUNCTION home.categorize_trigger('title', 'category', 'life');
DROP EXTENSION pg_categorize;
\echo :LAST_ERROR_SQLSTATE
DROP TRIGGER fill ON item;
BEGIN;
DROP EXTENSION pg_categorize;
ROLLBACK;
SELECT home.categorize('one', 'life');
DROP EXTENSION pg_categorize;
SELECT (SELECT count(*) FROM pg_proc WHERE proname LIKE 'categorize%') AS functions, (SELECT count(*) FROM pg_namespace WHERE nspname = 'categorize') AS schemas,
       (SELECT count(*) FROM pg_class WHERE relname IN ('taxonomy', 'cache')) AS tables, (SELECT count(*) FROM pg_type WHERE typname = 'decision') AS types;
SELECT count(*) AS roles FROM pg_roles WHERE rolname LIKE 'categorize%';
-- Made again, it is as new, in the same session.
CREATE EXTENSION pg_categorize;
SELECT count(*) FROM categorize.taxonomies;
SELECT categorize('Nike Air Max 270') IS NOT NULL AS answered;
\c regression
DROP DATABASE regress_life;

-- An index that is built anew under another OID is found again.
SELECT categorize.create_taxonomy('reindexed', ARRAY['A']) > 0 AS created;
SELECT categorize.learn($$ VALUES ('before', 'A'), ('after', 'A') $$, 'reindexed');
SELECT categorize('before', 'reindexed');
REINDEX TABLE CONCURRENTLY categorize.cache;
SELECT categorize('after', 'reindexed');
SELECT categorize.drop_taxonomy('reindexed');

-- Operators that lie in wait where the extension is created are not taken for ours.
CREATE DATABASE regression_trap ENCODING 'UTF8' TEMPLATE template0;
\c regression_trap
CREATE FUNCTION trap(real, int) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE 'sprung'; END $$;
CREATE FUNCTION trap(bigint, numeric) RETURNS numeric LANGUAGE plpgsql AS $$ BEGIN RAISE 'sprung'; END $$;
CREATE FUNCTION trap(numeric, int) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE 'sprung'; END $$;
CREATE FUNCTION trap(float8, bigint) RETURNS float8 LANGUAGE plpgsql AS $$ BEGIN RAISE 'sprung'; END $$;
CREATE FUNCTION trap(float8, numeric) RETURNS float8 LANGUAGE plpgsql AS $$ BEGIN RAISE 'sprung'; END $$;
CREATE OPERATOR >= (LEFTARG = real, RIGHTARG = int, FUNCTION = trap);
CREATE OPERATOR <= (LEFTARG = real, RIGHTARG = int, FUNCTION = trap);
CREATE OPERATOR = (LEFTARG = numeric, RIGHTARG = int, FUNCTION = trap);
CREATE OPERATOR / (LEFTARG = bigint, RIGHTARG = numeric, FUNCTION = trap);
CREATE OPERATOR / (LEFTARG = float8, RIGHTARG = bigint, FUNCTION = trap);
CREATE OPERATOR / (LEFTARG = float8, RIGHTARG = numeric, FUNCTION = trap);
CREATE EXTENSION pg_categorize;
-- Nothing of the extension depends on anything of the schema that it was created in, but on the schema.
SELECT DISTINCT pg_describe_object(d.refclassid, d.refobjid, d.refobjsubid) AS trapped
  FROM pg_depend d JOIN pg_operator o ON d.refclassid = 'pg_operator'::regclass AND d.refobjid = o.oid
 WHERE o.oprnamespace = 'public'::regnamespace;
SELECT categorize.learn($$ VALUES ('a title', 'Footwear') $$);
SELECT categorize('a title');
SELECT sum(answers) > 0 AS counted, count(*) > 0 AS shown FROM categorize.tier_stats;
SELECT count(*) > 0 AS shown FROM categorize.stats;
\c regression
DROP DATABASE regression_trap;
