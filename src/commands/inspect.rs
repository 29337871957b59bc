// SPDX-License-Identifier: MIT OR Apache-2.0
//! `sepstream inspect`: what is in a model.

use std::collections::BTreeMap;

use sepstream_spec::graph::{Graph, Layer, Missing, Op, Tensor, TensorId, Window};
use serde::Serialize;

use crate::cli::Inspect;
use crate::error::Error;
use crate::outcome::Outcome;
use crate::report::{Column, Follows, json, shape, short_name, table, thousands};

/// Prints the report about a model.
pub fn run(args: &Inspect) -> Result<Outcome, Error> {
    let report = Report::new(&super::load_model(&args.model, &args.follow)?);
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
    #[serde(flatten)]
    follows: Follows,
    inputs: Vec<TensorReport>,
    outputs: Vec<TensorReport>,
    layers: Vec<LayerReport>,
    macs: u64,
    parameters: u64,
    kinds: BTreeMap<String, Totals>,
    /// Why the network as a whole cannot run.
    missing: Vec<MissingReport>,
    /// The same of all layers, by kind and in words.
    #[serde(skip)]
    blockers: Option<String>,
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
    operator: String,
    window: Option<String>,
    inputs: Vec<Vec<usize>>,
    /// The first result; a few operators have none.
    output: Option<TensorReport>,
    macs: u64,
    parameters: u64,
    /// Why the layer cannot run.
    missing: Vec<MissingReport>,
}

#[derive(Serialize)]
struct MissingReport {
    rule: &'static str,
    found: String,
}

#[derive(Default, Serialize)]
struct Totals {
    layers: u64,
    macs: u64,
    parameters: u64,
    /// Layers that cannot run.
    missing: u64,
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
            let totals = kinds.entry(layer.operator.clone()).or_default();
            totals.missing += u64::from(!layer.missing.is_empty());
            totals.layers += 1;
            totals.macs += layer.macs;
            totals.parameters += layer.parameters;
        }
        Report {
            model: graph.name.clone(),
            follows: graph.semantics.into(),
            inputs: tensors(&graph.inputs),
            outputs: tensors(&graph.outputs),
            macs: graph.total_macs(),
            parameters: layers.iter().map(|layer| layer.parameters).sum(),
            layers,
            kinds,
            missing: MissingReport::all(&graph.missing),
            blockers: sepstream_compiler::runnable(graph)
                .err()
                .map(|e| e.to_string()),
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
        // What runs has nothing to say in the last column.
        let runs = self.layers.iter().all(|layer| layer.missing.is_empty());
        let columns = [
            Number("#"),
            Text("operator"),
            Text("window"),
            Text("input"),
            Text("output"),
            Number("scale"),
            Number("zero point"),
            Number("MACs"),
            Number("parameters"),
            Text("missing"),
        ];
        let shown = columns.len() - usize::from(runs);
        let rows = self.layers.iter().map(LayerReport::row);
        let layers = table(
            &columns[..shown],
            rows.map(|mut row| {
                row.truncate(shown);
                row
            }),
        );
        let columns = [
            Text("operator"),
            Number("layers"),
            Number("MACs"),
            Number("parameters"),
            Number("cannot run"),
        ];
        let shown = columns.len() - usize::from(runs);
        let kinds = table(
            &columns[..shown],
            self.kinds.iter().map(|(kind, t)| {
                let mut row = vec![
                    kind.clone(),
                    t.layers.to_string(),
                    thousands(t.macs),
                    thousands(t.parameters),
                    t.missing.to_string(),
                ];
                row.truncate(shown);
                row
            }),
        );
        let blockers = match &self.blockers {
            Some(text) => format!("\n\n{text}"),
            None => String::new(),
        };
        format!(
            "{}: {} layers, {} MACs, {} parameters\n\n{edges}\n\n{layers}\n\n{kinds}{blockers}",
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
            operator: layer.kind().to_owned(),
            window: window(&layer.op),
            inputs: inputs
                .filter(|t| t.data.is_none())
                .map(|t| t.shape.clone())
                .collect(),
            output: layer
                .outputs
                .first()
                .map(|&id| TensorReport::new(&graph[id])),
            macs: graph.macs(layer),
            parameters: graph.parameters(layer) as u64,
            missing: MissingReport::all(layer.missing()),
        }
    }

    fn row(&self) -> Vec<String> {
        let inputs: Vec<_> = self.inputs.iter().map(|dims| shape(dims)).collect();
        let output = |text: fn(&TensorReport) -> String| {
            self.output.as_ref().map_or_else(|| "-".into(), text)
        };
        let missing: Vec<_> = self.missing.iter().map(|m| m.rule).collect();
        vec![
            self.index.to_string(),
            self.operator.clone(),
            self.window.clone().unwrap_or_default(),
            inputs.join(" "),
            output(|tensor| shape(&tensor.shape)),
            output(TensorReport::scale),
            output(TensorReport::zero_point),
            thousands(self.macs),
            thousands(self.parameters),
            missing.join(" "),
        ]
    }
}

impl MissingReport {
    fn all(missing: &[Missing]) -> Vec<Self> {
        let report = |m: &Missing| MissingReport {
            rule: m.rule,
            found: m.found.clone(),
        };
        missing.iter().map(report).collect()
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
