// SPDX-License-Identifier: MIT OR Apache-2.0
//! CAST.

use num_traits::AsPrimitive;
use sepstream_spec::graph::DType;

use super::element::{Element, elements, store, with_element};
use super::site::Site;
use super::{Error, Kernel};

struct Cast {
    from: DType,
    to: DType,
}

/// Kernel of CAST.
pub(super) fn kernel(site: &Site) -> Result<Box<dyn Kernel>, Error> {
    site.require_same_size()?;
    let (from, to) = (site.input(0)?.dtype, site.output().dtype);
    let known = |dtype| with_element!(dtype, T => size_of::<T>() > 0, _ => dtype == DType::Bool);
    site.require(known(from) && known(to), || {
        format!("cannot turn {} into {}", from.name(), to.name())
    })?;
    Ok(Box::new(Cast { from, to }))
}

/// Stores numbers as another type. Integers wrap; floats are cut off, and stop at the ends of an integer type.
fn store_as<T: Element>(values: impl Iterator<Item = T>, to: DType, output: &mut [u8]) {
    with_element!(to, U => {
        store(output, values.map(|value| <T as AsPrimitive<U>>::as_(value)));
    }, _ => {
        store(output, values.map(|value| u8::from(!value.is_zero())));
    });
}

impl Kernel for Cast {
    fn eval(&self, operands: &[&[u8]], output: &mut [u8]) {
        with_element!(self.from, T => {
            store_as(elements::<T>(operands[0]), self.to, output);
        }, _ => {
            // A bool is the number 0 or 1.
            store_as(elements::<u8>(operands[0]).map(|byte| u8::from(byte != 0)), self.to, output);
        });
    }
}
