//! Texts that lack the vectors which a provider makes, or the gateway: what its threads are given to buy. What comes back is in `bought`.
//!
//! A round looks at all taxonomies. Of each the texts are read in portions, and handed out in packs of one tenant. What was handed
//! out is not remembered: the texts are looked at again, until a whole pass finds none that could be bought. Only then the index
//! is complete; so nothing is left out whatever becomes of a pack, and nothing is bought that is stored.
//!
//! Where many texts lack the vectors of a provider that sells them in batches, their requests are queued in the place of that
//! (`batches::vectors` sees to them); while they wait, the texts are not among those that are read.

mod queueing;

use super::books::Books;
use super::bought::Bought;
use super::plans::Plans;
use crate::pg::due;
use crate::pg::spi::{self, EmbeddingIndex};
use pg_categorize_core::cascade::Reason;
use pg_categorize_core::fingerprint::Fingerprint;
use pg_categorize_core::settings::Settings;
use pg_categorize_gateway::embeddings;
use pg_categorize_gateway::plan::{Plan, ProviderKind, Route};
use pg_categorize_gateway::store::{LackVectors, Refusal};
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

/// Texts that are read at once.
const PORTION: i64 = 5_000;

/// Texts and bytes of a pack, at most: APIs bound the tokens of a request, too, and a token has a byte.
const PACK: usize = 256;
const PACK_BYTES: usize = 200_000;

/// Texts of which it is remembered that there is no vector.
const MOST_UNUSABLE: usize = 100_000;

/// What is known of texts without vectors.
#[derive(Default)]
pub struct Shelf {
    generation: Option<u64>,
    /// The taxonomies of this round; empty between rounds.
    passes: Vec<Pass>,
    queue: VecDeque<Group>,
    /// Texts of which a model makes no vector.
    unusable: HashSet<(String, Fingerprint)>,
    /// Models of which no vector can be stored, by taxonomy.
    refused: HashSet<(i32, String)>,
}

/// How far the texts of a taxonomy have been looked at.
struct Pass {
    taxonomy: i32,
    model: String,
    since: Option<i64>,
    until: Option<i64>,
    after: Fingerprint,
    /// Whether any was handed out in this pass, and whether any could not be.
    handed_out: bool,
    held: bool,
    /// Whether so many lack theirs that they wait for a batch; asked once there is a table.
    are_many: Option<bool>,
    is_over: bool,
}

/// Texts of one tenant.
struct Group {
    taxonomy: i32,
    tenant: String,
    /// Whether they were left by a batch.
    left_by_batch: bool,
    texts: VecDeque<(Fingerprint, String)>,
}

impl Shelf {
    /// What was refused may be possible now that something has changed.
    pub fn refresh(&mut self, generation: Option<u64>) {
        if self.generation != generation {
            self.generation = generation;
            self.refused.clear();
            self.unusable.clear();
        }
    }

    /// What the last call has done is undone: the texts are looked at from the start.
    pub fn begin_anew(&mut self) {
        self.passes.clear();
        self.queue.clear();
    }

    /// The texts that are to be bought next, but for those under plans of these serials. `until` is a moment before which
    /// all is committed that was written.
    pub fn next(
        &mut self,
        without: &[u64],
        until: Option<i64>,
        bought: &Bought,
        plans: &mut Plans,
        books: &mut Books,
    ) -> Option<LackVectors> {
        if let Some(plan) = bought.waits() {
            let detail = "Vectors that are paid for could not be stored yet; the server's log says why.";
            let refusal = Some(Refusal::because(Reason::GatewayDown, detail));
            let is_new = !without.contains(&plan.serial);
            return is_new.then(|| LackVectors { plan: plan.clone(), length: None, texts: Vec::new(), refusal });
        }
        if !spi::pgvector().is_some_and(|pgvector| pgvector.has_halfvec) {
            // What is bought could not be stored.
            self.passes.clear();
            self.queue.clear();
            return None;
        }
        if self.passes.is_empty() {
            self.begin(until);
        }
        loop {
            while let Some(group) = self.queue.pop_front() {
                match self.plan(&group, without, plans) {
                    // It is tried again by itself, as what the budget itself refuses.
                    Ok(plan) if costs_money(&plan) && books.is_soft(&plan) => {
                        self.hold_back(&group, None);
                        let detail = "A budget is above its soft ratio: what is left of it is for those who wait.";
                        let refusal = Some(Refusal::because(Reason::BudgetExceeded, detail));
                        return Some(LackVectors { plan, length: None, texts: Vec::new(), refusal });
                    }
                    Ok(plan) if self.waits_for_batch(&group, &plan, plans) => {
                        self.queue_up(group, &plan);
                        // Others have their turn in between.
                        return Some(LackVectors { plan, length: None, texts: Vec::new(), refusal: None });
                    }
                    Ok(plan) => {
                        if let Some(lacking) = self.hand_out(group, plan) {
                            return Some(lacking);
                        }
                    }
                    Err(refusal) => self.hold_back(&group, refusal.as_ref()),
                }
            }
            let Some(at) = self.passes.iter().position(|pass| !pass.is_over) else {
                self.passes.clear();
                return None;
            };
            self.read_on(at);
        }
    }

