-- A hostile search_path: names like ours and like those of pg_catalog in a schema before it. Nothing of it may run.
SELECT categorize.create_taxonomy('safe', ARRAY['A', 'B']) > 0 AS created;
SELECT categorize.learn($$ VALUES ('one', 'A') $$, 'safe');
SELECT extnamespace::regnamespace AS home FROM pg_extension WHERE extname = 'pg_categorize' \gset

CREATE SCHEMA evil;
CREATE SEQUENCE evil.ran;
CREATE FUNCTION evil.boom() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_catalog.nextval('evil.ran'); RETURN false; END $$;
CREATE FUNCTION evil.same(text, text) RETURNS boolean LANGUAGE sql AS 'SELECT evil.boom()';
CREATE FUNCTION evil.same(int, int) RETURNS boolean LANGUAGE sql AS 'SELECT evil.boom()';
CREATE FUNCTION evil.same(bigint, bigint) RETURNS boolean LANGUAGE sql AS 'SELECT evil.boom()';
CREATE FUNCTION evil.same(name, name) RETURNS boolean LANGUAGE sql AS 'SELECT evil.boom()';
CREATE FUNCTION evil.same(oid, oid) RETURNS boolean LANGUAGE sql AS 'SELECT evil.boom()';
CREATE FUNCTION evil.same(bytea, bytea) RETURNS boolean LANGUAGE sql AS 'SELECT evil.boom()';
CREATE OPERATOR evil.= (LEFTARG = text, RIGHTARG = text, FUNCTION = evil.same);
CREATE OPERATOR evil.<> (LEFTARG = text, RIGHTARG = text, FUNCTION = evil.same);
CREATE OPERATOR evil.= (LEFTARG = int, RIGHTARG = int, FUNCTION = evil.same);
CREATE OPERATOR evil.>= (LEFTARG = int, RIGHTARG = int, FUNCTION = evil.same);
CREATE OPERATOR evil.= (LEFTARG = bigint, RIGHTARG = bigint, FUNCTION = evil.same);
CREATE OPERATOR evil.= (LEFTARG = name, RIGHTARG = name, FUNCTION = evil.same);
CREATE OPERATOR evil.= (LEFTARG = oid, RIGHTARG = oid, FUNCTION = evil.same);
CREATE OPERATOR evil.= (LEFTARG = bytea, RIGHTARG = bytea, FUNCTION = evil.same);
CREATE FUNCTION evil.coalesce_text(text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN PERFORM evil.boom(); RETURN 'evil'; END $$;
CREATE FUNCTION evil.unnest(anyarray) RETURNS SETOF anyelement LANGUAGE plpgsql AS $$ BEGIN PERFORM evil.boom(); END $$;
CREATE FUNCTION evil.now() RETURNS timestamptz LANGUAGE plpgsql AS $$ BEGIN PERFORM evil.boom(); RETURN NULL; END $$;
CREATE FUNCTION evil.count(anyelement) RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN PERFORM evil.boom(); RETURN 666; END $$;
CREATE FUNCTION evil.nextval(regclass) RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN PERFORM evil.boom(); RETURN 666; END $$;
CREATE FUNCTION evil.octet_length(text) RETURNS int LANGUAGE plpgsql AS $$ BEGIN PERFORM evil.boom(); RETURN 666; END $$;
CREATE FUNCTION evil.pg_has_role(name, oid, text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN PERFORM evil.boom(); RETURN true; END $$;
CREATE FUNCTION evil.categorize(text, text DEFAULT NULL) RETURNS text LANGUAGE plpgsql AS $$ BEGIN PERFORM evil.boom(); RETURN 'evil'; END $$;
CREATE TABLE evil.taxonomy (LIKE categorize.taxonomy);
CREATE TABLE evil.category (LIKE categorize.category);
CREATE TABLE evil.cache (LIKE categorize.cache);
CREATE TABLE evil.correction (LIKE categorize.correction);
CREATE TABLE evil.pg_class (LIKE pg_catalog.pg_class);
CREATE TABLE evil.pg_extension (extname name, extversion text);
INSERT INTO evil.pg_extension VALUES ('pg_categorize', '666');
CREATE TABLE evil.pg_roles (oid oid, rolname name);
CREATE DOMAIN evil.decision AS text;
CREATE DOMAIN evil.int AS pg_catalog.text;
CREATE DOMAIN evil.text AS pg_catalog.int4;
CREATE DOMAIN evil.bytea AS pg_catalog.int4;
CREATE DOMAIN evil.jsonb AS pg_catalog.int4;
CREATE TABLE evil.item (title pg_catalog.text, category pg_catalog.text);
CREATE TRIGGER fill BEFORE INSERT ON evil.item FOR EACH ROW EXECUTE FUNCTION categorize_trigger('title', 'category', 'safe');

-- What is asked below names everything by its schema; only ours must look around.
\c
SET categorize.on_unresolved = 'best';
SET search_path = evil, pg_catalog;
SELECT :home.categorize('one'::pg_catalog.text, 'safe'::pg_catalog.text);
SELECT :home.categorize('one'::pg_catalog.text, ARRAY['one'::pg_catalog.text, 'two'::pg_catalog.text]);
SELECT :home.categorize_cached('one'::pg_catalog.text, 'safe'::pg_catalog.text);
SELECT (:home.categorize_detail('one'::pg_catalog.text, 'safe'::pg_catalog.text)).category;
SELECT category, source FROM :home.categorize_many(ARRAY['one'::pg_catalog.text], 'safe'::pg_catalog.text);
SELECT tier, category FROM categorize.explain('one'::pg_catalog.text, 'safe'::pg_catalog.text) WHERE answers;
SELECT pg_catalog.count(*) FROM categorize.settings('safe'::pg_catalog.text);
SELECT categorize.correct('two'::pg_catalog.text, 'B'::pg_catalog.text, 'safe'::pg_catalog.text);
SELECT categorize.correct_many('SELECT ''three''::pg_catalog.text, ''B''::pg_catalog.text'::pg_catalog.text, 'safe'::pg_catalog.text);
SELECT categorize.learn('SELECT ''four''::pg_catalog.text, ''New''::pg_catalog.text'::pg_catalog.text, 'safe'::pg_catalog.text, true);
SELECT pg_catalog.int8larger(categorize.add_rule('safe'::pg_catalog.text, 'five'::pg_catalog.text, 'A'::pg_catalog.text), 0) IS NOT NULL AS added;
SELECT categorize.add_category('safe'::pg_catalog.text, 'D > E'::pg_catalog.text) IS NOT NULL AS added;
SELECT categorize.rename_category('safe'::pg_catalog.text, 'D > E'::pg_catalog.text, 'D > F'::pg_catalog.text);
SELECT categorize.merge_category('safe'::pg_catalog.text, 'D > F'::pg_catalog.text, 'A'::pg_catalog.text);
SELECT categorize.drop_category('safe'::pg_catalog.text, 'D'::pg_catalog.text);
SELECT categorize.configure('safe'::pg_catalog.text, '{"in_flight": 5}'::pg_catalog.jsonb);
SELECT categorize.set_profile('safe'::pg_catalog.text, 'aggressive'::pg_catalog.text);
SELECT categorize.forget('four'::pg_catalog.text, 'safe'::pg_catalog.text);
SELECT categorize.drop_correction('three'::pg_catalog.text, 'safe'::pg_catalog.text);
SELECT categorize.purge_expired();
SELECT categorize.create_taxonomy('safe 2'::pg_catalog.text, ARRAY['A'::pg_catalog.text]) IS NOT NULL AS created;
SELECT categorize.drop_taxonomy('safe 2'::pg_catalog.text);
SELECT categorize.set_tenant(''::pg_catalog.text), categorize.current_tenant();
INSERT INTO evil.item (title) VALUES ('one'), ('two'), ('five') RETURNING title, category;
SELECT path FROM categorize.categories WHERE taxonomy OPERATOR(pg_catalog.=) 'safe' ORDER BY path COLLATE pg_catalog."C";
SELECT input, category FROM categorize.corrections WHERE taxonomy OPERATOR(pg_catalog.=) 'safe';
SELECT pattern, category FROM categorize.rules WHERE taxonomy OPERATOR(pg_catalog.=) 'safe';
SELECT pg_catalog.count(*) OPERATOR(pg_catalog.>=) 0 AS counted FROM categorize.stats;
SELECT pg_catalog.count(*) OPERATOR(pg_catalog.>=) 0 AS counted FROM categorize.tier_stats;
SELECT is_called AS evil_ran FROM evil.ran;

-- The path of the caller is as it was; a function with a path of its own works, and so does an empty one.
SHOW search_path;
SET search_path = '';
SELECT public.categorize('one', 'safe'), (SELECT category FROM public.categorize_detail('one', 'safe'));
SET search_path = pg_temp, evil;
SELECT public.categorize('one'::pg_catalog.text, 'safe'::pg_catalog.text);
RESET search_path;

-- The query of learn() runs under the caller's path.
CREATE SCHEMA mine;
CREATE TABLE mine.labelled (title text, category text);
INSERT INTO mine.labelled VALUES ('six', 'B');
SET search_path = mine, public;
SELECT categorize.learn('SELECT title, category FROM labelled', 'safe');
SELECT categorize('six', 'safe');
RESET search_path;
SET client_min_messages = warning;
DROP SCHEMA evil, mine CASCADE;
RESET client_min_messages;
SELECT categorize.drop_taxonomy('safe');
