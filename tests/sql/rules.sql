-- Rules: which wins, what they match, what is refused.
SELECT categorize.create_taxonomy('ruled', ARRAY['A', 'B', 'C', 'D > E']) > 0 AS created;
SELECT categorize.configure('ruled', '{"tiers": ["correction", "rule", "cache"]}');
SET categorize.taxonomy = 'ruled';
CREATE FUNCTION testing.rule(pattern text, category text, kind text DEFAULT 'regex', priority int DEFAULT 0) RETURNS void
    LANGUAGE sql AS 'SELECT categorize.add_rule(''ruled'', pattern, category, kind, priority)';

-- Anywhere in the text, whatever the case; the highest priority wins, then the oldest.
SELECT testing.rule('shoe', 'A'), testing.rule('running', 'B'), testing.rule('boot', 'C', priority => 5),
       testing.rule('boots?', 'B', priority => 5), testing.rule('boot', 'A', priority => -1);
SELECT title, categorize(title) FROM unnest(ARRAY['Running SHOE', 'shoes', 'Boots for running shoes', 'boot', 'shirt']) title;
SELECT kind, pattern, category, priority, enabled, for_all_tenants, created_by = CURRENT_USER AS mine, created_at <= now() AS dated
  FROM categorize.rules ORDER BY id;

-- A rule outranks what was learnt; a correction outranks a rule; dropping it gives the next its turn.
SELECT categorize.learn($$ VALUES ('blue boot', 'D > E') $$);
SELECT categorize('blue boot');
SELECT categorize.drop_rule(id) FROM categorize.rules WHERE priority = 5 ORDER BY id;
SELECT categorize('blue boot');
SELECT categorize.drop_rule(id) FROM categorize.rules;
SELECT categorize('blue boot');

-- A disabled rule does not count.
SELECT testing.rule('blue', 'A');
UPDATE categorize.rule SET enabled = false;
SELECT categorize('blue boot');
UPDATE categorize.rule SET enabled = true;
SELECT categorize('blue boot');
DELETE FROM categorize.rule;

-- A rule whose category was dropped, or is an inner one where only leaves may answer, does not stand before the others.
SELECT testing.rule('green', 'C', priority => 9), testing.rule('green', 'D', priority => 8), testing.rule('green', 'D > E');
SELECT categorize('green');
SELECT categorize.drop_category('ruled', 'C');
SELECT categorize('green');
SELECT categorize.configure('ruled', '{"leaf_only": true}');
SELECT categorize('green');
SELECT categorize.configure('ruled', '{"leaf_only": null}');
SELECT categorize.add_category('ruled', 'C') > 0 AS added;
SELECT categorize('green');
DELETE FROM categorize.rule;

