\echo Use "ALTER EXTENSION pg_categorize UPDATE" to load this file. \quit

-- 0.5.0: sets behind the scalar call.

CREATE OR REPLACE VIEW categorize.provider_health WITH (security_barrier) AS
    SELECT p.name AS provider, coalesce(h.model, p.settings ->> 'model'::text) AS model,
           CASE WHEN h.stopped THEN 'stopped' ELSE coalesce(h.breaker, 'unknown') END AS state,
           h.attempts, h.failures, h.in_flight, h.latency_p50_ms, h.latency_p99_ms, h.last_failure,
           h.answers, round(h.upgrades::numeric / nullif(h.answers, 0)::numeric, 3) AS upgrade_rate,
           m.shut_down_on,
           nullif(concat_ws('; ', CASE WHEN m.shut_down_on <= CURRENT_DATE
                THEN 'model ' || m.name || ' was to be shut down on ' || to_char(m.shut_down_on::timestamp, 'YYYY-MM-DD')
                WHEN m.shut_down_on <= CURRENT_DATE + 60
                THEN 'model ' || m.name || ' will be shut down on ' || to_char(m.shut_down_on::timestamp, 'YYYY-MM-DD')
           END,
           -- Fewer say little, and a share above this costs more than the cheap model saves.
           CASE WHEN h.answers >= 100::bigint AND h.upgrades::numeric > 0.3 * h.answers::numeric
                THEN 'a strong model was asked about ' || round(100.0 * h.upgrades::numeric / h.answers::numeric)::text ||
                     ' of 100 answers: corrections calibrate its confidence, a better cheap model or a lower upgrade_threshold saves money'
           END), ''::text) AS warning
      FROM categorize.provider p
      LEFT JOIN categorize.provider_health() h ON h.provider = p.name
      LEFT JOIN categorize.models m ON m.name = coalesce(h.model, p.settings ->> 'model'::text);

-- What a statement would cost. As it is generated for a fresh install.
CREATE  FUNCTION categorize."estimate"(
	"query" TEXT /* Option < & str > */
) RETURNS TABLE (
	"call" INT,  /* i32 */
	"taxonomy" TEXT,  /* Option < String > */
	"tier" TEXT,  /* String */
	"rows" bigint,  /* i64 */
	"inputs" bigint,  /* i64 */
	"low_usd" NUMERIC,  /* AnyNumeric */
	"high_usd" NUMERIC,  /* AnyNumeric */
	"basis" TEXT  /* String */
)
VOLATILE 
LANGUAGE c /* Rust */
AS 'MODULE_PATHNAME', 'estimate_wrapper';
COMMENT ON FUNCTION categorize.estimate(text) IS
    'What a statement will probably ask and cost, by call and tier; nothing of it runs, and nothing is spent.';
