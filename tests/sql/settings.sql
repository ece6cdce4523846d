-- Settings of a taxonomy: every key, profiles, and what is refused.
SELECT categorize.create_taxonomy('set', ARRAY['A', 'B']) > 0 AS created;
SELECT name, value, "default", source, unit, description FROM categorize.settings('set');
SELECT count(*) FILTER (WHERE source <> 'default') AS changed FROM categorize.settings();

-- Each key takes a value and gives it back.
SELECT categorize.configure('set', '{"profile": "aggressive", "tiers": ["rule", "correction"], "similarity_threshold": 0.5,
    "local_model_threshold": 0, "upgrade_threshold": 1, "max_error": 0.05, "cache_ttl": "30 d", "case_sensitive": true,
    "leaf_only": true, "embedding": "pg_trgm", "models": {"cheap": "a", "strong": "b"}, "upgrade": "always", "straight_to_strong": 0.7,
    "provider_order": "cheapest", "rationale": "strong", "in_flight": 7, "pack_size": 3,
    "pack_wait_ms": 0, "candidates": 30, "near_duplicates": true, "batch_live": false, "batch_vectors": 5, "audit_share": 0, "on_unresolved": "best", "allow_external": false,
    "store_input": false, "answer_scope": "shared"}');
SELECT name, value, source FROM categorize.settings('set');
SELECT count(*) FILTER (WHERE source <> 'taxonomy') AS missed FROM categorize.settings('set');

-- null takes each back.
SELECT categorize.configure('set', (SELECT jsonb_object_agg(name, null) FROM categorize.settings('set')));
SELECT count(*) FILTER (WHERE source <> 'default' OR value IS DISTINCT FROM "default") AS left_over FROM categorize.settings('set');
SELECT settings FROM categorize.taxonomies WHERE name = 'set';

-- A profile sets the thresholds together; what is set by itself wins, and null gives it back to the profile.
CREATE VIEW thresholds AS SELECT name, value, source FROM categorize.settings('set')
 WHERE name IN ('similarity_threshold', 'local_model_threshold', 'in_flight', 'upgrade_threshold');
SELECT categorize.set_profile('set', 'conservative');
SELECT * FROM thresholds;
SELECT categorize.set_profile('set', 'balanced');
SELECT * FROM thresholds;
SELECT categorize.set_profile('set', 'aggressive');
SELECT * FROM thresholds;
DROP VIEW thresholds;
SELECT categorize.set_profile('set', 'conservative');
SELECT categorize.configure('set', '{"local_model_threshold": 0.33}');
SELECT name, value, source FROM categorize.settings('set') WHERE source <> 'default';
SELECT categorize.set_profile('set', 'aggressive');
SELECT value, source FROM categorize.settings('set') WHERE name = 'local_model_threshold';
SELECT categorize.configure('set', '{"local_model_threshold": null}');
SELECT value, source FROM categorize.settings('set') WHERE name = 'local_model_threshold';
SELECT categorize.configure('set', '{"profile": null}');

-- A profile at creation.
SELECT categorize.create_taxonomy('careful', ARRAY['A'], profile => 'conservative') > 0 AS created;
SELECT name, value, source FROM categorize.settings('careful') WHERE source <> 'default';

-- What they do: tiers and their order, case, the threshold.
SELECT categorize.learn($$ VALUES ('Polish', 'A') $$, 'set');
SELECT categorize.add_rule('set', 'polish', 'B') > 0 AS added;
SELECT categorize('polish', 'set') AS rule_first;
SELECT categorize.configure('set', '{"tiers": ["cache", "rule"]}');
SELECT categorize('polish', 'set') AS cache_first;
SELECT categorize.configure('set', '{"tiers": ["correction"]}');
SELECT categorize('polish', 'set') IS NULL AS neither;
SELECT source, reason FROM categorize_detail('polish', 'set');
SELECT categorize.configure('set', '{"tiers": ["cache"], "case_sensitive": true}');
SELECT categorize.learn($$ VALUES ('Polish', 'A'), ('polish', 'B') $$, 'set');
SELECT categorize('Polish', 'set'), categorize('polish', 'set'), categorize('POLISH', 'set');
SELECT categorize.configure('set', '{"tiers": null, "case_sensitive": null, "local_model_threshold": 0}');
SELECT source FROM categorize_detail('something b', 'set');
SELECT categorize.configure('set', '{"local_model_threshold": 1}');
SELECT source FROM categorize_detail('something b', 'set');

-- store_input = false keeps fingerprints only.
SELECT categorize.configure('set', '{"store_input": false}');
SELECT categorize.learn($$ VALUES ('a secret', 'A') $$, 'set');
SELECT categorize.correct('another secret', 'B', 'set');
SELECT categorize('A Secret', 'set'), categorize('Another Secret', 'set');
SELECT (SELECT count(*) FROM categorize.cache WHERE input LIKE '%secret%') AS kept_in_cache, (SELECT count(*) FROM categorize.correction WHERE input LIKE '%secret%') AS kept_in_corrections;

