\echo Use "ALTER EXTENSION pg_categorize UPDATE" to load this file. \quit

-- 0.4.0: similar answers, taxonomies of any size, a bound of the error.

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

CREATE  FUNCTION categorize."candidate_recall"(
	"taxonomy" TEXT DEFAULT NULL /* Option < & str > */
) RETURNS TABLE (
	"list" TEXT,  /* String */
	"categories" INT,  /* i32 */
	"examples" bigint,  /* i64 */
	"found" real,  /* Option < f32 > */
	"unseen_examples" bigint,  /* i64 */
	"with_guesses" real  /* Option < f32 > */
)
VOLATILE PARALLEL SAFE 
LANGUAGE c /* Rust */
AS 'MODULE_PATHNAME', 'candidate_recall_wrapper';

COMMENT ON FUNCTION categorize.candidate_recall(text) IS
    'How often the category that people said is on the list that a language model would be offered.';

-- A row for each tier of a trained model. The model is judged by it, so it is dumped and goes with it.
CREATE TABLE categorize.quality (
    taxonomy_id int NOT NULL,
    tenant      text NOT NULL,
    -- The model whose training held the examples out.
    version     int NOT NULL,
    tier        text NOT NULL CHECK (tier IN ('local_model', 'similarity')),
    -- The embedding model of the similarity tier.
    embedding   text CHECK ((tier = 'similarity') = (embedding IS NOT NULL)),
    -- What the tier said of each held-out example that a person labelled, in an order which the tiers of a version share: the score
    -- that thresholds are tested on, what it stands by without them, and whether it was right. NULL where it said nothing.
    scores      real[] NOT NULL,
    stands      real[] NOT NULL,
    is_right    boolean[] NOT NULL,
    -- Which differences between texts matter, as similarity learnt from the same examples.
    relevance   jsonb NOT NULL DEFAULT '{}',
    computed_at timestamptz NOT NULL,
    PRIMARY KEY (taxonomy_id, tenant, version, tier),
    FOREIGN KEY (taxonomy_id, tenant, version)
        REFERENCES categorize.local_model (taxonomy_id, tenant, version) ON DELETE CASCADE
);
SELECT pg_catalog.pg_extension_config_dump('categorize.quality', '');

COMMENT ON TABLE categorize.quality IS
    'What the free tiers said of held-out examples, and whether it was right: the evidence that thresholds by max_error rest on.';

-- A row an input of a tenant, at most one for ever. What a person says of it later is in the corrections.
CREATE TABLE categorize.audit (
    fingerprint        bytea PRIMARY KEY,
    tenant             text NOT NULL,
    taxonomy_id        int NOT NULL REFERENCES categorize.taxonomy (id) ON DELETE CASCADE,
    -- What answered, with what, and how sure it was.
    tier               text NOT NULL CHECK (tier IN ('local_model', 'similarity')),
    category_id        int NOT NULL,
    confidence         real NOT NULL CHECK (confidence BETWEEN 0::real AND 1::real),
    -- What the strong model says; NULL where it finds that no category fits.
    strong_category_id int,
    strong_confidence  real NOT NULL CHECK (strong_confidence BETWEEN 0::real AND 1::real),
    agrees             boolean NOT NULL,
    provider           text NOT NULL,
    model              text NOT NULL,
    cost_nanousd       bigint NOT NULL CHECK (cost_nanousd >= 0::bigint),
    asked_at           timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp()
);
CREATE INDEX audit_tenant_idx ON categorize.audit (taxonomy_id, tenant, tier, asked_at);
SELECT pg_catalog.pg_extension_config_dump('categorize.audit', '');

COMMENT ON TABLE categorize.audit IS
    'Free answers that a strong model was asked about anyway, and whether it agreed.';

CREATE TRIGGER invalidate AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON categorize.quality
    FOR EACH STATEMENT EXECUTE FUNCTION categorize.invalidate();
ALTER TABLE categorize.quality ENABLE ALWAYS TRIGGER invalidate;

CREATE  FUNCTION categorize."tier_bounds"() RETURNS TABLE (
	"taxonomy" TEXT,  /* String */
	"tier" TEXT,  /* String */
	"max_error" double precision,  /* Option < f64 > */
	"threshold" real,  /* Option < f32 > */
	"based_on" TEXT,  /* String */
	"bound" double precision,  /* Option < f64 > */
	"evidence" bigint,  /* i64 */
	"answered" bigint,  /* i64 */
	"errors" bigint,  /* i64 */
	"computed_at" timestamp with time zone  /* Option < TimestampWithTimeZone > */
)
STRICT VOLATILE PARALLEL RESTRICTED 
LANGUAGE c /* Rust */
AS 'MODULE_PATHNAME', 'tier_bounds_wrapper';

CREATE  FUNCTION categorize."drift"(
	"errors" bigint, /* i64 */
	"trials" bigint, /* i64 */
	"max_error" double precision /* f64 */
) RETURNS TEXT /* String */
IMMUTABLE STRICT PARALLEL SAFE 
LANGUAGE c /* Rust */
AS 'MODULE_PATHNAME', 'drift_wrapper';

COMMENT ON FUNCTION categorize.tier_bounds() IS
    'The thresholds of the free tiers with the evidence behind them, for the tenant of the session: the rows behind the view tier_quality.';
COMMENT ON FUNCTION categorize.drift(bigint, bigint, double precision) IS
    'Whether errors among trials contradict that at most a share of max_error is wrong: none, contradicted or unknown.';

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