    /// No vectors are bought under a plan for now.
    pub fn hold(&mut self, plan: &Arc<Plan>, refusal: &Refusal) {
        let Some((taxonomy, model)) = wanted_by(plan) else { return };
        if refusal.reason == Reason::InvalidAnswer {
            self.refused.insert((taxonomy, model.to_owned()));
        }
        self.note_held(taxonomy, model, refusal);
    }

    /// Of these there are no vectors.
    pub fn leave_out(&mut self, plan: &Plan, keys: &[Fingerprint]) {
        let Some((_, model)) = wanted_by(plan) else { return };
        if self.unusable.len() + keys.len() > MOST_UNUSABLE {
            self.unusable.clear();
        }
        self.unusable.extend(keys.iter().map(|key| (model.to_owned(), *key)));
    }

    fn begin(&mut self, until: Option<i64>) {
        for (id, name) in spi::taxonomy_ids() {
            let Some(row) = spi::fresh_taxonomy(&name).filter(|row| row.id == id) else { continue };
            let settings = Settings::from_explicit(row.settings);
            if !settings.embedding.is_of_gateway() || !settings.wants_index() {
                continue;
            }
            let model = settings.embedding.id();
            let index = current(id, &model);
            // One whose table is gone the indexer retires.
            if index.as_ref().is_some_and(EmbeddingIndex::has_lost_its_table) {
                continue;
            }
            let since = index.as_ref().and_then(|index| index.indexed_until);
            if !spi::has_written_since(id, since) {
                // It has all its vectors, and whoever was to have it answer is gone: a crash came before.
                if index.is_some_and(|index| !index.ready && index.indexed_until.is_some()) {
                    due::unindexed();
                }
                continue;
            }
            if index.is_none() {
                spi::record_embedding_index(id, &model);
            }
            // Of one that answers the new ones are counted as they come: all would be read for a few.
            if let Some(index) = current(id, &model).filter(|index| !index.ready) {
                spi::note_texts(index.id, id);
            }
            self.passes.push(Pass {
                taxonomy: id,
                model,
                since,
                until,
                after: Fingerprint([0; 32]),
                handed_out: false,
                held: false,
                are_many: None,
                is_over: false,
            });
        }
    }

    /// How the texts of a group are bought; `Err(None)` where they are not in this round.
    fn plan(&self, group: &Group, without: &[u64], plans: &mut Plans) -> Result<Arc<Plan>, Option<Refusal>> {
        let plan = plans.vectors(&group.tenant, group.taxonomy)?;
        let model = plan.embeds.as_ref().map(|embeds| embeds.model.clone()).unwrap_or_default();
        // Another embedding was chosen meanwhile, or its vectors are of no use.
        let is_other = !self.passes.iter().any(|pass| pass.taxonomy == group.taxonomy && pass.model == model);
        if is_other || without.contains(&plan.serial) || self.refused.contains(&(group.taxonomy, model)) {
            return Err(None);
        }
        Ok(plan)
    }

    /// A pack of a group. What is left of the group comes next.
    fn hand_out(&mut self, mut group: Group, plan: Arc<Plan>) -> Option<LackVectors> {
        let (taxonomy, model) = wanted_by(&plan)?;
        let route = plan.routes.first()?;
        let length = current(taxonomy, model)?.dimensions;
        let texts = pack(&mut group.texts, route);
        if let Some(pass) = self.passes.iter_mut().find(|pass| pass.taxonomy == taxonomy) {
            pass.handed_out = true;
        }
        if !group.texts.is_empty() {
            self.queue.push_front(group);
        }
        Some(LackVectors { plan: plan.clone(), length: (length > 0).then_some(length), texts, refusal: None })
    }

