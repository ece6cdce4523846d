//! What a call shows: an image, and the text beside it.

use crate::pg::error;
use crate::pg::resolver::unviewable;
use pg_categorize_core::cascade::Outcome;
use pg_categorize_core::error::Error;
use pg_categorize_core::image::Picture;
use pg_categorize_core::normalise::is_blank;

/// No text begins so in UTF-8: what is kept for an image is never found for a text.
const NO_TEXT: u8 = 0xff;

/// An image, and the text beside it, which may be blank.
#[derive(Clone, Copy)]
pub struct View<'a> {
    /// The bytes as they came.
    pub image: &'a [u8],
    /// The text.
    pub text: &'a str,
}

impl<'a> View<'a> {
    /// The image with the text beside it; `None` where either is NULL, since then nothing is asked.
    pub fn of(image: Option<&'a [u8]>, text: Option<&'a str>) -> Option<Self> {
        Some(Self { image: image?, text: text? })
    }

    /// The image, or why it cannot be asked about.
    ///
    /// # Errors
    /// 22023 where it is none.
    pub fn picture(&self) -> Result<Picture<'a>, Box<Outcome>> {
        match unviewable(self.image) {
            Some(outcome) => Err(Box::new(outcome)),
            None => Ok(Picture::new(self.image).unwrap_or_else(|| not_an_image())),
        }
    }

    /// By what the same view is known again in this process.
    pub fn key(&self, picture: &Picture<'_>) -> Vec<u8> {
        let text = if is_blank(self.text) { "" } else { self.text };
        [&[NO_TEXT], &picture.digest()[..], text.as_bytes()].concat()
    }
}

fn not_an_image() -> ! {
    let error = Error::invalid("these bytes are no image that can be categorized");
    error::raise(
        error.hint("Pass a PNG, JPEG, WebP or GIF as it is stored in a file; render the pages of a PDF first."),
    )
}
