//! Which hosts may be called, and which key may go to which of them: what only a superuser decides.
//!
//! `allowed_hosts` is a list such as `llm.example.com=TEAM_KEY|other, 127.0.0.1:8080, localhost:*`. A host without a port is
//! meant at the usual port of its scheme. The official hosts are there without being listed, each for its usual variable.

use crate::error::{Error, ErrorKind, Result};
use url::{Host, Url};

/// A provider's own host.
struct Official {
    kind: &'static str,
    host: &'static str,
    base_url: &'static str,
    /// The variables that its documentation keeps the key in.
    variables: &'static [&'static str],
}

/// Hosts of providers.
const OFFICIAL: [Official; 4] = [
    Official {
        kind: "openai",
        host: "api.openai.com",
        base_url: "https://api.openai.com/v1",
        variables: &["OPENAI_API_KEY"],
    },
    Official {
        kind: "anthropic",
        host: "api.anthropic.com",
        base_url: "https://api.anthropic.com",
        variables: &["ANTHROPIC_API_KEY"],
    },
    Official {
        kind: "gemini",
        host: "generativelanguage.googleapis.com",
        // Decisions, and names that end in `-latest`, are documented for this version.
        base_url: "https://generativelanguage.googleapis.com/v1beta",
        variables: &["GEMINI_API_KEY", "GOOGLE_API_KEY"],
    },
    Official {
        kind: "systemone",
        host: "api.typesafe.ai",
        base_url: "https://api.typesafe.ai",
        variables: &["TYPESAFE_API_KEY"],
    },
];

/// With this prefix a variable may be read without being listed.
pub const PREFIX: &str = "PG_CATEGORIZE_";

/// What a superuser allows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Policy {
    hosts: Vec<Allowed>,
    variables: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Allowed {
    host: String,
    port: Port,
    keys: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Port {
    Usual,
    Any,
    This(u16),
}

/// Where a provider is, once that is allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Scheme, host, port and path, without a slash at the end.
    pub base_url: String,
    /// Whether it is the own host of a provider whose prices we ship.
    pub official: bool,
    /// Whether it is that of the API's own inventor, and not one that is compatible with it.
    pub of_kind: bool,
    /// Whether its name may lead to a private address, since a superuser listed it.
    pub private_allowed: bool,
}

impl Policy {
    /// Reads the settings `allowed_hosts` and `key_environment`. What cannot be read allows nothing.
    pub fn new(allowed_hosts: &str, key_environment: &str) -> Self {
        let words = |list: &str| -> Vec<String> {
            list.split(',').map(|word| word.trim().to_owned()).filter(|word| !word.is_empty()).collect()
        };
        Self {
            hosts: words(allowed_hosts).iter().filter_map(|word| allowed(word)).collect(),
            variables: words(key_environment),
        }
    }

    /// Whether a key may be read from this variable.
    pub fn may_read_variable(&self, name: &str) -> bool {
        let is_name = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        is_name && (name.starts_with(PREFIX) || self.variables.iter().any(|listed| listed == name))
    }

    /// Whether a key can be read from a file of this name in the key directory.
    pub fn may_read_file(name: &str) -> bool {
        let is_plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.');
        !name.is_empty() && name.len() <= 200 && !name.starts_with('.') && name.bytes().all(is_plain)
    }
}

/// Where a provider of this kind is by default.
pub fn default_base_url(kind: &str) -> Option<&'static str> {
    OFFICIAL.iter().find(|official| official.kind == kind).map(|official| official.base_url)
}

/// Whether this is the own host of the API's inventor, at its usual port.
pub fn is_of_kind(kind: &str, base_url: &str) -> bool {
    Url::parse(base_url).is_ok_and(|url| official(&url).is_some_and(|known| known.kind == kind))
}

fn official(url: &Url) -> Option<&'static Official> {
    let usual = url.port().is_none() && url.scheme() == "https";
    OFFICIAL.iter().find(|known| usual && url.host_str() == Some(known.host))
}

