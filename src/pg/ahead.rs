//! Answers that a plan node has found ahead of the calls that need them.
//!
//! A node puts what it found of the rows it has read on a shelf; a call that means the same looks there before it asks the
//! tiers. Nothing depends on it: a call that finds nothing asks as if there were no node. A shelf belongs to one view of the
//! database and one state of the settings, as a call site does.

use crate::pg::call_site::Into;
use crate::pg::freshness::Horizon;
use pg_categorize_core::cascade::{Answer, Guess, Origin, Outcome, TierName};
use pg_categorize_core::window::Window;
use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::{Rc, Weak};

/// What was found of an input. There may be as many as `work_mem` has room for rows, so the usual one is small.
#[derive(Debug, Clone)]
pub enum Ahead {
    /// An answer with nothing beside it: most that are stored.
    Plain {
        /// Category and confidence.
        guess: Guess,
        /// The tier that answers.
        source: TierName,
        /// The tier that first made the answer.
        origin: Origin,
        /// When it ends to count.
        expires_at: i64,
    },
    /// All that there is to say.
    Settled(Box<Outcome>),
    /// What the free tiers left open: a language model would be asked next.
    Open(Box<Outcome>),
}

const _: () = assert!(size_of::<Ahead>() == 24);

impl Ahead {
    /// What there is to say.
    pub fn settled(outcome: Outcome) -> Self {
        if let Some(answer) = &outcome.answer {
            let Answer { guess, source, origin, expires_at, .. } = *answer;
            let plain = Self::Plain { guess, source, origin, expires_at };
            if plain.outcome().is_some_and(|plain| *plain == outcome) {
                return plain;
            }
        }
        Self::Settled(Box::new(outcome))
    }

    /// All that there is to say, where that is known.
    pub fn outcome(&self) -> Option<Cow<'_, Outcome>> {
        match self {
            Self::Plain { guess, source, origin, expires_at } => {
                let answer = Answer::new(guess.category, guess.confidence, *source, *origin);
                let answer = Some(Answer { expires_at: *expires_at, ..answer });
                Some(Cow::Owned(Outcome { answer, ..Outcome::default() }))
            }
            Self::Settled(outcome) => Some(Cow::Borrowed(outcome)),
            Self::Open(_) => None,
        }
    }
}

/// What calls ask, but for the input.
#[derive(Clone, PartialEq)]
pub struct Target {
    taxonomy: Option<String>,
    labels: Option<Vec<Option<String>>>,
    cached_only: bool,
}

impl Target {
    /// What `into` means; `cached_only` for calls that never ask outside the database.
    pub fn new(into: &Into<'_>, cached_only: bool) -> Self {
        let (taxonomy, labels) = match into {
            Into::Taxonomy(name) => (name.map(str::to_owned), None),
            Into::Labels(labels) => (None, labels.clone()),
        };
        Self { taxonomy, labels, cached_only }
    }

    /// As a call would say it.
    pub fn as_into(&self) -> Into<'_> {
        match &self.labels {
            Some(labels) => Into::Labels(Some(labels.clone())),
            None => Into::Taxonomy(self.taxonomy.as_deref()),
        }
    }

    /// Whether calls that mean this never ask outside the database.
    pub fn is_cached_only(&self) -> bool {
        self.cached_only
    }

    /// Whether a call into this means the same; all calls of one site are `cached_only`, or none is.
    pub fn is(&self, into: &Into<'_>) -> bool {
        match into {
            Into::Taxonomy(name) => self.labels.is_none() && self.taxonomy.as_deref() == *name,
            Into::Labels(labels) => self.labels.is_some() && self.labels == *labels,
        }
    }
}

/// Where one node puts what it found for one target.
pub struct Shelf {
    horizon: Horizon,
    generation: u64,
    target: Target,
    asked: Cell<bool>,
    windows: RefCell<VecDeque<Window<Ahead>>>,
    spare: RefCell<Vec<Window<Ahead>>>,
}

thread_local! {
    static SHELVES: RefCell<Vec<Weak<Shelf>>> = const { RefCell::new(Vec::new()) };
    /// Rises with every shelf.
    static PUT_UP: Cell<u64> = const { Cell::new(0) };
}

impl Shelf {
    /// A shelf that calls find, until it is dropped.
    pub fn new(horizon: Horizon, generation: u64, target: Target) -> Rc<Self> {
        let shelf = Rc::new(Self {
            horizon,
            generation,
            target,
            asked: Cell::new(false),
            windows: RefCell::default(),
            spare: RefCell::default(),
        });
        SHELVES.with_borrow_mut(|shelves| {
            shelves.retain(|shelf| shelf.strong_count() > 0);
            shelves.push(Rc::downgrade(&shelf));
        });
        PUT_UP.set(PUT_UP.get() + 1);
        shelf
    }

    /// Whether it serves calls of this view and these settings.
    pub fn is_of(&self, horizon: Horizon, generation: u64) -> bool {
        self.horizon == horizon && self.generation == generation
    }

    /// Whether any call has looked here: until then nobody knows whether one ever will.
    pub fn is_asked(&self) -> bool {
        self.asked.get()
    }

    /// An empty window, which [`Self::push`] puts up.
    pub fn window(&self) -> Window<Ahead> {
        self.spare.borrow_mut().pop().unwrap_or_default()
    }

    /// Puts up what was found for the rows that were read last.
    pub fn push(&self, window: Window<Ahead>) {
        self.windows.borrow_mut().push_back(window);
    }

    /// Notes more of an input: the one with this number in the window that was put up `age` windows after the oldest.
    pub fn note(&self, age: usize, number: usize, ahead: Ahead) {
        if let Some(window) = self.windows.borrow_mut().get_mut(age) {
            window.set(number, ahead);
        }
    }

    /// What was found of an input by its window and number, as [`Self::note`] has them.
    pub fn at(&self, age: usize, number: usize) -> Option<Ahead> {
        self.windows.borrow().get(age).and_then(|window| window.value(number).cloned())
    }

    /// Takes down what was found for the rows that were read first: their calls have been made.
    pub fn pop(&self) {
        if let Some(mut window) = self.windows.borrow_mut().pop_front() {
            window.clear();
            self.spare.borrow_mut().push(window);
        }
    }
}

/// The shelves that serve a call site.
#[derive(Default)]
pub struct Links {
    put_up: u64,
    shelves: Vec<Weak<Shelf>>,
}

impl Links {
    /// Shows what was found of an input for a call of this view, settings and target, if anything was.
    pub fn look<T>(
        &mut self,
        horizon: Horizon,
        generation: u64,
        target: &Target,
        input: &[u8],
        show: impl FnOnce(&Ahead) -> T,
    ) -> Option<T> {
        if self.put_up != PUT_UP.get() {
            self.put_up = PUT_UP.get();
            let serves = |shelf: &Rc<Shelf>| shelf.is_of(horizon, generation) && shelf.target == *target;
            self.shelves = SHELVES.with_borrow(|shelves| {
                shelves.iter().filter(|shelf| shelf.upgrade().is_some_and(|shelf| serves(&shelf))).cloned().collect()
            });
        }
        for shelf in self.shelves.iter().filter_map(Weak::upgrade) {
            shelf.asked.set(true);
            let windows = shelf.windows.borrow();
            if let Some(ahead) = windows.iter().find_map(|window| window.get(input)) {
                return Some(show(ahead));
            }
        }
        None
    }
}
