//! What the calls of a node ask, but for their inputs: the inputs of the rows at hand, and what was found of them.

use super::explain::Work;
use super::function::Form;
use crate::pg::ahead::{Ahead, Shelf, Target};
use crate::pg::call_site::{self, Into};
use crate::pg::freshness::Horizon;
use crate::pg::guc;
use crate::pg::resolver::{self, Resolver};
use crate::pg::shared_answers::SharedAnswers;
use crate::pg::tier::{Buyer, Order};
use crate::pg::world::{self, World};
use pg_categorize_core::frame;
use pg_categorize_core::window::Window;
use pgrx::pg_sys;
use pgrx::prelude::*;
use std::collections::{HashMap, VecDeque};
use std::rc::Rc;
use std::time::Instant;

/// One taxonomy, or one set of labels, that calls of the node ask into.
pub struct Question {
    target: Target,
    /// What the processes of a parallel plan can read together.
    shared: Option<Rc<SharedAnswers>>,
    view: Option<View>,
    work: Work,
}

/// What belongs to one view of the database.
struct View {
    shelf: Rc<Shelf>,
    /// Who answers, once there is an input; nobody where no taxonomy is named and there is no default.
    answerers: Option<Option<Answerers>>,
    /// The inputs of the rows that are being read, and which of them are sure to be asked for.
    window: Window<Ahead>,
    certain: Vec<bool>,
    /// What was sent for the rows at hand: a batch for each window on the shelf.
    batches: VecDeque<Batch>,
    /// Inputs of these that were not taken in yet.
    under_way: usize,
    /// Whether more than a quarter of the inputs of the window before were sent.
    buys_many: bool,
}

struct Answerers {
    world: Rc<World>,
    resolver: Resolver,
    buyer: Option<Buyer>,
}

/// What the questions of a node have sent together.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sent {
    /// Inputs so far.
    inputs: u64,
    /// Those that were not taken in yet.
    under_way: usize,
}

/// What was sent for the inputs of one window.
#[derive(Default)]
struct Batch {
    order: Option<Order>,
    /// Places in the order by the number of the input, of those that were not taken in yet.
    due: HashMap<usize, usize>,
}

impl Question {
    /// What a call of this form with this second argument asks; `None` where it asks nothing that could be known ahead.
    ///
    /// # Safety
    /// The datum is of the type that the form takes.
    pub unsafe fn new(
        form: Form,
        into: pg_sys::Datum,
        is_null: bool,
        shared: Option<Rc<SharedAnswers>>,
    ) -> Option<Self> {
        // SAFETY: promised by the caller; the values are copied.
        let target = unsafe {
            match form {
                Form::Taxonomy | Form::Cached => {
                    let name = String::from_datum(into, is_null);
                    Target::new(&Into::Taxonomy(name.as_deref()), form == Form::Cached)
                }
                Form::Labels => {
                    let labels = Vec::<Option<String>>::from_datum(into, is_null)?;
                    Target::new(&Into::Labels(Some(labels)), false)
                }
            }
        };
        Some(Self { target, shared, view: None, work: Work::default() })
    }

    /// Whether both ask the same.
    pub fn is(&self, other: &Self) -> bool {
        self.target == other.target
    }

    /// Prepares for rows that are read under this view, which differs from that of rows at hand only where there are none.
    pub fn look(&mut self, horizon: Horizon) {
        let generation = guc::generation();
        if !self.view.as_ref().is_some_and(|view| view.shelf.is_of(horizon, generation)) {
            let shelf = Shelf::new(horizon, generation, self.target.clone());
            let (window, batches) = (shelf.window(), VecDeque::new());
            self.view = Some(View {
                shelf,
                answerers: None,
                window,
                certain: Vec::new(),
                batches,
                under_way: 0,
                buys_many: false,
            });
        }
    }

    /// What was done so far.
    pub fn work(&self) -> &Work {
        &self.work
    }

    /// Whether many of its inputs are bought, as far as that is known.
    pub fn buys_many(&self) -> bool {
        self.view.as_ref().is_some_and(|view| view.buys_many)
    }

    /// Whether the rows at hand were read under this view and the present settings.
    pub fn is_of(&self, horizon: Horizon) -> bool {
        self.view.as_ref().is_some_and(|view| view.shelf.is_of(horizon, guc::generation()))
    }

    /// Whether a call has asked this in the present view.
    pub fn is_asked(&self) -> bool {
        self.view.as_ref().is_some_and(|view| view.shelf.is_asked())
    }

    /// Notes an input of a row that was read; its number among those of the rows that are being read. `is_certain`: a call is
    /// sure to ask for it.
    ///
    /// # Errors
    /// 22023 for an unknown taxonomy or labels that are none, as the call itself would.
    pub fn note(&mut self, input: &[u8], is_certain: bool) -> Option<usize> {
        let view = self.view.as_mut()?;
        let answerers = view.answerers.get_or_insert_with(|| Answerers::new(&self.target, self.shared.as_ref()));
        let Answerers { world, resolver, .. } = answerers.as_ref()?;
        if world.memo.borrow().contains(resolver.scope().serial, input) || std::str::from_utf8(input).is_err() {
            return None;
        }
        let number = view.window.add(input);
        if number == view.certain.len() {
            view.certain.push(is_certain);
        }
        view.certain[number] |= is_certain;
        Some(number)
    }

