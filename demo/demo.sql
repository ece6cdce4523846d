-- The demo: from CREATE EXTENSION to a categorized table, with no API key. scripts/demo runs it on a throwaway cluster and
-- sets :data (a file of title, category, part), :own (1 for a file of yours), :name (what to call it) and :svg (where a plot goes).
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
\echo '   Each category has a line of description and some typical words, as one would write them; here they are those of the'
\echo '   shipped taxonomy.'
\echo
SELECT path, description, examples[1:4] AS examples FROM categorize.categories
 WHERE taxonomy = 'products' AND path IN ('Footwear > Running Shoes', 'Audio > Headphones', 'Books > Fiction') ORDER BY path;
SELECT categorize.create_taxonomy_from_json('shop', jsonb_agg(jsonb_build_object('path', path, 'description', description, 'examples', examples) ORDER BY path),
                                            'from the file') AS taxonomy
  FROM categorize.categories WHERE taxonomy = 'products' AND path IN (SELECT truth FROM product) \gset
\endif
SET categorize.taxonomy = 'shop';

CREATE VIEW result AS
    SELECT p.id, p.title, p.truth, p.part, d.category, d.confidence, d.source, d.cost_usd
      FROM product p CROSS JOIN LATERAL categorize_detail(p.title) d;
CREATE TABLE measured (at text, id int, source text, category text, truth text, cost_usd numeric);
\set measure 'INSERT INTO measured SELECT :''at'', id, source, category, truth, cost_usd FROM result WHERE part = ''rest'';'
\set breakdown 'SELECT coalesce(source, ''all together'') AS tier, count(*) AS titles, round(100.0 * count(*) / max(n), 1) AS "share %", round(100.0 * avg((category = truth)::int) FILTER (WHERE category IS NOT NULL), 1) AS "right %" FROM (SELECT *, count(*) OVER () AS n FROM measured WHERE at = :''at'') r GROUP BY ROLLUP (source) ORDER BY (source IS NULL), array_position(ARRAY[''correction'', ''rule'', ''cache'', ''local_model'', ''unresolved''], source);'

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
-- So many examples would have a model trained in the background. Here that is left to the next step, to be looked at.
SET categorize.train_after_growth = 0;
SET categorize.train_after_corrections = 0;
SELECT categorize.learn($$ SELECT title, truth FROM product WHERE part = 'labelled' $$) AS learnt;
\echo '   Who answers the titles that nobody labelled? local_model is still untrained: the words of the categories'
\echo
\set at before
:measure
:breakdown

\echo '4. Train a model, inside the database:  SELECT * FROM categorize.train();'
\echo '   (Unless told otherwise, a background process does it whenever enough was taught.)'
\echo
SELECT count(DISTINCT truth) > 1 AS trainable FROM product WHERE part = 'labelled' \gset
\if :trainable
SELECT clock_timestamp() AS t0 \gset
CREATE TABLE report AS SELECT * FROM categorize.train();
SELECT extract(epoch FROM clock_timestamp() - :'t0') AS training_seconds \gset
SELECT r.name, r.value, r.means
  FROM report, LATERAL (VALUES
           ('examples', examples::text, 'what it learnt from, in ' || categories || ' categories'),
           ('held_out', held_out::text, 'of these were kept from it, and asked afterwards:'),
           ('accuracy', round(100 * accuracy::numeric, 1) || ' %', 'the likeliest category was right'),
           ('calibration_error', round(calibration_error::numeric, 3)::text, 'so far is its confidence from the truth, on average'),
           ('threshold', round(threshold::numeric, 3)::text, 'from this confidence on it answers'),
           ('coverage', round(100 * coverage::numeric, 1) || ' %', 'of the held-out ones it would have answered'),
           ('precision', round(100 * "precision"::numeric, 1) || ' %', 'of those rightly'),
           ('worth', round(worth::numeric, 3)::text, 'a title: a right answer counts 1, a wrong one takes back 2.33'),
           ('live_worth', round(live_worth::numeric, 3)::text, 'so much was a title until now; the better one goes live'),
           ('note', note, '')) r (name, value, means)
 WHERE r.name <> 'note' OR note IS NOT NULL;
