// SPDX-License-Identifier: MIT OR Apache-2.0
//! AVERAGE_POOL_2D and MAX_POOL_2D.

use sepstream_spec::graph::Pool2d;
use sepstream_spec::quant::average;

use super::site::{Site, widen};
use super::window::{Reach, Reaches};
use super::{Error, Kernel};

struct Pool {
    signed: bool,
    shape: [usize; 4],
    reaches: Reaches,
    low: i32,
    high: i32,
}

struct AveragePool(Pool);

struct MaxPool(Pool);

/// Kernel of AVERAGE_POOL_2D.
pub(super) fn average_kernel(site: &Site, options: &Pool2d) -> Result<Box<dyn Kernel>, Error> {
    Ok(Box::new(AveragePool(Pool::new(site, options)?)))
}

/// Kernel of MAX_POOL_2D.
pub(super) fn max_kernel(site: &Site, options: &Pool2d) -> Result<Box<dyn Kernel>, Error> {
    Ok(Box::new(MaxPool(Pool::new(site, options)?)))
}

impl Pool {
    fn new(site: &Site, options: &Pool2d) -> Result<Self, Error> {
        let (input, output) = site.affine_pair()?;
        site.require(
            (input.scale - output.scale).abs() <= 1e-6 && input.zero_point == output.zero_point,
            || "input and output must be quantised alike".into(),
        )?;
        let shape = site.nhwc(site.input(0)?)?;
        let [batch, rows, columns, channels] = site.nhwc(site.output())?;
        site.require(
            batch == shape[0] && channels == shape[3] && channels > 0,
            || "batch and channels must stay".into(),
        )?;
        let reaches = Reaches::new(&options.window, (shape[1], shape[2]), (rows, columns));
        let touches = reaches
            .rows
            .iter()
            .chain(&reaches.columns)
            .all(|r| !r.taps.is_empty());
        site.require(touches, || "every window must touch the feature map".into())?;
        let (low, high) = output.activation_range(options.activation);
        Ok(Pool {
            signed: input.is_signed(),
            shape,
            reaches,
            low,
            high,
        })
    }
    /// Calls `each` for every output pixel: with the map, the window and the bytes of the pixel.
    fn for_each(
        &self,
        operand: &[u8],
        output: &mut [u8],
        mut each: impl FnMut(&[i16], &Reach, &Reach, &mut [u8]),
    ) {
        let [_, height, width, channels] = self.shape;
        let input = widen(operand, self.signed, 0);
        let mut pixels = output.chunks_exact_mut(channels);
        for map in input.chunks_exact(height * width * channels) {
            for row in &self.reaches.rows {
                for (column, pixel) in self.reaches.columns.iter().zip(&mut pixels) {
                    each(map, row, column, pixel);
                }
            }
        }
    }
    /// Input pixels under a window.
    fn pixels<'m>(
        &self,
        map: &'m [i16],
        row: &Reach,
        column: &Reach,
    ) -> impl Iterator<Item = &'m [i16]> {
        let [_, _, width, channels] = self.shape;
        let (first, count) = (column.origin, column.taps.len());
        let rows = row.origin..row.origin + row.taps.len();
        rows.flat_map(move |y| {
            map[(y * width + first) * channels..]
                .chunks_exact(channels)
                .take(count)
        })
    }
    fn clamp(&self, value: i32) -> u8 {
        value.max(self.low).min(self.high) as u8
    }
}

impl Kernel for AveragePool {
    fn eval(&self, operands: &[&[u8]], output: &mut [u8]) {
        let mut sums = vec![0; self.0.shape[3]];
        self.0
            .for_each(operands[0], output, |map, row, column, bytes| {
                sums.fill(0);
                for pixel in self.0.pixels(map, row, column) {
                    sums.iter_mut()
                        .zip(pixel)
                        .for_each(|(sum, &x)| *sum += i32::from(x));
                }
                let count = (row.taps.len() * column.taps.len()) as i32;
                bytes
                    .iter_mut()
                    .zip(&sums)
                    .for_each(|(byte, &sum)| *byte = self.0.clamp(average(sum, count)));
            });
    }
}

impl Kernel for MaxPool {
    fn eval(&self, operands: &[&[u8]], output: &mut [u8]) {
        let mut maxima = vec![0; self.0.shape[3]];
        self.0
            .for_each(operands[0], output, |map, row, column, bytes| {
                maxima.fill(i16::MIN);
                for pixel in self.0.pixels(map, row, column) {
                    maxima
                        .iter_mut()
                        .zip(pixel)
                        .for_each(|(max, &x)| *max = x.max(*max));
                }
                bytes
                    .iter_mut()
                    .zip(&maxima)
                    .for_each(|(byte, &max)| *byte = self.0.clamp(max.into()));
            });
    }
}
