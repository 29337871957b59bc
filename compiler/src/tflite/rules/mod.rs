// SPDX-License-Identifier: MIT OR Apache-2.0
//! What an imported model may contain: one rule, one function, one sentence, one test.
//!
//! These rules say what the graph can express and the reference engine computes; what fits on an accelerator is a table of its
//! own. A rule passes when something it needs is missing: another rule, or the reader of the file, reports that.

mod options;
mod quant;
mod shapes;
#[cfg(test)]
mod tests;
mod types;

use super::candidate::Candidate;
use super::operator;
use crate::rule::{Rule, Verdict, Violation};

/// A rule of import.
pub type ImportRule = Rule<fn(&Candidate<'_>) -> Verdict>;

const WEIGHTED: &[&str] = &["CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"];
const WINDOWED: &[&str] = &[
    "CONV_2D",
    "DEPTHWISE_CONV_2D",
    "AVERAGE_POOL_2D",
    "MAX_POOL_2D",
];
const ELEMENTWISE: &[&str] = &["ADD", "SUB", "MUL"];

/// All rules of import, in the order in which they are checked and documented.
pub const RULES: &[&[ImportRule]] = &[options::RULES, types::RULES, shapes::RULES, quant::RULES];

/// Every rule that an operator breaks. An unknown operator breaks only that one.
pub fn check(c: &Candidate<'_>) -> Vec<Violation> {
    let broken = |rule: &ImportRule| {
        (rule.check)(c)
            .err()
            .map(|found| rule.violation(c.operator.layer_ref(c.slots), found))
    };
    if operator::arity(c.kind()).is_none() {
        return broken(&options::RULES[0]).into_iter().collect();
    }
    RULES
        .iter()
        .copied()
        .flatten()
        .filter(|rule| rule.applies(c.kind()))
        .filter_map(broken)
        .collect()
}

/// A shape as a dimension list in a message.
fn dims(shape: &[usize]) -> String {
    let dims: Vec<String> = shape.iter().map(usize::to_string).collect();
    format!("[{}]", dims.join(", "))
}
