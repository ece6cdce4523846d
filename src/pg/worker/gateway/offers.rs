//! The providers of this database, each with a model, its price and its key: what can be asked, in order.

use super::keys;
use crate::pg::spi::{self, ModelRow, PriceOfModel, ProviderRow};
use crate::pg::{error, guc};
use pg_categorize_core::cascade::Reason;
use pg_categorize_core::confidence::{Calibration, Observation, Source};
use pg_categorize_core::embedding_model::ProviderModel;
use pg_categorize_core::endpoint::{self, Endpoint, Policy};
use pg_categorize_core::model_choice::ModelChoice;
use pg_categorize_core::model_settings::ModelSettings;
use pg_categorize_core::provider_settings::ProviderSettings;
use pg_categorize_gateway::plan::{
    Abilities, AnswerMode, Grade, Model, PriceRow, Provider, ProviderKind, RawWork, Route,
};
use pg_categorize_gateway::secret::Secret;
use pg_categorize_gateway::store::Refusal;
use pgrx::pg_sys;
use std::cell::Cell;
use std::collections::HashMap;
use std::sync::Arc;

/// Ids below this are of rows that we ship.
const FIRST_OF_USERS: i64 = 1000;

thread_local! {
    static WARNED: Cell<bool> = const { Cell::new(false) };
}

/// Why a provider cannot be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unusable {
    /// Its host is not allowed, or not with its key.
    Host,
    /// Its key is not to be had. Whether it exists is not said.
    Key,
    /// Its settings are none of this version.
    Settings,
}

/// What can be asked now.
pub struct Offers {
    offers: Vec<Offer>,
    models: HashMap<String, ModelRow>,
    prices: HashMap<String, PriceOfModel>,
    refusal: Option<Refusal>,
    /// When they change by themselves: the next price comes into force.
    pub valid_until: i64,
}

/// What a taxonomy wishes of the models that it is asked with, and what is known of them.
#[derive(Default)]
pub struct Wishes<'a> {
    /// The cheap model.
    pub cheap: Option<&'a str>,
    /// The strong one.
    pub strong: Option<&'a str>,
    /// Whether a strong one is asked at all.
    pub upgrades: bool,
    /// Whether they are asked why.
    pub rationale: Rationale,
    /// Which answers were right, by model and source of its confidence.
    pub observations: Option<&'a HashMap<(String, Source), Vec<Observation>>>,
}

/// Which models are asked why.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Rationale {
    /// None.
    #[default]
    Never,
    /// The strong ones.
    Strong,
    /// All.
    Always,
}

struct Offer {
    row: ProviderRow,
    kind: ProviderKind,
    settings: ProviderSettings,
    endpoint: Endpoint,
    key: Option<Secret>,
}

impl Offers {
    /// Reads them. Runs as the owner.
    pub fn load() -> Self {
        let policy = Policy::new(&guc::allowed_hosts(), &guc::key_environment());
        let rows = spi::provider_rows();
        let (any, foreign) = (!rows.is_empty(), rows.iter().any(|row| !is_bound_here(row)));
        let mut unusable = Vec::new();
        let mut offers = Vec::new();
        for row in rows {
            let name = row.name.clone();
            match offer(row, &policy) {
                Ok(offer) => offers.push(offer),
                Err(why) => unusable.push((name, why)),
            }
        }
        // Sorted by the priority of the settings, then as they come.
        offers.sort_by_key(|offer| offer.settings.priority);
        Self {
            refusal: refusal(any, foreign, offers.is_empty(), &unusable),
            offers,
            models: spi::model_rows().into_iter().map(|model| (model.name.clone(), model)).collect(),
            prices: spi::price_rows().into_iter().map(|price| (price.model.clone(), price)).collect(),
            valid_until: spi::next_price_at().unwrap_or(i64::MAX),
        }
    }

    /// Who is asked, the cheap ones and the strong ones.
    ///
    /// # Errors
    /// Why nobody can be.
    pub fn routes(&self, wishes: &Wishes<'_>) -> Result<[Vec<Arc<Route>>; 2], Refusal> {
        if let Some(refusal) = &self.refusal {
            return Err(refusal.clone());
        }
        let of = |grade: Grade| {
            let route = |offer: &Offer| self.route(offer, &self.model_name(offer, grade, wishes)?, grade, wishes);
            self.offers.iter().filter_map(route).map(Arc::new).collect::<Vec<_>>()
        };
        let cheap = of(Grade::Cheap);
        if cheap.is_empty() {
            return Err(Refusal::because(Reason::NoProvider, "No provider has a model that answers questions."));
        }
        Ok([cheap, if wishes.upgrades { of(Grade::Strong) } else { Vec::new() }])
    }

    /// Providers with their models, and in how many days these are shut down.
    pub fn shut_downs(&self) -> Vec<(String, String, i32)> {
        let of = |offer: &Offer| {
            let model = self.model_name(offer, Grade::Cheap, &Wishes::default())?;
            let days = self.models.get(&model)?.days_left?;
            Some((offer.row.name.clone(), model, days))
        };
        self.offers.iter().filter_map(of).collect()
    }

