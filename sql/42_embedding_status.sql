-- How far the embeddings of taxonomies are. Its numbers are those that the workers noted last: it reads no text.

CREATE VIEW categorize.embedding_status WITH (security_barrier) AS
    SELECT t.name AS taxonomy, i.model,
           CASE WHEN i.state = 'ready' THEN 'ready' WHEN NOT w.wanted THEN 'kept'
                WHEN i.held_by IS NOT NULL THEN 'held' ELSE 'building' END AS state,
           greatest(coalesce(i.texts, i.rows), i.rows) AS rows, i.rows AS rows_done, i.cost::numeric * 0.000000001 AS cost_usd,
           i.held_by AS reason, i.held_detail AS detail
      FROM categorize.embedding_index i
      JOIN categorize.taxonomy t ON t.id = i.taxonomy_id
      LEFT JOIN categorize.taxonomy o ON o.overrides = t.id
      -- The setting calls the library's own model 'static'; its vectors bear the name of the table.
     CROSS JOIN LATERAL (SELECT coalesce(coalesce(o.settings, t.settings) ->> 'embedding'::text, 'static')
                                = CASE WHEN i.model LIKE 'minilm-%' THEN 'static' ELSE i.model END AS wanted) w
     WHERE i.state <> 'dropped' AND categorize.sees_all_tenants();

COMMENT ON VIEW categorize.embedding_status IS
    'How far the embeddings of each taxonomy are, and what they cost, for members of categorize_admin.';
