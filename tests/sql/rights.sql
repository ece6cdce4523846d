-- Rights: what each role may do. A new function, table or view shows up here, and so needs a decision.
CREATE ROLE regress_nobody;
CREATE ROLE regress_user IN ROLE categorize_user;
CREATE ROLE regress_editor IN ROLE categorize_editor;
CREATE ROLE regress_admin IN ROLE categorize_admin;

CREATE TYPE testing.rights AS (kind text, name text, nobody text, "user" text, editor text, admin text);
CREATE FUNCTION testing.rights() RETURNS SETOF testing.rights LANGUAGE plpgsql AS $$
DECLARE
    object record;
    role text;
    allowed text[];
    privileges text;
BEGIN
    FOR object IN
        SELECT d.classid, d.objid FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid AND d.refclassid = 'pg_extension'::regclass
         WHERE e.extname = 'pg_categorize' AND d.deptype = 'e' AND d.classid IN ('pg_proc'::regclass, 'pg_class'::regclass, 'pg_namespace'::regclass)
           AND NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = d.objid AND c.relkind IN ('c', 'i'))
    LOOP
        allowed := '{}';
        FOREACH role IN ARRAY ARRAY['regress_nobody', 'regress_user', 'regress_editor', 'regress_admin'] LOOP
            SELECT string_agg(p, ', ') INTO privileges FROM unnest(CASE object.classid
                    WHEN 'pg_proc'::regclass THEN ARRAY['EXECUTE'] WHEN 'pg_namespace'::regclass THEN ARRAY['USAGE', 'CREATE']
                    ELSE ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'USAGE'] END) p
             WHERE CASE WHEN object.classid = 'pg_proc'::regclass THEN has_function_privilege(role, object.objid, p)
                        WHEN object.classid = 'pg_namespace'::regclass THEN has_schema_privilege(role, object.objid, p)
                        WHEN (SELECT relkind FROM pg_class WHERE oid = object.objid) = 'S'
                             THEN p IN ('SELECT', 'UPDATE', 'USAGE') AND has_sequence_privilege(role, object.objid, p)
                        ELSE p <> 'USAGE' AND has_table_privilege(role, object.objid, p) END;
            allowed := allowed || coalesce(lower(privileges), '-');
        END LOOP;
        RETURN NEXT ROW(CASE WHEN object.classid = 'pg_proc'::regclass THEN 'function' WHEN object.classid = 'pg_namespace'::regclass THEN 'schema'
                             ELSE (SELECT CASE relkind WHEN 'r' THEN 'table' WHEN 'v' THEN 'view' WHEN 'S' THEN 'sequence' ELSE relkind::text END
                                     FROM pg_class WHERE oid = object.objid) END,
                        CASE WHEN object.classid = 'pg_proc'::regclass THEN object.objid::regprocedure::text
                             WHEN object.classid = 'pg_namespace'::regclass THEN object.objid::regnamespace::text
                             ELSE object.objid::regclass::text END,
                        allowed[1], allowed[2], allowed[3], allowed[4])::testing.rights;
    END LOOP;
END
$$;
SELECT * FROM testing.rights() ORDER BY kind COLLATE "C", name COLLATE "C";

-- PUBLIC has nothing on anything of ours.
SELECT kind, name FROM testing.rights() WHERE nobody <> '-';
SELECT rolname, rolcanlogin, rolsuper, rolcreaterole, rolcreatedb, rolbypassrls FROM pg_roles WHERE rolname LIKE 'categorize%' ORDER BY rolname;
SELECT r.rolname AS role, m.rolname AS member FROM pg_auth_members a JOIN pg_roles r ON r.oid = a.roleid JOIN pg_roles m ON m.oid = a.member
 WHERE r.rolname LIKE 'categorize%' AND m.rolname LIKE 'categorize%' ORDER BY 1;