    fn model_name(&self, offer: &Offer, grade: Grade, wishes: &Wishes<'_>) -> Option<String> {
        let is_of_kind = |name: &&str| self.models.get(*name).is_none_or(|model| model.kind == offer.row.kind);
        let choice = ModelChoice {
            kind: &offer.row.kind,
            settings: &offer.settings,
            official: offer.endpoint.of_kind,
            cheap: wishes.cheap.filter(is_of_kind),
            strong: wishes.strong.filter(is_of_kind),
        };
        match grade {
            Grade::Vectors | Grade::Cheap => Some(choice.cheap().to_owned()),
            Grade::Strong => choice.strong().map(str::to_owned),
        }
    }

    fn route(&self, offer: &Offer, name: &str, grade: Grade, wishes: &Wishes<'_>) -> Option<Route> {
        let model = model(name, &offer.row.kind, self.models.get(name))?;
        let fitted = |source: &Source| {
            let observations = wishes.observations?.get(&(name.to_owned(), *source))?;
            Some((*source, Calibration::fit(*source, observations)))
        };
        Some(Route {
            rationale: wishes.rationale == Rationale::Always
                || wishes.rationale == Rationale::Strong && grade == Grade::Strong,
            calibrations: Source::ALL.iter().filter_map(fitted).collect(),
            ..self.way_to(offer, model)
        })
    }

    /// Who makes vectors.
    ///
    /// # Errors
    /// Why nobody can.
    pub fn embedding_route(&self, wanted: &ProviderModel) -> Result<Route, Refusal> {
        let (name, row) = (&wanted.model, self.models.get(&wanted.model));
        let Some(offer) = self.offers.iter().find(|offer| offer.row.name == wanted.provider) else {
            let detail = format!("There is no usable provider \"{}\".", wanted.provider);
            return Err(self.refusal.clone().unwrap_or_else(|| Refusal::because(Reason::NoProvider, detail)));
        };
        if row.is_some_and(|row| row.settings.mode != "embedding") {
            let detail = format!("The model \"{name}\" makes no embeddings: categorize.set_model().");
            return Err(Refusal::because(Reason::NoProvider, detail));
        }
        let tokens = row.and_then(|row| row.settings.max_input_tokens).and_then(|count| u64::try_from(count).ok());
        // How it is asked is of no account where it is not.
        let model = Model { max_input_tokens: tokens, ..Model::new(name.clone(), AnswerMode::JsonSchema) };
        Ok(self.way_to(offer, model))
    }

    /// The same model at the same provider in batches; `None` where nobody said what that costs.
    pub fn batch_route(&self, route: &Route) -> Option<Route> {
        let live = route.price?;
        let price = self.prices.get(&route.model.name).filter(|price| price.id == live.id)?;
        let price = PriceRow { id: price.id, price: price.batch? };
        let (provider, model, rationale) = (route.provider.clone(), route.model.clone(), route.rationale);
        Some(Route { rationale, ..Route::new(provider, model, Some(price)) })
    }

    /// Whom a batch went to, at the price that it was made at.
    pub fn route_of_batch(&self, provider: i32, name: &str, rationale: bool, price: &PriceOfModel) -> Option<Route> {
        let offer = self.offers.iter().find(|offer| offer.row.id == provider).filter(|_| self.refusal.is_none())?;
        let model = model(name, &offer.row.kind, self.models.get(name))?;
        let way = self.way_to(offer, model);
        let price = PriceRow { id: price.id, price: price.batch? };
        Some(Route { rationale, ..Route::new(way.provider, way.model, Some(price)) })
    }

    /// Whom requests go to that users have written, at the price in force; `None` where nobody said what that costs in batches, or the
    /// provider cannot be asked now.
    pub fn raw_route(&self, provider: i32, name: &str, work: RawWork) -> Option<Route> {
        let offer = self.offers.iter().find(|offer| offer.row.id == provider).filter(|_| self.refusal.is_none())?;
        // Whatever it is: its requests are there.
        let way = self.way_to(offer, Model::new(name, AnswerMode::Text));
        let price = self.prices.get(name).filter(|price| way.price.is_some_and(|live| live.id == price.id))?;
        let price = PriceRow { id: price.id, price: price.batch? };
        Some(Route { raw: Some(work), ..Route::new(way.provider, way.model, Some(price)) })
    }

    /// Whom a batch of such requests went to, at the price that it was made at.
    pub fn raw_route_of_batch(&self, provider: i32, name: &str, work: RawWork, price: &PriceOfModel) -> Option<Route> {
        let offer = self.offers.iter().find(|offer| offer.row.id == provider).filter(|_| self.refusal.is_none())?;
        let way = self.way_to(offer, Model::new(name, AnswerMode::Text));
        let price = PriceRow { id: price.id, price: price.batch? };
        Some(Route { raw: Some(work), ..Route::new(way.provider, way.model, Some(price)) })
    }

