\echo Use "ALTER EXTENSION pg_categorize UPDATE" to load this file. \quit

-- 0.5.0: sets behind the scalar call.

CREATE OR REPLACE VIEW categorize.provider_health WITH (security_barrier) AS
    SELECT p.name AS provider, coalesce(h.model, p.settings ->> 'model'::text) AS model,
           CASE WHEN h.stopped THEN 'stopped' ELSE coalesce(h.breaker, 'unknown') END AS state,
           h.attempts, h.failures, h.in_flight, h.latency_p50_ms, h.latency_p99_ms, h.last_failure,
           h.answers, round(h.upgrades::numeric / nullif(h.answers, 0)::numeric, 3) AS upgrade_rate,
           m.shut_down_on,
           nullif(concat_ws('; ', CASE WHEN m.shut_down_on <= CURRENT_DATE
                THEN 'model ' || m.name || ' was to be shut down on ' || to_char(m.shut_down_on::timestamp, 'YYYY-MM-DD')
                WHEN m.shut_down_on <= CURRENT_DATE + 60
                THEN 'model ' || m.name || ' will be shut down on ' || to_char(m.shut_down_on::timestamp, 'YYYY-MM-DD')
           END,
           -- Fewer say little, and a share above this costs more than the cheap model saves.
           CASE WHEN h.answers >= 100::bigint AND h.upgrades::numeric > 0.3 * h.answers::numeric
                THEN 'a strong model was asked about ' || round(100.0 * h.upgrades::numeric / h.answers::numeric)::text ||
                     ' of 100 answers: corrections calibrate its confidence, a better cheap model or a lower upgrade_threshold saves money'
           END), ''::text) AS warning
      FROM categorize.provider p
      LEFT JOIN categorize.provider_health() h ON h.provider = p.name
      LEFT JOIN categorize.models m ON m.name = coalesce(h.model, p.settings ->> 'model'::text);

-- What a statement would cost. As it is generated for a fresh install.
CREATE  FUNCTION categorize."estimate"(
	"query" TEXT /* Option < & str > */
) RETURNS TABLE (
	"call" INT,  /* i32 */
	"taxonomy" TEXT,  /* Option < String > */
	"tier" TEXT,  /* String */
	"rows" bigint,  /* i64 */
	"inputs" bigint,  /* i64 */
	"low_usd" NUMERIC,  /* AnyNumeric */
	"high_usd" NUMERIC,  /* AnyNumeric */
	"basis" TEXT  /* String */
)
VOLATILE 
LANGUAGE c /* Rust */
AS 'MODULE_PATHNAME', 'estimate_wrapper';
COMMENT ON FUNCTION categorize.estimate(text) IS
    'What a statement will probably ask and cost, by call and tier; nothing of it runs, and nothing is spent.';
REVOKE ALL ON FUNCTION categorize.estimate(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION categorize.estimate(text) TO categorize_user;

-- Functions act as the owner of the tables, who need not be the one who updates.
DO $$
DECLARE
    owner text := (SELECT pg_catalog.quote_ident(r.rolname) FROM pg_catalog.pg_class c
                     JOIN pg_catalog.pg_roles r ON r.oid OPERATOR(pg_catalog.=) c.relowner
                    WHERE c.oid OPERATOR(pg_catalog.=) 'categorize.taxonomy'::pg_catalog.regclass);
BEGIN
    EXECUTE pg_catalog.concat('ALTER FUNCTION categorize.estimate(text) OWNER TO ', owner);
END
$$;
