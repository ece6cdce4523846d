-- Vectors that are bought in batches: texts whose vectors a provider makes, and which wait for a batch with many others. Their jobs are
-- requests as users write them, of the kind of work `embedding`, of a taxonomy, and nobody's.

-- The texts of such jobs. What has its vector is deleted.
CREATE TABLE categorize.queued_vector (
    -- Not references, which would be looked up for each text: what is left of an index goes with it.
    index_id    int NOT NULL,
    fingerprint bytea NOT NULL,
    job_id      bigint NOT NULL,
    -- Which text of the request it is, from 1 on.
    place       int NOT NULL CHECK (place > 0),
    -- Whether no batch had its vector: it is bought live.
    live        boolean NOT NULL DEFAULT false,
    PRIMARY KEY (index_id, fingerprint)
);
CREATE INDEX queued_vector_job_id_idx ON categorize.queued_vector (job_id, place);

COMMENT ON TABLE categorize.queued_vector IS 'Texts whose vectors are bought in batches.';
REVOKE ALL ON categorize.queued_vector FROM PUBLIC;
