//! Everything that one tenant's questions about one taxonomy share: names, fingerprints, rules, words, the model.

use crate::pg::freshness::part;
use crate::pg::model::Live;
use crate::pg::quality::{self, Quality};
use crate::pg::{error, guard, guc, spi, stats, world};
use pg_categorize_core::cascade::{CategoryId, TierName};
use pg_categorize_core::category_index::CategoryIndex;
use pg_categorize_core::embedding_model::EmbeddingModel;
use pg_categorize_core::fingerprint::{Audience, Fingerprinter, Target};
use pg_categorize_core::lexical::Document;
use pg_categorize_core::normalise::Case;
use pg_categorize_core::quality::Bar;
use pg_categorize_core::rules::{self, RuleSet, RuleSpec};
use pg_categorize_core::settings::{OnUnresolved, Settings};
use pg_categorize_core::similarity::{Judgement, Relevance};
use pg_categorize_core::taxonomy::Taxonomy;
use std::cell::OnceCell;
use std::rc::Rc;

/// Memory of the compiled rules that one tenant sees in one taxonomy; `add_rule()` refuses what would exceed it.
pub const RULE_MEMORY: usize = 256 * 1024 * 1024;

/// What inputs are sorted into.
#[derive(Clone)]
pub enum Labels {
    /// A stored taxonomy and the index of its categories, which all tenants share.
    Taxonomy(Rc<Taxonomy>, Rc<OnceCell<CategoryIndex>>),
    /// The caller's own labels; a category is its position.
    AdHoc(Rc<[String]>),
}

/// One tenant's view of one set of labels.
pub struct Scope {
    /// Tells the answers of this scope apart in the memo.
    pub serial: u32,
    /// The tenant.
    pub tenant: String,
    /// Its hash, under which it is counted.
    pub tenant_hash: u64,
    /// What inputs are sorted into.
    pub labels: Labels,
    /// Settings of the taxonomy; the defaults for ad-hoc labels.
    pub settings: Settings,
    /// Keys of the tenant's own answers.
    pub own: Fingerprinter,
    /// Keys of the answers that tenants share, where they do.
    pub shared: Option<Fingerprinter>,
    rules: OnceCell<Rc<RuleSet>>,
    has_corrections: OnceCell<bool>,
    model: OnceCell<Option<Rc<Live>>>,
    /// The model before something was changed among models, which may have been another's.
    former_model: Option<Rc<Live>>,
    quality: OnceCell<Rc<Quality>>,
    ad_hoc_index: OnceCell<CategoryIndex>,
}

impl Scope {
    /// The view of `tenant` on `labels`.
    pub fn new(serial: u32, tenant: String, labels: Labels) -> Self {
        let settings = match &labels {
            Labels::Taxonomy(taxonomy, _) => taxonomy.settings.clone(),
            Labels::AdHoc(_) => Settings::default(),
        };
        let target = match &labels {
            Labels::Taxonomy(taxonomy, _) => Target::Taxonomy(taxonomy.id),
            Labels::AdHoc(labels) => Target::Labels(labels),
        };
        let own = Fingerprinter::new(Audience::Tenant(&tenant), target, settings.case);
        let shared = settings.shared_answers.then(|| Fingerprinter::new(Audience::Shared, target, settings.case));
        Self {
            serial,
            own,
            shared,
            settings,
            tenant_hash: stats::tenant_hash(&tenant),
            tenant,
            labels,
            rules: OnceCell::new(),
            has_corrections: OnceCell::new(),
            model: OnceCell::new(),
            former_model: None,
            quality: OnceCell::new(),
            ad_hoc_index: OnceCell::new(),
        }
    }

    /// The same view, with what was loaded kept but for the parts that are stale.
    pub fn successor(&self, stale: u8) -> Self {
        let mut next = Self::new(self.serial, self.tenant.clone(), self.labels.clone());
        if let Some(rules) = self.rules.get().filter(|_| stale & part::RULE == 0) {
            _ = next.rules.set(rules.clone());
        }
        if let Some(any) = self.has_corrections.get().filter(|_| stale & part::CORRECTION == 0) {
            _ = next.has_corrections.set(*any);
        }
        match self.model.get() {
            Some(model) if stale & part::MODEL == 0 => _ = next.model.set(model.clone()),
            Some(model) => next.former_model = model.clone(),
            None => next.former_model = self.former_model.clone(),
        }
        if let Some(quality) = self.quality.get().filter(|_| stale & part::MODEL == 0) {
            _ = next.quality.set(quality.clone());
        }
        next
    }

