// SPDX-License-Identifier: MIT OR Apache-2.0
//! What an imported model may contain: one rule, one function, one sentence, one test.
//!
//! These rules say what the graph can express and the reference engine computes; what fits on an accelerator is a table of its
//! own. A rule passes when something it needs is missing: another rule, or the reader of the file, reports that.

mod moves;
pub mod network;
mod options;
mod quant;
mod shapes;
#[cfg(test)]
mod tests;
mod types;

use sepstream_spec::graph::Missing;

use super::candidate::Candidate;
use super::operator;
use crate::rule::{Rule, Verdict};

/// A rule of import.
pub type ImportRule = Rule<fn(&Candidate<'_>) -> Verdict>;

const WEIGHTED: &[&str] = &[
    "CONV_2D",
    "DEPTHWISE_CONV_2D",
    "FULLY_CONNECTED",
    "TRANSPOSE_CONV",
];
const WINDOWED: &[&str] = &[
    "CONV_2D",
    "DEPTHWISE_CONV_2D",
    "AVERAGE_POOL_2D",
    "MAX_POOL_2D",
];
const ELEMENTWISE: &[&str] = &[
    "ADD",
    "DIV",
    "MAXIMUM",
    "MINIMUM",
    "MUL",
    "PRELU",
    "SQUARED_DIFFERENCE",
    "SUB",
];

/// All rules of import, in the order in which they are checked and documented.
pub const RULES: &[&[ImportRule]] = &[
    options::RULES,
    types::RULES,
    shapes::RULES,
    moves::RULES,
    quant::RULES,
];

/// Every rule that an operator breaks. An unknown operator breaks only that one, and behind a shape that nobody knows no other
/// rule can be judged.
pub fn check(c: &Candidate<'_>) -> Vec<Missing> {
    let broken = |rule: &ImportRule| (rule.check)(c).err().map(|found| rule.missing(found));
    let first = match operator::arity(c.kind()) {
        None => &options::RULES[..1],
        Some(_) => &shapes::RULES[..1],
    };
    let found: Vec<Missing> = first.iter().filter_map(broken).collect();
    if !found.is_empty() {
        return found;
    }
    RULES
        .iter()
        .copied()
        .flatten()
        .filter(|rule| rule.applies(c.kind()))
        .filter_map(broken)
        .collect()
}

/// The rule that an operator breaks whose result has no shape although it breaks no other.
pub fn unknown_shape() -> Missing {
    shapes::RULES[0].missing("that of the result cannot be inferred".to_owned())
}

/// A shape as a dimension list in a message.
fn dims(shape: &[usize]) -> String {
    let dims: Vec<String> = shape.iter().map(usize::to_string).collect();
    format!("[{}]", dims.join(", "))
}
