-- Taxonomies and their categories: created in three ways, renamed, merged, dropped; answers follow.

-- From an array: inner nodes come by themselves, repeats are one, paths are kept byte for byte.
SELECT categorize.create_taxonomy('shop', ARRAY['Footwear>Boots', 'Footwear > Shoes > Running', 'Footwear >  Boots', 'A \> B > C\\'],
                                  'Things we sell', 'conservative') > 0 AS created;
SELECT name, version, description, settings, categories FROM categorize.taxonomies WHERE name = 'shop';
SELECT path FROM categorize.categories WHERE taxonomy = 'shop' ORDER BY id;
SELECT c.label, p.label AS parent FROM categorize.category c LEFT JOIN categorize.category p ON p.id = c.parent_id
 WHERE c.taxonomy_id = (SELECT id FROM categorize.taxonomies WHERE name = 'shop') ORDER BY c.id;

-- Empty ones are allowed and know nothing.
SELECT categorize.create_taxonomy('empty') > 0 AS created;
SELECT categorize.create_taxonomy('empty array', '{}') > 0 AS created;
SELECT categorize('boots', 'empty') IS NULL AS unresolved;

-- From a query of one column; NULLs are left out, and its category may be of any type.
CREATE TABLE path (path varchar(40), size int);
INSERT INTO path VALUES ('Tools > Saws', 1), (NULL, 2), ('Tools > Drills', 3), ('Toys', 4);
SELECT categorize.create_taxonomy_from_query('tools', 'SELECT path FROM path ORDER BY size', 'From a query') > 0 AS created;
SELECT path FROM categorize.categories WHERE taxonomy = 'tools' ORDER BY id;
SELECT categorize.create_taxonomy_from_query('sizes', 'SELECT size FROM path ORDER BY size') > 0 AS created;
SELECT path FROM categorize.categories WHERE taxonomy = 'sizes' ORDER BY id;
CALL testing.sweep(
    $$ SELECT categorize.create_taxonomy_from_query('q', 'SELECT path, size FROM path') $$,
    $$ SELECT categorize.create_taxonomy_from_query('q', 'DELETE FROM path RETURNING path') $$,
    $$ SELECT categorize.create_taxonomy_from_query('q', 'SELECT 1; SELECT 2') $$,
    $$ SELECT categorize.create_taxonomy_from_query('q', '') $$,
    $$ SELECT categorize.create_taxonomy_from_query('q', 'SELECT nothing FROM path') $$,
    $$ SELECT categorize.create_taxonomy_from_query('q', 'SELECT '' > ''') $$);

-- From JSON: paths, or objects with a description and examples.
SELECT categorize.create_taxonomy_from_json('json', '["Fruit", {"path": "Fruit > Apple", "description": "Round",
    "examples": ["cox", "gala"]}, {"path": "Fruit > Pear", "description": null, "examples": []}]', 'From JSON', 'aggressive') > 0 AS created;
SELECT path, description, examples FROM categorize.categories WHERE taxonomy = 'json' ORDER BY id;
SELECT value, source FROM categorize.settings('json') WHERE name = 'local_model_threshold';
CALL testing.sweep(
    $$ SELECT categorize.create_taxonomy_from_json('j', '{}') $$,
    $$ SELECT categorize.create_taxonomy_from_json('j', 'null') $$,
    $$ SELECT categorize.create_taxonomy_from_json('j', '[1]') $$,
    $$ SELECT categorize.create_taxonomy_from_json('j', '[{"description": "no path"}]') $$,
    $$ SELECT categorize.create_taxonomy_from_json('j', '[{"path": "A", "exmples": []}]') $$,
    $$ SELECT categorize.create_taxonomy_from_json('j', '[{"path": "A", "examples": "x"}]') $$,
    $$ SELECT categorize.create_taxonomy_from_json('j', '[{"path": "A", "examples": [1]}]') $$,
    $$ SELECT categorize.create_taxonomy_from_json('j', '[{"path": "A", "description": 1}]') $$);

-- As deep as 32 levels, as many as 15,000.
SELECT categorize.create_taxonomy('deep', ARRAY[(SELECT string_agg('L' || i, ' > ' ORDER BY i) FROM generate_series(1, 32) i)]) > 0 AS created;
SELECT categories FROM categorize.taxonomies WHERE name = 'deep';
CALL testing.sweep($$ SELECT categorize.add_category('deep',
    (SELECT string_agg('L' || i, '>' ORDER BY i) FROM generate_series(1, 33) i)) $$);
SELECT categorize.create_taxonomy('large', (SELECT array_agg('G' || i % 100 || ' > Leaf ' || i) FROM generate_series(1, 14900) i)) > 0 AS created;
SELECT categories FROM categorize.taxonomies WHERE name = 'large';
SELECT categorize.add_rule('large', 'needle', 'G11 > Leaf 4711') > 0 AS added;
SELECT categorize('a needle', 'large');
CALL testing.sweep($$ SELECT categorize.create_taxonomy('too large', (SELECT array_agg('C' || i) FROM generate_series(1, 100001) i)) $$);

