-- Transactions: a statement sees what its own wrote, and what was rolled back leaves no trace in what a session remembers.
SELECT categorize.create_taxonomy('tx', ARRAY['A', 'B', 'C']) > 0 AS created;
SELECT categorize.configure('tx', '{"tiers": ["correction", "rule", "cache"]}');
SET categorize.taxonomy = 'tx';
SELECT categorize.learn($$ VALUES ('title', 'A') $$);
CREATE VIEW said AS SELECT categorize('title') AS scalar, (SELECT category FROM categorize_detail('title')) AS detail,
    (SELECT category FROM categorize_many(ARRAY['title'])) AS many, categorize_cached('title') AS cached;
SELECT * FROM said;

-- Each kind of change is seen by the next statement, and is gone with the transaction.
BEGIN;
SELECT categorize.learn($$ VALUES ('title', 'B') $$);
SELECT * FROM said;
ROLLBACK;
SELECT * FROM said;
BEGIN;
SELECT categorize.correct('title', 'C');
SELECT * FROM said;
ROLLBACK;
SELECT * FROM said;
BEGIN;
SELECT categorize.add_rule('tx', 'title', 'B') > 0 AS added;
SELECT * FROM said;
ROLLBACK;
SELECT * FROM said;
BEGIN;
SELECT categorize.rename_category('tx', 'A', 'Moved > A');
SELECT * FROM said;
ROLLBACK;
SELECT * FROM said;
BEGIN;
SELECT categorize.drop_category('tx', 'A');
SELECT * FROM said;
ROLLBACK;
SELECT * FROM said;
BEGIN;
SELECT categorize.forget('title');
SELECT * FROM said;
ROLLBACK;
SELECT * FROM said;
BEGIN;
SELECT categorize.configure('tx', '{"tiers": ["rule"]}');
SELECT * FROM said;
ROLLBACK;
SELECT * FROM said;
BEGIN;
SELECT categorize.drop_taxonomy('tx');
SAVEPOINT s;
SELECT * FROM said;
ROLLBACK TO s;
SELECT categorize.create_taxonomy('tx', ARRAY['Another']) > 0 AS created;
SELECT categorize.correct('title', 'Another');
SELECT * FROM said;
ROLLBACK;
SELECT * FROM said;

-- The same with plain statements on the tables.
BEGIN;
UPDATE categorize.cache SET category_id = (SELECT id FROM categorize.categories WHERE taxonomy = 'tx' AND path = 'B') WHERE input = 'title';
SELECT * FROM said;
DELETE FROM categorize.cache WHERE input = 'title';
SELECT * FROM said;
ROLLBACK;
SELECT * FROM said;

-- Savepoints.
BEGIN;
SELECT * FROM said;
SAVEPOINT a;
SELECT categorize.correct('title', 'B');
SELECT * FROM said;
SAVEPOINT b;
SELECT categorize.correct('title', 'C');
SELECT * FROM said;
ROLLBACK TO b;
SELECT * FROM said;
ROLLBACK TO a;
SELECT * FROM said;
SELECT categorize.add_rule('tx', 'title', 'C') > 0 AS added;
RELEASE a;
SELECT * FROM said;
ROLLBACK;
SELECT * FROM said;

-- In PL/pgSQL, with an exception block; each statement sees the one before.
DO $$
DECLARE
    answers text[];
BEGIN
    answers := answers || categorize('title');
    PERFORM categorize.correct('title', 'B');
    answers := answers || categorize('title');
    BEGIN
        PERFORM categorize.correct('title', 'C');
        answers := answers || categorize('title');
        RAISE division_by_zero;
    EXCEPTION WHEN division_by_zero THEN
        answers := answers || categorize('title');
    END;
    PERFORM categorize.drop_correction('title');
    answers := answers || categorize('title');
    RAISE INFO '%', answers;
END
$$;

-- A statement that changes while it asks: within one statement the same input is answered alike.
SELECT categorize('title') AS first, categorize.correct('title', 'B') AS corrected, categorize('title') AS last;
SELECT categorize('title');
SELECT categorize.drop_correction('title');

-- A cursor keeps the answers of its snapshot.
BEGIN;
DECLARE c CURSOR FOR SELECT categorize('title') FROM generate_series(1, 3);
FETCH 1 FROM c;
SELECT categorize.correct('title', 'C');
FETCH 1 FROM c;
SELECT categorize('title');
FETCH 1 FROM c;
ROLLBACK;

-- WITH HOLD, it outlives its transaction.
BEGIN;
DECLARE c CURSOR WITH HOLD FOR SELECT categorize('title') FROM generate_series(1, 3);
FETCH 1 FROM c;
COMMIT;
FETCH ALL FROM c;
CLOSE c;

-- What was asked holds no table: the same transaction may change and empty it.
BEGIN;
SELECT categorize('title');
TRUNCATE categorize.cache;
SELECT categorize('title') IS NULL AS gone;
ROLLBACK;
BEGIN;
DO $$ BEGIN PERFORM categorize('title'); END $$;
ALTER TABLE categorize.cache ADD COLUMN remark text;
SELECT categorize('title');
ROLLBACK;
SELECT * FROM said;

-- A prepared statement sees later changes.
PREPARE ask AS SELECT categorize('title');
EXECUTE ask;
SELECT categorize.correct('title', 'B');
EXECUTE ask;
SELECT categorize.drop_correction('title');
EXECUTE ask;

-- REPEATABLE READ sees its own changes.
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT * FROM said;
SELECT categorize.correct('title', 'C');
SELECT * FROM said;
COMMIT;
SELECT * FROM said;
SELECT categorize.drop_correction('title');

-- SET LOCAL ends with its transaction.
BEGIN;
SET LOCAL categorize.taxonomy = '';
SELECT categorize('title') IS NULL AS no_taxonomy;
COMMIT;
SELECT categorize('title');

-- A cancel inside a large SELECT comes at once, and the session works on.
SET statement_timeout = '200ms';
SELECT count(categorize('title ' || i)) FROM generate_series(1, 100000000) i;
\echo :LAST_ERROR_SQLSTATE
SELECT count(*) FROM categorize_many((SELECT array_agg('title ' || i || repeat(' word', 200)) FROM generate_series(1, 100000) i), 'products');
\echo :LAST_ERROR_SQLSTATE
RESET statement_timeout;
SELECT * FROM said;
DROP VIEW said;
SELECT categorize.drop_taxonomy('tx');
