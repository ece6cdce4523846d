//! What a language model would probably take for an input, by its price and by what is written to it.

use crate::pg::offered::Offered;
use crate::pg::scope::{Labels, Scope};
use crate::pg::spi::{self, ModelRow, PriceOfModel};
use crate::pg::{guc, world};
use pg_categorize_core::candidates::{LONGEST, is_worth_it};
use pg_categorize_core::choices::{Choice, Choices, Form};
use pg_categorize_core::endpoint::{self, Policy};
use pg_categorize_core::estimate::Shape;
use pg_categorize_core::model_choice::ModelChoice;
use pg_categorize_core::model_settings::ModelSettings;
use pg_categorize_core::price::Price;
use pg_categorize_core::provider_settings::ProviderSettings;
use serde_json::Value;
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

/// Ids below this are of rows that we ship.
const FIRST_OF_USERS: i64 = 1000;

/// Inputs that must have been answered before what they cost is worth more than what is computed.
const MANY: i64 = 20;

/// Bytes around what a request says, and those around an input, its answer and the whole of the answers.
const REQUEST: u64 = 320;
const INPUT: u64 = 24;
const ANSWER: u64 = 48;
const FRAME: u64 = 32;

/// Tokens of a rationale: as are usual, and as are reserved.
const RATIONALE: [u64; 2] = [30, 200];

/// How much longer the second list is than the first, which is asked with where the first one has nothing that fits.
const WIDER: usize = 4;

/// What an input costs, in nano-dollars.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PerInput {
    /// Usually.
    pub usual: f64,
    /// At most, unless a request fails.
    pub worst: f64,
}

/// A model that can be asked.
struct Asked {
    name: String,
    settings: ModelSettings,
    price: Price,
}

/// What an input of so many bytes costs that is asked about in this scope; `None` where no model with a price can be asked.
/// `is_ahead`: it has company in its request.
pub fn per_input(scope: &Scope, bytes: f64, is_ahead: bool) -> Option<PerInput> {
    let models = world::as_owner(|| models(scope, |price| Some(price.live)));
    of_models(scope, bytes, is_ahead, &models).map(|(costs, _)| costs)
}

/// The same of an input that waits for a batch; `None` where no model has a price for batches, or where inputs of this scope go in
/// none since they are asked about list by list. A strong model that is asked after the cheap one is asked live.
pub fn per_input_in_batches(scope: &Scope, bytes: f64) -> Option<PerInput> {
    let (live, batch) =
        world::as_owner(|| (models(scope, |price| Some(price.live)), models(scope, |price| price.batch)));
    let ([live_cheap, strong], [cheap, _]) = (live, batch);
    if cheap.iter().any(|asked| is_listed(scope, &asked.settings)) {
        return None;
    }
    let (_, live_computed) = of_models(scope, bytes, true, &[live_cheap, Vec::new()])?;
    let (costs, computed) = of_models(scope, bytes, true, &[cheap, strong])?;
    // What answers have cost is mostly known of live ones.
    let usual = if costs.usual == computed { computed } else { costs.usual * computed / live_computed.max(1.0) };
    Some(PerInput { usual, worst: costs.worst.max(usual) })
}

