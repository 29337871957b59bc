// SPDX-License-Identifier: MIT OR Apache-2.0
//! CONV_2D.

use sepstream_spec::graph::Conv2d;
use sepstream_spec::quant::Affine;

use super::dense::{Dense, Requantiser, bias, weights};
use super::site::{Site, widen};
use super::window::{Reach, Reaches};
use super::{Error, Kernel};

struct Conv {
    input: Affine,
    shape: [usize; 4],
    kernel: (usize, usize),
    reaches: Reaches,
    dense: Dense,
}

/// Kernel of CONV_2D.
pub(super) fn kernel(site: &Site, options: &Conv2d) -> Result<Box<dyn Kernel>, Error> {
    let (input, _) = site.affine_pair()?;
    let shape = site.nhwc(site.input(0)?)?;
    let [batch, rows, columns, channels] = site.nhwc(site.output())?;
    let window = &options.window;
    let got = &site.input(1)?.shape;
    let depth = got.last().copied().unwrap_or(0);
    let want = [channels, window.kernel.0, window.kernel.1, depth];
    site.require(got[..] == want && want.iter().all(|&n| n > 0), || {
        format!("weights must be {want:?}, are {got:?}")
    })?;
    let groups = shape[3] / depth;
    let groups_fit = groups * depth == shape[3] && channels % groups.max(1) == 0;
    site.require(groups > 0 && groups_fit, || {
        format!(
            "groups of {depth} channels do not divide {} into {channels}",
            shape[3]
        )
    })?;
    site.require(batch == shape[0], || "the batch must stay".into())?;
    let requantiser = Requantiser::new(site, channels)?;
    Ok(Box::new(Conv {
        input,
        shape,
        kernel: window.kernel,
        reaches: Reaches::new(window, (shape[1], shape[2]), (rows, columns)),
        dense: Dense::new(
            &ungrouped(&weights(site, true)?, depth, groups),
            bias(site, channels)?,
            requantiser,
        ),
    }))
}

/// Weights of a grouped convolution as those of one without groups: 0 for the channels of other groups.
fn ungrouped(weights: &[i16], depth: usize, groups: usize) -> Vec<i16> {
    if groups == 1 {
        return weights.to_vec();
    }
    let mut all = vec![0; weights.len() * groups];
    let taps = weights.len() / depth;
    let taps_of_group = taps / groups;
    let rows = all
        .chunks_exact_mut(depth * groups)
        .zip(weights.chunks_exact(depth));
    for (tap, (to, from)) in rows.enumerate() {
        let first = tap / taps_of_group * depth;
        to[first..first + depth].copy_from_slice(from);
    }
    all
}

impl Kernel for Conv {
    fn eval(&self, operands: &[&[u8]], output: &mut [u8]) {
        let [_, height, width, channels] = self.shape;
        let input = widen(operands[0], self.input.is_signed(), self.input.zero_point);
        let mut acc = vec![0; self.dense.outputs()];
        let mut patch = vec![0; self.kernel.0 * self.kernel.1 * channels];
        let mut pixels = output.chunks_exact_mut(self.dense.outputs());
        for map in input.chunks_exact(height * width * channels) {
            for row in &self.reaches.rows {
                for (column, pixel) in self.reaches.columns.iter().zip(&mut pixels) {
                    if self.kernel == (1, 1) && !row.taps.is_empty() && !column.taps.is_empty() {
                        let start = (row.origin * width + column.origin) * channels;
                        self.dense
                            .eval(&map[start..start + channels], &mut acc, pixel);
                    } else {
                        self.gather(map, row, column, &mut patch);
                        self.dense.eval(&patch, &mut acc, pixel);
                    }
                }
            }
        }
    }
}

impl Conv {
    /// The inputs under one window as a vector; 0 where it lies on padding.
    fn gather(&self, map: &[i16], row: &Reach, column: &Reach, patch: &mut [i16]) {
        let [_, _, width, channels] = self.shape;
        if row.taps.len() < self.kernel.0 || column.taps.len() < self.kernel.1 {
            patch.fill(0);
        }
        for (n, tap_row) in row.taps.clone().enumerate() {
            let y = row.origin + n * self.reaches.dilation.0;
            let from = &map[(y * width + column.origin) * channels..];
            let to = &mut patch[(tap_row * self.kernel.1 + column.taps.start) * channels..];
            if self.reaches.dilation.1 == 1 {
                let run = column.taps.len() * channels;
                to[..run].copy_from_slice(&from[..run]);
            } else {
                let step = self.reaches.dilation.1 * channels;
                for (to, from) in to
                    .chunks_exact_mut(channels)
                    .zip(from.chunks(step))
                    .take(column.taps.len())
                {
                    to.copy_from_slice(&from[..channels]);
                }
            }
        }
    }
}