/// Allows a provider to be called at this URL with the key of this name, or refuses it.
///
/// # Errors
/// 22023 for what is no URL of a provider; 42501 where only a superuser could allow it.
pub fn check(kind: &str, base_url: &str, key: Option<&str>, policy: &Policy) -> Result<Endpoint> {
    let url = Url::parse(base_url).map_err(|e| {
        Error::invalid(format!("invalid base_url: {e}")).hint("Write it as in 'https://llm.example.com/v1'.")
    })?;
    let Some(host) = url.host() else { return Err(Error::invalid("base_url has no host")) };
    if !url.username().is_empty() || url.password().is_some() || url.query().is_some() || url.fragment().is_some() {
        return Err(Error::invalid("base_url must not have a user, a password, a query or a fragment")
            .hint("Name the key with key_env or key_file."));
    }
    match url.scheme() {
        "https" => {}
        "http" if is_loopback(&host) => {}
        "http" => {
            return Err(
                Error::invalid("base_url must begin with https://").detail("Only this machine is called over http.")
            );
        }
        _ => return Err(Error::invalid("base_url must begin with https:// or http://")),
    }
    let name = host.to_string();
    let port = url.port_or_known_default();
    let official = official(&url);
    let listed: Vec<&Allowed> = policy
        .hosts
        .iter()
        .filter(|allowed| allowed.host == name)
        .filter(|allowed| match allowed.port {
            Port::Any => true,
            Port::Usual => url.port().is_none(),
            Port::This(this) => port == Some(this),
        })
        .collect();
    if official.is_none() && listed.is_empty() {
        return Err(Error::new(ErrorKind::NotAllowed, format!("host \"{}\" may not be called", shown(&url)))
            .hint("A superuser can list it in categorize.allowed_hosts."));
    }
    if let Some(key) = key {
        let usual_key = official.is_some_and(|known| known.variables.contains(&key) && policy.may_read_variable(key));
        if !usual_key && !listed.iter().any(|allowed| allowed.keys.iter().any(|bound| bound == key)) {
            return Err(Error::new(
                ErrorKind::NotAllowed,
                format!("host \"{}\" may not be given this key", shown(&url)),
            )
            .hint("A superuser can bind it in categorize.allowed_hosts, as in 'host=KEY'."));
        }
    }
    Ok(Endpoint {
        base_url: url.as_str().trim_end_matches('/').to_owned(),
        official: official.is_some(),
        of_kind: official.is_some_and(|known| known.kind == kind),
        private_allowed: !listed.is_empty(),
    })
}

fn shown(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

fn is_loopback(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => *name == "localhost",
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    }
}

