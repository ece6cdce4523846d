-- Images: which function a call means, what is an image, and what becomes of one that nobody can look at here.
SELECT categorize.create_taxonomy('seen', ARRAY['Shoes > Running Shoes', 'Books', 'Toys']) > 0 AS created;
SET categorize.taxonomy = 'seen';
CREATE TABLE item (title text, short varchar(40), code char(8), ident name, image bytea, category text);
CREATE DOMAIN photo AS bytea;

-- Nothing that meant a text means an image now: an unknown literal and NULL are texts.
CREATE FUNCTION testing.meant(expression text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    line text;
    found text;
BEGIN
    FOR line IN EXECUTE 'EXPLAIN (VERBOSE, COSTS OFF) SELECT ' || expression || ' FROM item' LOOP
        found := coalesce(found, substring(line FROM 'Output: (.*)'));
    END LOOP;
    RETURN found;
EXCEPTION WHEN OTHERS THEN
    RETURN SQLSTATE || ': ' || SQLERRM;
END
$$;
SELECT e AS written, testing.meant(e) AS meant FROM unnest(ARRAY[
    $$categorize('x')$$, $$categorize(NULL)$$, $$categorize('x', 'seen')$$, $$categorize('x', NULL)$$, $$categorize(NULL, NULL)$$,
    $$categorize(NULL, 'seen')$$, $$categorize(title)$$, $$categorize(title, 'seen')$$, $$categorize(title, NULL)$$,
    $$categorize(title, category)$$, $$categorize(short)$$, $$categorize(short, 'seen')$$, $$categorize(code)$$,
    $$categorize(code, 'seen')$$, $$categorize(ident)$$, $$categorize(ident, 'seen')$$, $$categorize(input => 'x')$$,
    $$categorize(input => 'x', taxonomy => 'seen')$$, $$categorize(title, ARRAY['a', 'b'])$$, $$categorize('x', ARRAY['a', 'b'])$$,
    $$categorize(title, '{a,b}'::text[])$$, $$categorize('x', categories => '{a,b}')$$,
    $$categorize(image)$$, $$categorize(image, 'seen')$$, $$categorize(image, NULL)$$, $$categorize(image, category)$$,
    $$categorize(image::photo)$$, $$categorize(NULL::bytea)$$, $$categorize(image => '\x89')$$,
    $$categorize(image => image, taxonomy => 'seen')$$, $$categorize(title, image)$$, $$categorize('x', image)$$,
    $$categorize(short, image)$$, $$categorize(NULL, image)$$, $$categorize(title, image, 'seen')$$, $$categorize(title, image, category)$$,
    $$categorize(title, image, NULL)$$, $$categorize(title, NULL, 'seen')$$, $$categorize('x', NULL, NULL)$$,
    $$categorize(title, image => image)$$, $$categorize(input => title, image => image, taxonomy => 'seen')$$,
    $$categorize(image, image)$$, $$categorize(image, title, title)$$, $$categorize(1)$$]) AS e;
SELECT e AS written, testing.meant(e) AS meant FROM unnest(ARRAY[
    $$categorize_detail('x')$$, $$categorize_detail(NULL)$$, $$categorize_detail('x', 'seen')$$, $$categorize_detail(NULL, NULL)$$,
    $$categorize_detail(title, 'seen')$$, $$categorize_detail(short)$$, $$categorize_detail(code, 'seen')$$,
    $$categorize_detail(image)$$, $$categorize_detail(image, 'seen')$$, $$categorize_detail(title, image)$$,
    $$categorize_detail('x', image)$$, $$categorize_detail(title, image, 'seen')$$, $$categorize_detail(title, NULL, NULL)$$]) AS e;
-- Parameters whose type nobody says are texts, too.
PREPARE untyped AS SELECT categorize($1), categorize($2, $3);
SELECT parameter_types FROM pg_prepared_statements WHERE name = 'untyped';
DEALLOCATE untyped;

-- NULL in, NULL out, whichever of the two it is; an empty image is as an empty text.
SELECT categorize(NULL::bytea) IS NULL AS image, categorize('x', NULL::bytea) IS NULL AS with_text,
       categorize(NULL, '\x89504e470d0a1a0a'::bytea) IS NULL AS with_image;
SELECT categorize_detail(NULL::bytea) IS NULL AS image, categorize_detail('x', NULL::bytea) IS NULL AS with_text,
       categorize_detail(NULL, '\x89504e470d0a1a0a'::bytea) IS NULL AS with_image;
SELECT input, source, reason FROM categorize_detail(''::bytea);
SELECT input, source, reason FROM categorize_detail('x', ''::bytea);

-- The four kinds are told by their first bytes. Without a provider nobody can look at them.
CREATE VIEW picture AS SELECT * FROM (VALUES
    ('png', '\x89504e470d0a1a0a'::bytea), ('jpeg', '\xffd8ffe0'), ('webp', 'RIFF1234WEBPVP8 '), ('gif', 'GIF89a')) AS v (kind, image);
SELECT kind, input, category, source, reason, cost_usd, taxonomy FROM picture CROSS JOIN LATERAL categorize_detail(image);
SELECT kind, categorize(image) IS NULL AS unresolved FROM picture;
SELECT input, source, reason, evidence FROM categorize_detail('a shoe', '\x89504e470d0a1a0a'::bytea);
CALL testing.sweep(
    $$ SELECT categorize('%PDF-1.7'::bytea) $$,
    $$ SELECT categorize('x', 'a text'::bytea) $$,
    $$ SELECT category FROM categorize_detail('<svg/>'::bytea) $$,
    $$ SELECT categorize('a', 'b', 'c') $$,
    $$ SELECT categorize('\x89504e470d0a1a0a'::bytea, 'sen') $$,
    $$ SELECT categorize('x', '\x89504e470d0a1a0a'::bytea, 'sen') $$);

-- A bound of their size, and of that of the text beside them.
SHOW categorize.max_image_size;
SET categorize.max_image_size = '1kB';
SELECT n, reason, evidence FROM (VALUES (1024), (1025)) AS v (n)
 CROSS JOIN LATERAL categorize_detail('\xffd8ff'::bytea || decode(repeat('00', n - 3), 'hex'));
SET categorize.on_unresolved = 'error';
SELECT categorize('\xffd8ff'::bytea || decode(repeat('00', 1022), 'hex'));
\echo :LAST_ERROR_SQLSTATE
SELECT categorize(''::bytea);
\echo :LAST_ERROR_SQLSTATE
RESET categorize.on_unresolved;
-- PostgreSQL 18 says it in other words: 22023 beyond these.
SELECT min_val, max_val, unit FROM pg_settings WHERE name = 'categorize.max_image_size';
SET categorize.max_image_size = '20MB';
RESET categorize.max_image_size;
SELECT reason FROM categorize_detail(repeat('x', 1024 * 1024 + 1), '\xffd8ff'::bytea);
SET categorize.taxonomy = '';
SELECT source, reason, taxonomy FROM categorize_detail('\xffd8ff'::bytea);
SELECT categorize('\xffd8ff'::bytea) IS NULL AS none;
SET categorize.taxonomy = 'seen';

-- What a text is known by says nothing of an image: not what was learnt, corrected, or lies in the words.
SELECT categorize.learn($$ VALUES ('', 'Toys'), ('a red thing', 'Toys') $$, 'seen');
SELECT categorize.correct('a blue thing', 'Toys', 'seen');
SELECT title, t.source AS alone, i.source AS with_image, i.reason
  FROM (VALUES ('a red thing'), ('a blue thing'), ('running shoes'), ('GIF89a')) AS v (title)
 CROSS JOIN LATERAL categorize_detail(title) t CROSS JOIN LATERAL categorize_detail(title, 'GIF89a'::bytea) i;
SET categorize.mode = cached;
SELECT source, reason, alternatives FROM categorize_detail('running shoes', 'GIF89a'::bytea);
RESET categorize.mode;

-- Rules read the text, and there is none to read beside an image that comes alone.
SELECT categorize.add_rule('seen', '.', 'Books') > 0 AS added;
SELECT input, category, source FROM categorize_detail('anything', 'GIF89a'::bytea);
SELECT input, category, source, reason FROM categorize_detail('GIF89a'::bytea);
SELECT input, category, source, reason FROM categorize_detail('  ', 'GIF89a'::bytea);
-- What was answered for a text with an image is remembered as that.
SELECT categorize('anything', 'GIF89a'::bytea), categorize('anything', 'GIF89a'::bytea), categorize('GIF89a'::bytea) IS NULL AS alone;
INSERT INTO item (title, image) SELECT 'thing ' || kind, image FROM picture;
SELECT title, categorize(title, image) AS both, categorize(image) IS NULL AS image FROM item ORDER BY title;
SELECT title, (categorize_detail(title, image)).source FROM item ORDER BY title;

-- Everybody who may ask may show.
SET ROLE categorize_user;
SELECT categorize('x', 'GIF89a'::bytea, 'seen'), (SELECT reason FROM categorize_detail('GIF89a'::bytea, 'seen'));
RESET ROLE;

-- Which models take images, and for how many tokens each counts at most; those that embed or decide for Gemini take none.
SELECT coalesce(image_tokens::text, 'none') AS image_tokens, string_agg(name, ', ' ORDER BY name COLLATE "C") AS models
  FROM categorize.models WHERE shipped GROUP BY image_tokens ORDER BY models.image_tokens;
SELECT name, reasoning_effort, thinking_tokens, cache_breakpoint FROM categorize.models
 WHERE shipped AND kind IN ('anthropic', 'gemini') AND (reasoning_effort IS NOT NULL OR cache_breakpoint) ORDER BY name COLLATE "C";
SELECT name, kind, mode, max_input_tokens, input_usd, output_usd FROM categorize.models WHERE name = 'gemini-decision-1';

-- What models of each kind are told of their effort can be said of others, too.
SELECT m.kind, m.effort FROM (SELECT DISTINCT kind, reasoning_effort AS effort FROM categorize.models WHERE shipped AND reasoning_effort IS NOT NULL) m
 WHERE testing.attempt(format('SELECT categorize.set_model(''like it'', %L, %L)', m.kind, jsonb_build_object('reasoning_effort', m.effort))) NOT IN ('', '(null)');
DELETE FROM categorize.model WHERE name = 'like it';

DROP TABLE item;
DROP VIEW picture;
DROP DOMAIN photo;
DROP FUNCTION testing.meant;
RESET categorize.taxonomy;
SELECT categorize.drop_taxonomy('seen');
