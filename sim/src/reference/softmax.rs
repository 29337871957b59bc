// SPDX-License-Identifier: MIT OR Apache-2.0
//! SOFTMAX.

use sepstream_spec::graph;
use sepstream_spec::quant::{Affine, Softmax};

use super::site::Site;
use super::{Error, Kernel};

struct SoftmaxKernel {
    input: Affine,
    output: Affine,
    params: Softmax,
    depth: usize,
}

/// Kernel of SOFTMAX.
pub(super) fn kernel(site: &Site, options: &graph::Softmax) -> Result<Box<dyn Kernel>, Error> {
    site.require_same_size()?;
    let (input, output) = site.affine_pair()?;
    site.require(
        output.scale == 1.0 / 256.0 && output.zero_point == output.min,
        || {
            format!(
                "the output must have scale 1/256 and zero point {}",
                output.min
            )
        },
    )?;
    let params = Softmax::new(options.beta, input.scale)
        .ok_or_else(|| site.unsupported(format!("scale {} is too small", input.scale)))?;
    Ok(Box::new(SoftmaxKernel {
        input,
        output,
        params,
        depth: site.input(0)?.channels(),
    }))
}

impl Kernel for SoftmaxKernel {
    fn eval(&self, operands: &[&[u8]], output: &mut [u8]) {
        for (x, y) in operands[0]
            .chunks_exact(self.depth)
            .zip(output.chunks_exact_mut(self.depth))
        {
            self.params.row(
                x.iter().map(|&byte| self.input.decode(byte)),
                self.output.min,
                y,
            );
        }
    }
}
