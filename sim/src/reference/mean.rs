// SPDX-License-Identifier: MIT OR Apache-2.0
//! MEAN and SUM.

use sepstream_spec::graph::Reduce;
use sepstream_spec::quant::{Affine, Multiplier, mean_multiplier, requantise_multiplier};

use super::reduce::Groups;
use super::site::Site;
use super::{Error, Kernel};

struct Sum {
    groups: Groups,
    input: Affine,
    output: Affine,
    multiplier: Multiplier,
}

/// Kernel of MEAN.
pub(super) fn mean_kernel(site: &Site, options: &Reduce) -> Result<Box<dyn Kernel>, Error> {
    kernel(site, options, site.affine_pair()?, mean_multiplier)
}

/// Kernel of SUM. LiteRT's reference kernel takes int8 for uint8 (`EvalSum` of 2.3.0; its optimised kernel does not): bytes are
/// unsigned, and so is the clamp. The zero points are what they are.
pub(super) fn sum_kernel(site: &Site, options: &Reduce) -> Result<Box<dyn Kernel>, Error> {
    let (input, output) = site.affine_pair()?;
    let unsigned = |affine| Affine {
        min: 0,
        max: 255,
        ..affine
    };
    let affines = (unsigned(input), unsigned(output));
    kernel(site, options, affines, |input, output, _| {
        requantise_multiplier(input, output)
    })
}

/// `derive` makes the factor of a sum from the scales of operand and result, and the number of summands.
fn kernel(
    site: &Site,
    options: &Reduce,
    affines: (Affine, Affine),
    derive: impl FnOnce(f32, f32, u32) -> Option<Multiplier>,
) -> Result<Box<dyn Kernel>, Error> {
    let (input, output) = affines;
    let groups = Groups::new(site, options)?;
    // Sums of at most 2^23 elements of 8 bits cannot overflow.
    site.require((1..=1 << 23).contains(&groups.count), || {
        format!("cannot take the sum of {} elements", groups.count)
    })?;
    let multiplier = derive(input.scale, output.scale, groups.count as u32);
    Ok(Box::new(Sum {
        groups,
        input,
        output,
        multiplier: multiplier.ok_or_else(|| site.scales())?,
    }))
}

impl Kernel for Sum {
    fn eval(&self, operands: &[&[u8]], output: &mut [u8]) {
        let mut sums = vec![0; output.len()];
        self.groups.for_each(operands[0], |&byte, at| {
            sums[at] += self.input.decode(byte) - self.input.zero_point;
        });
        for (byte, sum) in output.iter_mut().zip(sums) {
            let result = self
                .multiplier
                .apply(sum)
                .saturating_add(self.output.zero_point);
            *byte = result.clamp(self.output.min, self.output.max) as u8;
        }
    }
}
