//! `POST /v1/messages/count_tokens` (Anthropic, API reference, "Count tokens"): free.

use super::anthropic::Anthropic;
use super::anthropic_request::Request;
use super::{Answering, Api, Asked, Failure, Incoming, Written};
use crate::oracle::Oracle;
use crate::tokens::{Prompt, Tokens};
use serde_json::{Value, json};

pub(crate) struct AnthropicCount;

impl Api for AnthropicCount {
    type Provider = Anthropic;
    type Question = ();

    const NAME: &'static str = "anthropic_count";
    const FREE: bool = true;

    fn read(incoming: &Incoming<'_>, _: &Oracle) -> Result<(Asked, ()), Failure> {
        let request = Request::read(incoming)?;
        if request.max_tokens.is_some() {
            return Err(Failure::invalid("max_tokens: Extra inputs are not permitted", "max_tokens"));
        }
        let mut prompt = Prompt::default();
        request.talk(&mut prompt)?;
        Ok((Asked::unanswered(request.model, Vec::new(), prompt), ()))
    }

    fn answer(asked: &Asked, (): (), _: &Answering<'_>) -> Written {
        Written { body: json!({"input_tokens": asked.prompt.tokens()}), ..Written::default() }
    }

    fn usage(_: &Tokens, _: u64) -> Value {
        Value::Null
    }
}
