//! Which models are asked at a provider: the cheap one first, and a strong one where that is not sure.

use crate::provider_settings::{ProviderSettings, StrongModel, usual_model, usual_strong_model};

/// What is said of it.
#[derive(Debug, Clone, Copy)]
pub struct ModelChoice<'a> {
    /// The API of the provider.
    pub kind: &'a str,
    /// The provider's settings.
    pub settings: &'a ProviderSettings,
    /// Whether it is at the official host of its API. Which strong model somebody's own server has, somebody has to say.
    pub official: bool,
    /// The cheap model of the taxonomy, where it is of this kind.
    pub cheap: Option<&'a str>,
    /// Its strong one, where it is.
    pub strong: Option<&'a str>,
}

impl<'a> ModelChoice<'a> {
    /// The model that is asked first.
    pub fn cheap(&self) -> &'a str {
        self.settings.model.as_deref().or(self.cheap).unwrap_or_else(|| usual_model(self.kind))
    }

    /// The model that decides where that one is not sure; `None` where there is no other.
    pub fn strong(&self) -> Option<&'a str> {
        let usual = || usual_strong_model(self.kind).filter(|_| self.official);
        let name = match &self.settings.strong_model {
            StrongModel::Named(name) => Some(name.as_str()),
            StrongModel::Usual => self.strong.or_else(usual),
            StrongModel::Never => None,
        };
        name.filter(|name| *name != self.cheap())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_provider_comes_before_the_taxonomy_and_that_before_what_is_usual() {
        let plain = ProviderSettings::default();
        let choice = ModelChoice { kind: "openai", settings: &plain, official: true, cheap: None, strong: None };
        assert_eq!((choice.cheap(), choice.strong()), ("gpt-6-luna", Some("gpt-6-sol")));
        let wished = ModelChoice { cheap: Some("a"), strong: Some("b"), ..choice };
        assert_eq!((wished.cheap(), wished.strong()), ("a", Some("b")));
        let own = ProviderSettings {
            model: Some("c".into()),
            strong_model: StrongModel::Named("d".into()),
            ..ProviderSettings::default()
        };
        let own = ModelChoice { settings: &own, ..wished };
        assert_eq!((own.cheap(), own.strong()), ("c", Some("d")));
    }

    #[test]
    fn there_may_be_no_strong_model() {
        let plain = ProviderSettings::default();
        let elsewhere = ModelChoice { kind: "openai", settings: &plain, official: false, cheap: None, strong: None };
        assert_eq!(elsewhere.strong(), None);
        assert_eq!(ModelChoice { strong: Some("gpt-6-luna"), ..elsewhere }.strong(), None);
        let never = ProviderSettings { strong_model: StrongModel::Never, ..ProviderSettings::default() };
        assert_eq!(ModelChoice { settings: &never, official: true, strong: Some("b"), ..elsewhere }.strong(), None);
    }
}
