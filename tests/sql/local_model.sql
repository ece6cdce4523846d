-- Trained models: the report, versions, which one is live, what is refused. Figures are told as ranges.
SELECT categorize.create_taxonomy('shop', ARRAY['Footwear > Boots', 'Footwear > Sandals', 'Books', 'Toys']) > 0 AS created;
SET categorize.taxonomy = 'shop';
CREATE VIEW labelled AS
    SELECT noun || ' ' || colour || ' ' || i AS title, category
      FROM (VALUES ('leather ankle boot', 'Footwear > Boots'), ('beach sandal strap', 'Footwear > Sandals'), ('hardcover novel', 'Books'),
                   ('plush teddy bear', 'Toys')) c (noun, category),
           (VALUES ('red'), ('blue'), ('green'), ('white'), ('black')) d (colour), generate_series(1, 20) i;
CREATE FUNCTION local_model(input text) RETURNS text LANGUAGE sql AS $$
    SELECT concat_ws('; ', CASE WHEN answers THEN 'answers' END, category, substring(detail FROM '^[^:]*')) FROM categorize.explain(input) WHERE tier = 'local_model' $$;

-- Nothing to learn from, or only one category.
CALL testing.sweep(
    $$ SELECT categorize.train() $$,
    $$ SELECT categorize.train('shop') $$,
    $$ SELECT categorize.train('none') $$,
    $$ SELECT categorize.activate_model('shop', 1) $$,
    $$ SELECT categorize.activate_model('shop', 0) $$,
    $$ SELECT categorize.activate_model('none', 0) $$,
    $$ SELECT categorize.activate_model(NULL, 1) $$,
    $$ SELECT categorize.activate_model('shop', NULL) $$);
SELECT categorize.learn($$ SELECT title, category FROM labelled WHERE category = 'Books' $$);
SELECT testing.attempt('SELECT categorize.train()');
SELECT count(*) FROM categorize.local_models;
SELECT local_model('plush teddy bear for the night');

-- The report.
SELECT categorize.learn('SELECT title, category FROM labelled');
SELECT categorize.correct('a plush thing', 'Toys');
SELECT version, active, examples, corrections, categories, held_out > 0 AS held_out, accuracy BETWEEN 0.9 AND 1 AS accuracy,
       macro_f1 BETWEEN 0.9 AND 1 AS macro_f1, calibration_error BETWEEN 0 AND 0.2 AS calibration_error, threshold BETWEEN 0.69 AND 1 AS threshold,
       coverage BETWEEN 0 AND 1 AS coverage, coalesce("precision", 1) BETWEEN 0.9 AND 1 AS "precision", live_accuracy < accuracy AND live_worth < worth AS beats_lexical,
       worth BETWEEN 0.5 AND 1 AS worth, jsonb_typeof(weak_categories) AS weak_categories, note FROM categorize.train();
SELECT taxonomy, version, active, trained_at <= clock_timestamp() AS trained_at, trained_by = CURRENT_USER AS trained_by, examples, corrections,
       categories, accuracy BETWEEN 0.9 AND 1 AS accuracy, worth BETWEEN 0.5 AND 1 AS worth, bytes BETWEEN 1000 AND 64 * 1024 * 1024 AS bytes FROM categorize.local_models;
SELECT count(*), min(bin), max(bin), min(confidence_from), max(confidence_to), bool_and(confidence BETWEEN confidence_from AND confidence_to) AS inside,
       bool_and((examples = 0) = (confidence IS NULL) AND (examples = 0) = (accuracy IS NULL)) AS empty_bins FROM categorize.calibration WHERE active;
SELECT sum(c.examples) > 0 AS held_out FROM categorize.calibration c;

