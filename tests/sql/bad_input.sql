-- Values that nobody can mean: each is refused with 22023 and a HINT, never with an internal error.
SELECT categorize.create_taxonomy('bad', ARRAY['A', 'B > C']) > 0 AS created;

-- Names of taxonomies that do not exist, wherever one is named.
CALL testing.sweep(
    $$ SELECT categorize('x', 'Bad') $$,
    $$ SELECT categorize('x', '') $$,
    $$ SELECT categorize('x', ' bad') $$,
    $$ SELECT categorize('x', '{a,b}') $$,
    $$ SELECT categorize('x', ' {a} ') $$,
    $$ SELECT categorize('x', '{') $$,
    $$ SELECT categorize('x', E'new\nline') $$,
    $$ SELECT categorize('x', 'prodcts') $$,
    $$ SELECT categorize_detail('x', 'bat') $$,
    $$ SELECT categorize_cached('x', 'bat') $$,
    $$ SELECT * FROM categorize_many(ARRAY['x'], '{a,b}') $$,
    $$ SELECT * FROM categorize.explain('x', 'bat') $$,
    $$ SELECT categorize.forget('x', 'bat') $$,
    $$ SELECT categorize.learn('SELECT 1, 2', 'bat') $$,
    $$ SELECT length(testing.attempt(format('SELECT categorize(''x'', %L)', repeat('n', 100000)))) < 200000 $$);

-- Names of taxonomies to be created.
CALL testing.sweep(
    $$ SELECT categorize.create_taxonomy('') $$,
    $$ SELECT categorize.create_taxonomy('  ') $$,
    $$ SELECT categorize.create_taxonomy(E'a\tb') $$,
    $$ SELECT categorize.create_taxonomy('{a,b}') $$,
    $$ SELECT categorize.create_taxonomy(repeat('n', 201)) $$,
    $$ SELECT categorize.create_taxonomy('n', profile => '') $$,
    $$ SELECT categorize.create_taxonomy('n', profile => 'Balanced') $$,
    $$ SELECT categorize.create_taxonomy('n', ARRAY['A', NULL]) $$,
    $$ SELECT categorize.create_taxonomy('n', ARRAY['A', '']) $$,
    $$ SELECT categorize.create_taxonomy('n', ARRAY['A > > B']) $$,
    $$ SELECT categorize.create_taxonomy('n', ARRAY['>']) $$,
    $$ SELECT categorize.create_taxonomy('n', ARRAY['A >']) $$,
    $$ SELECT categorize.create_taxonomy('n', ARRAY[E'A\nB']) $$,
    $$ SELECT categorize.create_taxonomy('n', ARRAY[repeat('x', 2001)]) $$);
SELECT name FROM categorize.taxonomies WHERE id >= 1000 ORDER BY name;

-- NULL where a value is needed.
CALL testing.sweep(
    $$ SELECT categorize.create_taxonomy(NULL) $$,
    $$ SELECT categorize.create_taxonomy('n', profile => NULL) $$,
    $$ SELECT categorize.create_taxonomy_from_query('n', NULL) $$,
    $$ SELECT categorize.create_taxonomy_from_json('n', NULL) $$,
    $$ SELECT categorize.add_category(NULL, 'X') $$,
    $$ SELECT categorize.add_category('bad', NULL) $$,
    $$ SELECT categorize.correct('x', NULL, 'bad') $$,
    $$ SELECT categorize.correct(NULL, 'A', 'bad') $$,
    $$ SELECT categorize.correct_many(NULL, 'bad') $$,
    $$ SELECT categorize.drop_correction(NULL, 'bad') $$,
    $$ SELECT categorize.learn(NULL, 'bad') $$,
    $$ SELECT categorize.learn('SELECT 1, 2', 'bad', NULL) $$,
    $$ SELECT categorize.forget(NULL, 'bad') $$,
    $$ SELECT categorize.add_rule('bad', NULL, 'A') $$,
    $$ SELECT categorize.add_rule('bad', 'x', 'A', NULL) $$,
    $$ SELECT categorize.drop_rule(NULL) $$,
    $$ SELECT categorize.rename_category('bad', 'A', NULL) $$,
    $$ SELECT categorize.configure('bad', NULL) $$,
    $$ SELECT categorize.set_profile('bad', NULL) $$,
    $$ SELECT categorize.drop_taxonomy(NULL) $$,
    $$ SELECT categorize.set_tenant(NULL) $$,
    $$ SELECT categorize.set_tenant('x', NULL) $$);
SELECT count(*) FROM categorize.taxonomies WHERE id >= 1000;
RESET categorize.tenant;

-- Tenants.
CALL testing.sweep(
    $$ SELECT categorize.set_tenant(E'a\nb') $$,
    $$ SELECT categorize.set_tenant(repeat('t', 201)) $$);

-- Texts that are data and no patterns.
SELECT categorize.correct('%s %d $1 '' " \ {}', 'A', 'bad');
SELECT categorize('%s %d $1 '' " \ {}', 'bad');
SELECT categorize.create_taxonomy('we''ird "name" %s > \', ARRAY['it''s > "quoted"', '$1 > %s', '{} > []']) > 0 AS created;
SELECT path FROM categorize.categories WHERE taxonomy LIKE 'we%' ORDER BY id;
SELECT categorize.correct('x', '$1 > %s', 'we''ird "name" %s > \');
SELECT categorize('x', 'we''ird "name" %s > \');

-- A function that does not exist, and arguments that fit none.
SELECT categorize(1);
\echo :LAST_ERROR_SQLSTATE
SELECT categorize('x', ARRAY[1, 2]);
\echo :LAST_ERROR_SQLSTATE
SELECT categorize.drop_taxonomy(name) FROM categorize.taxonomies WHERE id >= 1000;
