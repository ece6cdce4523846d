-- The shipped taxonomy is never changed in place: a change is an override, and its name may be used again.
SELECT count(*) FILTER (WHERE parent_id IS NULL) BETWEEN 20 AND 40 AS tops, count(*) FILTER (WHERE parent_id IS NOT NULL) >= 240 AS leaves,
       bool_and(description <> '' AND cardinality(examples) > 0) AS described, max(id) < 1000 AS shipped
  FROM categorize.category;
CREATE TABLE before AS SELECT md5(string_agg(t::text, '|' ORDER BY id)) AS sum FROM categorize.category t WHERE id < 1000;
CREATE VIEW unchanged AS SELECT sum = (SELECT md5(string_agg(t::text, '|' ORDER BY id)) FROM categorize.category t WHERE id < 1000)
    AND (SELECT (version, settings, dropped) = (1, '{}', false) FROM categorize.taxonomy WHERE id = 1) AS unchanged FROM before;

BEGIN;
SELECT categorize('Nike Air Max 270') AS shipped;
SELECT categorize('Nike Air Max 270') AS was \gset
SELECT categorize.correct('a shipped shoe', :'was');
SELECT categorize.rename_category('products', 'Footwear', 'Things > Shoes');
SELECT categorize('Nike Air Max 270') = replace(:'was', 'Footwear', 'Things > Shoes') AS renamed, categorize('a shipped shoe') = replace(:'was', 'Footwear', 'Things > Shoes') AS follows;
SELECT name, version FROM categorize.taxonomies WHERE name = 'products';
SELECT count(*) > 5 AS moved FROM categorize.categories WHERE taxonomy = 'products' AND path LIKE 'Things > Shoes > %';

-- The old path is free again.
SELECT categorize.add_category('products', 'Footwear') > 0 AS added;
SELECT categorize.drop_category('products', 'Footwear');
SELECT categorize.rename_category('products', 'Things > Shoes', 'Footwear');
SELECT categorize('Nike Air Max 270') = :'was' AS back;
SELECT unchanged FROM unchanged;
ROLLBACK;

BEGIN;
SELECT categorize.learn($$ VALUES ('some shoe', 'Footwear > Sandals & Flip-Flops') $$, 'products', true);
SELECT categorize.merge_category('products', path, 'Books') FROM categorize.categories WHERE taxonomy = 'products' AND path = 'Footwear > Boots';
SELECT categorize.configure('products', '{"profile": "conservative"}');
SELECT value, source FROM categorize.settings('products') WHERE name = 'local_model_threshold';
SELECT unchanged FROM unchanged;

-- A dropped leaf answers no more, and its path may be added anew.
SELECT path AS leaf FROM categorize.categories WHERE taxonomy = 'products' AND path LIKE 'Grocery > Tea%' \gset
SELECT categorize.drop_category('products', :'leaf');
SELECT count(*) FROM categorize.categories WHERE path = :'leaf';
SELECT categorize.add_category('products', :'leaf') >= 1000 AS added;
SELECT count(*) FROM categorize.categories WHERE path = :'leaf';
SELECT unchanged FROM unchanged;
ROLLBACK;

-- Dropped, its name is free; the new one is another.
BEGIN;
SELECT categorize.drop_taxonomy('products');
SELECT count(*) FROM categorize.taxonomies;
CALL testing.sweep($$ SELECT categorize('Nike Air Max 270') $$);
CALL testing.sweep($$ SELECT categorize.drop_taxonomy('products') $$);
SELECT categorize.create_taxonomy('products', ARRAY['Shoes', 'Other']) >= 1000 AS created;
SELECT categorize.add_rule('products', 'nike', 'Shoes') > 0 AS added;
SELECT categorize('Nike Air Max 270');
SELECT categorize.drop_taxonomy('products');
SELECT count(*) FROM categorize.taxonomies;
SELECT unchanged FROM unchanged;
ROLLBACK;
SELECT categorize('Nike Air Max 270') = :'was' AS as_shipped;
DROP VIEW unchanged;
DROP TABLE before;
