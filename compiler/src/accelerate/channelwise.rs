// SPDX-License-Identifier: MIT OR Apache-2.0
//! MUL, ADD and SUB of a map and a constant for each channel: batch normalisation that no convolution took in. For a channel it is a
//! function of one byte, near a straight line: a layer of the depthwise engine with one tap, where a weight, a bias and a multiplier give the
//! same output for each of the 256 bytes. All of them are tried; a layer of which a channel has none does not run.

use sepstream_spec::graph::{DType, Graph, Layer, Op};
use sepstream_spec::isa::Param;
use sepstream_spec::quant::{Affine, Multiplier, Pair, Rounding};
use std::collections::BTreeMap;

/// What the depthwise engine does for a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    /// Its one weight.
    pub weight: i8,
    /// Its requantisation.
    pub param: Param,
}

/// Such a layer.
pub struct Channelwise {
    /// For each channel.
    pub lines: Vec<Line>,
    /// Smallest and largest output.
    pub ends: (i32, i32),
}

/// The layer as the depthwise engine runs it, if it can.
pub fn of(graph: &Graph, layer: &Layer) -> Option<Channelwise> {
    let &[Some(a), Some(b)] = &layer.inputs[..] else {
        return None;
    };
    let is_line = matches!(layer.op, Op::Mul(_) | Op::Add(_) | Op::Sub(_));
    let (map, constant) = match graph[a].data {
        None => (a, b),
        Some(_) => (b, a),
    };
    let (channels, values) = (graph[map].channels(), graph[constant].as_i8()?);
    let for_each = values.len() == channels && graph[constant].channels() == channels;
    let int8 = |id| graph[id].dtype == DType::I8 && graph[id].data.is_none();
    let maps = int8(map) && int8(layer.output()) && graph[map].shape == graph.output(layer).shape;
    if !is_line || !for_each || !maps {
        return None;
    }
    let affine = |id| Affine::of(&graph[id]);
    let (from, to) = ([affine(a)?, affine(b)?], affine(layer.output())?);
    let (pair, activation) = Pair::of(&layer.op, from, to)?;
    let ends = to.activation_range(activation);
    let mut known: BTreeMap<i8, Option<Line>> = BTreeMap::new();
    let mut line = |constant: i8| {
        *known.entry(constant).or_insert_with(|| {
            let eval = |x: i32| {
                let operands = match map == a {
                    true => [x, constant.into()],
                    false => [constant.into(), x],
                };
                pair.eval(operands, from, to, activation)
            };
            let near = near(&layer.op, constant, map == a, from, to);
            near.find(&eval, to.zero_point, ends)
        })
    };
    let lines: Option<Vec<Line>> = values.iter().map(|value| line(*value)).collect();
    lines.map(|lines| Channelwise { lines, ends })
}

/// The straight line that a function is near to: real outputs, in steps of the output, of an input.
struct Near {
    /// Output steps for an input step.
    slope: f64,
    /// Output where the input is at its zero point.
    offset: f64,
    zero: i32,
    /// A weight that the operator's own arithmetic suggests.
    weight: Option<i8>,
}

/// Of an operator with a stored constant, whose first operand is the map or not.
fn near(op: &Op, constant: i8, map_first: bool, [a, b]: [Affine; 2], to: Affine) -> Near {
    let (map, other) = if map_first { (a, b) } else { (b, a) };
    let factor = i32::from(constant) - other.zero_point;
    let real = f64::from(factor) * f64::from(other.scale);
    let (step, out) = (f64::from(map.scale), f64::from(to.scale));
    let (slope, offset) = match op {
        Op::Mul(_) => (step * real, 0.0),
        Op::Sub(_) if map_first => (step, -real),
        Op::Sub(_) => (-step, real),
        _ => (step, real),
    };
    let product = matches!(op, Op::Mul(_));
    Near {
        slope: slope / out,
        offset: offset / out,
        zero: map.zero_point,
        weight: i8::try_from(factor).ok().filter(|_| product),
    }
}

/// Distance of a bias from the nearest one that is tried.
const BIASES: [i32; 11] = [0, 1, -1, 2, -2, 3, -3, 4, -4, 5, -5];
/// Multipliers beside the nearest one that are tried: by 2^-n parts and one and a half, larger and smaller. The operators round twice, first
/// to a fraction of an output that depends on their own factor, and so are a little off the straight line.
const PARTS: std::ops::RangeInclusive<i32> = 9..=18;
/// The smallest weight that is tried.
const LEAST_WEIGHT: i8 = 16;

