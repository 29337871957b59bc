// SPDX-License-Identifier: MIT OR Apache-2.0
//! ADD, SUB, MUL, SQUARED_DIFFERENCE and PRELU of quantised tensors.

use sepstream_spec::graph::{Activation, Elementwise};
use sepstream_spec::quant::{AddParams, Affine, Prelu, SquaredDifference, mul_multiplier};

use super::broadcast::Walk;
use super::site::Site;
use super::{Error, Kernel};

struct Binary<F> {
    inputs: [Affine; 2],
    output: Affine,
    low: i32,
    high: i32,
    walk: Walk<2>,
    eval: F,
}

/// Kernel of ADD.
pub(super) fn add_kernel(site: &Site, options: &Elementwise) -> Result<Box<dyn Kernel>, Error> {
    let params = from_scales(site, AddParams::add)?;
    binary(site, options.activation, move |x1, x2| params.eval(x1, x2))
}

/// Kernel of SUB.
pub(super) fn sub_kernel(site: &Site, options: &Elementwise) -> Result<Box<dyn Kernel>, Error> {
    let params = from_scales(site, AddParams::sub)?;
    binary(site, options.activation, move |x1, x2| params.eval(x1, x2))
}

/// Kernel of MUL.
pub(super) fn mul_kernel(site: &Site, options: &Elementwise) -> Result<Box<dyn Kernel>, Error> {
    let multiplier = from_scales(site, mul_multiplier)?;
    binary(site, options.activation, move |x1, x2| {
        multiplier.apply(x1 * x2)
    })
}

/// Kernel of SQUARED_DIFFERENCE.
pub(super) fn squared_difference_kernel(site: &Site) -> Result<Box<dyn Kernel>, Error> {
    let params = from_scales(site, SquaredDifference::new)?;
    site.require(site.affine(site.output())?.is_signed(), || {
        "all tensors must be int8".into()
    })?;
    binary(site, Activation::None, move |x1, x2| params.eval(x1, x2))
}

/// Kernel of PRELU.
pub(super) fn prelu_kernel(site: &Site) -> Result<Box<dyn Kernel>, Error> {
    let params = from_scales(site, Prelu::new)?;
    binary(site, Activation::None, move |x, slope| {
        params.eval(x, slope)
    })
}

fn from_scales<P>(
    site: &Site,
    derive: impl FnOnce(f32, f32, f32) -> Option<P>,
) -> Result<P, Error> {
    let scale = |tensor| site.affine(tensor).map(|a| a.scale);
    derive(
        scale(site.input(0)?)?,
        scale(site.input(1)?)?,
        scale(site.output())?,
    )
    .ok_or_else(|| site.scales())
}

fn binary<F>(site: &Site, activation: Activation, eval: F) -> Result<Box<dyn Kernel>, Error>
where
    F: Fn(i32, i32) -> i32 + Send + Sync + 'static,
{
    let tensors = [site.input(0)?, site.input(1)?];
    let inputs = [site.affine(tensors[0])?, site.affine(tensors[1])?];
    let output = site.affine(site.output())?;
    site.require(
        inputs.iter().all(|i| i.is_signed() == output.is_signed()),
        || "all tensors must be of one type".into(),
    )?;
    let shape = &site.output().shape;
    let walk = Walk::new(shape, tensors.map(|t| &t.shape[..])).ok_or_else(|| {
        site.unsupported(format!(
            "{:?} and {:?} do not broadcast to {shape:?}",
            tensors[0].shape, tensors[1].shape
        ))
    })?;
    let (low, high) = output.activation_range(activation);
    Ok(Box::new(Binary {
        inputs,
        output,
        low,
        high,
        walk,
        eval,
    }))
}

impl<F: Fn(i32, i32) -> i32 + Send + Sync> Kernel for Binary<F> {
    fn eval(&self, operands: &[&[u8]], output: &mut [u8]) {
        let [a, b] = self.inputs;
        let [step_a, step_b] = self.walk.step;
        for (bytes, &[start_a, start_b]) in output
            .chunks_exact_mut(self.walk.length)
            .zip(&self.walk.rows)
        {
            let (row_a, row_b) = (&operands[0][start_a..], &operands[1][start_b..]);
            for (n, byte) in bytes.iter_mut().enumerate() {
                let x1 = a.decode(row_a[n * step_a]) - a.zero_point;
                let x2 = b.decode(row_b[n * step_b]) - b.zero_point;
                let result = (self.eval)(x1, x2).saturating_add(self.output.zero_point);
                *byte = result.max(self.low).min(self.high) as u8;
            }
        }
    }
}
