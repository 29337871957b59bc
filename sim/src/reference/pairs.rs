// SPDX-License-Identifier: MIT OR Apache-2.0
//! Operators that make one element of two as they are: MAXIMUM and MINIMUM of any type, and float arithmetic.

use sepstream_spec::graph::{Activation, DType};

use super::broadcast::Walk;
use super::element::{Element, elements, with_element};
use super::site::Site;
use super::{Error, Kernel};

struct Pairs<T, F> {
    walk: Walk<2>,
    eval: F,
    element: std::marker::PhantomData<T>,
}

/// A kernel that computes each element of the result from one of each operand.
fn pairs<T: Element, F>(site: &Site, eval: F) -> Result<Box<dyn Kernel>, Error>
where
    F: Fn(T, T) -> T + Send + Sync + 'static,
{
    let tensors = [site.input(0)?, site.input(1)?];
    site.require_kept_type(tensors[0])?;
    site.require_kept_type(tensors[1])?;
    let shape = &site.output().shape;
    let walk = Walk::new(shape, tensors.map(|t| &t.shape[..])).ok_or_else(|| {
        site.unsupported(format!(
            "{:?} and {:?} do not broadcast to {shape:?}",
            tensors[0].shape, tensors[1].shape
        ))
    })?;
    Ok(Box::new(Pairs {
        walk,
        eval,
        element: std::marker::PhantomData,
    }))
}

impl<T: Element, F: Fn(T, T) -> T + Send + Sync> Kernel for Pairs<T, F> {
    fn eval(&self, operands: &[&[u8]], output: &mut [u8]) {
        let a: Vec<T> = elements(operands[0]).collect();
        let b: Vec<T> = elements(operands[1]).collect();
        let [step_a, step_b] = self.walk.step;
        let rows = output.chunks_exact_mut(self.walk.length * size_of::<T>());
        for (row, &[start_a, start_b]) in rows.zip(&self.walk.rows) {
            let at = |n: usize| (self.eval)(a[start_a + n * step_a], b[start_b + n * step_b]);
            super::element::store(row, (0..self.walk.length).map(at));
        }
    }
}

/// Kernel of MAXIMUM. Stored values are compared, whatever their quantisation.
pub(super) fn maximum_kernel(site: &Site) -> Result<Box<dyn Kernel>, Error> {
    with_element!(site.output().dtype, T => {
        pairs(site, |a: T, b: T| if a > b { a } else { b })
    }, _ => Err(site.no_numbers()))
}

/// Kernel of MINIMUM.
pub(super) fn minimum_kernel(site: &Site) -> Result<Box<dyn Kernel>, Error> {
    with_element!(site.output().dtype, T => {
        pairs(site, |a: T, b: T| if a < b { a } else { b })
    }, _ => Err(site.no_numbers()))
}

/// Kernel of an operator on float32.
pub(super) fn float_kernel(
    site: &Site,
    activation: Activation,
    eval: impl Fn(f32, f32) -> f32 + Send + Sync + 'static,
) -> Result<Box<dyn Kernel>, Error> {
    site.require_float(site.output())?;
    let (low, high) = activation.bounds();
    let (low, high) = (low.unwrap_or(f32::MIN), high.unwrap_or(f32::MAX));
    // As `ActivationFunctionWithMinMax` nests them: what is no number becomes a bound.
    let clamp = move |x: f32| {
        let x = if low < x { x } else { low };
        if x < high { x } else { high }
    };
    match activation {
        Activation::None => pairs(site, eval),
        _ => pairs(site, move |a, b| clamp(eval(a, b))),
    }
}
