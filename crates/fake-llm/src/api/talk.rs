//! What is said in a conversation: instructions, and what the user says last, in text and pictures.

use super::Failure;
use crate::tokens::Prompt;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};
use std::fmt::Write;

/// One part of what a user says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Said {
    /// A text.
    Text(String),
    /// An image, by the name under which the oracle knows it.
    Image(String),
}

/// The messages of one request.
#[derive(Default)]
pub(crate) struct Talk {
    /// What developer and system say.
    pub(crate) instruction: String,
    /// What the user says last.
    pub(crate) user: Vec<Said>,
}

impl Talk {
    /// A text of developer or system.
    pub(crate) fn instruct(&mut self, text: &str, prompt: &mut Prompt) {
        prompt.add(text);
        self.instruction.push_str(text);
    }

    /// A text of the user.
    pub(crate) fn say(&mut self, text: &str, prompt: &mut Prompt) {
        prompt.add(text);
        self.user.push(Said::Text(text.to_owned()));
    }

    /// An image of the user.
    pub(crate) fn show(&mut self, image: String, prompt: &mut Prompt) {
        prompt.add_image(&image);
        self.user.push(Said::Image(image));
    }

    /// A request without anything from a user is refused everywhere.
    pub(crate) fn checked(self, param: &'static str) -> Result<Self, Failure> {
        let empty = |said: &Said| matches!(said, Said::Text(text) if text.trim().is_empty());
        match self.user.iter().all(empty) {
            true => Err(Failure::invalid("There is no user message with a text.", param)),
            false => Ok(self),
        }
    }
}

/// The name of an image in base64: `sha256:` and the digest of its bytes, in hexadecimal digits.
pub(crate) fn image_name(base64: &str, param: &'static str) -> Result<String, Failure> {
    let bytes = STANDARD.decode(base64).ok().filter(|bytes| !bytes.is_empty());
    let bytes = bytes.ok_or_else(|| Failure::invalid("The image is not valid base64 data.", param))?;
    let name = String::from("sha256:");
    Ok(Sha256::digest(bytes).iter().fold(name, |mut name, byte| {
        // Writing into a string cannot fail.
        _ = write!(name, "{byte:02x}");
        name
    }))
}

/// The name of an image behind a URL: of its bytes in a data URL (RFC 2397), else the URL itself, which is not fetched.
pub(crate) fn image_of_url(url: &str, param: &'static str) -> Result<String, Failure> {
    match url.strip_prefix("data:").map(|data| data.split_once(";base64,")) {
        None => Ok(url.to_owned()),
        Some(Some((kind, data))) if kind.starts_with("image/") => image_name(data, param),
        Some(_) => Err(Failure::invalid("The data URL of an image needs an image type and base64.", param)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_named_by_its_bytes_however_it_comes() {
        // The digest of "abc" (FIPS 180-4, examples).
        let abc = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(image_name("YWJj", "x").as_deref(), Ok(abc));
        assert_eq!(image_of_url("data:image/png;base64,YWJj", "x").as_deref(), Ok(abc));
        assert_eq!(image_of_url("https://a/b.png", "x").as_deref(), Ok("https://a/b.png"));
        for wrong in
            ["data:image/png;base64,Y", "data:image/png;base64,", "data:text/plain;base64,YWJj", "data:image/png,abc"]
        {
            assert!(image_of_url(wrong, "x").is_err(), "{wrong}");
        }
    }
}
