//! pg_categorize: `SELECT categorize(title) FROM products`.
//!
//! This crate is the Postgres side: `api` holds the SQL surface, `pg` all that touches the server. What a category, a
//! rule or a decision is lives in `pg_categorize_core`.
#![deny(ffi_unwind_calls)]

mod api;
#[allow(unsafe_code, reason = "the glue to the server; each block says why it is sound")]
mod pg;

::pgrx::pg_module_magic!(name, version);

::pgrx::extension_sql_file!("../sql/10_schema.sql", name = "schema", bootstrap);
::pgrx::extension_sql_file!("../sql/12_embedding.sql", name = "embedding", requires = ["schema"]);
::pgrx::extension_sql_file!("../sql/15_gateway.sql", name = "gateway", requires = ["embedding"]);
::pgrx::extension_sql_file!("../sql/17_quality.sql", name = "quality", requires = ["gateway"]);
::pgrx::extension_sql_file!("../sql/18_audit.sql", name = "audit", requires = ["quality"]);
::pgrx::extension_sql_file!("../sql/20_products.sql", name = "products", requires = ["audit"]);
::pgrx::extension_sql_file!("../sql/25_models.sql", name = "models", requires = ["products"]);
::pgrx::extension_sql_file!(
    "../sql/30_triggers.sql",
    name = "triggers",
    requires = ["models", api::categorize::invalidate]
);
::pgrx::extension_sql_file!(
    "../sql/40_views.sql",
    name = "views",
    requires = [
        "triggers",
        api::stats::counters,
        api::tenant::current_tenant,
        api::budget::sees_all_tenants,
        api::quality::tier_bounds,
        api::quality::drift,
        api::provider::provider_health
    ]
);
::pgrx::extension_sql_file!("../sql/42_embedding_status.sql", name = "embedding_status", requires = ["views"]);
::pgrx::extension_sql_file!("../sql/50_run.sql", name = "run", requires = ["embedding_status"]);
::pgrx::extension_sql_file!("../sql/60_batch.sql", name = "batch", requires = ["run"]);
::pgrx::extension_sql_file!("../sql/65_write_back.sql", name = "write_back", requires = ["batch"]);
::pgrx::extension_sql_file!("../sql/70_batch_news.sql", name = "batch_news", requires = ["write_back"]);
::pgrx::extension_sql_file!("../sql/75_queued_vector.sql", name = "queued_vector", requires = ["batch_news"]);
::pgrx::extension_sql_file!("../sql/90_functions.sql", name = "functions", finalize);

#[cfg(any(test, feature = "pg_test"))]
#[path = "../pgrx-tests/mod.rs"]
mod pgrx_suite;

/// What `cargo pgrx test` asks of us: how to start its server.
#[cfg(test)]
pub mod pg_test {
    /// Runs once, before the first test.
    pub fn setup(_options: Vec<&str>) {}

    /// Lines for the server's configuration.
    #[must_use]
    pub fn postgresql_conf_options() -> Vec<&'static str> {
        vec!["shared_preload_libraries = 'pg_categorize'"]
    }
}

/// Runs when the library is loaded, in the postmaster or at a session's first call.
#[::pgrx::pg_guard]
pub extern "C-unwind" fn _PG_init() {
    pg::init();
}
