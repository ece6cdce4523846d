-- Similar earlier texts. A database of its own: pgvector in it changes what explain() says.
\set SHOW_CONTEXT never
SELECT NOT EXISTS (SELECT FROM pg_available_extensions WHERE name = 'vector') AS skip \gset
\if :skip
\echo skipped: the server has no pgvector
\quit
\endif
CREATE DATABASE regress_similarity ENCODING 'UTF8' TEMPLATE template0;
\c regress_similarity
CREATE EXTENSION pg_categorize;
SELECT categorize.create_taxonomy('shop', ARRAY['Shirts', 'Phones', 'Accessories > Cases', 'Books']) > 0 AS created;
SELECT categorize.configure('shop', '{"tiers": ["correction", "rule", "cache", "similarity"], "similarity_threshold": 0.6}');
SET categorize.taxonomy = 'shop';

-- Without pgvector: nothing fails, and it is said.
SELECT tier, answers, threshold, detail FROM categorize.explain('yellow cotton shirt') WHERE tier = 'similarity';
SELECT source, reason FROM categorize_detail('yellow cotton shirt');
SELECT categorize.learn($$
    SELECT colour || ' cotton shirt', 'Shirts' FROM unnest(ARRAY['red', 'blue', 'green', 'white', 'black', 'grey']) AS colour
    UNION ALL SELECT 'apple iphone 14 smartphone ' || colour, 'Phones' FROM unnest(ARRAY['red', 'blue', 'green', 'white', 'black', 'grey']) AS colour$$);
SELECT text, category, origin, round((cosine + distance)::numeric, 3) AS one FROM categorize.suggest('red cotton shirts', 1);

CREATE EXTENSION vector;
SELECT detail FROM categorize.explain('yellow cotton shirt') WHERE tier = 'similarity';

-- A worker builds the index.
CREATE PROCEDURE await(condition text) LANGUAGE plpgsql AS $$
DECLARE
    met boolean;
BEGIN
    FOR i IN 1..600 LOOP
        EXECUTE 'SELECT ' || condition INTO met;
        EXIT WHEN met;
        COMMIT;
        PERFORM pg_sleep(0.05);
    END LOOP;
    IF met IS NOT TRUE THEN
        RAISE EXCEPTION 'not within 30 s: %', condition;
    END IF;
END
$$;
CALL await($$EXISTS (SELECT FROM categorize.embedding_index WHERE state = 'ready')$$);
SELECT model, dimensions, rows, has_hnsw, indexed_until IS NOT NULL AS indexed FROM categorize.embedding_index;
SELECT DISTINCT d.deptype FROM pg_depend d JOIN pg_class c ON c.oid = d.objid AND d.classid = 'pg_class'::regclass
 WHERE c.relname ~ '^embedding_[0-9]+$' AND d.refclassid = 'pg_extension'::regclass;

-- It answers, and shows by what.
SELECT category, source, origin, confidence > 0.5 AS sure, cost_usd, reason FROM categorize_detail('yellow cotton shirt');
SELECT jsonb_array_length(evidence -> 'neighbours') AS neighbours, evidence -> 'agreement' AS agreement,
       evidence #>> '{neighbours,0,category}' AS category, (evidence #>> '{neighbours,0,cosine}')::numeric > 0.6 AS near
  FROM categorize_detail('yellow cotton shirt');
SELECT tier, answers, category, threshold, regexp_replace(detail, '0\.\d+', 'x', 'g') AS detail
  FROM categorize.explain('yellow cotton shirt') WHERE tier = 'similarity';
SELECT categorize('yellow cotton shirt'), categorize_cached('yellow cotton shirt');
-- A set, with repeats and with what nothing is near to.
SELECT ordinality, category, source FROM categorize_many(ARRAY['yellow cotton shirt', 'zzzz', NULL, 'pink cotton shirt', ' Yellow  COTTON shirt', 'red cotton shirt']);
-- Nothing of it is kept.
SELECT count(*) FROM categorize.cache;

-- The lexical guard: what vectors blur.
SELECT category, source, evidence ->> 'similarity' AS obstacle FROM categorize_detail('apple iphone 15 smartphone black');
SELECT category, source FROM categorize_detail('apple iphone 14 smartphone purple');
SELECT source, evidence ->> 'similarity' AS obstacle FROM categorize_detail('case for apple iphone 14 smartphone black');
-- A threshold of 0 always answers.
SELECT categorize.configure('shop', '{"similarity_threshold": 0}');
SELECT category, source FROM categorize_detail('apple iphone 15 smartphone black');
SELECT categorize.configure('shop', '{"similarity_threshold": 0.6}');

-- suggest(): bounds, NULLs, rights.
SELECT count(*) FROM categorize.suggest('red cotton shirt', 100);
SELECT count(*) FROM categorize.suggest(NULL);
SELECT count(*) FROM categorize.suggest('  ');
SELECT categorize.suggest('x', 0);
\echo :LAST_ERROR_SQLSTATE
SELECT categorize.suggest('x', NULL);
\echo :LAST_ERROR_SQLSTATE
SELECT categorize.suggest('x', 1, 'shp');
\echo :LAST_ERROR_SQLSTATE
CREATE ROLE regress_similar LOGIN;
SET ROLE regress_similar;
SELECT * FROM categorize.suggest('red cotton shirt', 1);
\echo :LAST_ERROR_SQLSTATE
RESET ROLE;
GRANT categorize_user TO regress_similar;
SET ROLE regress_similar;
SELECT text, category FROM categorize.suggest('red cotton shirt', 1);
SELECT count(*) FROM categorize.embedding_index;
\echo :LAST_ERROR_SQLSTATE
SELECT source FROM categorize_detail('yellow cotton shirt');
RESET ROLE;

-- Read-only, and under an old snapshot.
BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY;
SELECT source FROM categorize_detail('yellow cotton shirt');
COMMIT;
-- Labels ad hoc have no neighbours.
SELECT categorize('yellow cotton shirt', ARRAY['a', 'b']);
-- An embedding that is not there.
SELECT categorize.configure('shop', '{"embedding": "other"}');
\echo :LAST_ERROR_SQLSTATE
SELECT detail FROM categorize.explain('yellow cotton shirt') WHERE tier = 'similarity';
SELECT categorize.configure('shop', '{"embedding": null}');

-- An image answers for itself.
SELECT source FROM categorize_detail('yellow cotton shirt', '\x89504e470d0a1a0a'::bytea, 'shop');

-- What depends on pgvector.
SELECT categorize.drop_taxonomy('shop');
CALL await($$NOT EXISTS (SELECT FROM categorize.embedding_index)$$);
DROP EXTENSION vector;
DROP EXTENSION pg_categorize;
\c regression
DROP DATABASE regress_similarity;
DROP ROLE regress_similar;
