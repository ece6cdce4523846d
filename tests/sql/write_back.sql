-- Where answers of the queue are written: rows of tables, by their keys, as whoever queued them.
ALTER SYSTEM SET categorize.external = off;
SELECT pg_reload_conf();
SELECT categorize.create_taxonomy('later', ARRAY['A', 'B', 'Bigger > Category']) > 0 AS created;
SELECT categorize.configure('later', '{"tiers": ["correction", "rule", "cache", "llm"]}');
SELECT categorize.add_provider('afterwards', 'openai') > 0 AS added;
SELECT categorize.learn($$ VALUES ('known', 'A') $$, 'later');
CREATE TABLE testing.kick (id int PRIMARY KEY, title text, category text);
INSERT INTO testing.kick VALUES (1, 'known');
-- The provider has answered: 'one' is A, 'two' is B, and 'three' is Bigger > Category, all else has no answer. Waits until all is written.
CREATE PROCEDURE testing.answer() LANGUAGE plpgsql AS $$
DECLARE
    left_over int;
BEGIN
    PERFORM categorize.learn($_$ VALUES ('one', 'A'), ('two', 'B'), ('three', 'Bigger > Category') $_$, 'later');
    DELETE FROM categorize.job_waiting;
    PERFORM categorize.end_jobs(array_agg(id), array_agg(CASE WHEN input IN ('one', 'two', 'three') THEN 'done' ELSE 'failed' END),
                                array_agg(CASE WHEN input IN ('one', 'two', 'three') THEN NULL ELSE 'none_of_these' END), NULL)
       FROM categorize.job WHERE ended_at IS NULL;
    UPDATE testing.kick SET category = NULL;
    PERFORM categorize.enqueue_query('SELECT id, title FROM testing.kick', 'later', 'testing.kick', 'category');
    COMMIT;
    FOR i IN 1..1000 LOOP
        SELECT count(*) INTO left_over FROM categorize.job_target WHERE state <> 'failed' AND attempts = 0;
        EXIT WHEN left_over = 0;
        PERFORM pg_sleep(0.02);
    END LOOP;
    PERFORM categorize.forget(t, 'later') FROM unnest(ARRAY['one', 'two', 'three']) t;
    IF left_over > 0 THEN RAISE WARNING '% rows were not seen to', left_over; END IF;
END
$$;
-- What was not written, since this was asked last.
CREATE FUNCTION testing.failed() RETURNS TABLE (relation text, key text[], reason text, sqlstate text, texts bigint) LANGUAGE sql AS $$
    WITH gone AS (DELETE FROM categorize.job_target t WHERE t.state = 'failed' RETURNING *)
    SELECT coalesce((SELECT c.relname::text FROM pg_class c WHERE c.oid = g.relation), '(dropped)'), g.key, g.reason, g.sqlstate,
           num_nonnulls(g.input, g.row_input, g.output)::bigint FROM gone g ORDER BY 1, 2
$$;

-- The trigger: rows whose category is not known are queued, a text once, and are filled when the answer is there.
CREATE TABLE item (id int PRIMARY KEY, title text, category text);
CREATE TRIGGER fill BEFORE INSERT OR UPDATE ON item FOR EACH ROW EXECUTE FUNCTION categorize_trigger('title', 'category', 'later', 'deferred');
INSERT INTO item VALUES (1, 'one', NULL), (2, 'two', NULL), (3, 'ONE', NULL), (4, 'known', NULL), (5, 'unheard of', NULL), (6, NULL, NULL), (7, 'one', 'mine');
TABLE item;
SELECT input, state, priority FROM categorize.job ORDER BY input;
SELECT relation, output_column, role = CURRENT_USER AS mine, state, reason, rows FROM categorize.write_back_status;
CALL testing.answer();
SELECT * FROM item ORDER BY id;
SELECT * FROM testing.failed();
SELECT category FROM testing.kick;

