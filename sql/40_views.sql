-- What people look at. Every view shows the session's tenant only, but that members of categorize_admin see the money of
-- all tenants; `stats` and `tier_stats` need the library preloaded.

CREATE VIEW categorize.tier_stats WITH (security_barrier) AS
    SELECT c.taxonomy,
           c.tier,
           c.answers,
           round(c.answers::numeric / nullif(sum(c.answers) OVER (PARTITION BY c.taxonomy), 0::numeric), 4) AS share,
           CASE WHEN c.tier <> 'unresolved' THEN round((c.confidence / nullif(c.answers, 0::bigint)::float8)::numeric, 4) END
               AS mean_confidence,
           c.stats_since
      FROM categorize.counters() c;

CREATE VIEW categorize.stats WITH (security_barrier) AS
    SELECT c.taxonomy,
           sum(c.answers)::bigint AS inputs,
           (sum(c.answers) FILTER (WHERE c.tier <> 'unresolved'))::bigint AS answered,
           (sum(c.answers) FILTER (WHERE c.tier = 'unresolved'))::bigint AS unresolved,
           round(sum(c.answers) FILTER (WHERE c.tier NOT IN ('llm', 'unresolved')) / nullif(sum(c.answers), 0::numeric), 4)
               AS free_share,
           round((sum(c.confidence)
                 / nullif(sum(c.answers) FILTER (WHERE c.tier <> 'unresolved'), 0::numeric)::float8)::numeric, 4)
               AS mean_confidence,
           round(sum(c.unsure) / nullif(sum(c.answers) FILTER (WHERE c.tier <> 'unresolved'), 0::numeric), 4)
               AS low_confidence_share,
           min(c.stats_since) AS stats_since
      FROM categorize.counters() c
     GROUP BY c.taxonomy;

-- Every category with its override laid over it, and the one that answers for it now: itself, or what it was merged
-- into, one hop away. For the views below; nobody is granted it.
CREATE VIEW categorize.effective_category AS
    SELECT e.id, e.taxonomy_id, e.description, e.examples, e.live,
           coalesce(target.path, target_base.path, e.path) AS path
      FROM (SELECT c.id, c.taxonomy_id, coalesce(o.path, c.path) AS path,
                   CASE WHEN o.id IS NULL THEN c.description ELSE o.description END AS description,
                   CASE WHEN o.id IS NULL THEN c.examples ELSE o.examples END AS examples,
                   coalesce(o.merged_into, c.merged_into) AS merged_into,
                   NOT coalesce(o.dropped, c.dropped) AND coalesce(o.merged_into, c.merged_into) IS NULL AS live
              FROM categorize.category c LEFT JOIN categorize.category o ON o.overrides = c.id
             WHERE c.overrides IS NULL) e
      LEFT JOIN categorize.category target_base ON target_base.id = e.merged_into
      LEFT JOIN categorize.category target ON target.overrides = e.merged_into;

CREATE VIEW categorize.taxonomies WITH (security_barrier) AS
    SELECT t.id, t.name, coalesce(o.version, t.version) AS version, coalesce(o.description, t.description) AS description,
           coalesce(o.settings, t.settings) AS settings,
           (SELECT count(*) FROM categorize.effective_category c WHERE c.taxonomy_id = t.id AND c.live) AS categories
      FROM categorize.taxonomy t LEFT JOIN categorize.taxonomy o ON o.overrides = t.id
     WHERE t.overrides IS NULL AND NOT coalesce(o.dropped, t.dropped);

CREATE VIEW categorize.categories WITH (security_barrier) AS
    SELECT t.name AS taxonomy, c.id, c.path, c.description, c.examples
      FROM categorize.effective_category c JOIN categorize.taxonomies t ON t.id = c.taxonomy_id
     WHERE c.live;

CREATE VIEW categorize.rules WITH (security_barrier) AS
    SELECT r.id, t.name AS taxonomy, r.kind, r.pattern, c.path AS category, r.priority, r.enabled,
           r.tenant IS NULL AS for_all_tenants, r.created_by, r.created_at
      FROM categorize.rule r
      JOIN categorize.taxonomy t ON t.id = r.taxonomy_id
      JOIN categorize.effective_category c ON c.id = r.category_id
     WHERE r.tenant IS NULL OR r.tenant = categorize.current_tenant();

CREATE VIEW categorize.corrections WITH (security_barrier) AS
    SELECT k.id, t.name AS taxonomy, k.input, c.path AS category, k.corrected_by, k.corrected_at,
           m.path AS machine_category, k.machine_source
      FROM categorize.correction k
      JOIN categorize.taxonomy t ON t.id = k.taxonomy_id
      JOIN categorize.effective_category c ON c.id = k.category_id
      LEFT JOIN categorize.effective_category m ON m.id = k.machine_category_id
     WHERE k.tenant = categorize.current_tenant();

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

