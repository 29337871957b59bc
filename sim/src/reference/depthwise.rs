// SPDX-License-Identifier: MIT OR Apache-2.0
//! DEPTHWISE_CONV_2D.

use sepstream_spec::graph::DepthwiseConv2d;
use sepstream_spec::quant::Affine;

use super::dense::{Requantiser, bias, product, weights};
use super::site::{Site, widen};
use super::window::{Reach, Reaches};
use super::{Error, Kernel};

struct Depthwise {
    input: Affine,
    shape: [usize; 4],
    kernel_columns: usize,
    depth_multiplier: usize,
    reaches: Reaches,
    /// A row of channels for each tap.
    weights: Vec<i16>,
    bias: Vec<i32>,
    requantiser: Requantiser,
}

/// Kernel of DEPTHWISE_CONV_2D.
pub(super) fn kernel(site: &Site, options: &DepthwiseConv2d) -> Result<Box<dyn Kernel>, Error> {
    let (input, _) = site.affine_pair()?;
    let shape = site.nhwc(site.input(0)?)?;
    let [batch, rows, columns, channels] = site.nhwc(site.output())?;
    let (window, depth_multiplier) = (&options.window, options.depth_multiplier);
    site.require(shape[3].checked_mul(depth_multiplier) == Some(channels), || {
        format!("{} input channels times depth multiplier {depth_multiplier} are not {channels} channels", shape[3])
    })?;
    let want = [1, window.kernel.0, window.kernel.1, channels];
    let got = &site.input(1)?.shape;
    site.require(got[..] == want, || {
        format!("weights must be {want:?}, are {got:?}")
    })?;
    site.require(batch == shape[0] && want.iter().all(|&n| n > 0), || {
        "batch and channels do not fit".into()
    })?;
    Ok(Box::new(Depthwise {
        input,
        shape,
        kernel_columns: window.kernel.1,
        depth_multiplier,
        reaches: Reaches::new(window, (shape[1], shape[2]), (rows, columns)),
        weights: weights(site, true)?,
        bias: bias(site, channels)?,
        requantiser: Requantiser::new(site, channels)?,
    }))
}

impl Kernel for Depthwise {
    fn eval(&self, operands: &[&[u8]], output: &mut [u8]) {
        let [_, height, width, _] = self.shape;
        let channels = self.bias.len();
        let mut input = widen(operands[0], self.input.is_signed(), self.input.zero_point);
        if self.depth_multiplier > 1 {
            // Each input channel as often as it has outputs: what follows is a depth multiplier of 1.
            input = input
                .iter()
                .flat_map(|&x| std::iter::repeat_n(x, self.depth_multiplier))
                .collect();
        }
        let mut acc = vec![0; channels];
        let mut pixels = output.chunks_exact_mut(channels);
        for map in input.chunks_exact(height * width * channels) {
            for row in &self.reaches.rows {
                for (column, pixel) in self.reaches.columns.iter().zip(&mut pixels) {
                    acc.copy_from_slice(&self.bias);
                    self.accumulate(map, row, column, &mut acc);
                    self.requantiser.store(&acc, pixel);
                }
            }
        }
    }
}

impl Depthwise {
    fn accumulate(&self, map: &[i16], row: &Reach, column: &Reach, acc: &mut [i32]) {
        let (width, channels) = (self.shape[2], self.bias.len());
        let step = self.reaches.dilation.1 * channels;
        for (n, tap_row) in row.taps.clone().enumerate() {
            let y = row.origin + n * self.reaches.dilation.0;
            let taps = tap_row * self.kernel_columns + column.taps.start;
            let weights = self.weights[taps * channels..]
                .chunks_exact(channels)
                .take(column.taps.len());
            let pixels = map[(y * width + column.origin) * channels..].chunks(step);
            for (pixel, weights) in pixels.zip(weights) {
                for ((sum, &x), &w) in acc.iter_mut().zip(pixel).zip(weights) {
                    *sum = sum.wrapping_add(product(x, w));
                }
            }
        }
    }
}