-- A row that has changed meanwhile is left alone: its input, its category, its key, or all of it.
TRUNCATE item;
INSERT INTO item VALUES (1, 'one'), (2, 'two'), (3, 'three'), (4, 'one'), (5, 'two'), (6, 'one');
UPDATE item SET title = 'known' WHERE id = 1;
UPDATE item SET category = 'mine' WHERE id = 2;
DELETE FROM item WHERE id = 3;
UPDATE item SET id = 40 WHERE id = 4;
UPDATE item SET title = 'one' WHERE id = 5;
CALL testing.answer();
SELECT * FROM item ORDER BY id;
SELECT * FROM testing.failed();
-- What a person has said since counts.
TRUNCATE item;
INSERT INTO item VALUES (1, 'one');
SELECT categorize.correct('one', 'B', 'later');
CALL testing.answer();
SELECT * FROM item ORDER BY id;
SELECT categorize.drop_correction('one', 'later');

-- Rolled back, nothing is queued, with a row as with all of them.
TRUNCATE item;
BEGIN;
INSERT INTO item VALUES (1, 'one');
SAVEPOINT s;
INSERT INTO item VALUES (2, 'two');
ROLLBACK TO s;
COMMIT;
SELECT key, input FROM categorize.job_target WHERE state = 'waiting';
CALL testing.answer();
TABLE item;

-- A query with the rows that its answers go to; what is known is written as well, and other values are overwritten.
DROP TRIGGER fill ON item;
TRUNCATE item;
INSERT INTO item VALUES (1, 'one', 'old'), (2, 'two', NULL), (3, 'known', NULL), (4, 'one', NULL), (5, NULL, NULL), (6, 'unheard of', NULL);
SELECT categorize.enqueue_query('SELECT id, title FROM item', 'later', 'item', 'category', priority => 9);
SELECT categorize.enqueue_query($$ SELECT 'free ' || n FROM generate_series(1, 3) n -- texts alone $$, 'later');
SELECT input, priority FROM categorize.job WHERE ended_at IS NULL ORDER BY input;
CALL testing.answer();
SELECT * FROM item ORDER BY id;
SELECT * FROM testing.failed();
-- The query may ask about another text than the row has: the row must be what it was.
UPDATE item SET category = NULL, title = title || ', boxed' WHERE id <= 4;
SELECT categorize.enqueue_query($$ SELECT id, split_part(title, ',', 1) AS title FROM item WHERE id <= 4 $$, 'later', 'item', 'category');
UPDATE item SET title = 'two, unpacked' WHERE id = 2;
CALL testing.answer();
SELECT * FROM item ORDER BY id;
SELECT * FROM testing.failed();

-- Keys of several columns and of types that are written in many ways; several columns of input; partitions; children.
CREATE TABLE day (day date, at timestamptz, name text, brand text, title text, category text, PRIMARY KEY (day, at, name)) PARTITION BY RANGE (day);
CREATE TABLE day_1 PARTITION OF day FOR VALUES FROM ('2026-01-01') TO ('2026-07-01');
CREATE TABLE day_2 PARTITION OF day FOR VALUES FROM ('2026-07-01') TO ('2027-01-01');
CREATE TRIGGER fill BEFORE INSERT OR UPDATE ON day FOR EACH ROW EXECUTE FUNCTION categorize_trigger('brand,title', 'category', 'later', 'deferred');
SET datestyle = 'German';
SET timezone = 'Asia/Tokyo';
INSERT INTO day VALUES ('02.03.2026', '02.03.2026 10:11:12.5', E'O''Hara "x" \\ {y}, NULL', NULL, 'one'), ('03.08.2026', '03.08.2026', '', 'two', NULL);
INSERT INTO day_1 VALUES ('04.05.2026', '04.05.2026', 'direct', 'three', NULL);
RESET datestyle;
RESET timezone;
SELECT relation::regclass, key_columns, key FROM categorize.job_target WHERE state = 'waiting' ORDER BY key;
UPDATE day SET day = '2026-09-04' WHERE name = 'direct';
UPDATE day SET day = '2026-05-04' WHERE name = 'direct';
CALL testing.answer();
SELECT name, category, tableoid::regclass FROM day ORDER BY name;
SELECT * FROM testing.failed();
CREATE TABLE parent (id int PRIMARY KEY, title text, category text);
CREATE TABLE child () INHERITS (parent);
INSERT INTO parent VALUES (1, 'one');
INSERT INTO child VALUES (1, 'one');
SELECT categorize.enqueue_query('SELECT id, title FROM ONLY parent', 'later', 'parent', 'category');
CALL testing.answer();
SELECT tableoid::regclass, category FROM parent ORDER BY 1;

