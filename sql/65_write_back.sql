-- Where the answers of queued work are written: rows of the user's own tables, by their primary keys, as whoever queued them. Like
-- the queue it is not dumped.

CREATE SEQUENCE categorize.job_target_id_seq;
CREATE TABLE categorize.job_target (
    id            bigint PRIMARY KEY DEFAULT pg_catalog.nextval('categorize.job_target_id_seq'),
    -- NULL where the answer was known when it was queued.
    job_id        bigint REFERENCES categorize.job_entry (id) ON DELETE CASCADE,
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
