-- categorize_trigger(): fills a column on INSERT and UPDATE; a row is never lost to us.
SELECT categorize.create_taxonomy('filled', ARRAY['A', 'B', 'Bigger > Category']) > 0 AS created;
SELECT categorize.configure('filled', '{"tiers": ["correction", "rule", "cache"]}');
SELECT categorize.learn($$ VALUES ('one', 'A'), ('two', 'B'), ('three', 'Bigger > Category'), ('acme one', 'B') $$, 'filled');
CREATE TABLE item (id int, brand text, title text, category text);
CREATE TRIGGER fill BEFORE INSERT OR UPDATE ON item FOR EACH ROW EXECUTE FUNCTION categorize_trigger('title', 'category', 'filled');

-- INSERT: filled unless a value was supplied.
INSERT INTO item VALUES (1, NULL, 'one', NULL), (2, NULL, 'two', 'mine'), (3, NULL, NULL, NULL), (4, NULL, 'unheard of', NULL)
RETURNING id, title, category;

-- UPDATE: a new title, a title unchanged, a value changed by the same UPDATE, one set to NULL.
UPDATE item SET title = 'two' WHERE id = 1 RETURNING id, title, category;
UPDATE item SET brand = 'x' WHERE id = 2 RETURNING id, title, category;
UPDATE item SET title = 'one', category = 'mine too' WHERE id = 1 RETURNING id, title, category;
UPDATE item SET title = 'three' WHERE id = 2 RETURNING id, title, category;
UPDATE item SET category = NULL WHERE id = 2 RETURNING id, title, category;
UPDATE item SET title = 'unheard of' WHERE id = 2 RETURNING id, title, category;
UPDATE item SET id = id WHERE id = 2 RETURNING id, title, category;

-- COPY, INSERT ... SELECT and ON CONFLICT pass it, too.
COPY item (id, title) FROM stdin;
10	one
11	two
\.
INSERT INTO item (id, title) SELECT 12 + n, (ARRAY['one', 'two'])[n % 2 + 1] FROM generate_series(0, 3) n;
SELECT id, category FROM item WHERE id >= 10 ORDER BY id;
ALTER TABLE item ADD UNIQUE (id);
INSERT INTO item (id, title) VALUES (10, 'two') ON CONFLICT (id) DO UPDATE SET title = excluded.title RETURNING id, category;
TRUNCATE item;

-- Several columns are joined by blanks; NULLs are left out.
DROP TRIGGER fill ON item;
CREATE TRIGGER fill BEFORE INSERT OR UPDATE ON item FOR EACH ROW EXECUTE FUNCTION categorize_trigger('brand, title', 'category', 'filled', 'live');
INSERT INTO item VALUES (1, 'Acme', 'one', NULL), (2, NULL, 'one', NULL), (3, 'two', NULL, NULL), (4, NULL, NULL, NULL) RETURNING id, category;
UPDATE item SET brand = NULL WHERE id = 1 RETURNING id, category;
TRUNCATE item;

-- The default taxonomy is that of the session.
DROP TRIGGER fill ON item;
CREATE TRIGGER fill BEFORE INSERT OR UPDATE ON item FOR EACH ROW EXECUTE FUNCTION categorize_trigger('title', 'category');
SET categorize.taxonomy = 'filled';
INSERT INTO item VALUES (1, NULL, 'one', NULL) RETURNING category;
SET categorize.taxonomy = '';
INSERT INTO item VALUES (2, NULL, 'one', NULL) RETURNING category;
-- A miss is never an error here.
SET categorize.taxonomy = 'filled';
SET categorize.on_unresolved = 'error';
INSERT INTO item VALUES (3, NULL, 'unheard of', NULL) RETURNING category;
RESET categorize.on_unresolved;

-- What goes wrong with us is a WARNING, and the row stays.
SET categorize.taxonomy = 'nowhere';
INSERT INTO item VALUES (4, NULL, 'one', NULL) RETURNING id, category;
RESET categorize.taxonomy;
DROP TRIGGER fill ON item;
TRUNCATE item;
CREATE TABLE small (title text, category varchar(5), number int);
CREATE TRIGGER fill BEFORE INSERT OR UPDATE ON small FOR EACH ROW EXECUTE FUNCTION categorize_trigger('title', 'category', 'filled');
INSERT INTO small VALUES ('one'), ('three') RETURNING title, category;
UPDATE small SET title = 'three' WHERE title = 'one' RETURNING title, category;
DROP TRIGGER fill ON small;
CREATE TRIGGER fill BEFORE INSERT ON small FOR EACH ROW EXECUTE FUNCTION categorize_trigger('title', 'number', 'filled');
INSERT INTO small VALUES ('one') RETURNING title, number;
DROP TRIGGER fill ON small;
CREATE TRIGGER fill BEFORE INSERT ON small FOR EACH ROW EXECUTE FUNCTION categorize_trigger('titel', 'category', 'filled');
INSERT INTO small VALUES ('one') RETURNING title, category;
DROP TRIGGER fill ON small;
CREATE TRIGGER fill BEFORE INSERT ON small FOR EACH ROW EXECUTE FUNCTION categorize_trigger('title', 'categories', 'filled');
INSERT INTO small VALUES ('one') RETURNING title, category;
DROP TRIGGER fill ON small;

