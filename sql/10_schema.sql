-- The schema, the type of a decision, and the base tables.
-- Operands here and in the views have exactly the types of pg_catalog's operators: while the extension is created, a
-- better match in the schema it is created in would win.

DO $$
BEGIN
    IF pg_catalog.current_setting('server_encoding') <> 'UTF8' THEN
        RAISE EXCEPTION 'pg_categorize needs a database with encoding UTF8'
            USING ERRCODE = 'feature_not_supported',
                  DETAIL = 'This one has ' || pg_catalog.current_setting('server_encoding') || '.',
                  HINT = 'Create a database WITH ENCODING ''UTF8'' TEMPLATE template0.';
    END IF;
END
$$;

CREATE SCHEMA categorize;

-- What categorize_detail() tells of one input.
CREATE TYPE categorize.decision AS (
    ordinality       int,
    input            text,
    category         text,
    confidence       real,
    source           text,
    origin           text,
    provider         text,
    model            text,
    upgraded         boolean,
    cost_usd         numeric,
    reason           text,
    taxonomy         text,
    taxonomy_version int,
    alternatives     jsonb,
    evidence         jsonb
);

-- The base tables: nobody but the owner has rights on them; people work through functions and views.
-- Rows that we ship have ids below 1000 and are never changed in place: a change is a row of its own whose
-- `overrides` names the shipped one. Answers always refer to the shipped id.

CREATE SEQUENCE categorize.taxonomy_id_seq AS int START 1000 MINVALUE 1000;
CREATE TABLE categorize.taxonomy (
    id          int PRIMARY KEY DEFAULT pg_catalog.nextval('categorize.taxonomy_id_seq'),
    overrides   int UNIQUE REFERENCES categorize.taxonomy (id),
    name        text NOT NULL CHECK (name <> ''),
    version     int NOT NULL DEFAULT 1,
    settings    jsonb NOT NULL DEFAULT '{}' CHECK (pg_catalog.jsonb_typeof(settings) = 'object'),
    description text,
    dropped     boolean NOT NULL DEFAULT false,
    CHECK (overrides IS NULL OR (overrides < 1000 AND id >= 1000))
);
-- A shipped name may be used again once its taxonomy is dropped.
CREATE UNIQUE INDEX taxonomy_name_key ON categorize.taxonomy (name) WHERE overrides IS NULL AND id >= 1000;

CREATE SEQUENCE categorize.category_id_seq AS int START 1000 MINVALUE 1000;
CREATE TABLE categorize.category (
    id          int PRIMARY KEY DEFAULT pg_catalog.nextval('categorize.category_id_seq'),
    overrides   int UNIQUE REFERENCES categorize.category (id),
    taxonomy_id int NOT NULL REFERENCES categorize.taxonomy (id),
    parent_id   int REFERENCES categorize.category (id),
    label       text NOT NULL CHECK (label <> ''),
    path        text NOT NULL CHECK (path <> ''),
    description text,
    examples    text[],
    merged_into int REFERENCES categorize.category (id),
    dropped     boolean NOT NULL DEFAULT false,
    CHECK (overrides IS NULL OR (overrides < 1000 AND id >= 1000)),
    CHECK (parent_id <> id AND merged_into <> id)
);
-- A shipped path is free again once an override moved it; the lock on the taxonomy guards what this index does not.
CREATE UNIQUE INDEX category_path_key ON categorize.category (taxonomy_id, path)
    WHERE overrides IS NULL AND NOT dropped AND merged_into IS NULL AND id >= 1000;
CREATE INDEX category_merged_into_idx ON categorize.category (merged_into) WHERE merged_into IS NOT NULL;
CREATE INDEX category_parent_id_idx ON categorize.category (parent_id) WHERE parent_id IS NOT NULL;

