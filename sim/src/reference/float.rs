// SPDX-License-Identifier: MIT OR Apache-2.0
//! QUANTIZE from float and DEQUANTIZE: the edges of a quantised network.

use sepstream_spec::graph::DType;
use sepstream_spec::quant::Affine;

use super::site::Site;
use super::{Error, Kernel};

struct Quantize(Affine);

struct Dequantize(Affine);

/// Kernel of QUANTIZE from float32.
pub(super) fn quantize_kernel(site: &Site) -> Result<Box<dyn Kernel>, Error> {
    site.require_same_size()?;
    Ok(Box::new(Quantize(site.affine(site.output())?)))
}

/// Kernel of DEQUANTIZE to float32.
pub(super) fn dequantize_kernel(site: &Site) -> Result<Box<dyn Kernel>, Error> {
    site.require_same_size()?;
    let dtype = site.output().dtype;
    site.require(dtype == DType::F32, || {
        format!("the output must be float32, is {}", dtype.name())
    })?;
    Ok(Box::new(Dequantize(site.affine(site.input(0)?)?)))
}

impl Kernel for Quantize {
    fn eval(&self, operands: &[&[u8]], output: &mut [u8]) {
        for (byte, &real) in output.iter_mut().zip(operands[0].as_chunks().0) {
            *byte = self.0.quantise(f32::from_le_bytes(real)) as u8;
        }
    }
}

impl Kernel for Dequantize {
    fn eval(&self, operands: &[&[u8]], output: &mut [u8]) {
        for (real, &byte) in output.as_chunks_mut().0.iter_mut().zip(operands[0]) {
            *real = self.0.dequantise(self.0.decode(byte)).to_le_bytes();
        }
    }
}