\echo '   What it finds hardest (weak_categories)'
\echo
SELECT w.category, w.examples, round(100 * w.recall) AS "found %", w.taken_for
  FROM report, jsonb_to_recordset(weak_categories) AS w (category text, examples int, recall numeric, taken_for text) LIMIT 3;
SELECT active, version, active OR coverage > 0 AS heard FROM report \gset
\if :active
\elif :heard
\echo '   It is not better than what answers now, so it is not live. Here it is made live all the same, to be compared:'
\echo '   SELECT categorize.activate_model(''shop'',' :version ');'
\echo
SELECT categorize.activate_model('shop', :version) \g /dev/null
\else
\echo '   It is not sure enough yet to answer anything, so lexical matching goes on. More labels help, and so do descriptions and'
\echo '   typical words of the categories.'
\echo
\endif

\echo '5. The bill: the same titles again, no language model asked'
\echo
\set at after
:measure
:breakdown
SELECT CASE at WHEN 'before' THEN 'before training' ELSE 'after' END AS "of 100 titles", round(100.0 * count(*) FILTER (WHERE category = truth) / count(*), 1) AS "right",
       round(100.0 * count(*) FILTER (WHERE category <> truth) / count(*), 1) AS "wrong",
       round(100.0 * count(*) FILTER (WHERE category IS NULL) / count(*), 1) AS "left open", round(sum(cost_usd), 2) AS "dollars"
  FROM measured GROUP BY at ORDER BY at = 'after';
\if :heard
\echo '   Is it as right as it says it is? Held-out titles, by confidence (the view categorize.calibration)'
\echo
\set taxonomy shop
\ir calibration.sql
\endif

\echo '6. Why?  SELECT detail FROM categorize.explain(title) WHERE tier = ''local_model'';'
\echo
SELECT title AS why
  FROM product p JOIN measured a ON a.id = p.id AND a.at = 'after' JOIN measured b ON b.id = p.id AND b.at = 'before'
 ORDER BY a.source = 'local_model' DESC, a.category = a.truth DESC NULLS LAST, b.source = 'unresolved' DESC, length(title) > 45, md5(title) LIMIT 1 \gset
SELECT :'why' AS title, category, round(confidence::numeric, 2) AS confidence, replace(detail, '; ', E'\n') AS detail
  FROM categorize.explain(:'why') WHERE tier = 'local_model';
\else
\echo '   Not here: a model needs labelled titles of two categories or more.'
\echo
\endif

SELECT EXISTS (SELECT FROM pg_available_extensions WHERE name = 'vector') AND NOT :'own'::boolean AS similar \gset
\if :similar
\echo '7. Similar titles:  CREATE EXTENSION vector;'
\echo '   With pgvector there, a background process makes vectors of what is labelled, and the tier similarity answers from the'
\echo '   nearest. So that it is seen, it is asked without the model here:  SELECT categorize.configure(''shop'', ''{"tiers": [...]}'');'
\echo
CREATE EXTENSION vector;
SELECT categorize.configure('shop', '{"tiers": ["correction", "rule", "cache", "similarity"]}') \g /dev/null
CREATE TABLE similar_title (nth int PRIMARY KEY, title text);
INSERT INTO similar_title VALUES (1, 'Wakefit Napper sofa 1 seater, omega green'), (2, 'Wakefit Napper sofa cover 1 seater, omega blue');
-- Whoever asks and misses the vectors has them made.
SELECT count(categorize(title)) FROM similar_title \g /dev/null
DO $$
BEGIN
    FOR tenth IN 1..300 LOOP
        EXIT WHEN EXISTS (SELECT FROM categorize.embedding_index WHERE state = 'ready');
        PERFORM pg_sleep(0.1);
    END LOOP;
END
$$;
SELECT title, category, source, round(confidence::numeric, 2) AS confidence, evidence ->> 'similarity' AS "why not"
  FROM similar_title CROSS JOIN LATERAL categorize_detail(title) d ORDER BY nth;