-- It answers, with the n-grams that spoke for it; a threshold of the taxonomy's own counts as it is.
SELECT categorize.configure('shop', '{"local_model_threshold": 0.5}');
SELECT local_model('plush teddy bear for the night');
SELECT categorize('Plush TEDDY bear for the night'), categorize('leather boot');
SELECT d.category, d.source, d.origin, d.confidence BETWEEN 0.5 AND 1 AS confidence, d.evidence->>'method' AS method, d.evidence->>'model_version' AS version,
       d.evidence->'ngrams' ? 'teddy' AS teddy, jsonb_array_length(d.alternatives) AS alternatives
  FROM categorize_detail('plush teddy bear for the night') d;
SELECT ordinality, category, source, evidence->'ngrams' ? 'novel' AS novel FROM categorize_many(ARRAY['a novel', 'plush', 'a novel', NULL]);
SELECT threshold, detail ~ '^trained \(version 1\): "[^"]+" \+[0-9.]+.*; next best ' AS detail FROM categorize.explain('plush teddy bear for the night') WHERE tier = 'local_model';
-- What it knows nothing of is left to the tiers behind it, not to lexical matching.
SELECT answers, category IS NULL AS unknown FROM categorize.explain('qwxv') WHERE tier = 'local_model';
-- Answers of its own teach it nothing.
SELECT count(*) FROM categorize.train() WHERE examples = 401;
SELECT version, active, note ~ '^not better than version 1 on held-out examples: its answers are worth [01]\.\d{3} against [01]\.\d{3}, its accuracy is [01]\.\d{3} against [01]\.\d{3}; categorize\.activate_model\(\) can still choose it$' AS note
  FROM categorize.train();
SELECT version, active FROM categorize.local_models ORDER BY 1;

-- Which version is live is the editor's choice.
CALL testing.sweep(
    $$ SELECT categorize.activate_model('shop', 9) $$,
    $$ SELECT categorize.activate_model('shop', -1) $$);
SELECT categorize.activate_model('shop', 2);
SELECT local_model('plush teddy bear');
SELECT categorize.activate_model('shop', 2);
SELECT categorize.activate_model('shop', 0);
SELECT local_model('plush teddy bear');
SELECT local_model('boots');
SELECT d.evidence FROM categorize_detail('boots') d;
SELECT version, active FROM categorize.local_models ORDER BY 1;
-- At once in its own transaction, and gone with it.
BEGIN;
SELECT categorize.activate_model('shop', 1);
SELECT local_model('plush teddy bear');
SAVEPOINT s;
SELECT categorize.activate_model('shop', 3);
SELECT local_model('plush teddy bear');
ROLLBACK TO s;
SELECT local_model('plush teddy bear');
ROLLBACK;
SELECT local_model('plush teddy bear');
-- Without a live one the next is live where it beats lexical matching; of those that are not live the newest five are kept.
SELECT version, active, live_accuracy < accuracy AS beats_lexical FROM categorize.train();
DO $$ BEGIN FOR i IN 1..7 LOOP PERFORM categorize.train(); END LOOP; END $$;
SELECT version, active FROM categorize.local_models ORDER BY 1;
-- A training sees what its own transaction taught, and is gone with it.
BEGIN;
SELECT categorize.learn($$ VALUES ('a bedtime story', 'Books') $$);
SELECT examples FROM categorize.train();
ROLLBACK;
SELECT max(version) FROM categorize.local_models;

