// SPDX-License-Identifier: MIT OR Apache-2.0
//! `sepstream inspect`: what is in a model.

use std::collections::BTreeMap;

use sepstream_spec::graph::{Graph, Layer, Op, Tensor, TensorId, Window};
use serde::Serialize;

use crate::cli::Inspect;
use crate::error::Error;
use crate::outcome::Outcome;
use crate::report::{Column, json, shape, short_name, table, thousands};

/// Prints the report about a model.
pub fn run(args: &Inspect) -> Result<Outcome, Error> {
    let report = Report::new(&super::load_model(&args.model)?);
    println!(
        "{}",
        if args.json {
            json(&report)
        } else {
            report.text()
        }
    );
    Ok(Outcome::Ok)
}

#[derive(Serialize)]
struct Report {
    model: String,
    inputs: Vec<TensorReport>,
    outputs: Vec<TensorReport>,
    layers: Vec<LayerReport>,
    macs: u64,
    parameters: u64,
    kinds: BTreeMap<&'static str, Totals>,
}

#[derive(Serialize)]
struct TensorReport {
    name: String,
    dtype: &'static str,
    shape: Vec<usize>,
    /// One scale per tensor, or the smallest and largest of all channels.
    scale: Vec<f32>,
    zero_point: Vec<i32>,
    channels_quantised_apart: bool,
}

#[derive(Serialize)]
struct LayerReport {
    index: usize,
    operator: &'static str,
    window: Option<String>,
    inputs: Vec<Vec<usize>>,
    output: TensorReport,
    macs: u64,
    parameters: u64,
}

#[derive(Default, Serialize)]
struct Totals {
    layers: u64,
    macs: u64,
    parameters: u64,
}

impl Report {
    fn new(graph: &Graph) -> Self {
        let tensors = |ids: &[TensorId]| {
            ids.iter()
                .map(|&id| TensorReport::new(&graph[id]))
                .collect()
        };
        let layers: Vec<_> = graph
            .layers
            .iter()
            .map(|layer| LayerReport::new(graph, layer))
            .collect();
        let mut kinds: BTreeMap<_, Totals> = BTreeMap::new();
        for layer in &layers {
            let totals = kinds.entry(layer.operator).or_default();
            totals.layers += 1;
            totals.macs += layer.macs;
            totals.parameters += layer.parameters;
        }
        Report {
            model: graph.name.clone(),
            inputs: tensors(&graph.inputs),
            outputs: tensors(&graph.outputs),
            macs: graph.total_macs(),
            parameters: layers.iter().map(|layer| layer.parameters).sum(),
            layers,
            kinds,
        }
    }

    fn text(&self) -> String {
        use Column::{Number, Text};
        let edges = table(
            &[
                Text("edge"),
                Text("type"),
                Text("shape"),
                Number("scale"),
                Number("zero point"),
                Text("tensor"),
            ],
            [("input", &self.inputs), ("output", &self.outputs)]
                .iter()
                .flat_map(|(edge, tensors)| {
                    tensors.iter().map(|t| {
                        vec![
                            edge.to_string(),
                            t.dtype.into(),
                            shape(&t.shape),
                            t.scale(),
                            t.zero_point(),
                            short_name(&t.name),
                        ]
                    })
                }),
        );
        let layers = table(
            &[
                Number("#"),
                Text("operator"),
                Text("window"),
                Text("input"),
                Text("output"),
                Number("scale"),
                Number("zero point"),
                Number("MACs"),
                Number("parameters"),
            ],
            self.layers.iter().map(LayerReport::row),
        );
        let kinds = table(
            &[
                Text("operator"),
                Number("layers"),
                Number("MACs"),
                Number("parameters"),
            ],
            self.kinds.iter().map(|(kind, t)| {
                vec![
                    kind.to_string(),
                    t.layers.to_string(),
                    thousands(t.macs),
                    thousands(t.parameters),
                ]
            }),
        );
        format!(
            "{}: {} layers, {} MACs, {} parameters\n\n{edges}\n\n{layers}\n\n{kinds}",
            self.model,
            self.layers.len(),
            thousands(self.macs),
            thousands(self.parameters),
        )
    }
}

impl LayerReport {
    fn new(graph: &Graph, layer: &Layer) -> Self {
        let inputs = layer.inputs.iter().flatten().map(|&id| &graph[id]);
        LayerReport {
            index: layer.index,
            operator: layer.kind(),
            window: window(&layer.op),
            inputs: inputs
                .filter(|t| t.data.is_none())
                .map(|t| t.shape.clone())
                .collect(),
            output: TensorReport::new(graph.output(layer)),
            macs: graph.macs(layer),
            parameters: graph.parameters(layer) as u64,
        }
    }

    fn row(&self) -> Vec<String> {
        let inputs: Vec<_> = self.inputs.iter().map(|dims| shape(dims)).collect();
        vec![
            self.index.to_string(),
            self.operator.into(),
            self.window.clone().unwrap_or_default(),
            inputs.join(" "),
            shape(&self.output.shape),
            self.output.scale(),
            self.output.zero_point(),
            thousands(self.macs),
            thousands(self.parameters),
        ]
    }
}

impl TensorReport {
    fn new(tensor: &Tensor) -> Self {
        let (scale, zero_point) = match &tensor.quant {
            Some(quant) => (quant.scale.clone(), quant.zero_point.clone()),
            None => Default::default(),
        };
        TensorReport {
            name: tensor.name.clone(),
            dtype: tensor.dtype.name(),
            shape: tensor.shape.clone(),
            channels_quantised_apart: scale.len() > 1,
            scale,
            zero_point,
        }
    }
    fn scale(&self) -> String {
        match self.scale[..] {
            [] => "-".into(),
            [scale] => format!("{scale:.6}"),
            _ => "by channel".into(),
        }
    }
    fn zero_point(&self) -> String {
        match self.zero_point[..] {
            [] => "-".into(),
            [zero_point] => zero_point.to_string(),
            _ => "by channel".into(),
        }
    }
}

/// Kernel, stride and padding of an operator with a window.
fn window(op: &Op) -> Option<String> {
    let window: &Window = match op {
        Op::Conv2d(conv) => &conv.window,
        Op::DepthwiseConv2d(conv) => &conv.window,
        Op::AveragePool2d(pool) | Op::MaxPool2d(pool) => &pool.window,
        _ => return None,
    };
    let (rows, columns) = window.kernel;
    let mut text = format!("{rows}x{columns}");
    if window.stride != (1, 1) {
        text += &format!(" /{}", pair(window.stride));
    }
    if window.dilation != (1, 1) {
        text += &format!(" dilated {}", pair(window.dilation));
    }
    Some(text)
}

/// Vertical and horizontal number, once if equal.
fn pair((vertical, horizontal): (usize, usize)) -> String {
    if vertical == horizontal {
        vertical.to_string()
    } else {
        format!("{vertical},{horizontal}")
    }
}