\echo '   Its evidence: five earlier titles that say the same'
\echo
SELECT n ->> 'text' AS "earlier title", n ->> 'category' AS category, round((n ->> 'cosine')::numeric, 2) AS cosine
  FROM similar_title CROSS JOIN LATERAL categorize_detail(title) d CROSS JOIN LATERAL jsonb_array_elements(d.evidence -> 'neighbours') n
 WHERE nth = 1 ORDER BY cosine DESC;
\echo '   A cover for that sofa is as near to it, and no sofa: words that vectors blur are looked at by the lexical guard.'
\echo
SELECT text AS "nearest earlier title", category, round(cosine::numeric, 2) AS cosine
  FROM similar_title CROSS JOIN LATERAL categorize.suggest(title, 1) WHERE nth = 2;
SELECT categorize.configure('shop', '{"tiers": null}') \g /dev/null
\else
\echo '7. Similar titles: not here; they need pgvector and the titles of the demo.'
\echo
\endif

\echo '8. The main job:  SELECT title, categorize(title) FROM product;'
\echo
SELECT title, categorize(title) FROM (SELECT DISTINCT title FROM product WHERE part = 'rest') product ORDER BY md5(title) LIMIT 12;
\echo '   Its plan: the node Categorize reads rows ahead and has them answered together.'
\echo
EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) SELECT title, categorize(title) FROM product;

\echo '9. A person disagrees, and is heard at once'
\echo
SELECT title AS wrong_title, truth AS right_category, category AS machine
  FROM result ORDER BY part = 'rest' DESC, category IS DISTINCT FROM truth DESC, category IS NULL, confidence DESC, id LIMIT 1 \gset
SELECT :'wrong_title' AS title, :'machine' AS "the machine said";
\echo '   SELECT categorize.correct(title, category);'
SELECT categorize.correct(:'wrong_title', :'right_category') \g /dev/null
SELECT title, categorize(title) AS "it says now" FROM product WHERE title = :'wrong_title' LIMIT 1;

\echo '10. Speed, one process'
\echo
CREATE TABLE many AS
    SELECT title || ' #' || n % 20 AS title, truth FROM product, generate_series(1, greatest(1, 400000 / (SELECT count(*) FROM product))::int) n;
CREATE TABLE speed (work text, rows bigint, seconds numeric);
SET max_parallel_workers_per_gather = 0;
\if :trainable
INSERT INTO speed SELECT 'examples that the model was trained on', examples, :training_seconds FROM report;
\endif
SELECT clock_timestamp() AS t0 \gset
SELECT count(categorize(title)) AS c FROM product \gset
INSERT INTO speed SELECT 'each title once, all tiers', count(*), extract(epoch FROM clock_timestamp() - :'t0') FROM product;
-- What is learnt now needs no vectors, which would be made meanwhile.
SELECT categorize.configure('shop', '{"tiers": ["correction", "rule", "cache", "local_model"]}') \g /dev/null
SELECT categorize.learn('SELECT DISTINCT title, truth FROM many') \g /dev/null
SELECT clock_timestamp() AS t0 \gset
SELECT count(categorize(title)) AS c FROM many \gset
INSERT INTO speed SELECT 'known titles, from cache and memo', count(*), extract(epoch FROM clock_timestamp() - :'t0') FROM many;
SELECT work, rows, round(seconds, 2) AS seconds, to_char(rows / seconds, '9,999,999') AS "rows per second" FROM speed;
SELECT categorize.configure('shop', '{"tiers": null}') \g /dev/null

\echo '11. What the server counted:  SELECT * FROM categorize.stats;'
\echo
SELECT taxonomy, inputs, answered, unresolved, free_share, mean_confidence FROM categorize.stats WHERE taxonomy IS NOT NULL;
SELECT :'llm' <> 'none' AS ask, :'llm' = 'local' AS local \gset
\if :ask
\ir llm.sql
\endif
