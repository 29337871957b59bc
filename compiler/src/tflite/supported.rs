// SPDX-License-Identifier: MIT OR Apache-2.0
//! The text of `docs/SUPPORTED.md`, from the tables that import and compilation themselves use.

use std::fmt::Write;

use sepstream_spec::quant::Semantics;

use super::operator::KINDS;
use super::rules::{RULES, network};
use crate::accelerate;

/// `docs/SUPPORTED.md`: operators, and the rules with their ids.
pub fn supported_markdown() -> String {
    let mut text = String::from(
        "<!-- SPDX-License-Identifier: MIT OR Apache-2.0 -->\n\
         <!-- Generated from the rules: UPDATE_DOCS=1 cargo test -p sepstream-compiler --test tflite_docs -->\n\
         # What a model may contain\n\n\
         Every sound `.tflite` file is imported, and `inspect` shows it. Here are the rules that it has to keep for the reference\n\
         engine to run it; the accelerator adds rules of its own, at the end, and leaves the layers that break\n\
         them to the host. Errors name the layers, the rule and what was found. Tensors are named NHWC; shapes of computed\n\
         tensors are inferred, and may be missing.\n\n",
    );
    text += &whose();
    text.push_str(
        "\
         ## Operators\n\n\
         | operator | rules of its own |\n|---|---|\n",
    );
    let rules = || RULES.iter().copied().flatten();
    // Writing to a String cannot fail.
    for (kind, _, _) in KINDS {
        let own: Vec<String> = rules()
            .filter(|r| r.operators.contains(kind))
            .map(|r| format!("`{}`", r.id))
            .collect();
        let _ = writeln!(text, "| {kind} | {} |", own.join(", "));
    }
    text.push_str("\n## Rules of a network\n\n| rule | operators | supported |\n|---|---|---|\n");
    for rule in network::RULES {
        text += &row(rule.id, rule.operators, rule.sentence);
    }
    text.push_str("\n## Rules\n\n| rule | operators | supported |\n|---|---|---|\n");
    for rule in rules() {
        text += &row(rule.id, rule.operators, rule.sentence);
    }
    text.push_str(
        "\n## Rules of the accelerator\n\n| rule | operators | supported |\n|---|---|---|\n",
    );
    for rule in accelerate::RULES {
        text += &row(rule.id, rule.operators, rule.sentence);
    }
    text
}

/// What outputs are equal to, by the names of `--semantics`.
fn whose() -> String {
    let mut text = String::from(
        "Outputs equal the reference kernels (`BUILTIN_REF`) of one of these; they differ in FULLY_CONNECTED only:\n\n\
         | `--semantics` | implementation | FULLY_CONNECTED |\n|---|---|---|\n",
    );
    for semantics in Semantics::ALL {
        let rounds = match semantics {
            Semantics::LiteRt => "a product in double precision, rounded once (the default)",
            Semantics::Tflm => "integers, rounded twice",
        };
        let (name, reference) = (semantics.name(), semantics.reference());
        text += &format!("| `{name}` | {reference} | {rounds} |\n");
    }
    text.push('\n');
    text
}

fn row(id: &str, operators: &[&str], sentence: &str) -> String {
    let operators = if operators.is_empty() {
        "all".to_owned()
    } else {
        operators.join(", ")
    };
    format!("| `{id}` | {operators} | {sentence} |\n")
}