REVOKE ALL ON FUNCTION categorize.estimate(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION categorize.estimate(text) TO categorize_user;

-- Bulk runs.

-- It has no arguments that could be NULL.
ALTER FUNCTION @extschema@.categorize_trigger() STRICT;

CREATE FUNCTION categorize."run_begin"(
	"relation" oid, /* Option < pg_sys :: Oid > */
	"input_columns" TEXT, /* Option < & str > */
	"output_column" TEXT, /* Option < & str > */
	"taxonomy" TEXT, /* Option < & str > */
	"condition" TEXT, /* Option < & str > */
	"overwrite" bool, /* Option < bool > */
	"max_usd" NUMERIC, /* Option < AnyNumeric > */
	"chunk_size" INT, /* Option < i32 > */
	"dry_run" bool, /* Option < bool > */
	"claim_timeout" interval /* Option < Interval > */
) RETURNS bigint /* i64 */

LANGUAGE c /* Rust */
AS 'MODULE_PATHNAME', 'run_begin_wrapper';

CREATE FUNCTION categorize."run_claim"(
	"run" bigint, /* i64 */
	"claim_timeout" interval /* Interval */
) RETURNS TABLE (
	"task" TEXT,  /* String */
	"claim" bigint,  /* Option < i64 > */
	"from_key" jsonb,  /* Option < JsonB > */
	"to_key" jsonb  /* Option < JsonB > */
)
STRICT 
LANGUAGE c /* Rust */
AS 'MODULE_PATHNAME', 'run_claim_wrapper';

CREATE FUNCTION categorize."run_planned"(
	"claim" bigint, /* i64 */
	"rows" bigint /* i64 */
) RETURNS void
STRICT 
LANGUAGE c /* Rust */
AS 'MODULE_PATHNAME', 'run_planned_wrapper';

CREATE FUNCTION categorize."run_advance"(
	"claim" bigint, /* i64 */
	"to_key" jsonb, /* Option < JsonB > */
	"rows" INT, /* Option < i32 > */
	"asked" INT /* i32 */
) RETURNS void

LANGUAGE c /* Rust */
AS 'MODULE_PATHNAME', 'run_advance_wrapper';

CREATE FUNCTION categorize."run_allow"(
	"claim" bigint, /* i64 */
	"inputs" INT /* i32 */
) RETURNS INT /* Option < i32 > */
STRICT 
LANGUAGE c /* Rust */
AS 'MODULE_PATHNAME', 'run_allow_wrapper';

CREATE FUNCTION categorize."run_close"(
	"claim" bigint, /* i64 */
	"sources" TEXT[], /* :: std :: option :: Option < Vec < Option < String > > > */
	"written" bigint /* i64 */
) RETURNS bool /* bool */

LANGUAGE c /* Rust */
AS 'MODULE_PATHNAME', 'run_close_wrapper';

CREATE FUNCTION categorize."run_surveyed"(
	"run" bigint, /* i64 */
	"rows" bigint, /* i64 */
	"inputs" bigint, /* i64 */
	"sources" TEXT[], /* :: std :: option :: Option < Vec < Option < String > > > */
	"sample_rows" bigint[], /* :: std :: option :: Option < Vec < Option < i64 > > > */
	"sketches" TEXT[] /* :: std :: option :: Option < Vec < Option < String > > > */
) RETURNS void

LANGUAGE c /* Rust */
AS 'MODULE_PATHNAME', 'run_surveyed_wrapper';

CREATE FUNCTION categorize."run_answers"(
	"inputs" TEXT[], /* Vec < Option < String > > */
	"taxonomy" TEXT /* & str */
) RETURNS TABLE (
	"category" TEXT,  /* Option < String > */
	"source" TEXT  /* Option < String > */
)
STRICT VOLATILE PARALLEL SAFE 
LANGUAGE c /* Rust */
AS 'MODULE_PATHNAME', 'run_answers_wrapper';

-- run(): filling a column of a whole table in committed chunks. The procedure acts with the caller's rights and under the
-- caller's search_path, since a procedure with a SET clause cannot commit: so every name and operator is qualified here, and
-- what would need many of them is in functions with a path of their own. The books of a run are kept by functions of the
-- library, which act as the owner and know who calls.

-- A run of one role and tenant; until it has ended, the same CALL goes on with it.
CREATE SEQUENCE categorize.bulk_run_id_seq;
CREATE TABLE categorize.bulk_run (
    id             bigint PRIMARY KEY DEFAULT pg_catalog.nextval('categorize.bulk_run_id_seq'),
    role           text NOT NULL,
    tenant         text NOT NULL,
    relation       oid NOT NULL,
    relation_name  text NOT NULL,
    input_columns  text NOT NULL,
    output_column  text NOT NULL,
    taxonomy       text NOT NULL,
    condition      text,
    overwrite      boolean NOT NULL,
    dry_run        boolean NOT NULL,
    -- NULL is without limit.
    limit_nanousd  bigint CHECK (limit_nanousd >= 0),
    limit_reached  boolean NOT NULL DEFAULT false,
    -- Whether the wanted rows were counted, and representatives of dense groups asked about.
    planned        boolean NOT NULL DEFAULT false,
    -- The last key that was given out, and whether it was the last of the table.
    position       jsonb,
    swept          boolean NOT NULL DEFAULT false,
    rows_total     bigint,
    rows_done      bigint NOT NULL DEFAULT 0,
    rows_written   bigint NOT NULL DEFAULT 0,
    -- Distinct inputs of a dry run, and what they may cost.
    inputs_total   bigint,
    low_nanousd    bigint,
    high_nanousd   bigint,
    -- Rows by the tier that answered.
    tiers          jsonb NOT NULL DEFAULT '{}',
    started_at     timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    -- When it was last begun or gone on with, and how many rows were done by then: the rate counts from there.
    resumed_at     timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    resumed_rows   bigint NOT NULL DEFAULT 0,
    updated_at     timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    ended_at       timestamptz
);
CREATE UNIQUE INDEX bulk_run_open_key ON categorize.bulk_run
    (role, tenant, relation, pg_catalog.md5(input_columns), output_column, taxonomy, pg_catalog.md5(coalesce(condition, '')), overwrite)
    WHERE ended_at IS NULL;

-- What a session works at: the keys above from_key up to to_key, or the planning of the run.
CREATE SEQUENCE categorize.bulk_claim_id_seq;
CREATE TABLE categorize.bulk_claim (
    id                bigint PRIMARY KEY DEFAULT pg_catalog.nextval('categorize.bulk_claim_id_seq'),
    run_id            bigint NOT NULL REFERENCES categorize.bulk_run (id) ON DELETE CASCADE,
    planning          boolean NOT NULL,
    from_key          jsonb,
    to_key            jsonb,
    pid               int NOT NULL,
    claimed_at        timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    expires_at        timestamptz NOT NULL,
    -- What it may spend of the run's limit before it asks again.
    allowance_nanousd bigint NOT NULL DEFAULT 0
);
CREATE INDEX bulk_claim_run_id_idx ON categorize.bulk_claim (run_id);

CREATE VIEW categorize.progress WITH (security_barrier) AS
    SELECT r.id AS run, r.relation_name AS relation, r.output_column, r.taxonomy, r.condition, r.role, r.tenant,
           CASE WHEN r.dry_run THEN 'dry run' WHEN r.ended_at IS NOT NULL THEN 'done' WHEN w.workers > 0::bigint THEN 'running'
                ELSE 'interrupted' END AS state,
           w.workers,
           r.rows_done, r.rows_total, r.rows_written,
           p.rate AS rows_per_second,
           coalesce((r.tiers ->> 'correction'::text)::bigint, 0::bigint) AS correction,
           coalesce((r.tiers ->> 'rule'::text)::bigint, 0::bigint) AS rule,
           coalesce((r.tiers ->> 'cache'::text)::bigint, 0::bigint) AS cache,
           coalesce((r.tiers ->> 'local_model'::text)::bigint, 0::bigint) AS local_model,
           coalesce((r.tiers ->> 'similarity'::text)::bigint, 0::bigint) AS similarity,
           coalesce((r.tiers ->> 'llm'::text)::bigint, 0::bigint) AS llm,
           coalesce((r.tiers ->> 'unresolved'::text)::bigint, 0::bigint) AS unresolved,
           s.settled * 0.000000001 AS settled_usd,
           s.reserved * 0.000000001 AS reserved_usd,
           r.limit_nanousd::numeric * 0.000000001 AS limit_usd,
           r.limit_reached,
           r.inputs_total AS distinct_inputs,
           r.low_nanousd::numeric * 0.000000001 AS low_usd,
           r.high_nanousd::numeric * 0.000000001 AS high_usd,
           CASE WHEN r.ended_at IS NULL AND p.rate > 0::numeric
                THEN pg_catalog.make_interval(secs => (greatest(r.rows_total - r.rows_done, 0::bigint)::numeric / p.rate)::float8)
           END AS time_left,
           r.started_at AS since, r.updated_at, r.ended_at
      FROM categorize.bulk_run r
     CROSS JOIN LATERAL (
           SELECT count(*) AS workers FROM categorize.bulk_claim c
            WHERE c.run_id = r.id AND c.expires_at > clock_timestamp()
              AND EXISTS (SELECT FROM pg_catalog.pg_stat_get_activity(c.pid) a
                           WHERE (a.backend_start IS NULL OR a.backend_start <= c.claimed_at)
                             AND (a.query_start IS NULL OR a.query_start <= c.claimed_at)
                             AND (a.state IS NULL OR a.state NOT LIKE 'idle%'))) w
     CROSS JOIN LATERAL (
           SELECT round((r.rows_done - r.resumed_rows)::numeric
                        / nullif(extract(epoch FROM r.updated_at - r.resumed_at), 0::numeric), 1) AS rate) p
     CROSS JOIN LATERAL (
           SELECT (SELECT coalesce(sum(l.amount_nanousd), 0::numeric) FROM categorize.ledger l
                    WHERE l.kind IN ('settle', 'adjust') AND l.reserved_at >= r.started_at
                      AND l.reserved_at <= coalesce(r.ended_at, clock_timestamp())
                      AND l.application_name = 'categorize.run ' || r.id::text
                      AND l.role = r.role AND l.tenant = r.tenant) AS settled,
                  (SELECT coalesce(sum(v.amount_nanousd), 0::numeric) FROM categorize.reservation v
                    WHERE v.reserved_at >= r.started_at AND v.application_name = 'categorize.run ' || r.id::text
                      AND v.role = r.role AND v.tenant = r.tenant) AS reserved) s
     WHERE categorize.sees_all_tenants()
        OR (r.role = CURRENT_USER::text AND r.tenant = categorize.current_tenant());

-- What run() executes on the caller's table, with all names and operators in it qualified, and the columns that are meant.
CREATE FUNCTION categorize.run_statements(
    relation regclass, input_column text, output_column text, taxonomy text, condition text, overwrite boolean,
    OUT input_columns text, OUT output text, OUT into_taxonomy text,
    OUT lock_rows text, OUT survey text, OUT next_rows text, OUT range_rows text, OUT write_rows text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    kind "char";
    home text;
    given text[];
    name text;
    part text;
    parts text[] := '{}';
    input text;
    wanted text;
    number int := 0;
    key record;
    columns text[] := '{}';
    json text[] := '{}';
    value text;
    typed text[] := '{}';
    equal text[] := '{}';
    above text[] := '{}';
    below text[] := '{}';
    -- The comparisons of the key's columns where they differ in more than their types.
    first_above text;
    first_below text;
    alike boolean := true;
    from_values text[] := '{}';
    to_values text[] := '{}';
    output_type text;
    above_start text;
    up_to_end text;
    sketch text;
BEGIN
    IF relation IS NULL THEN
        RAISE EXCEPTION 'argument "relation" must not be NULL' USING ERRCODE = 'null_value_not_allowed';
    END IF;
    SELECT c.relkind, format('%I.%I', n.nspname, c.relname) INTO kind, home
      FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = relation;
    IF kind IS NULL THEN
        RAISE EXCEPTION 'relation with OID % does not exist', relation::oid USING ERRCODE = 'undefined_table';
    ELSIF kind NOT IN ('r', 'p') THEN
        RAISE EXCEPTION '% is not a table', home USING ERRCODE = 'wrong_object_type',
            HINT = 'categorize.run() fills a column of a table or partitioned table.';
    END IF;
    -- Columns that are not named are those that a trigger of the table fills.
    input_columns := input_column;
    output := output_column;
    into_taxonomy := taxonomy;
    IF input_columns IS NULL OR output IS NULL THEN
        SELECT string_to_array(encode(t.tgargs, 'escape'), '\000') INTO given
          FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid
         WHERE t.tgrelid = relation AND NOT t.tgisinternal AND p.proname = 'categorize_trigger' AND t.tgnargs >= 2
           AND p.prosrc LIKE 'categorize_trigger%'
         ORDER BY t.tgname LIMIT 1;
        input_columns := coalesce(input_columns, given[1]);
        output := coalesce(output, given[2]);
        into_taxonomy := coalesce(into_taxonomy, nullif(given[3], ''));
    END IF;
    IF input_columns IS NULL OR output IS NULL THEN
        RAISE EXCEPTION 'which columns of % are meant is not said', home USING ERRCODE = 'invalid_parameter_value',
            HINT = 'Pass input_column and output_column, as in CALL categorize.run(''products'', ''title'', ''category'').';
    END IF;
    into_taxonomy := coalesce(into_taxonomy, nullif(current_setting('categorize.taxonomy', true), ''));
    IF into_taxonomy IS NULL THEN
        RAISE EXCEPTION 'no taxonomy is named' USING ERRCODE = 'invalid_parameter_value',
            HINT = 'Pass its name, or set categorize.taxonomy.';
    END IF;
    FOREACH part IN ARRAY string_to_array(input_columns, ',') LOOP
        name := btrim(part);
        PERFORM FROM pg_attribute a WHERE a.attrelid = relation AND a.attname = name AND a.attnum > 0 AND NOT a.attisdropped;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'column "%" of % does not exist', name, home USING ERRCODE = 'undefined_column',
                HINT = 'input_column is one column, or several with commas between them.';
        END IF;
        parts := parts || format('%s.%I', home, name);
    END LOOP;
    SELECT format('%I.%I', n.nspname, t.typname) INTO output_type
      FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid JOIN pg_namespace n ON n.oid = t.typnamespace
     WHERE a.attrelid = relation AND a.attname = output AND a.attnum > 0 AND NOT a.attisdropped;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'column "%" of % does not exist', output, home USING ERRCODE = 'undefined_column',
            HINT = format('Add it with ALTER TABLE %s ADD COLUMN %I text.', home, output);
    END IF;
    -- As the trigger joins them.
    IF cardinality(parts) = 1 THEN
        input := format('(%s)::pg_catalog.text', parts[1]);
    ELSE
        input := format('CASE WHEN pg_catalog.num_nonnulls(%1$s) OPERATOR(pg_catalog.>) 0 THEN pg_catalog.concat_ws('' '', %1$s) END',
                        array_to_string(parts, ', '));
    END IF;
    wanted := input || ' IS NOT NULL';
    IF NOT overwrite THEN
        wanted := wanted || format(' AND %s.%I IS NULL', home, output);
    END IF;
    IF condition IS NOT NULL THEN
        -- On lines of its own: it may end in a comment.
        wanted := wanted || format(E' AND (\n%s\n)', condition);
    END IF;

    FOR key IN
        SELECT a.attname, t.typcategory, format('%I.%I', h.nspname, t.typname) AS type,
               (SELECT format('OPERATOR(%I.%s)', n.nspname, o.oprname) FROM pg_amop m JOIN pg_operator o ON o.oid = m.amopopr
                  JOIN pg_namespace n ON n.oid = o.oprnamespace
                 WHERE m.amopfamily = f.opcfamily AND m.amoplefttype = f.opcintype AND m.amoprighttype = f.opcintype
                   AND m.amopstrategy = 3) AS equals,
               (SELECT format('OPERATOR(%I.%s)', n.nspname, o.oprname) FROM pg_amop m JOIN pg_operator o ON o.oid = m.amopopr
                  JOIN pg_namespace n ON n.oid = o.oprnamespace
                 WHERE m.amopfamily = f.opcfamily AND m.amoplefttype = f.opcintype AND m.amoprighttype = f.opcintype
                   AND m.amopstrategy = 5) AS greater,
               (SELECT format('OPERATOR(%I.%s)', n.nspname, o.oprname) FROM pg_amop m JOIN pg_operator o ON o.oid = m.amopopr
                  JOIN pg_namespace n ON n.oid = o.oprnamespace
                 WHERE m.amopfamily = f.opcfamily AND m.amoplefttype = f.opcintype AND m.amoprighttype = f.opcintype
                   AND m.amopstrategy = 2) AS less_equal
          FROM pg_index i
         CROSS JOIN LATERAL unnest(i.indkey::smallint[], i.indclass::oid[]) WITH ORDINALITY k (attnum, class, place)
          JOIN pg_attribute a ON a.attrelid = relation AND a.attnum = k.attnum
          JOIN pg_type t ON t.oid = a.atttypid
          JOIN pg_namespace h ON h.oid = t.typnamespace
          JOIN pg_opclass f ON f.oid = k.class
         WHERE i.indrelid = relation AND i.indisprimary AND i.indisvalid AND k.place <= i.indnkeyatts
         ORDER BY k.place
    LOOP
        columns := columns || format('%s.%I', home, key.attname);
        -- As text, but for dates and times: those JSON writes alike under every DateStyle.
        json := json || (format('%s.%I', home, key.attname) || CASE WHEN key.typcategory = 'D' THEN '' ELSE '::pg_catalog.text' END);
        value := format('pg_catalog.jsonb_array_element_text(%%s, %s)::%s', number, key.type);
        typed := typed || format(value || ' AS categorize_key_%s', 'u.key', number + 1);
        equal := equal || format('%s.%I %s categorize_answer.categorize_key_%s', home, key.attname, key.equals, number + 1);
        from_values := from_values || format(value, '$1');
        to_values := to_values || format(value, '$2');
        alike := alike AND key.greater = coalesce(first_above, key.greater) AND key.less_equal = coalesce(first_below, key.less_equal);
        first_above := coalesce(first_above, key.greater);
        first_below := coalesce(first_below, key.less_equal);
        above := above || key.greater;
        below := below || key.less_equal;
        number := number + 1;
    END LOOP;
    IF number = 0 THEN
        RAISE EXCEPTION '% has no primary key', home USING ERRCODE = 'object_not_in_prerequisite_state',
            DETAIL = 'Chunks are ranges of the primary key, and rows are found again by it.',
            HINT = format('Add one, as in ALTER TABLE %s ADD PRIMARY KEY (id).', home);
    ELSIF NOT alike THEN
        RAISE EXCEPTION 'the columns of the primary key of % are compared by operators of several schemas', home
            USING ERRCODE = 'feature_not_supported', HINT = 'Give the key columns types of one schema.';
    END IF;
    IF number = 1 THEN
        above_start := format('%s %s %s', columns[1], first_above, from_values[1]);
        up_to_end := format('%s %s %s', columns[1], first_below, to_values[1]);
    ELSE
        above_start := format('ROW(%s) %s ROW(%s)', array_to_string(columns, ', '), first_above, array_to_string(from_values, ', '));
        up_to_end := format('ROW(%s) %s ROW(%s)', array_to_string(columns, ', '), first_below, array_to_string(to_values, ', '));
    END IF;

    lock_rows := format('SELECT FROM %s LIMIT 0', home);
    next_rows := format(
        'SELECT pg_catalog.jsonb_agg(w.key), pg_catalog.array_agg(w.input) FROM (
             SELECT pg_catalog.jsonb_build_array(%s) AS key, %s AS input FROM %s
              WHERE ($1 IS NULL OR %s) AND %s ORDER BY %s LIMIT $2) w',
        array_to_string(json, ', '), input, home, above_start, wanted, array_to_string(columns, ', '));
    range_rows := format(
        'SELECT pg_catalog.jsonb_agg(w.key), pg_catalog.array_agg(w.input) FROM (
             SELECT pg_catalog.jsonb_build_array(%s) AS key, %s AS input FROM %s
              WHERE ($1 IS NULL OR %s) AND %s AND %s ORDER BY %s) w',
        array_to_string(json, ', '), input, home, above_start, up_to_end, wanted, array_to_string(columns, ', '));
    write_rows := format(
        'UPDATE %1$s SET %2$I = categorize_answer.categorize_category::%3$s
           FROM (SELECT %4$s, u.input AS categorize_input, u.category AS categorize_category
                   FROM ROWS FROM (pg_catalog.jsonb_array_elements($1), pg_catalog.unnest($2), pg_catalog.unnest($3))
                        AS u (key, input, category)) categorize_answer
          WHERE %5$s AND categorize_answer.categorize_category IS NOT NULL
            AND %6$s COLLATE pg_catalog."C" OPERATOR(pg_catalog.=) categorize_answer.categorize_input AND %7$s',
        home, output, output_type, array_to_string(typed, ', '), array_to_string(equal, ' AND '), input, wanted);
    IF overwrite THEN
        -- A value that stays needs no new row.
        write_rows := write_rows || format(
            ' AND (%1$s.%2$I IS NULL OR %1$s.%2$I::pg_catalog.text COLLATE pg_catalog."C" OPERATOR(pg_catalog.<>) categorize_answer.categorize_category)',
            home, output);
    END IF;
    -- Texts that begin with the same words are likely to be near each other.
    sketch := 'pg_catalog.array_to_string((pg_catalog.regexp_split_to_array(pg_catalog.lower(%s), ''[^[:alpha:]]+''))[1:3], '' '')';
    survey := format(
        'WITH wanted AS MATERIALIZED (SELECT %1$s AS input FROM %2$s WHERE %3$s),
              distinct_input AS MATERIALIZED (SELECT w.input, pg_catalog.count(*) AS rows FROM wanted w GROUP BY w.input),
              dense AS (SELECT pg_catalog.min(d.input) AS input, pg_catalog.sum(d.rows) AS rows
                          FROM distinct_input d GROUP BY %4$s ORDER BY 2 DESC, 1 LIMIT $1),
              sample AS (SELECT d.input, d.rows, %4$s AS sketch FROM distinct_input d
                          ORDER BY pg_catalog.hashtextextended(d.input, 0), d.input LIMIT $2)
         SELECT (SELECT pg_catalog.count(*) FROM wanted), (SELECT pg_catalog.count(*) FROM distinct_input),
                ARRAY(SELECT d.input FROM dense d WHERE d.rows OPERATOR(pg_catalog.>) 1::pg_catalog.numeric ORDER BY d.rows DESC, d.input),
                ARRAY(SELECT s.input FROM sample s ORDER BY s.input), ARRAY(SELECT s.rows FROM sample s ORDER BY s.input),
                ARRAY(SELECT s.sketch FROM sample s ORDER BY s.input)',
        input, home, wanted, format(sketch, 'd.input'));
