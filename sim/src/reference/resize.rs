// SPDX-License-Identifier: MIT OR Apache-2.0
//! RESIZE_BILINEAR.

use sepstream_spec::graph::Resize;

use super::site::Site;
use super::{Error, Kernel};

/// A place between two rows or columns.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Between<N> {
    lower: usize,
    upper: usize,
    /// How far it lies behind the lower one.
    offset: N,
}

/// One in the fixed point of places.
const ONE: i32 = 1 << 10;

/// Places along one axis in fixed point: `ComputeInterpolationValuesInteger`.
fn fixed_places(input: usize, output: usize, options: &Resize) -> Vec<Between<i32>> {
    let (size, count) = (input as i32, output as i32);
    let scale = if options.align_corners && count > 1 {
        (ONE * (size - 1) + (count - 1) / 2) / (count - 1)
    } else {
        (ONE * size + count / 2) / count
    };
    let place = |n: i32| {
        let at = if options.half_pixel_centers {
            n * scale + scale / 2 - ONE / 2
        } else {
            n * scale
        };
        let lower = (at / ONE).max(0);
        Between {
            lower: lower as usize,
            upper: ((at + ONE - 1) / ONE).min(size - 1) as usize,
            offset: at - ONE * lower,
        }
    };
    (0..count).map(place).collect()
}

/// Places along one axis in single precision: `ComputeInterpolationValues`.
fn float_places(input: usize, output: usize, options: &Resize) -> Vec<Between<f32>> {
    let scale = if options.align_corners && output > 1 {
        (input - 1) as f32 / (output - 1) as f32
    } else {
        input as f32 / output as f32
    };
    let place = |n: usize| {
        let at = if options.half_pixel_centers {
            (n as f32 + 0.5) * scale - 0.5
        } else {
            n as f32 * scale
        };
        let lower = at.floor().max(0.0);
        Between {
            lower: lower as usize,
            upper: (at.ceil() as usize).min(input - 1),
            offset: at - lower,
        }
    };
    (0..output).map(place).collect()
}

struct Bilinear<N> {
    shape: [usize; 4],
    rows: Vec<Between<N>>,
    columns: Vec<Between<N>>,
    /// One element of four, in rows, and the places between them.
    mix: fn([u8; 4], N, N) -> u8,
}

/// Kernel of RESIZE_BILINEAR. TensorFlow Lite has two: int8 goes by fixed point, uint8 by single precision.
pub(super) fn bilinear_kernel(site: &Site, options: &Resize) -> Result<Box<dyn Kernel>, Error> {
    let (input, _) = site.affine_pair()?;
    let (shape, output) = (site.nhwc(site.input(0)?)?, site.nhwc(site.output())?);
    site.require(shape[0] == output[0] && shape[3] == output[3], || {
        "batch and channels must stay".into()
    })?;
    // Places of 20 bits and more would not fit their fixed point.
    const MOST: usize = 1 << 20;
    let sizes = [shape[1], shape[2], output[1], output[2]];
    site.require(sizes.iter().all(|&n| n < MOST), || {
        "the map is too large".into()
    })?;
    Ok(if input.is_signed() {
        Box::new(Bilinear {
            shape,
            rows: fixed_places(shape[1], output[1], options),
            columns: fixed_places(shape[2], output[2], options),
            mix: mix_fixed,
        })
    } else {
        Box::new(Bilinear {
            shape,
            rows: float_places(shape[1], output[1], options),
            columns: float_places(shape[2], output[2], options),
            mix: mix_float,
        })
    })
}

/// `ResizeBilinearInteger`: 20 bits behind the point, rounded away from zero.
fn mix_fixed(pixels: [u8; 4], down: i32, across: i32) -> u8 {
    let [a, b, c, d] = pixels.map(|byte| i64::from(byte as i8));
    let (down, across, one) = (i64::from(down), i64::from(across), i64::from(ONE));
    let upper = a * (one - down) * (one - across) + b * (one - down) * across;
    let lower = c * down * (one - across) + d * down * across;
    let sum = upper + lower;
    let half = if sum > 0 { 1 << 19 } else { -(1 << 19) };
    ((sum + half) / (1 << 20)) as u8
}

/// `ResizeBilinear` of uint8: single precision in this order, rounded by cutting off.
fn mix_float(pixels: [u8; 4], down: f32, across: f32) -> u8 {
    let [a, b, c, d] = pixels.map(f32::from);
    let sum = a * (1.0 - down) * (1.0 - across)
        + c * down * (1.0 - across)
        + b * (1.0 - down) * across
        + d * down * across
        + 0.5;
    sum as u8
}

impl<N: Copy + Send + Sync> Kernel for Bilinear<N> {
    fn eval(&self, operands: &[&[u8]], output: &mut [u8]) {
        let [_, height, width, channels] = self.shape;
        let mut pixels = output.chunks_exact_mut(channels);
        for map in operands[0].chunks_exact(height * width * channels) {
            for row in &self.rows {
                for (column, to) in self.columns.iter().zip(&mut pixels) {
                    let corner =
                        |y: usize, x: usize| &map[(y * width + x) * channels..][..channels];
                    let corners = [
                        corner(row.lower, column.lower),
                        corner(row.lower, column.upper),
                        corner(row.upper, column.lower),
                        corner(row.upper, column.upper),
                    ];
                    for (c, byte) in to.iter_mut().enumerate() {
                        *byte = (self.mix)(corners.map(|p| p[c]), row.offset, column.offset);
                    }
                }
            }
        }
    }
}
