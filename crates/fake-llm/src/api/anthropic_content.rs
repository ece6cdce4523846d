//! What messages to Anthropic are made of: texts, images, and the ends of what is to be cached.

use super::Failure;
use super::anthropic_request::wrong;
use super::talk::{Talk, image_name, image_of_url};
use crate::tokens::{Kept, Prompt};
use serde::Deserialize;
use serde_json::Value;

/// What is said: a text, or blocks.
#[derive(Deserialize)]
#[serde(untagged)]
pub(crate) enum Content {
    Text(String),
    Blocks(Vec<Block>),
}

/// One block.
#[derive(Deserialize)]
pub(crate) struct Block {
    r#type: String,
    #[serde(default)]
    pub(crate) text: String,
    source: Option<Value>,
    cache_control: Option<Value>,
}

impl Content {
    /// Shows each block, and marks what is to be cached.
    pub(crate) fn read(
        &self,
        prompt: &mut Prompt,
        mut see: impl FnMut(&Block, &mut Prompt) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        match self {
            Self::Text(text) => {
                let block = Block { r#type: "text".to_owned(), text: text.clone(), source: None, cache_control: None };
                see(&block, prompt)
            }
            Self::Blocks(blocks) => blocks.iter().try_for_each(|block| {
                see(block, prompt)?;
                mark(block.cache_control.as_ref(), prompt);
                Ok(())
            }),
        }
    }
}

/// Marks the end of a prefix, where this says so.
pub(crate) fn mark(control: Option<&Value>, prompt: &mut Prompt) {
    if let Some(control) = control.filter(|control| control["type"] == "ephemeral") {
        prompt.mark(if control["ttl"] == "1h" { Kept::Hour } else { Kept::Minutes });
    }
}

impl Block {
    /// Says it as a user.
    pub(crate) fn say(&self, talk: &mut Talk, prompt: &mut Prompt) -> Result<(), Failure> {
        match (self.r#type.as_str(), &self.source) {
            ("text", _) => talk.say(&self.text, prompt),
            ("image", Some(source)) => {
                let text = |name: &str| source[name].as_str().unwrap_or_default();
                let image = match text("type") {
                    "base64" if text("media_type").starts_with("image/") => image_name(text("data"), "messages")?,
                    "url" => image_of_url(text("url"), "messages")?,
                    _ => return Err(wrong("messages.content.source: neither an image in base64 nor a URL")),
                };
                talk.show(image, prompt);
            }
            (other, _) => return Err(wrong(format!("messages.content.type: this server does not read {other:?}"))),
        }
        Ok(())
    }
}