    /// The taxonomy, unless the labels are ad hoc.
    pub fn taxonomy(&self) -> Option<&Taxonomy> {
        match &self.labels {
            Labels::Taxonomy(taxonomy, _) => Some(taxonomy),
            Labels::AdHoc(_) => None,
        }
    }

    /// The labels, where they are ad hoc.
    pub fn ad_hoc_labels(&self) -> Option<&[String]> {
        match &self.labels {
            Labels::Taxonomy(..) => None,
            Labels::AdHoc(labels) => Some(labels),
        }
    }

    /// Whether case makes a difference.
    pub fn case(&self) -> Case {
        self.settings.case
    }

    /// The category that answers for a stored id now: along mergers, not dropped, a leaf where leaves are wanted.
    pub fn answerable(&self, id: CategoryId) -> Option<CategoryId> {
        match &self.labels {
            Labels::Taxonomy(taxonomy, _) => taxonomy.answerable(id).map(|c| c.id),
            Labels::AdHoc(labels) => usize::try_from(id).ok().filter(|i| *i < labels.len()).map(|_| id),
        }
    }

    /// The text of a category: its path, or the ad-hoc label.
    pub fn text(&self, id: CategoryId) -> Option<&str> {
        match &self.labels {
            Labels::Taxonomy(taxonomy, _) => taxonomy.live(id).map(|c| c.path.as_str()),
            Labels::AdHoc(labels) => labels.get(usize::try_from(id).ok()?).map(String::as_str),
        }
    }

    /// The position of an ad-hoc label.
    pub fn ad_hoc(&self, label: &str) -> Option<CategoryId> {
        match &self.labels {
            Labels::Taxonomy(..) => None,
            Labels::AdHoc(labels) => labels.binary_search_by(|l| l.as_str().cmp(label)).ok().map(|i| i as CategoryId),
        }
    }

    /// The rules of the taxonomy that the tenant sees, compiled at first use.
    pub fn rules(&self) -> &RuleSet {
        self.rules.get_or_init(|| {
            let mut specs =
                self.taxonomy().map(|t| world::as_owner(|| spi::rules(t.id, &self.tenant))).unwrap_or_default();
            // A rule whose category can no longer answer must not stand before one whose can.
            specs.retain(|rule| self.answerable(rule.category).is_some());
            let compile = |specs| RuleSet::compile_with(specs, RULE_MEMORY, &mut guard::check_for_interrupts);
            let compiled = compile(specs.clone()).or_else(|_| compile(usable(specs)));
            Rc::new(compiled.unwrap_or_else(|e| error::raise(e)))
        })
    }

    /// Whether the tenant corrected anything in the taxonomy; asked once.
    pub fn has_corrections(&self) -> bool {
        *self.has_corrections.get_or_init(|| {
            self.taxonomy().is_some_and(|t| world::as_owner(|| spi::has_corrections(t.id, &self.tenant)))
        })
    }

    /// The trained model that answers the tenant, opened at first use; `None` where none is active.
    pub fn model(&self) -> Option<&Live> {
        self.model.get_or_init(|| Live::load(self, self.former_model.as_ref())).as_deref()
    }

    /// Whether the words of the categories are heard beside a model of few examples: where most categories are described. Bare
    /// names know so little that a model of some hundred examples is better off without. And not where a bound of the error
    /// holds: the evidence for it is what the model says alone.
    pub fn hears_names(&self) -> bool {
        self.settings.max_error.is_none() && self.category_index().is_described()
    }

    /// How sure the free tiers must be, and which differences between texts matter; read at first use.
    pub fn quality(&self) -> &Quality {
        self.quality.get_or_init(|| Rc::new(Quality::load(self)))
    }

