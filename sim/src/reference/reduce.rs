// SPDX-License-Identifier: MIT OR Apache-2.0
//! REDUCE_MAX, REDUCE_MIN and REDUCE_PROD, and what all reductions share.

use num_traits::Bounded;
use sepstream_spec::graph::{DType, Reduce};
use sepstream_spec::quant::{Affine, Multiplier, prod_multiplier, requant_wide};

use super::broadcast::Walk;
use super::element::{Element, elements, store, with_element};
use super::site::Site;
use super::{Error, Kernel};

/// Which elements of the operand belong to which of the result.
pub(super) struct Groups {
    /// Over the operand; the walked tensor is the result, which stands still along the reduced axes.
    walk: Walk<1>,
    /// Elements of the operand for each of the result.
    pub count: usize,
}

impl Groups {
    /// Of a layer that reduces the axes of its first operand.
    pub fn new(site: &Site, options: &Reduce) -> Result<Self, Error> {
        let shape = &site.input(0)?.shape;
        let mut kept = shape.clone();
        let mut count = 1usize;
        for &axis in &options.axes {
            site.require(axis < shape.len(), || format!("has no axis {axis}"))?;
            count = count.saturating_mul(std::mem::replace(&mut kept[axis], 1));
        }
        let elements: usize = kept.iter().product();
        site.require(site.output().elements() == elements, || {
            format!("the output must have {elements} elements")
        })?;
        let walk = Walk::new(shape, [&kept])
            .ok_or_else(|| site.unsupported("axes do not fit the input"))?;
        Ok(Groups { walk, count })
    }
    /// Calls `each` with every element of the operand, in its order, and the place of its result.
    pub fn for_each<T>(&self, operand: &[T], mut each: impl FnMut(&T, usize)) {
        let [step] = self.walk.step;
        for (row, &[start]) in operand.chunks_exact(self.walk.length).zip(&self.walk.rows) {
            for (n, element) in row.iter().enumerate() {
                each(element, start + n * step);
            }
        }
    }
}

struct Extreme<T, F> {
    groups: Groups,
    first: T,
    better: F,
}

/// A kernel that keeps the element that is better than all others of its group.
fn extreme<T: Element>(
    site: &Site,
    options: &Reduce,
    first: T,
    better: impl Fn(T, T) -> bool + Send + Sync + 'static,
) -> Result<Box<dyn Kernel>, Error> {
    site.require_kept_type(site.input(0)?)?;
    site.require(site.input(0)?.quant == site.output().quant, || {
        "input and output must be quantised alike".into()
    })?;
    let groups = Groups::new(site, options)?;
    Ok(Box::new(Extreme {
        groups,
        first,
        better,
    }))
}

impl<T: Element, F: Fn(T, T) -> bool + Send + Sync> Kernel for Extreme<T, F> {
    fn eval(&self, operands: &[&[u8]], output: &mut [u8]) {
        let values: Vec<T> = elements(operands[0]).collect();
        let mut best = vec![self.first; output.len() / size_of::<T>()];
        self.groups.for_each(&values, |&x, at| {
            if (self.better)(x, best[at]) {
                best[at] = x;
            }
        });
        store(output, best);
    }
}

/// Kernel of REDUCE_MAX.
pub(super) fn max_kernel(site: &Site, options: &Reduce) -> Result<Box<dyn Kernel>, Error> {
    with_element!(site.output().dtype, T => {
        extreme(site, options, <T as Bounded>::min_value(), |a: T, b: T| a > b)
    }, _ => Err(site.no_numbers()))
}

/// Kernel of REDUCE_MIN.
pub(super) fn min_kernel(site: &Site, options: &Reduce) -> Result<Box<dyn Kernel>, Error> {
    with_element!(site.output().dtype, T => {
        extreme(site, options, <T as Bounded>::max_value(), |a: T, b: T| a < b)
    }, _ => Err(site.no_numbers()))
}

struct Product {
    groups: Groups,
    input: Affine,
    output: Affine,
    multiplier: Multiplier,
}

/// Kernel of REDUCE_PROD: `QuantizedReduceProd`, which requantises after each factor.
pub(super) fn prod_kernel(site: &Site, options: &Reduce) -> Result<Box<dyn Kernel>, Error> {
    let (input, output) = site.affine_pair()?;
    site.require(input.is_signed(), || "the operand must be int8".into())?;
    let groups = Groups::new(site, options)?;
    let multiplier =
        prod_multiplier(input.scale, output.scale, groups.count).ok_or_else(|| site.scales())?;
    Ok(Box::new(Product {
        groups,
        input,
        output,
        multiplier,
    }))
}

impl Kernel for Product {
    fn eval(&self, operands: &[&[u8]], output: &mut [u8]) {
        let mut products = vec![None; output.len()];
        self.groups.for_each(operands[0], |&byte, at| {
            let x = self.input.decode(byte) - self.input.zero_point;
            products[at] = Some(match products[at] {
                None => x,
                Some(product) => requant_wide(i64::from(product) * i64::from(x), self.multiplier),
            });
        });
        for (byte, product) in output.iter_mut().zip(products) {
            let scaled = requant_wide(product.unwrap_or(0).into(), self.multiplier);
            let result = scaled.saturating_add(self.output.zero_point);
            *byte = result.clamp(self.output.min, self.output.max) as u8;
        }
    }
}