END
$$;

-- What the tiers say of inputs, in their order, within what the run may spend. It commits, so that nothing is held while a
-- language model is asked.
CREATE PROCEDURE categorize.run_resolve(
    run bigint, claim bigint, taxonomy text, inputs text[], INOUT categories text[], INOUT sources text[])
LANGUAGE plpgsql AS $$
DECLARE
    remaining pg_catalog.text[];
    bought pg_catalog.text[];
    bought_categories pg_catalog.text[];
    bought_sources pg_catalog.text[];
    some_categories pg_catalog.text[];
    some_sources pg_catalog.text[];
    affordable int := categorize.run_allow(claim, 0);
BEGIN
    COMMIT;
    -- The ledger keeps the name of the application: by this one it tells what the run cost.
    PERFORM pg_catalog.set_config('application_name', pg_catalog.concat('categorize.run ', run), true);
    IF affordable IS NULL THEN
        SELECT pg_catalog.array_agg(a.category), pg_catalog.array_agg(a.source) INTO categories, sources
          FROM categorize.run_answers(inputs, taxonomy) a;
        COMMIT;
        RETURN;
    END IF;
    PERFORM pg_catalog.set_config('categorize.mode', 'cached', true);
    SELECT pg_catalog.array_agg(a.category), pg_catalog.array_agg(a.source) INTO categories, sources
      FROM categorize.run_answers(inputs, taxonomy) a;
    SELECT pg_catalog.array_agg(o.input ORDER BY o.place) INTO remaining
      FROM (SELECT u.input, pg_catalog.min(u.place) AS place
              FROM ROWS FROM (pg_catalog.unnest(inputs), pg_catalog.unnest(sources)) WITH ORDINALITY u (input, source, place)
             WHERE u.source OPERATOR(pg_catalog.=) 'unresolved' GROUP BY u.input) o;
    COMMIT;
    WHILE pg_catalog.cardinality(remaining) OPERATOR(pg_catalog.>) 0 LOOP
        affordable := categorize.run_allow(claim, pg_catalog.cardinality(remaining));
        COMMIT;
        IF affordable OPERATOR(pg_catalog.<) 0 THEN
            -- What others may spend, or what is not settled yet, may leave something.
            PERFORM pg_catalog.pg_sleep(0.05);
            COMMIT;
            CONTINUE;
        END IF;
        EXIT WHEN affordable OPERATOR(pg_catalog.=) 0;
        PERFORM pg_catalog.set_config('application_name', pg_catalog.concat('categorize.run ', run), true);
        SELECT pg_catalog.array_agg(a.category), pg_catalog.array_agg(a.source) INTO some_categories, some_sources
          FROM categorize.run_answers(remaining[1:affordable], taxonomy) a;
        COMMIT;
        bought := pg_catalog.array_cat(bought, remaining[1:affordable]);
        bought_categories := pg_catalog.array_cat(bought_categories, some_categories);
        bought_sources := pg_catalog.array_cat(bought_sources, some_sources);
        remaining := remaining[affordable OPERATOR(pg_catalog.+) 1:];
    END LOOP;
    IF bought IS NOT NULL THEN
        SELECT pg_catalog.array_agg(coalesce(b.category, r.category) ORDER BY r.place),
               pg_catalog.array_agg(coalesce(b.source, r.source) ORDER BY r.place) INTO categories, sources
          FROM ROWS FROM (pg_catalog.unnest(inputs), pg_catalog.unnest(categories), pg_catalog.unnest(sources))
               WITH ORDINALITY r (input, category, source, place)
          LEFT JOIN ROWS FROM (pg_catalog.unnest(bought), pg_catalog.unnest(bought_categories), pg_catalog.unnest(bought_sources))
               b (input, category, source) ON b.input OPERATOR(pg_catalog.=) r.input;
        COMMIT;
    END IF;
END
$$;

-- Fills a column of a table, in chunks that are committed one by one.
CREATE PROCEDURE categorize.run(
    relation regclass, input_column text DEFAULT NULL, output_column text DEFAULT NULL, taxonomy text DEFAULT NULL,
    condition text DEFAULT NULL, max_usd numeric DEFAULT NULL, overwrite boolean DEFAULT false, chunk_size int DEFAULT 1000,
    dry_run boolean DEFAULT false, claim_timeout interval DEFAULT '10 minutes')
LANGUAGE plpgsql AS $$
DECLARE
    input_columns pg_catalog.text;
    output pg_catalog.text;
    into_taxonomy pg_catalog.text;
    lock_rows pg_catalog.text;
    survey pg_catalog.text;
    next_rows pg_catalog.text;
    range_rows pg_catalog.text;
    write_rows pg_catalog.text;
    run_id bigint;
    task pg_catalog.text;
    claim bigint;
    from_key pg_catalog.jsonb;
    to_key pg_catalog.jsonb;
    keys pg_catalog.jsonb;
    inputs pg_catalog.text[];
    categories pg_catalog.text[];
    sources pg_catalog.text[];
    sample_rows pg_catalog.int8[];
    sketches pg_catalog.text[];
    representatives pg_catalog.text[];
    slice pg_catalog.text[];
    place int;
    total bigint;
    distinct_inputs bigint;
    written bigint;
BEGIN
    SELECT s.input_columns, s.output, s.into_taxonomy, s.lock_rows, s.survey, s.next_rows, s.write_rows
      INTO input_columns, output, into_taxonomy, lock_rows, survey, next_rows, write_rows
      FROM categorize.run_statements(relation, input_column, output_column, taxonomy, condition, overwrite) s;
    -- Before anything is bought it is known that the condition can be read, and the rows read and written.
    EXECUTE pg_catalog.concat('EXPLAIN ', next_rows) USING from_key, chunk_size;
    IF NOT dry_run THEN
        EXECUTE pg_catalog.concat('EXPLAIN ', write_rows) USING keys, inputs, categories;
    END IF;
    run_id := categorize.run_begin(relation, input_columns, output, into_taxonomy, condition, overwrite, max_usd, chunk_size,
                                   dry_run, claim_timeout);
    COMMIT;
    IF dry_run THEN
        EXECUTE survey INTO total, distinct_inputs, representatives, inputs, sample_rows, sketches USING 0, 10000;
        PERFORM pg_catalog.set_config('categorize.mode', 'cached', true);
        SELECT pg_catalog.array_agg(a.source) INTO sources FROM categorize.run_answers(inputs, into_taxonomy) a;
        PERFORM categorize.run_surveyed(run_id, total, distinct_inputs, sources, sample_rows, sketches);
        COMMIT;
        RETURN;
    END IF;
    LOOP
        -- A chunk is claimed, and its rows are read. The table's lock comes before that of the run, as when rows are written.
        SELECT s.next_rows, s.range_rows, s.write_rows INTO next_rows, range_rows, write_rows
          FROM categorize.run_statements(relation, input_columns, output, into_taxonomy, condition, overwrite) s;
        PERFORM pg_catalog.set_config('extra_float_digits', '3', true);
        EXECUTE lock_rows;
        SELECT c.task, c.claim, c.from_key, c.to_key INTO task, claim, from_key, to_key
          FROM categorize.run_claim(run_id, claim_timeout) c;
        IF task OPERATOR(pg_catalog.=) 'done' THEN
            COMMIT;
            EXIT;
        ELSIF task OPERATOR(pg_catalog.=) 'wait' THEN
            COMMIT;
            PERFORM pg_catalog.pg_sleep(0.1);
            CONTINUE;
        ELSIF task OPERATOR(pg_catalog.=) 'plan' THEN
            COMMIT;
            EXECUTE survey INTO total, distinct_inputs, representatives USING 10000, 0;
            COMMIT;
            place := 1;
            WHILE place OPERATOR(pg_catalog.<=) pg_catalog.cardinality(representatives) LOOP
                slice := representatives[place:place OPERATOR(pg_catalog.+) chunk_size OPERATOR(pg_catalog.-) 1];
                CALL categorize.run_resolve(run_id, claim, into_taxonomy, slice, categories, sources);
                place := place OPERATOR(pg_catalog.+) chunk_size;
            END LOOP;
            PERFORM categorize.run_planned(claim, total);
            COMMIT;
            CONTINUE;
        ELSIF task OPERATOR(pg_catalog.=) 'next' THEN
            EXECUTE next_rows INTO keys, inputs USING from_key, chunk_size;
            PERFORM categorize.run_advance(claim, pg_catalog.jsonb_array_element(keys, -1), pg_catalog.jsonb_array_length(keys), chunk_size);
        ELSE
            EXECUTE range_rows INTO keys, inputs USING from_key, to_key;
        END IF;
        COMMIT;
        IF inputs IS NULL THEN
            PERFORM categorize.run_close(claim, NULL, 0::bigint);
            COMMIT;
            CONTINUE;
        END IF;
        -- They are resolved while no lock is held on anything.
        CALL categorize.run_resolve(run_id, claim, into_taxonomy, inputs, categories, sources);
        -- The answers are written where the row still wants them.
        SELECT s.write_rows INTO write_rows
          FROM categorize.run_statements(relation, input_columns, output, into_taxonomy, condition, overwrite) s;
        EXECUTE write_rows USING keys, inputs, categories;
        GET DIAGNOSTICS written = ROW_COUNT;
        -- What was written is committed together with the next claim, so that a session at work has one at any time.
        IF NOT categorize.run_close(claim, sources, written) THEN
            -- The claim expired, and somebody else does these rows.
            ROLLBACK;
        END IF;
    END LOOP;
END
$$;

COMMENT ON TABLE categorize.bulk_run IS 'Runs of categorize.run(), with how far they are.';
COMMENT ON TABLE categorize.bulk_claim IS 'What sessions work at in runs of categorize.run().';
COMMENT ON SEQUENCE categorize.bulk_run_id_seq IS 'Numbers of runs.';
COMMENT ON SEQUENCE categorize.bulk_claim_id_seq IS 'Numbers of claims.';
COMMENT ON VIEW categorize.progress IS
    'How far the runs of categorize.run() are, and what they cost: those of the role in its tenant, of all for members of categorize_admin.';
COMMENT ON PROCEDURE categorize.run(regclass, text, text, text, text, numeric, boolean, int, boolean, interval) IS
    'Fills a column of a table with categories, in chunks that are committed one by one; to be called again where it was interrupted.';
COMMENT ON PROCEDURE categorize.run_resolve(bigint, bigint, text, text[], text[], text[]) IS
    'The answers to the inputs of a chunk, for categorize.run().';
COMMENT ON FUNCTION categorize.run_statements(regclass, text, text, text, text, boolean) IS
    'The statements that categorize.run() executes on a table.';
REVOKE ALL ON PROCEDURE categorize.run(regclass, text, text, text, text, numeric, boolean, int, boolean, interval),
    categorize.run_resolve(bigint, bigint, text, text[], text[], text[]) FROM PUBLIC;

