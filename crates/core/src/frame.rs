//! What backends and the gateway say to each other over their socket, each message in a frame of its own (`bytes`).

mod bytes;

pub use bytes::{FrameError, HEADER_BYTES, MAX_BYTES, VERSION, decode, encode, length};

use crate::audit::Claim;
use crate::cascade::{CategoryId, Origin, Reason, Similar};
use crate::confidence::Source;
use crate::fingerprint::Fingerprint;
use crate::image::Image;
use serde::{Deserialize, Serialize};

/// Bytes of the largest image. With a text of 1 MB, escaped, it fills half of a frame.
pub const MAX_IMAGE_BYTES: usize = 20 * 1024 * 1024;

/// Guesses of the free tiers that an input brings at most.
pub const HINTS: usize = 16;

/// Bytes of an input in a frame beside its text and its image: two keys, numbers and the names.
const AROUND_INPUT: usize = 768;

/// The detail of a `gateway_down` that a gateway gives while it leaves: its successor can be asked.
pub const STOPPING: &str = "The gateway is stopping.";

/// What a backend says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum ToGateway {
    /// Inputs to be answered.
    Ask(Ask),
    /// Free answers that a strong model is to check. Nobody waits, and nothing is replied.
    Audit(Ask),
    /// The backend no longer waits for this request: what is not sent to a provider yet need not be.
    Cancel {
        /// The request's number.
        request: u64,
    },
    /// How the providers are doing.
    Health {
        /// The number by which the reply is known.
        request: u64,
    },
}

/// Inputs of one tenant in one set of labels.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ask {
    /// A number that the backend chose; replies bear it.
    pub request: u64,
    /// Milliseconds that the backend waits.
    pub patience_ms: u32,
    /// Who asks, for the ledger.
    pub asker: Asker,
    /// The tenant; the empty name is the tenant of those who have none.
    pub tenant: String,
    /// What the inputs are sorted into.
    pub target: Target,
    /// The inputs; replies refer to them by their position.
    pub inputs: Vec<Input>,
}

/// Who asks, as the ledger tells it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Asker {
    /// Name of the role.
    pub role: String,
    /// Its `application_name`.
    pub application: String,
    /// The statement's query id, 0 where it has none.
    pub query_id: i64,
}

/// What inputs are sorted into.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Target {
    /// A taxonomy, in the version that the backend sees.
    Taxonomy {
        /// Its id.
        id: i32,
        /// Its version.
        version: i32,
    },
    /// Ad-hoc labels, trimmed, de-duplicated and sorted.
    Labels(Vec<String>),
}

/// One input.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Input {
    /// Its key among the answers of its own tenant.
    pub key: Fingerprint,
    /// Its key among the answers that tenants share, where the taxonomy shares them.
    pub shared_key: Option<Fingerprint>,
    /// The text as it came; empty where an image is all there is.
    pub text: String,
    /// The image, beside or instead of the text.
    pub image: Option<Image>,
    /// How sure the free tiers were of their best guess, 0 to 1.
    pub best_confidence: f32,
    /// What the free tiers guess, best first, at most [`HINTS`]: what the local model ranks, and neighbours.
    pub hints: Vec<CategoryId>,
    /// What a free tier said, where that is to be audited.
    pub audited: Option<Claim>,
}

impl Input {
    /// Bytes that it fills of a frame at most: a byte of text is escaped as six, the digits of an image as they are.
    pub fn most_bytes(&self) -> usize {
        6 * self.text.len() + self.image.as_ref().map_or(0, |image| image.base64().len()) + AROUND_INPUT
    }
}

/// What the gateway says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum ToBackend {
    /// Replies to some inputs of a request; more may follow until each has one.
    Replies {
        /// The request's number.
        request: u64,
        /// Position of the input, and what became of it.
        replies: Vec<(u32, Reply)>,
    },
    /// How the providers are doing.
    Health {
        /// The number of the question.
        request: u64,
        /// One line a provider and model.
        lines: Vec<HealthLine>,
    },
    /// The gateway does not understand the backend, and hangs up.
    Refused {
        /// Why, for a message.
        message: String,
    },
}

/// What became of one input.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Reply {
    /// It is answered.
    Answered(Box<Answered>),
    /// It is not.
    Unanswered {
        /// Why.
        #[serde(with = "reason")]
        reason: Reason,
        /// What a person needs to know beyond the reason: a sentence without input text or secrets.
        detail: Option<String>,
    },
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Answered {
    /// The category: a row of the taxonomy, or the position among the ad-hoc labels.
    pub category: CategoryId,
    /// Probability that it is right, 0 to 1.
    pub confidence: f32,
    /// Whether it was known already when the gateway looked, and nothing was asked.
    pub known: bool,
    /// The provider.
    pub provider: Option<String>,
    /// The model.
    pub model: Option<String>,
    /// Nano-dollars: this input's share of its request.
    pub cost: i64,
    /// The likeliest categories with their probabilities, best first.
    pub alternatives: Vec<(CategoryId, f32)>,
    /// Whether the strong model decided.
    pub upgraded: bool,
    /// Whether a strong model may still decide otherwise: it counts for the statement, and is not to be remembered.
    pub provisional: bool,
    /// What its confidence is made of.
    pub grounds: Option<Grounds>,
    /// The earlier texts that answered, where these did; then the provider made the vector by which they were found.
    pub nearness: Option<Nearness>,
    /// The request that brought it; `None` for what was known.
    pub request: Option<Request>,
}

