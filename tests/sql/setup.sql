-- The extension, and two helpers that the other tests share.
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