/// What an input costs with these models, cheap and strong, and what the cheapest would usually cost by its price alone.
fn of_models(scope: &Scope, bytes: f64, is_ahead: bool, [cheap, strong]: &[Vec<Asked>; 2]) -> Option<(PerInput, f64)> {
    if cheap.is_empty() {
        return None;
    }
    let number = |name: &str| scope.settings.explicit().get(name).and_then(Value::as_u64);
    let pack = if is_ahead { number("pack_size").unwrap_or(10).max(1) } else { 1 };
    let bytes = bytes.max(1.0) as u64;
    let cost = |asked: &Asked, pack: u64, of: &dyn Fn(&Shape, &Price, u64) -> f64, step: usize| {
        let pack = if asked.settings.mode == "text" { 1 } else { pack };
        of(&shape(scope, &asked.settings, bytes, step), &asked.price, pack)
    };
    let usual = |asked: &Asked| cost(asked, pack, &Shape::usual_cost, 0);
    // Half full, as packs are where few inputs come at a time; both lists, where there are lists.
    let worst = |asked: &Asked| {
        let half = (pack / 2).max(1);
        let wide = if is_listed(scope, &asked.settings) { cost(asked, half, &Shape::worst_cost, 1) } else { 0.0 };
        cost(asked, half, &Shape::worst_cost, 0) + wide
    };
    let most = |asked: &[Asked]| asked.iter().map(worst).fold(0.0, f64::max);
    let computed = cheap.iter().map(usual).fold(f64::INFINITY, f64::min);
    let names = |asked: &[Asked]| asked.iter().map(|asked| asked.name.clone()).collect::<Vec<_>>();
    let all = [names(cheap), names(strong)].concat();
    let taxonomy = scope.taxonomy().map(|taxonomy| taxonomy.id);
    let (spent, inputs) = world::as_owner(|| spi::newest_costs(&scope.tenant, taxonomy, &names(cheap), &all));
    let usual = if inputs >= MANY { spent as f64 / inputs as f64 } else { computed };
    Some((PerInput { usual, worst: (most(cheap) + most(strong)).max(usual) }, computed))
}

/// The models that may be asked and have a price of this kind: the cheap ones, and the strong ones that decide where these are not sure.
fn models(scope: &Scope, kind: impl Fn(&PriceOfModel) -> Option<Price>) -> [Vec<Asked>; 2] {
    let policy = Policy::new(&guc::allowed_hosts(), &guc::key_environment());
    let rows: HashMap<String, ModelRow> = spi::model_rows().into_iter().map(|row| (row.name.clone(), row)).collect();
    let prices: HashMap<String, (i64, Price)> = spi::price_rows()
        .into_iter()
        .filter_map(|price| kind(&price).map(|rates| (price.model, (price.id, rates))))
        .collect();
    let explicit = scope.settings.explicit();
    let wished = |grade: &str| explicit.get("models").and_then(|models| models.get(grade)?.as_str());
    let upgrades = explicit.get("upgrade").and_then(Value::as_str) != Some("never");
    let mut found = [Vec::new(), Vec::new()];
    for provider in spi::provider_rows() {
        let named = provider.key_env.as_deref().or(provider.key_file.as_deref());
        let (Ok(settings), Ok(endpoint)) = (
            ProviderSettings::parse(&provider.settings),
            endpoint::check(&provider.kind, &provider.base_url, named, &policy),
        ) else {
            continue;
        };
        let is_of_kind = |name: &&str| rows.get(*name).is_none_or(|row| row.kind == provider.kind);
        let choice = ModelChoice {
            kind: &provider.kind,
            settings: &settings,
            official: endpoint.of_kind,
            cheap: wished("cheap").filter(is_of_kind),
            strong: wished("strong").filter(is_of_kind),
        };
        for (at, name) in [Some(choice.cheap()), choice.strong().filter(|_| upgrades)].into_iter().enumerate() {
            let Some(name) = name else { continue };
            // The prices that we ship are those of the official hosts.
            let price = prices.get(name).filter(|(id, _)| endpoint.official || *id >= FIRST_OF_USERS);
            let settings =
                rows.get(name).map_or_else(|| ModelSettings::of_kind(&provider.kind), |row| row.settings.clone());
            if let Some((_, price)) = price {
                found[at].push(Asked { name: name.to_owned(), settings, price: *price });
            }
        }
    }
    found
}

/// Sizes of what is offered: whole, in a short list, in a long one.
struct Sizes {
    /// Whether it is offered in lists, to models that write and to those that decide.
    is_listed: [bool; 2],
    whole: Arc<Choices>,
    lists: [Arc<Choices>; 2],
    /// Bytes of a usual label.
    label: u64,
}