CREATE VIEW categorize.providers WITH (security_barrier) AS
    SELECT p.id, p.name, p.kind,
           CASE WHEN categorize.sees_all_tenants() THEN p.base_url END AS base_url,
           CASE WHEN categorize.sees_all_tenants() THEN coalesce('variable ' || p.key_env, 'file ' || p.key_file) END AS key,
           p.priority, p.settings,
           p.system_identifier = (SELECT c.system_identifier FROM pg_catalog.pg_control_system() c)
               AND p.database_oid = (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = current_database())
               AS bound_here,
           p.created_by, p.created_at
      FROM categorize.provider p;

-- Of two rows of one name that of the user, and of its prices the one in force; dollars for a million tokens. Of a model that
-- somebody only set a price for, no more than that is known.
CREATE VIEW categorize.models WITH (security_barrier) AS
    SELECT n.name, m.kind, m.mode, m.max_input_tokens, m.max_output_tokens, m.reasoning_effort, m.thinking_tokens,
           m.temperature, m.cache_breakpoint, m.log_probabilities, m.image_tokens, m.shut_down_on, m.known_on,
           coalesce(m.id::bigint, p.id) < 1000::bigint AS shipped,
           p.valid_from AS price_valid_from,
           p.input::numeric * 0.000000001 AS input_usd,
           p.cached_input::numeric * 0.000000001 AS cached_input_usd,
           p.cache_write::numeric * 0.000000001 AS cache_write_usd,
           p.cache_write_long::numeric * 0.000000001 AS cache_write_long_usd,
           p.output::numeric * 0.000000001 AS output_usd,
           p.long_above, p.long_input::numeric * 0.000000001 AS long_input_usd,
           p.long_output::numeric * 0.000000001 AS long_output_usd
      FROM (SELECT r.name FROM categorize.model r
             UNION
            SELECT r.model FROM categorize.price r WHERE r.valid_from <= statement_timestamp()) n
      LEFT JOIN (SELECT DISTINCT ON (r.name) r.* FROM categorize.model r ORDER BY r.name, r.id DESC) m ON m.name = n.name
      LEFT JOIN LATERAL (SELECT r.* FROM categorize.price r
                          WHERE r.model = n.name AND r.valid_from <= statement_timestamp()
                          ORDER BY r.id >= 1000::bigint DESC, r.valid_from DESC, r.id DESC LIMIT 1) p ON true;

-- The budgets that hold now, each with its present period. For the view below; nobody is granted it.
CREATE VIEW categorize.effective_budget WITH (security_barrier) AS
    SELECT b.*, p.local AT TIME ZONE b.time_zone AS starts_at,
           (p.local + ('1 ' || b.period)::interval) AT TIME ZONE b.time_zone AS ends_at
      FROM (SELECT DISTINCT ON (r.scope, r.scope_key, r.period) r.* FROM categorize.budget r
             ORDER BY r.scope, r.scope_key, r.period, r.id DESC) b
     CROSS JOIN LATERAL (SELECT date_trunc(b.period, statement_timestamp() AT TIME ZONE b.time_zone) AS local) t
     -- Where clocks go back at midnight a day begins twice: it begins the second time.
     CROSS JOIN LATERAL (SELECT CASE WHEN t.local AT TIME ZONE b.time_zone > statement_timestamp()
                                     THEN t.local - ('1 ' || b.period)::interval ELSE t.local END AS local) p;

