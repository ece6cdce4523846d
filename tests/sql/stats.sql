-- stats and tier_stats: what was answered by which tier, for the session's tenant.
SELECT categorize.create_taxonomy('counted', ARRAY['A', 'B']) > 0 AS created;
SELECT categorize.configure('counted', '{"tiers": ["correction", "rule", "cache"]}');
SELECT categorize.learn($$ VALUES ('learnt', 'A'), ('paid', 'B') $$, 'counted');
UPDATE categorize.cache SET confidence = 0.5, origin = 'llm' WHERE input = 'paid';
SELECT categorize.add_rule('counted', 'rule', 'B') > 0 AS added;
SELECT categorize.correct('said', 'A', 'counted');
SELECT categorize.stats_reset();
SELECT count(*) FROM categorize.stats WHERE inputs > 0;

SELECT count(categorize(t, 'counted')) FROM unnest(ARRAY['learnt', 'paid', 'rule 1', 'rule 2', 'said', 'miss', '', NULL, 'learnt', 'learnt']) t;
SELECT count(category) FROM categorize_many(ARRAY['learnt', 'learnt', NULL, 'miss'], 'counted');
SELECT category FROM categorize_detail('rule 3', 'counted');
SELECT categorize_cached('learnt', 'counted');
SELECT taxonomy, tier, answers, share, mean_confidence FROM categorize.tier_stats WHERE taxonomy = 'counted' AND answers > 0
 ORDER BY answers DESC, tier;
SELECT taxonomy, inputs, answered, unresolved, free_share, mean_confidence, low_confidence_share,
       stats_since BETWEEN now() - interval '1 minute' AND now() AS since FROM categorize.stats WHERE taxonomy = 'counted';

-- What was not asked shows as nothing, and an answer that was rolled back was still given.
BEGIN;
SELECT categorize('said', 'counted');
ROLLBACK;
SELECT answers FROM categorize.tier_stats WHERE taxonomy = 'counted' AND tier = 'correction';
SELECT count(*) FROM categorize.stats WHERE taxonomy = 'products' AND inputs > 0;

-- A taxonomy that is gone keeps no name; ad-hoc labels have none.
SELECT categorize.stats_reset();
SELECT count(categorize('spam', ARRAY['spam'])) >= 0 AS asked;
SELECT taxonomy, inputs FROM categorize.stats WHERE inputs > 0;
SELECT categorize.stats_reset();
SELECT count(*) FROM categorize.tier_stats WHERE answers > 0;
SELECT categorize.drop_taxonomy('counted');