/// What tells whether sizes are still those of a scope.
#[derive(PartialEq)]
struct SizesOf(Option<(i32, i32)>, Vec<String>, u64, u64);

thread_local! {
    static LAST: RefCell<Option<(SizesOf, Rc<Sizes>)>> = const { RefCell::new(None) };
}

fn sizes(scope: &Scope) -> Rc<Sizes> {
    let number = |name: &str, usual| scope.settings.explicit().get(name).and_then(Value::as_u64).unwrap_or(usual);
    let (short, pack) = (number("candidates", 20).max(1), number("pack_size", 10).max(1));
    let of = match &scope.labels {
        Labels::Taxonomy(taxonomy, _) => SizesOf(Some((taxonomy.id, taxonomy.version)), Vec::new(), short, pack),
        Labels::AdHoc(labels) => SizesOf(None, labels.to_vec(), short, pack),
    };
    if let Some(known) = LAST.with_borrow(|last| last.as_ref().filter(|last| last.0 == of).map(|last| last.1.clone())) {
        return known;
    }
    let offered = match &scope.labels {
        Labels::Taxonomy(taxonomy, _) => Offered::of_taxonomy(taxonomy),
        Labels::AdHoc(labels) => Offered::of_labels(labels),
    };
    let list = offered.choices.list();
    let bytes: usize = list.iter().map(|choice| choice.label.len()).sum();
    let is_listed = [false, true].map(|decides| is_worth_it(&offered.choices, short as usize, pack as usize, decides));
    let part = |most: usize| {
        // Evenly from all: of the usual length.
        let taken = list.len().min(most);
        let part: Vec<Choice> = (0..taken).map(|at| list[at * list.len() / taken].clone()).collect();
        Arc::new(Choices::listed(part, Vec::new(), Form::Candidates, offered.choices.clone()))
    };
    let most = (short as usize).min(LONGEST);
    let made = Rc::new(Sizes {
        is_listed,
        whole: offered.choices.clone(),
        lists: [part(most), part((most * WIDER).min(LONGEST))],
        label: (bytes / list.len().max(1)) as u64,
    });
    LAST.set(Some((of, made.clone())));
    made
}

fn is_listed(scope: &Scope, model: &ModelSettings) -> bool {
    sizes(scope).is_listed[usize::from(model.mode == "decision")]
}

/// What a request to a model is made of; `step` is 0 for the short list and 1 for the long one, where there are lists.
fn shape(scope: &Scope, model: &ModelSettings, bytes: u64, step: usize) -> Shape {
    let sizes = sizes(scope);
    let choices = if is_listed(scope, model) { &sizes.lists[step] } else { &sizes.whole };
    let prompt = choices.prompt();
    let length = |text: &str| text.len() as u64;
    let list = prompt.list.as_deref().map_or(0, length);
    let (longest, thoughts) = (prompt.longest as u64, u64::try_from(model.thinking_tokens).unwrap_or(0));
    let rationale = scope.settings.explicit().get("rationale").and_then(Value::as_str) == Some("always");
    let rationale = if rationale { RATIONALE } else { [0, 0] };
    match model.mode.as_str() {
        "decision" => Shape {
            constant: length(&prompt.decision.json) + REQUEST,
            own: length(&prompt.options).max(length(&prompt.criteria)) + bytes + INPUT,
            written: 0,
            most_written: 16,
            most_besides: thoughts,
        },
        "text" => Shape {
            constant: length(&prompt.label.json) + REQUEST,
            own: list + bytes + INPUT,
            written: sizes.label,
            most_written: longest + ANSWER,
            most_besides: FRAME + thoughts,
        },
        _ => Shape {
            constant: length(&prompt.items.json) + length(&prompt.schema) + REQUEST,
            own: list + bytes + INPUT,
            written: sizes.label + ANSWER + 4 * rationale[0],
            most_written: longest + ANSWER + rationale[1],
            most_besides: FRAME + thoughts,
        },
    }
}
