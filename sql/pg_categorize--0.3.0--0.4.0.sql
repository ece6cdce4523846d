\echo Use "ALTER EXTENSION pg_categorize UPDATE" to load this file. \quit

-- 0.4.0: similar answers.

CREATE SEQUENCE categorize.embedding_index_id_seq AS int START 1000 MINVALUE 1000;
CREATE TABLE categorize.embedding_index (
    -- Its vectors are in the table embedding_<id>.
    id            int PRIMARY KEY DEFAULT pg_catalog.nextval('categorize.embedding_index_id_seq'),
    -- Not a reference: what a dropped taxonomy leaves is removed by the next indexing.
    taxonomy_id   int NOT NULL,
    -- The embedding model, as in 'minilm-256', 'pg_trgm' or 'openai:text-embedding-3-small'.
    model         text NOT NULL CHECK (model <> ''),
    -- NULL where texts stand in the place of vectors, and until a provider has made the first vector.
    dimensions    int CHECK (dimensions > 0),
    -- One that is ready answers; one that is being built takes its place; one that is dropped waits for its removal.
    state         text NOT NULL DEFAULT 'building' CHECK (state IN ('building', 'ready', 'dropped')),
    -- How many vectors it had when it was last indexed, and whether an HNSW index serves them.
    rows          bigint NOT NULL DEFAULT 0,
    has_hnsw      boolean NOT NULL DEFAULT false,
    -- How many texts there were when it was last told how many are to have a vector.
    texts         bigint,
    -- What its vectors cost, in nano-dollars.
    cost          bigint NOT NULL DEFAULT 0,
    -- Why no more vectors are bought for now: a reason, and what a person needs to know beyond it.
    held_by       text,
    held_detail   text,
    -- All that was written before has its vector; NULL until the first pass is over.
    indexed_until timestamptz,
    -- When vectors of what is gone were last looked for.
    swept_at      timestamptz,
    created_at    timestamptz NOT NULL DEFAULT pg_catalog.now(),
    built_at      timestamptz
);
-- One of each kind: a swap is two rows that change in one transaction.
CREATE UNIQUE INDEX embedding_index_ready_key ON categorize.embedding_index (taxonomy_id, model) WHERE state = 'ready';
CREATE UNIQUE INDEX embedding_index_building_key ON categorize.embedding_index (taxonomy_id, model) WHERE state = 'building';

-- What was written since the last indexing is found by these, for next to nothing: rows come in the order of their time.
CREATE INDEX cache_created_at_idx ON categorize.cache USING brin (created_at) WITH (autosummarize = on);
CREATE INDEX correction_corrected_at_idx ON categorize.correction USING brin (corrected_at) WITH (autosummarize = on);

COMMENT ON TABLE categorize.embedding_index IS
    'The indexes of embeddings, one a taxonomy and embedding model; their vectors are in the tables embedding_<id>.';
COMMENT ON SEQUENCE categorize.embedding_index_id_seq IS 'Ids of indexes of embeddings.';

CREATE  FUNCTION categorize."suggest"(
	"input" TEXT, /* Option < & str > */
	"k" INT DEFAULT 5, /* Option < i32 > */
	"taxonomy" TEXT DEFAULT NULL /* Option < & str > */
) RETURNS TABLE (
	"text" TEXT,  /* String */
	"category" TEXT,  /* String */
	"cosine" real,  /* f32 */
	"distance" real,  /* f32 */
	"origin" TEXT  /* String */
)
VOLATILE PARALLEL SAFE 
LANGUAGE c /* Rust */
AS 'MODULE_PATHNAME', 'suggest_wrapper';

COMMENT ON FUNCTION categorize.suggest(text, int, text) IS
    'The earlier texts of the tenant that are nearest to a text, with their categories.';

CREATE VIEW categorize.embedding_status WITH (security_barrier) AS
    SELECT t.name AS taxonomy, i.model,
           CASE WHEN i.state = 'ready' THEN 'ready' WHEN NOT w.wanted THEN 'kept'
                WHEN i.held_by IS NOT NULL THEN 'held' ELSE 'building' END AS state,
           greatest(coalesce(i.texts, i.rows), i.rows) AS rows, i.rows AS rows_done, i.cost * 0.000000001 AS cost_usd,
           i.held_by AS reason, i.held_detail AS detail
      FROM categorize.embedding_index i
      JOIN categorize.taxonomy t ON t.id = i.taxonomy_id
      LEFT JOIN categorize.taxonomy o ON o.overrides = t.id
      -- The setting calls the library's own model 'static'; its vectors bear the name of the table.
     CROSS JOIN LATERAL (SELECT coalesce(coalesce(o.settings, t.settings) ->> 'embedding', 'static')
                                = CASE WHEN i.model LIKE 'minilm-%' THEN 'static' ELSE i.model END AS wanted) w
     WHERE i.state <> 'dropped' AND categorize.sees_all_tenants();

COMMENT ON VIEW categorize.embedding_status IS
    'How far the embeddings of each taxonomy are, and what they cost, for members of categorize_admin.';

REVOKE ALL ON categorize.embedding_status FROM PUBLIC;
GRANT SELECT ON categorize.embedding_status TO categorize_user;
REVOKE ALL ON categorize.embedding_index FROM PUBLIC;
REVOKE ALL ON SEQUENCE categorize.embedding_index_id_seq FROM PUBLIC;
REVOKE ALL ON FUNCTION categorize.suggest(text, int, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION categorize.suggest(text, int, text) TO categorize_user;

-- Functions act as the owner of the tables, who need not be the one who updates.
DO $$
DECLARE
    owner text := (SELECT pg_catalog.quote_ident(r.rolname) FROM pg_catalog.pg_class c
                     JOIN pg_catalog.pg_roles r ON r.oid OPERATOR(pg_catalog.=) c.relowner
                    WHERE c.oid OPERATOR(pg_catalog.=) 'categorize.taxonomy'::pg_catalog.regclass);
    object text;
BEGIN
    FOREACH object IN ARRAY ARRAY['TABLE categorize.embedding_index', 'VIEW categorize.embedding_status',
    'SEQUENCE categorize.embedding_index_id_seq', 'FUNCTION categorize.suggest(text, int, text)'] LOOP
        EXECUTE pg_catalog.concat('ALTER ', object, ' OWNER TO ', owner);
    END LOOP;
END
$$;
