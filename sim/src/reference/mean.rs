// SPDX-License-Identifier: MIT OR Apache-2.0
//! MEAN.

use sepstream_spec::graph;
use sepstream_spec::quant::{Affine, Multiplier, mean_multiplier};

use super::broadcast::Walk;
use super::site::Site;
use super::{Error, Kernel};

struct Mean {
    input: Affine,
    output: Affine,
    count: u32,
    multiplier: Multiplier,
    /// Over the input; the operand is the output, which stands still along the reduced axes.
    walk: Walk<1>,
}

/// Kernel of MEAN.
pub(super) fn kernel(site: &Site, options: &graph::Mean) -> Result<Box<dyn Kernel>, Error> {
    let (input, output) = site.affine_pair()?;
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
    // Sums of at most 2^23 elements of 8 bits cannot overflow.
    site.require((1..=1 << 23).contains(&count), || {
        format!("cannot take the mean of {count} elements")
    })?;
    let count = count as u32;
    let multiplier =
        mean_multiplier(input.scale, output.scale, count).ok_or_else(|| site.scales())?;
    let walk =
        Walk::new(shape, [&kept]).ok_or_else(|| site.unsupported("axes do not fit the input"))?;
    Ok(Box::new(Mean {
        input,
        output,
        count,
        multiplier,
        walk,
    }))
}

impl Kernel for Mean {
    fn eval(&self, operands: &[&[u8]], output: &mut [u8]) {
        let mut sums = vec![0; output.len()];
        for (row, &[start]) in operands[0]
            .chunks_exact(self.walk.length)
            .zip(&self.walk.rows)
        {
            let values = row.iter().map(|&byte| self.input.decode(byte));
            if self.walk.step == [0] {
                sums[start] += values.sum::<i32>();
            } else {
                sums[start..]
                    .iter_mut()
                    .zip(values)
                    .for_each(|(sum, x)| *sum += x);
            }
        }
        for (byte, sum) in output.iter_mut().zip(sums) {
            let acc = sum - self.input.zero_point * self.count as i32;
            let mean = self
                .multiplier
                .apply(acc)
                .saturating_add(self.output.zero_point);
            *byte = mean.clamp(self.output.min, self.output.max) as u8;
        }
    }
}
