// SPDX-License-Identifier: MIT OR Apache-2.0
//! Operators on float32 that look at one element, or one row, at a time: what stands between DEQUANTIZE and QUANTIZE.
//!
//! Exponential and logarithm are those of the C library, as in TensorFlow Lite: the last bit of a float is the platform's.

use sepstream_spec::graph::Function;

use super::element::{elements, store};
use super::site::Site;
use super::{Error, Kernel};

struct Map<F>(F);

/// Kernel of a function of one float.
pub(super) fn kernel(
    site: &Site,
    eval: impl Fn(f32) -> f32 + Send + Sync + 'static,
) -> Result<Box<dyn Kernel>, Error> {
    site.require_same_size()?;
    site.require_float(site.input(0)?)?;
    site.require_float(site.output())?;
    Ok(Box::new(Map(eval)))
}

impl<F: Fn(f32) -> f32 + Send + Sync> Kernel for Map<F> {
    fn eval(&self, operands: &[&[u8]], output: &mut [u8]) {
        store(output, elements(operands[0]).map(&self.0));
    }
}

/// A function of its own as the float kernels have it.
pub(super) fn function(function: Function) -> fn(f32) -> f32 {
    match function {
        Function::Abs => f32::abs,
        Function::Neg => |x| -x,
        Function::Exp => f32::exp,
        Function::Log => f32::ln,
        Function::Sqrt => f32::sqrt,
        Function::Rsqrt => |x| 1.0 / x.sqrt(),
        Function::Square => |x| x * x,
        Function::Floor => f32::floor,
        Function::Ceil => f32::ceil,
        // `RoundToNearest` adds to the floor: it gives no negative zero.
        Function::Round => |x| x.round_ties_even() + 0.0,
    }
}

/// LOGISTIC of a float: `Logistic`, which leaves out what does not count far from 0.
pub(super) fn logistic(x: f32) -> f32 {
    const UPPER: f32 = 16.619_047;
    const LOWER: f32 = -9.0;
    if x > UPPER {
        1.0
    } else if x < LOWER {
        x.exp()
    } else {
        1.0 / (1.0 + (-x).exp())
    }
}

struct LogSoftmax {
    depth: usize,
}

/// Kernel of LOG_SOFTMAX of floats.
pub(super) fn log_softmax_kernel(site: &Site) -> Result<Box<dyn Kernel>, Error> {
    site.require_same_size()?;
    site.require_float(site.input(0)?)?;
    site.require_float(site.output())?;
    Ok(Box::new(LogSoftmax {
        depth: site.input(0)?.channels(),
    }))
}

impl Kernel for LogSoftmax {
    fn eval(&self, operands: &[&[u8]], output: &mut [u8]) {
        let values: Vec<f32> = elements(operands[0]).collect();
        let rows = output.chunks_exact_mut(self.depth * size_of::<f32>());
        for (row, to) in values.chunks_exact(self.depth).zip(rows) {
            let max = row
                .iter()
                .fold(f32::MIN, |max, &x| if max < x { x } else { max });
            let sum = row.iter().fold(0.0, |sum, &x| sum + (x - max).exp());
            let log_sum = f32::ln(sum);
            store(to, row.iter().map(|&x| x - max - log_sum));
        }
    }
}
