// SPDX-License-Identifier: MIT OR Apache-2.0
//! Pools, means, sums and softmax, which take little time: one form of each.

use crate::Layer;
use sepstream_spec::quant::{AddParams, Multiplier, Softmax, average};

fn clamp(layer: &Layer, value: i32) -> i8 {
    value
        .saturating_add(layer.out_zero_point)
        .max(layer.low)
        .min(layer.high) as i8
}

/// Average pool; padding takes no part. `None` where a window does not touch the map.
pub fn average_pool(layer: &Layer, input: &[i8], out: &mut [i8]) -> Option<()> {
    let depth = layer.in_channels as usize;
    let mut pixels = out.chunks_exact_mut(layer.out_channels as usize);
    if layer.in_channels != layer.out_channels || depth == 0 {
        return None;
    }
    let inside = |at: u32, stride: u32, pad: u32, kernel: u32, size: u32| {
        let start = i64::from(at) * i64::from(stride) - i64::from(pad);
        let end = (start + i64::from(kernel)).min(i64::from(size));
        let (start, end) = (start.max(0), end);
        (start < end).then_some(start as usize..end as usize)
    };
    for y in 0..layer.out_rows {
        let rows = inside(
            y,
            layer.stride_rows,
            layer.pad_top,
            layer.kernel_rows,
            layer.in_rows,
        )?;
        for x in 0..layer.out_cols {
            let cols = inside(
                x,
                layer.stride_cols,
                layer.pad_left,
                layer.kernel_cols,
                layer.in_cols,
            )?;
            let count = rows.len() * cols.len();
            for (channel, byte) in pixels.next()?.iter_mut().enumerate() {
                let mut sum = 0;
                for row in rows.clone() {
                    let first = (row * layer.in_cols as usize + cols.start) * depth + channel;
                    let values = input[first..].iter().step_by(depth).take(cols.len());
                    sum += values.map(|x| i32::from(*x)).sum::<i32>();
                }
                // the zero point stays: input and output are quantised alike
                *byte = average(sum, count as i32).max(layer.low).min(layer.high) as i8;
            }
        }
    }
    Some(())
}

/// Mean over rows and columns. `None` where data is missing.
pub fn mean(layer: &Layer, input: &[i8], out: &mut [i8]) -> Option<()> {
    let [q, shift, ..] = layer.extra;
    let depth = layer.in_channels as usize;
    let count = (layer.in_rows.checked_mul(layer.in_cols)?) as i32;
    for (channel, byte) in out.get_mut(..depth)?.iter_mut().enumerate() {
        let values = input[channel..].iter().step_by(depth);
        let sum = values.map(|x| i32::from(*x)).fold(0, i32::wrapping_add);
        let acc = sum.wrapping_sub(layer.in_zero_point.wrapping_mul(count));
        *byte = clamp(layer, multiplier(q, shift)?.apply(acc));
    }
    Some(())
}

/// Sum of two maps of one size. `None` where a multiplier is impossible.
pub fn add(layer: &Layer, one: &[i8], other: &[i8], out: &mut [i8]) -> Option<()> {
    let [q1, shift1, q2, shift2, q, shift, zero_point2, _] = layer.extra;
    let params = AddParams {
        input1: multiplier(q1, shift1)?,
        input2: multiplier(q2, shift2)?,
        output: multiplier(q, shift)?,
    };
    if one.len() != out.len() || other.len() != out.len() {
        return None;
    }
    for ((byte, x1), x2) in out.iter_mut().zip(one).zip(other) {
        let x1 = i32::from(*x1).wrapping_sub(layer.in_zero_point);
        let x2 = i32::from(*x2).wrapping_sub(zero_point2);
        *byte = clamp(layer, params.eval(x1, x2));
    }
    Some(())
}

/// Softmax over the channels of each pixel. `None` where a multiplier is impossible.
pub fn softmax(layer: &Layer, input: &[i8], out: &mut [i8]) -> Option<()> {
    let [q, shift, diff_min, ..] = layer.extra;
    let depth = layer.in_channels as usize;
    if depth == 0 || input.len() != out.len() {
        return None;
    }
    let softmax = Softmax {
        multiplier: Multiplier { q, shift },
        diff_min,
    };
    for (logits, out) in input.chunks_exact(depth).zip(out.chunks_exact_mut(depth)) {
        let logits = logits.iter().map(|x| i32::from(*x));
        softmax.row(logits, layer.low, bytemuck::cast_slice_mut(out));
    }
    Some(())
}

/// A multiplier that an element-wise kernel can take.
fn multiplier(q: i32, shift: i32) -> Option<Multiplier> {
    (-31..=30)
        .contains(&shift)
        .then_some(Multiplier { q, shift })
}
