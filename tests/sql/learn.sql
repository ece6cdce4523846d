-- learn(): labelled examples answer exact matches.
SELECT categorize.create_taxonomy('learnt', ARRAY['Footwear > Boots', 'Footwear > Running Shoes', 'Books']) > 0 AS created;
SELECT categorize.configure('learnt', '{"tiers": ["correction", "rule", "cache"]}');
SET categorize.taxonomy = 'learnt';
CREATE TABLE labelled (n serial, title text, category text);
INSERT INTO labelled (title, category) VALUES ('boot', 'Footwear > Boots'), ('Racer', 'Footwear>Running Shoes'), (NULL, 'Books'),
    ('novel', NULL), ('BOOT ', 'Books');
SELECT categorize.learn('SELECT title, category FROM labelled ORDER BY n');
SELECT input, category, confidence, source, origin FROM unnest(ARRAY['boot', 'racer', 'novel']) t, categorize_detail(t);

-- Learnt again, the last wins.
SELECT categorize.learn($$ VALUES ('boot', 'Footwear > Boots') $$);
SELECT categorize('boot');
SELECT categorize.learn('SELECT title, category FROM labelled WHERE false');

-- A category that the taxonomy lacks is an error that lists them all; nothing is stored.
SELECT categorize.learn($$ VALUES ('first', 'Books'), ('second', 'Footwear > Bots'), ('third', 'Garden'), ('fourth', 'Footwear > Bots') $$);
\echo :LAST_ERROR_SQLSTATE
SELECT categorize('first') IS NULL AS nothing_stored;
SELECT categorize.learn($$ SELECT 'title ' || i, 'Category ' || i FROM generate_series(1, 25) i $$);
-- Also when it comes after many that are known.
SELECT categorize.learn($$ SELECT 'title ' || i, CASE WHEN i = 12000 THEN 'Bookz' ELSE 'Books' END FROM generate_series(1, 12000) i $$);
SELECT categorize('title 1') IS NULL AS nothing_stored;

-- Unless they are to be added.
SELECT version AS before FROM categorize.taxonomies WHERE name = 'learnt' \gset
SELECT categorize.learn($$ VALUES ('spade', 'Garden > Tools'), ('rake', 'Garden  > Tools'), ('seed', 'Garden') $$, add_categories => true);
SELECT path FROM categorize.categories WHERE taxonomy = 'learnt' AND path LIKE 'Garden%' ORDER BY path COLLATE "C";
SELECT categorize('spade'), categorize('rake'), categorize('seed');
SELECT version > :before AS version_rose FROM categorize.taxonomies WHERE name = 'learnt';
SELECT categorize.learn($$ SELECT 'title ' || i, 'New ' || i / 5000 FROM generate_series(0, 11999) i $$, add_categories => true);
SELECT categorize('title 0'), categorize('title 11999');
SELECT categorize.learn($$ VALUES ('bad', 'Garden >') $$, add_categories => true);
\echo :LAST_ERROR_SQLSTATE

-- The query: one SELECT of two columns of any type.
CREATE TABLE odd (number int, day date);
INSERT INTO odd VALUES (42, '2024-02-29');
SELECT categorize.learn('SELECT number, day FROM odd', add_categories => true);
SELECT categorize('42');
SELECT categorize.learn('TABLE odd', add_categories => true);
SELECT categorize.learn('WITH x AS (SELECT title, category FROM labelled WHERE n = 1) SELECT * FROM x');
CREATE FUNCTION testing.writes() RETURNS text LANGUAGE plpgsql AS
    $$ BEGIN INSERT INTO labelled (title, category) VALUES ('written', 'Books'); RETURN 'written'; END $$;
CREATE FUNCTION testing.configures() RETURNS text LANGUAGE sql AS
    $$ SELECT set_config('categorize.taxonomy', 'products', false) $$;
CALL testing.sweep(
    $$ SELECT categorize.learn('SELECT title FROM labelled') $$,
    $$ SELECT categorize.learn('SELECT n, title, category FROM labelled') $$,
    $$ SELECT categorize.learn('SELECT title, category FROM labelled; SELECT 1, 2') $$,
    $$ SELECT categorize.learn('') $$,
    $$ SELECT categorize.learn('-- nothing') $$,
    $$ SELECT categorize.learn('INSERT INTO labelled (title) VALUES (''x'') RETURNING title, category') $$,
    $$ SELECT categorize.learn('WITH d AS (DELETE FROM labelled RETURNING *) SELECT title, category FROM d') $$,
    $$ SELECT categorize.learn('DROP TABLE labelled') $$,
    $$ SELECT categorize.learn('COPY labelled TO STDOUT') $$,
    $$ SELECT categorize.learn('EXPLAIN SELECT 1, 2') $$,
    $$ SELECT categorize.learn('SELECT title, category FROM labelled FOR UPDATE') $$,
    $$ SELECT categorize.learn('SELECT title, category INTO stolen FROM labelled') $$,
    $$ SELECT categorize.learn('SELECT testing.writes(), ''Books''') $$,
    $$ SELECT categorize.learn('SELECT categorize.create_taxonomy(''sneaky'')::text, ''Books''') $$,
    $$ SELECT categorize.learn('SELECT nextval(''labelled_n_seq''), ''Books''') $$,
    $$ SELECT categorize.learn('COMMIT') $$,
    $$ SELECT categorize.learn('SELECT 1/0, ''Books''') $$,
    $$ SELECT categorize.learn('SELECT title, category FROM nowhere') $$,
    $$ SELECT categorize.learn('SELECT $1, ''Books''') $$,
    $$ SELECT categorize.learn('SELECT '''', ''Books''') $$,
    $$ SELECT categorize.learn('SELECT repeat(''x'', 1024 * 1024 + 1), ''Books''') $$,
    $$ SELECT categorize.learn('SELECT ''x'', ''Books''', 'lernt') $$);
SELECT count(*) FROM labelled WHERE title = 'written';

-- It may ask, but not teach.
SELECT categorize.learn($$ SELECT title || '!', categorize(title) FROM labelled WHERE n = 1 $$);
SELECT categorize('boot!');
CALL testing.sweep(
    $$ SELECT categorize.learn('SELECT ''x'', categorize.learn(''SELECT 1, 2'')::text') $$,
    $$ SELECT categorize.learn('SELECT ''x'', ''Books'' WHERE categorize.correct(''z'', ''Books'') IS NULL') $$);

-- After a refusal the transaction writes again.
SELECT categorize.learn($$ VALUES ('after', 'Books') $$);
SELECT categorize('after');

-- A query that changes settings changes them at most for itself.
SELECT categorize.learn($$ SELECT testing.configures(), 'Books' $$);
SHOW categorize.taxonomy;

-- It runs with mode = cached, so that it cannot spend.
SET categorize.taxonomy = 'learnt';
SELECT categorize.learn($$ SELECT current_setting('categorize.mode') || ' mode', 'Books' $$);
SELECT categorize('cached mode') AS cached, categorize('live mode') AS live;
SHOW categorize.mode;

-- A statement_timeout ends a long query of learn, and nothing is stored.
SET statement_timeout = '200ms';
SELECT categorize.learn($$ SELECT 'slow ' || i || coalesce(pg_sleep(0.01)::text, ''), 'Books' FROM generate_series(1, 1000) i $$);
\echo :LAST_ERROR_SQLSTATE
RESET statement_timeout;
SELECT count(*) FROM categorize.cache WHERE input LIKE 'slow%';

DROP TABLE labelled, odd;
DROP FUNCTION testing.writes, testing.configures;
SELECT categorize.drop_taxonomy('learnt');
