//! `POST /v1/chat/completions` (OpenAI, API reference, "Chat completions").

use super::content::Form;
use super::openai::OpenAi;
use super::openai_chat_request::{Request, ResponseFormat};
use super::task::{End, Task};
use super::{Answering, Api, Asked, Failure, Incoming, Written, logprobs, openai};
use crate::oracle::Oracle;
use crate::tokens::{Prompt, Tokens};
use serde_json::{Value, json};

pub(crate) struct OpenAiChat;

pub(crate) struct Question {
    task: Task,
    /// How many alternatives of each token; `None` where no log-probabilities are wanted.
    top: Option<usize>,
}

impl Api for OpenAiChat {
    type Provider = OpenAi;
    type Question = Question;

    const NAME: &'static str = "openai_chat";

    fn read(incoming: &Incoming<'_>, oracle: &Oracle) -> Result<(Asked, Question), Failure> {
        let request: Request = openai::parse(incoming.body)?;
        request.check()?;
        let mut prompt = Prompt::default();
        let form = match request.response_format {
            None | Some(ResponseFormat::Text) => Form::Text,
            Some(ResponseFormat::JsonObject) => Form::Json,
            Some(ResponseFormat::JsonSchema { json_schema }) => Form::Schema(json_schema.schema),
        };
        if let Form::Schema(schema) = &form {
            // It stands before the messages: another schema is another prefix.
            prompt.add(&schema.to_string());
        }
        let talk = openai::talk(&request.messages, &mut prompt)?;
        let most_tokens = request.max_completion_tokens.or(request.max_tokens);
        let task = Task::new(form, &talk, most_tokens, oracle);
        let top = request.logprobs.filter(|wanted| *wanted).map(|_| request.top_logprobs.unwrap_or(0));
        let asked = Asked::about(request.model, task.items.names(oracle), prompt, most_tokens.unwrap_or(0));
        Ok((asked, Question { task, top }))
    }

    fn answer(asked: &Asked, question: Question, with: &Answering<'_>) -> Written {
        let Question { task, top } = question;
        let speech = task.speak(asked, with, 0);
        let refused = speech.end == End::Refused;
        let logprobs = top.filter(|_| !refused).map(|top| {
            let probable = speech.answers.iter().map(|answer| (answer, answer.probabilities(asked, with)));
            let answers: Vec<_> = probable.collect();
            let json = !matches!(task.form, Form::Text) || answers.len() > 1;
            logprobs::of(&speech.text, &answers, json, top)
        });
        let text = Value::from(speech.text);
        let (content, refusal) = if refused { (Value::Null, text) } else { (text, Value::Null) };
        let body = json!({
            "id": format!("chatcmpl-{}", with.number),
            "object": "chat.completion",
            "created": 1_795_305_600,
            "model": asked.model,
            "choices": [{
                "index": 0,
                "message": {"role": "assistant", "content": content, "refusal": refusal, "annotations": []},
                "logprobs": logprobs,
                "finish_reason": if speech.end == End::Cut { "length" } else { "stop" },
            }],
            "service_tier": "default",
            "system_fingerprint": null,
        });
        Written { body, output_tokens: speech.tokens, thoughts: 0, spoiled: speech.spoiled }
    }

    fn usage(tokens: &Tokens, _: u64) -> Value {
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
}
