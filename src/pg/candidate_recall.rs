//! How often the category that people said is on the list that a language model would be offered.

use crate::pg::call_site::{Into, scope};
use crate::pg::model::{self, Live};
use crate::pg::offered::Offered;
use crate::pg::scope::Scope;
use crate::pg::{guard, spi, world};
use pg_categorize_core::candidates::{Candidates, Sought, Step};
use pg_categorize_core::cascade::{CategoryId, Guess};
use pg_categorize_core::category_index;
use pg_categorize_core::frame::HINTS;
use pg_categorize_core::local_model;
use pg_categorize_core::normalise::{Case, normalise};

/// Examples that are looked at.
const SAMPLE: i64 = 2000;

/// What was found of one kind of list.
pub struct Recall {
    /// `short` or `wide`.
    pub list: &'static str,
    /// Categories on it, at most.
    pub categories: i32,
    /// Examples that were looked at.
    pub examples: i64,
    /// The share of them whose category is on it by what is found for the text alone; `None` without examples.
    pub found: Option<f32>,
    /// Examples from which the live model has not learnt: those that say what its guesses are worth.
    pub unseen: i64,
    /// The share of these whose category is on it with the guesses of the local model; `None` without such examples.
    pub with_guesses: Option<f32>,
}

/// How often something was so.
#[derive(Default)]
struct Share {
    all: i64,
    so: i64,
}

impl Share {
    fn add(&mut self, is_so: bool) {
        self.all += 1;
        self.so += i64::from(is_so);
    }

    fn value(&self) -> Option<f32> {
        (self.all > 0).then(|| self.so as f32 / self.all as f32)
    }
}

/// The recall of both lists for the session's tenant; nothing where no taxonomy is named and there is no default.
pub fn recall(taxonomy: Option<&str>) -> Vec<Recall> {
    let (world, _) = world::now();
    let Some(scope) = scope(&world, &Into::Taxonomy(taxonomy)) else { return Vec::new() };
    let Some(taxonomy) = scope.taxonomy() else { return Vec::new() };
    let rows = scope.settings.rows();
    let setting = rows.iter().find(|row| row.name == "candidates").and_then(|row| row.value.as_u64());
    let candidates = Offered::of_taxonomy(taxonomy).candidates(setting.unwrap_or(1) as usize);
    let lessons = world::as_owner(|| spi::sample_of_lessons(taxonomy.id, &scope.tenant, SAMPLE));
    let steps = [("short", Step::Short, candidates.short()), ("wide", Step::Wide, candidates.wide())];
    let mut shares: [(Share, Share); 2] = Default::default();
    let mut guesser = Guesser::new(&scope);
    for lesson in lessons {
        guard::check_for_interrupts();
        let Some(category) = scope.answerable(lesson.category) else { continue };
        let unseen = scope.model().is_none_or(|model| !model.may_know(lesson.said_at));
        let hints = if unseen { guesser.guesses(&lesson.input) } else { Vec::new() };
        for ((_, step, _), (found, with_guesses)) in steps.iter().zip(&mut shares) {
            found.add(is_offered(&candidates, &lesson.input, &[], *step, category));
            if unseen {
                with_guesses.add(is_offered(&candidates, &lesson.input, &hints, *step, category));
            }
        }
    }
    let line = |((list, _, categories), (found, with_guesses)): ((&'static str, Step, usize), (Share, Share))| Recall {
        list,
        categories: i32::try_from(categories).unwrap_or(i32::MAX),
        examples: found.all,
        found: found.value(),
        unseen: with_guesses.all,
        with_guesses: with_guesses.value(),
    };
    steps.into_iter().zip(shares).map(line).collect()
}

/// Whether a category is on this list of an input. One that is left out, since it would be no longer than the one before, is
/// as good as that.
fn is_offered(of: &Candidates, text: &str, hints: &[CategoryId], step: Step, category: CategoryId) -> bool {
    let on = |step: Step| {
        let offered = of.offer(Sought { text, hints }, step).filter(|offered| offered.step == step);
        offered.is_some_and(|offered| offered.list.contains(&category))
    };
    on(step) || step == Step::Wide && on(Step::Short)
}

/// What the local model guesses, trained or not.
struct Guesser<'a> {
    scope: &'a Scope,
    trained: local_model::Scratch,
    untrained: category_index::Scratch,
}

impl<'a> Guesser<'a> {
    fn new(scope: &'a Scope) -> Self {
        Self { scope, trained: local_model::Scratch::default(), untrained: category_index::Scratch::default() }
    }

    fn guesses(&mut self, input: &str) -> Vec<CategoryId> {
        let text = normalise(input, Case::Folded);
        let guesses = match self.scope.model() {
            Some(live) => self.of_model(live, &text),
            None => {
                let found = self.scope.category_index().best(&text, &mut self.untrained);
                found.map(|found| found.guesses).unwrap_or_default()
            }
        };
        guesses.into_iter().take(HINTS).map(|guess| guess.category).collect()
    }

    fn of_model(&mut self, live: &Live, text: &str) -> Vec<Guess> {
        let mut predictions = Vec::new();
        live.predict(&[text], &mut self.trained, &mut predictions);
        predictions.pop().map(|prediction| model::read(self.scope, &prediction).guesses).unwrap_or_default()
    }
}
