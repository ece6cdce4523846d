//! Choosing another embedding: what that takes is told before anything is spent.

use crate::pg::{due, error, guc, spi};
use pg_categorize_core::close_names;
use pg_categorize_core::embedding_model::{EmbeddingModel, ProviderModel};
use pg_categorize_core::endpoint::{self, Policy};
use pg_categorize_core::error::Error;
use pg_categorize_core::price::Price;
use pg_categorize_core::settings::Settings;
use pg_categorize_core::taxonomy::Taxonomy;

/// Bytes of a token at most, as titles mostly have them.
const TOKEN_BYTES: u64 = 6;

/// Tokens that a provider may put around a text, as they are reserved.
const AROUND: u64 = 16;

/// Ids of prices from which on they are the user's.
const FIRST_OF_USERS: i64 = 1000;

/// Tells how many texts get new vectors where the embedding of a taxonomy changes, and what they cost; has them made once this
/// transaction is committed.
///
/// # Errors
/// 22023 where the provider does not exist, or its model makes no embeddings; 42501 where a sentence transformer is chosen and no
/// superuser named a folder of models.
pub fn announce(taxonomy: &Taxonomy, new: &Settings) {
    let wishes = |of: &Settings| (of.embedding.clone(), of.allow_external, of.store_input, of.tiers.clone());
    if wishes(&taxonomy.settings) != wishes(new) {
        due::forgot();
    }
    if taxonomy.settings.embedding == new.embedding {
        return;
    }
    let paid = new.embedding.paid();
    paid.into_iter().for_each(check);
    if matches!(new.embedding, EmbeddingModel::Transformer(_)) && guc::model_directory().is_none() {
        error::not_allowed(
            "no sentence transformer can be used",
            "A superuser names the folder of models in categorize.model_directory.",
        );
    }
    if !new.wants_index() {
        return;
    }
    let id = new.embedding.id();
    let kept = spi::fresh_embedding_indexes(taxonomy.id, Some(&id)).into_iter().find(|index| index.table.is_some());
    let (rows, bytes) = spi::size_without_vectors(taxonomy.id, kept.map(|index| index.id));
    let texts = if rows == 1 { "1 text gets a new vector".to_owned() } else { format!("{rows} texts get new vectors") };
    let (cost, hint) = paid.map_or_else(
        || ("for free".to_owned(), missing(&new.embedding)),
        |model| (cost(model, rows.cast_unsigned(), bytes.cast_unsigned(), new.batch_vectors()), None),
    );
    let hint = hint.unwrap_or_else(|| {
        "categorize.embedding_status tells how far they are; to take the setting back ends it.".to_owned()
    });
    error::notice(
        &format!("the embedding of taxonomy \"{}\" becomes {id}", taxonomy.name),
        format!("In the background {texts}, {cost}. Until all are there the former embedding answers."),
        hint,
    );
}

/// The extension that an embedding needs and that is not here.
fn missing(model: &EmbeddingModel) -> Option<String> {
    let extension = if *model == EmbeddingModel::Trigrams { "pg_trgm" } else { "vector" };
    (!spi::can_embed(model))
        .then(|| format!("It begins with CREATE EXTENSION {extension} and the next text that is taught."))
}

fn check(model: &ProviderModel) {
    let names = spi::provider_names();
    if !names.contains(&model.provider) {
        let hint = close_names::hint(&model.provider, names.iter().map(String::as_str));
        error::raise(
            Error::invalid(format!("provider \"{}\" does not exist", model.provider))
                .hint(hint.unwrap_or_else(|| "categorize.add_provider() adds one.".to_owned())),
        );
    }
    if spi::model(&model.model).is_some_and(|(_, settings)| settings.mode != "embedding") {
        error::raise(
            Error::invalid(format!("model \"{}\" makes no embeddings", model.model))
                .hint("categorize.models lists what is known of models; set_model() says otherwise."),
        );
    }
}

/// What it costs, in words; in batches where that many texts wait for one.
fn cost(model: &ProviderModel, rows: u64, bytes: u64, minimum: Option<u64>) -> String {
    // As many tokens as there can be at most: what is reserved. A token has a byte and more.
    let (low, high) = (bytes.div_ceil(TOKEN_BYTES), bytes.saturating_add(AROUND.saturating_mul(rows)));
    let Prices { live, batch } = prices(model);
    let dollars = |price: &Price| Some((price.worst_case(low, 0)?, price.worst_case(high, 0)?));
    let batch = batch.filter(|_| minimum.is_some_and(|minimum| rows >= minimum.max(guc::batch_minimum())));
    match (live.as_ref().and_then(dollars), batch.as_ref().and_then(dollars)) {
        (Some((least, most)), None) => format!("of {low} to {high} tokens, for {least} to {most} dollars"),
        (Some(live), Some((least, most))) => format!(
            "of {low} to {high} tokens, in batches for {least} to {most} dollars in the place of {} to {}",
            live.0, live.1
        ),
        (None, _) => format!(
            "of {low} to {high} tokens, once somebody says what the model costs: categorize.set_price('{}', ...)",
            model.model
        ),
    }
}

/// What a model costs; `None` where nobody said it, or it is not sold so.
#[derive(Default)]
struct Prices {
    live: Option<Price>,
    batch: Option<Price>,
}

/// The prices that the gateway would pay.
fn prices(model: &ProviderModel) -> Prices {
    let Some(provider) = spi::provider_rows().into_iter().find(|row| row.name == model.provider) else {
        return Prices::default();
    };
    let policy = Policy::new(&guc::allowed_hosts(), &guc::key_environment());
    let key = provider.key_env.as_deref().or(provider.key_file.as_deref());
    let is_official =
        endpoint::check(&provider.kind, &provider.base_url, key, &policy).is_ok_and(|endpoint| endpoint.official);
    let of_model = spi::price_rows().into_iter().find(|price| price.model == model.model);
    let known = of_model.filter(|price| is_official || price.id >= FIRST_OF_USERS);
    // Of whom the gateway has vectors made in batches.
    let sells = provider.kind == "openai";
    known.map_or_else(Prices::default, |price| Prices { live: Some(price.live), batch: price.batch.filter(|_| sells) })
}