-- Better examples make a better model, which goes live.
SELECT categorize.create_taxonomy('better', ARRAY['A', 'B']) > 0 AS created;
SELECT categorize.configure('better', '{"local_model_threshold": 0.5}');
-- Half of them contradict the others: nothing can be learnt, and what is wrong costs more than no answer at all.
SELECT categorize.learn($$ SELECT 'same words ' || i, CASE WHEN i % 2 = 0 THEN 'A' ELSE 'B' END FROM generate_series(1, 100) i $$, 'better');
SELECT version, active, accuracy < 0.8 AS poor, worth <= live_worth AS not_worth_it FROM categorize.train('better');
SELECT categorize.learn($$ SELECT 'apple tart ' || i, 'A' FROM generate_series(1, 200) i UNION ALL SELECT 'steel bolt ' || i, 'B' FROM generate_series(1, 200) i $$, 'better');
SELECT version, active, accuracy > live_accuracy AS better, note FROM categorize.train('better');
SELECT categorize('a steel bolt', 'better'), categorize('apple tarts', 'better');
-- A correction stands for what was learnt of its text.
SELECT categorize.correct_many($$ SELECT 'same words ' || i, 'A' FROM generate_series(1, 100) i $$, 'better');
SELECT examples, corrections FROM categorize.train('better');
-- A category that can no longer answer: what was merged answers for the other, what was dropped not at all.
SELECT categorize.add_category('better', 'C') > 0 AS added;
SET categorize.taxonomy = 'better';
SELECT categorize.merge_category('better', 'B', 'C');
SELECT categorize('a steel bolt'), local_model('a steel bolt');
SELECT categorize.drop_category('better', 'A');
SELECT categorize('apple tarts');
SELECT answers, category, detail ~ 'the likeliest category can no longer answer' AS said FROM categorize.explain('apple tarts') WHERE tier = 'local_model';
SELECT testing.attempt('SELECT categorize.train()');
SET categorize.taxonomy = 'shop';

-- What was known is not new, whoever says it again: a model is not asked what it was trained on.
SELECT categorize.create_taxonomy('again', ARRAY['A', 'B']) > 0 AS created;
SELECT categorize.configure('again', '{"local_model_threshold": 0.5}');
CREATE VIEW muddled AS SELECT 'same words ' || i AS title, CASE WHEN i % 2 = 0 THEN 'A' ELSE 'B' END AS category FROM generate_series(1, 100) i;
SELECT categorize.learn('SELECT title, category FROM muddled', 'again');
SELECT version FROM categorize.train('again');
SELECT categorize.activate_model('again', 1);
CREATE FUNCTION new_lessons(of text) RETURNS TABLE (labels bigint, corrections bigint) LANGUAGE sql AS $$
    SELECT (SELECT count(*) FROM categorize.cache c WHERE c.taxonomy_id = t.id AND c.created_at > m.trained_at),
           (SELECT count(*) FROM categorize.correction k WHERE k.taxonomy_id = t.id AND k.corrected_at > m.trained_at)
      FROM categorize.taxonomies t JOIN categorize.local_model m ON m.taxonomy_id = t.id WHERE t.name = of ORDER BY m.version DESC LIMIT 1 $$;
SELECT categorize.learn('SELECT title, category FROM muddled', 'again');
SELECT * FROM new_lessons('again');
SELECT categorize.correct_many('SELECT title, category FROM muddled', 'again');
SELECT * FROM new_lessons('again');
-- A correction that says what was learnt is as old as that.
SELECT version, examples, corrections, live_accuracy = (SELECT accuracy FROM categorize.local_models WHERE taxonomy = 'again' AND version = 1) AS as_reported
  FROM categorize.train('again');
SELECT categorize.correct_many('SELECT title, category FROM muddled', 'again');
SELECT * FROM new_lessons('again');
SELECT categorize.correct('same words 1', 'A', 'again');
SELECT categorize.learn($$ VALUES ('same words 2', 'B') $$, 'again');
SELECT * FROM new_lessons('again');

-- The words of the categories teach, too, but are no examples; a description or a typical word is evidence, a name is none.
SELECT categorize.create_taxonomy('words', ARRAY['Sports']) > 0 AS created;
SELECT count(categorize.add_category('words', path, description, examples)) AS added
  FROM (VALUES ('Kitchen', 'pots and pans', ARRAY['kettle', 'frying pan', 'saucepan']), ('Garden', 'for lawn and beds', ARRAY['rake', 'spade', 'lawn mower']),
               ('Music', 'instruments', ARRAY['violin', 'trumpet', 'accordion'])) c (path, description, examples);
