-- What people look at. Every view shows the session's tenant only; `stats` and `tier_stats` need the library preloaded.

CREATE VIEW categorize.tier_stats WITH (security_barrier) AS
    SELECT c.taxonomy,
           c.tier,
           c.answers,
           round(c.answers::numeric / nullif(sum(c.answers) OVER (PARTITION BY c.taxonomy), 0::numeric), 4) AS share,
           CASE WHEN c.tier <> 'unresolved' THEN round((c.confidence / nullif(c.answers, 0::bigint)::float8)::numeric, 4) END
               AS mean_confidence,
           c.stats_since
      FROM categorize.counters() c;

CREATE VIEW categorize.stats WITH (security_barrier) AS
    SELECT c.taxonomy,
           sum(c.answers)::bigint AS inputs,
           (sum(c.answers) FILTER (WHERE c.tier <> 'unresolved'))::bigint AS answered,
           (sum(c.answers) FILTER (WHERE c.tier = 'unresolved'))::bigint AS unresolved,
           round(sum(c.answers) FILTER (WHERE c.tier NOT IN ('llm', 'unresolved')) / nullif(sum(c.answers), 0::numeric), 4)
               AS free_share,
           round((sum(c.confidence)
                 / nullif(sum(c.answers) FILTER (WHERE c.tier <> 'unresolved'), 0::numeric)::float8)::numeric, 4)
               AS mean_confidence,
           round(sum(c.unsure) / nullif(sum(c.answers) FILTER (WHERE c.tier <> 'unresolved'), 0::numeric), 4)
               AS low_confidence_share,
           min(c.stats_since) AS stats_since
      FROM categorize.counters() c
     GROUP BY c.taxonomy;

-- Every category with its override laid over it, and the one that answers for it now: itself, or what it was merged
-- into, one hop away. For the views below; nobody is granted it.
CREATE VIEW categorize.effective_category AS
    SELECT e.id, e.taxonomy_id, e.description, e.examples, e.live,
           coalesce(target.path, target_base.path, e.path) AS path
      FROM (SELECT c.id, c.taxonomy_id, coalesce(o.path, c.path) AS path,
                   CASE WHEN o.id IS NULL THEN c.description ELSE o.description END AS description,
                   CASE WHEN o.id IS NULL THEN c.examples ELSE o.examples END AS examples,
                   coalesce(o.merged_into, c.merged_into) AS merged_into,
                   NOT coalesce(o.dropped, c.dropped) AND coalesce(o.merged_into, c.merged_into) IS NULL AS live
              FROM categorize.category c LEFT JOIN categorize.category o ON o.overrides = c.id
             WHERE c.overrides IS NULL) e
      LEFT JOIN categorize.category target_base ON target_base.id = e.merged_into
      LEFT JOIN categorize.category target ON target.overrides = e.merged_into;

CREATE VIEW categorize.taxonomies WITH (security_barrier) AS
    SELECT t.id, t.name, coalesce(o.version, t.version) AS version, coalesce(o.description, t.description) AS description,
           coalesce(o.settings, t.settings) AS settings,
           (SELECT count(*) FROM categorize.effective_category c WHERE c.taxonomy_id = t.id AND c.live) AS categories
      FROM categorize.taxonomy t LEFT JOIN categorize.taxonomy o ON o.overrides = t.id
     WHERE t.overrides IS NULL AND NOT coalesce(o.dropped, t.dropped);

CREATE VIEW categorize.categories WITH (security_barrier) AS
    SELECT t.name AS taxonomy, c.id, c.path, c.description, c.examples
      FROM categorize.effective_category c JOIN categorize.taxonomies t ON t.id = c.taxonomy_id
     WHERE c.live;

