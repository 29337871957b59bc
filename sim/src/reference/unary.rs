// SPDX-License-Identifier: MIT OR Apache-2.0
//! Operators from 8 bits to 8 bits that look at one element at a time.

use sepstream_spec::quant::{Affine, Table};

use super::site::Site;
use super::{Error, Kernel};

struct Lookup(Table);

/// Kernel of an operator that is a table made from the quantisation of input and output.
pub(super) fn kernel(
    site: &Site,
    make: impl FnOnce(Affine, Affine) -> Option<Table>,
) -> Result<Box<dyn Kernel>, Error> {
    site.require_same_size()?;
    let (input, output) = (site.affine(site.input(0)?)?, site.affine(site.output())?);
    Ok(Box::new(Lookup(
        make(input, output).ok_or_else(|| site.scales())?,
    )))
}

impl Kernel for Lookup {
    fn eval(&self, operands: &[&[u8]], output: &mut [u8]) {
        output
            .iter_mut()
            .zip(operands[0])
            .for_each(|(y, &x)| *y = self.0[usize::from(x)]);
    }
}
