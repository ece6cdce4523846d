//! Images in requests.

use super::Item;
use crate::plan::Route;
use crate::store::Refusal;
use pg_categorize_core::cascade::Reason;

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
        return Err(Refusal::because(Reason::NoProvider, format!("The model {route} takes no images.")));
    };
    if items.len() > 1 {
        return Err(Refusal::because(Reason::InputTooLarge, "An image goes alone in its request."));
    }
    Ok(Sent { bytes: image.base64().len() as u64, tokens })
}