COMMENT ON FUNCTION categorize.run_begin(oid, text, text, text, text, boolean, numeric, int, boolean, interval) IS
    'Begins a run of categorize.run(), or goes on with the same one, and returns its number.';
COMMENT ON FUNCTION categorize.run_claim(bigint, interval) IS
    'What the session does next in a run of categorize.run().';
COMMENT ON FUNCTION categorize.run_planned(bigint, bigint) IS
    'Notes that a run of categorize.run() is planned.';
COMMENT ON FUNCTION categorize.run_advance(bigint, jsonb, int, int) IS
    'Notes up to which key a claim of categorize.run() goes.';
COMMENT ON FUNCTION categorize.run_allow(bigint, int) IS
    'How many inputs a claim of categorize.run() may buy now; -1 is not known yet, NULL without limit.';
COMMENT ON FUNCTION categorize.run_close(bigint, text[], bigint) IS
    'Ends a claim of categorize.run() and counts its rows; false where it has expired.';
COMMENT ON FUNCTION categorize.run_surveyed(bigint, bigint, bigint, text[], bigint[], text[]) IS
    'Ends a dry run of categorize.run() with what it found.';
COMMENT ON FUNCTION categorize.run_answers(text[], text) IS
    'Category and source of many texts, in their order; an open one is no error.';

REVOKE ALL ON categorize.bulk_run, categorize.bulk_claim, categorize.progress FROM PUBLIC;
REVOKE ALL ON SEQUENCE categorize.bulk_run_id_seq, categorize.bulk_claim_id_seq FROM PUBLIC;
REVOKE ALL ON FUNCTION categorize.run_begin(oid, text, text, text, text, boolean, numeric, int, boolean, interval),
    categorize.run_claim(bigint, interval), categorize.run_planned(bigint, bigint),
    categorize.run_advance(bigint, jsonb, int, int), categorize.run_allow(bigint, int),
    categorize.run_close(bigint, text[], bigint),
    categorize.run_surveyed(bigint, bigint, bigint, text[], bigint[], text[]), categorize.run_answers(text[], text),
    categorize.run_statements(regclass, text, text, text, text, boolean) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION categorize.run_begin(oid, text, text, text, text, boolean, numeric, int, boolean, interval),
    categorize.run_claim(bigint, interval), categorize.run_planned(bigint, bigint),
    categorize.run_advance(bigint, jsonb, int, int), categorize.run_allow(bigint, int),
    categorize.run_close(bigint, text[], bigint),
    categorize.run_surveyed(bigint, bigint, bigint, text[], bigint[], text[]), categorize.run_answers(text[], text),
    categorize.run_statements(regclass, text, text, text, text, boolean) TO categorize_user;
GRANT EXECUTE ON PROCEDURE categorize.run(regclass, text, text, text, text, numeric, boolean, int, boolean, interval),
    categorize.run_resolve(bigint, bigint, text, text[], text[], text[]) TO categorize_user;
GRANT SELECT ON categorize.progress TO categorize_user;

-- Functions act as the owner of the tables, who need not be the one who updates.
DO $$
DECLARE
    owner text := (SELECT pg_catalog.quote_ident(r.rolname) FROM pg_catalog.pg_class c
                     JOIN pg_catalog.pg_roles r ON r.oid OPERATOR(pg_catalog.=) c.relowner
                    WHERE c.oid OPERATOR(pg_catalog.=) 'categorize.taxonomy'::pg_catalog.regclass);
    object text;
BEGIN
    FOREACH object IN ARRAY ARRAY['FUNCTION categorize.estimate(text)',
    'SEQUENCE categorize.bulk_run_id_seq',
    'SEQUENCE categorize.bulk_claim_id_seq',
    'TABLE categorize.bulk_run',
    'TABLE categorize.bulk_claim',
    'VIEW categorize.progress',
    'FUNCTION categorize.run_begin(oid, text, text, text, text, boolean, numeric, int, boolean, interval)',
    'FUNCTION categorize.run_claim(bigint, interval)',
    'FUNCTION categorize.run_planned(bigint, bigint)',
    'FUNCTION categorize.run_advance(bigint, jsonb, int, int)',
    'FUNCTION categorize.run_allow(bigint, int)',
    'FUNCTION categorize.run_close(bigint, text[], bigint)',
    'FUNCTION categorize.run_surveyed(bigint, bigint, bigint, text[], bigint[], text[])',
    'FUNCTION categorize.run_answers(text[], text)',
    'FUNCTION categorize.run_statements(regclass, text, text, text, text, boolean)',
    'PROCEDURE categorize.run(regclass, text, text, text, text, numeric, boolean, int, boolean, interval)',
    'PROCEDURE categorize.run_resolve(bigint, bigint, text, text[], text[], text[])'] LOOP
        EXECUTE pg_catalog.concat('ALTER ', object, ' OWNER TO ', owner);
    END LOOP;
END
$$;

-- Batches. Money that waits for one is not in doubt, however long that takes.

ALTER TABLE categorize.reservation DROP CONSTRAINT reservation_state_check;
ALTER TABLE categorize.reservation ADD CONSTRAINT reservation_state_check CHECK (state IN ('open', 'in_doubt', 'batched'));

CREATE SEQUENCE categorize.job_id_seq;
CREATE TABLE categorize.job (
    id               bigint PRIMARY KEY DEFAULT pg_catalog.nextval('categorize.job_id_seq'),
    job_type         text NOT NULL DEFAULT 'categorize' CHECK (job_type <> ''),
    -- `waiting` for a batch, in a batch (`batched`), asked or to be asked `live`; the others are final.
    state            text NOT NULL DEFAULT 'waiting'
                     CHECK (state IN ('waiting', 'batched', 'live', 'done', 'failed', 'cancelled')),
    -- 10 goes first.
    priority         smallint NOT NULL DEFAULT 5 CHECK (priority BETWEEN 1 AND 10),
    tenant           text NOT NULL,
    -- Of the input in its tenant and taxonomy; NULL where it is no categorization.
    fingerprint      bytea,
    -- The same among those that tenants share, where the taxonomy shares answers.
    shared_fingerprint bytea,
    -- A taxonomy, or the caller's ad-hoc labels.
    taxonomy_id      int,
    labels           text[],
    -- The text; NULL once the job has ended where the taxonomy stores no input.
    input            text,
    -- Of other work than categorization: whom it goes to, and what is sent.
    provider_id      int,
    body             jsonb,
    -- Who wants it, as the ledger has it.
    role_id          oid NOT NULL,
    role             text NOT NULL,
    application_name text NOT NULL DEFAULT '',
    query_id         bigint NOT NULL DEFAULT 0,
    enqueued_at      timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    -- Batches that it was in and that had no answer to it.
    attempts         smallint NOT NULL DEFAULT 0,
    -- The batch that it is or was in last, its request there from 0 on, and its number among the inputs there from 1 on.
    batch_id         bigint,
    ordinal          int,
    number           int,
    ended_at         timestamptz,
    -- Why there is no answer.
    reason           text,
    -- Of other work than categorization: what the provider answered.
    answer           jsonb,
    CHECK (job_type <> 'categorize'
           OR (fingerprint IS NOT NULL AND pg_catalog.num_nulls(taxonomy_id, labels) = 1)),
    CHECK ((ended_at IS NULL) = (state IN ('waiting', 'batched', 'live'))),
    CHECK (state <> 'batched' OR pg_catalog.num_nulls(batch_id, ordinal, number) = 0)
);
-- A text is asked about once at a time.
CREATE UNIQUE INDEX job_fingerprint_key ON categorize.job (fingerprint)
    WHERE job_type = 'categorize' AND state IN ('waiting', 'batched', 'live');
-- What waits is walked in this order: those of a tenant and taxonomy, or of the same labels, which may be long, come together,
-- since they share requests.
CREATE INDEX job_waiting_idx ON categorize.job
    (priority DESC, tenant, coalesce(taxonomy_id, 0), coalesce(pg_catalog.hash_array_extended(labels, 0::bigint), 0::bigint), id)
    WHERE state = 'waiting';
CREATE INDEX job_live_idx ON categorize.job (priority DESC, id) WHERE state = 'live';
CREATE INDEX job_ended_at_idx ON categorize.job (ended_at) WHERE ended_at IS NOT NULL;

-- One batch at a provider. It is bound to the database that made it, as providers are.
CREATE SEQUENCE categorize.batch_id_seq;
CREATE TABLE categorize.batch (
    id                bigint PRIMARY KEY DEFAULT pg_catalog.nextval('categorize.batch_id_seq'),
    provider_id       int NOT NULL,
    provider          text NOT NULL,
    model             text NOT NULL,
    -- Whether it is also asked why.
    rationale         boolean NOT NULL,
    price_id          bigint NOT NULL,
    -- Whose requests all of them are; NULL where they are of several tenants.
    tenant            text,
    -- By which it is known at the provider. It stays, also where the database is adopted.
    token             bigint NOT NULL,
    state             text NOT NULL CHECK (state IN ('building', 'uploaded', 'submitted', 'in_progress', 'ingesting',
                                                     'done', 'failed', 'expired', 'cancelled')),
    -- What the state machine keeps of it.
    record            jsonb NOT NULL,
    -- Whether its create was, or may have been, sent, and the provider's id for it is not known.
    unanswered        boolean NOT NULL DEFAULT false,
    -- Whether somebody asked to have it cancelled.
    cancel_wanted     boolean NOT NULL DEFAULT false,
    requests          int NOT NULL CHECK (requests > 0),
    inputs            int NOT NULL CHECK (inputs > 0),
    -- Of its requests as they are sent.
    bytes             bigint NOT NULL CHECK (bytes > 0),
    worst_case_nanousd bigint NOT NULL CHECK (worst_case_nanousd >= 0),
    -- What its requests cost, and what the same tokens would have cost live.
    cost_nanousd      bigint NOT NULL DEFAULT 0,
    live_cost_nanousd bigint NOT NULL DEFAULT 0,
    -- Inputs with an answer, and those without one that left it.
    answered          int NOT NULL DEFAULT 0,
    failed            int NOT NULL DEFAULT 0,
    created_at        timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    submitted_at      timestamptz,
    ended_at          timestamptz,
    system_identifier bigint NOT NULL,
    database_oid      oid NOT NULL
);
-- Of the creates to one provider one at most is without an answer.
CREATE UNIQUE INDEX batch_unanswered_key ON categorize.batch (provider_id) WHERE unanswered;
CREATE INDEX batch_open_idx ON categorize.batch (id) WHERE ended_at IS NULL;

-- The requests of a batch, with the attempt under which the ledger has their money.
CREATE TABLE categorize.batch_item (
    -- Of a batch that is stored in the same transaction. No foreign key: it would be looked up for each request.
    batch_id       bigint NOT NULL,
    ordinal        int NOT NULL CHECK (ordinal >= 0),
    attempt_id     bigint NOT NULL,
    -- Whether it is known what became of it.
    has_result     boolean NOT NULL DEFAULT false,
    -- Its inputs in their order, and the number of the first of them in the batch: the jobs may be in another one by now. The
    -- fingerprints are one after the other.
    first_number   int NOT NULL,
    jobs           bigint[] NOT NULL,
    fingerprints   bytea NOT NULL,
    PRIMARY KEY (batch_id, ordinal)
);

-- When the last daily run was.
CREATE TABLE categorize.batch_schedule (
    single           boolean PRIMARY KEY DEFAULT true CHECK (single),
    last_daily_at    timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    -- When somebody wanted what waits to be submitted, or what is open to be polled, at once; NULL once that is done.
    submit_wanted_at timestamptz,
    poll_wanted_at   timestamptz
);
INSERT INTO categorize.batch_schedule (single) VALUES (true);

-- What waits, and what became of it.
CREATE VIEW categorize.queue_status WITH (security_barrier) AS
    SELECT j.job_type, j.tenant, t.name AS taxonomy, j.state, j.priority, j.reason, count(*) AS jobs,
           min(j.enqueued_at) AS oldest_enqueued_at, max(j.ended_at) AS latest_ended_at
      FROM categorize.job j
      LEFT JOIN categorize.taxonomies t ON t.id = j.taxonomy_id
     WHERE categorize.sees_all_tenants() OR j.tenant = categorize.current_tenant()
     GROUP BY j.job_type, j.tenant, t.name, j.state, j.priority, j.reason;

