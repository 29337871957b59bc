// SPDX-License-Identifier: MIT OR Apache-2.0
//! Matrix times vector and requantisation: the inside of CONV_2D, and all of FULLY_CONNECTED.

use sepstream_spec::graph::{DType, Tensor};
use sepstream_spec::quant::{Affine, Requantisation};

use super::site::{Site, widen};
use super::{Error, Kernel};

/// Requantisation of each channel, and store.
pub(super) struct Requantiser(Vec<Requantisation>);

impl Requantiser {
    /// For `channels` outputs, from the scales of operand 0, of the weights (operand 1) and of the result.
    pub fn new(site: &Site, channels: usize) -> Result<Self, Error> {
        site.affine_pair()?;
        let scales = site.input(1)?.quant.as_ref().map_or(0, |q| q.scale.len());
        site.require(scales == 1 || scales == channels, || {
            format!("has {scales} weight scales, must have 1 or {channels}")
        })?;
        let one = |channel| Requantisation::of_channel(site.graph, site.layer, channel);
        let all = (0..channels).map(one).collect::<Option<_>>();
        Ok(Requantiser(all.ok_or_else(|| site.scales())?))
    }
    /// Bytes of one pixel from its accumulators.
    pub fn store(&self, acc: &[i32], output: &mut [u8]) {
        for ((byte, &acc), requantisation) in output.iter_mut().zip(acc).zip(&self.0) {
            *byte = requantisation.apply(acc) as u8;
        }
    }
}

/// Constant weights less their zero point. int8 weights of convolutions are symmetric; uint8 ones need not be.
pub(super) fn weights(site: &Site, symmetric: bool) -> Result<Vec<i16>, Error> {
    let (input, weights) = (site.input(0)?, site.input(1)?);
    let data = weights
        .data
        .as_deref()
        .ok_or_else(|| site.unsupported("weights must be constants of the model"))?;
    site.require(weights.dtype == input.dtype, || {
        format!(
            "weights are {}, must be {} as the input",
            weights.dtype.name(),
            input.dtype.name()
        )
    })?;
    let zero_points = weights.quant.as_ref().map_or(&[][..], |q| &q.zero_point);
    let zero_point = zero_points.first().copied().unwrap_or(0);
    site.require(zero_points.iter().all(|&z| z == zero_point), || {
        "weights must have one zero point".into()
    })?;
    let signed = weights.dtype == DType::I8;
    site.require(!(symmetric && signed && zero_point != 0), || {
        format!("int8 weights must have the zero point 0, not {zero_point}")
    })?;
    Ok(widen(data, signed, zero_point))
}

/// Constant bias, zeros if left out.
pub(super) fn bias(site: &Site, channels: usize) -> Result<Vec<i32>, Error> {
    let Some(bias) = site.graph.input(site.layer, 2) else {
        return Ok(vec![0; channels]);
    };
    let constant = |t: &Tensor| t.to_i32().filter(|b| b.len() == channels);
    constant(bias)
        .ok_or_else(|| site.unsupported(format!("the bias must be {channels} int32 constants")))
}

/// A matrix with bias and requantisation.
pub(super) struct Dense {
    /// Row-major with a row for each *input*, so that the innermost loop runs over outputs and vectorises.
    weights: Vec<i16>,
    bias: Vec<i32>,
    requantiser: Requantiser,
}

impl Dense {
    /// From weights that TensorFlow Lite stores with a row for each output.
    pub fn new(output_major: &[i16], bias: Vec<i32>, requantiser: Requantiser) -> Self {
        let (outputs, inputs) = (bias.len(), output_major.len() / bias.len());
        let mut weights = Vec::with_capacity(output_major.len());
        for input in 0..inputs {
            weights.extend((0..outputs).map(|output| output_major[output * inputs + input]));
        }
        Dense {
            weights,
            bias,
            requantiser,
        }
    }
    /// Number of outputs.
    pub fn outputs(&self) -> usize {
        self.bias.len()
    }
    /// One vector. `acc` is scratch for as many sums as there are outputs.
    pub fn eval(&self, input: &[i16], acc: &mut [i32], output: &mut [u8]) {
        acc.copy_from_slice(&self.bias);
        accumulate(acc, input, &self.weights);
        self.requantiser.store(acc, output);
    }
}

/// `acc[o] += sum over i of input[i] * weights[i][o]`, wrapping as 32-bit accumulators do.
fn accumulate(acc: &mut [i32], input: &[i16], weights: &[i16]) {
    let n = acc.len();
    // Four inputs at a time: fewer loads and stores of the sums, and pairs that the compiler makes multiply-adds of.
    let (fours, rest) = input.as_chunks::<4>();
    let (weights, weights_rest) = weights.split_at(fours.len() * 4 * n);
    for (&[x0, x1, x2, x3], rows) in fours.iter().zip(weights.chunks_exact(4 * n)) {
        let (w01, w23) = rows.split_at(2 * n);
        let ((w0, w1), (w2, w3)) = (w01.split_at(n), w23.split_at(n));
        for ((((sum, &w0), &w1), &w2), &w3) in acc.iter_mut().zip(w0).zip(w1).zip(w2).zip(w3) {
            let products = product(x0, w0) + product(x1, w1) + product(x2, w2) + product(x3, w3);
            *sum = sum.wrapping_add(products);
        }
    }
    for (&x, row) in rest.iter().zip(weights_rest.chunks_exact(n)) {
        acc.iter_mut()
            .zip(row)
            .for_each(|(sum, &w)| *sum = sum.wrapping_add(product(x, w)));
    }
}

/// At most 255 * 255 in magnitude.
#[inline]
pub(super) fn product(x: i16, w: i16) -> i32 {
    i32::from(x) * i32::from(w)
}

/// FULLY_CONNECTED.
struct FullyConnectedKernel {
    input: Affine,
    inputs: usize,
    dense: Dense,
}

/// Kernel of FULLY_CONNECTED.
pub(super) fn kernel(site: &Site) -> Result<Box<dyn Kernel>, Error> {
    let (input, _) = site.affine_pair()?;
    let &[outputs, inputs] = &site.input(1)?.shape[..] else {
        return Err(site.unsupported("weights must have two dimensions"));
    };
    let elements = site.input(0)?.elements();
    site.require(inputs > 0 && outputs > 0 && elements % inputs == 0, || {
        format!("an input of {elements} elements does not fit weights of {outputs} x {inputs}")
    })?;
    let rows = elements / inputs;
    site.require(site.output().elements() == rows * outputs, || {
        format!("the output must have {rows} x {outputs} elements")
    })?;
    let requantiser = Requantiser::new(site, outputs)?;
    let dense = Dense::new(&weights(site, false)?, bias(site, outputs)?, requantiser);
    Ok(Box::new(FullyConnectedKernel {
        input,
        inputs,
        dense,
    }))
}

impl Kernel for FullyConnectedKernel {
    fn eval(&self, operands: &[&[u8]], output: &mut [u8]) {
        let input = widen(operands[0], self.input.is_signed(), self.input.zero_point);
        let mut acc = vec![0; self.dense.outputs()];
        for (x, y) in input
            .chunks_exact(self.inputs)
            .zip(output.chunks_exact_mut(self.dense.outputs()))
        {
            self.dense.eval(x, &mut acc, y);
        }
    }
}
