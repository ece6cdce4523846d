-- Tenants: two of them through one pooled connection see, hit and count nothing of each other.
CREATE ROLE regress_pool IN ROLE categorize_editor;
GRANT EXECUTE ON FUNCTION categorize.set_tenant TO regress_pool;
CREATE ROLE regress_plain LOGIN IN ROLE categorize_editor;
SELECT categorize.create_taxonomy('shared', ARRAY['A', 'B', 'C']) > 0 AS created;
SELECT categorize.configure('shared', '{"tiers": ["correction", "rule", "cache"]}');
SELECT categorize.stats_reset();
SET categorize.taxonomy = 'shared';
SET ROLE regress_pool;

BEGIN;
SELECT categorize.set_tenant('acme');
SELECT categorize.current_tenant();
SELECT categorize.learn($$ VALUES ('learnt', 'A') $$);
SELECT categorize.correct('corrected', 'A');
SELECT categorize.add_rule('shared', 'ruled', 'A') > 0 AS added;
SELECT t, categorize(t) FROM unnest(ARRAY['learnt', 'corrected', 'ruled']) t;
COMMIT;

-- is_local ends with the transaction.
SELECT categorize.current_tenant() = '' AS none;
SELECT t, categorize(t) FROM unnest(ARRAY['learnt', 'corrected', 'ruled']) t;
SELECT count(*) FROM categorize.corrections;
SELECT count(*) FROM categorize.rules WHERE taxonomy = 'shared';

BEGIN;
SELECT categorize.set_tenant('umbrella');
SELECT t, categorize(t) FROM unnest(ARRAY['learnt', 'corrected', 'ruled']) t;
SELECT category, source, reason FROM categorize_detail('learnt');
SELECT ordinality, category FROM categorize_many(ARRAY['learnt', 'corrected', 'ruled']);
SELECT tier, category, detail FROM categorize.explain('ruled') WHERE tier IN ('rule', 'cache');
SELECT count(*) FROM categorize.corrections;
SELECT count(*) FROM categorize.rules WHERE taxonomy = 'shared';
SELECT categorize.forget('learnt') AS forgot, categorize.drop_correction('corrected') AS dropped;
SELECT categorize.correct('corrected', 'B');
SELECT categorize('corrected');
SELECT input, category FROM categorize.corrections;
COMMIT;

BEGIN;
SELECT categorize.set_tenant('acme');
SELECT t, categorize(t) FROM unnest(ARRAY['learnt', 'corrected', 'ruled']) t;
SELECT input, category FROM categorize.corrections;
-- The tenant changes inside a transaction, a statement after the other.
SELECT categorize.set_tenant('umbrella');
SELECT categorize('corrected');
SELECT categorize.set_tenant('acme');
SELECT categorize('corrected');
COMMIT;

-- A rule of one tenant is dropped by nobody else; one for all tenants is seen by all.
RESET ROLE;
SELECT categorize.add_rule('shared', 'everyone', 'C') > 0 AS added;
SELECT id AS acmes_rule FROM categorize.rule WHERE tenant = 'acme' \gset
SET ROLE regress_pool;
SELECT categorize.set_tenant('umbrella', false);
SELECT testing.attempt(format('SELECT categorize.drop_rule(%s)', :acmes_rule)) LIKE '22023: rule % does not exist%' AS refused;
SELECT categorize('everyone'), (SELECT pattern FROM categorize.rules WHERE taxonomy = 'shared') AS only_rule;

-- Counted apart.
SELECT taxonomy, inputs, answered FROM categorize.stats;
SELECT categorize.set_tenant('acme', false);
SELECT taxonomy, inputs, answered FROM categorize.stats;
SELECT categorize.set_tenant('nobody knows', false);
SELECT count(*) FROM categorize.stats WHERE inputs > 0;

-- A cheap function that tells what it is shown is shown no row of another tenant.
CREATE FUNCTION pg_temp.leak(text) RETURNS boolean LANGUAGE plpgsql COST 0.0000001 AS $$ BEGIN RAISE INFO 'leaked %', $1; RETURN true; END $$;
SELECT count(*) FROM categorize.corrections WHERE pg_temp.leak(input);
SELECT count(*) FROM categorize.rules WHERE taxonomy = 'shared' AND pg_temp.leak(pattern);
SELECT count(*) FROM categorize.stats WHERE pg_temp.leak(taxonomy) AND inputs > 0;
SELECT relname FROM pg_class WHERE relnamespace = 'categorize'::regnamespace AND relkind = 'v' AND NOT coalesce(reloptions @> '{security_barrier=true}', false);

-- DISCARD and RESET return to the role's default.
RESET ALL;
SELECT categorize.current_tenant() = '' AS none;
SET categorize.taxonomy = 'shared';
RESET ROLE;
SET ROLE regress_plain;
SET categorize.tenant = 'acme';
\echo :LAST_ERROR_SQLSTATE
SELECT set_config('categorize.tenant', 'acme', false);
\echo :LAST_ERROR_SQLSTATE
SELECT categorize.set_tenant('acme');
\echo :LAST_ERROR_SQLSTATE
RESET ROLE;
-- Nor by way of a function that sets it.
CREATE FUNCTION testing.acme() RETURNS text LANGUAGE sql SET categorize.tenant = 'acme' AS 'SELECT categorize.current_tenant()';
SET ROLE regress_plain;
SELECT testing.acme();
RESET ROLE;

-- A role's own tenant is where RESET, RESET ALL and DISCARD lead back to.
ALTER ROLE regress_plain SET categorize.tenant = 'umbrella';
GRANT EXECUTE ON FUNCTION categorize.set_tenant TO regress_plain;
SELECT current_user AS super \gset
\c - regress_plain
SELECT categorize.current_tenant(), categorize('corrected', 'shared');
SELECT categorize.set_tenant('acme', false);
SELECT categorize('corrected', 'shared');
RESET ALL;
SELECT categorize.current_tenant(), categorize('corrected', 'shared');
SELECT categorize.set_tenant('acme', false);
DISCARD ALL;
SELECT categorize.current_tenant(), categorize('corrected', 'shared');
\c - :super
REVOKE EXECUTE ON FUNCTION categorize.set_tenant FROM regress_plain;
SET categorize.taxonomy = 'shared';

-- answer_scope = shared: paid answers are shared, what people said is not.
SELECT categorize.configure('shared', '{"answer_scope": "shared"}');
SELECT categorize.set_tenant('umbrella', false);
SELECT t, categorize(t) FROM unnest(ARRAY['learnt', 'corrected', 'ruled']) t;
SELECT categorize.set_tenant('acme', false);
SELECT t, categorize(t) FROM unnest(ARRAY['learnt', 'corrected', 'ruled']) t;

-- Ad-hoc labels and names: no two tenants share a key, whatever they are called.
SELECT categorize.set_tenant(E'a''b"c\\', false);
SELECT categorize.correct('odd', 'C');
SELECT categorize('odd');
SELECT categorize.set_tenant(E'a''b"c', false);
SELECT categorize('odd') IS NULL AS another;
SELECT count(DISTINCT fingerprint) = count(*) AS apart, count(DISTINCT tenant) FROM categorize.correction WHERE taxonomy_id = (SELECT id FROM categorize.taxonomies WHERE name = 'shared');
RESET categorize.tenant;

DROP FUNCTION testing.acme;
REVOKE EXECUTE ON FUNCTION categorize.set_tenant FROM regress_pool;
SELECT categorize.drop_taxonomy('shared');
DROP ROLE regress_pool, regress_plain;
