-- categorize_detail() and categorize_many(): the decision with all its columns.
SELECT categorize.create_taxonomy('detail', ARRAY['Footwear > Boots', 'Books', 'Toys']) > 0 AS created;
SELECT categorize.configure('detail', '{"tiers": ["correction", "rule", "cache"]}');
SELECT categorize.learn($$ VALUES ('Acme Boot', 'Footwear > Boots'), ('Novel', 'Books') $$, 'detail');
SELECT categorize.correct('Novel', 'Toys', 'detail');
SELECT categorize.add_rule('detail', 'lego', 'Toys') > 0 AS added;
SET categorize.taxonomy = 'detail';

-- The columns of a decision, as a table of (column, type).
SELECT attnum, attname, format_type(atttypid, atttypmod)
  FROM pg_attribute WHERE attrelid = 'categorize.decision'::regclass AND NOT attisdropped ORDER BY attnum;

\x on
SELECT * FROM categorize_detail('acme  boot');
SELECT d.category, d.source, d.origin, d.confidence, d.reason, d.taxonomy, d.taxonomy_version, d.evidence ? 'rule' AS names_rule
  FROM categorize_detail('LEGO castle') d;
\x off
SELECT input, category, confidence, source, origin, upgraded, cost_usd, reason
  FROM (VALUES ('Novel'), ('acme boot'), ('Lego'), ('unheard of'), (''), (NULL)) AS v (title)
 CROSS JOIN LATERAL categorize_detail(title) d;
SELECT (categorize_detail('Novel')).category, (categorize_detail('Novel')).source;
SELECT categorize_detail(NULL) IS NULL AS "null in, null out";
SELECT evidence FROM categorize_detail('unheard of');

-- No taxonomy at all.
SET categorize.taxonomy = '';
SELECT input, category, source, reason, taxonomy FROM categorize_detail('Novel');
SELECT ordinality, input, source, reason FROM categorize_many(ARRAY['Novel', NULL]);
SET categorize.taxonomy = 'detail';

-- Many: numbered, in order, NULLs and repeats kept.
SELECT ordinality, input, category, source, reason
  FROM categorize_many(ARRAY['Lego', NULL, 'Novel', 'novel ', 'Lego', '', 'unheard of']);
SELECT m.ordinality, m.category FROM categorize_many(ARRAY['Lego', 'Novel'], 'detail') m ORDER BY 1 DESC;
SELECT count(*) FROM categorize_many(ARRAY[]::text[]);
SELECT count(*) FROM categorize_many(NULL);
SELECT count(*), count(DISTINCT category), max(ordinality)
  FROM categorize_many((SELECT array_agg(CASE WHEN i % 3 = 0 THEN 'Lego' WHEN i % 3 = 1 THEN 'Novel' END) FROM generate_series(1, 3000) i));
SELECT * FROM categorize_many(ARRAY['x'], 'nowhere');
\echo :LAST_ERROR_SQLSTATE

-- (f(x)).* is expanded to a call per column, but each row is asked about once.
CREATE TABLE title AS SELECT n, 'Lego ' || n AS title FROM generate_series(1, 10) n;
SELECT categorize.stats_reset();
SELECT count(*) FROM (SELECT (categorize_detail(title)).* FROM title OFFSET 0) AS asked;
SELECT taxonomy, inputs FROM categorize.stats WHERE inputs > 0;

-- Equal rows are counted each, whether they follow one another or not, in one statement or in several.
SELECT categorize.stats_reset();
SELECT count(d.category) FROM (VALUES ('Lego'), ('Lego'), ('Novel'), ('Lego')) AS v (title)
 CROSS JOIN LATERAL categorize_detail(title) d;
SELECT taxonomy, inputs FROM categorize.stats WHERE inputs > 0;
SELECT categorize.stats_reset();
SELECT (categorize_detail('Lego')).category;
SELECT (categorize_detail('Lego')).category;
SELECT taxonomy, inputs FROM categorize.stats WHERE inputs > 0;

DROP TABLE title;
SELECT categorize.drop_taxonomy('detail');
