-- The demo: from CREATE EXTENSION to a categorized table, with no API key. scripts/demo runs it on a throwaway cluster and
-- sets :data (a file of title, category, part), :own (1 for a file of yours) and :name (what to call it).
\set QUIET on
\pset footer off
\pset linestyle unicode
\pset border 1
\pset null '·'
\pset format aligned
SET client_min_messages = warning;
CREATE EXTENSION pg_categorize;

\echo
\echo '1. Out of the box'
\echo '   CREATE EXTENSION pg_categorize;  nothing learnt, no key: the shipped taxonomy knows typical words.'
\echo
SELECT title, categorize(title)
  FROM (VALUES ('Nike Air Max 270'),
               ('Leather case for iPhone 15, black'),
               ('Bosch 18V cordless hammer drill'),
               ('Darjeeling green tea, 100 bags'),
               ('zxqv 4711')) t (title);
\echo '   Why?  SELECT * FROM categorize.explain(''Nike Air Max 270'');'
\echo
SELECT step, tier, answers, category, round(confidence::numeric, 2) AS confidence, threshold, detail
  FROM categorize.explain('Nike Air Max 270') WHERE step <= 4;

\echo '2. Your own table, your own categories:' :name
\echo
CREATE TABLE product (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, title text, truth text, part text);
\set copy '\\copy product (title, truth, part) FROM ' :'data'
:copy
ANALYZE product;
SELECT count(*) AS titles, count(DISTINCT truth) AS categories,
       count(*) FILTER (WHERE part = 'labelled') AS labelled, count(*) FILTER (WHERE part = 'rest') AS to_be_categorized
  FROM product;
\if :own
SELECT categorize.create_taxonomy_from_query('shop', 'SELECT DISTINCT truth FROM product', 'from the file') AS taxonomy \gset
\else
-- Descriptions and typical words of the shipped taxonomy come along.
SELECT categorize.create_taxonomy_from_json('shop',
         (SELECT jsonb_agg(jsonb_build_object('path', path, 'description', description, 'examples', examples))
            FROM categorize.categories
           WHERE taxonomy = 'products' AND path IN (SELECT truth FROM product))) AS taxonomy \gset
\endif
SET categorize.taxonomy = 'shop';

\echo '   Answers by tier, before anyone taught it anything'
\echo
CREATE VIEW result AS
    SELECT p.id, p.title, p.truth, p.part, d.category, d.confidence, d.source
      FROM product p CROSS JOIN LATERAL categorize_detail(p.title) d;
\set breakdown 'SELECT coalesce(source, ''all together'') AS tier, count(*) AS titles, round(100.0 * count(*) / max(n), 1) AS "share %", round(100.0 * avg((category = truth)::int) FILTER (WHERE category IS NOT NULL), 1) AS "right %" FROM (SELECT *, count(*) OVER () AS n FROM result WHERE part = ''rest'') r GROUP BY ROLLUP (source) ORDER BY (source IS NULL), array_position(ARRAY[''correction'', ''rule'', ''cache'', ''local_model'', ''unresolved''], source);'
:breakdown

\echo '3. Teach it'
\if :own
\echo '   learn(): the labelled titles of the file'
\else
\echo '   add_rule(): what a person knows for sure;  learn(): the labelled titles of the file'
SELECT count(categorize.add_rule('shop', pattern, category)) AS rules
  FROM (VALUES ('\y(phone|mobile) (case|cover)s?\y|\y(case|cover|skin)\y.*\y(iphone|galaxy|nokia|pixel|redmi|moto)', 'Phones & Accessories > Phone Cases & Covers'),
               ('\y(xbox|playstation|ps[45]|nintendo)\y.*\y(game|edition)\y', 'Video Games > Games'),
               ('\y(ear ?buds|in-ear|earphones?)\y', 'Audio > Earbuds & Earphones'),
               ('\yfor (dogs|puppies|cats)\y', 'Pet Supplies > Dog & Cat Accessories'),
               ('\yrunning shoes?\y', 'Footwear > Running Shoes'),
               ('\y(edp|edt|eau de (parfum|toilette))\y', 'Beauty > Perfumes')) r (pattern, category)
 WHERE EXISTS (SELECT FROM categorize.categories c WHERE c.taxonomy = 'shop' AND c.path = r.category);
\endif
SELECT categorize.learn($$ SELECT title, truth FROM product WHERE part = 'labelled' $$) AS learnt;

\echo '4. The main job:  SELECT title, categorize(title) FROM product;'
\echo
SELECT title, categorize(title) FROM product WHERE part = 'rest' ORDER BY md5(title) LIMIT 12;

\echo '5. A person disagrees, and is heard at once'
\echo
SELECT title AS wrong_title, truth AS right_category, category AS machine
  FROM result WHERE part = 'rest' AND category <> truth ORDER BY confidence DESC, id LIMIT 1 \gset
SELECT :'wrong_title' AS title, :'machine' AS "the machine said";
\echo '   SELECT categorize.correct(title, category);'
SELECT categorize.correct(:'wrong_title', :'right_category') \g /dev/null
SELECT title, categorize(title) AS "it says now" FROM product WHERE title = :'wrong_title';

\echo '6. The bill: tiers and accuracy on the titles that nobody labelled, no language model asked'
\echo
:breakdown

\echo '7. Speed, one process'
\echo
CREATE TABLE many AS
    SELECT title || ' #' || n % 20 AS title, truth FROM product, generate_series(1, greatest(1, 400000 / (SELECT count(*) FROM product))::int) n;
CREATE TABLE speed (work text, rows bigint, seconds numeric);
SET max_parallel_workers_per_gather = 0;
SELECT clock_timestamp() AS t0 \gset
SELECT count(categorize(title)) AS c FROM product \gset
INSERT INTO speed SELECT 'each title once, all tiers', count(*), extract(epoch FROM clock_timestamp() - :'t0') FROM product;
SELECT categorize.learn('SELECT DISTINCT title, truth FROM many') \g /dev/null
SELECT clock_timestamp() AS t0 \gset
SELECT count(categorize(title)) AS c FROM many \gset
INSERT INTO speed SELECT 'known titles, from cache and memo', count(*), extract(epoch FROM clock_timestamp() - :'t0') FROM many;
SELECT work, rows, round(seconds, 2) AS seconds, to_char(rows / seconds, '9,999,999') AS "rows per second" FROM speed;

\echo '8. What the server counted:  SELECT * FROM categorize.stats;'
\echo
SELECT taxonomy, inputs, answered, unresolved, free_share, mean_confidence FROM categorize.stats WHERE taxonomy IS NOT NULL;