-- What models and people say of free answers, apart: a model errs, too, and people look at what they doubt.
CREATE VIEW categorize.audits WITH (security_barrier) AS
    SELECT t.name AS taxonomy, a.tier, count(*) AS audits,
           count(*) FILTER (WHERE a.agrees) AS model_agrees,
           count(k.category_id) AS judged_by_people,
           count(*) FILTER (WHERE k.category_id = a.category_id) AS people_agree,
           count(*) FILTER (WHERE k.category_id = a.strong_category_id) AS people_agree_with_model,
           sum(a.cost_nanousd) / 1e9 AS cost_usd, max(a.asked_at) AS last_asked_at
      FROM categorize.audit a
      JOIN categorize.taxonomy t ON t.id = a.taxonomy_id
      LEFT JOIN categorize.correction k ON k.fingerprint = a.fingerprint
     WHERE a.tenant = categorize.current_tenant()
     GROUP BY t.name, a.tier;

-- The free tiers: how sure they must be, and what that rests on. People correct what they find wrong, so corrections are
-- held against all answers since they are counted: if even those are too many, max_error does not hold. Audits are a fair
-- sample, but the judge is a model.
CREATE VIEW categorize.tier_quality WITH (security_barrier) AS
    SELECT b.taxonomy, b.tier, b.max_error, b.threshold, b.based_on, b.bound, b.evidence, b.answered, b.errors,
           round(b.answered::numeric / nullif(b.evidence, 0::bigint)::numeric, 4) AS coverage,
           CASE WHEN b.evidence > 0::bigint THEN 'labels and corrections' END AS evidence_from,
           b.computed_at, s.answers, k.corrected,
           categorize.drift(k.corrected, s.answers, b.max_error) AS drift,
           a.audits, a.audits - a.model_agrees AS model_disagrees,
           categorize.drift(a.audits - a.model_agrees, a.audits, b.max_error) AS audit_drift,
           CASE WHEN categorize.drift(k.corrected, s.answers, b.max_error) = 'contradicted'
                THEN 'people corrected ' || k.corrected::text || ' of ' || s.answers::text ||
                     ' answers: more are wrong than max_error tolerates, so train on the corrections with categorize.train()'
                WHEN categorize.drift(a.audits - a.model_agrees, a.audits, b.max_error) = 'contradicted'
                THEN 'the strong model disagreed with ' || (a.audits - a.model_agrees)::text || ' of ' || a.audits::text ||
                     ' audited answers: more are wrong than max_error tolerates, or the model is; look at some and correct them'
           END AS warning
      FROM categorize.tier_bounds() b
      LEFT JOIN categorize.counters() s ON s.taxonomy = b.taxonomy AND s.tier = b.tier
      LEFT JOIN categorize.audits a ON a.taxonomy = b.taxonomy AND a.tier = b.tier
      LEFT JOIN LATERAL (
           SELECT count(*) AS corrected
             FROM categorize.corrections c
            WHERE c.taxonomy = b.taxonomy AND c.machine_source = b.tier AND c.corrected_at >= s.stats_since
              AND c.machine_category IS DISTINCT FROM c.category) k ON s.stats_since IS NOT NULL;

COMMENT ON VIEW categorize.audits IS
    'How many free answers of each tier a strong model was asked about anyway, and how often it and people agreed, for the tenant of the session.';
COMMENT ON VIEW categorize.tier_quality IS
    'How sure the free tiers must be, what share of their answers may be wrong at most, and whether corrections contradict it, for the tenant of the session.';

REVOKE ALL ON categorize.embedding_index, categorize.embedding_status, categorize.quality, categorize.tier_quality,
    categorize.audit, categorize.audits FROM PUBLIC;
REVOKE ALL ON SEQUENCE categorize.embedding_index_id_seq FROM PUBLIC;
REVOKE ALL ON FUNCTION categorize.suggest(text, int, text), categorize.candidate_recall(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION categorize.suggest(text, int, text), categorize.candidate_recall(text) TO categorize_user;
REVOKE ALL ON FUNCTION categorize.tier_bounds(), categorize.drift(bigint, bigint, double precision) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION categorize.tier_bounds(), categorize.drift(bigint, bigint, double precision) TO categorize_user;
GRANT SELECT ON categorize.embedding_status, categorize.tier_quality, categorize.audits TO categorize_user;

-- Functions act as the owner of the tables, who need not be the one who updates.
DO $$
DECLARE
    owner text := (SELECT pg_catalog.quote_ident(r.rolname) FROM pg_catalog.pg_class c
                     JOIN pg_catalog.pg_roles r ON r.oid OPERATOR(pg_catalog.=) c.relowner
                    WHERE c.oid OPERATOR(pg_catalog.=) 'categorize.taxonomy'::pg_catalog.regclass);
    object text;
BEGIN
    FOREACH object IN ARRAY ARRAY['TABLE categorize.embedding_index', 'VIEW categorize.embedding_status', 'TABLE categorize.quality',
    'VIEW categorize.tier_quality', 'TABLE categorize.audit', 'VIEW categorize.audits', 'FUNCTION categorize.candidate_recall(text)',
    'FUNCTION categorize.tier_bounds()', 'FUNCTION categorize.drift(bigint, bigint, double precision)',
    'SEQUENCE categorize.embedding_index_id_seq', 'FUNCTION categorize.suggest(text, int, text)'] LOOP
        EXECUTE pg_catalog.concat('ALTER ', object, ' OWNER TO ', owner);
    END LOOP;
END
$$;
