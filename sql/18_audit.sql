-- Audits: free answers that a strong model was asked about anyway.

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
