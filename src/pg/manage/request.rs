//! Requests to providers that users have written, in the queue.

use super::as_writer;
use crate::pg::client::asker;
use crate::pg::spi::{self, NewRequestJob};
use crate::pg::{error, guard, guc, queue};
use pg_categorize_core::close_names;
use pg_categorize_core::endpoint::{self, Policy};
use pg_categorize_core::error::Error;
use pg_categorize_core::model_choice::ModelChoice;
use pg_categorize_core::provider_settings::ProviderSettings;
use pg_categorize_core::raw_request::{self, RawRequest};
use pgrx::pg_sys;
use serde_json::Value;

/// Ids below this are of rows that we ship.
const FIRST_OF_USERS: i64 = 1000;

/// Bytes of the name of a kind of work.
const LONGEST: usize = 40;

/// Queues a request; the number of its job.
///
/// # Errors
/// 22023 for what cannot be meant, or of which nobody knows what it costs; 25006 where nothing can be written.
pub fn enqueue(job_type: &str, provider: &str, body: &Value, priority: i32) -> i64 {
    guard::refuse_read_only();
    let priority = super::queue::priority_of(priority);
    check_job_type(job_type);
    // Who calls: below, the owner does.
    let asker = asker();
    // SAFETY: a plain call.
    let role = unsafe { pg_sys::GetUserId() };
    as_writer(|caller| {
        let (provider, request) = read(provider, body);
        let job = NewRequestJob {
            job_type,
            tenant: &caller.tenant,
            priority,
            provider,
            request: &request,
            taxonomy: None,
            role,
            asker: &asker,
        };
        let id = spi::insert_request(&job);
        queue::touch();
        id
    })
}

/// Others read these names: they are no place for a text.
fn check_job_type(job_type: &str) {
    let is_name = (1..=LONGEST).contains(&job_type.len())
        && job_type.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
    if !is_name || job_type == "categorize" {
        error::raise(
            Error::invalid("invalid value for \"job_type\"")
                .hint(format!("Allowed are names of up to {LONGEST} small letters, digits and _, but \"categorize\".")),
        );
    }
}

/// The id of a provider, and what a body asks of it.
fn read(name: &str, body: &Value) -> (i32, RawRequest) {
    let rows = spi::provider_rows();
    let Some(row) = rows.iter().find(|row| row.name == name) else {
        let hint = close_names::hint(name, rows.iter().map(|row| row.name.as_str()));
        error::raise(
            Error::invalid(format!("provider \"{name}\" does not exist"))
                .hint(hint.unwrap_or_else(|| "categorize.providers lists those that there are.".to_owned())),
        )
    };
    let policy = Policy::new(&guc::allowed_hosts(), &guc::key_environment());
    let key = row.key_env.as_deref().or(row.key_file.as_deref());
    let settings = ProviderSettings::parse(&row.settings).unwrap_or_else(|why| error::raise(why));
    let endpoint = endpoint::check(&row.kind, &row.base_url, key, &policy).unwrap_or_else(|why| error::raise(why));
    let choice =
        ModelChoice { kind: &row.kind, settings: &settings, official: endpoint.of_kind, cheap: None, strong: None };
    let request = raw_request::read(&row.kind, body, Some(choice.cheap())).unwrap_or_else(|why| error::raise(why));
    let price = spi::price_rows().into_iter().find(|price| price.model == request.model);
    // The prices that we ship are those of the official hosts.
    let price = price.filter(|price| endpoint.official || price.id >= FIRST_OF_USERS);
    let Some(batch) = price.and_then(|price| price.batch) else {
        error::raise(
            Error::invalid(format!("it is not known what model \"{}\" costs in batches", request.model))
                .hint("categorize.set_price() and categorize.set_batch_price() state it."),
        )
    };
    if batch.worst_case(request.input_bound, request.output_bound).is_none() {
        error::raise(Error::invalid("what this request may cost cannot be counted").hint("Lower its limit of tokens."));
    }
    (row.id, request)
}
