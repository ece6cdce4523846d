-- What held-out examples say of the tiers that answer for nothing: evidence for max_error.

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