CREATE VIEW categorize.rules WITH (security_barrier) AS
    SELECT r.id, t.name AS taxonomy, r.kind, r.pattern, c.path AS category, r.priority, r.enabled,
           r.tenant IS NULL AS for_all_tenants, r.created_by, r.created_at
      FROM categorize.rule r
      JOIN categorize.taxonomy t ON t.id = r.taxonomy_id
      JOIN categorize.effective_category c ON c.id = r.category_id
     WHERE r.tenant IS NULL OR r.tenant = categorize.current_tenant();

CREATE VIEW categorize.corrections WITH (security_barrier) AS
    SELECT k.id, t.name AS taxonomy, k.input, c.path AS category, k.corrected_by, k.corrected_at,
           m.path AS machine_category, k.machine_source
      FROM categorize.correction k
      JOIN categorize.taxonomy t ON t.id = k.taxonomy_id
      JOIN categorize.effective_category c ON c.id = k.category_id
      LEFT JOIN categorize.effective_category m ON m.id = k.machine_category_id
     WHERE k.tenant = categorize.current_tenant();

CREATE VIEW categorize.local_models WITH (security_barrier) AS
    SELECT t.name AS taxonomy, m.version, m.active, m.trained_at, m.trained_by, m.examples, m.corrections, m.categories,
           (m.metrics ->> 'accuracy'::text)::real AS accuracy,
           (m.metrics ->> 'macro_f1'::text)::real AS macro_f1,
           (m.metrics ->> 'calibration_error'::text)::real AS calibration_error,
           (m.metrics ->> 'threshold'::text)::real AS threshold,
           (m.metrics ->> 'coverage'::text)::real AS coverage,
           (m.metrics ->> 'precision'::text)::real AS "precision",
           (m.metrics ->> 'worth'::text)::real AS worth,
           octet_length(m.weights) AS bytes
      FROM categorize.local_model m
      JOIN categorize.taxonomy t ON t.id = m.taxonomy_id
     WHERE m.tenant = categorize.current_tenant();

CREATE VIEW categorize.calibration WITH (security_barrier) AS
    SELECT t.name AS taxonomy, m.version, m.active, b.number::int AS bin,
           ((b.number - 1::bigint)::float8 / 15::float8)::real AS confidence_from,
           (b.number::float8 / 15::float8)::real AS confidence_to,
           (b.bin ->> 'examples'::text)::int AS examples,
           CASE WHEN (b.bin ->> 'examples'::text)::int > 0 THEN (b.bin ->> 'confidence'::text)::real END AS confidence,
           CASE WHEN (b.bin ->> 'examples'::text)::int > 0 THEN (b.bin ->> 'accuracy'::text)::real END AS accuracy
      FROM categorize.local_model m
      JOIN categorize.taxonomy t ON t.id = m.taxonomy_id
      CROSS JOIN LATERAL jsonb_array_elements(m.metrics -> 'bins'::text) WITH ORDINALITY b (bin, number)
     WHERE m.tenant = categorize.current_tenant();

COMMENT ON VIEW categorize.stats IS 'Answers of each taxonomy since stats_since, for the tenant of the session.';
COMMENT ON VIEW categorize.tier_stats IS 'Answers of each tier of each taxonomy since stats_since, for the tenant of the session.';
COMMENT ON VIEW categorize.taxonomies IS 'The taxonomies of this database.';
COMMENT ON VIEW categorize.categories IS 'The categories that can answer, with their descriptions and examples.';
COMMENT ON VIEW categorize.rules IS 'The rules that the tenant of the session sees.';
COMMENT ON VIEW categorize.corrections IS 'The corrections of the tenant of the session, with what the machine had said.';
COMMENT ON VIEW categorize.local_models IS 'The trained models of the tenant of the session, with what was measured on held-out examples.';
COMMENT ON VIEW categorize.calibration IS
    'How often the models of the tenant of the session were right, by what confidence they had, on held-out examples.';
COMMENT ON VIEW categorize.effective_category IS
    'Every category with its override laid over it, and the path that answers for it now; for the other views.';