-- The counters are kept with the ledger; where a period has none yet, they are what the ledger holds.
CREATE VIEW categorize.budget_status WITH (security_barrier) AS
    SELECT b.scope || CASE b.scope
               WHEN 'database' THEN ''
               WHEN 'tenant' THEN ':' || b.scope_key
               WHEN 'taxonomy' THEN ':' || coalesce((SELECT t.name FROM categorize.taxonomies t WHERE t.id::text = b.scope_key),
                                                    b.scope_key)
               ELSE ':' || coalesce((SELECT p.name FROM categorize.provider p WHERE p.id::text = b.scope_key), b.scope_key)
           END AS scope,
           b.period, b.time_zone, b.starts_at, b.ends_at,
           b.limit_nanousd::numeric * 0.000000001 AS limit_usd,
           u.settled * 0.000000001 AS settled_usd,
           u.reserved * 0.000000001 AS reserved_usd,
           u.in_doubt * 0.000000001 AS in_doubt_usd,
           (b.limit_nanousd::numeric - u.settled - u.reserved) * 0.000000001 AS remaining_usd,
           coalesce(u.settled + u.reserved > 0::numeric
                    AND (u.settled + u.reserved)::float8 >= b.limit_nanousd::float8 * b.soft_ratio::float8, false) AS soft,
           b.soft_ratio,
           b.per_request_nanousd::numeric * 0.000000001 AS per_request_usd
      FROM categorize.effective_budget b
      LEFT JOIN categorize.budget_counter c
             ON c.scope = b.scope AND c.scope_key = b.scope_key AND c.period = b.period AND c.starts_at = b.starts_at
            AND c.ends_at = b.ends_at
      CROSS JOIN LATERAL (
          SELECT coalesce(c.settled_nanousd::numeric, (
                     SELECT coalesce(sum(l.amount_nanousd), 0::numeric) FROM categorize.ledger l
                      WHERE l.kind IN ('settle', 'adjust') AND l.reserved_at >= b.starts_at AND l.reserved_at < b.ends_at
                        AND CASE b.scope WHEN 'tenant' THEN l.tenant = b.scope_key
                                         WHEN 'taxonomy' THEN l.taxonomy_id::text = b.scope_key
                                         WHEN 'provider' THEN l.provider_id::text = b.scope_key ELSE true END)
                   + (SELECT coalesce(sum(d.spent_nanousd), 0::numeric) FROM categorize.ledger_day d
                       WHERE (d.day + 1)::timestamp AT TIME ZONE 'UTC' > b.starts_at
                         AND CASE b.scope WHEN 'tenant' THEN d.tenant = b.scope_key
                                          WHEN 'taxonomy' THEN d.taxonomy_id::text = b.scope_key
                                          WHEN 'provider' THEN d.provider_id::text = b.scope_key ELSE true END)) AS settled,
                 coalesce(c.reserved_nanousd::numeric, r.reserved) AS reserved,
                 r.in_doubt
            FROM (SELECT coalesce(sum(r.amount_nanousd), 0::numeric) AS reserved,
                         coalesce(sum(r.amount_nanousd) FILTER (WHERE r.state = 'in_doubt'), 0::numeric) AS in_doubt
                    FROM categorize.reservation r
                   WHERE r.reserved_at >= b.starts_at AND r.reserved_at < b.ends_at
                     AND CASE b.scope WHEN 'tenant' THEN r.tenant = b.scope_key
                                      WHEN 'taxonomy' THEN r.taxonomy_id::text = b.scope_key
                                      WHEN 'provider' THEN r.provider_id::text = b.scope_key ELSE true END) r) u
     WHERE categorize.sees_all_tenants() OR (b.scope = 'tenant' AND b.scope_key = categorize.current_tenant());

-- What is wasted of a row is its amount times the share of its inputs that got no answer, rounded to the nano-dollar.
CREATE VIEW categorize.spend WITH (security_barrier) AS
    SELECT s.day, s.role, s.application_name, s.query_id, s.tenant, t.name AS taxonomy, s.provider, s.model,
           sum(s.requests)::bigint AS requests,
           sum(s.inputs)::bigint AS inputs,
           sum(s.wasted)::bigint AS wasted_inputs,
           sum(s.spent) * 0.000000001 AS spent_usd,
           sum(s.wasted_money) * 0.000000001 AS wasted_usd,
           sum(s.in_doubt) * 0.000000001 AS in_doubt_usd,
           sum(s.input_tokens)::bigint AS input_tokens,
           sum(s.cached_tokens)::bigint AS cached_tokens,
           sum(s.output_tokens)::bigint AS output_tokens
      FROM (SELECT (l.reserved_at AT TIME ZONE 'UTC')::date AS day, l.role, l.application_name, l.query_id, l.tenant,
                   l.taxonomy_id, l.provider, l.model,
                   count(DISTINCT l.attempt_id) AS requests,
                   coalesce(sum(l.inputs) FILTER (WHERE l.kind = 'settle'), 0::bigint) AS inputs,
                   coalesce(sum(l.wasted) FILTER (WHERE l.kind = 'settle'), 0::bigint) AS wasted,
                   coalesce(sum(l.input_tokens), 0::numeric) AS input_tokens,
                   coalesce(sum(l.cached_tokens), 0::numeric) AS cached_tokens,
                   coalesce(sum(l.output_tokens), 0::numeric) AS output_tokens,
                   sum(l.amount_nanousd) AS spent,
                   coalesce(sum(round(l.amount_nanousd::numeric * l.wasted::numeric / nullif(l.inputs, 0)::numeric)),
                            0::numeric) AS wasted_money,
                   0::numeric AS in_doubt
              FROM categorize.ledger l
             WHERE l.kind IN ('settle', 'adjust')
               AND (categorize.sees_all_tenants() OR l.tenant = categorize.current_tenant())
             GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
            UNION ALL
            SELECT d.day, d.role, d.application_name, d.query_id, d.tenant, d.taxonomy_id, d.provider, d.model,
                   d.requests, d.inputs, d.wasted, d.input_tokens::numeric, d.cached_tokens::numeric,
                   d.output_tokens::numeric, d.spent_nanousd::numeric, d.wasted_nanousd::numeric, 0::numeric
              FROM categorize.ledger_day d
             WHERE categorize.sees_all_tenants() OR d.tenant = categorize.current_tenant()
            UNION ALL
            -- Requests that may have been charged, and whose answers nobody got.
            SELECT (r.reserved_at AT TIME ZONE 'UTC')::date, r.role, r.application_name, r.query_id, r.tenant, r.taxonomy_id,
                   r.provider, r.model, 1::bigint, r.inputs::bigint, r.inputs::bigint, 0::numeric, 0::numeric, 0::numeric,
                   0::numeric, 0::numeric, r.amount_nanousd::numeric
              FROM categorize.reservation r
             WHERE r.state = 'in_doubt' AND (categorize.sees_all_tenants() OR r.tenant = categorize.current_tenant())) s
      LEFT JOIN categorize.taxonomy t ON t.id = s.taxonomy_id
     GROUP BY s.day, s.role, s.application_name, s.query_id, s.tenant, t.name, s.provider, s.model;

