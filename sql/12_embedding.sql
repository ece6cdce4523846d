-- Embeddings of what is known: an index of each taxonomy and embedding model. The tables of the vectors, embedding_<id>, are
-- made by a worker where the extension vector is installed, as members of this extension. All of it is derived from cache
-- and correction: nothing is dumped, and what is absent is made anew.

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
