//! Decisions of OpenAI: a probability for each choice, and no output to pay.
//!
//! Source: <https://developers.openai.com/api/docs/guides/decisions> (public beta of 2026-10).

use super::body::Body;
use super::openai_chat::content;
use super::probabilities::{Probabilities, options, question};
use super::question::unmarked;
use super::{Api, DECISION_TOKENS, Item, ItemAnswer, Written, usage};
use crate::plan::Route;
use crate::store::Refusal;
use pg_categorize_core::choices::Choices;
use pg_categorize_core::price::Usage;
use pg_categorize_core::prompt::{IMAGE, described_options, quoted, user_data};
use serde_json::Value;
use std::fmt::Write;

/// Questions of one request, by the documentation.
const QUESTIONS: usize = 400;

/// Bytes that the choices of all questions may have together: each question repeats them, and each is paid for.
const OPTIONS_BYTES: usize = 1 << 20;

pub(super) struct Decisions;

impl Api for Decisions {
    fn pack_limit(&self, _: &Route, choices: &Choices) -> usize {
        QUESTIONS.min(OPTIONS_BYTES / choices.options_bytes().max(1))
    }

    fn write(&self, route: &Route, choices: &Choices, items: &[Item<'_>]) -> Result<Written, Refusal> {
        let (provider, model) = (&route.provider, &route.model);
        let prompt = options(route, choices)?;
        let data = unmarked(&user_data(items.iter().map(|item| (item.id, item.text))));
        let image = items.iter().find_map(|item| item.image);
        let user = image.map_or_else(
            || quoted(&data),
            |image| {
                let (data, note, url) = (quoted(&data), quoted(IMAGE), quoted(&image.data_url()));
                format!(
                    r#"[{{"type":"input_text","text":{data}}},{{"type":"input_text","text":{note}}},{{"type":"input_image","image_url":{url},"detail":"low"}}]"#
                )
            },
        );
        let mut questions = String::with_capacity((prompt.options.len() + 128) * items.len());
        for (position, Item { id, .. }) in items.iter().enumerate() {
            let own = choices.form().map(|_| described_options(&choices.offered_to(position)));
            let options = own.as_ref().unwrap_or(&prompt.options);
            let comma = if questions.is_empty() { "" } else { "," };
            _ = write!(
                questions,
                r#"{comma}{{"type":"choice","name":"item_{id}","instructions":{},"choices":{options}}}"#,
                quoted(&question(choices, *id)),
            );
        }
        let mut body = Body::new(prompt.decision.json.len() + user.len() + questions.len());
        body.text("model", &model.name);
        body.json(
            "input",
            &format!(
                r#"[{{"type":"message","role":{},"content":{}}},{{"type":"message","role":"user","content":{}}}]"#,
                quoted(&provider.abilities.instruction_role),
                content(&prompt.decision, "input_text", model.cache_breakpoint),
                user,
            ),
        );
        body.json("questions", &format!("[{questions}]"));
        if provider.abilities.openai_extras {
            body.text("prompt_cache_key", &prompt.decision.cache_key);
        }
        let output_bound = DECISION_TOKENS.saturating_mul(items.len() as u64);
        // Each question is put before the model as a message of its own.
        let messages = 2 + items.len() as u64;
        Ok(Written { path: "/decisions".into(), body: body.end(), messages, hidden: 0, output_bound })
    }

    fn takes_images(&self) -> bool {
        true
    }

    fn read(&self, reply: &Value, choices: &Choices, ids: &[u32]) -> Option<Vec<ItemAnswer>> {
        let answers = reply.get("answers")?.as_array()?;
        let mut read: Vec<Option<ItemAnswer>> = vec![None; ids.len()];
        for (position, answer) in answers.iter().enumerate() {
            // Answers come in the order of the questions, and bear their names where they had some.
            let position = match answer.get("name") {
                Some(Value::String(name)) => named(name, ids),
                _ => Some(position).filter(|_| answers.len() == ids.len()),
            };
            let Some(position) = position else { continue };
            let answer = probabilities(answer).answer(ids[position], choices);
            let known = &mut read[position];
            *known = Some(known.take().map_or(answer.clone(), |known| known.agree(answer)));
        }
        Some(read.into_iter().flatten().collect())
    }

    fn usage(&self, reply: &Value) -> Option<Usage> {
        usage::of_decision(reply.get("usage")?)
    }
}

fn named(name: &str, ids: &[u32]) -> Option<usize> {
    let id: u32 = name.strip_prefix("item_")?.parse().ok()?;
    ids.iter().position(|asked| *asked == id)
}

/// A refusal has no choice, and is invalid.
fn probabilities(answer: &Value) -> Probabilities<'_> {
    let list = answer.get("probabilities").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    Probabilities {
        choice: answer.get("choice").and_then(Value::as_str),
        confidence: answer.get("confidence").and_then(Value::as_f64),
        of: list
            .iter()
            .filter_map(|one| Some((one.get("value")?.as_str()?, one.get("probability")?.as_f64()?)))
            .collect(),
    }
}