/// What earlier texts said of an input that the gateway compared with them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Nearness {
    /// Who said first what they agree on: a correction, a label, or a language model.
    pub origin: Origin,
    /// The texts; none where the answer was known already.
    pub similar: Similar,
}

/// A request to a provider, as those are told of it whose inputs were in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// The number of its attempt.
    pub attempt: i64,
    /// Tokens that were read of it, cached or not; 0 where nobody said how many.
    pub input_tokens: u64,
    /// Tokens that were written.
    pub output_tokens: u64,
}

/// What the confidence of a language model's answer is made of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Grounds {
    /// What the model said, before it was calibrated.
    pub raw_confidence: f32,
    /// Where that came from.
    pub source: Source,
    /// Why, in the model's words, where it was asked.
    pub rationale: Option<String>,
}

/// How one provider and model are doing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HealthLine {
    /// Name of the provider.
    pub provider: String,
    /// Name of the model.
    pub model: String,
    /// `closed`, `open` or `half_open`: whether the breaker lets requests pass.
    pub breaker: String,
    /// `true` where a quota or spend limit of the provider stopped it.
    pub stopped: bool,
    /// Attempts since the gateway began.
    pub attempts: u64,
    /// Those that failed.
    pub failures: u64,
    /// Inputs that it was asked about and answered.
    pub answers: u64,
    /// Those of them that a strong model was asked about, since it was not sure.
    pub upgrades: u64,
    /// Attempts in flight.
    pub in_flight: u32,
    /// Milliseconds within which half of the last attempts were answered.
    pub latency_p50_ms: Option<f32>,
    /// Milliseconds within which 99 of 100 were.
    pub latency_p99_ms: Option<f32>,
    /// What the last failure was: a class such as `http 429`, without anything that the provider wrote.
    pub last_failure: Option<String>,
}

/// Reasons travel by their names.
mod reason {
    use super::Reason;
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};
    use std::borrow::Cow;

    pub(super) fn serialize<S: Serializer>(reason: &Reason, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(reason.as_str())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Reason, D::Error> {
        let name = Cow::<str>::deserialize(deserializer)?;
        Reason::parse(&name).ok_or_else(|| D::Error::custom("an unknown reason"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ask(text: String, image: Option<Image>) -> ToGateway {
        let (key, shared_key) = (Fingerprint([7; 32]), Some(Fingerprint([0xfe; 32])));
        let input =
            Input { key, shared_key, text, image, best_confidence: 0.25, hints: vec![i32::MIN; HINTS], audited: None };
        ToGateway::Ask(Ask {
            request: u64::MAX,
            patience_ms: 10_000,
            asker: Asker { role: "shop".into(), application: "psql".into(), query_id: i64::MIN },
            tenant: String::new(),
            target: Target::Taxonomy { id: 1000, version: 3 },
            inputs: vec![input],
        })
    }

    #[test]
    fn a_reply_travels_by_the_name_of_its_reason() {
        let reply = Reply::Unanswered { reason: Reason::BudgetExceeded, detail: None };
        let frame = encode(&ToBackend::Replies { request: 1, replies: vec![(0, reply)] }).unwrap();
        assert!(String::from_utf8_lossy(&frame[HEADER_BYTES..]).contains("budget_exceeded"));
    }

    #[test]
    fn the_largest_input_fits_and_tells_its_size() {
        let mut bytes = vec![0; MAX_IMAGE_BYTES];
        bytes[..8].copy_from_slice(b"\x89PNG\r\n\x1a\n");
        for (image, text) in [(None, "\u{1}".repeat(1024 * 1024)), (Image::new(&bytes), "\u{1}".repeat(1024 * 1024))] {
            let message = ask(text, image);
            let ToGateway::Ask(Ask { inputs, .. }) = &message else { unreachable!() };
            let most = inputs[0].most_bytes();
            let frame = encode(&message).unwrap();
            assert!((most - 1024..most + 1024).contains(&frame.len()), "{} {most}", frame.len());
        }
    }

    proptest! {
        #[test]
        fn whatever_is_said_arrives(text in any::<String>(), pixels in proptest::option::of(any::<[u8; 9]>())) {
            let image = pixels.map(|pixels| Image::new(&[&b"GIF89a"[..], &pixels].concat()).unwrap());
            let frame = encode(&ask(text.clone(), image.clone())).unwrap();
            prop_assert_eq!(length(&frame), Ok(Some(frame.len())));
            prop_assert_eq!(decode::<ToGateway>(&frame).unwrap(), ask(text, image));
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            _ = length(&bytes);
            _ = decode::<ToGateway>(&bytes);
            _ = decode::<ToBackend>(&bytes);
        }
    }
}
