// SPDX-License-Identifier: MIT OR Apache-2.0
//! Convolutions as plain loop nests, as TensorFlow Lite's reference kernels are.

use crate::Layer;
use crate::image::product;
use bytemuck::{Pod, Zeroable};
use sepstream_spec::quant::Rounding;

/// Parameters of an output channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct Channel {
    /// Added to the sum.
    pub bias: i32,
    /// Mantissa of the multiplier.
    pub q: i32,
    /// Its power of two.
    pub shift: i32,
}

impl Channel {
    /// The output of a sum.
    fn output(&self, layer: &Layer, acc: i32, rounding: Rounding) -> i8 {
        let scaled = rounding.requant(acc.wrapping_add(self.bias), self.q, self.shift);
        let stored = scaled.saturating_add(layer.out_zero_point);
        stored.max(layer.low).min(layer.high) as i8
    }
}

/// Row or column of the input under a tap; `None` on padding.
fn under(out: u32, stride: u32, tap: u32, dilation: u32, pad: u32, size: u32) -> Option<u32> {
    let padded = out
        .checked_mul(stride)?
        .checked_add(tap.checked_mul(dilation)?)?;
    padded.checked_sub(pad).filter(|at| *at < size)
}

/// For every tap of a window that is not on padding: its number, and the index of its pixel.
fn taps(layer: &Layer, y: u32, x: u32, mut each: impl FnMut(usize, usize)) {
    for tap_row in 0..layer.kernel_rows {
        let row = under(
            y,
            layer.stride_rows,
            tap_row,
            layer.dilation_rows,
            layer.pad_top,
            layer.in_rows,
        );
        let Some(row) = row else { continue };
        for tap_col in 0..layer.kernel_cols {
            let col = under(
                x,
                layer.stride_cols,
                tap_col,
                layer.dilation_cols,
                layer.pad_left,
                layer.in_cols,
            );
            if let Some(col) = col {
                let tap = tap_row * layer.kernel_cols + tap_col;
                each(tap as usize, (row * layer.in_cols + col) as usize);
            }
        }
    }
}

/// Calls for every output: its row, column and channel.
fn outputs(layer: &Layer, out: &mut [i8], mut each: impl FnMut(u32, u32, usize) -> i8) {
    let mut bytes = out.iter_mut();
    for y in 0..layer.out_rows {
        for x in 0..layer.out_cols {
            for channel in 0..layer.out_channels as usize {
                if let Some(byte) = bytes.next() {
                    *byte = each(y, x, channel);
                }
            }
        }
    }
}

/// Convolution; a fully connected layer is one with a pixel for each row of its input. `None` where data is missing.
pub fn conv(
    layer: &Layer,
    input: &[i8],
    weights: &[i8],
    channels: &[Channel],
    rounding: Rounding,
    out: &mut [i8],
) -> Option<()> {
    let depth = layer.in_channels as usize;
    let taps_of_channel = product([layer.kernel_rows, layer.kernel_cols, layer.in_channels])?;
    let weights = weights.get(..taps_of_channel.checked_mul(layer.out_channels as usize)?)?;
    let channels = channels.get(..layer.out_channels as usize)?;
    outputs(layer, out, |y, x, channel| {
        let weights = &weights[channel * taps_of_channel..][..taps_of_channel];
        let mut acc = 0i32;
        taps(layer, y, x, |tap, pixel| {
            let pixel = &input[pixel * depth..][..depth];
            for (x, w) in pixel.iter().zip(&weights[tap * depth..][..depth]) {
                let product = (i32::from(*x) - layer.in_zero_point).wrapping_mul(i32::from(*w));
                acc = acc.wrapping_add(product);
            }
        });
        channels[channel].output(layer, acc, rounding)
    });
    Some(())
}

/// Depthwise convolution. `None` where data is missing.
pub fn depthwise(
    layer: &Layer,
    input: &[i8],
    weights: &[i8],
    channels: &[Channel],
    out: &mut [i8],
) -> Option<()> {
    let (depth, width) = (layer.in_channels as usize, layer.out_channels as usize);
    let multiplier = layer.depth_multiplier as usize;
    if depth.checked_mul(multiplier) != Some(width) || multiplier == 0 {
        return None;
    }
    let weights =
        weights.get(..product([layer.kernel_rows, layer.kernel_cols, layer.out_channels])?)?;
    let channels = channels.get(..width)?;
    for (channel, parameters) in channels.iter().enumerate() {
        let of_input = channel / multiplier;
        depthwise_channel(layer, input, (of_input, channel), weights, parameters, out);
    }
    Some(())
}

/// One output channel of a depthwise convolution. `at` is its input channel and itself.
fn depthwise_channel(
    layer: &Layer,
    input: &[i8],
    at: (usize, usize),
    weights: &[i8],
    parameters: &Channel,
    out: &mut [i8],
) {
    let (depth, width) = (layer.in_channels as usize, layer.out_channels as usize);
    let mut bytes = out.iter_mut().skip(at.1).step_by(width);
    for y in 0..layer.out_rows {
        for x in 0..layer.out_cols {
            let mut acc = 0i32;
            taps(layer, y, x, |tap, pixel| {
                let x = i32::from(input[pixel * depth + at.0]) - layer.in_zero_point;
                acc = acc.wrapping_add(x.wrapping_mul(i32::from(weights[tap * width + at.1])));
            });
            if let Some(byte) = bytes.next() {
                *byte = parameters.output(layer, acc, Rounding::Twice);
            }
        }
    }
}