    fn hold_back(&mut self, group: &Group, refusal: Option<&Refusal>) {
        let Some(pass) = self.passes.iter_mut().find(|pass| pass.taxonomy == group.taxonomy) else { return };
        pass.held = true;
        let model = pass.model.clone();
        if let Some(refusal) = refusal {
            self.note_held(group.taxonomy, &model, refusal);
        }
    }

    fn note_held(&mut self, taxonomy: i32, model: &str, refusal: &Refusal) {
        if let Some(pass) = self.passes.iter_mut().find(|pass| pass.taxonomy == taxonomy) {
            pass.held = true;
        }
        if let Some(index) = current(taxonomy, model) {
            spi::hold_index(index.id, refusal.reason.as_str(), refusal.detail.as_deref());
        }
    }

    /// Reads the next texts of a taxonomy; where there are none, its pass is over, and begins anew if any was handed out.
    fn read_on(&mut self, at: usize) {
        let Self { passes, queue, unusable, .. } = self;
        let pass = &mut passes[at];
        let Some(index) = current(pass.taxonomy, &pass.model).filter(|index| !index.has_lost_its_table()) else {
            pass.is_over = true;
            return;
        };
        let texts = spi::texts_without_vectors(&index, pass.taxonomy, pass.since, &pass.after, PORTION);
        if let Some(last) = texts.last() {
            pass.after = last.fingerprint;
            let mut seen = HashSet::new();
            let mut groups: HashMap<(String, bool), VecDeque<(Fingerprint, String)>> = HashMap::new();
            for text in texts {
                let is_open = !unusable.contains(&(pass.model.clone(), text.fingerprint));
                if is_open && seen.insert(text.fingerprint) {
                    let of = (text.tenant, text.left_by_batch);
                    groups.entry(of).or_default().push_back((text.fingerprint, text.input));
                }
            }
            let taxonomy = pass.taxonomy;
            let group = |((tenant, left_by_batch), texts)| Group { taxonomy, tenant, left_by_batch, texts };
            queue.extend(groups.into_iter().map(group));
        } else if pass.handed_out {
            (pass.after, pass.handed_out, pass.held, pass.are_many) = (Fingerprint([0; 32]), false, false, None);
        } else {
            pass.is_over = true;
            if !pass.held && index.table.is_some() && !spi::has_queued_vectors(index.id) {
                // Until then all have their vectors, or never will. Where that cannot be told, it is looked at again.
                spi::note_complete(index.id, Some(pass.until.unwrap_or(0)));
                if !index.ready {
                    due::unindexed();
                }
            }
        }
    }
}

/// As many of these texts as go into one request, and of each as much as is sent.
fn pack(from: &mut VecDeque<(Fingerprint, String)>, route: &Route) -> Vec<(Fingerprint, String)> {
    let (most, longest) = (embeddings::pack_limit(route).min(PACK), embeddings::longest(route));
    let (mut texts, mut bytes) = (Vec::new(), 0);
    while let Some((key, text)) = from.pop_front() {
        let text = embeddings::beginning(route, &text).to_owned();
        bytes += text.len();
        texts.push((key, text));
        let next = from.front().map_or(0, |(_, next)| next.len().min(longest));
        if texts.len() >= most || bytes + next > PACK_BYTES {
            break;
        }
    }
    texts
}

/// The taxonomy and the embedding model of a plan by which vectors are bought, or beside whose answers they are stored.
pub fn wanted_by(plan: &Plan) -> Option<(i32, &str)> {
    let vectors = plan.vectors.as_deref().unwrap_or(plan);
    Some((vectors.taxonomy?, vectors.embeds.as_ref()?.model.as_str()))
}

/// Whether vectors are bought under a plan, not made.
fn costs_money(plan: &Plan) -> bool {
    plan.routes.iter().any(|route| route.provider.kind != ProviderKind::Transformer)
}

/// The index of a model: the one that answers, else the one that is being built.
pub fn current(taxonomy: i32, model: &str) -> Option<EmbeddingIndex> {
    spi::fresh_embedding_indexes(taxonomy, Some(model)).into_iter().next()
}
