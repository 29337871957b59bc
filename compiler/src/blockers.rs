// SPDX-License-Identifier: MIT OR Apache-2.0
//! Everything that keeps a network from running, at once: by kind, with counts and ways out.

use std::fmt::Write;

use sepstream_spec::graph::{Graph, Layer, Missing};

use crate::Error;
use crate::error::short;
use crate::rule::{LayerRef, Violation};

/// Whether all of a network can run.
///
/// # Errors
/// [`Error::Network`] if it cannot run as a whole, [`Error::Unsupported`] with every broken rule of every layer.
pub fn runnable(graph: &Graph) -> Result<(), Error> {
    whole(graph)?;
    let layers = graph.layers.iter();
    refuse(graph, layers.flat_map(|l| missing(graph, l)).collect())
}

/// Whether nothing stops the network as a whole.
pub(crate) fn whole(graph: &Graph) -> Result<(), Error> {
    if graph.missing.is_empty() {
        return Ok(());
    }
    Err(Error::Network {
        model: graph.name.clone(),
        missing: graph.missing.clone(),
    })
}

/// The rules that a layer broke at import.
pub(crate) fn missing(graph: &Graph, layer: &Layer) -> Vec<Violation> {
    let violation = |m: &Missing| Violation::new(LayerRef::of(graph, layer), m.clone());
    layer.missing().iter().map(violation).collect()
}

/// The error with these violations, if there are some. Layers that only lack a shape because of another are none of their own.
pub(crate) fn refuse(graph: &Graph, mut violations: Vec<Violation>) -> Result<(), Error> {
    if violations.is_empty() {
        return Ok(());
    }
    let follows = |v: &Violation| v.rule == "known-shape";
    if !violations.iter().all(follows) {
        violations.retain(|v| !follows(v));
    }
    Err(Error::Unsupported {
        model: graph.name.clone(),
        violations,
    })
}

/// What to do about rules whose sentence does not say it.
const WAYS_OUT: &[(&str, &str)] = &[
    (
        "one-subgraph",
        "convert one signature, as a concrete function without loops and conditions",
    ),
    (
        "fixed-input",
        "convert with a fixed size, `tf.keras.Input(shape=(height, width, channels), batch_size=1)` for instance",
    ),
    (
        "fully-int8",
        "convert it with full-integer quantisation:\n      \
         converter.optimizations = [tf.lite.Optimize.DEFAULT]\n      \
         converter.representative_dataset = samples    # yields [input] for some hundred real inputs\n      \
         converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]\n      \
         converter.inference_input_type = converter.inference_output_type = tf.int8",
    ),
    (
        "batch-one",
        "convert with batch size 1, `tf.keras.Input(shape=..., batch_size=1)` for instance, and run inputs one by one",
    ),
    (
        "constant-options",
        "convert with batch size 1 and fixed sizes: `tf.keras.Input(shape=..., batch_size=1)`, or a concrete function \
         of a `tf.TensorSpec([1, ...])`",
    ),
    (
        "operator",
        "build the network from operators of that table, or cut it so that your own code runs these layers: in front of \
         the accelerator's first layer or behind its last, `compile` leaves them to it",
    ),
    (
        "map-type",
        "quantise these layers too (full-integer quantisation), or cut the network in front of them",
    ),
    (
        "weight-type",
        "convert with 8-bit weights and activations (TFLITE_BUILTINS_INT8)",
    ),
    (
        "constant-weights",
        "train and freeze the weights before the conversion; a product of two maps is no layer with weights",
    ),
    (
        "stateless",
        "make the state an input and an output of the model",
    ),
    ("dense", "convert without sparse tensors"),
    (
        "fused-activation",
        "put the activation behind the layer as a layer of its own",
    ),
    (
        "same-quantisation",
        "quantise again with a converter that gives both one scale (TensorFlow 2.3 or newer)",
    ),
    (
        "weights-symmetric",
        "quantise again with TensorFlow 2; its int8 weights have zero point 0",
    ),
    (
        "accelerator-operator",
        "replace these layers by supported ones; without `--strict` the host runs them beside those that the accelerator can run",
    ),
    (
        "accelerator-int8",
        "quantise the network again to int8, with TensorFlow 2",
    ),
];

