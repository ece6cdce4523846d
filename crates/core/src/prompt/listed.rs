//! What a model is told that has a list of its own in each request. The instruction is the same for all taxonomies; the list
//! comes with the inputs, as JSON: no label can end its own string.

use super::{DATA, Instruction, one_line, quoted};
use crate::choices::{Form, NONE_OF_THESE};

impl Form {
    /// What the list is called in the data.
    const fn member(self) -> &'static str {
        match self {
            Self::Candidates => "categories",
            Self::Branches => "branches",
        }
    }

    /// What the list is.
    const fn what(self) -> &'static str {
        match self {
            Self::Candidates => {
                "categories, each with what it is about where that is known. They are the likeliest of many"
            }
            Self::Branches => {
                "branches of a tree of categories, each with what it is about where that is known. A branch stands for \
                 itself and for all that is below it"
            }
        }
    }

    /// The question about one item, for a model that returns a probability for each choice.
    pub const fn question(self) -> &'static str {
        match self {
            Self::Candidates => "Which category fits the title best, if any of these does?",
            Self::Branches => {
                "To which branch of a tree of categories does the title belong, if to any? A branch stands for itself and \
                 for all that is below it."
            }
        }
    }

    /// What is to be chosen.
    const fn choice(self) -> &'static str {
        match self {
            Self::Candidates => "the one category that fits best",
            Self::Branches => "the one branch to which it belongs",
        }
    }

    /// When none is.
    const fn none(self) -> &'static str {
        match self {
            Self::Candidates => "where none of them fits: the right one may not be among them",
            Self::Branches => "only where it belongs to none of them",
        }
    }
}

/// The instruction that asks for JSON with such an entry for each item.
pub(super) fn items(form: Form, (entry, meaning): (&str, &str)) -> Instruction {
    let (member, what, choice, none) = (form.member(), form.what(), form.choice(), form.none());
    Instruction::new(&format!(
        "You sort titles into categories. The user message is one JSON object. Its member {member} has {what}. Its member \
         items has items, each with an id and a title. {DATA}\nFor each item choose {choice}, written exactly as it is \
         listed. Choose \"{NONE_OF_THESE}\" {none}.\nReply with JSON and nothing else: {{\"items\":[{entry}]}} with one \
         entry for each id; {meaning}confidence is the probability, from 0 to 1, that the category is right.\n"
    ))
}

/// The instruction that asks for the label alone.
pub(super) fn label(form: Form) -> Instruction {
    let (member, what, choice, none) = (form.member(), form.what(), form.choice(), form.none());
    Instruction::new(&format!(
        "You sort titles into categories. The user message is one JSON object. Its member {member} has {what}. Its member \
         items has one item, which has a title. {DATA}\nReply with {choice}, written exactly as it is listed, and nothing \
         else. Reply \"{NONE_OF_THESE}\" {none}.\n"
    ))
}

/// The instruction for a model that returns a probability for each choice.
pub(super) fn decision(form: Form) -> Instruction {
    let (what, choice, none) = (form.what(), form.choice(), form.none());
    Instruction::new(&format!(
        "Sort titles into categories. The user message is one JSON object with items, each with an id and a title. {DATA}\n\
         Each question offers {what}. Choose {choice}, and \"{NONE_OF_THESE}\" {none}.\n"
    ))
}

/// The list, as a member of the data.
pub(super) fn list(form: Form, offered: &[(&str, Option<&str>)]) -> String {
    let member = |(label, description): &(&str, Option<&str>)| {
        format!("{}:{}", quoted(label), quoted(&description.map(one_line).unwrap_or_default()))
    };
    format!("\"{}\":{{{}}}", form.member(), offered.iter().map(member).collect::<Vec<_>>().join(","))
}
