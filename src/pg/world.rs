//! What this backend has loaded: taxonomies by name, scopes, and the memo of the answers it gave last.
//!
//! One world is shared by all statements until an invalidation drops it; a statement whose snapshot is too old for it
//! gets a world of its own (`freshness`). Call sites keep the world they began with, so that a statement answers the
//! same input alike from its first row to its last.

use crate::pg::freshness::{self, Horizon, Moment, part};
use crate::pg::owner::OwnerScope;
use crate::pg::scope::{Labels, Scope};
use crate::pg::{catalog, error, guc, spi};
use pg_categorize_core::cascade::{CategoryId, TierName};
use pg_categorize_core::category_index::CategoryIndex;
use pg_categorize_core::close_names;
use pg_categorize_core::error::Error;
use pg_categorize_core::memo::Memo;
use pg_categorize_core::settings::Settings;
use pg_categorize_core::taxonomy::Taxonomy;
use std::cell::{Cell, OnceCell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

/// An answer as the memo keeps it.
#[derive(Debug, Clone, Copy)]
pub struct Remembered {
    /// The category.
    pub category: CategoryId,
    /// How sure.
    pub confidence: f32,
    /// The tier that answered.
    pub source: TierName,
    /// Microseconds of the Postgres epoch.
    pub expires_at: i64,
}

type Loaded = (Rc<Taxonomy>, Rc<OnceCell<CategoryIndex>>);

/// What is loaded.
pub struct World {
    taxonomies: RefCell<HashMap<String, Option<Loaded>>>,
    scopes: RefCell<HashMap<(String, ScopeKey), Rc<Scope>>>,
    /// Answers by scope and raw input.
    pub memo: RefCell<Memo<Remembered>>,
    scope_serial: Cell<u32>,
}

#[derive(Clone, PartialEq, Eq, Hash)]
enum ScopeKey {
    Taxonomy(i32),
    AdHoc(Rc<[String]>),
}

thread_local! {
    static SHARED: RefCell<Option<Rc<World>>> = const { RefCell::new(None) };
    static PRIVATE: RefCell<Option<(Horizon, Rc<World>)>> = const { RefCell::new(None) };
}

/// The world of the current statement, and the moment it is seen at.
pub fn now() -> (Rc<World>, Moment) {
    let moment = moment();
    let world = if moment.shareable {
        PRIVATE.set(None);
        SHARED.with_borrow_mut(shared)
    } else {
        PRIVATE.with_borrow_mut(|private| match private {
            Some((horizon, world)) if *horizon == moment.horizon => world.clone(),
            _ => {
                // Its memo is small: it serves one statement.
                let world = World::new(guc::memo_bytes().min(1024 * 1024));
                *private = Some((moment.horizon, world.clone()));
                world
            }
        })
    };
    (world, moment)
}

fn shared(shared: &mut Option<Rc<World>>) -> Rc<World> {
    let resized = |world: &&Rc<World>| world.memo.borrow().budget() != guc::memo_bytes();
    if let Some(world) = shared.as_ref().filter(resized) {
        *shared = world.successor(part::CACHE);
    }
    shared.get_or_insert_with(|| World::new(guc::memo_bytes())).clone()
}

/// Takes in what others committed, and says what the current statement sees.
pub fn moment() -> Moment {
    freshness::moment(|stale| {
        SHARED.with_borrow_mut(|shared| *shared = shared.as_ref().and_then(|world| world.successor(stale)));
        // Any of the messages may be about an index that was built anew under another OID.
        catalog::forget();
    })
}

/// Takes in what others committed, before something is changed.
pub fn moment_now() {
    moment();
}

/// A view of a taxonomy that only its maker uses, such as one that has just grown.
pub fn private_scope(tenant: &str, taxonomy: Taxonomy) -> Scope {
    Scope::new(u32::MAX, tenant.to_owned(), Labels::Taxonomy(Rc::new(taxonomy), Rc::default()))
}

/// Runs `work` as the owner of the tables, under a pinned search_path.
pub fn as_owner<T>(work: impl FnOnce() -> T) -> T {
    let _owner = OwnerScope::enter(catalog::tables().owner);
    work()
}

impl World {
    fn new(memo_bytes: usize) -> Rc<Self> {
        Rc::new(Self {
            taxonomies: RefCell::default(),
            scopes: RefCell::default(),
            memo: RefCell::new(Memo::new(memo_bytes)),
            scope_serial: Cell::new(0),
        })
    }

    /// What is left of a world of which some parts went stale; nothing where its taxonomies did.
    fn successor(&self, stale: u8) -> Option<Rc<Self>> {
        if stale & part::TAXONOMY != 0 {
            return None;
        }
        let next = Self::new(guc::memo_bytes());
        *next.taxonomies.borrow_mut() = self.taxonomies.borrow().clone();
        next.scope_serial.set(self.scope_serial.get());
        let keep = |scope: &Rc<Scope>| Rc::new(scope.successor(stale));
        *next.scopes.borrow_mut() = self.scopes.borrow().iter().map(|(k, s)| (k.clone(), keep(s))).collect();
        Some(next)
    }

    /// The taxonomy of this name.
    ///
    /// # Errors
    /// 22023 for an unknown one, with close names in the HINT.
    pub fn taxonomy(&self, name: &str) -> Rc<Taxonomy> {
        self.loaded(name).0
    }

    /// Whether there is a taxonomy of this name.
    pub fn has_taxonomy(&self, name: &str) -> bool {
        self.load(name).is_some()
    }

    /// A tenant's view of a taxonomy.
    pub fn scope(&self, tenant: &str, taxonomy: &str) -> Rc<Scope> {
        let (taxonomy, words) = self.loaded(taxonomy);
        let key = (tenant.to_owned(), ScopeKey::Taxonomy(taxonomy.id));
        self.scope_of(key, tenant, Labels::Taxonomy(taxonomy, words))
    }

    /// A tenant's view of ad-hoc labels.
    pub fn ad_hoc_scope(&self, tenant: &str, labels: Rc<[String]>) -> Rc<Scope> {
        let key = (tenant.to_owned(), ScopeKey::AdHoc(labels.clone()));
        self.scope_of(key, tenant, Labels::AdHoc(labels))
    }

    fn scope_of(&self, key: (String, ScopeKey), tenant: &str, labels: Labels) -> Rc<Scope> {
        if let Some(scope) = self.scopes.borrow().get(&key) {
            return scope.clone();
        }
        let serial = self.scope_serial.replace(self.scope_serial.get() + 1);
        let scope = Rc::new(Scope::new(serial, tenant.to_owned(), labels));
        let mut scopes = self.scopes.borrow_mut();
        // Ad-hoc labels that differ from row to row must not fill the memory.
        if scopes.len() >= 256 {
            scopes.clear();
        }
        scopes.insert(key, scope.clone());
        scope
    }

    fn loaded(&self, name: &str) -> Loaded {
        self.load(name).unwrap_or_else(|| unknown_taxonomy(name))
    }

    fn load(&self, name: &str) -> Option<Loaded> {
        if let Some(known) = self.taxonomies.borrow().get(name) {
            return known.clone();
        }
        let loaded = as_owner(|| {
            let row = spi::taxonomy_by_name(name)?;
            let settings = Settings::from_explicit(row.settings);
            let taxonomy = Taxonomy::new(row.id, name.to_owned(), row.version, settings, spi::categories(row.id));
            Some((Rc::new(taxonomy), Rc::default()))
        });
        let mut taxonomies = self.taxonomies.borrow_mut();
        if taxonomies.len() >= 256 {
            taxonomies.clear();
        }
        taxonomies.insert(name.to_owned(), loaded.clone());
        loaded
    }
}

/// Refuses a name that no taxonomy has with 22023, and close names in the HINT.
pub fn unknown_taxonomy(name: &str) -> ! {
    let error = Error::invalid(format!("taxonomy \"{name}\" does not exist"));
    if name.trim_start().starts_with('{') && name.trim_end().ends_with('}') {
        error::raise(
            error.hint("To pass labels instead of a taxonomy, write ARRAY[...], as in ARRAY['spam', 'work']."),
        );
    }
    let names = as_owner(spi::taxonomy_names);
    error::raise(match close_names::hint(name, names.iter().map(String::as_str)) {
        Some(hint) => error.hint(hint),
        None => error.hint("Create it with categorize.create_taxonomy()."),
    })
}