-- Columns of other types: what does not fit ends its own row only.
CREATE TYPE kind AS ENUM ('A', 'B');
CREATE DOMAIN not_b AS text CHECK (value <> 'B');
CREATE TABLE typed (id int PRIMARY KEY, title text, short varchar(5), kind kind, domain not_b, checked text CHECK (checked <> 'A'));
INSERT INTO typed (id, title) VALUES (1, 'one'), (2, 'two'), (3, 'three'), (4, 'known');
SELECT categorize.enqueue_query('SELECT id, title FROM typed', 'later', 'typed', c) FROM unnest(ARRAY['short', 'kind', 'domain', 'checked']) c;
CALL testing.answer();
SELECT * FROM typed ORDER BY id;
SELECT key, reason, sqlstate, texts, count(*) FROM testing.failed() GROUP BY 1, 2, 3, 4 ORDER BY 1, 3;

-- What cannot be meant.
CREATE TABLE keyless (id int, title text, category text);
CREATE TABLE made (id int PRIMARY KEY, title text, category text, upper text GENERATED ALWAYS AS (upper(title)) STORED, always int GENERATED ALWAYS AS IDENTITY);
CREATE VIEW seen AS SELECT * FROM item;
CREATE TEMP TABLE passing (id int PRIMARY KEY, title text, category text);
CALL testing.sweep(
    $$ SELECT categorize.enqueue_query('SELECT id, title FROM keyless', 'later', 'keyless', 'category') $$,
    $$ SELECT categorize.enqueue_query('SELECT id, title FROM seen', 'later', 'seen', 'category') $$,
    $$ SELECT categorize.enqueue_query('SELECT id, title FROM passing', 'later', 'passing', 'category') $$,
    $$ SELECT categorize.enqueue_query('SELECT id, title FROM made', 'later', 'made', 'upper') $$,
    $$ SELECT categorize.enqueue_query('SELECT id, title FROM made', 'later', 'made', 'always') $$,
    $$ SELECT categorize.enqueue_query('SELECT id, title FROM item', 'later', 'item', 'no such') $$,
    $$ SELECT categorize.enqueue_query('SELECT id, title AS no_such FROM item', 'later', 'item', 'category') $$,
    $$ SELECT categorize.enqueue_query('SELECT title FROM item', 'later', 'item', 'category') $$,
    $$ SELECT categorize.enqueue_query('SELECT id FROM item', 'later', 'item', 'category') $$,
    $$ SELECT categorize.enqueue_query('SELECT id, title FROM item', 'later', 'item') $$,
    $$ SELECT categorize.enqueue_query('SELECT id, title FROM item', 'later', output_column => 'category') $$,
    $$ SELECT categorize.enqueue_query('SELECT id, title FROM item', 'later') $$,
    $$ SELECT categorize.enqueue_query('INSERT INTO item VALUES (99) RETURNING id, title', 'later', 'item', 'category') $$,
    $$ SELECT categorize.enqueue_query('SELECT title FROM item', 'nowhere') $$,
    $$ SELECT categorize.enqueue_query('SELECT title FROM item', 'later', priority => 11) $$,
    $$ SELECT categorize.enqueue_query('DELETE FROM item RETURNING title', 'later') $$,
    $$ SELECT categorize.enqueue_query('SELECT nextval(''categorize.job_id_seq'')::text', 'later') $$,
    $$ SELECT categorize.enqueue_query(NULL, 'later') $$,
    $$ SELECT categorize.enqueue_query('SELECT title FROM item', 'later', 99999999::regclass, 'category') $$);
CREATE TRIGGER fill BEFORE INSERT OR UPDATE ON keyless FOR EACH ROW EXECUTE FUNCTION categorize_trigger('title', 'category', 'later', 'deferred');
INSERT INTO keyless VALUES (1, 'one', NULL), (2, 'known', NULL);
TABLE keyless;
SELECT count(*) FROM categorize.job WHERE ended_at IS NULL;

