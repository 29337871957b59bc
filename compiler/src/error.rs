// SPDX-License-Identifier: MIT OR Apache-2.0
//! Errors of this crate, by whose fault.

use crate::blockers::{layers_text, network_text};
use crate::misfit::{DoesNotFit, Misfit};
use crate::rule::Violation;
use sepstream_spec::graph::Missing;

/// Why a model could not be compiled.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file is damaged or is no model.
    #[error("model `{}` cannot be read: {what}", short(.model))]
    Input {
        /// Name of the model.
        model: String,
        /// What is wrong with the file.
        what: BadModel,
    },
    /// The file is sound, but the network as a whole cannot run.
    #[error("{}", network_text(.model, .missing))]
    Network {
        /// Name of the model.
        model: String,
        /// Every broken rule.
        missing: Vec<Missing>,
    },
    /// The file is sound, but has layers that are not supported.
    #[error("{}", layers_text(.model, .violations))]
    Unsupported {
        /// Name of the model.
        model: String,
        /// Every broken rule of every layer.
        violations: Vec<Violation>,
    },
    /// The model is supported, but larger than the accelerator.
    #[error(transparent)]
    DoesNotFit(#[from] DoesNotFit),
}

impl From<Misfit> for Error {
    fn from(misfit: Misfit) -> Self {
        Error::DoesNotFit(misfit.into())
    }
}

/// What is wrong with a model file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadModel {
    /// The identifier of the format is missing.
    #[error(
        "this is no TensorFlow Lite file, its bytes 4 to 7 are not `TFL3`; give a .tflite file made by the converter"
    )]
    NotTflite,
    /// Not version 3 of the schema.
    #[error(
        "the schema has version {0}; version 3 is supported, convert the model again with TensorFlow 2"
    )]
    Version(u32),
    /// Offsets that do not hold together.
    #[error("the file is damaged or cut off ({0}); get it again from where it came")]
    Flatbuffer(String),
    /// Far too many operators.
    #[error("it has {0} operators; at most 10,000 are supported")]
    Operators(usize),
    /// The constants of the file are shared so often that they would take far more memory than the file.
    #[error(
        "its {0} bytes are referred to as more than {1} bytes of constants; the file is damaged or hostile"
    )]
    Constants(usize, usize),
    /// A tensor that contradicts itself.
    #[error("tensor {index} (`{}`): {what}", short(.name))]
    Tensor {
        /// Index in the file.
        index: usize,
        /// Name in the file.
        name: String,
        /// What is wrong.
        what: String,
    },
    /// An operator that contradicts itself or what it is connected to.
    #[error("operator {index} ({operator}): {what}")]
    Operator {
        /// Index in the file.
        index: usize,
        /// Operator name.
        operator: String,
        /// What is wrong.
        what: String,
    },
    /// The inputs or outputs of the whole graph.
    #[error("{0}")]
    Graph(String),
}

/// A name from a file, safe to print: control characters escaped, cut to a length that fits a line. Converters join the
/// names of all fused operators with `;`: the first says enough.
pub(crate) fn short(name: &str) -> String {
    const LONGEST: usize = 60;
    let first = name
        .split(';')
        .find(|part| !part.is_empty())
        .unwrap_or(name);
    let mut text: String = first
        .chars()
        .take(LONGEST)
        .flat_map(char::escape_debug)
        .collect();
    if first.chars().nth(LONGEST).is_some() {
        text.push('…');
    }
    text
}