/// One entry of the list. The URL parser writes its host as it writes that of a base URL.
fn allowed(word: &str) -> Option<Allowed> {
    let (place, keys) = word.split_once('=').unwrap_or((word, ""));
    let place = place.trim();
    let (place, port) = match place.rsplit_once(':') {
        Some((host, "*")) => (host, Port::Any),
        Some((host, port)) if !port.ends_with(']') && port.parse::<u16>().is_ok() => {
            (host, Port::This(port.parse().ok()?))
        }
        Some((_, rest)) if !rest.ends_with(']') => return None,
        _ => (place, Port::Usual),
    };
    let url = Url::parse(&format!("https://{place}/")).ok()?;
    let plain = url.path() == "/" && url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
    let host = url.host()?.to_string();
    let keys = keys.split('|').map(str::trim).filter(|key| !key.is_empty()).map(str::to_owned).collect();
    (plain && url.port().is_none()).then_some(Allowed { host, port, keys })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const USUAL: &str = "OPENAI_API_KEY, ANTHROPIC_API_KEY, GEMINI_API_KEY, GOOGLE_API_KEY, TYPESAFE_API_KEY";

    fn asked(hosts: &str, url: &str, key: Option<&str>) -> Result<Endpoint> {
        check("openai", url, key, &Policy::new(hosts, USUAL))
    }

    #[test]
    fn official_hosts_take_their_usual_key_and_no_other() {
        let found = asked("", "https://API.openai.com:443/v1/", Some("OPENAI_API_KEY")).unwrap();
        assert_eq!(found.base_url, "https://api.openai.com/v1");
        assert!(found.official && !found.private_allowed);
        for (url, key) in [
            ("https://api.openai.com/v1", "TYPESAFE_API_KEY"),
            ("https://api.openai.com/v1", "PG_CATEGORIZE_KEY"),
            ("https://api.anthropic.com", "OPENAI_API_KEY"),
            ("https://generativelanguage.googleapis.com/v1beta", "ANTHROPIC_API_KEY"),
            ("https://api.openai.com:8443/v1", "OPENAI_API_KEY"),
            ("https://api.openai.com.example.com/v1", "OPENAI_API_KEY"),
        ] {
            assert_eq!(asked("", url, Some(key)).unwrap_err().kind, ErrorKind::NotAllowed, "{url} {key}");
        }
        let unlisted = Policy::new("", "");
        assert!(check("openai", "https://api.openai.com/v1", Some("OPENAI_API_KEY"), &unlisted).is_err());
        assert!(asked("api.openai.com=mine", "https://api.openai.com/v1", Some("mine")).unwrap().official);
        for Official { kind, base_url, variables, .. } in OFFICIAL {
            for key in variables {
                assert!(check(kind, base_url, Some(key), &Policy::new("", USUAL)).unwrap().official);
            }
            assert_eq!(default_base_url(kind), Some(base_url));
        }
    }

    #[test]
    fn other_hosts_need_to_be_listed_with_port_and_key() {
        let hosts = "llm.example.com=a|b, 127.0.0.1:8080, localhost:*=dev, [::1]:9, 10.0.0.7";
        for (url, key, allowed) in [
            ("https://llm.example.com/v1", Some("b"), true),
            ("https://llm.example.com/v1", Some("c"), false),
            ("https://llm.example.com:444/v1", None, false),
            ("https://other.example.com/v1", None, false),
            ("http://127.0.0.1:8080", None, true),
            ("http://127.1:8080", None, true),
            ("http://127.0.0.1:8081", None, false),
            ("http://localhost:1234/v1", Some("dev"), true),
            ("http://[::1]:9/", None, true),
            ("http://[::1]:10/", None, false),
            ("https://10.0.0.7/", None, true),
            ("https://169.254.169.254/latest", None, false),
        ] {
            assert_eq!(asked(hosts, url, key).is_ok(), allowed, "{url} {key:?}");
        }
        assert!(asked(hosts, "http://127.0.0.1:8080", None).unwrap().private_allowed);
        assert!(asked("", "http://127.0.0.1:8080", None).is_err());
    }

    #[test]
    fn what_is_no_plain_url_is_refused() {
        let hosts = "llm.example.com, localhost:*";
        for bad in [
            "llm.example.com",
            "http://llm.example.com",
            "ftp://llm.example.com",
            "file:///etc/passwd",
            "https://user@llm.example.com",
            "https://user:secret@llm.example.com",
            "https://llm.example.com/?q=1",
            "https://llm.example.com/#x",
            "https://llm.example.com@evil.example.com/",
            "https://",
            "",
        ] {
            assert!(asked(hosts, bad, None).is_err(), "{bad}");
        }
    }

    #[test]
    fn keys_have_plain_names() {
        let policy = Policy::new("", USUAL);
        assert!(policy.may_read_variable("OPENAI_API_KEY") && policy.may_read_variable("PG_CATEGORIZE_X"));
        for bad in ["", "PATH", "OPENAI_API_KEY ", "PG_CATEGORIZE_X=1"] {
            assert!(!policy.may_read_variable(bad), "{bad}");
        }
        assert!(Policy::may_read_file("openai.key"));
        for bad in ["", ".", "..", "../x", "a/b", "/etc/passwd", ".hidden", "a\0b", "a b"] {
            assert!(!Policy::may_read_file(bad), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn nothing_is_allowed_by_accident(hosts in "\\PC{0,40}", url in "\\PC{0,60}") {
            if let Ok(found) = asked(&hosts, &url, None) {
                prop_assert!(found.official || found.private_allowed);
            }
        }

        #[test]
        fn what_is_allowed_is_allowed_as_it_was_written_down(path in "(/[a-z0-9]{1,5}){0,3}/{0,2}") {
            let found = asked("", &format!("https://api.openai.com{path}"), None).unwrap();
            prop_assert_eq!(asked("", &found.base_url, None).unwrap(), found);
        }
    }
}
