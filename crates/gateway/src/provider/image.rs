//! Images in requests.

use super::Item;
use crate::plan::Route;
use crate::store::Refusal;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use pg_categorize_core::cascade::Reason;
use pg_categorize_core::image::ImageType;

/// An image as requests carry it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// Its kind.
    pub kind: ImageType,
    /// Its bytes in base64 (RFC 4648, 4).
    pub base64: String,
}

impl Image {
    /// An image of these bytes; `None` where they begin as no image that providers read.
    pub fn new(bytes: &[u8]) -> Option<Self> {
        Some(Self { kind: ImageType::sniff(bytes)?, base64: STANDARD.encode(bytes) })
    }

    /// It as a URL that holds it (RFC 2397).
    pub(super) fn data_url(&self) -> String {
        format!("data:{};base64,{}", self.kind.media_type(), self.base64)
    }
}

/// What of a request is no text.
#[derive(Debug, Default)]
pub(super) struct Sent {
    /// Bytes of the body that are the image.
    pub(super) bytes: u64,
    /// Tokens that it counts for at most.
    pub(super) tokens: u64,
}

/// The image among these items.
///
/// # Errors
/// `no_provider` where this route takes none; `input_too_large` where it would not be alone.
pub(super) fn sent(route: &Route, takes_images: bool, items: &[Item<'_>]) -> Result<Sent, Refusal> {
    let Some(image) = items.iter().find_map(|item| item.image) else { return Ok(Sent::default()) };
    let Some(tokens) = route.model.image_tokens.filter(|_| takes_images) else {
        return Err(Refusal::because(Reason::NoProvider, format!("{route} takes no images.")));
    };
    if items.len() > 1 {
        return Err(Refusal::because(Reason::InputTooLarge, "An image goes alone in its request."));
    }
    Ok(Sent { bytes: image.base64.len() as u64, tokens })
}
