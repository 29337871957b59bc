// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a graph keeps of an operator that nothing here can run.

use alloc::string::String;
use alloc::vec::Vec;

/// An operator that is unknown, or has a form that breaks a rule. It keeps its place in the graph, with the shapes and types that
/// the file states, so that all of a network can be shown; whoever has to run it refuses it, with its reasons.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opaque {
    /// Operator name as TensorFlow Lite spells it; that of a custom operator is its own.
    pub kind: String,
    /// Every rule that it breaks; never empty.
    pub missing: Vec<Missing>,
}

/// One broken rule: why something cannot run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// Id of the rule.
    pub rule: &'static str,
    /// What the model has.
    pub found: String,
    /// What it may have.
    pub supported: &'static str,
}
