//! Texts whose vectors are bought in batches: which wait for one, and the requests that are queued for them. What comes back is stored by
//! `batches::vectors`.

use super::{Group, Plans, Shelf, current, pack, wanted_by};
use crate::pg::spi::{self, NewRequestJob};
use crate::pg::{guc, queue};
use pg_categorize_core::cascade::Reason;
use pg_categorize_core::fingerprint::Fingerprint;
use pg_categorize_core::frame::Asker;
use pg_categorize_core::raw_request::{self, Endpoint, RawRequest};
use pg_categorize_gateway::embeddings;
use pg_categorize_gateway::plan::{Plan, RawWork, Route};
use pgrx::pg_sys;

/// What the queue calls this kind of work, and how much it matters there: nobody waits for it.
const JOB_TYPE: &str = "embedding";
const PRIORITY: i16 = 1;

/// Why an index has not all of its vectors that are queued.
const QUEUED: &str = "Texts wait for a batch; categorize.submit_batches() sends it at once.";

impl Shelf {
    /// Whether the texts of a group go in a batch: their model has a price there, and they are as many as the taxonomy says. The first
    /// vector of a model is bought live, which tells how long they are.
    pub(super) fn waits_for_batch(&mut self, group: &Group, plan: &Plan, plans: &mut Plans) -> bool {
        let Some(((taxonomy, model), route)) = wanted_by(plan).zip(plan.routes.first()) else { return false };
        if group.left_by_batch || !embeddings::has_batches(route.provider.kind) {
            return false;
        }
        let Some(pass) = self.passes.iter_mut().find(|pass| pass.taxonomy == taxonomy) else { return false };
        let Some(index) = current(taxonomy, model).filter(|index| index.table.is_some()) else { return false };
        let are_many = *pass.are_many.get_or_insert_with(|| {
            let minimum = plans.taxonomy(taxonomy).and_then(|taxonomy| taxonomy.settings.batch_vectors());
            minimum.is_some_and(|minimum| {
                let minimum = i64::try_from(minimum.max(guc::batch_minimum())).unwrap_or(i64::MAX);
                spi::lack_vectors(index.id, taxonomy, pass.since, minimum)
            })
        });
        are_many && plans.raw_route(route.provider.id, &route.model.name, work()).is_some()
    }

    /// Queues the requests for the vectors of a group.
    pub(super) fn queue_up(&mut self, mut group: Group, plan: &Plan) {
        let Some(((taxonomy, model), route)) = wanted_by(plan).zip(plan.routes.first()) else { return };
        let Some(index) = current(taxonomy, model) else { return };
        // When they have ended it is looked again whether any are left.
        if let Some(pass) = self.passes.iter_mut().find(|pass| pass.taxonomy == taxonomy) {
            pass.handed_out = true;
        }
        let dimensions = plan.embeds.as_ref().and_then(|embeds| embeds.dimensions);
        // Providers refuse what is blank, and all that is with it.
        let blank: Vec<Fingerprint> =
            group.texts.iter().filter(|(_, text)| text.trim().is_empty()).map(|(key, _)| *key).collect();
        group.texts.retain(|(_, text)| !text.trim().is_empty());
        self.leave_out(plan, &blank);
        let asker = Asker { application: embeddings::APPLICATION.to_owned(), ..Asker::default() };
        while !group.texts.is_empty() {
            let texts = pack(&mut group.texts, route);
            let Some(request) = request(route, &texts, dimensions) else {
                let tenant = group.tenant.clone();
                self.queue.push_back(Group { taxonomy, tenant, left_by_batch: true, texts: texts.into() });
                continue;
            };
            let job = spi::insert_request(&NewRequestJob {
                job_type: JOB_TYPE,
                tenant: &group.tenant,
                priority: PRIORITY,
                provider: route.provider.id,
                request: &request,
                taxonomy: Some(taxonomy),
                role: pg_sys::InvalidOid,
                asker: &asker,
            });
            let keys: Vec<Fingerprint> = texts.iter().map(|(key, _)| *key).collect();
            spi::queue_vectors(index.id, job, &keys);
        }
        spi::hold_index(index.id, Reason::Queued.as_str(), Some(QUEUED));
        queue::touch();
    }
}

/// What requests of batches for vectors are.
fn work() -> RawWork {
    RawWork { job_type: JOB_TYPE.to_owned(), endpoint: Endpoint::Embeddings }
}

/// The request for the vectors of these texts, as a live call would send it; `None` where none can be made.
fn request(route: &Route, texts: &[(Fingerprint, String)], dimensions: Option<usize>) -> Option<RawRequest> {
    let texts: Vec<&str> = texts.iter().map(|(_, text)| text.as_str()).collect();
    let prepared = embeddings::prepare(route, &texts, dimensions).ok()?;
    let body = serde_json::from_str(prepared.body()).ok()?;
    raw_request::read(route.provider.kind.name(), &body, None).ok()
}