    fn way_to(&self, offer: &Offer, model: Model) -> Route {
        let name = model.name.as_str();
        let row = self.models.get(name);
        let (settings, official, of_kind) = (&offer.settings, offer.endpoint.official, offer.endpoint.of_kind);
        // The prices that we ship are those of the official hosts. What others charge, somebody has to say.
        let price = self.prices.get(name).filter(|price| official || price.id >= FIRST_OF_USERS);
        let price = price.map(|price| PriceRow { id: price.id, price: price.live });
        let either = |set: &Option<String>, is_new: bool, new: &str, old: &str| {
            set.clone().unwrap_or_else(|| if is_new { new } else { old }.to_owned())
        };
        // OpenAI's own models refuse the older name, whoever passes requests on to them.
        let is_openai = of_kind || row.is_some_and(|row| row.shipped && row.kind == "openai");
        let provider = Provider {
            id: offer.row.id,
            name: offer.row.name.clone(),
            kind: offer.kind,
            base_url: offer.endpoint.base_url.clone(),
            private_allowed: offer.endpoint.private_allowed,
            key: offer.key.clone(),
            // Compatible servers know the older names (providers' documentation).
            abilities: Abilities {
                instruction_role: either(&settings.instruction_role, of_kind, "developer", "system"),
                max_tokens_field: either(&settings.max_tokens_field, is_openai, "max_completion_tokens", "max_tokens"),
                openai_extras: settings.openai_extras.unwrap_or(of_kind),
            },
            requests_per_minute: settings.requests_per_minute,
            tokens_per_minute: settings.tokens_per_minute,
        };
        Route { priority: settings.priority, weight: settings.weight as f32, ..Route::new(provider, model, price) }
    }
}

/// A model as its row says, or as models of its kind mostly are; `None` where it answers no questions.
fn model(name: &str, kind: &str, row: Option<&ModelRow>) -> Option<Model> {
    let tokens = |count: Option<i64>| count.and_then(|count| u64::try_from(count).ok());
    let settings = row.map_or_else(|| ModelSettings::of_kind(kind), |row| row.settings.clone());
    let mode = match settings.mode.as_str() {
        "decision" => AnswerMode::Decision,
        "json_schema" => AnswerMode::JsonSchema,
        "text" => AnswerMode::Text,
        _ => return None,
    };
    Some(Model {
        max_input_tokens: tokens(settings.max_input_tokens),
        max_output_tokens: tokens(settings.max_output_tokens),
        reasoning_effort: settings.reasoning_effort,
        thinking_tokens: u64::try_from(settings.thinking_tokens).unwrap_or(0),
        temperature: settings.temperature,
        cache_breakpoint: settings.cache_breakpoint,
        log_probabilities: settings.log_probabilities,
        image_tokens: tokens(settings.image_tokens),
        ..Model::new(name, mode)
    })
}

fn offer(row: ProviderRow, policy: &Policy) -> Result<Offer, Unusable> {
    let kind = match row.kind.as_str() {
        "openai" => ProviderKind::OpenAi,
        "systemone" => ProviderKind::SystemOne,
        "anthropic" => ProviderKind::Anthropic,
        "gemini" => ProviderKind::Gemini,
        _ => return Err(Unusable::Settings),
    };
    let settings = ProviderSettings::parse(&row.settings).map_err(|_| Unusable::Settings)?;
    let named = row.key_env.as_deref().or(row.key_file.as_deref());
    let endpoint = endpoint::check(&row.kind, &row.base_url, named, policy).map_err(|_| Unusable::Host)?;
    let key = keys::read(row.key_env.as_deref(), row.key_file.as_deref(), policy)?;
    Ok(Offer { row, kind, settings, endpoint, key })
}

/// Whether a provider was added in this database: a clone must not spend its original's money.
fn is_bound_here(row: &ProviderRow) -> bool {
    // SAFETY: a plain call, and a global of the main thread.
    let (server, database) = unsafe { (pg_sys::GetSystemIdentifier(), pg_sys::MyDatabaseId) };
    row.system_identifier == server.cast_signed() && row.database == database
}

fn refusal(any: bool, foreign: bool, none: bool, unusable: &[(String, Unusable)]) -> Option<Refusal> {
    if foreign {
        if !WARNED.replace(true) {
            error::warn_with_hint(
                "providers of another server or database are not asked here",
                "This database is a copy: run categorize.adopt_database() if it may spend money of its own.",
            );
        }
        let detail = "This database is a copy, and its providers belong to the original; categorize.adopt_database() adopts them.";
        return Some(Refusal::because(Reason::ExternalOff, detail));
    }
    if !none {
        return None;
    }
    let detail = unusable.first().filter(|_| any).map(|(name, why)| match why {
        Unusable::Host => {
            format!("Provider \"{name}\" may not be called at its host with its key: categorize.allowed_hosts.")
        }
        Unusable::Key => {
            format!("Provider \"{name}\" has no usable key: categorize.key_directory, categorize.key_environment.")
        }
        Unusable::Settings => format!("Provider \"{name}\" has settings that this version does not know."),
    });
    Some(Refusal { reason: Reason::NoProvider, detail })
}