-- Rights: when it is queued.
CREATE ROLE regress_writer IN ROLE categorize_user;
GRANT USAGE ON SCHEMA testing TO regress_writer;
TRUNCATE item;
CREATE TRIGGER fill BEFORE INSERT OR UPDATE ON item FOR EACH ROW EXECUTE FUNCTION categorize_trigger('title', 'category', 'later', 'deferred');
GRANT INSERT, SELECT ON item TO regress_writer;
SET ROLE regress_writer;
INSERT INTO item VALUES (1, 'one');
CALL testing.sweep($$ SELECT categorize.enqueue_query('SELECT id, title FROM item', 'later', 'item', 'category') $$);
RESET ROLE;
GRANT UPDATE (category) ON item TO regress_writer;
SET ROLE regress_writer;
INSERT INTO item VALUES (2, 'two'), (3, 'one');
SELECT relation, role, state, rows FROM categorize.write_back_status;
RESET ROLE;
-- And when it is written.
REVOKE UPDATE (category) ON item FROM regress_writer;
CALL testing.answer();
SELECT * FROM item ORDER BY id;
SELECT * FROM testing.failed();

-- A text that one transaction queues as several roles is written as each of them.
GRANT UPDATE ON item TO regress_writer;
TRUNCATE item;
BEGIN;
INSERT INTO item VALUES (1, 'one');
SET LOCAL ROLE regress_writer;
INSERT INTO item VALUES (2, 'one');
COMMIT;
SELECT key, role_id::regrole = 'regress_writer'::regrole AS as_writer FROM categorize.job_target WHERE state = 'waiting' ORDER BY key;
REVOKE UPDATE ON item FROM regress_writer;
CALL testing.answer();
SELECT * FROM item ORDER BY id;
SELECT * FROM testing.failed();

-- Policies of rows hold for whoever queued.
GRANT UPDATE ON item TO regress_writer;
TRUNCATE item;
SET ROLE regress_writer;
INSERT INTO item VALUES (1, 'one'), (2, 'two'), (3, 'three');
RESET ROLE;
ALTER TABLE item ENABLE ROW LEVEL SECURITY;
CREATE POLICY reads ON item FOR SELECT TO regress_writer USING (id <> 1);
CREATE POLICY writes ON item FOR UPDATE TO regress_writer USING (true) WITH CHECK (category <> 'B');
CALL testing.answer();
SELECT * FROM item ORDER BY id;
SELECT * FROM testing.failed();
DROP POLICY reads ON item;
DROP POLICY writes ON item;
ALTER TABLE item DISABLE ROW LEVEL SECURITY;

-- Triggers of the table run as whoever queued, in a security-restricted operation, and none is left for the commit.
CREATE TABLE testing.trace (id int, who text, session text, path text, at text);
GRANT INSERT ON testing.trace TO regress_writer;
CREATE FUNCTION testing.tries() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO testing.trace VALUES (NEW.id, CURRENT_USER, SESSION_USER = CURRENT_USER, current_setting('search_path'), TG_ARGV[0]);
    IF NEW.id = 1 AND CURRENT_USER = 'regress_writer' AND NEW.category IS NOT NULL THEN
        EXECUTE TG_ARGV[1];
        INSERT INTO testing.trace VALUES (NEW.id, CURRENT_USER, NULL, NULL, 'got through');
    END IF;
    RETURN NULL;
END
$$;
CREATE PROCEDURE testing.try(timing text, statement text) LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('CREATE CONSTRAINT TRIGGER tries AFTER UPDATE ON item DEFERRABLE %s FOR EACH ROW EXECUTE FUNCTION testing.tries(%L, %L)', timing, timing, statement);
    TRUNCATE item, testing.trace;
    SET LOCAL ROLE regress_writer;
    INSERT INTO item VALUES (1, 'one'), (2, 'two');
    SET LOCAL ROLE NONE;
    COMMIT;
    CALL testing.answer();
    DROP TRIGGER tries ON item;