-- What that means when they are called: the SQLSTATE of each call, by role; (ok) where it works.
CREATE TABLE testing.labelled (title text, category text);
INSERT INTO testing.labelled VALUES ('one', 'A');
CREATE TABLE testing.call (n serial, statement text);
INSERT INTO testing.call (statement) VALUES
    ($$ SELECT categorize('one', 'rights') $$),
    ($$ SELECT categorize('one', ARRAY['one']) $$),
    ($$ SELECT categorize_cached('one', 'rights') $$),
    ($$ SELECT categorize_detail('one', 'rights') $$),
    ($$ SELECT * FROM categorize_many(ARRAY['one'], 'rights') $$),
    ($$ SELECT * FROM categorize.explain('one', 'rights') $$),
    ($$ SELECT * FROM categorize.candidate_recall('rights') $$),
    ($$ SELECT * FROM categorize.estimate('SELECT categorize(''one'', ''rights'')') $$),
    ($$ SELECT * FROM categorize.settings('rights') $$),
    ($$ SELECT categorize.current_tenant() $$),
    ($$ SELECT categorize.library_version() $$),
    ($$ SELECT * FROM categorize.counters() $$),
    ($$ SELECT * FROM categorize.stats $$),
    ($$ SELECT * FROM categorize.tier_stats $$),
    ($$ SELECT * FROM categorize.taxonomies $$),
    ($$ SELECT * FROM categorize.categories $$),
    ($$ SELECT * FROM categorize.rules $$),
    ($$ SELECT * FROM categorize.corrections $$),
    ($$ SELECT * FROM categorize.local_models $$),
    ($$ SELECT * FROM categorize.calibration $$),
    ($$ SELECT categorize.train('rights') $$),
    ($$ SELECT categorize.activate_model('rights', 0) $$),
    ($$ SELECT categorize.correct('one', 'A', 'rights') $$),
    ($$ SELECT categorize.correct_many('SELECT ''two'', ''A''', 'rights') $$),
    ($$ SELECT categorize.drop_correction('one', 'rights') $$),
    ($$ SELECT categorize.learn('SELECT ''three'', ''A''', 'rights') $$),
    ($$ SELECT categorize.learn('SELECT ''three'', ''New''', 'rights', true) $$),
    ($$ SELECT categorize.forget('three', 'rights') $$),
    ($$ SELECT categorize.add_rule('rights', 'four', 'A') $$),
    ($$ SELECT categorize.drop_rule((SELECT max(id) FROM categorize.rules)) $$),
    ($$ SELECT categorize.create_taxonomy('rights 2') $$),
    ($$ SELECT categorize.create_taxonomy_from_query('rights 2', 'SELECT ''A''') $$),
    ($$ SELECT categorize.create_taxonomy_from_json('rights 2', '["A"]') $$),
    ($$ SELECT categorize.drop_taxonomy('rights') $$),
    ($$ SELECT categorize.add_category('rights', 'D') $$),
    ($$ SELECT categorize.rename_category('rights', 'B', 'E') $$),
    ($$ SELECT categorize.merge_category('rights', 'B', 'A') $$),
    ($$ SELECT categorize.drop_category('rights', 'B') $$),
    ($$ SELECT categorize.configure('rights', '{"pack_size": 5}') $$),
    ($$ SELECT categorize.set_profile('rights', 'aggressive') $$),
    ($$ SELECT categorize.add_provider('p', 'openai') $$),
    ($$ SELECT categorize.drop_provider('nobody') $$),
    ($$ SELECT categorize.set_price('m', 1, 1) $$),
    ($$ SELECT categorize.set_batch_price('gpt-6-luna', 1, 1) $$),
    ($$ SELECT categorize.set_model('m', 'openai') $$),
    ($$ SELECT categorize.set_budget('database', 1) $$),
    ($$ SELECT categorize.drop_budget('database') $$),
    ($$ SELECT categorize.settle_in_doubt(1, 0) $$),
    ($$ SELECT categorize.adopt_database() $$),
    ($$ SELECT categorize.sees_all_tenants() $$),
    ($$ SELECT * FROM categorize.provider_health() $$),
    ($$ SELECT * FROM categorize.provider_health $$),
    ($$ SELECT * FROM categorize.providers $$),
    ($$ SELECT * FROM categorize.models $$),
    ($$ SELECT * FROM categorize.budget_status $$),
    ($$ SELECT * FROM categorize.spend $$),
    ($$ SELECT * FROM categorize.in_doubt $$),
    ($$ SELECT * FROM categorize.alert $$),
    ($$ SELECT * FROM categorize.progress $$),
    ($$ CALL categorize.run('pg_temp.own') $$),
    ($$ SELECT categorize.run_begin('pg_class'::regclass, 'a', 'b', 'rights', NULL, false, NULL, 1, false, '1 minute') $$),
    ($$ SELECT * FROM categorize.run_answers(ARRAY['one'], 'rights') $$),
    ($$ SELECT categorize.enqueue(ARRAY['one'], 'rights') $$),
    ($$ SELECT categorize.enqueue_query('SELECT ''one''', 'rights') $$),
    ($$ SELECT * FROM categorize.write_back_status $$),
    ($$ SELECT categorize.write_back_statements(0, 0, '{}', 'a') $$),
    ($$ SELECT categorize.submit_batches() $$),
    ($$ SELECT categorize.poll_batches() $$),
    ($$ SELECT categorize.cancel_batch(-1) $$),
    ($$ SELECT * FROM categorize.queue_status $$),
    ($$ SELECT * FROM categorize.batch_status $$),
    ($$ SELECT categorize.purge_expired() $$),
    ($$ SELECT categorize.stats_reset() $$),
    ($$ SELECT categorize.set_tenant('acme') $$),
    ($$ SELECT categorize.set_tenant('acme', false) $$),
    ($$ SET LOCAL categorize.tenant = 'acme' $$),
    ($$ SET LOCAL categorize.taxonomy = 'rights' $$),
    ($$ SET LOCAL categorize.mode = 'cached' $$),
    ($$ SET LOCAL categorize.on_unresolved = 'best' $$),
    ($$ SELECT * FROM categorize.taxonomy $$),
    ($$ SELECT * FROM categorize.category $$),
    ($$ SELECT * FROM categorize.rule $$),
    ($$ SELECT * FROM categorize.correction $$),
    ($$ SELECT * FROM categorize.cache $$),
    ($$ SELECT * FROM categorize.local_model $$),
    ($$ SELECT * FROM categorize.provider $$),
    ($$ SELECT * FROM categorize.price $$),
    ($$ SELECT * FROM categorize.budget $$),
    ($$ SELECT * FROM categorize.effective_budget $$),
    ($$ SELECT * FROM categorize.reservation $$),
    ($$ SELECT * FROM categorize.ledger $$),
    ($$ SELECT * FROM categorize.ledger_day $$),
    ($$ SELECT * FROM categorize.alert_log $$),
    ($$ SELECT * FROM categorize.bulk_run $$),
    ($$ SELECT * FROM categorize.bulk_claim $$),
    ($$ SELECT * FROM categorize.job $$),
    ($$ SELECT * FROM categorize.job_entry $$),
    ($$ SELECT * FROM categorize.job_waiting $$),
    ($$ SELECT * FROM categorize.job_end $$),
    ($$ SELECT * FROM categorize.job_target $$),
    ($$ SELECT * FROM categorize.batch $$),
    ($$ SELECT * FROM categorize.batch_item $$),
    ($$ SELECT * FROM categorize.batch_schedule $$),
    ($$ UPDATE categorize.budget_status SET limit_usd = 1000 $$),
    ($$ DELETE FROM categorize.cache $$),
    ($$ INSERT INTO categorize.corrections DEFAULT VALUES $$),
    ($$ UPDATE categorize.taxonomies SET name = 'x' $$),
    ($$ SELECT nextval('categorize.rule_id_seq') $$),
    ($$ CREATE TABLE categorize.mine () $$),
    ($$ CREATE TRIGGER t BEFORE INSERT ON pg_temp.own FOR EACH ROW EXECUTE FUNCTION categorize_trigger('a', 'b') $$),
    ($$ CREATE TRIGGER t AFTER INSERT ON pg_temp.own FOR EACH STATEMENT EXECUTE FUNCTION categorize.invalidate() $$);
