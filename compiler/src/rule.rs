// SPDX-License-Identifier: MIT OR Apache-2.0
//! Rules: what a model must be like, one function each.
//!
//! A rule table is a slice of [`Rule`]s over one kind of context. The sentence of a rule is the text of the error and of
//! `docs/SUPPORTED.md`, so that neither can say something else than the other.

use std::fmt;

use sepstream_spec::graph::{Graph, Layer, Missing};

use crate::error::short;

/// What a check found: nothing, or the offending value in words.
pub type Verdict = Result<(), String>;

/// One rule; `Check` is the function type of its table.
#[derive(Clone, Copy, Debug)]
pub struct Rule<Check> {
    /// Name in errors, documents and tests.
    pub id: &'static str,
    /// Operators that the rule is about, as TensorFlow Lite spells them; empty for all.
    pub operators: &'static [&'static str],
    /// What is supported.
    pub sentence: &'static str,
    /// The check itself.
    pub check: Check,
}

impl<Check> Rule<Check> {
    /// True if the rule is about the operator.
    pub fn applies(&self, operator: &str) -> bool {
        self.operators.is_empty() || self.operators.contains(&operator)
    }
    /// The error of a layer that breaks this rule.
    pub fn violation(&self, layer: LayerRef, found: String) -> Violation {
        Violation::new(layer, self.missing(found))
    }
    /// What something that breaks this rule cannot run for.
    pub fn missing(&self, found: String) -> Missing {
        Missing {
            rule: self.id,
            found,
            supported: self.sentence,
        }
    }
}

/// Names a layer the way a user finds it in a model viewer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayerRef {
    /// Operator index in the model file.
    pub index: usize,
    /// Operator name.
    pub operator: String,
    /// Name of the tensor that the layer writes.
    pub output: String,
}

impl LayerRef {
    /// The name of a layer of a graph.
    pub fn of(graph: &Graph, layer: &Layer) -> Self {
        let output = layer.outputs.first();
        LayerRef {
            index: layer.index,
            operator: layer.kind().to_owned(),
            output: output.map_or(String::new(), |id| graph[*id].name.clone()),
        }
    }
}

impl fmt::Display for LayerRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "layer {} ({}, writes `{}`)",
            self.index,
            self.operator,
            short(&self.output)
        )
    }
}

/// One broken rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Where.
    pub layer: LayerRef,
    /// Id of the rule.
    pub rule: &'static str,
    /// What the model has.
    pub found: String,
    /// What it may have.
    pub supported: &'static str,
}

impl Violation {
    /// A layer and a rule that it breaks.
    pub fn new(layer: LayerRef, missing: Missing) -> Self {
        let Missing {
            rule,
            found,
            supported,
        } = missing;
        Violation {
            layer,
            rule,
            found,
            supported,
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Violation {
            layer,
            rule,
            found,
            supported,
        } = self;
        write!(f, "{layer}: {found}\n    supported [{rule}]: {supported}")
    }
}