-- Answers of every kind that the changes below must keep.
SELECT categorize.configure('shop', '{"tiers": ["correction", "rule", "cache"]}');
SELECT categorize.correct('corrected', 'Footwear > Shoes > Running', 'shop');
SELECT categorize.add_rule('shop', 'ruled', 'Footwear > Shoes > Running') > 0 AS added;
SELECT categorize.learn($$ VALUES ('learnt', 'Footwear > Shoes > Running') $$, 'shop');
CREATE VIEW answers AS SELECT t AS title, category, source, origin
  FROM unnest(ARRAY['corrected', 'ruled', 'learnt']) t CROSS JOIN LATERAL categorize_detail(t, 'shop');
SELECT * FROM answers;

-- A renamed inner node moves what hangs below, to another parent too; an id stays an id.
SELECT categorize.rename_category('shop', 'Footwear > Shoes', 'Shoes');
SELECT path FROM categorize.categories WHERE taxonomy = 'shop' ORDER BY id;
SELECT * FROM answers;
SELECT categorize.rename_category('shop', 'Shoes', 'Sport > All Shoes');
SELECT * FROM answers;
SELECT path FROM categorize.categories WHERE taxonomy = 'shop' ORDER BY path COLLATE "C";
SELECT version FROM categorize.taxonomies WHERE name = 'shop';

-- Only the spelling of a path changes; that is allowed.
SELECT categorize.rename_category('shop', 'Footwear > Boots', 'Footwear > boots');

-- Merging sends answers, rules and corrections on, also along several mergers.
SELECT categorize.merge_category('shop', 'Sport > All Shoes > Running', 'Footwear > boots');
SELECT * FROM answers;
SELECT categorize.merge_category('shop', 'Footwear > boots', 'A \> B');
SELECT * FROM answers;
SELECT category, input FROM categorize.corrections WHERE taxonomy = 'shop';
SELECT category, pattern FROM categorize.rules WHERE taxonomy = 'shop';

-- A path that was merged away may be used anew, and the old answers stay where they went.
SELECT categorize.add_category('shop', 'Footwear > boots', 'New boots', ARRAY['boot', NULL, 'wellington']) > 0 AS added;
SELECT path, description, examples FROM categorize.categories WHERE taxonomy = 'shop' AND path = 'Footwear > boots';
SELECT * FROM answers;

-- A dropped category answers no more.
SELECT categorize.drop_category('shop', 'A \> B > C\\');
SELECT categorize.drop_category('shop', 'A \> B');
SELECT * FROM answers;

-- leaf_only leaves inner nodes out.
SELECT categorize.learn($$ VALUES ('inner', 'Footwear'), ('leaf', 'Footwear > boots') $$, 'shop');
SELECT categorize('inner', 'shop') AS "inner", categorize('leaf', 'shop') AS leaf;
SELECT categorize.configure('shop', '{"leaf_only": true}');
SELECT categorize('inner', 'shop') AS "inner", categorize('leaf', 'shop') AS leaf;

-- Refused; nothing of it stays.
CALL testing.sweep(
    $$ SELECT categorize.create_taxonomy('shop') $$,
    $$ SELECT categorize.create_taxonomy('products') $$,
    $$ SELECT categorize.add_category('shop', 'Footwear  >boots') $$,
    $$ SELECT categorize.add_category('shop', 'Footwear >') $$,
    $$ SELECT categorize.add_category('shop', E'bell\x07') $$,
    $$ SELECT categorize.add_category('shop', repeat('x', 2001)) $$,
    $$ SELECT categorize.add_category('shoop', 'X') $$,
    $$ SELECT categorize.rename_category('shop', 'Footwear', 'Sport') $$,
    $$ SELECT categorize.rename_category('shop', 'Footwear', 'Footwear > boots > deeper') $$,
    $$ SELECT categorize.rename_category('shop', 'Footwear', 'Footwear > Footwear') $$,
    $$ SELECT categorize.rename_category('shop', 'Footware', 'X') $$,
    $$ SELECT categorize.rename_category('shop', 'Footwear', '') $$,
    $$ SELECT categorize.merge_category('shop', 'Footwear', 'Footwear') $$,
    $$ SELECT categorize.merge_category('shop', 'Footwear', 'Sport') $$,
    $$ SELECT categorize.merge_category('shop', 'Footwear > boots', 'Sprot') $$,
    $$ SELECT categorize.drop_category('shop', 'Footwear') $$,
    $$ SELECT categorize.drop_category('shop', 'Nothing like it') $$,
    $$ SELECT categorize.drop_taxonomy('shopp') $$);
SELECT path FROM categorize.categories WHERE taxonomy = 'shop' ORDER BY path COLLATE "C";

-- A rename must not make a path too deep or too long for what hangs below.
CALL testing.sweep($$ SELECT categorize.rename_category('deep', 'L1', 'Above > L1') $$);
SELECT categorize.create_taxonomy('long', ARRAY['a > ' || repeat('x', 1990)]) > 0 AS created;
CALL testing.sweep($$ SELECT categorize.rename_category('long', 'a', repeat('y', 100)) $$);

-- Dropping leaves nothing behind.
SELECT categorize.drop_taxonomy(name) FROM categorize.taxonomies WHERE id >= 1000;
SELECT count(*) FROM categorize.taxonomies WHERE id >= 1000;
SELECT (SELECT count(*) FROM categorize.category WHERE id >= 1000) AS categories, (SELECT count(*) FROM categorize.rule) AS rules,
       (SELECT count(*) FROM categorize.correction) AS corrections, (SELECT count(*) FROM categorize.cache) AS answers;
SELECT categorize('x', 'shop');
DROP VIEW answers;
DROP TABLE path;