CREATE SEQUENCE categorize.rule_id_seq START 1000 MINVALUE 1000;
CREATE TABLE categorize.rule (
    id          bigint PRIMARY KEY DEFAULT pg_catalog.nextval('categorize.rule_id_seq'),
    tenant      text,
    taxonomy_id int NOT NULL REFERENCES categorize.taxonomy (id),
    kind        text NOT NULL CHECK (kind IN ('regex', 'all_words', 'any_word')),
    pattern     text NOT NULL,
    category_id int NOT NULL REFERENCES categorize.category (id),
    priority    int NOT NULL DEFAULT 0,
    enabled     boolean NOT NULL DEFAULT true,
    -- What it costs compiled, as add_rule() measured it.
    memory      int NOT NULL DEFAULT 2048,
    created_by  name NOT NULL DEFAULT CURRENT_USER,
    created_at  timestamptz NOT NULL DEFAULT pg_catalog.now()
);
CREATE INDEX rule_taxonomy_id_idx ON categorize.rule (taxonomy_id);
CREATE INDEX rule_category_id_idx ON categorize.rule (category_id);

CREATE SEQUENCE categorize.correction_id_seq START 1000 MINVALUE 1000;
CREATE TABLE categorize.correction (
    fingerprint         bytea NOT NULL,
    category_id         int NOT NULL REFERENCES categorize.category (id),
    id                  bigint PRIMARY KEY DEFAULT pg_catalog.nextval('categorize.correction_id_seq'),
    tenant              text NOT NULL,
    taxonomy_id         int NOT NULL REFERENCES categorize.taxonomy (id),
    input               text,
    corrected_by        name NOT NULL,
    corrected_at        timestamptz NOT NULL DEFAULT pg_catalog.now(),
    machine_category_id int,
    machine_source      text
);
CREATE UNIQUE INDEX correction_fingerprint_key ON categorize.correction (fingerprint);
CREATE INDEX correction_category_id_idx ON categorize.correction (category_id);
-- What was said since a model was trained is counted here.
CREATE INDEX correction_taxonomy_id_idx ON categorize.correction (taxonomy_id, tenant, corrected_at);

-- The first columns are those that every hit reads.
CREATE TABLE categorize.cache (
    fingerprint      bytea NOT NULL,
    category_id      int,
    confidence       real NOT NULL CHECK (confidence BETWEEN 0::real AND 1::real),
    origin           text NOT NULL,
    expires_at       timestamptz,
    category_label   text,
    provider         text,
    model            text,
    prompt_version   text,
    cost_nanousd     bigint NOT NULL DEFAULT 0,
    taxonomy_id      int,
    taxonomy_version int,
    tenant           text NOT NULL,
    created_at       timestamptz NOT NULL DEFAULT pg_catalog.now(),
    input            text,
    -- Whether a strong model decided.
    upgraded         boolean NOT NULL DEFAULT false,
    -- What a language model said of its confidence, before that was calibrated, where it came from, and why it answered so.
    raw_confidence   real,
    confidence_source text,
    rationale        text,
    CONSTRAINT cache_pkey PRIMARY KEY (fingerprint),
    -- An answer is a category of a taxonomy, or one of the caller's ad-hoc labels.
    CHECK ((taxonomy_id IS NULL) = (category_id IS NULL) AND (category_id IS NULL) <> (category_label IS NULL))
);
-- Look-ups go here: a hash index is half the size of the primary key's and needs no descent.
CREATE INDEX cache_fingerprint_idx ON categorize.cache USING hash (fingerprint);
CREATE INDEX cache_expires_at_idx ON categorize.cache (expires_at) WHERE expires_at IS NOT NULL;
-- What a tenant's model learns from, and how much of it is new.
CREATE INDEX cache_lesson_idx ON categorize.cache (taxonomy_id, tenant, created_at) WHERE origin IN ('label', 'llm');

-- Trained models. A row is written once; only `active` changes.
CREATE SEQUENCE categorize.local_model_id_seq START 1000 MINVALUE 1000;
CREATE TABLE categorize.local_model (
    id          bigint PRIMARY KEY DEFAULT pg_catalog.nextval('categorize.local_model_id_seq'),
    taxonomy_id int NOT NULL REFERENCES categorize.taxonomy (id),
    -- It learnt from this tenant's rows only, and answers this tenant only.
    tenant      text NOT NULL,
    version     int NOT NULL CHECK (version > 0),
    active      boolean NOT NULL DEFAULT false,
    trained_at  timestamptz NOT NULL DEFAULT pg_catalog.now(),
    -- NULL where it was trained by itself.
    trained_by  name,
    examples    int NOT NULL,
    corrections int NOT NULL,
    categories  int NOT NULL,
    metrics     jsonb NOT NULL,
    weights     bytea NOT NULL,
    UNIQUE (taxonomy_id, tenant, version)
);
CREATE UNIQUE INDEX local_model_active_key ON categorize.local_model (taxonomy_id, tenant) WHERE active;
-- Weights do not compress, and are read in portions.
ALTER TABLE categorize.local_model ALTER COLUMN weights SET STORAGE EXTERNAL;