    /// Has the inputs that were noted resolved together, shows what was found, and sends what is to be bought. `rest`: the rows that
    /// are still to come by those that were read now; `sent`: by all questions.
    ///
    /// # Errors
    /// As the calls themselves; 57014 from cancel.
    pub fn resolve(&mut self, rest: f64, sent: Sent) {
        let Some(view) = &mut self.view else { return };
        let mut batch = Batch::default();
        if let (Some(Some(answerers)), false) = (&mut view.answerers, view.window.is_empty()) {
            let (keys, values) = view.window.keys_and_values();
            let inputs: Vec<&str> = keys.map(|key| std::str::from_utf8(key).unwrap_or_default()).collect();
            let mut due = Vec::new();
            let mut number = 0;
            // Where it is the first window of this question, others may have sent something all the same.
            let so_far = if self.work.inputs > 0 { self.work.inputs } else { inputs.len() as u64 };
            let rest = ((inputs.len() as f64 * rest) as usize).min(until_busy(so_far, sent));
            let (work, certain) = (&mut self.work, &view.certain);
            answerers.resolver.look_ahead(&inputs, rest, |outcome, open| {
                values[number] = Some(match open {
                    Some((key, shared_key)) => {
                        if certain[number] {
                            batch.due.insert(number, due.len());
                            let best_confidence = outcome.alternatives.first().map_or(0.0, |guess| guess.confidence);
                            let text = inputs[number].to_owned();
                            let guesses = outcome.alternatives.iter().take(frame::HINTS);
                            let hints = guesses.map(|guess| guess.category).collect();
                            let (image, audited) = (None, None);
                            due.push(frame::Input { key, shared_key, text, image, best_confidence, hints, audited });
                        }
                        Ahead::Open(Box::new(outcome))
                    }
                    None => {
                        work.count(&outcome);
                        Ahead::settled(outcome)
                    }
                });
                number += 1;
            });
            self.work.inputs += inputs.len() as u64;
            let all = inputs.len();
            batch.order = answerers.order(due);
            if batch.order.is_none() {
                batch.due.clear();
            }
            self.work.sent += batch.due.len() as u64;
            view.buys_many = batch.due.len() * 4 > all;
        }
        view.certain.clear();
        view.under_way += batch.due.len();
        view.batches.push_back(batch);
        view.shelf.push(std::mem::replace(&mut view.window, view.shelf.window()));
    }

    /// Inputs that were sent and not taken in yet.
    pub fn under_way(&self) -> usize {
        self.view.as_ref().map_or(0, |view| view.under_way)
    }

    /// What questions have sent.
    pub fn sent(questions: &[Self]) -> Sent {
        let inputs = questions.iter().map(|question| question.work.sent).sum();
        Sent { inputs, under_way: questions.iter().map(Self::under_way).sum() }
    }

    /// Takes in what was replied to an input of the oldest rows, for the call that is about to ask for it.
    ///
    /// # Errors
    /// 57014 from cancel.
    pub fn settle(&mut self, number: usize) {
        let Some(View { shelf, answerers: Some(Some(answerers)), batches, under_way, .. }) = &mut self.view else {
            return;
        };
        let (Some(batch), Some(buyer)) = (batches.front_mut(), &mut answerers.buyer) else { return };
        if batch.due.is_empty() {
            return;
        }
        let (Some(at), Some(order)) = (batch.due.remove(&number), &mut batch.order) else { return };
        *under_way -= 1;
        let begun = Instant::now();
        if let Some(Ahead::Open(mut outcome)) = shelf.at(0, number)
            && buyer.take(order, at, &mut outcome)
        {
            self.work.waited += begun.elapsed();
            resolver::settle(&mut outcome);
            self.work.count(&outcome);
            shelf.note(0, number, Ahead::settled(*outcome));
        }
    }

    /// Forgets what was found for the oldest rows: their calls have been made.
    pub fn forget_oldest(&mut self) {
        let Some(view) = &mut self.view else { return };
        view.shelf.pop();
        let Some(batch) = view.batches.pop_front() else { return };
        view.under_way -= batch.due.len();
        if let (Some(order), Some(Some(Answerers { buyer: Some(buyer), .. }))) = (batch.order, &mut view.answerers) {
            buyer.forget(&order);
        }
    }
}

/// About how many inputs of a question come until a language model has much to do, by how many were sent to one for those so far. What a
/// tier would do at once for inputs beyond these can be done while the model works, and would only hold it up now.
fn until_busy(inputs: u64, sent: Sent) -> usize {
    let wanted = guc::prefetch_window().saturating_sub(sent.under_way);
    if sent.inputs == 0 || wanted == 0 {
        return usize::MAX;
    }
    (wanted as f64 * inputs as f64 / sent.inputs as f64) as usize
}

impl Answerers {
    fn new(target: &Target, shared: Option<&Rc<SharedAnswers>>) -> Option<Self> {
        let (world, _) = world::now();
        let scope = call_site::scope(&world, &target.as_into())?;
        let is_free = target.is_cached_only();
        let buyer = if is_free { None } else { Buyer::new(&scope) };
        let resolver = Resolver::sharing(scope, shared);
        let resolver = if is_free { resolver.without_cost() } else { resolver };
        Some(Self { world, resolver, buyer })
    }

    /// Sends what is to be bought, if anything is and can be.
    fn order(&mut self, due: Vec<frame::Input>) -> Option<Order> {
        let buyer = self.buyer.as_mut().filter(|buyer| !due.is_empty() && buyer.may_buy())?;
        Some(buyer.order(due))
    }
}
