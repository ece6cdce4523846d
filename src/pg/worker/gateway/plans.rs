//! How inputs of one tenant in one set of labels are asked about. Plans are made once, and dropped when anything changes that
//! they were made of.

use super::observed::Observed;
use super::offers::{Offers, Rationale, Wishes};
use super::transformer;
use crate::pg::guard;
use crate::pg::offered::Offered;
use crate::pg::spi::{self, NewAgreement, OpenBatch};
use pg_categorize_core::candidates::is_worth_it;
use pg_categorize_core::cascade::Reason;
use pg_categorize_core::choices::Choices;
use pg_categorize_core::complexity::Complexity;
use pg_categorize_core::embedding_model::EmbeddingModel;
use pg_categorize_core::flow::order::Order;
use pg_categorize_core::frame::Target;
use pg_categorize_core::settings::{self, Settings};
use pg_categorize_core::taxonomy::Taxonomy;
use pg_categorize_gateway::plan::{AnswerMode, Embeds, Plan, RawWork, Route, Straight};
use pg_categorize_gateway::store::{Closing, Refusal};
use serde_json::Value;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// Plans that are kept.
const KEPT: usize = 256;

/// What a plan is for.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Subject {
    Taxonomy(i32),
    Labels(Vec<String>),
    /// The vectors of a taxonomy's texts.
    Vectors(i32),
}

/// What is read of taxonomies and providers.
#[derive(Default)]
pub struct Plans {
    generation: Option<u64>,
    serial: u64,
    offers: Option<Rc<Offers>>,
    taxonomies: HashMap<i32, Option<Rc<Taxonomy>>>,
    /// What may be chosen of taxonomies, and the index of those that are offered in lists.
    offered: HashMap<i32, Rc<Offered>>,
    plans: HashMap<(String, Subject), Arc<Plan>>,
    /// Those that were dropped last. One that is made again and says the same goes on, and what waits under it.
    former: HashMap<(String, Subject), Arc<Plan>>,
    changed: bool,
    observed: Observed,
}

impl Plans {
    /// Drops what has changed since it was read. Called at the beginning of each transaction, with the generation that was
    /// known then: what is heard of later may be newer than what the transaction sees.
    pub fn refresh(&mut self, generation: Option<u64>) {
        let is_over = self.offers.as_ref().is_some_and(|offers| guard::clock() >= offers.valid_until);
        if self.generation != generation || is_over {
            self.forget();
            self.generation = generation;
        }
        if self.observed.has_changed() {
            self.set_aside();
        }
    }

    /// Strong models have said something of the answers of cheap ones. Once that is worth it, the plans of the tenant are made
    /// anew.
    pub fn hear(&mut self, tenant: &str, agreements: &[NewAgreement]) {
        if self.observed.hear(tenant, agreements) {
            self.set_aside_if(|of| of == tenant);
        }
    }

    /// Plans are made anew; what they were made of is still as it was, but for what is known of answers.
    fn set_aside(&mut self) {
        self.observed.forget();
        self.set_aside_if(|_| true);
    }

    fn set_aside_if(&mut self, of_tenant: impl Fn(&str) -> bool) {
        if self.former.len() >= KEPT {
            self.former.clear();
        }
        self.former.extend(self.plans.extract_if(|(tenant, _), _| of_tenant(tenant)));
    }

    /// Drops everything.
    pub fn forget(&mut self) {
        self.changed = true;
        self.offers = None;
        self.taxonomies.clear();
        self.offered.clear();
        self.set_aside();
    }

    /// Whether anything was dropped since this was asked.
    pub fn take_changed(&mut self) -> bool {
        std::mem::take(&mut self.changed)
    }

    /// A taxonomy as it is committed; `None` where it is not, or was dropped.
    pub fn taxonomy(&mut self, id: i32) -> Option<Rc<Taxonomy>> {
        self.taxonomies.entry(id).or_insert_with(|| load(id)).clone()
    }

    /// How inputs are asked about.
    ///
    /// # Errors
    /// Why they are not.
    pub fn plan(&mut self, tenant: &str, target: &Target) -> Result<Arc<Plan>, Refusal> {
        let subject = match target {
            Target::Taxonomy { id, version } => {
                // A version that is newer than ours: its message is still on its way, or it is not committed.
                if self.taxonomy(*id).is_none_or(|known| known.version < *version) {
                    self.taxonomies.remove(id);
                    self.offered.remove(id);
                    let of_it = [Subject::Taxonomy(*id), Subject::Vectors(*id)];
                    self.plans.retain(|(_, subject), _| !of_it.contains(subject));
                }
                match self.taxonomy(*id) {
                    Some(known) if known.version >= *version => Subject::Taxonomy(*id),
                    _ => return Err(Refusal::new(Reason::Uncommitted)),
                }
            }
            Target::Labels(labels) => Subject::Labels(labels.clone()),
        };
        self.planned((tenant.to_owned(), subject))
    }