    /// The least confidence with which the local model answers, trained or not; infinite where it must not.
    pub fn local_model_threshold(&self) -> f32 {
        let by_profile = || self.model().map_or(self.settings.local_model_threshold, |model| model.threshold);
        // Without max_error the evidence decides nothing here, and need not be read.
        if self.settings.max_error.is_none() {
            return by_profile();
        }
        let verdict = self.quality().verdict(TierName::LocalModel);
        verdict.map_or_else(by_profile, |verdict| quality::threshold(verdict.bar).unwrap_or(f32::INFINITY))
    }

    /// What differences between texts matter in the taxonomy under an embedding; without evidence, all do.
    pub fn relevance(&self, embedding: &EmbeddingModel) -> &Relevance {
        self.quality().relevance(embedding)
    }

    /// Whether what the nearest texts say under an embedding is an answer, and with which confidence. Where nothing has been
    /// measured that is the conservative start: all neighbours agree, nothing vetoes, and the nearest is near enough.
    ///
    /// # Errors
    /// Why it is none: a sentence without its full stop.
    pub fn similar_enough(&self, judgement: &Judgement, embedding: &EmbeddingModel) -> Result<f32, String> {
        let verdict = self.quality().similarity(&self.settings, embedding);
        let bar = verdict.bar;
        if bar.is_reached(judgement.score, judgement.stands()) {
            let is_measured = judgement.stands() > 0.0 || judgement.score > 0.0;
            return Ok(verdict.precision().filter(|_| is_measured).unwrap_or(judgement.score));
        }
        Err(match (&judgement.veto, bar) {
            (Some(veto), _) => veto.to_string(),
            (None, Bar::Closed) => "nothing proves that its answers keep max_error".to_owned(),
            (None, Bar::Stands(_)) if !judgement.unanimous => {
                "too few earlier texts are near, or they disagree".to_owned()
            }
            (None, _) => "the nearest earlier text is below the threshold".to_owned(),
        })
    }

    /// The categories by their words and their meaning, indexed at first use.
    pub fn category_index(&self) -> &CategoryIndex {
        match &self.labels {
            Labels::Taxonomy(taxonomy, index) => index.get_or_init(|| CategoryIndex::new(&documents(taxonomy))),
            Labels::AdHoc(labels) => self.ad_hoc_index.get_or_init(|| {
                let document = |(i, label): (usize, &String)| Document {
                    id: i as CategoryId,
                    labels: vec![label.clone()],
                    ..Document::default()
                };
                CategoryIndex::new(&labels.iter().enumerate().map(document).collect::<Vec<_>>())
            }),
        }
    }

    /// What becomes of inputs without an answer: the taxonomy's policy, else the session's.
    pub fn on_unresolved(&self) -> guc::OnUnresolved {
        match self.settings.on_unresolved {
            Some(OnUnresolved::Null) => guc::OnUnresolved::Null,
            Some(OnUnresolved::Best) => guc::OnUnresolved::Best,
            Some(OnUnresolved::Error) => guc::OnUnresolved::Error,
            Some(OnUnresolved::Queue) => guc::OnUnresolved::Queue,
            None => guc::on_unresolved(),
        }
    }
}

/// The rules that can be compiled. One that was written past `add_rule()`, or that an older version accepted, must not
/// take the answers of the others with it.
fn usable(specs: Vec<RuleSpec>) -> Vec<RuleSpec> {
    let (good, bad): (Vec<_>, Vec<_>) =
        specs.into_iter().partition(|rule| rules::validate(rule.kind, &rule.pattern).is_ok());
    for rule in bad {
        error::warn(&format!("rule {} is left out: its pattern is not valid", rule.id));
    }
    good
}

/// The words of the categories that may answer: their labels, descriptions and typical words.
pub fn documents(taxonomy: &Taxonomy) -> Vec<Document> {
    let words = world::as_owner(|| spi::category_words(taxonomy.id));
    let answerable = |d: &Document| taxonomy.answerable(d.id).filter(|c| c.id == d.id);
    words
        .into_iter()
        .filter_map(|document| {
            let labels = taxonomy.labels(answerable(&document)?).into_iter().map(str::to_owned).collect();
            Some(Document { labels, inner: taxonomy.has_children(document.id), ..document })
        })
        .collect()
}
