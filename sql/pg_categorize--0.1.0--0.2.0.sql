\echo Use "ALTER EXTENSION pg_categorize UPDATE" to load this file. \quit

-- 0.2.0: models trained from what a tenant taught.

-- What was said since a model was trained is counted here.
DROP INDEX categorize.correction_taxonomy_id_idx;
CREATE INDEX correction_taxonomy_id_idx ON categorize.correction (taxonomy_id, tenant, corrected_at);
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

SELECT pg_catalog.pg_extension_config_dump('categorize.local_model', '');
SELECT pg_catalog.pg_extension_config_dump('categorize.local_model_id_seq', '');
COMMENT ON TABLE categorize.local_model IS 'Models trained from what a tenant taught, with what was measured of them.';
COMMENT ON SEQUENCE categorize.local_model_id_seq IS 'Ids of trained models.';

CREATE TRIGGER invalidate AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON categorize.local_model
    FOR EACH STATEMENT EXECUTE FUNCTION categorize.invalidate();
ALTER TABLE categorize.local_model ENABLE ALWAYS TRIGGER invalidate;

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

COMMENT ON VIEW categorize.local_models IS 'The trained models of the tenant of the session, with what was measured on held-out examples.';
COMMENT ON VIEW categorize.calibration IS
    'How often the models of the tenant of the session were right, by what confidence they had, on held-out examples.';

-- As they are generated for a fresh install.
CREATE  FUNCTION categorize."train"(
	"taxonomy" TEXT DEFAULT NULL /* Option < & str > */
) RETURNS TABLE (
	"version" INT,  /* i32 */
	"active" bool,  /* bool */
	"examples" INT,  /* i32 */
	"corrections" INT,  /* i32 */
	"categories" INT,  /* i32 */
	"held_out" INT,  /* i32 */
	"accuracy" real,  /* f32 */
	"macro_f1" real,  /* f32 */
	"calibration_error" real,  /* f32 */
	"threshold" real,  /* f32 */
	"coverage" real,  /* f32 */
	"precision" real,  /* Option < f32 > */
	"worth" real,  /* f32 */
	"live_accuracy" real,  /* Option < f32 > */
	"live_worth" real,  /* Option < f32 > */
	"weak_categories" jsonb,  /* JsonB */
	"note" TEXT  /* Option < String > */
)

LANGUAGE c /* Rust */
AS 'MODULE_PATHNAME', 'train_wrapper';

CREATE  FUNCTION categorize."activate_model"(
	"taxonomy" TEXT, /* Option < & str > */
	"version" INT /* Option < i32 > */
) RETURNS void

LANGUAGE c /* Rust */
AS 'MODULE_PATHNAME', 'activate_model_wrapper';

COMMENT ON FUNCTION categorize.train(text) IS
    'Trains a model from what the tenant taught, measures it on held-out examples, and makes it live where it is better.';
COMMENT ON FUNCTION categorize.activate_model(text, int) IS
    'Makes a trained model of the tenant live; version 0 is lexical matching, untrained.';

REVOKE ALL ON categorize.local_model, categorize.local_models, categorize.calibration FROM PUBLIC;
REVOKE ALL ON SEQUENCE categorize.local_model_id_seq FROM PUBLIC;
REVOKE ALL ON FUNCTION categorize.train(text), categorize.activate_model(text, int) FROM PUBLIC;
GRANT SELECT ON categorize.local_models, categorize.calibration TO categorize_user;
GRANT EXECUTE ON FUNCTION categorize.train(text), categorize.activate_model(text, int) TO categorize_editor;

-- Functions act as the owner of the tables, who need not be the one who updates.
DO $$
DECLARE
    owner text := (SELECT pg_catalog.quote_ident(r.rolname) FROM pg_catalog.pg_class c
                     JOIN pg_catalog.pg_roles r ON r.oid OPERATOR(pg_catalog.=) c.relowner
                    WHERE c.oid OPERATOR(pg_catalog.=) 'categorize.taxonomy'::pg_catalog.regclass);
    object text;
BEGIN
    FOREACH object IN ARRAY ARRAY['TABLE categorize.local_model', 'SEQUENCE categorize.local_model_id_seq',
        'VIEW categorize.local_models', 'VIEW categorize.calibration', 'FUNCTION categorize.train(text)',
        'FUNCTION categorize.activate_model(text, int)'] LOOP
        EXECUTE pg_catalog.concat('ALTER ', object, ' OWNER TO ', owner);
    END LOOP;
END
$$;
