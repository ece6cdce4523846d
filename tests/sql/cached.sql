-- categorize_cached(): what is known, STABLE, never an error for want of an answer.
SELECT categorize.create_taxonomy('cached', ARRAY['Boots', 'Books']) > 0 AS created;
SELECT categorize.learn($$ VALUES ('Acme Boot', 'Boots') $$, 'cached');
SELECT categorize_cached('ACME boot', 'cached') AS known, categorize_cached('unheard of', 'cached') IS NULL AS unknown,
       categorize_cached(NULL, 'cached') IS NULL AS "null", categorize_cached('', 'cached') IS NULL AS empty;
SET categorize.on_unresolved = 'error';
SELECT categorize_cached('unheard of', 'cached') IS NULL AS no_error;
SELECT categorize_cached(' ', 'cached') IS NULL AS no_error;
SELECT categorize_cached(repeat('x', 1024 * 1024 + 1), 'cached') IS NULL AS no_error;
SET categorize.taxonomy = '';
SELECT categorize_cached('Acme Boot') IS NULL AS no_error;
RESET categorize.on_unresolved;
RESET categorize.taxonomy;
SELECT categorize_cached('x', 'nowhere');
\echo :LAST_ERROR_SQLSTATE

-- As a STABLE function it may be an index condition, evaluated once.
CREATE TABLE shelf (category text PRIMARY KEY);
INSERT INTO shelf VALUES ('Boots'), ('Books');
SET enable_seqscan = off;
SET enable_bitmapscan = off;
SELECT category FROM shelf WHERE category = categorize_cached('acme boot', 'cached');
EXPLAIN (COSTS OFF) SELECT category FROM shelf WHERE category = categorize_cached('acme boot', 'cached');

-- mode = cached makes every call so; the reason is that of the free tiers.
SET categorize.mode = 'cached';
SELECT category, source FROM categorize_detail('acme boot', 'cached');
SELECT source, reason FROM categorize_detail('unheard of', 'cached');
SET categorize.mode = 'live';
SELECT source, reason FROM categorize_detail('unheard of', 'cached');
SELECT categorize.configure('cached', '{"allow_external": false}');
SELECT source, reason FROM categorize_detail('unheard of', 'cached');
SET categorize.mode = 'sometimes';
\echo :LAST_ERROR_SQLSTATE

-- Reading works in a read-only transaction.
BEGIN READ ONLY;
SELECT categorize('acme boot', 'cached'), categorize_cached('acme boot', 'cached'),
       (SELECT category FROM categorize_detail('acme boot', 'cached')),
       (SELECT category FROM categorize_many(ARRAY['acme boot'], 'cached')),
       (SELECT category FROM categorize.explain('acme boot', 'cached') WHERE answers);
COMMIT;
BEGIN READ ONLY;
SELECT categorize.correct('acme boot', 'Books', 'cached');
\echo :LAST_ERROR_SQLSTATE
ROLLBACK;
DROP TABLE shelf;
SELECT categorize.drop_taxonomy('cached');
