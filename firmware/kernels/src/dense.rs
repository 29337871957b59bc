// SPDX-License-Identifier: MIT OR Apache-2.0
//! Convolutions and fully connected layers for RV32IM: a matrix product over windows laid out as rows.
//!
//! Two pixels meet the weights of [`GROUP`] channels at a time: six loads for eight products, and eight sums that stay in
//! registers. The zero point of the input is part of the bias, so padding is the zero point itself.

use crate::Layer;
use crate::image::product;
use bytemuck::{Pod, Zeroable};

/// Output channels that share a load of an input.
pub const GROUP: usize = 4;
/// Magnitude that sums, bias included, must stay below.
pub const FAST_LIMIT: i32 = 1 << 29;
/// Pixels whose windows are laid out at a time.
const TILE: usize = 8;

/// Parameters of an output channel whose requantisation is one multiplication.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct FastChannel {
    /// Added to the sum; what the zero point of the input makes of the weights is in it.
    bias: i32,
    /// Mantissa of the multiplier.
    q: i32,
    /// Half a step of the output, and its zero point, in the position that `shift` drops to.
    round: i32,
    /// Bits below an output step.
    shift: i32,
}

impl FastChannel {
    /// Parameters for a multiplier (`q` times two to the `shift`) and an output zero point; `None` where one multiplication
    /// is not exact: a factor of one half and more, or of 2^-21 and less (but for 0).
    pub fn new(bias: i32, q: i32, shift: i32, zero_point: i32) -> Option<Self> {
        let shift = if q == 0 { -1 } else { shift };
        let fits = q >= 0 && (-20..=-1).contains(&shift) && (-128..=127).contains(&zero_point);
        // 2^20 + 2^7 * 2^21: with a high half below 2^30 in magnitude, nothing overflows
        fits.then(|| FastChannel {
            bias,
            q,
            round: (1 << -shift) + (zero_point << (1 - shift)),
            shift: 1 - shift,
        })
    }
    /// The output of a sum with its bias, below [`FAST_LIMIT`] in magnitude: `spec::quant::narrow_requant`, zero point, clamp.
    ///
    /// Both roundings of TensorFlow Lite are one sum, `(p + 2^30 + 2^(30 + right) - [acc < 0] 2^31) >> (31 + right)` for the
    /// product p. Times four, its parts besides p are whole multiples of 2^32: only the high half of 4 p is needed.
    #[inline(always)]
    pub fn output(&self, acc: i32, low: i32, high: i32) -> i8 {
        let product = i64::from(acc << 2) * i64::from(self.q);
        let sign = (acc >> 31) | 1;
        let sum = ((product >> 32) as i32)
            .wrapping_add(sign)
            .wrapping_add(self.round);
        sum.wrapping_shr(self.shift as u32).max(low).min(high) as i8
    }
    /// The same, rounded once: `spec::quant::requant_once`, zero point, clamp.
    ///
    /// `(p + 2^(30 + right)) >> (31 + right)`: as above, without what the sign adds.
    #[inline(always)]
    pub fn output_once(&self, acc: i32, low: i32, high: i32) -> i8 {
        let product = i64::from(acc << 2) * i64::from(self.q);
        let sum = ((product >> 32) as i32).wrapping_add(self.round);
        sum.wrapping_shr(self.shift as u32).max(low).min(high) as i8
    }
    /// What a sum begins with.
    #[inline(always)]
    pub fn bias(&self) -> i32 {
        self.bias
    }
}

/// Bytes of scratch memory that a layer needs.
pub(crate) fn scratch(layer: &Layer) -> Option<usize> {
    if layer.is_pointwise() {
        return Some(0);
    }
    product([layer.kernel_rows, layer.kernel_cols, layer.in_channels])?.checked_mul(TILE)
}

/// Convolution; a fully connected layer is one with a pixel for each row of its input. `ONCE`: rounded once. `None` where data is
/// missing.
pub fn dense<const ONCE: bool>(
    layer: &Layer,
    input: &[i8],
    scratch: &mut [i8],
    weights: &[[i8; GROUP]],
    channels: &[[FastChannel; GROUP]],
    out: &mut [i8],
) -> Option<()> {
    let window = product([layer.kernel_rows, layer.kernel_cols, layer.in_channels])?;
    let width = layer.out_channels as usize;
    let groups = width.div_ceil(GROUP);
    let matrix = Matrix {
        window,
        width,
        weights: weights.get(..window.checked_mul(groups)?)?,
        channels: channels.get(..groups)?,
        range: (layer.low, layer.high),
    };
    if window == 0 || width == 0 {
        return None;
    }
    if layer.is_pointwise() {
        matrix.multiply::<ONCE>(input, out);
        return Some(());
    }
    let scratch = scratch.get_mut(..window * TILE)?;
    let mut positions = (0..layer.out_rows).flat_map(|y| (0..layer.out_cols).map(move |x| (y, x)));
    for out in out.chunks_mut(TILE * width) {
        let rows = &mut scratch[..out.len() / width * window];
        for (row, (y, x)) in rows.chunks_exact_mut(window).zip(&mut positions) {
            gather(layer, input, y, x, row);
        }
        matrix.multiply::<ONCE>(rows, out);
    }
    Some(())
}

