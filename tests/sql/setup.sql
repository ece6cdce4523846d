-- The extension, and helpers that the other tests share.
CREATE EXTENSION pg_categorize;
SELECT extname, extrelocatable FROM pg_extension WHERE extname = 'pg_categorize';
SELECT categorize.library_version() = extversion AS same_version FROM pg_extension WHERE extname = 'pg_categorize';

-- The shipped taxonomy answers at once.
SELECT categorize('Nike Air Max 270');

CREATE SCHEMA testing;
GRANT USAGE ON SCHEMA testing TO PUBLIC;

-- What becomes of a statement: its first value, or its error with SQLSTATE, DETAIL and HINT.
CREATE FUNCTION testing.attempt(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    value text;
    code text;
    message text;
    detail text;
    hint text;
BEGIN
    EXECUTE statement INTO value;
    RETURN coalesce(value, '(null)');
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL,
        hint = PG_EXCEPTION_HINT;
    RETURN code || ': ' || message || coalesce(E'\n  DETAIL:  ' || nullif(detail, ''), '')
        || coalesce(E'\n  HINT:  ' || nullif(hint, ''), '');
END
$$;

-- One statement after another, each with what became of it.
CREATE PROCEDURE testing.sweep(VARIADIC statements text[]) LANGUAGE plpgsql AS $$
DECLARE
    statement text;
BEGIN
    FOREACH statement IN ARRAY statements LOOP
        RAISE INFO E'%\n  %', btrim(statement), testing.attempt(statement);
    END LOOP;
END
$$;

-- Tables beside `item` in the first schema of the path: brands, and some of the titles in parts.
CREATE PROCEDURE testing.make_tables_beside_item() LANGUAGE plpgsql AS $$
BEGIN
    CREATE TABLE brand AS SELECT i AS id, 'brand ' || i AS name FROM generate_series(0, 6) i;
    CREATE TABLE part (id int, title text) PARTITION BY RANGE (id);
    CREATE TABLE part_1 PARTITION OF part FOR VALUES FROM (0) TO (600);
    CREATE TABLE part_2 PARTITION OF part FOR VALUES FROM (600) TO (2000);
    INSERT INTO part SELECT id, title FROM item WHERE id <= 1200;
END
$$;