impl Near {
    /// The first line that gives the same outputs.
    fn find(&self, eval: &impl Fn(i32) -> i32, zero: i32, ends: (i32, i32)) -> Option<Line> {
        let wanted: Vec<i32> = (-128..=127).map(eval).collect();
        let weights = (LEAST_WEIGHT..=127).rev();
        let weights = weights.map(|w| if self.slope < 0.0 { -w } else { w });
        let weights: Vec<i8> = self.weight.into_iter().chain(weights).collect();
        let parts = PARTS.flat_map(|n| [1.0, -1.0, 1.5, -1.5].map(|by| by * f64::from(-n).exp2()));
        std::iter::once(0.0)
            .chain(parts)
            .flat_map(|part| weights.iter().flat_map(move |w| self.lines(*w, 1.0 + part)))
            .find(|line| line.gives(&wanted, zero, ends))
    }

    /// Lines with a weight, of a slope that is so many times the nearest.
    fn lines(&self, weight: i8, times: f64) -> Vec<Line> {
        let factor = match weight {
            0 => 1.0,
            _ => times * self.slope / f64::from(weight),
        };
        // a shift to the left is not for every lane
        let multiplier = Multiplier::from_real(factor).filter(|m| m.shift <= 0);
        let Some(Multiplier { q, shift }) = multiplier else {
            return Vec::new();
        };
        let middle = (self.offset / factor).round();
        if middle.abs() > f64::from(1 << 22) {
            return Vec::new(); // beyond every output
        }
        let bias = middle as i32 - i32::from(weight) * self.zero;
        let line = |distance: &i32| Line {
            weight,
            param: Param {
                bias: bias + distance,
                multiplier: q,
                shift,
                rounding: Rounding::Twice,
            },
        };
        BIASES.iter().map(line).collect()
    }
}

impl Line {
    /// Whether it gives these outputs for -128 to 127.
    fn gives(&self, wanted: &[i32], zero: i32, (low, high): (i32, i32)) -> bool {
        (-128..).zip(wanted).all(|(x, wanted)| {
            let sum = i32::from(self.weight) * x + self.param.bias;
            let stored = zero.saturating_add(self.param.steps(sum));
            stored.max(low).min(high) == *wanted
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sepstream_spec::graph::{Activation, Elementwise};

    fn affine(scale: f32, zero: i32) -> Affine {
        Affine::new(scale, zero, DType::I8).expect("a sound scale")
    }

    /// Batch normalisation of a few channels: factors of up to nine bits, offsets on either side of the outputs.
    #[test]
    fn typical_constants_have_lines() {
        let activation = Activation::None;
        let pair = Elementwise { activation };
        let (map, constant) = (affine(0.031, -6), affine(0.0072, -128));
        let (scaled, moved) = (affine(0.0227, -6), affine(0.0126, -128));
        // of products by nine bits a few have none, as the operator rounds twice
        for (op, from, to, least) in [
            (Op::Mul(pair), [map, constant], scaled, 250),
            (Op::Add(pair), [scaled, constant], moved, 256),
            (Op::Sub(pair), [scaled, constant], moved, 256),
        ] {
            let (pair, activation) = Pair::of(&op, from, to).expect("sound scales");
            let ends = to.activation_range(activation);
            let mut found = 0;
            for value in i8::MIN..=i8::MAX {
                let eval = |x: i32| pair.eval([x, value.into()], from, to, activation);
                let line = near(&op, value, true, from, to).find(&eval, to.zero_point, ends);
                found += u32::from(line.is_some());
            }
            assert!(found >= least, "{op:?}: {found}");
        }
    }

    #[test]
    fn a_line_that_differs_anywhere_is_none() {
        let line = Line {
            weight: 64,
            param: Param {
                bias: 0,
                multiplier: 1 << 30,
                shift: -5,
                rounding: Rounding::Twice,
            },
        };
        let mut wanted: Vec<i32> = (-128..=127).collect();
        assert!(line.gives(&wanted, 0, (-128, 127)));
        wanted[255] = 126;
        assert!(!line.gives(&wanted, 0, (-128, 127)));
        assert!(line.gives(&wanted, 0, (-128, 126)));
    }
}
