//! `POST /v1/chat/completions` (OpenAI, API reference, "Chat completions").

use super::answer::{Answer, spoil};
use super::content::{self, Form};
use super::items::{self, Items};
use super::openai_chat_request::{Request, ResponseFormat};
use super::{Answering, Api, Asked, Failure, Written, logprobs, openai, schema};
use crate::faults::Fault;
use crate::oracle::Oracle;
use crate::tokens::{Prompt, Tokens, count};
use axum::http::HeaderMap;
use serde_json::{Value, json};

pub(crate) struct OpenAiChat;

pub(crate) struct Question {
    form: Form,
    items: Items,
    options: Vec<String>,
    most_tokens: Option<u64>,
    /// How many alternatives of each token; `None` where no log-probabilities are wanted.
    top: Option<usize>,
}

impl Api for OpenAiChat {
    type Question = Question;

    fn key(headers: &HeaderMap) -> Option<&str> {
        openai::key(headers)
    }

    fn read(body: &[u8], oracle: &Oracle) -> Result<(Asked, Question), Failure> {
        let request: Request = openai::parse(body)?;
        request.check()?;
        let mut prompt = Prompt::default();
        let form = match request.response_format {
            None | Some(ResponseFormat::Text) => Form::Text,
            Some(ResponseFormat::JsonObject) => Form::Json,
            Some(ResponseFormat::JsonSchema { json_schema }) => Form::Schema(json_schema.schema),
        };
        let mut options = Vec::new();
        if let Form::Schema(schema) = &form {
            // It stands before the messages: another schema is another prefix.
            prompt.add(&schema.to_string());
            options = schema::options(schema);
        }
        let talk = openai::talk(&request.messages, &mut prompt)?;
        if options.is_empty() {
            options = items::labels(&talk.instruction, oracle);
        }
        let items = items::read(&talk.user);
        let titles = items.list.iter().map(|item| item.title.clone()).collect();
        let most_tokens = request.max_completion_tokens.or(request.max_tokens);
        let top = request.logprobs.filter(|wanted| *wanted).map(|_| request.top_logprobs.unwrap_or(0));
        let asked = Asked { model: request.model, titles, prompt, output_bound: most_tokens.unwrap_or(0) };
        Ok((asked, Question { form, items, options, most_tokens, top }))
    }

    fn answer(asked: &Asked, question: Question, with: &Answering<'_>) -> Written {
        let Question { form, items, options, most_tokens, top } = question;
        let places = items.list.iter().enumerate();
        let answer = |(place, item): (usize, &items::Item)| Answer::to(asked, place, item.id.clone(), &options, with);
        let mut answers: Vec<_> = places.map(answer).collect();
        let mut spoiled = spoil(&mut answers, &with.chosen);
        let mut content = content::write(&form, &answers, items.packed);
        let mut finish = "stop";
        let mut refusal = None;
        match with.chosen.fault {
            Fault::Refusal => refusal = Some("I'm sorry, but I can't help with that."),
            Fault::Length => {
                let half = content.len() as u64 / 2;
                cut(&mut content, half);
                finish = "length";
            }
            Fault::BrokenContent => content = format!("Sure! Here is the answer: {}", content.replace('"', "'")),
            _ => {}
        }
        if matches!(with.chosen.fault, Fault::Refusal | Fault::Length | Fault::BrokenContent) {
            spoiled = (0..items.list.len()).collect();
        }
        // A client that allows too few tokens has itself to blame: nothing is spoiled.
        if let Some(most) = most_tokens.filter(|most| count(content.len() as u64) > *most && refusal.is_none()) {
            cut(&mut content, most.saturating_mul(4));
            finish = "length";
        }
        let output_tokens = count(refusal.map_or(content.len(), str::len) as u64);
        let logprobs = top.filter(|_| refusal.is_none()).map(|top| {
            let answers: Vec<_> = answers.iter().map(|answer| (answer, answer.probabilities(asked, with))).collect();
            let json = !matches!(form, Form::Text) || answers.len() > 1;
            logprobs::of(&content, &answers, json, top)
        });
        let content = if refusal.is_some() { Value::Null } else { content.into() };
        let body = json!({
            "id": format!("chatcmpl-{}", with.number),
            "object": "chat.completion",
            "created": 1_795_305_600,
            "model": asked.model,
            "choices": [{
                "index": 0,
                "message": {"role": "assistant", "content": content, "refusal": refusal, "annotations": []},
                "logprobs": logprobs,
                "finish_reason": finish,
            }],
            "service_tier": "default",
            "system_fingerprint": null,
        });
        Written { body, output_tokens, spoiled }
    }

    fn usage(tokens: &Tokens) -> Value {
        let (input, output) = (tokens.all_input(), tokens.output);
        json!({
            "prompt_tokens": input,
            "completion_tokens": output,
            "total_tokens": input + output,
            "prompt_tokens_details": {
                "cached_tokens": tokens.cached_input,
                "cache_write_tokens": tokens.cache_write,
                "audio_tokens": 0,
            },
            "completion_tokens_details": {
                "reasoning_tokens": 0,
                "audio_tokens": 0,
                "accepted_prediction_tokens": 0,
                "rejected_prediction_tokens": 0,
            },
        })
    }

    fn failure(failure: &Failure) -> (u16, Value) {
        openai::failure(failure)
    }
}

/// The first so many bytes, as whole characters.
fn cut(text: &mut String, bytes: u64) {
    let bytes = usize::try_from(bytes).unwrap_or(usize::MAX).min(text.len());
    text.truncate((0..=bytes).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0));
}