CREATE VIEW categorize.in_doubt WITH (security_barrier) AS
    SELECT r.attempt_id, r.in_doubt_since AS since, r.in_doubt_since + interval '24 hours' AS settled_at_worst_at,
           r.amount_nanousd::numeric * 0.000000001 AS worst_usd,
           r.provider, r.model, r.inputs, r.tenant, t.name AS taxonomy, r.role, r.application_name, r.query_id, r.reserved_at
      FROM categorize.reservation r
      LEFT JOIN categorize.taxonomy t ON t.id = r.taxonomy_id
     WHERE r.state = 'in_doubt' AND (categorize.sees_all_tenants() OR r.tenant = categorize.current_tenant());

-- What the running gateway sees; a provider that it has not asked yet, or without a gateway any, is `unknown`.
CREATE VIEW categorize.provider_health WITH (security_barrier) AS
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

CREATE VIEW categorize.alert WITH (security_barrier) AS
    SELECT a.id, a.raised_at, a.kind, a.provider, a.model, a.message
      FROM categorize.alert_log a
     WHERE categorize.sees_all_tenants();

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

COMMENT ON VIEW categorize.stats IS 'Answers of each taxonomy since stats_since, for the tenant of the session.';
COMMENT ON VIEW categorize.tier_stats IS 'Answers of each tier of each taxonomy since stats_since, for the tenant of the session.';
COMMENT ON VIEW categorize.taxonomies IS 'The taxonomies of this database.';
COMMENT ON VIEW categorize.categories IS 'The categories that can answer, with their descriptions and examples.';
COMMENT ON VIEW categorize.rules IS 'The rules that the tenant of the session sees.';
COMMENT ON VIEW categorize.corrections IS 'The corrections of the tenant of the session, with what the machine had said.';
COMMENT ON VIEW categorize.local_models IS 'The trained models of the tenant of the session, with what was measured on held-out examples.';
COMMENT ON VIEW categorize.calibration IS
    'How often the models of the tenant of the session were right, by what confidence they had, on held-out examples.';
COMMENT ON VIEW categorize.tier_quality IS
    'How sure the free tiers must be, what share of their answers may be wrong at most, and whether corrections contradict it, for the tenant of the session.';
COMMENT ON VIEW categorize.effective_category IS
    'Every category with its override laid over it, and the path that answers for it now; for the other views.';
COMMENT ON VIEW categorize.providers IS
    'The providers in this database with the name of their key; address and key for members of categorize_admin.';
COMMENT ON VIEW categorize.models IS
    'What models can do and cost now, in dollars for a million tokens; a row of the user counts before a shipped one.';
COMMENT ON VIEW categorize.budget_status IS
    'What each budget holds in its present period; reserved_usd includes in_doubt_usd. Of all tenants for members of categorize_admin.';
COMMENT ON VIEW categorize.effective_budget IS
    'The budgets that hold now, each with its present period; for the other views.';
COMMENT ON VIEW categorize.spend IS
    'What was spent by day (UTC), role, application, query, tenant, taxonomy, provider and model; wasted is what brought no answer, in_doubt_usd the worst case of what may have been charged.';
COMMENT ON VIEW categorize.in_doubt IS
    'Requests of which nobody knows whether they were charged; they count at their worst case until settled.';
COMMENT ON VIEW categorize.provider_health IS
    'How the providers are doing as the running gateway sees it, and which models are about to be shut down.';
COMMENT ON VIEW categorize.audits IS
    'How many free answers of each tier a strong model was asked about anyway, and how often it and people agreed, for the tenant of the session.';
COMMENT ON VIEW categorize.alert IS
    'What an operator should see, for members of categorize_admin.';