CREATE VIEW categorize.batch_status WITH (security_barrier) AS
    SELECT b.id, b.provider, b.model, b.state,
           -- Whether nobody knows if the provider has it: it is looked for, and neither sent again nor given up.
           coalesce((b.record ->> 'suspect'::text)::boolean, false) AS suspect,
           b.cancel_wanted, b.requests, b.inputs, b.answered, b.failed, b.bytes,
           b.worst_case_nanousd::numeric * 0.000000001 AS worst_case_usd,
           b.cost_nanousd::numeric * 0.000000001 AS cost_usd,
           b.live_cost_nanousd::numeric * 0.000000001 AS live_cost_usd,
           b.created_at, b.submitted_at, b.ended_at,
           CASE WHEN b.ended_at IS NULL THEN to_timestamp((b.record ->> 'next_at'::text)::float8) END AS next_step_at
      FROM categorize.batch b
     WHERE categorize.sees_all_tenants() OR b.tenant = categorize.current_tenant();

COMMENT ON VIEW categorize.queue_status IS
    'Queued work by state, priority and reason: of the tenant of the session, of all for members of categorize_admin.';
COMMENT ON VIEW categorize.batch_status IS
    'How far the batches at providers are, and what they cost; live_cost_usd is what the same would have cost live. Of the tenant of the session, of all for members of categorize_admin.';
COMMENT ON TABLE categorize.job IS 'Queued work, with whom it is for and what became of it.';
COMMENT ON TABLE categorize.batch IS 'Batches at providers, with how far each is and what it cost.';
COMMENT ON TABLE categorize.batch_item IS 'The requests of batches, with the attempts under which the ledger has their money.';
COMMENT ON TABLE categorize.batch_schedule IS 'When the last daily run of batches was, and what is wanted at once.';
COMMENT ON SEQUENCE categorize.job_id_seq IS 'Ids of jobs.';
COMMENT ON SEQUENCE categorize.batch_id_seq IS 'Ids of batches.';
REVOKE ALL ON categorize.job, categorize.batch, categorize.batch_item, categorize.batch_schedule FROM PUBLIC;
REVOKE ALL ON SEQUENCE categorize.job_id_seq, categorize.batch_id_seq FROM PUBLIC;

CREATE  FUNCTION categorize."enqueue"(
	"inputs" TEXT[], /* Option < Vec < Option < String > > > */
	"taxonomy" TEXT DEFAULT NULL, /* Option < & str > */
	"priority" INT DEFAULT 5 /* Option < i32 > */
) RETURNS bigint /* i64 */
VOLATILE 
LANGUAGE c /* Rust */
AS 'MODULE_PATHNAME', 'enqueue_wrapper';
CREATE  FUNCTION categorize."submit_batches"() RETURNS bigint /* i64 */
VOLATILE STRICT 
LANGUAGE c /* Rust */
AS 'MODULE_PATHNAME', 'submit_batches_wrapper';
CREATE  FUNCTION categorize."poll_batches"() RETURNS bigint /* i64 */
VOLATILE STRICT 
LANGUAGE c /* Rust */
AS 'MODULE_PATHNAME', 'poll_batches_wrapper';
CREATE  FUNCTION categorize."cancel_batch"(
	"id" bigint /* Option < i64 > */
) RETURNS bool /* bool */
VOLATILE 
LANGUAGE c /* Rust */
AS 'MODULE_PATHNAME', 'cancel_batch_wrapper';
CREATE  FUNCTION categorize."set_batch_price"(
	"model" TEXT, /* Option < & str > */
	"input_usd" NUMERIC, /* Option < AnyNumeric > */
	"output_usd" NUMERIC /* Option < AnyNumeric > */
) RETURNS bigint /* i64 */
VOLATILE 
LANGUAGE c /* Rust */
AS 'MODULE_PATHNAME', 'set_batch_price_wrapper';
COMMENT ON FUNCTION categorize.enqueue(text[], text, int) IS
    'Queues texts to be categorized in batches, once each, and returns how many of them are new.';
COMMENT ON FUNCTION categorize.submit_batches() IS
    'Has what waits submitted at once, whatever the schedule says; returns how many inputs wait.';
COMMENT ON FUNCTION categorize.poll_batches() IS
    'Has the open batches polled at once; returns how many there are.';
COMMENT ON FUNCTION categorize.cancel_batch(bigint) IS
    'Has a batch cancelled; what the provider has done by then is paid and stored.';
COMMENT ON FUNCTION categorize.set_batch_price(text, numeric, numeric) IS
    'States what a model costs in batches, in dollars for a million tokens; its other prices stay.';
REVOKE ALL ON FUNCTION categorize.enqueue(text[], text, int), categorize.submit_batches(), categorize.poll_batches(),
    categorize.cancel_batch(bigint), categorize.set_batch_price(text, numeric, numeric) FROM PUBLIC;
REVOKE ALL ON categorize.queue_status, categorize.batch_status FROM PUBLIC;
GRANT EXECUTE ON FUNCTION categorize.enqueue(text[], text, int) TO categorize_user;
GRANT SELECT ON categorize.queue_status, categorize.batch_status TO categorize_user;
GRANT EXECUTE ON FUNCTION categorize.submit_batches(), categorize.poll_batches(), categorize.cancel_batch(bigint),
    categorize.set_batch_price(text, numeric, numeric) TO categorize_admin;

DO $$
DECLARE
    owner text := (SELECT pg_catalog.quote_ident(r.rolname) FROM pg_catalog.pg_class c
                     JOIN pg_catalog.pg_roles r ON r.oid OPERATOR(pg_catalog.=) c.relowner
                    WHERE c.oid OPERATOR(pg_catalog.=) 'categorize.taxonomy'::pg_catalog.regclass);
    object text;
BEGIN
    FOREACH object IN ARRAY ARRAY['SEQUENCE categorize.job_id_seq',
    'SEQUENCE categorize.batch_id_seq',
    'TABLE categorize.job',
    'TABLE categorize.batch',
    'TABLE categorize.batch_item',
    'TABLE categorize.batch_schedule',
    'VIEW categorize.queue_status',
    'VIEW categorize.batch_status',
    'FUNCTION categorize.enqueue(text[], text, int)',
    'FUNCTION categorize.submit_batches()',
    'FUNCTION categorize.poll_batches()',
    'FUNCTION categorize.cancel_batch(bigint)',
    'FUNCTION categorize.set_batch_price(text, numeric, numeric)'] LOOP
        EXECUTE pg_catalog.concat('ALTER ', object, ' OWNER TO ', owner);
    END LOOP;
END
$$;

-- Where answers of queued work are written, and queueing what a query returns.

CREATE SEQUENCE categorize.job_target_id_seq;
CREATE TABLE categorize.job_target (
    id            bigint PRIMARY KEY DEFAULT pg_catalog.nextval('categorize.job_target_id_seq'),
    -- NULL where the answer was known when it was queued.
    job_id        bigint REFERENCES categorize.job (id) ON DELETE CASCADE,
    -- `waiting` for its job to end, `due` to be written, or `failed`. What is written is deleted.
    state         text NOT NULL CHECK (state IN ('waiting', 'due', 'failed')),
    -- The table, its primary key with the row's values as text, and the columns.
    relation      oid NOT NULL,
    key_columns   text[] NOT NULL,
    key           text[] NOT NULL,
    input_columns text[] NOT NULL,
    output_column text NOT NULL,
    -- As whom it is written, and for whom and into what the input is sorted.
    role_id       oid NOT NULL,
    tenant        text NOT NULL,
    taxonomy_id   int,
    labels        text[],
    -- What was asked, what the row's input was where that is another text, and what the output column had; NULL once it failed.
    input         text,
    row_input     text,
    output        text,
    -- Why it failed; of an error of the table's own its class.
    reason        text,
    sqlstate      text,
    attempts      int NOT NULL DEFAULT 0,
    retry_at      timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    queued_at     timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    ended_at      timestamptz,
    CHECK (pg_catalog.cardinality(key) = pg_catalog.cardinality(key_columns)),
    CHECK (pg_catalog.num_nulls(taxonomy_id, labels) = 1),
    CHECK ((state = 'failed') = (reason IS NOT NULL) AND (state = 'failed') = (ended_at IS NOT NULL)),
    CHECK (state <> 'waiting' OR job_id IS NOT NULL)
);
CREATE INDEX job_target_job_id_idx ON categorize.job_target (job_id) WHERE job_id IS NOT NULL;
CREATE INDEX job_target_due_idx ON categorize.job_target (retry_at, id) WHERE state = 'due';
COMMENT ON TABLE categorize.job_target IS 'Rows of tables that answers of the queue are written to, and why some were not.';
COMMENT ON SEQUENCE categorize.job_target_id_seq IS 'Ids of the rows that answers are written to.';
REVOKE ALL ON categorize.job_target FROM PUBLIC;
REVOKE ALL ON SEQUENCE categorize.job_target_id_seq FROM PUBLIC;