SELECT pg_catalog.pg_extension_config_dump('categorize.taxonomy', 'WHERE id >= 1000');
SELECT pg_catalog.pg_extension_config_dump('categorize.category', 'WHERE id >= 1000');
SELECT pg_catalog.pg_extension_config_dump('categorize.rule', 'WHERE id >= 1000');
SELECT pg_catalog.pg_extension_config_dump('categorize.correction', '');
SELECT pg_catalog.pg_extension_config_dump('categorize.cache', '');
SELECT pg_catalog.pg_extension_config_dump('categorize.local_model', '');
SELECT pg_catalog.pg_extension_config_dump('categorize.taxonomy_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('categorize.category_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('categorize.rule_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('categorize.correction_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('categorize.local_model_id_seq', '');

COMMENT ON SCHEMA categorize IS 'What pg_categorize keeps, and what manages it; the categorize* functions are in the schema of the extension.';
COMMENT ON TYPE categorize.decision IS 'What categorize_detail() and categorize_many() tell of one input.';
COMMENT ON COLUMN categorize.decision.ordinality IS 'Position of the input, from 1.';
COMMENT ON COLUMN categorize.decision.input IS 'The text as it was given.';
COMMENT ON COLUMN categorize.decision.category IS 'Full path of the category, or the ad-hoc label; NULL without an answer.';
COMMENT ON COLUMN categorize.decision.confidence IS 'Probability that the category is right, 0 to 1.';
COMMENT ON COLUMN categorize.decision.source IS
    'The tier that answered: correction, rule, cache, local_model, similarity or llm; or unresolved.';
COMMENT ON COLUMN categorize.decision.origin IS 'The tier that first made a kept answer; label for a learnt example.';
COMMENT ON COLUMN categorize.decision.provider IS 'The provider of a paid answer.';
COMMENT ON COLUMN categorize.decision.model IS 'The model of a paid answer.';
COMMENT ON COLUMN categorize.decision.upgraded IS 'Whether a stronger model had to decide.';
COMMENT ON COLUMN categorize.decision.cost_usd IS 'US dollars that this call cost.';
COMMENT ON COLUMN categorize.decision.reason IS 'Why there is no answer.';
COMMENT ON COLUMN categorize.decision.taxonomy IS 'Name of the taxonomy.';
COMMENT ON COLUMN categorize.decision.taxonomy_version IS 'Its version; every change of its categories raises it.';
COMMENT ON COLUMN categorize.decision.alternatives IS 'The likeliest categories with their confidence, best first.';
COMMENT ON COLUMN categorize.decision.evidence IS 'What spoke for the answer, or what would help to get one.';
COMMENT ON TABLE categorize.taxonomy IS 'Taxonomies; a change to a shipped one (id below 1000) is a row that overrides it.';
COMMENT ON TABLE categorize.category IS 'Categories as a tree; answers refer to their ids, so that a new name costs nothing.';
COMMENT ON TABLE categorize.rule IS 'Rules; those without a tenant hold for all tenants.';
COMMENT ON TABLE categorize.correction IS 'What people said of single texts.';
COMMENT ON TABLE categorize.cache IS 'Learnt examples and earlier answers, by fingerprint of tenant, taxonomy and text.';
COMMENT ON TABLE categorize.local_model IS 'Models trained from what a tenant taught, with what was measured of them.';
COMMENT ON SEQUENCE categorize.taxonomy_id_seq IS 'Ids of taxonomies; those below 1000 are shipped.';
COMMENT ON SEQUENCE categorize.category_id_seq IS 'Ids of categories; those below 1000 are shipped.';
COMMENT ON SEQUENCE categorize.rule_id_seq IS 'Ids of rules; those below 1000 are shipped.';
COMMENT ON SEQUENCE categorize.correction_id_seq IS 'Ids of corrections.';
COMMENT ON SEQUENCE categorize.local_model_id_seq IS 'Ids of trained models.';
