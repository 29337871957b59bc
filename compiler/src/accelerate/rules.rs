// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the accelerator can run: one rule, one function, one sentence.

use super::plan;
use crate::blockers;
use crate::rule::{LayerRef, Rule, Verdict, Violation};
use sepstream_spec::graph::{DType, Graph, Layer, Op, Pads, Window};
use sepstream_spec::width::MOST_WINDOW;

/// A layer and the place where it would run.
pub struct Context<'a> {
    /// The graph.
    pub graph: &'a Graph,
    /// The layer.
    pub layer: &'a Layer,
    /// It would run on the accelerator, else on the host.
    pub accelerated: bool,
    /// It would run on the host behind the accelerator, but this layer of the accelerator needs what it computes.
    pub follower: Option<&'a Layer>,
}

/// A rule of the accelerator.
pub type AcceleratorRule = Rule<fn(&Context<'_>) -> Verdict>;

/// Rows or columns of a window; the sentences say the number.
const MOST: usize = MOST_WINDOW as usize;
const WINDOWED: &[&str] = &[
    "CONV_2D",
    "DEPTHWISE_CONV_2D",
    "AVERAGE_POOL_2D",
    "MAX_POOL_2D",
];
/// Operators that run on the accelerator.
const INNER: &[&str] = &[
    "CONV_2D",
    "DEPTHWISE_CONV_2D",
    "FULLY_CONNECTED",
    "AVERAGE_POOL_2D",
    "MEAN",
    "ADD",
    "PAD",
];

/// All rules, in the order in which they are checked and documented.
pub const RULES: &[AcceleratorRule] = &[
    Rule {
        id: "accelerator-operator",
        operators: &[],
        sentence: "CONV_2D, DEPTHWISE_CONV_2D, FULLY_CONNECTED, AVERAGE_POOL_2D, MAX_POOL_2D, MEAN, REDUCE_MAX, ADD of two maps of one shape, PAD \
                   of rows and columns, MUL, ADD and SUB with a constant for each channel, and between these functions of one byte (activations, \
                   operations of a map with one constant, chains of such) run on the accelerator; the host runs other operators, with `--strict` \
                   only before the first of them and behind the last.",
        check: |c| match c.follower {
            Some(next) => Err(format!(
                "{} between layers for the accelerator (layer {}, {}, comes after it)",
                c.layer.kind(),
                next.index,
                next.kind()
            )),
            None => Ok(()),
        },
    },
    Rule {
        id: "accelerator-int8",
        operators: &[],
        sentence: "Layers on the accelerator read and write int8 maps and have int8 weights.",
        check: int8,
    },
    Rule {
        id: "accelerator-window",
        operators: WINDOWED,
        sentence: "Windows on the accelerator have a vertical stride of 1 to 4, and dilated at most 255 rows and columns.",
        check: |c| {
            let Some(w) = window(&c.layer.op) else {
                return Ok(());
            };
            let (rows, cols) = extent(&w);
            // with a single row of windows there is no step down
            let steps = c
                .graph
                .output(c.layer)
                .nhwc()
                .is_some_and(|[_, rows, ..]| rows > 1);
            match (w.stride.0, rows, cols) {
                (5.., ..) if steps => Err(format!("a vertical stride of {}", w.stride.0)),
                (_, rows, cols) if rows.max(cols) > MOST => {
                    Err(format!("a window of {rows}x{cols}"))
                }
                _ => Ok(()),
            }
        },
    },
    Rule {
        id: "accelerator-padding",
        operators: &["CONV_2D", "DEPTHWISE_CONV_2D", "MAX_POOL_2D"],
        sentence: "Padding on the accelerator is smaller than the dilated window.",
        check: |c| {
            let Some(w) = window(&c.layer.op) else {
                return Ok(());
            };
            let pads = pads(c.graph, c.layer, &w);
            if is_less(&pads, &w) {
                return Ok(());
            }
            let (rows, cols) = extent(&w);
            Err(format!(
                "{}, {}, {}, {} rows and columns of padding above, below, left and right of a window of {rows}x{cols}",
                pads.top, pads.bottom, pads.left, pads.right
            ))
        },
    },
    Rule {
        id: "accelerator-pool-padding",
        operators: &["AVERAGE_POOL_2D"],
        sentence: "AVERAGE_POOL_2D on the accelerator has no padding.",
        check: |c| match window(&c.layer.op) {
            Some(w) if w.pads != Pads::default() => {
                Err("windows that reach into the padding".into())
            }
            _ => Ok(()),
        },
    },
    Rule {
        id: "accelerator-mean",
        operators: &["MEAN", "REDUCE_MAX"],
        sentence: "MEAN and REDUCE_MAX on the accelerator are taken over height and width of a four-dimensional map, at most 255 rows and columns.",
        check: |c| {
            let (Op::Mean(mean) | Op::ReduceMax(mean)) = &c.layer.op else {
                return Ok(());
            };
            let shape = c
                .graph
                .input(c.layer, 0)
                .map(|t| t.shape.clone())
                .unwrap_or_default();
            match (&mean.axes[..], &shape[..]) {
                ([1, 2], [1, 0..=MOST, 0..=MOST, _]) => Ok(()),
                (axes, shape) => Err(format!("axes {axes:?} of shape {shape:?}")),
            }
        },
    },
    Rule {
        id: "accelerator-one-row",
        operators: &["FULLY_CONNECTED"],
        sentence: "FULLY_CONNECTED on the accelerator takes one row of inputs.",
        check: |c| {
            let out = c.graph.output(c.layer);
            let rows = out.elements() / out.channels().max(1);
            if rows == 1 {
                Ok(())
            } else {
                Err(format!("{rows} rows"))
            }
        },
    },
    Rule {
        id: "accelerator-map",
        operators: &[],
        sentence: "Maps on the accelerator have up to 32,767 rows and columns and 32,768 channels.",
        check: |c| {
            let maps = [c.graph.input(c.layer, 0), Some(c.graph.output(c.layer))];
            for map in maps.into_iter().flatten() {
                match map.nhwc() {
                    Some([1, 0..=32_767, 0..=32_767, 0..=32_768]) => {}
                    _ => return Err(format!("a map of shape {:?}", map.shape)),
                }
            }
            Ok(())
        },
    },
];

/// Window of an operator that has one.
pub fn window(op: &Op) -> Option<Window> {
    match op {
        Op::Conv2d(c) => Some(c.window),
        Op::DepthwiseConv2d(d) => Some(d.window),
        Op::AveragePool2d(p) | Op::MaxPool2d(p) => Some(p.window),
        _ => None,
    }
}

/// Padding of a window, that of a PAD in front of it included.
pub fn pads(graph: &Graph, layer: &Layer, w: &Window) -> Pads {
    let before = layer
        .input(0)
        .and_then(|t| graph.producer(t))
        .and_then(|l| plan::folded_pads(graph, &graph.layers[l]));
    sum(&before.unwrap_or_default(), w)
}

/// Padding of a window with more around it.
pub fn sum(more: &Pads, w: &Window) -> Pads {
    let own = w.pads;
    Pads {
        top: own.top + more.top,
        left: own.left + more.left,
        bottom: own.bottom + more.bottom,
        right: own.right + more.right,
    }
}

/// Whether padding is smaller than a window.
pub fn is_less(pads: &Pads, w: &Window) -> bool {
    let (rows, cols) = extent(w);
    pads.top.max(pads.bottom) < rows && pads.left.max(pads.right) < cols
}

/// Rows and columns that a window spans, dilation included.
pub fn extent(w: &Window) -> (usize, usize) {
    (
        (w.kernel.0 - 1) * w.dilation.0 + 1,
        (w.kernel.1 - 1) * w.dilation.1 + 1,
    )
}

fn int8(c: &Context<'_>) -> Verdict {
    let maps = [
        c.graph.input(c.layer, 0),
        c.graph.input(c.layer, 1),
        Some(c.graph.output(c.layer)),
    ];
    if matches!(c.layer.op, Op::Pad(_) | Op::Reshape) {
        return Ok(());
    }
    let weighted = matches!(
        c.layer.op,
        Op::Conv2d(_) | Op::DepthwiseConv2d(_) | Op::FullyConnected(_)
    );
    for (n, tensor) in maps.into_iter().enumerate() {
        if let Some(t) = tensor.filter(|t| {
            t.dtype != DType::I8 && (n != 1 || weighted || matches!(c.layer.op, Op::Add(_)))
        }) {
            return Err(format!("a tensor of type {}", t.dtype.name()));
        }
    }
    Ok(())
}

/// Every rule that a layer breaks. One that would be the accelerator's, had it not broken rules at import already, breaks those.
pub fn check(context: &Context<'_>) -> Vec<Violation> {
    let (graph, layer) = (context.graph, context.layer);
    if context.follower.is_some() && INNER.contains(&layer.kind()) {
        let violations = blockers::missing(graph, layer);
        if !violations.is_empty() {
            return violations;
        }
    }
    let rules = if context.accelerated {
        RULES
    } else {
        &RULES[..1]
    };
    let applying = rules.iter().filter(|r| r.applies(layer.kind()));
    let broken = |r: &AcceleratorRule| {
        let found = (r.check)(context).err()?;
        Some(r.violation(LayerRef::of(graph, layer), found))
    };
    applying.filter_map(broken).collect()
}

/// The error of a model without a layer for the accelerator.
pub fn nothing_to_do(layer: LayerRef) -> Violation {
    RULES[0].violation(
        layer,
        "a model without any layer for the accelerator".into(),
    )
}
