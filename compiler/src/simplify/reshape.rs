// SPDX-License-Identifier: MIT OR Apache-2.0
//! RESHAPEs move no byte: several are one, and one that keeps the shape is none.

use sepstream_spec::graph::{Layer, Op};

use super::{Rewrite, Work, single};

/// A RESHAPE behind another reads what that one reads; one that gives the shape that it gets vanishes.
pub fn join(work: &mut Work, layer: &Layer) -> Option<Rewrite> {
    let (Op::Reshape, Some(input)) = (&layer.op, layer.input(0)) else {
        return None;
    };
    let output = layer.output();
    let before = work.writer(input).filter(|before| before.op == Op::Reshape);
    let source = before.and_then(|before| before.input(0));
    let first = source
        .filter(|&source| work.alike(source, input))
        .unwrap_or(input);
    let unchanged = work.tensor(first).shape == work.tensor(output).shape;
    if unchanged && work.alike(first, output) && !work.is_output(output) {
        return Some(Rewrite::Same(first));
    }
    (first != input).then(|| Rewrite::Layers(vec![single(layer, Op::Reshape, first, output)]))
}