-- Refused, and nothing is changed then.
SELECT categorize.configure('set', '{"pack_size": 5, "profil": "aggressive"}');
\echo :LAST_ERROR_SQLSTATE
SELECT value FROM categorize.settings('set') WHERE name = 'pack_size';
CALL testing.sweep(
    $$ SELECT categorize.configure('set', '{"qqq": 1}') $$,
    $$ SELECT categorize.configure('set', '{"Leaf_Only": true}') $$,
    $$ SELECT categorize.configure('set', '[]') $$,
    $$ SELECT categorize.configure('set', 'null') $$,
    $$ SELECT categorize.configure('set', '{"profile": "agressive"}') $$,
    $$ SELECT categorize.configure('set', '{"profile": "xyz"}') $$,
    $$ SELECT categorize.configure('set', '{"profile": 1}') $$,
    $$ SELECT categorize.configure('set', '{"tiers": []}') $$,
    $$ SELECT categorize.configure('set', '{"tiers": "rule"}') $$,
    $$ SELECT categorize.configure('set', '{"tiers": ["rules"]}') $$,
    $$ SELECT categorize.configure('set', '{"tiers": ["xyz"]}') $$,
    $$ SELECT categorize.configure('set', '{"tiers": [1]}') $$,
    $$ SELECT categorize.configure('set', '{"tiers": ["rule", "cache", "rule"]}') $$,
    $$ SELECT categorize.configure('set', '{"similarity_threshold": 1.01}') $$,
    $$ SELECT categorize.configure('set', '{"local_model_threshold": -0.1}') $$,
    $$ SELECT categorize.configure('set', '{"upgrade_threshold": "high"}') $$,
    $$ SELECT categorize.configure('set', '{"max_error": 2}') $$,
    $$ SELECT categorize.configure('set', '{"audit_share": true}') $$,
    $$ SELECT categorize.configure('set', '{"cache_ttl": 0}') $$,
    $$ SELECT categorize.configure('set', '{"cache_ttl": "soon"}') $$,
    $$ SELECT categorize.configure('set', '{"cache_ttl": "5 fortnights"}') $$,
    $$ SELECT categorize.configure('set', '{"case_sensitive": "yes"}') $$,
    $$ SELECT categorize.configure('set', '{"leaf_only": 1}') $$,
    $$ SELECT categorize.configure('set', '{"embedding": ""}') $$,
    $$ SELECT categorize.configure('set', '{"models": {"medium": "x"}}') $$,
    $$ SELECT categorize.configure('set', '{"models": {"cheap": 1}}') $$,
    $$ SELECT categorize.configure('set', '{"in_flight": 0}') $$,
    $$ SELECT categorize.configure('set', '{"pack_size": 2.5}') $$,
    $$ SELECT categorize.configure('set', '{"pack_wait_ms": -1}') $$,
    $$ SELECT categorize.configure('set', '{"near_duplicates": null, "allow_external": 0}') $$,
    $$ SELECT categorize.configure('set', '{"on_unresolved": "queue up"}') $$,
    $$ SELECT categorize.configure('set', '{"store_input": []}') $$,
    $$ SELECT categorize.configure('set', '{"answer_scope": "all"}') $$,
    $$ SELECT categorize.configure('sett', '{}') $$,
    $$ SELECT categorize.set_profile('set', 'consevative') $$,
    $$ SELECT categorize.set_profile('sett', 'balanced') $$,
    $$ SELECT name FROM categorize.settings('sett') $$,
    $$ SELECT categorize.create_taxonomy('bold', profile => 'bold') $$);
SELECT settings FROM categorize.taxonomies WHERE name = 'set';

-- The session's own settings.
SELECT name, setting, unit, context, vartype, min_val, max_val, enumvals, boot_val FROM pg_settings
 WHERE name LIKE 'categorize.%' ORDER BY name;
SELECT count(*) FILTER (WHERE short_desc = '' OR extra_desc = '') AS undescribed FROM pg_settings WHERE name LIKE 'categorize.%';
SET categorize.nonesuch = 1;
\echo :LAST_ERROR_SQLSTATE
SET categorize.memo_size = '1MB';
SHOW categorize.memo_size;
SELECT left(testing.attempt('SET categorize.memo_size = -1'), 5) AS refused;
SET categorize.memo_size = 0;
SELECT categorize('a secret', 'set'), categorize('a secret', 'set');
RESET categorize.memo_size;
SET categorize.external = off;
\echo :LAST_ERROR_SQLSTATE
SELECT categorize.drop_taxonomy('set'), categorize.drop_taxonomy('careful');