-- How rows of a table are read and written by their keys, or why not: a class of SQLSTATE, a message and a hint. It looks into
-- catalogs only; what it returns is run as the role.
CREATE FUNCTION categorize.write_back_statements(
    relation oid, role oid, input_columns text[], output_column text,
    OUT target oid, OUT key_columns text[], OUT read_rows text, OUT write_rows text,
    OUT reason text, OUT sqlstate text, OUT message text, OUT hint text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    kind "char";
    schema_oid oid;
    home text;
    from_home text;
    name text;
    key record;
    output record;
    parts text[] := '{}';
    input text;
    number int := 0;
    arrays text[] := '{}';
    aliases text[] := '{}';
    equal text[] := '{}';
BEGIN
    -- Rows of a partition are written through the whole table: they may move.
    target := coalesce(pg_partition_root(relation), relation);
    SELECT c.relkind, c.relnamespace, format('%I.%I', n.nspname, c.relname) INTO kind, schema_oid, home
      FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = target;
    IF kind IS NULL THEN
        reason := 'table_gone';
        sqlstate := '42P01';
        message := 'the table does not exist any more';
        RETURN;
    ELSIF kind NOT IN ('r', 'p') THEN
        reason := 'not_a_table';
        sqlstate := '42809';
        message := format('%s is not a table', home);
        hint := 'Answers are written back to tables and partitioned tables; of a view, name the table below it.';
        RETURN;
    ELSIF (SELECT c.relpersistence FROM pg_class c WHERE c.oid = target) = 't' THEN
        reason := 'not_a_table';
        sqlstate := '0A000';
        message := format('%s is a temporary table', (SELECT quote_ident(c.relname) FROM pg_class c WHERE c.oid = target));
        hint := 'Answers come after its session may have ended; use an ordinary table.';
        RETURN;
    ELSIF NOT EXISTS (SELECT FROM pg_roles r WHERE r.oid = role) THEN
        reason := 'role_gone';
        sqlstate := '42704';
        message := 'the role does not exist any more';
        RETURN;
    END IF;

    FOREACH name IN ARRAY input_columns || output_column LOOP
        PERFORM FROM pg_attribute a WHERE a.attrelid = target AND a.attname = name AND a.attnum > 0 AND NOT a.attisdropped;
        IF NOT FOUND THEN
            reason := 'column_gone';
            sqlstate := '42703';
            message := format('column "%s" of %s does not exist', name, home);
            RETURN;
        END IF;
    END LOOP;
    SELECT a.attgenerated <> '' OR a.attidentity = 'a' AS computed, format('%I.%I', n.nspname, t.typname) AS type INTO output
      FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid JOIN pg_namespace n ON n.oid = t.typnamespace
     WHERE a.attrelid = target AND a.attname = output_column;
    IF output.computed THEN
        reason := 'computed_column';
        sqlstate := '428C9';
        message := format('column "%s" of %s is computed', output_column, home);
        hint := 'Name a column that can be written.';
        RETURN;
    END IF;

    FOREACH name IN ARRAY input_columns LOOP
        parts := parts || format('categorize_row.%I', name);
    END LOOP;
    -- As the trigger joins them.
    IF cardinality(parts) = 1 THEN
        input := format('(%s)::pg_catalog.text', parts[1]);
    ELSE
        input := format('CASE WHEN pg_catalog.num_nonnulls(%1$s) OPERATOR(pg_catalog.>) 0 THEN pg_catalog.concat_ws('' '', %1$s) END',
                        array_to_string(parts, ', '));
    END IF;

    key_columns := '{}';
    FOR key IN
        SELECT a.attname, format('%I.%I', h.nspname, t.typname) AS type,
               (SELECT format('OPERATOR(%I.%s)', n.nspname, o.oprname) FROM pg_amop m JOIN pg_operator o ON o.oid = m.amopopr
                  JOIN pg_namespace n ON n.oid = o.oprnamespace
                 WHERE m.amopfamily = f.opcfamily AND m.amoplefttype = f.opcintype AND m.amoprighttype = f.opcintype
                   AND m.amopstrategy = 3) AS equals
          FROM pg_index i
         CROSS JOIN LATERAL unnest(i.indkey::smallint[], i.indclass::oid[]) WITH ORDINALITY k (attnum, class, place)
          JOIN pg_attribute a ON a.attrelid = target AND a.attnum = k.attnum
          JOIN pg_type t ON t.oid = a.atttypid
          JOIN pg_namespace h ON h.oid = t.typnamespace
          JOIN pg_opclass f ON f.oid = k.class
         WHERE i.indrelid = target AND i.indisprimary AND i.indisvalid AND k.place <= i.indnkeyatts
         ORDER BY k.place
    LOOP
        number := number + 1;
        key_columns := key_columns || key.attname::text;
        arrays := arrays || format('pg_catalog.unnest($%s::pg_catalog.text[])', number + 4);
        aliases := aliases || format('key_%s', number);
        equal := equal || format('categorize_row.%I %s categorize_answer.key_%s::%s', key.attname, key.equals, number, key.type);
    END LOOP;
    IF number = 0 THEN
        reason := 'no_primary_key';
        sqlstate := '22023';
        message := format('%s has no primary key', home);
        hint := format('Rows are found again by it: add one, as in ALTER TABLE %s ADD PRIMARY KEY (id).', home);
        RETURN;
    END IF;

    IF NOT has_schema_privilege(role, schema_oid, 'USAGE')
       OR NOT has_column_privilege(role, target, output_column, 'UPDATE')
       OR NOT (SELECT bool_and(has_column_privilege(role, target, c.name, 'SELECT'))
                 FROM unnest(key_columns || input_columns || output_column) c (name)) THEN
        reason := 'not_allowed';
        sqlstate := '42501';
        message := format('role "%s" may not write column "%s" of %s by its key', pg_get_userbyid(role), output_column, home);
        hint := 'It needs USAGE on the schema, UPDATE on the output column, and SELECT on it, the key and the input columns.';
        RETURN;
    END IF;

    -- No rows of tables that inherit: their keys are their own.
    from_home := CASE WHEN kind = 'p' THEN home ELSE 'ONLY ' || home END;
    read_rows := format(
        'SELECT categorize_answer.number, %s, categorize_row.%I::pg_catalog.text
           FROM ROWS FROM (pg_catalog.unnest($1::pg_catalog.int4[]), %s) AS categorize_answer (number, %s) JOIN %s AS categorize_row ON %s',
        input, output_column, array_to_string(arrays, ', '), array_to_string(aliases, ', '),
        from_home, array_to_string(equal, ' AND '));
    write_rows := format(
        'UPDATE %s AS categorize_row SET %I = categorize_answer.category::%s
           FROM ROWS FROM (pg_catalog.unnest($1::pg_catalog.int4[]), pg_catalog.unnest($2::pg_catalog.text[]), pg_catalog.unnest($3::pg_catalog.text[]),
                           pg_catalog.unnest($4::pg_catalog.text[]), %s)
                AS categorize_answer (number, category, input, output, %s)
          WHERE %s AND %s COLLATE pg_catalog."C" OPERATOR(pg_catalog.=) categorize_answer.input
            AND categorize_row.%I::pg_catalog.text COLLATE pg_catalog."C" IS NOT DISTINCT FROM categorize_answer.output
      RETURNING categorize_answer.number',
        from_home, output_column, output.type, array_to_string(arrays, ', '), array_to_string(aliases, ', '),
        array_to_string(equal, ' AND '), input, output_column);
END
$$;
COMMENT ON FUNCTION categorize.write_back_statements(oid, oid, text[], text) IS
    'How answers are written to rows of a table as a role, or why they cannot be; used inside.';

CREATE FUNCTION categorize.enqueue_query(
    query text, taxonomy text DEFAULT NULL, relation regclass DEFAULT NULL, output_column text DEFAULT NULL, priority int DEFAULT 5)
RETURNS bigint LANGUAGE c AS 'MODULE_PATHNAME', 'enqueue_query_wrapper';

CREATE VIEW categorize.write_back_status WITH (security_barrier) AS
    SELECT t.relation::regclass::text AS relation, t.output_column, pg_get_userbyid(t.role_id)::text AS role, t.state, t.reason, t.sqlstate,
           count(*) AS rows, min(t.queued_at) AS oldest_at, max(t.ended_at) AS ended_at
      FROM categorize.job_target t
     WHERE categorize.sees_all_tenants()
        OR (t.role_id = (SELECT r.oid FROM pg_catalog.pg_roles r WHERE r.rolname = CURRENT_USER)
            AND t.tenant = categorize.current_tenant())
     GROUP BY 1, 2, 3, 4, 5, 6;
COMMENT ON VIEW categorize.write_back_status IS
    'Rows that wait for an answer to be written to them, by table and column, and why others did not get one.';

COMMENT ON FUNCTION categorize.enqueue_query(text, text, regclass, text, int) IS
    'Queues the inputs that a query returns, with the rows of a table that the answers are written to, and returns how many are new.';

REVOKE ALL ON categorize.write_back_status FROM PUBLIC;
REVOKE ALL ON FUNCTION categorize.write_back_statements(oid, oid, text[], text),
    categorize.enqueue_query(text, text, regclass, text, int) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION categorize.enqueue_query(text, text, regclass, text, int) TO categorize_user;
GRANT SELECT ON categorize.write_back_status TO categorize_user;

DO $$
DECLARE
    owner text := (SELECT pg_catalog.quote_ident(r.rolname) FROM pg_catalog.pg_class c
                     JOIN pg_catalog.pg_roles r ON r.oid OPERATOR(pg_catalog.=) c.relowner
                    WHERE c.oid OPERATOR(pg_catalog.=) 'categorize.taxonomy'::pg_catalog.regclass);
    object text;
BEGIN
    FOREACH object IN ARRAY ARRAY['SEQUENCE categorize.job_target_id_seq',
    'TABLE categorize.job_target',
    'VIEW categorize.write_back_status',
    'FUNCTION categorize.write_back_statements(oid, oid, text[], text)',
    'FUNCTION categorize.enqueue_query(text, text, regclass, text, int)'] LOOP
        EXECUTE pg_catalog.concat('ALTER ', object, ' OWNER TO ', owner);
    END LOOP;
END
$$;


-- News of batches: what is told on the channel `pg_categorize` and to the functions that roles have registered, what an operator should
-- look at, and what batches save. Whoever moves a job or a batch only notes it; a process of its own tells it: neither a full queue of
-- notifications nor somebody's function stands in the way of answers and money.

-- What kind of work is in a batch: all of it is of one.
ALTER TABLE categorize.batch ADD COLUMN job_type text NOT NULL DEFAULT 'categorize';
-- What its requests are written for, where users have written them.
ALTER TABLE categorize.batch ADD COLUMN endpoint text;
-- Whether a machine's stored answer is no answer to it.
ALTER TABLE categorize.job ADD COLUMN renews boolean NOT NULL DEFAULT false;
-- Of a request that a user has written: the model, and the API that it is written for.
ALTER TABLE categorize.job ADD COLUMN model text;
ALTER TABLE categorize.job ADD COLUMN endpoint text;
ALTER TABLE categorize.job ADD CHECK
    (job_type = 'categorize' OR pg_catalog.num_nulls(fingerprint, provider_id, model, endpoint, body) = 0);

-- What has happened and is to be told. It goes once that is done.
CREATE SEQUENCE categorize.news_id_seq;
CREATE TABLE categorize.news (
    id       bigint PRIMARY KEY DEFAULT pg_catalog.nextval('categorize.news_id_seq'),
    kind     text NOT NULL CHECK (kind IN ('batch', 'jobs', 'alert')),
    -- Of a batch and of the jobs in it; NULL where they were in none.
    batch_id bigint,
    -- That the batch, or the jobs, have come to.
    state    text,
    job_type text,
    role_id  oid,
    tenant   text,
    jobs     bigint[],
    alert_id bigint
);

-- Functions that roles want to have called with the jobs that they have queued and that have ended.
CREATE SEQUENCE categorize.completion_id_seq;
CREATE TABLE categorize.completion (
    id             bigint PRIMARY KEY DEFAULT pg_catalog.nextval('categorize.completion_id_seq'),
    function_oid   oid NOT NULL,
    -- As it was called then.
    function       text NOT NULL,
    role_id        oid NOT NULL,
    role           text NOT NULL,
    registered_at  timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    calls          bigint NOT NULL DEFAULT 0,
    failures       bigint NOT NULL DEFAULT 0,
    -- Of the last failure.
    failed_at      timestamptz,
    sqlstate       text,
    -- Why it is called no more.
    ended_at       timestamptz,
    reason         text,
    CHECK ((ended_at IS NULL) = (reason IS NULL))
);
CREATE UNIQUE INDEX completion_key ON categorize.completion (function_oid, role_id) WHERE ended_at IS NULL;

-- Calls that have not succeeded yet.
CREATE SEQUENCE categorize.completion_call_id_seq;
CREATE TABLE categorize.completion_call (
    id            bigint PRIMARY KEY DEFAULT pg_catalog.nextval('categorize.completion_call_id_seq'),
    completion_id bigint NOT NULL REFERENCES categorize.completion (id) ON DELETE CASCADE,
    tenant        text NOT NULL,
    jobs          bigint[] NOT NULL,
    attempts      int NOT NULL DEFAULT 0,
    retry_at      timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp()
);
CREATE INDEX completion_call_retry_at_idx ON categorize.completion_call (retry_at, id);
CREATE INDEX completion_call_completion_id_idx ON categorize.completion_call (completion_id);

-- What alerts have been raised for, so that each is raised once for its cause.
CREATE TABLE categorize.alert_mark (
    kind      text NOT NULL,
    cause     text NOT NULL,
    -- Of `saved`: nano-dollars.
    level     bigint NOT NULL DEFAULT 0,
    raised_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    PRIMARY KEY (kind, cause)
);

-- What is left of batches that are forgotten. Days are UTC.
CREATE TABLE categorize.batch_day (
    day               date NOT NULL,
    job_type          text NOT NULL,
    provider          text NOT NULL,
    model             text NOT NULL,
    tenant            text,
    batches           bigint NOT NULL,
    requests          bigint NOT NULL,
    inputs            bigint NOT NULL,
    answered          bigint NOT NULL,
    cost_nanousd      bigint NOT NULL,
    live_cost_nanousd bigint NOT NULL
);
CREATE UNIQUE INDEX batch_day_key ON categorize.batch_day
    (day, job_type, provider, model, (tenant IS NULL), coalesce(tenant, ''));

CREATE FUNCTION categorize.note_batch() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO categorize.news (kind, batch_id, state)
    VALUES ('batch', NEW.id, CASE NEW.state WHEN 'in_progress' THEN 'submitted' ELSE NEW.state END);
    PERFORM categorize.news_are_due();
    RETURN NULL;
END
$$;
-- It is submitted once the provider has said so.
CREATE TRIGGER note_news AFTER UPDATE ON categorize.batch FOR EACH ROW
    WHEN (OLD.state IS DISTINCT FROM NEW.state AND NEW.state IN ('in_progress', 'done', 'failed', 'expired', 'cancelled'))
    EXECUTE FUNCTION categorize.note_batch();

-- No nested loop: how many rows a statement changes is not known when its plan is kept.
CREATE FUNCTION categorize.note_jobs() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET enable_nestloop = off AS $$
BEGIN
    INSERT INTO categorize.news (kind, batch_id, state, job_type, role_id, tenant, jobs)
    SELECT 'jobs', j.batch_id, j.state, j.job_type, j.role_id, j.tenant, array_agg(j.id ORDER BY j.id)
      FROM jobs_after j
      JOIN jobs_before b ON b.id = j.id
     WHERE j.ended_at IS NOT NULL AND b.ended_at IS NULL
     GROUP BY j.batch_id, j.state, j.job_type, j.role_id, j.tenant;
    IF FOUND THEN
        PERFORM categorize.news_are_due();
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER note_news AFTER UPDATE ON categorize.job
    REFERENCING OLD TABLE AS jobs_before NEW TABLE AS jobs_after
    FOR EACH STATEMENT EXECUTE FUNCTION categorize.note_jobs();

CREATE FUNCTION categorize.note_alert() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO categorize.news (kind, alert_id) VALUES ('alert', NEW.id);
    PERFORM categorize.news_are_due();
    RETURN NULL;
END
$$;
CREATE TRIGGER note_news AFTER INSERT ON categorize.alert_log FOR EACH ROW EXECUTE FUNCTION categorize.note_alert();

CREATE FUNCTION categorize.keep_batch_day() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO categorize.batch_day AS d
    SELECT (b.created_at AT TIME ZONE 'UTC')::date, b.job_type, b.provider, b.model, b.tenant,
           count(*), sum(b.requests), sum(b.inputs), sum(b.answered), sum(b.cost_nanousd), sum(b.live_cost_nanousd)
      FROM gone b
     GROUP BY 1, 2, 3, 4, 5
        ON CONFLICT (day, job_type, provider, model, (tenant IS NULL), coalesce(tenant, '')) DO UPDATE
       SET batches = d.batches + excluded.batches, requests = d.requests + excluded.requests,
           inputs = d.inputs + excluded.inputs, answered = d.answered + excluded.answered,
           cost_nanousd = d.cost_nanousd + excluded.cost_nanousd,
           live_cost_nanousd = d.live_cost_nanousd + excluded.live_cost_nanousd;
    DELETE FROM categorize.alert_mark m USING gone b
     WHERE m.kind IN ('batch_failures', 'batch_old') AND m.cause = b.id::text;
    RETURN NULL;
END
$$;
CREATE TRIGGER keep_day AFTER DELETE ON categorize.batch REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION categorize.keep_batch_day();

-- Money in doubt is not among the costs before it is settled, and settled without usage it has no live price: it saves nothing.
CREATE VIEW categorize.savings WITH (security_barrier) AS
    SELECT s.day, s.job_type, s.provider, s.model, s.tenant,
           sum(s.batches)::bigint AS batches, sum(s.requests)::bigint AS requests, sum(s.inputs)::bigint AS inputs,
           sum(s.answered)::bigint AS answered,
           sum(s.cost) * 0.000000001 AS batch_usd,
           sum(s.live_cost) * 0.000000001 AS live_usd,
           (sum(s.live_cost) - sum(s.cost)) * 0.000000001 AS saved_usd
      FROM (SELECT (b.created_at AT TIME ZONE 'UTC')::date AS day, b.job_type, b.provider, b.model, b.tenant, 1::bigint AS batches,
                   b.requests::bigint AS requests, b.inputs::bigint AS inputs, b.answered::bigint AS answered,
                   b.cost_nanousd::numeric AS cost, b.live_cost_nanousd::numeric AS live_cost
              FROM categorize.batch b
             WHERE categorize.sees_all_tenants() OR b.tenant = categorize.current_tenant()
            UNION ALL
            SELECT d.day, d.job_type, d.provider, d.model, d.tenant, d.batches, d.requests, d.inputs, d.answered,
                   d.cost_nanousd::numeric, d.live_cost_nanousd::numeric
              FROM categorize.batch_day d
             WHERE categorize.sees_all_tenants() OR d.tenant = categorize.current_tenant()) s
     GROUP BY s.day, s.job_type, s.provider, s.model, s.tenant;

CREATE VIEW categorize.job_result WITH (security_barrier) AS
    SELECT j.id, j.job_type, j.state, j.priority, j.model, j.reason, j.answer, j.enqueued_at, j.ended_at, j.batch_id
      FROM categorize.job j
     WHERE j.job_type <> 'categorize' AND j.tenant = categorize.current_tenant()
       AND j.role_id = (SELECT r.oid FROM pg_catalog.pg_roles r WHERE r.rolname = CURRENT_USER);

CREATE VIEW categorize.completions WITH (security_barrier) AS
    SELECT c.id, c.function, c.role, c.registered_at, c.calls,
           (SELECT count(*) FROM categorize.completion_call k WHERE k.completion_id = c.id) AS waiting,
           c.failures, c.failed_at, c.sqlstate, c.ended_at, c.reason
      FROM categorize.completion c
     WHERE categorize.sees_all_tenants()
        OR c.role_id = (SELECT r.oid FROM pg_catalog.pg_roles r WHERE r.rolname = CURRENT_USER);

-- How a function is called with the ids of jobs as a role, or why it cannot be. It looks into catalogs only.
CREATE FUNCTION categorize.completion_statement(
    function oid, role oid, OUT name text, OUT call text, OUT reason text, OUT sqlstate text, OUT message text, OUT hint text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    callee record;
BEGIN
    SELECT p.proname, n.nspname, p.pronamespace, p.prokind = 'f' AS is_function, p.provariadic <> 0 AS takes_single_ids,
           p.proargtypes::text = 'bigint[]'::regtype::oid::text AS takes_ids INTO callee
      FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE p.oid = function;
    IF NOT FOUND THEN
        reason := 'function_gone';
        sqlstate := '42883';
        message := 'the function does not exist';
        RETURN;
    END IF;
    name := function::regprocedure::text;
    IF NOT callee.is_function OR NOT callee.takes_ids OR callee.takes_single_ids THEN
        reason := 'not_suitable';
        sqlstate := '22023';
        message := format('%s is no function of one bigint[]', name);
        hint := 'It is called with the ids of jobs that have ended, as in CREATE FUNCTION after_jobs(jobs bigint[]) RETURNS void.';
    ELSIF NOT EXISTS (SELECT FROM pg_roles r WHERE r.oid = role) THEN
        reason := 'role_gone';
        sqlstate := '42704';
        message := 'the role does not exist';
    ELSIF NOT has_schema_privilege(role, callee.pronamespace, 'USAGE') OR NOT has_function_privilege(role, function, 'EXECUTE') THEN
        reason := 'not_allowed';
        sqlstate := '42501';
        message := format('role "%s" may not call %s', pg_get_userbyid(role), name);
        hint := 'It needs EXECUTE on the function and USAGE on its schema.';
    END IF;
    IF reason IS NULL THEN
        call := format('SELECT %I.%I($1::pg_catalog.int8[])', callee.nspname, callee.proname);
    END IF;
END
$$;

-- Takes up to so many news, tells them, and notes whom to call; how many there were. A payload has at most 8,000 bytes: of more jobs
-- than a hundred it has the numbers alone. Where listeners have not read for long and the queue fills, nothing is told: the views say it.
CREATE FUNCTION categorize.tell_news(most int) RETURNS int
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    has_room boolean := pg_notification_queue_usage() < 0.5::float8;
    payload text;
    taken categorize.news[];
BEGIN
    WITH gone AS (
        DELETE FROM categorize.news n WHERE n.id IN (SELECT o.id FROM categorize.news o ORDER BY o.id LIMIT most) RETURNING n)
    SELECT array_agg(g.n ORDER BY (g.n).id) INTO taken FROM gone g;
    FOR payload IN
        SELECT t.payload::text FROM (
            SELECT n.id, json_build_object('event', 'batch_' || n.state, 'batch', n.batch_id, 'state', n.state,
                       'job_type', b.job_type, 'requests', b.requests, 'inputs', b.inputs, 'answered', b.answered,
                       'failed', b.failed) AS payload
              FROM unnest(taken) n JOIN categorize.batch b ON b.id = n.batch_id WHERE n.kind = 'batch'
            UNION ALL
            SELECT min(n.id), json_strip_nulls(json_build_object('event', 'jobs_ended', 'batch', n.batch_id, 'job_type', n.job_type,
                       'state', n.state, 'count', sum(cardinality(n.jobs)),
                       'jobs', CASE WHEN sum(cardinality(n.jobs)) <= 100 THEN
                           (SELECT json_agg(j.id ORDER BY j.id) FROM unnest(taken) o CROSS JOIN unnest(o.jobs) j (id)
                             WHERE o.kind = 'jobs' AND o.batch_id IS NOT DISTINCT FROM n.batch_id AND o.job_type = n.job_type
                               AND o.state = n.state) END))
              FROM unnest(taken) n WHERE n.kind = 'jobs' GROUP BY n.batch_id, n.job_type, n.state
            UNION ALL
            SELECT n.id, json_build_object('event', 'alert', 'alert', a.id, 'kind', a.kind)
              FROM unnest(taken) n JOIN categorize.alert_log a ON a.id = n.alert_id WHERE n.kind = 'alert') t
         WHERE has_room ORDER BY t.id
    LOOP
        PERFORM pg_notify('pg_categorize', payload);
    END LOOP;

    INSERT INTO categorize.completion_call (completion_id, tenant, jobs)
    SELECT c.id, j.tenant, array_agg(j.job ORDER BY j.job)
      FROM (SELECT n.role_id, n.tenant, e.job, (row_number() OVER (PARTITION BY n.role_id, n.tenant ORDER BY e.job) - 1) / 1000 AS portion
              FROM unnest(taken) n CROSS JOIN unnest(n.jobs) e (job) WHERE n.kind = 'jobs') j
      JOIN categorize.completion c ON c.role_id = j.role_id AND c.ended_at IS NULL
     GROUP BY c.id, j.tenant, j.portion ORDER BY c.id, min(j.job);
    RETURN coalesce(cardinality(taken), 0);
END
$$;

-- Raises the alerts that are due, each once for its cause; how many. 0 turns a kind off.
CREATE FUNCTION categorize.raise_alerts(failed_percent int, batch_age interval, queue_length int, saved_nanousd bigint) RETURNS int
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    raised int := 0;
    more int;
    waiting bigint;
    saved numeric;
    steps bigint;
BEGIN
    WITH raised AS (
        INSERT INTO categorize.alert_mark (kind, cause)
        SELECT 'batch_failures', b.id::text FROM categorize.batch b
         WHERE b.ended_at IS NOT NULL AND b.state <> 'cancelled' AND failed_percent > 0
           AND (b.state = 'failed' OR b.failed::bigint * 100 > b.inputs::bigint * failed_percent)
            ON CONFLICT DO NOTHING RETURNING cause::bigint AS batch_id)
    INSERT INTO categorize.alert_log (kind, provider, model, message)
    SELECT 'batch_failures', b.provider, b.model,
           CASE b.state WHEN 'failed' THEN format('Batch %s failed.', b.id)
                        ELSE format('Of %s inputs of batch %s %s have no answer.', b.inputs, b.id, b.failed) END
      FROM raised r JOIN categorize.batch b ON b.id = r.batch_id ORDER BY b.id;
    GET DIAGNOSTICS more = ROW_COUNT;
    raised := raised + more;

    WITH raised AS (
        INSERT INTO categorize.alert_mark (kind, cause)
        SELECT 'batch_old', b.id::text FROM categorize.batch b
         WHERE b.ended_at IS NULL AND batch_age > interval '0' AND b.created_at < clock_timestamp() - batch_age
            ON CONFLICT DO NOTHING RETURNING cause::bigint AS batch_id)
    INSERT INTO categorize.alert_log (kind, provider, model, message)
    SELECT 'batch_old', b.provider, b.model,
           format('Batch %s has not ended since %s.', b.id, to_char(b.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI "UTC"'))
      FROM raised r JOIN categorize.batch b ON b.id = r.batch_id ORDER BY b.id;
    GET DIAGNOSTICS more = ROW_COUNT;
    raised := raised + more;

    IF queue_length > 0 THEN
        SELECT count(*) INTO waiting
          FROM (SELECT FROM categorize.job j WHERE j.state = 'waiting' LIMIT queue_length::bigint + 1) w;
        IF waiting > queue_length THEN
            INSERT INTO categorize.alert_mark (kind, cause) VALUES ('queue_long', '') ON CONFLICT DO NOTHING;
            IF FOUND THEN
                INSERT INTO categorize.alert_log (kind, message)
                VALUES ('queue_long', format('More than %s jobs wait for a batch.', queue_length));
                raised := raised + 1;
            END IF;
        ELSIF waiting <= queue_length / 2 THEN
            -- A queue that grows again is another cause.
            DELETE FROM categorize.alert_mark WHERE kind = 'queue_long';
        END IF;
    END IF;

    IF saved_nanousd > 0 THEN
        SELECT coalesce(sum(s.live - s.cost), 0::numeric) INTO saved
          FROM (SELECT b.live_cost_nanousd AS live, b.cost_nanousd AS cost FROM categorize.batch b
                UNION ALL SELECT d.live_cost_nanousd, d.cost_nanousd FROM categorize.batch_day d) s;
        steps := floor(saved / saved_nanousd);
        IF steps > 0 THEN
            INSERT INTO categorize.alert_mark AS m (kind, cause, level) VALUES ('saved', '', steps * saved_nanousd)
                ON CONFLICT (kind, cause) DO UPDATE SET level = excluded.level, raised_at = excluded.raised_at
             WHERE excluded.level > m.level;
            IF FOUND THEN
                INSERT INTO categorize.alert_log (kind, message)
                VALUES ('saved', format('Batches have saved %s dollars.', trim_scale(steps * saved_nanousd * 0.000000001)));
                raised := raised + 1;
            END IF;
        END IF;
    END IF;
    RETURN raised;
END
$$;

COMMENT ON TABLE categorize.news IS 'What has happened to jobs and batches and is to be told.';
COMMENT ON TABLE categorize.completion IS 'Functions that roles have called when their jobs have ended.';
COMMENT ON TABLE categorize.completion_call IS 'Calls of these functions that have not succeeded yet.';
COMMENT ON TABLE categorize.alert_mark IS 'What alerts have been raised for.';
COMMENT ON TABLE categorize.batch_day IS 'What is left of batches that are forgotten, by day (UTC).';
COMMENT ON SEQUENCE categorize.news_id_seq IS 'Ids of news.';
COMMENT ON SEQUENCE categorize.completion_id_seq IS 'Ids of functions that are called when jobs have ended.';
COMMENT ON SEQUENCE categorize.completion_call_id_seq IS 'Ids of calls of these.';
COMMENT ON VIEW categorize.savings IS
    'What batches cost and what the same tokens would have cost live, by day (UTC), kind of work, provider and model: of the tenant of the session, of all for members of categorize_admin.';
COMMENT ON VIEW categorize.job_result IS
    'The requests that the current role has queued with enqueue_request(), and what the provider answered.';
COMMENT ON VIEW categorize.completions IS
    'The functions that are called when jobs of a role have ended, and how the calls went: of the role, of all for members of categorize_admin.';
COMMENT ON FUNCTION categorize.note_batch() IS 'Notes that a batch has been submitted or has ended; used inside.';
COMMENT ON FUNCTION categorize.note_jobs() IS 'Notes which jobs have ended; used inside.';
COMMENT ON FUNCTION categorize.note_alert() IS 'Notes that an alert was raised; used inside.';
COMMENT ON FUNCTION categorize.keep_batch_day() IS 'Keeps what batches cost and saved when they are forgotten; used inside.';
COMMENT ON FUNCTION categorize.completion_statement(oid, oid) IS
    'How a function is called with the ids of jobs as a role, or why it cannot be; used inside.';
COMMENT ON FUNCTION categorize.tell_news(int) IS
    'Tells what has happened on the channel pg_categorize, and notes which functions are to be called; used inside.';
COMMENT ON FUNCTION categorize.raise_alerts(int, interval, int, bigint) IS
    'Raises the alerts about queue and batches that are due, each once for its cause; used inside.';
REVOKE ALL ON categorize.news, categorize.completion, categorize.completion_call, categorize.alert_mark, categorize.batch_day FROM PUBLIC;
REVOKE ALL ON SEQUENCE categorize.news_id_seq, categorize.completion_id_seq, categorize.completion_call_id_seq FROM PUBLIC;

CREATE  FUNCTION categorize."on_completion"(
	"function" regprocedure /* Option < Function > */
) RETURNS bigint /* i64 */
VOLATILE 
LANGUAGE c /* Rust */
AS 'MODULE_PATHNAME', 'on_completion_wrapper';
CREATE  FUNCTION categorize."drop_completion"(
	"function" regprocedure /* Option < Function > */
) RETURNS bool /* bool */
VOLATILE 
LANGUAGE c /* Rust */
AS 'MODULE_PATHNAME', 'drop_completion_wrapper';
CREATE  FUNCTION categorize."news_are_due"() RETURNS void /* () */
VOLATILE STRICT 
LANGUAGE c /* Rust */
AS 'MODULE_PATHNAME', 'news_are_due_wrapper';
CREATE  FUNCTION categorize."recategorize"(
	"taxonomy" TEXT DEFAULT NULL, /* Option < & str > */
	"outdated" bool DEFAULT false, /* Option < bool > */
	"model" TEXT DEFAULT NULL, /* Option < & str > */
	"below" real DEFAULT NULL, /* Option < f32 > */
	"condition" TEXT DEFAULT NULL, /* Option < & str > */
	"dry_run" bool DEFAULT true, /* Option < bool > */
	"priority" INT DEFAULT 5 /* Option < i32 > */
) RETURNS TABLE (
	"answers" bigint,  /* i64 */
	"without_text" bigint,  /* i64 */
	"queued" bigint,  /* i64 */
	"live_low_usd" NUMERIC,  /* Option < AnyNumeric > */
	"live_high_usd" NUMERIC,  /* Option < AnyNumeric > */
	"batch_low_usd" NUMERIC,  /* Option < AnyNumeric > */
	"batch_high_usd" NUMERIC  /* Option < AnyNumeric > */
)
VOLATILE 
LANGUAGE c /* Rust */
AS 'MODULE_PATHNAME', 'recategorize_wrapper';
CREATE  FUNCTION categorize."enqueue_request"(
	"job_type" TEXT, /* Option < & str > */
	"provider" TEXT, /* Option < & str > */
	"body" jsonb, /* Option < JsonB > */
	"priority" INT DEFAULT 5 /* Option < i32 > */
) RETURNS bigint /* i64 */
VOLATILE 
LANGUAGE c /* Rust */
AS 'MODULE_PATHNAME', 'enqueue_request_wrapper';
COMMENT ON FUNCTION categorize.on_completion(regprocedure) IS
    'Has a function called, as the current role, with the ids of jobs that it has queued when they have ended; returns its number.';
COMMENT ON FUNCTION categorize.drop_completion(regprocedure) IS
    'Has a function called no more that the current role has registered; returns whether it had.';
COMMENT ON FUNCTION categorize.news_are_due() IS 'Has what was noted of jobs and batches told after the commit; used inside.';
COMMENT ON FUNCTION categorize.recategorize(text, boolean, text, real, text, boolean, int) IS
    'Has answers that machines gave asked for anew in batches; a dry run, which is the default, tells how many and what that costs.';
COMMENT ON FUNCTION categorize.enqueue_request(text, text, jsonb, int) IS
    'Queues a request to a provider as a live call would send it, and returns its number; categorize.job_result has the answer.';
REVOKE ALL ON FUNCTION categorize.note_batch(),
    categorize.note_jobs(),
    categorize.note_alert(),
    categorize.keep_batch_day(),
    categorize.completion_statement(oid, oid),
    categorize.tell_news(int),
    categorize.raise_alerts(int, interval, int, bigint),
    categorize.on_completion(regprocedure),
    categorize.drop_completion(regprocedure),
    categorize.news_are_due(),
    categorize.recategorize(text, boolean, text, real, text, boolean, int),
    categorize.enqueue_request(text, text, jsonb, int) FROM PUBLIC;
REVOKE ALL ON categorize.savings, categorize.job_result, categorize.completions FROM PUBLIC;
GRANT SELECT ON categorize.savings, categorize.completions, categorize.job_result TO categorize_user;
GRANT EXECUTE ON FUNCTION categorize.on_completion(regprocedure), categorize.drop_completion(regprocedure) TO categorize_user;
GRANT EXECUTE ON FUNCTION categorize.recategorize(text, boolean, text, real, text, boolean, int) TO categorize_editor;
GRANT EXECUTE ON FUNCTION categorize.enqueue_request(text, text, jsonb, int) TO categorize_admin;

DO $$
DECLARE
    owner text := (SELECT pg_catalog.quote_ident(r.rolname) FROM pg_catalog.pg_class c
                     JOIN pg_catalog.pg_roles r ON r.oid OPERATOR(pg_catalog.=) c.relowner
                    WHERE c.oid OPERATOR(pg_catalog.=) 'categorize.taxonomy'::pg_catalog.regclass);
    object text;
BEGIN
    FOREACH object IN ARRAY ARRAY['SEQUENCE categorize.news_id_seq',
    'SEQUENCE categorize.completion_id_seq',
    'SEQUENCE categorize.completion_call_id_seq',
    'TABLE categorize.news',
    'TABLE categorize.completion',
    'TABLE categorize.completion_call',
    'TABLE categorize.alert_mark',
    'TABLE categorize.batch_day',
    'VIEW categorize.savings',
    'VIEW categorize.job_result',
    'VIEW categorize.completions',
    'FUNCTION categorize.note_batch()',
    'FUNCTION categorize.note_jobs()',
    'FUNCTION categorize.note_alert()',
    'FUNCTION categorize.keep_batch_day()',
    'FUNCTION categorize.completion_statement(oid, oid)',
    'FUNCTION categorize.tell_news(int)',
    'FUNCTION categorize.raise_alerts(int, interval, int, bigint)',
    'FUNCTION categorize.on_completion(regprocedure)',
    'FUNCTION categorize.drop_completion(regprocedure)',
    'FUNCTION categorize.news_are_due()',
    'FUNCTION categorize.recategorize(text, boolean, text, real, text, boolean, int)',
    'FUNCTION categorize.enqueue_request(text, text, jsonb, int)'] LOOP
        EXECUTE pg_catalog.concat('ALTER ', object, ' OWNER TO ', owner);
    END LOOP;
END
$$;

-- Vectors that are bought in batches: texts whose vectors a provider makes, and which wait for a batch with many others. Their jobs are
-- requests as users write them, of the kind of work `embedding`, of a taxonomy, and nobody's.

-- How many texts a request asks for the vectors of; 1 where it asks for something else.
ALTER TABLE categorize.job ADD COLUMN inputs int NOT NULL DEFAULT 1 CHECK (inputs > 0);

-- The texts of such jobs. What has its vector is deleted.
CREATE TABLE categorize.queued_vector (
    -- Not references, which would be looked up for each text: what is left of an index goes with it.
    index_id    int NOT NULL,
    fingerprint bytea NOT NULL,
    job_id      bigint NOT NULL,
    -- Which text of the request it is, from 1 on.
    place       int NOT NULL CHECK (place > 0),
    -- Whether no batch had its vector: it is bought live.
    live        boolean NOT NULL DEFAULT false,
    PRIMARY KEY (index_id, fingerprint)
);
CREATE INDEX queued_vector_job_id_idx ON categorize.queued_vector (job_id, place);

COMMENT ON TABLE categorize.queued_vector IS 'Texts whose vectors are bought in batches.';
REVOKE ALL ON categorize.queued_vector FROM PUBLIC;

DO $$
DECLARE
    owner text := (SELECT pg_catalog.quote_ident(r.rolname) FROM pg_catalog.pg_class c
                     JOIN pg_catalog.pg_roles r ON r.oid OPERATOR(pg_catalog.=) c.relowner
                    WHERE c.oid OPERATOR(pg_catalog.=) 'categorize.taxonomy'::pg_catalog.regclass);
BEGIN
    EXECUTE pg_catalog.concat('ALTER TABLE categorize.queued_vector OWNER TO ', owner);
END
$$;
