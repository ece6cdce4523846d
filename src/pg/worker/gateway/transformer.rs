//! The way to a sentence transformer of this server: as to a provider that is here, and free.

use crate::pg::guc;
use pg_categorize_core::cascade::Reason;
use pg_categorize_core::money::Rate;
use pg_categorize_core::price::{Price, Rates};
use pg_categorize_gateway::plan::{Abilities, AnswerMode, Model, PriceRow, Provider, ProviderKind, Route};
use pg_categorize_gateway::store::Refusal;

/// What stands in the place of a provider's name: no provider may be meant by it in the setting `embedding`.
const NAME: &str = "transformer";

/// The way to a transformer by its name, which is that of a folder and nothing else.
///
/// # Errors
/// `no_provider` where the superuser named no folder of models.
pub fn route(name: &str) -> Result<Route, Refusal> {
    let folder = guc::model_directory().ok_or_else(|| {
        Refusal::because(Reason::NoProvider, "A superuser names the folder of models in categorize.model_directory.")
    })?;
    let provider = Provider {
        id: 0,
        name: NAME.to_owned(),
        kind: ProviderKind::Transformer,
        base_url: folder,
        private_allowed: false,
        key: None,
        abilities: Abilities { instruction_role: String::new(), max_tokens_field: String::new(), openai_extras: false },
        requests_per_minute: None,
        tokens_per_minute: None,
    };
    let free = Rate(0);
    let rates = Rates { input: free, cached_input: free, cache_write: free, cache_write_long: free, output: free };
    let price = PriceRow { id: 0, price: Price { rates, long: None } };
    Ok(Route::new(provider, Model::new(name, AnswerMode::JsonSchema), Some(price)))
}