-- Any type that can be read from text: an enum, a domain.
CREATE TYPE shelf AS ENUM ('A', 'B');
CREATE DOMAIN short AS text CHECK (length(value) < 5);
CREATE TABLE typed (title varchar(20), shelf shelf, short short);
CREATE TRIGGER fill_1 BEFORE INSERT ON typed FOR EACH ROW EXECUTE FUNCTION categorize_trigger('title', 'shelf', 'filled');
CREATE TRIGGER fill_2 BEFORE INSERT ON typed FOR EACH ROW EXECUTE FUNCTION categorize_trigger('title', 'short', 'filled');
INSERT INTO typed VALUES ('one'), ('three') RETURNING *;

-- Columns that were dropped before count no more.
ALTER TABLE item DROP COLUMN brand;
CREATE TRIGGER fill BEFORE INSERT ON item FOR EACH ROW EXECUTE FUNCTION categorize_trigger('title', 'category', 'filled');
INSERT INTO item (id, title) VALUES (5, 'two') RETURNING category;
DROP TRIGGER fill ON item;

-- Names in mixed case and with blanks; a comma separates input columns only.
CREATE TABLE "Mixed" ("The Title" text, "Cat,egory" text);
CREATE TRIGGER fill BEFORE INSERT ON "Mixed" FOR EACH ROW EXECUTE FUNCTION categorize_trigger('The Title', 'Cat,egory', 'filled');
INSERT INTO "Mixed" VALUES ('two') RETURNING *;

-- A partitioned table fires it in its partitions.
CREATE TABLE parted (id int, title text, category text) PARTITION BY RANGE (id);
CREATE TABLE part_1 PARTITION OF parted FOR VALUES FROM (0) TO (10);
CREATE TABLE part_2 (category text, title text, id int);
ALTER TABLE parted ATTACH PARTITION part_2 FOR VALUES FROM (10) TO (20);
CREATE TRIGGER fill BEFORE INSERT OR UPDATE ON parted FOR EACH ROW EXECUTE FUNCTION categorize_trigger('title', 'category', 'filled');
INSERT INTO parted VALUES (1, 'one'), (11, 'two') RETURNING id, category;

-- Misused.
CREATE FUNCTION testing.misuse(definition text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE 'CREATE TRIGGER misused ' || definition;
    INSERT INTO item (id, title) VALUES (99, 'one');
END
$$;
CALL testing.sweep(
    $$ SELECT testing.misuse($_$ AFTER INSERT ON item FOR EACH ROW EXECUTE FUNCTION categorize_trigger('title', 'category') $_$) $$,
    $$ SELECT testing.misuse($_$ BEFORE INSERT ON item FOR EACH STATEMENT EXECUTE FUNCTION categorize_trigger('title', 'category') $_$) $$,
    $$ SELECT testing.misuse($_$ BEFORE INSERT ON item FOR EACH ROW EXECUTE FUNCTION categorize_trigger() $_$) $$,
    $$ SELECT testing.misuse($_$ BEFORE INSERT ON item FOR EACH ROW EXECUTE FUNCTION categorize_trigger('title') $_$) $$,
    $$ SELECT testing.misuse($_$ BEFORE INSERT ON item FOR EACH ROW EXECUTE FUNCTION categorize_trigger('title', 'category', 'filled', 'lively') $_$) $$,
    $$ SELECT testing.misuse($_$ BEFORE INSERT ON item FOR EACH ROW EXECUTE FUNCTION categorize_trigger('title', 'category', 'filled', 'live', 'more') $_$) $$);
INSERT INTO item (id, title) VALUES (1, 'one');
CREATE TRIGGER misused BEFORE DELETE ON item FOR EACH ROW EXECUTE FUNCTION categorize_trigger('title', 'category', 'filled');
DELETE FROM item;
\echo :LAST_ERROR_SQLSTATE
SELECT categorize_trigger();
\echo :LAST_ERROR_SQLSTATE

-- A cancel is not swallowed.
DROP TRIGGER misused ON item;
CREATE TRIGGER fill BEFORE INSERT ON item FOR EACH ROW EXECUTE FUNCTION categorize_trigger('title', 'category', 'filled');
SET statement_timeout = '200ms';
INSERT INTO item (id, title) SELECT 1000 + i, 'new ' || i FROM generate_series(1, 100000000) i;
\echo :LAST_ERROR_SQLSTATE
RESET statement_timeout;
SELECT count(*) FROM item WHERE id > 1000;

DROP TABLE item, small, typed, parted, "Mixed";
DROP TYPE shelf;
DROP DOMAIN short;
DROP FUNCTION testing.misuse;
SELECT categorize.drop_taxonomy('filled');