-- Patterns: each row is a rule that stands alone, a text, and whether they match.
CREATE FUNCTION testing.matches(pattern text, kind text, title text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    rule bigint := categorize.add_rule('ruled', pattern, 'A', kind);
    found boolean;
BEGIN
    found := coalesce(categorize(title) = 'A', false);
    PERFORM categorize.drop_rule(rule);
    RETURN found;
END
$$;
SELECT kind, regexp_replace(pattern, '[^ -~]', '?') AS pattern, regexp_replace(title, '[^ -~]', '?', 'g') AS title,
       testing.matches(pattern, kind, title) FROM (VALUES
    (1, 'regex', 'usb', 'USB cable'),
    (2, 'regex', '(?-i)usb', 'USB cable'),
    (3, 'regex', '(?-i)USB', 'USB cable'),
    (4, 'regex', '^usb', 'my usb'),
    (5, 'regex', 'usb$', 'my usb  '),
    (6, 'regex', '\mshoe\M', 'shoes'),
    (7, 'regex', '\mshoe\M', 'a shoe!'),
    (8, 'regex', '\mshoe', 'snowshoe'),
    (9, 'regex', '\yshoe\y', 'my shoe'),
    (10, 'regex', '\Yhoe', 'shoe'),
    (11, 'regex', '\d{2}\s?mm', '35 mm lens'),
    (12, 'regex', 'a  b', 'a  b'),
    (13, 'regex', 'a b', E'a\t\nb'),
    (14, 'regex', 'size 42', 'Size ' || chr(65300) || chr(65298)),
    (15, 'regex', 'stra' || chr(223) || 'e', 'STRA' || chr(7838) || 'E'),
    (16, 'regex', '[[:alpha:]]+ cable', 'usb cable'),
    (17, 'regex', '\p{Greek}', 'alpha ' || chr(945)),
    (18, 'regex', '\\m', 'a\m'),
    (19, 'all_words', 'cable usb', 'USB charging CABLE'),
    (20, 'all_words', 'cable usb', 'USB charger'),
    (21, 'all_words', 'usb', 'usbs'),
    (22, 'all_words', 'usb', 'usb-c'),
    (23, 'any_word', 'cable usb', 'USB charger'),
    (24, 'any_word', 'cable usb', 'cablecar'),
    (25, 'any_word', 'running shoe, hiking boot', 'a running  shoe'),
    (26, 'any_word', 'running shoe, hiking boot', 'a running boot'),
    (27, 'any_word', 'c++', 'C++ primer'),
    (28, 'any_word', 'caf' || chr(233), 'CAFE' || chr(769) || ' noir')) AS v (n, kind, pattern, title) ORDER BY n;

-- Refused, with the place.
CALL testing.sweep(
    $$ SELECT testing.rule('', 'A') $$,
    $$ SELECT testing.rule('a*', 'A') $$,
    $$ SELECT testing.rule('x|', 'A') $$,
    $$ SELECT testing.rule('\y', 'A') $$,
    $$ SELECT testing.rule('foo(?=bar)', 'A') $$,
    $$ SELECT testing.rule('foo(?!bar)', 'A') $$,
    $$ SELECT testing.rule('(?<=x)foo', 'A') $$,
    $$ SELECT testing.rule('(?<!x)foo', 'A') $$,
    $$ SELECT testing.rule('\m(a)\1', 'A') $$,
    $$ SELECT testing.rule('(?P<n>a)\k<n>', 'A') $$,
    $$ SELECT testing.rule('a(b', 'A') $$,
    $$ SELECT testing.rule('[b', 'A') $$,
    $$ SELECT testing.rule('*', 'A') $$,
    $$ SELECT testing.rule('a{2,1}', 'A') $$,
    $$ SELECT testing.rule('\q', 'A') $$,
    $$ SELECT testing.rule('x[\m]', 'A') $$,
    $$ SELECT testing.rule('\p{Klingon}', 'A') $$,
    $$ SELECT testing.rule(repeat('(', 200) || 'a' || repeat(')', 200), 'A') $$,
    $$ SELECT testing.rule('(a{1000}){1000}', 'A') $$,
    $$ SELECT testing.rule(repeat('x', 10001), 'A') $$,
    $$ SELECT testing.rule('usb', 'A', 'regexp') $$,
    $$ SELECT testing.rule('usb', 'A', '') $$,
    $$ SELECT testing.rule('', 'A', 'all_words') $$,
    $$ SELECT testing.rule(' , ,', 'A', 'any_word') $$,
    $$ SELECT testing.rule('this - that', 'A', 'all_words') $$,
    $$ SELECT testing.rule('usb', 'AA') $$,
    $$ SELECT testing.rule('usb', 'D > F') $$,
    $$ SELECT testing.rule('usb', '') $$,
    $$ SELECT categorize.add_rule('ruld', 'usb', 'A') $$,
    $$ SELECT categorize.drop_rule(999999) $$,
    $$ SELECT categorize.drop_rule(0) $$);
SELECT count(*) AS stored FROM categorize.rules;

-- A long pattern is a pattern, and no pattern backtracks away.
SELECT testing.rule(repeat('x', 10000), 'A'), testing.rule('(a+)+$', 'B'), testing.rule('(x|y|z)*needle', 'C', priority => 1);
SELECT categorize(repeat('x', 10000)), categorize(repeat('a', 100000) || '!') IS NULL AS no_match,
       categorize(repeat('xyz', 100000) || 'needle');
DELETE FROM categorize.rule;

-- Many rules: each finds its own.
SELECT count(categorize.add_rule('ruled', 'word' || i || '\M', CASE WHEN i % 2 = 0 THEN 'A' ELSE 'B' END)) FROM generate_series(1, 500) i;
SELECT categorize('a word498 here'), categorize('a word499 here'), categorize('a word501 here') IS NULL AS none;

-- A rule in the same statement's future: the next statement sees it.
BEGIN;
SELECT categorize('quartz') IS NULL AS before;
SELECT testing.rule('quartz', 'D > E');
SELECT categorize('quartz') AS after;
ROLLBACK;
SELECT categorize('quartz') IS NULL AS rolled_back;

-- At most 100,000 of a taxonomy.
INSERT INTO categorize.rule (taxonomy_id, kind, pattern, category_id, enabled)
SELECT t.id, 'regex', 'word' || i, (SELECT min(id) FROM categorize.categories WHERE taxonomy = 'ruled'), false
  FROM categorize.taxonomies t, generate_series(1, 100000 - (SELECT count(*) FROM categorize.rules)) i WHERE t.name = 'ruled';
SELECT categorize.add_rule('ruled', 'one too many', 'A');
\echo :LAST_ERROR_SQLSTATE
SELECT categorize('one too many') IS NULL AS not_stored;

DROP FUNCTION testing.rule, testing.matches;
SELECT categorize.drop_taxonomy('ruled');