    /// How vectors of a tenant's texts in a taxonomy are bought.
    ///
    /// # Errors
    /// Why they are not.
    pub fn vectors(&mut self, tenant: &str, taxonomy: i32) -> Result<Arc<Plan>, Refusal> {
        self.planned((tenant.to_owned(), Subject::Vectors(taxonomy)))
    }

    fn planned(&mut self, key: (String, Subject)) -> Result<Arc<Plan>, Refusal> {
        if let Some(plan) = self.plans.get(&key) {
            return Ok(plan.clone());
        }
        let made = match &key.1 {
            Subject::Vectors(taxonomy) => self.make_for_vectors(&key.0, *taxonomy),
            subject => self.make(&key.0, subject),
        };
        let (former, plan) = (self.former.remove(&key), made?);
        let plan = match former {
            Some(former) if former.is_like(&plan) => former,
            _ => {
                self.serial += 1;
                Arc::new(Plan { serial: self.serial, ..plan })
            }
        };
        if self.plans.len() >= KEPT {
            self.set_aside();
        }
        self.plans.insert(key, plan.clone());
        Ok(plan)
    }

    /// The same model at the same provider at the price of batches; `None` where nobody said it.
    pub fn batch_route(&mut self, route: &Route) -> Option<Arc<Route>> {
        self.offers().batch_route(route).map(Arc::new)
    }

    /// Whom requests go to that users have written; `None` where nobody said what that costs in batches, or the provider cannot be asked
    /// now.
    pub fn raw_route(&mut self, provider: i32, model: &str, work: RawWork) -> Option<Arc<Route>> {
        self.offers().raw_route(provider, model, work).map(Arc::new)
    }

    /// Whom a batch went to, at the price that it was made at; `None` where its provider cannot be asked now.
    pub fn route_of_batch(&mut self, batch: &OpenBatch) -> Option<Arc<Route>> {
        let price = spi::price_row(batch.price)?;
        let (provider, model) = (batch.record.provider, batch.model.as_str());
        let route = match batch.raw.clone() {
            Some((job_type, endpoint)) => {
                self.offers().raw_route_of_batch(provider, model, RawWork { job_type, endpoint }, &price)
            }
            None => self.offers().route_of_batch(provider, model, batch.rationale, &price),
        };
        route.map(Arc::new)
    }

    fn offers(&mut self) -> Rc<Offers> {
        self.offers.get_or_insert_with(|| Rc::new(Offers::load())).clone()
    }

    /// Whether a plan still says how its inputs are to be asked about.
    pub fn holds(&mut self, plan: &Plan) -> bool {
        let is_still = |now: Arc<Plan>| now.serial == plan.serial || now.is_like(plan);
        if let (Some(_), Some(taxonomy)) = (&plan.embeds, plan.taxonomy) {
            return self.vectors(&plan.tenant, taxonomy).is_ok_and(is_still);
        }
        let target = match plan.taxonomy {
            Some(id) => Target::Taxonomy { id, version: plan.taxonomy_version },
            None => Target::Labels(plan.choices.list().iter().map(|choice| choice.label.clone()).collect()),
        };
        self.plan(&plan.tenant, &target).is_ok_and(is_still)
    }

    /// Whether what a request brings of vectors may be kept: those of questions lie beside texts that are stored.
    pub fn keeps_vectors(&mut self, closing: &Closing) -> bool {
        let taxonomy = |plans: &mut Self| plans.taxonomy(closing.plan.taxonomy?);
        closing.plan.embeds.is_some() || taxonomy(self).is_some_and(|taxonomy| taxonomy.settings.store_input)
    }

    fn make_for_vectors(&mut self, tenant: &str, id: i32) -> Result<Plan, Refusal> {
        let taxonomy = self.taxonomy(id).ok_or_else(|| Refusal::new(Reason::NoTaxonomy))?;
        let settings = &taxonomy.settings;
        if !settings.allow_external {
            return Err(Refusal::because(Reason::ExternalOff, "The taxonomy's setting allow_external is false."));
        }
        let (route, dimensions) = match &settings.embedding {
            EmbeddingModel::Provider(model) => {
                let offers = self.offers.get_or_insert_with(|| Rc::new(Offers::load()));
                (offers.embedding_route(model)?, model.dimensions)
            }
            EmbeddingModel::Transformer(name) => (transformer::route(name)?, None),
            EmbeddingModel::Static | EmbeddingModel::Trigrams => return Err(Refusal::new(Reason::NoProvider)),
        };
        let embeds = Embeds { model: settings.embedding.id(), dimensions };
        Ok(Plan {
            tenant: tenant.to_owned(),
            taxonomy: Some(id),
            taxonomy_version: taxonomy.version,
            embeds: Some(embeds),
            ..Plan::new(Choices::new(Vec::new()), vec![Arc::new(route)])
        })
    }

