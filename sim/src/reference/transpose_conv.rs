// SPDX-License-Identifier: MIT OR Apache-2.0
//! TRANSPOSE_CONV.

use sepstream_spec::graph::TransposeConv;
use sepstream_spec::quant::Affine;

use super::dense::{Requantiser, bias, product, weights};
use super::site::{Site, widen};
use super::{Error, Kernel};

struct Turned {
    input: Affine,
    shape: [usize; 4],
    result: [usize; 4],
    options: TransposeConv,
    /// Rows of input channels for each output channel and tap.
    weights: Vec<i16>,
    bias: Vec<i32>,
    requantiser: Requantiser,
}

/// Kernel of TRANSPOSE_CONV.
pub(super) fn kernel(site: &Site, options: &TransposeConv) -> Result<Box<dyn Kernel>, Error> {
    let (input, _) = site.affine_pair()?;
    let (shape, result) = (site.nhwc(site.input(0)?)?, site.nhwc(site.output())?);
    let (height, width) = options.window.kernel;
    let want = [result[3], height, width, shape[3]];
    let got = &site.input(1)?.shape;
    site.require(got[..] == want, || {
        format!("weights must be {want:?}, are {got:?}")
    })?;
    site.require(result[0] == shape[0] && want.iter().all(|&n| n > 0), || {
        "batch and channels do not fit".into()
    })?;
    Ok(Box::new(Turned {
        input,
        shape,
        result,
        options: *options,
        weights: weights(site, true)?,
        bias: bias(site, result[3])?,
        requantiser: Requantiser::new(site, result[3])?,
    }))
}

impl Kernel for Turned {
    fn eval(&self, operands: &[&[u8]], output: &mut [u8]) {
        let [_, height, width, channels] = self.shape;
        let [_, rows, columns, outputs] = self.result;
        let input = widen(operands[0], self.input.is_signed(), self.input.zero_point);
        let maps = output.chunks_exact_mut(rows * columns * outputs);
        for (map, to) in input.chunks_exact(height * width * channels).zip(maps) {
            let mut sums = self.bias.repeat(rows * columns);
            for (n, pixel) in map.chunks_exact(channels).enumerate() {
                self.spread(pixel, n / width, n % width, &mut sums);
            }
            for (acc, pixel) in sums.chunks_exact(outputs).zip(to.chunks_exact_mut(outputs)) {
                self.requantiser.store(acc, pixel);
            }
        }
    }
}

impl Turned {
    /// Adds what one pixel of the input gives to the results under its window.
    fn spread(&self, pixel: &[i16], y: usize, x: usize, sums: &mut [i32]) {
        let [_, rows, columns, outputs] = self.result;
        let window = &self.options.window;
        let (height, width) = window.kernel;
        for tap_row in 0..height {
            let row = (y * window.stride.0 + tap_row).checked_sub(window.pads.top);
            let Some(row) = row.filter(|&row| row < rows) else {
                continue;
            };
            for tap_column in 0..width {
                let column = (x * window.stride.1 + tap_column).checked_sub(window.pads.left);
                let Some(column) = column.filter(|&column| column < columns) else {
                    continue;
                };
                let acc = &mut sums[(row * columns + column) * outputs..][..outputs];
                for (output, sum) in acc.iter_mut().enumerate() {
                    let tap = (output * height + tap_row) * width + tap_column;
                    let weights = &self.weights[tap * pixel.len()..][..pixel.len()];
                    let products = pixel.iter().zip(weights).map(|(&x, &w)| product(x, w));
                    *sum = products.fold(*sum, i32::wrapping_add);
                }
            }
        }
    }
}