fn way_out(rule: &str) -> Option<&'static str> {
    let row = WAYS_OUT.iter().find(|row| row.0 == rule);
    row.map(|row| row.1)
}

/// The message of a network that cannot run as a whole.
pub(crate) fn network_text(model: &str, missing: &[Missing]) -> String {
    let mut text = format!("model `{}` cannot run", short(model));
    for Missing {
        rule,
        found,
        supported,
    } in missing
    {
        let what = if *rule == "fully-int8" {
            "this model is not fully INT8: "
        } else {
            ""
        };
        // Writing to a String cannot fail.
        let _ = write!(text, ": {what}{found}\n    supported [{rule}]: {supported}");
        let _ = way_out(rule).map(|way| write!(text, "\n    way out: {way}"));
    }
    text
}

/// Layers of one operator that break one rule.
struct Kind<'v> {
    first: &'v Violation,
    layers: Vec<usize>,
}

/// The kinds, those with most layers first.
fn kinds(violations: &[Violation]) -> Vec<Kind<'_>> {
    let mut kinds: Vec<Kind<'_>> = Vec::new();
    for v in violations {
        let same = |k: &&mut Kind<'_>| {
            (k.first.rule, &k.first.layer.operator) == (v.rule, &v.layer.operator)
        };
        match kinds.iter_mut().find(same) {
            Some(kind) => kind.layers.push(v.layer.index),
            None => kinds.push(Kind {
                first: v,
                layers: vec![v.layer.index],
            }),
        }
    }
    kinds.sort_by_key(|kind| std::cmp::Reverse(kind.layers.len()));
    kinds
}

/// Kinds and layers of a kind that are shown before the rest is only counted.
const SHOWN: (usize, usize) = (20, 8);

/// The message of a network with unsupported layers. Each rule is told once, with the last of its kinds.
pub(crate) fn layers_text(model: &str, violations: &[Violation]) -> String {
    let mut layers: Vec<usize> = violations.iter().map(|v| v.layer.index).collect();
    layers.sort_unstable();
    layers.dedup();
    let plural = if layers.len() == 1 { "layer" } else { "layers" };
    let mut text = format!(
        "model `{}` has {} unsupported {plural}:",
        short(model),
        layers.len()
    );
    let all = kinds(violations);
    let (shown, hidden) = all.split_at(all.len().min(SHOWN.0));
    for (n, kind) in shown.iter().enumerate() {
        let Violation {
            layer,
            rule,
            found,
            supported,
        } = kind.first;
        let count = kind.layers.len();
        // Writing to a String cannot fail.
        let _ = match count {
            1 => write!(text, "\n  {layer}: {found}"),
            _ => write!(
                text,
                "\n  {count} {} layers ({}): {found}",
                layer.operator,
                numbers(&kind.layers)
            ),
        };
        let told = shown[n + 1..].iter().any(|later| later.first.rule == *rule);
        if !told {
            let _ = write!(text, "\n    supported [{rule}]: {supported}");
            let _ = way_out(rule).map(|way| write!(text, "\n    way out: {way}"));
        }
    }
    if !hidden.is_empty() {
        let count: usize = hidden.iter().map(|kind| kind.layers.len()).sum();
        let _ = write!(text, "\n  and {count} more of {} kinds", hidden.len());
    }
    text
}

fn numbers(layers: &[usize]) -> String {
    let shown = layers.iter().take(SHOWN.1).map(usize::to_string);
    let mut text = shown.collect::<Vec<_>>().join(", ");
    if layers.len() > SHOWN.1 {
        text += ", ...";
    }
    text
}