    fn make(&mut self, tenant: &str, subject: &Subject) -> Result<Plan, Refusal> {
        let taxonomy = match subject {
            Subject::Taxonomy(id) => self.taxonomy(*id),
            Subject::Labels(_) | Subject::Vectors(_) => None,
        };
        let defaults = Settings::default();
        let settings = taxonomy.as_ref().map_or(&defaults, |taxonomy| &taxonomy.settings);
        if !settings.allow_external {
            return Err(Refusal::because(Reason::ExternalOff, "The taxonomy's setting allow_external is false."));
        }
        let set: HashMap<&str, Value> = settings.rows().into_iter().map(|row| (row.name, row.value)).collect();
        let number = |name: &str| set.get(name).and_then(Value::as_u64).unwrap_or(1);
        let model = |grade: &str| set.get("models").and_then(|models| models.get(grade)).and_then(Value::as_str);
        let word = |name: &str| set.get(name).and_then(Value::as_str).unwrap_or_default();
        let observations = self.observed.of(tenant);
        let wishes = Wishes {
            cheap: model("cheap"),
            strong: model("strong"),
            upgrades: word("upgrade") != "never",
            rationale: match word("rationale") {
                "always" => Rationale::Always,
                "strong" => Rationale::Strong,
                _ => Rationale::Never,
            },
            observations: Some(&observations),
        };
        let [routes, strong] = self.offers.get_or_insert_with(|| Rc::new(Offers::load())).routes(&wishes)?;
        let offered = match (subject, &taxonomy) {
            (Subject::Taxonomy(id), Some(taxonomy)) => {
                self.offered.entry(*id).or_insert_with(|| Rc::new(Offered::of_taxonomy(taxonomy))).clone()
            }
            (Subject::Labels(labels), _) => Rc::new(Offered::of_labels(labels)),
            (Subject::Taxonomy(_), None) | (Subject::Vectors(_), _) => Rc::new(Offered::of_labels(&[])),
        };
        let vectors = match subject {
            Subject::Taxonomy(id) if settings.compares_first() => {
                self.vectors(tenant, *id).ok().filter(|plan| plan.routes.iter().all(|route| route.price.is_some()))
            }
            _ => None,
        };
        let choices = offered.choices.clone();
        let (short, pack_size) = (number("candidates").max(1) as usize, number("pack_size").max(1) as usize);
        let decides = routes.iter().chain(&strong).any(|route| route.model.mode == AnswerMode::Decision);
        let listed = is_worth_it(&choices, short, pack_size, decides);
        let candidates = listed.then(|| offered.candidates(short));
        let straight =
            settings.straight_above().map(|above| Straight { complexity: Complexity::of_choices(&choices), above });
        Ok(Plan {
            serial: 0,
            tenant: tenant.to_owned(),
            taxonomy: taxonomy.as_ref().map(|taxonomy| taxonomy.id),
            taxonomy_version: taxonomy.as_ref().map_or(0, |taxonomy| taxonomy.version),
            choices,
            candidates,
            straight,
            routes,
            strong,
            upgrade_below: set.get("upgrade_threshold").and_then(Value::as_f64).unwrap_or(0.8) as f32,
            upgrade_above_soft: word("upgrade") == "always",
            order: Order::parse(word("provider_order")).unwrap_or(Order::Priority),
            pack_size,
            pack_wait: Duration::from_millis(number("pack_wait_ms")),
            in_flight: number("in_flight").max(1) as usize,
            near_duplicates: set.get("near_duplicates").and_then(Value::as_bool).unwrap_or(false),
            // Half as sure as would have been enough: of these the free tiers know next to nothing.
            soft_confidence: settings.local_model_threshold / 2.0,
            embeds: None,
            vectors,
            raw: None,
        })
    }
}

/// Seconds for which paid answers of a taxonomy count; `None` for ever.
pub fn cache_ttl(settings: &Settings) -> Option<f64> {
    settings.rows().into_iter().find(|row| row.name == "cache_ttl").and_then(|row| settings::seconds(&row.value))
}

fn load(id: i32) -> Option<Rc<Taxonomy>> {
    let (name, row) = spi::taxonomy_by_id(id)?;
    let settings = Settings::from_explicit(row.settings);
    Some(Rc::new(Taxonomy::new(id, name, row.version, settings, spi::categories(id))))
}
