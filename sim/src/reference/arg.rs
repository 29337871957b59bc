// SPDX-License-Identifier: MIT OR Apache-2.0
//! ARG_MAX and ARG_MIN.

use sepstream_spec::graph::{Arg, DType};

use super::element::{Element, elements, store, with_element};
use super::site::Site;
use super::{Error, Kernel};

struct Search<T, F> {
    /// Elements along the axis.
    size: usize,
    /// Elements between neighbours along the axis.
    stride: usize,
    better: F,
    wide: bool,
    element: std::marker::PhantomData<T>,
}

fn search<T: Element>(
    site: &Site,
    options: &Arg,
    better: impl Fn(T, T) -> bool + Send + Sync + 'static,
) -> Result<Box<dyn Kernel>, Error> {
    let (shape, output) = (&site.input(0)?.shape, site.output());
    let axis = options.axis;
    site.require(axis < shape.len(), || format!("has no axis {axis}"))?;
    let (size, stride) = (shape[axis], shape[axis + 1..].iter().product());
    let elements = site.input(0)?.elements() / size;
    let fits = output.elements() == elements && matches!(output.dtype, DType::I32 | DType::I64);
    site.require(fits, || format!("the output must be {elements} integers"))?;
    Ok(Box::new(Search {
        size,
        stride,
        better,
        wide: output.dtype == DType::I64,
        element: std::marker::PhantomData,
    }))
}

/// Kernel of ARG_MAX.
pub(super) fn max_kernel(site: &Site, options: &Arg) -> Result<Box<dyn Kernel>, Error> {
    with_element!(site.input(0)?.dtype, T => {
        search(site, options, |a: T, b: T| a > b)
    }, _ => Err(site.no_numbers()))
}

/// Kernel of ARG_MIN.
pub(super) fn min_kernel(site: &Site, options: &Arg) -> Result<Box<dyn Kernel>, Error> {
    with_element!(site.input(0)?.dtype, T => {
        search(site, options, |a: T, b: T| a < b)
    }, _ => Err(site.no_numbers()))
}

impl<T: Element, F: Fn(T, T) -> bool + Send + Sync> Kernel for Search<T, F> {
    fn eval(&self, operands: &[&[u8]], output: &mut [u8]) {
        let values: Vec<T> = elements(operands[0]).collect();
        let found = values
            .chunks_exact(self.size * self.stride)
            .flat_map(|block| {
                (0..self.stride).map(|n| {
                    let at = |k: usize| block[k * self.stride + n];
                    (1..self.size).fold(0, |best, k| {
                        if (self.better)(at(k), at(best)) {
                            k
                        } else {
                            best
                        }
                    })
                })
            });
        if self.wide {
            store(output, found.map(|k| k as i64));
        } else {
            store(output, found.map(|k| k as i32));
        }
    }
}
