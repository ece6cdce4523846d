-- Rights. PUBLIC has none. The roles are shared by all databases of the server: made if absent, left at DROP EXTENSION.

DO $$
DECLARE
    role text;
BEGIN
    FOREACH role IN ARRAY ARRAY['categorize_user', 'categorize_editor', 'categorize_admin'] LOOP
        IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles r WHERE r.rolname = role) THEN
            EXECUTE pg_catalog.format('CREATE ROLE %I NOLOGIN', role);
        END IF;
    END LOOP;
END
$$;
GRANT categorize_user TO categorize_editor;
GRANT categorize_editor TO categorize_admin;

REVOKE ALL ON ALL TABLES IN SCHEMA categorize FROM PUBLIC;
REVOKE ALL ON ALL SEQUENCES IN SCHEMA categorize FROM PUBLIC;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA categorize FROM PUBLIC;
REVOKE ALL ON FUNCTION @extschema@.categorize(text, text), @extschema@.categorize(text, text[]),
    @extschema@.categorize_cached(text, text), @extschema@.categorize_detail(text, text),
    @extschema@.categorize_many(text[], text), @extschema@.categorize_trigger() FROM PUBLIC;

GRANT USAGE ON SCHEMA categorize TO categorize_user;
GRANT EXECUTE ON FUNCTION @extschema@.categorize(text, text), @extschema@.categorize(text, text[]),
    @extschema@.categorize_cached(text, text), @extschema@.categorize_detail(text, text),
    @extschema@.categorize_many(text[], text), @extschema@.categorize_trigger() TO categorize_user;
GRANT EXECUTE ON FUNCTION categorize.explain(text, text), categorize.settings(text), categorize.counters(),
    categorize.current_tenant(), categorize.library_version() TO categorize_user;
GRANT SELECT ON categorize.stats, categorize.tier_stats, categorize.taxonomies, categorize.categories,
    categorize.rules, categorize.corrections TO categorize_user;

GRANT EXECUTE ON FUNCTION categorize.correct(text, text, text), categorize.correct_many(text, text),
    categorize.drop_correction(text, text), categorize.learn(text, text, boolean), categorize.forget(text, text),
    categorize.add_rule(text, text, text, text, int), categorize.drop_rule(bigint) TO categorize_editor;

GRANT EXECUTE ON FUNCTION
    categorize.create_taxonomy(text, text[], text, text),
    categorize.create_taxonomy_from_query(text, text, text, text),
    categorize.create_taxonomy_from_json(text, jsonb, text, text),
    categorize.drop_taxonomy(text),
    categorize.add_category(text, text, text, text[]),
    categorize.rename_category(text, text, text),
    categorize.merge_category(text, text, text),
    categorize.drop_category(text, text),
    categorize.configure(text, jsonb),
    categorize.set_profile(text, text),
    categorize.purge_expired(),
    categorize.stats_reset(),
    categorize.set_tenant(text, boolean)
    TO categorize_admin;