SELECT categorize.learn($$ SELECT noun || ' ' || i, category FROM (VALUES ('steel kettle', 'Kitchen'), ('saucepan lid', 'Kitchen'),
    ('garden rake', 'Garden'), ('folding spade', 'Garden')) c (noun, category), generate_series(1, 20) i $$, 'words');
SELECT examples, categories, held_out, left_out.note FROM categorize.train('words') t, LATERAL (SELECT substring(note FROM 'left out') AS note) left_out;
SELECT categorize.configure('words', '{"local_model_threshold": 0.1}');
SELECT categorize.activate_model('words', 1);
SET categorize.taxonomy = 'words';
SELECT categorize('an accordion'), local_model('violin and trumpet');
SELECT categorize('sports'), local_model('sports');
-- ... but beside a model of few examples the words of the categories are heard.
SELECT detail FROM categorize.explain('sports') WHERE tier = 'local_model';
-- Only leaves answer where that is wanted, and only they are taught.
SELECT categorize.add_category('words', 'Music > Brass', 'horns of all sizes', ARRAY['trombone', 'tuba']) > 0 AS added;
SELECT categorize.configure('words', '{"leaf_only": true}');
SELECT categories FROM categorize.train('words');
SELECT categorize.activate_model('words', 2);
SELECT category IS DISTINCT FROM 'Music' AS not_the_inner_node FROM categorize.explain('violin and accordion') WHERE tier = 'local_model';
SELECT categorize('tuba and trombone');
SET categorize.taxonomy = 'shop';

-- Lexical matching that answers is not replaced by a model of few examples that may not.
SELECT categorize.create_taxonomy('silent', ARRAY['Kettles', 'Violins']) > 0 AS created;
SELECT categorize.learn($$ SELECT noun || ' ' || i, category FROM (VALUES ('kettles', 'Kettles'), ('violins', 'Violins')) c (noun, category), generate_series(1, 4) i $$, 'silent');
SELECT active, accuracy, coverage, "precision", worth, live_accuracy, live_worth, note FROM categorize.train('silent');
SELECT categorize('kettles', 'silent');

-- Few examples, odd texts, and case.
SELECT categorize.create_taxonomy('few', ARRAY['A', 'B', 'C']) > 0 AS created;
SELECT categorize.learn($$ VALUES ('one', 'A'), ('two', 'B'), ('three', 'C') $$, 'few');
SELECT examples, categories, active, note ~ '^not better than lexical matching on held-out examples: ' AS note FROM categorize.train('few');
SELECT categorize.activate_model('few', 1);
-- A single example may be a mistake: it is no evidence.
SELECT categorize.configure('few', '{"local_model_threshold": 0.01}');
SELECT categorize('one more', 'few');
SELECT answers, detail ~ 'the category has too few examples$' AS said FROM categorize.explain('one more', 'few') WHERE tier = 'local_model';
SELECT categorize.configure('few', '{"local_model_threshold": 0}');
SELECT categorize('one more', 'few') AS always;
SELECT categorize.learn($$ VALUES ('!?', 'A'), ('...', 'B') $$, 'few');
SELECT examples, note ~ '2 examples without a word, or beyond categorize.training_memory, were left out$' AS left_out FROM categorize.train('few');
SELECT categorize.configure('few', '{"case_sensitive": true}');
SELECT categorize.learn($$ VALUES ('Some Words', 'A'), ('some words', 'B'), ('SOME WORDS', 'B') $$, 'few');
SELECT examples FROM categorize.train('few');
SELECT categorize.activate_model('few', max(version)) FROM categorize.local_models WHERE taxonomy = 'few';
SELECT categorize('Some words here', 'few') = categorize('SOME WORDS HERE', 'few') AS words_have_no_case;
-- Without texts there is nothing to train on.
SELECT categorize.create_taxonomy('texts', ARRAY['A', 'B']) > 0 AS created;
SELECT categorize.configure('texts', '{"store_input": false}');
SELECT categorize.learn($$ VALUES ('one', 'A'), ('two', 'B') $$, 'texts');
SELECT testing.attempt($$ SELECT categorize.train('texts') $$);