CREATE FUNCTION testing.as_role(role text, statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    result text := 'ok';
BEGIN
    BEGIN
        EXECUTE format('SET LOCAL ROLE %I', role);
        CREATE TEMP TABLE own (a text, b text);
        EXECUTE statement;
        RAISE EXCEPTION USING ERRCODE = 'UNDO0';
    EXCEPTION WHEN OTHERS THEN
        IF SQLSTATE <> 'UNDO0' THEN result := SQLSTATE; END IF;
    END;
    RETURN result;
END
$$;
SELECT categorize.create_taxonomy('rights', ARRAY['A', 'B']) > 0 AS created;
SELECT categorize.learn($$ VALUES ('one', 'A'), ('something else', 'B') $$, 'rights');
SET client_min_messages = error;
SELECT btrim(statement) AS statement, testing.as_role('regress_nobody', statement) AS nobody, testing.as_role('regress_user', statement) AS "user",
       testing.as_role('regress_editor', statement) AS editor, testing.as_role('regress_admin', statement) AS admin FROM testing.call ORDER BY n;
RESET client_min_messages;
SELECT categorize.current_tenant() = '' AS tenant_is_as_before;

-- The messages are those of Postgres.
SET ROLE regress_nobody;
SELECT categorize('one', 'rights');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM categorize.stats;
SET ROLE regress_user;
SELECT categorize.correct('one', 'A', 'rights');
SELECT * FROM categorize.cache;
SET categorize.tenant = 'acme';
\echo :LAST_ERROR_SQLSTATE

-- The query of learn() and the like runs with the caller's rights: neither a table that he may not read, nor one of ours.
SET ROLE regress_editor;
CALL testing.sweep(
    $$ SELECT categorize.learn('SELECT title, category FROM testing.labelled', 'rights') $$,
    $$ SELECT categorize.learn('SELECT input, ''A'' FROM categorize.cache', 'rights') $$,
    $$ SELECT categorize.correct_many('SELECT title, category FROM testing.labelled', 'rights') $$,
    $$ SELECT categorize.learn('SELECT rolname, ''A'' FROM pg_authid', 'rights') $$,
    $$ SELECT categorize.learn('SELECT set_config(''categorize.tenant'', ''acme'', false), ''A''', 'rights') $$,
    $$ SELECT categorize.learn('SELECT current_user, ''A''', 'rights') $$);
SELECT categorize('regress_editor', 'rights') AS ran_as_the_caller;
SELECT current_user;
-- An editor's rule is his tenant's alone; only an admin's is for all, and only he drops that.
RESET ROLE;
SET ROLE regress_admin;
SELECT categorize.add_rule('rights', 'for all', 'B') AS of_admin \gset
SET ROLE regress_editor;
SELECT categorize.add_rule('rights', 'of one', 'B') AS of_editor \gset
SELECT pattern, for_all_tenants, created_by FROM categorize.rules WHERE taxonomy = 'rights' ORDER BY id;
SELECT categorize.drop_rule(:of_editor);
SELECT testing.attempt(format('SELECT categorize.drop_rule(%s)', :of_admin)) LIKE '22023: rule % does not exist%' OR testing.attempt(format('SELECT categorize.drop_rule(%s)', :of_admin)) LIKE '42501%' AS refused;
RESET ROLE;
SELECT pattern FROM categorize.rules WHERE taxonomy = 'rights' ORDER BY id;

-- A table's owner lets others fill it: the trigger asks as itself, whoever inserts.
CREATE TABLE testing.item (title text, category text);
CREATE TRIGGER fill BEFORE INSERT ON testing.item FOR EACH ROW EXECUTE FUNCTION categorize_trigger('title', 'category', 'rights');
GRANT INSERT, SELECT ON testing.item TO regress_nobody;
SET ROLE regress_nobody;
INSERT INTO testing.item VALUES ('one') RETURNING *;
RESET ROLE;

-- A function that calls us as its owner, and a view over us.
CREATE FUNCTION testing.as_owner(text) RETURNS text LANGUAGE sql SECURITY DEFINER AS $$ SELECT public.categorize($1, 'rights') $$;
SET ROLE regress_nobody;
SELECT testing.as_owner('one');
RESET ROLE;

DROP TABLE testing.item, testing.call, testing.labelled;
DROP FUNCTION testing.rights, testing.as_role, testing.as_owner;
DROP TYPE testing.rights;
SELECT categorize.drop_taxonomy('rights');
DROP ROLE regress_nobody, regress_user, regress_editor, regress_admin;
