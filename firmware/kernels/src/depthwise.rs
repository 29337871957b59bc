// SPDX-License-Identifier: MIT OR Apache-2.0
//! Depthwise 3x3 convolutions for RV32IM: no test for padding, and nine products with no loop around them.

use crate::Layer;
use crate::dense::FastChannel;
use crate::image::product;

/// Taps of the kernel.
const TAPS: usize = 9;

/// Bytes of scratch memory that a layer needs: its input with padding, unless it has none.
pub(crate) fn scratch(layer: &Layer) -> Option<usize> {
    let (rows, cols) = layer.reach()?;
    if is_unpadded(layer, (rows, cols)) {
        return Some(0);
    }
    rows.checked_mul(cols)?
        .checked_mul(layer.in_channels as usize)
}

/// Every window lies in the input.
fn is_unpadded(layer: &Layer, (rows, cols): (usize, usize)) -> bool {
    [layer.pad_top, layer.pad_left] == [0; 2]
        && rows <= layer.in_rows as usize
        && cols <= layer.in_cols as usize
}

/// Depthwise 3x3 convolution. `None` where data is missing.
pub fn depthwise(
    layer: &Layer,
    input: &[i8],
    scratch: &mut [i8],
    weights: &[[i8; TAPS]],
    channels: &[FastChannel],
    out: &mut [i8],
) -> Option<()> {
    let depth = layer.in_channels as usize;
    let fits =
        layer.kernel_rows == 3 && layer.kernel_cols == 3 && layer.out_channels == layer.in_channels;
    let reach = layer.reach()?;
    let weights = weights.get(..depth)?;
    let channels = channels.get(..depth)?;
    if !fits || product([layer.in_channels, layer.in_cols, layer.out_cols])? == 0 {
        return None;
    }
    let (map, line) = if is_unpadded(layer, reach) {
        (input, layer.in_cols as usize * depth)
    } else {
        let padded = scratch.get_mut(..reach.0.checked_mul(reach.1)?.checked_mul(depth)?)?;
        pad(layer, input, padded, reach.1 * depth);
        (&*padded, reach.1 * depth)
    };
    let (down, right) = (
        layer.dilation_rows as usize * line,
        layer.dilation_cols as usize * depth,
    );
    let offsets: [usize; TAPS] = core::array::from_fn(|tap| tap / 3 * down + tap % 3 * right);
    let mut pixels = out.chunks_exact_mut(depth);
    for y in 0..layer.out_rows as usize {
        for x in 0..layer.out_cols as usize {
            let corner =
                y * layer.stride_rows as usize * line + x * layer.stride_cols as usize * depth;
            let window = map.get(corner..)?;
            let mut taps = [&[][..]; TAPS];
            for (tap, offset) in taps.iter_mut().zip(offsets) {
                *tap = window.get(offset..offset + depth)?;
            }
            pixel(
                taps,
                weights,
                channels,
                (layer.low, layer.high),
                pixels.next()?,
            );
        }
    }
    Some(())
}

/// One output pixel.
fn pixel(
    taps: [&[i8]; TAPS],
    weights: &[[i8; TAPS]],
    channels: &[FastChannel],
    range: (i32, i32),
    out: &mut [i8],
) {
    let depth = out.len();
    // of one length that the compiler sees: no access in the loop is checked
    let taps = taps.map(|tap| &tap[..depth]);
    let parameters = weights[..depth].iter().zip(&channels[..depth]);
    for (at, (byte, (weights, channel))) in out.iter_mut().zip(parameters).enumerate() {
        let mut acc = channel.bias();
        for tap in 0..TAPS {
            acc = acc.wrapping_add(i32::from(taps[tap][at]) * i32::from(weights[tap]));
        }
        *byte = channel.output(acc, range.0, range.1);
    }
}

/// The input in a frame of its zero point.
fn pad(layer: &Layer, input: &[i8], padded: &mut [i8], line: usize) {
    let depth = layer.in_channels as usize;
    let zero = layer.in_zero_point as i8;
    let (top, left) = (layer.pad_top as usize, layer.pad_left as usize * depth);
    let mut rows = input.chunks_exact(layer.in_cols as usize * depth);
    for (y, to) in padded.chunks_exact_mut(line).enumerate() {
        let from = if y < top { None } else { rows.next() };
        let Some(from) = from else {
            to.fill(zero);
            continue;
        };
        let left = left.min(to.len());
        let (before, rest) = to.split_at_mut(left);
        let copied = rest.len().min(from.len());
        let (within, behind) = rest.split_at_mut(copied);
        before.fill(zero);
        within.copy_from_slice(&from[..copied]);
        behind.fill(zero);
    }
}