-- Nothing is trained in a read-only transaction; a model answers there.
BEGIN READ ONLY;
SELECT testing.attempt('SELECT categorize.train()');
ROLLBACK;
BEGIN READ ONLY;
SELECT categorize('plush teddy bear');
ROLLBACK;
BEGIN ISOLATION LEVEL SERIALIZABLE;
SELECT categorize.learn($$ VALUES ('a bedtime story', 'Books') $$);
SELECT examples FROM categorize.train();
COMMIT;

-- Tenants: a model is one tenant's, learnt from its rows alone.
SELECT categorize.set_tenant('acme', false);
SELECT count(*) FROM categorize.local_models;
SELECT count(*) FROM categorize.calibration;
SELECT local_model('plush teddy bear');
SELECT testing.attempt('SELECT categorize.train()');
CALL testing.sweep($$ SELECT categorize.activate_model('shop', 1) $$);
SELECT categorize.learn($$ SELECT title, CASE category WHEN 'Books' THEN 'Toys' ELSE 'Books' END FROM labelled $$);
SELECT version, active, categories FROM categorize.train();
SELECT categorize('plush teddy bear for the night');
SELECT categorize.set_tenant('', false);
SELECT categorize('plush teddy bear for the night');
SELECT count(*) FROM categorize.local_models WHERE active AND taxonomy = 'shop';

-- Rights: models are the editors'.
CREATE ROLE regress_user IN ROLE categorize_user;
CREATE ROLE regress_editor IN ROLE categorize_editor;
SET ROLE regress_user;
CALL testing.sweep(
    $$ SELECT categorize.train('shop') $$,
    $$ SELECT categorize.activate_model('shop', 0) $$,
    $$ SELECT count(*) FROM categorize.local_model $$,
    $$ SELECT count(*) > 0 FROM categorize.local_models $$,
    $$ SET categorize.train_after_growth = 1 $$,
    $$ SET categorize.train_after_corrections = 1 $$);
SELECT testing.attempt($$ SET categorize.training_memory = '8MB' $$) ~ '^22023: 8192 kB is outside the valid range' AS too_little;
SET categorize.training_memory = '64MB';
RESET categorize.training_memory;
SET ROLE regress_editor;
SELECT version > 1 AS trained FROM categorize.train('shop');
SELECT trained_by FROM categorize.local_models WHERE taxonomy = 'shop' ORDER BY version DESC LIMIT 1;
RESET ROLE;
DROP ROLE regress_user, regress_editor;

-- A model that cannot be read is no obstacle.
UPDATE categorize.local_model SET active = false WHERE active;
INSERT INTO categorize.local_model (taxonomy_id, tenant, version, active, examples, corrections, categories, metrics, weights)
SELECT id, '', 1000, true, 1, 0, 2, '{"accuracy": 1}', 'no model at all' FROM categorize.taxonomies WHERE name = 'shop';
SELECT local_model('boots');
SELECT categorize('boots');
SELECT version, active, note FROM categorize.train();
SELECT local_model('plush teddy bear');

-- It is read once, also where every statement sees anew.
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT categorize.activate_model('shop', 1000);
SELECT categorize('boots');
SELECT categorize('sandals');
ROLLBACK;

-- Models go with their taxonomy.
SELECT count(*) > 0 AS there FROM categorize.local_model;
SELECT categorize.drop_taxonomy(name) FROM categorize.taxonomies WHERE name IN ('shop', 'better', 'again', 'words', 'silent', 'few', 'texts') ORDER BY name;
SELECT count(*) FROM categorize.local_model;
DROP VIEW labelled, muddled;
DROP FUNCTION local_model, new_lessons;
RESET categorize.taxonomy;
