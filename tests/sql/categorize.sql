-- categorize(input, taxonomy): what counts as the same text, and texts that nobody meant.
SELECT categorize.create_taxonomy('calls', ARRAY['Footwear > Running Shoes', 'Footwear > Boots', 'Books']) > 0 AS created;
SELECT categorize.configure('calls', '{"tiers": ["correction", "rule", "cache"]}');
SELECT categorize.learn($$ VALUES ('Acme Racer 3', 'Footwear > Running Shoes'), ('Stra' || chr(223) || 'e', 'Books'),
    ('caf' || chr(233), 'Footwear > Boots') $$, 'calls');

SELECT categorize.create_taxonomy('other', ARRAY['Things']) > 0 AS created;

-- By position and by name; the full path comes back.
SELECT categorize('Acme Racer 3', 'calls');
SELECT categorize(input => 'Acme Racer 3', taxonomy => 'calls');
SELECT categorize('unheard of', 'calls') IS NULL AS unresolved;

-- The default taxonomy is a setting; none is no error.
SET categorize.taxonomy = 'calls';
SELECT categorize('Acme Racer 3') AS by_default, categorize('Acme Racer 3', NULL) AS by_null;
SET categorize.taxonomy = '';
SELECT categorize('Acme Racer 3') IS NULL AS none;
SET categorize.taxonomy = 'nowhere';
SELECT categorize('Acme Racer 3');
\echo :LAST_ERROR_SQLSTATE
SET categorize.taxonomy = 'calls';

-- Case, white space of any script, compatibility forms and combining characters make no difference.
SELECT what, categorize(text) FROM (VALUES
    ('case', 'ACME racer 3'),
    ('blanks', E'  Acme \t Racer\n3  '),
    ('no-break and ideographic space', 'Acme' || chr(160) || 'Racer' || chr(12288) || '3'),
    ('full width', 'Acme Racer ' || chr(65299)),
    ('sharp s and ss', 'STRASSE'),
    ('composed', 'CAF' || chr(201)),
    ('combining accent', 'cafe' || chr(769))) AS t (what, text) ORDER BY what;

-- Nothing to ask about.
SELECT categorize(NULL) IS NULL AS "null", categorize('') IS NULL AS empty, categorize('   ') IS NULL AS blank,
       categorize(E'\t\r\n\f\v') IS NULL AS control_blanks,
       categorize(chr(160) || chr(5760) || chr(8195) || chr(8232) || chr(8239) || chr(12288)) IS NULL AS any_script;

-- What is odd but a text.
SELECT what, categorize(text) IS NULL AS unresolved FROM (VALUES
    ('control characters', E'a\x01\x02\x1b[31m\x7f'),
    ('emoji', chr(128095) || chr(127997) || chr(8205) || chr(9794)),
    ('only combining characters', chr(769) || chr(769)),
    ('right to left', chr(1588) || chr(8207) || chr(1606)),
    ('zero width', chr(8203) || chr(65279)),
    ('noncharacter', chr(65535)),
    ('last code point', chr(1114111)),
    ('quotes and backslashes', '''; DROP TABLE x; -- \ \\ %s %1$s {} $1')) AS t (what, text) ORDER BY what;

-- A title of 1 MB is read, one of a byte more is not; under on_unresolved = error both say why.
SELECT categorize.learn($$ SELECT repeat('x', 1024 * 1024), 'Books' $$, 'calls');
SELECT categorize(repeat('x', 1024 * 1024)) AS a_megabyte, categorize(repeat('x', 1024 * 1024 + 1)) IS NULL AS a_byte_more;
SELECT reason FROM categorize_detail(repeat('x', 1024 * 1024 + 1));
SELECT count(categorize(repeat('word ', 200000), 'products')) >= 0 AS many_words;

-- In the places where functions are called.
CREATE TABLE product (id int, title text, category text GENERATED ALWAYS AS (upper(title)) STORED);
INSERT INTO product VALUES (1, 'Acme Racer 3'), (2, 'acme racer 3'), (3, NULL), (4, 'other');
SELECT id, categorize(title) FROM product ORDER BY id;
SELECT categorize(title), count(*) FROM product GROUP BY 1 ORDER BY 1;
SELECT id FROM product WHERE categorize(title) = 'Footwear > Running Shoes' ORDER BY id;
SELECT id FROM product ORDER BY categorize(title) NULLS FIRST, id;
SELECT string_agg(DISTINCT categorize(title), ',') FROM product;
CREATE TABLE answer AS SELECT id, categorize(title) AS category FROM product;
SELECT count(category) FROM answer;
PREPARE ask (text, text) AS SELECT categorize($1, $2);
EXECUTE ask('Acme Racer 3', 'calls');
EXECUTE ask('Acme Racer 3', 'other');
EXECUTE ask(NULL, 'calls');

COPY (SELECT categorize(title) FROM product ORDER BY id) TO STDOUT;
EXPLAIN (COSTS OFF, VERBOSE) SELECT categorize(title) FROM product;
CREATE MATERIALIZED VIEW kept AS SELECT id, public.categorize(title) AS category FROM product;
REFRESH MATERIALIZED VIEW kept;
SELECT count(category) FROM kept;
CREATE TABLE checked (title text CHECK (categorize(title) IS NOT NULL), category text DEFAULT categorize('acme racer 3'));
INSERT INTO checked (title) VALUES ('Acme Racer 3') RETURNING category;
INSERT INTO checked (title) VALUES ('unheard of');
\echo :LAST_ERROR_SQLSTATE
MERGE INTO checked USING (VALUES ('STRASSE')) AS v (t) ON title = t WHEN NOT MATCHED THEN INSERT VALUES (t, categorize(t));
TABLE checked;

-- Two taxonomies in one statement, by row.
SELECT t, categorize('Acme Racer 3', t) IS NOT NULL AS known FROM (VALUES ('calls'), ('other'), ('calls')) AS v (t);
SELECT t, categorize('Acme Racer 3', t) FROM (VALUES ('calls'), ('nowhere')) AS v (t);
SELECT categorize('Acme Racer 3');

-- It is volatile, so no index may be built on it; what is known may be asked in one.
CREATE INDEX ON product (categorize(title));
\echo :LAST_ERROR_SQLSTATE
SELECT proname, pg_get_function_identity_arguments(oid), provolatile, proparallel, procost, proisstrict, proretset
  FROM pg_proc WHERE proname ~ '^categorize(_|$)' AND pronamespace = 'public'::regnamespace ORDER BY 1, 2;

-- A row that is asked about twice in a statement is answered alike, and a parallel plan answers as a serial one.
CREATE TABLE many AS SELECT CASE WHEN i % 2 = 0 THEN 'Acme Racer 3' ELSE 'other ' || i % 100 END AS title
  FROM generate_series(1, 20000) i;
ALTER TABLE many SET (parallel_workers = 2);
ANALYZE many;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SELECT count(categorize(title)) AS parallel FROM many;
SET max_parallel_workers_per_gather = 0;
SELECT count(categorize(title)) AS serial FROM many;

DROP MATERIALIZED VIEW kept;
DROP TABLE product, answer, many, checked;
SELECT categorize.drop_taxonomy('calls'), categorize.drop_taxonomy('other');
