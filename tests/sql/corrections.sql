-- Corrections: what a person said counts over all that machines say.
SELECT categorize.create_taxonomy('corr', ARRAY['A', 'B', 'C']) > 0 AS created;
SELECT categorize.configure('corr', '{"tiers": ["correction", "rule", "cache"]}');
SET categorize.taxonomy = 'corr';
SELECT categorize.learn($$ VALUES ('learnt', 'A'), ('both', 'A') $$);
SELECT categorize.add_rule('corr', 'ruled|both', 'B') > 0 AS added;
SELECT t, categorize(t) FROM unnest(ARRAY['learnt', 'ruled', 'both', 'open']) t;

SELECT categorize.correct('Learnt', 'C'), categorize.correct('ruled', 'C'), categorize.correct(' BOTH ', 'C', 'corr'), categorize.correct('open', 'C');
SELECT input, category, confidence, source, origin FROM unnest(ARRAY['learnt', 'ruled', 'both', 'open']) t, categorize_detail(t);

-- What the machine had said is kept, also when the person changes his mind.
SELECT input, category, corrected_by = CURRENT_USER AS mine, machine_category, machine_source FROM categorize.corrections ORDER BY input;
SELECT categorize.correct('ruled', 'A');
SELECT input, category, machine_category, machine_source FROM categorize.corrections WHERE input = 'ruled';

-- Taken back, the machine speaks again.
SELECT categorize.drop_correction('RULED'), categorize.drop_correction('ruled') AS again, categorize.drop_correction('') AS blank;
SELECT categorize('ruled'), categorize('both');

-- Many; the last of an input wins, rows with a NULL are left out.
CREATE TABLE said (n int, title text, category varchar(10));
INSERT INTO said VALUES (1, 'x', 'A'), (2, 'y', 'B'), (3, NULL, 'A'), (4, 'z', NULL), (5, ' X ', 'B');
SELECT categorize.correct_many('SELECT title, category FROM said ORDER BY n');
SELECT t, categorize(t) FROM unnest(ARRAY['x', 'y', 'z']) t;
SELECT categorize.correct_many('SELECT title, category FROM said WHERE false');

-- More than one round of the cursor.
SELECT categorize.correct_many($$ SELECT 'title ' || i, CASE WHEN i % 2 = 0 THEN 'A' ELSE 'B' END FROM generate_series(1, 12000) i $$);
SELECT count(*) FILTER (WHERE c.category = CASE WHEN i % 2 = 0 THEN 'A' ELSE 'B' END) FROM generate_series(1, 12000) i, categorize_detail('Title ' || i) c;

-- Refused; nothing is stored.
CALL testing.sweep(
    $$ SELECT categorize.correct('new', 'D') $$,
    $$ SELECT categorize.correct('new', '') $$,
    $$ SELECT categorize.correct('', 'A') $$,
    $$ SELECT categorize.correct(E' \t\u00a0', 'A') $$,
    $$ SELECT categorize.correct(repeat('x', 1024 * 1024 + 1), 'A') $$,
    $$ SELECT categorize.correct('new', 'A', 'cor') $$,
    $$ SELECT categorize.drop_correction('new', 'cor') $$,
    $$ SELECT categorize.correct_many('SELECT ''new'', v FROM (VALUES (''A''), (''D'')) AS t (v)') $$,
    $$ SELECT categorize.correct_many('SELECT title FROM said') $$,
    $$ SELECT categorize.correct_many('DELETE FROM said RETURNING title, category') $$);
SELECT count(*) FROM categorize.corrections WHERE input = 'new';
SELECT count(*) FROM said;

-- A changed correction in the same transaction, and one that is rolled back.
BEGIN;
SELECT categorize.correct('x', 'C');
SELECT categorize('x');
ROLLBACK;
SELECT categorize('x');

DROP TABLE said;
SELECT categorize.drop_taxonomy('corr');
