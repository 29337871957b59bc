// SPDX-License-Identifier: MIT OR Apache-2.0
//! Errors of this crate, by whose fault.

use crate::blockers::{layers_text, network_text};
use crate::rule::{LayerRef, Violation};
use sepstream_spec::config::Config;
use sepstream_spec::graph::{Graph, Layer, Missing, TensorId};
use sepstream_spec::isa::{COMMAND_BYTES, param_parts};
use sepstream_spec::regs::Memory;

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

/// Something of the accelerator is too small for the model.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("model `{}` does not fit: the {what} needs {needs} and has {has}\n    {way_out}", short(.model))]
pub struct DoesNotFit {
    /// Name of the model.
    pub model: String,
    /// What is too small, and for which layer if for a single one.
    pub what: String,
    /// What the model needs, with its unit.
    pub needs: String,
    /// What there is, with its unit.
    pub has: String,
    /// What to change.
    pub way_out: String,
}

impl DoesNotFit {
    /// A memory that holds something of every layer.
    pub(crate) fn memory(graph: &Graph, config: &Config, memory: Memory, used: u32) -> Self {
        let shape = memory.shape(config);
        let kib = |words: u32| {
            format!(
                "{:.1} KiB",
                f64::from(words) * f64::from(shape.bytes) / 1024.0
            )
        };
        let v = config.values();
        let (needs, has, field, value) = match memory {
            Memory::Activation => (
                kib(used),
                kib(shape.words),
                "activation_kib",
                needed_kib(used, shape.bytes),
            ),
            Memory::Weight => (
                kib(used),
                kib(shape.words),
                "weight_kib",
                needed_kib(used, shape.bytes),
            ),
            Memory::DwWeight => (
                kib(used),
                kib(shape.words),
                "depthwise_kib",
                needed_kib(used, shape.bytes),
            ),
            Memory::PwParam => channels(
                used / param_parts(v.pw_requant_cycles),
                v.pw_requant,
                v.pointwise_channels,
                "pointwise_channels",
            ),
            Memory::DwParam => channels(
                used / param_parts(v.dw_requant_cycles),
                v.dw_requant,
                v.depthwise_channels,
                "depthwise_channels",
            ),
            Memory::Program => {
                let per = COMMAND_BYTES / config.word_bytes();
                let needed = used.div_ceil(per);
                (
                    format!("{needed} commands"),
                    format!("{}", v.commands),
                    "commands",
                    needed,
                )
            }
        };
        let way_out = format!("set `memory.{field}` to {value} or more, or take a smaller model");
        Self {
            model: graph.name.clone(),
            what: memory.name().into(),
            needs,
            has,
            way_out,
        }
    }
    /// The line buffer, which must hold whole rows.
    pub(crate) fn line(graph: &Graph, config: &Config, tensor: TensorId, words: u32) -> Self {
        let unit = config.word_bytes();
        Self {
            model: graph.name.clone(),
            what: format!(
                "line buffer, for a row of `{}`,",
                short(&graph[tensor].name)
            ),
            needs: format!("{words} words of {unit} bytes in a bank"),
            has: config.values().line_words.to_string(),
            way_out: format!("set `memory.line_words` to {words} or more"),
        }
    }
    /// With the names of model and layer, where it was made without.
    pub(crate) fn named(mut self, graph: &Graph, layer: &Layer) -> Self {
        if self.model.is_empty() {
            let layer = LayerRef::of(graph, layer);
            self.model.clone_from(&graph.name);
            self.what = format!("{}, for {layer},", self.what);
        }
        self
    }
    /// Something that one layer needs.
    pub(crate) fn layer(
        graph: &Graph,
        layer: &Layer,
        what: &str,
        needs: String,
        has: String,
        way_out: String,
    ) -> Self {
        let name = LayerRef::of(graph, layer);
        Self {
            model: graph.name.clone(),
            what: format!("{what}, for {name},"),
            needs,
            has,
            way_out,
        }
    }
}

fn needed_kib(words: u32, bytes: u32) -> u32 {
    u32::try_from((u64::from(words) * u64::from(bytes)).div_ceil(1024)).unwrap_or(u32::MAX)
}

fn channels(
    words: u32,
    lanes: u32,
    has: u32,
    field: &'static str,
) -> (String, String, &'static str, u32) {
    let needed = words.saturating_mul(lanes);
    (format!("{needed} channels"), has.to_string(), field, needed)
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