/// The input under a window as a row; the zero point where it lies on padding.
fn gather(layer: &Layer, input: &[i8], y: u32, x: u32, row: &mut [i8]) {
    let depth = layer.in_channels as usize;
    let line = layer.kernel_cols as usize * depth;
    let first =
        |at: u32, stride: u32, pad: u32| (i64::from(at) * i64::from(stride)) - i64::from(pad);
    let (top, left) = (
        first(y, layer.stride_rows, layer.pad_top),
        first(x, layer.stride_cols, layer.pad_left),
    );
    let inside = |at: i64, size: u32| usize::try_from(at).ok().filter(|at| *at < size as usize);
    for (tap, line) in row.chunks_exact_mut(line).enumerate() {
        let at = inside(
            top + tap as i64 * i64::from(layer.dilation_rows),
            layer.in_rows,
        );
        let Some(at) = at else {
            line.fill(layer.in_zero_point as i8);
            continue;
        };
        let of_row =
            &input[at * layer.in_cols as usize * depth..][..layer.in_cols as usize * depth];
        // the whole line, where it lies in one piece
        let last = left + i64::from(layer.kernel_cols) - 1;
        if let (1, Some(from), Some(_)) = (
            layer.dilation_cols,
            inside(left, layer.in_cols),
            inside(last, layer.in_cols),
        ) {
            let from = from * depth;
            line.copy_from_slice(&of_row[from..from + line.len()]);
            continue;
        }
        for (tap, pixel) in line.chunks_exact_mut(depth).enumerate() {
            match inside(
                left + tap as i64 * i64::from(layer.dilation_cols),
                layer.in_cols,
            ) {
                Some(from) => pixel.copy_from_slice(&of_row[from * depth..][..depth]),
                None => pixel.fill(layer.in_zero_point as i8),
            }
        }
    }
}

/// A weight matrix with what follows it.
struct Matrix<'a> {
    /// Inputs of an output.
    window: usize,
    /// Output channels.
    width: usize,
    weights: &'a [[i8; GROUP]],
    channels: &'a [[FastChannel; GROUP]],
    range: (i32, i32),
}

impl Matrix<'_> {
    /// Outputs of whole rows of inputs.
    fn multiply<const ONCE: bool>(&self, rows: &[i8], out: &mut [i8]) {
        let groups = self.weights.chunks_exact(self.window).zip(self.channels);
        for (group, (weights, channels)) in groups.enumerate() {
            let first = group * GROUP;
            let here = GROUP.min(self.width - first);
            let biases = channels.each_ref().map(FastChannel::bias);
            let pairs = rows
                .chunks(2 * self.window)
                .zip(out.chunks_mut(2 * self.width));
            for (pair, out) in pairs {
                let one = &pair[..self.window];
                // at the end there may be a single pixel, which is then computed twice
                let other = pair
                    .get(self.window..)
                    .filter(|row| !row.is_empty())
                    .unwrap_or(one);
                let sums = sums(one, other, weights, biases);
                for (sums, out) in sums.iter().zip(out.chunks_exact_mut(self.width)) {
                    self.store::<ONCE>(sums, channels, &mut out[first..first + here]);
                }
            }
        }
    }
    #[inline(always)]
    fn store<const ONCE: bool>(
        &self,
        sums: &[i32; GROUP],
        channels: &[FastChannel; GROUP],
        out: &mut [i8],
    ) {
        let (low, high) = self.range;
        let parts = out.iter_mut().zip(sums).zip(channels);
        parts.for_each(|((byte, sum), channel)| {
            *byte = match ONCE {
                true => channel.output_once(*sum, low, high),
                false => channel.output(*sum, low, high),
            }
        });
    }
}

/// Sums of two rows with the weights of a group.
#[inline(always)]
fn sums(
    one: &[i8],
    other: &[i8],
    weights: &[[i8; GROUP]],
    biases: [i32; GROUP],
) -> [[i32; GROUP]; 2] {
    let mut sums = [biases; 2];
    // not unrolled: compilers then multiply far ahead of adding, and run out of registers
    for ((one, other), weights) in one.iter().zip(other).zip(weights) {
        for (sums, input) in sums.iter_mut().zip([*one, *other]) {
            for (sum, weight) in sums.iter_mut().zip(weights) {
                *sum = sum.wrapping_add(i32::from(input) * i32::from(*weight));
            }
        }
    }
    sums
}