END
$$;
CALL testing.try('INITIALLY DEFERRED', 'RESET ROLE');
SELECT * FROM item ORDER BY id;
SELECT * FROM testing.trace ORDER BY id;
SELECT * FROM testing.failed();
CALL testing.try('INITIALLY DEFERRED', 'SET SESSION AUTHORIZATION DEFAULT');
SELECT * FROM testing.trace ORDER BY id;
SELECT * FROM testing.failed();
CALL testing.try('INITIALLY DEFERRED', 'SET ROLE postgres');
SELECT * FROM testing.failed();
-- Deferring what comes from inside.
CALL testing.try('INITIALLY IMMEDIATE', 'SET CONSTRAINTS ALL DEFERRED; UPDATE public.item SET title = title WHERE id = 2');
SELECT * FROM testing.trace WHERE at = 'got through';
SELECT * FROM testing.failed();
CALL testing.try('INITIALLY IMMEDIATE', 'CREATE TEMP TABLE left_behind (id int)');
SELECT * FROM testing.failed();
CALL testing.try('INITIALLY IMMEDIATE', 'SET categorize.tenant = ''another''');
SELECT * FROM testing.failed();
CALL testing.try('INITIALLY IMMEDIATE', 'SET search_path = testing');
SELECT * FROM item ORDER BY id;
SELECT who, path, at FROM testing.trace WHERE at = 'got through';
SHOW search_path;
SELECT * FROM testing.failed();

-- Who makes operators and functions of the same names gains nothing.
GRANT CREATE ON SCHEMA testing TO regress_writer;
SET ROLE regress_writer;
CREATE FUNCTION testing.yes(text, text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'called as %', CURRENT_USER; END $$;
CREATE OPERATOR testing.= (LEFTARG = text, RIGHTARG = text, FUNCTION = testing.yes);
CREATE FUNCTION testing.unnest(text[]) RETURNS SETOF text LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'called as %', CURRENT_USER; END $$;
RESET ROLE;
TRUNCATE item;
SET search_path = testing, public, pg_catalog;
SET ROLE regress_writer;
INSERT INTO item VALUES (1, 'one');
RESET ROLE;
RESET search_path;
CALL testing.answer();
TABLE item;
SELECT * FROM testing.failed();

-- What is dropped meanwhile ends its own rows.
TRUNCATE item;
INSERT INTO item VALUES (1, 'one');
CREATE TABLE doomed (id int PRIMARY KEY, title text, category text, other text);
INSERT INTO doomed VALUES (1, 'two');
SELECT categorize.enqueue_query('SELECT id, title FROM doomed', 'later', 'doomed', c) FROM unnest(ARRAY['category', 'other']) c;
CREATE ROLE regress_leaver IN ROLE categorize_user;
GRANT SELECT, UPDATE ON doomed TO regress_leaver;
SET ROLE regress_leaver;
SELECT categorize.enqueue_query('SELECT id, title FROM doomed', 'later', 'doomed', 'category');
RESET ROLE;
REVOKE ALL ON doomed FROM regress_leaver;
DROP ROLE regress_leaver;
ALTER TABLE doomed DROP COLUMN other;
CREATE TABLE rekeyed (id int PRIMARY KEY, title text, category text);
INSERT INTO rekeyed VALUES (1, 'one');
SELECT categorize.enqueue_query('SELECT id, title FROM rekeyed', 'later', 'rekeyed', 'category');
ALTER TABLE rekeyed DROP CONSTRAINT rekeyed_pkey, ADD PRIMARY KEY (title);
CREATE TABLE gone (id int PRIMARY KEY, title text, category text);
INSERT INTO gone VALUES (1, 'one');
SELECT categorize.enqueue_query('SELECT id, title FROM gone', 'later', 'gone', 'category');
DROP TABLE gone;
CALL testing.answer();
SELECT * FROM item ORDER BY id;
SELECT * FROM doomed ORDER BY id;
SELECT * FROM testing.failed();

RESET ROLE;
DROP TABLE item, day, child, parent, typed, keyless, made, passing, doomed, rekeyed, testing.trace, testing.kick CASCADE;
DROP FUNCTION testing.tries, testing.yes(text, text) CASCADE;
DROP FUNCTION testing.unnest, testing.failed;
DROP PROCEDURE testing.try, testing.answer;
DROP TYPE kind, not_b;
REVOKE ALL ON SCHEMA testing FROM regress_writer;
DROP OWNED BY regress_writer;
DROP ROLE regress_writer;
SELECT categorize.drop_taxonomy('later');
SELECT categorize.drop_provider('afterwards');
TRUNCATE categorize.job_entry, categorize.job_waiting, categorize.job_live, categorize.job_end, categorize.job_key CASCADE;
ALTER SYSTEM RESET categorize.external;
SELECT pg_reload_conf();
