-- What people look at. Every view shows the session's tenant only; `stats` and `tier_stats` need the library preloaded.

CREATE VIEW categorize.tier_stats WITH (security_barrier) AS
    SELECT c.taxonomy,
           c.tier,
           c.answers,
           round(c.answers / nullif(sum(c.answers) OVER (PARTITION BY c.taxonomy), 0), 4) AS share,
           round((c.confidence / nullif(c.answers, 0))::numeric, 4) AS mean_confidence,
           c.stats_since
      FROM categorize.counters() c;

CREATE VIEW categorize.stats WITH (security_barrier) AS
    SELECT c.taxonomy,
           sum(c.answers)::bigint AS inputs,
           (sum(c.answers) FILTER (WHERE c.tier <> 'unresolved'))::bigint AS answered,
           (sum(c.answers) FILTER (WHERE c.tier = 'unresolved'))::bigint AS unresolved,
           round(sum(c.answers) FILTER (WHERE c.tier NOT IN ('llm', 'unresolved')) / nullif(sum(c.answers), 0), 4)
               AS free_share,
           round((sum(c.confidence)
                 / nullif(sum(c.answers) FILTER (WHERE c.tier <> 'unresolved'), 0))::numeric, 4) AS mean_confidence,
           round(sum(c.unsure) / nullif(sum(c.answers) FILTER (WHERE c.tier <> 'unresolved'), 0), 4)
               AS low_confidence_share,
           min(c.stats_since) AS stats_since
      FROM categorize.counters() c
     GROUP BY c.taxonomy;

CREATE VIEW categorize.taxonomies WITH (security_barrier) AS
    SELECT t.id, t.name, coalesce(o.version, t.version) AS version, coalesce(o.description, t.description) AS description,
           coalesce(o.settings, t.settings) AS settings,
           (SELECT count(*)
              FROM categorize.category c LEFT JOIN categorize.category co ON co.overrides = c.id
             WHERE c.taxonomy_id = t.id AND c.overrides IS NULL AND NOT coalesce(co.dropped, c.dropped)
               AND coalesce(co.merged_into, c.merged_into) IS NULL) AS categories
      FROM categorize.taxonomy t LEFT JOIN categorize.taxonomy o ON o.overrides = t.id
     WHERE t.overrides IS NULL AND NOT coalesce(o.dropped, t.dropped);

CREATE VIEW categorize.categories WITH (security_barrier) AS
    SELECT t.name AS taxonomy, c.id, coalesce(o.path, c.path) AS path,
           CASE WHEN o.id IS NULL THEN c.description ELSE o.description END AS description,
           CASE WHEN o.id IS NULL THEN c.examples ELSE o.examples END AS examples
      FROM categorize.category c
      LEFT JOIN categorize.category o ON o.overrides = c.id
      JOIN categorize.taxonomies t ON t.id = c.taxonomy_id
     WHERE c.overrides IS NULL AND NOT coalesce(o.dropped, c.dropped) AND coalesce(o.merged_into, c.merged_into) IS NULL;

-- The settings are read with current_setting(..., true): a session that has not loaded the library has no tenant.
CREATE VIEW categorize.rules WITH (security_barrier) AS
    SELECT r.id, t.name AS taxonomy, r.kind, r.pattern, coalesce(o.path, c.path) AS category, r.priority, r.enabled,
           r.tenant IS NULL AS for_all_tenants, r.created_by, r.created_at
      FROM categorize.rule r
      JOIN categorize.taxonomy t ON t.id = r.taxonomy_id
      JOIN categorize.category c ON c.id = r.category_id
      LEFT JOIN categorize.category o ON o.overrides = c.id
     WHERE r.tenant IS NULL OR r.tenant = categorize.current_tenant();

CREATE VIEW categorize.corrections WITH (security_barrier) AS
    SELECT k.id, t.name AS taxonomy, k.input, coalesce(o.path, c.path) AS category, k.corrected_by, k.corrected_at,
           coalesce(mo.path, m.path) AS machine_category, k.machine_source
      FROM categorize.correction k
      JOIN categorize.taxonomy t ON t.id = k.taxonomy_id
      JOIN categorize.category c ON c.id = k.category_id
      LEFT JOIN categorize.category o ON o.overrides = c.id
      LEFT JOIN categorize.category m ON m.id = k.machine_category_id
      LEFT JOIN categorize.category mo ON mo.overrides = m.id
     WHERE k.tenant = categorize.current_tenant();
