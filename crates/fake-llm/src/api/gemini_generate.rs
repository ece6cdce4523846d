//! `POST /{version}/models/{model}:generateContent` and `:countTokens` (ai.google.dev, "Generating content").

use super::content::Form;
use super::gemini::{Gemini, model_of, wrong};
use super::gemini_request::{Request, Thinking};
use super::task::{End, Task};
use super::{Answering, Api, Asked, Failure, Incoming, Written};
use crate::oracle::Oracle;
use crate::tokens::{Prompt, Tokens, count};
use serde::Deserialize;
use serde_json::{Value, json};

/// What a model thinks, where it does.
const THOUGHT: &str = "Each title is compared with the categories; the one whose words are nearest is chosen.";

pub(crate) struct GeminiGenerate;

pub(crate) struct Question {
    task: Task,
    thinks: bool,
    shows_thoughts: bool,
}

/// Whether a model thinks with this configuration ("Thinking": 2.5 has budgets, later models have levels).
fn thinks(model: &str, thinking: Option<&Thinking>) -> Result<bool, Failure> {
    let budgets = model.starts_with("gemini-2.5");
    let never = model.starts_with("gemini-2.5-flash-lite");
    let (budget, level) = match thinking {
        Some(thinking) => (thinking.thinking_budget, thinking.thinking_level.as_deref()),
        None => (None, None),
    };
    match (budget, level) {
        (Some(_), Some(_)) => Err(wrong("You can only set only one of thinking budget and thinking level.")),
        (_, Some(_)) if budgets => Err(wrong("Thinking level is not supported for this model.")),
        (_, Some(level)) => {
            match ["MINIMAL", "LOW", "MEDIUM", "HIGH", "XHIGH"].contains(&level.to_uppercase().as_str()) {
                true => Ok(!level.eq_ignore_ascii_case("minimal")),
                false => {
                    Err(wrong(format!("Invalid value at 'generation_config.thinking_config.thinking_level': {level}")))
                }
            }
        }
        (Some(0), None) if model.starts_with("gemini-2.5-pro") => {
            Err(wrong("Budget 0 is invalid. This model only works in thinking mode."))
        }
        (Some(budget), None) => Ok(budget != 0),
        (None, None) => Ok(!never),
    }
}

impl Api for GeminiGenerate {
    type Provider = Gemini;
    type Question = Question;

    const NAME: &'static str = "gemini_generate";
    const USAGE: &'static str = "usageMetadata";

    fn read(incoming: &Incoming<'_>, oracle: &Oracle) -> Result<(Asked, Question), Failure> {
        let model = model_of(incoming);
        let request = Request::read(incoming.body)?;
        let form = request.config.form()?;
        let thinking = request.config.thinking_config.as_ref();
        let thinks = thinks(&model, thinking)?;
        let shows_thoughts = thinks && thinking.is_some_and(|thinking| thinking.include_thoughts == Some(true));
        let mut prompt = Prompt::default();
        match &form {
            Form::Schema(schema) => prompt.add(&schema.to_string()),
            Form::Label(options) => options.iter().for_each(|option| prompt.add(option)),
            Form::Json | Form::Text => {}
        }
        let talk = request.talk(&mut prompt)?;
        let most = request.config.max_output_tokens;
        let task = Task::new(form, &talk, most, oracle);
        // 1024 for Flash, 4096 for the newer ones ("Context caching", minimum input).
        let shortest_prefix = if model.starts_with("gemini-2.5-flash") { 1024 } else { 4096 };
        let asked = Asked::about(model, task.items.names(oracle), prompt, most.unwrap_or(0));
        Ok((Asked { shortest_prefix, ..asked }, Question { task, thinks, shows_thoughts }))
    }

    fn answer(asked: &Asked, question: Question, with: &Answering<'_>) -> Written {
        let Question { task, thinks, shows_thoughts } = question;
        let most = task.most_tokens.unwrap_or(u64::MAX);
        let thoughts = if thinks { count(THOUGHT.len() as u64).min(most) } else { 0 };
        let speech = task.speak(asked, with, thoughts);
        let number = with.number;
        let named = |mut body: Value| {
            body["modelVersion"] = asked.model.clone().into();
            body["responseId"] = format!("fake-{number}").into();
            body
        };
        if speech.end == End::Refused {
            let body = named(json!({"promptFeedback": {"blockReason": "SAFETY"}}));
            return Written { body, spoiled: speech.spoiled, ..Written::default() };
        }
        let thought = shows_thoughts.then(|| json!({"text": THOUGHT, "thought": true}));
        let text = Some(json!({"text": speech.text})).filter(|_| !speech.text.is_empty());
        let parts: Vec<_> = thought.into_iter().chain(text).collect();
        let reason = if speech.end == End::Cut { "MAX_TOKENS" } else { "STOP" };
        let content = json!({"role": "model", "parts": parts});
        let body = named(json!({"candidates": [{"content": content, "finishReason": reason, "index": 0}]}));
        Written { body, output_tokens: speech.tokens + thoughts, thoughts, spoiled: speech.spoiled }
    }

    fn usage(tokens: &Tokens, thoughts: u64) -> Value {
        json!({
            "promptTokenCount": tokens.all_input(),
            "cachedContentTokenCount": tokens.cached_input,
            "candidatesTokenCount": tokens.output - thoughts,
            "thoughtsTokenCount": thoughts,
            "totalTokenCount": tokens.all_input() + tokens.output,
        })
    }
}

pub(crate) struct GeminiCount;

/// Either what would be sent to generate, or its contents alone.
#[derive(Deserialize)]
#[serde(untagged)]
enum ToCount {
    Whole {
        #[serde(rename = "generateContentRequest", alias = "generate_content_request")]
        request: Box<Request>,
    },
    Contents(Box<Request>),
}

impl Api for GeminiCount {
    type Provider = Gemini;
    type Question = ();

    const NAME: &'static str = "gemini_count";
    const FREE: bool = true;

    fn read(incoming: &Incoming<'_>, _: &Oracle) -> Result<(Asked, ()), Failure> {
        let read: Result<ToCount, _> = serde_json::from_slice(incoming.body);
        let (ToCount::Whole { request } | ToCount::Contents(request)) =
            read.map_err(|error| wrong(format!("Invalid JSON payload received. {error}")))?;
        let mut prompt = Prompt::default();
        request.talk(&mut prompt)?;
        Ok((Asked::unanswered(model_of(incoming), Vec::new(), prompt), ()))
    }

    fn answer(asked: &Asked, (): (), _: &Answering<'_>) -> Written {
        Written { body: json!({"totalTokens": asked.prompt.tokens()}), ..Written::default() }
    }

    fn usage(_: &Tokens, _: u64) -> Value {
        Value::Null
    }
}
