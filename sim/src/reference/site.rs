// SPDX-License-Identifier: MIT OR Apache-2.0
//! One layer in its graph: what kernels are made from, and the checks that all of them share.

use sepstream_spec::graph::{Activation, DType, Graph, Layer, Op, Tensor};
use sepstream_spec::quant::{
    Affine, hard_swish_table, logistic_table, relu_table, requantise_table, tanh_table,
};

use super::value::describe;
use super::{
    Error, Kernel, conv, data, dense, depthwise, elementwise, float, mean, pool, softmax, unary,
};

/// A layer and the graph around it.
pub(super) struct Site<'g> {
    pub graph: &'g Graph,
    pub layer: &'g Layer,
}

/// The kernel of a layer.
pub(super) fn kernel(site: &Site) -> Result<Box<dyn Kernel>, Error> {
    if let Some(missing) = site.layer.missing().first() {
        return Err(site.unsupported(format!("{} [{}]", missing.found, missing.rule)));
    }
    site.check()?;
    match &site.layer.op {
        Op::Conv2d(options) => conv::kernel(site, options),
        Op::DepthwiseConv2d(options) => depthwise::kernel(site, options),
        Op::FullyConnected(_) => dense::kernel(site),
        Op::AveragePool2d(options) => pool::average_kernel(site, options),
        Op::MaxPool2d(options) => pool::max_kernel(site, options),
        Op::Add(options) => elementwise::add_kernel(site, options),
        Op::Sub(options) => elementwise::sub_kernel(site, options),
        Op::Mul(options) => elementwise::mul_kernel(site, options),
        Op::Mean(options) => mean::kernel(site, options),
        Op::Pad(options) => data::pad_kernel(site, options),
        Op::Reshape => data::reshape_kernel(site),
        Op::Concatenation(options) => data::concatenation_kernel(site, options),
        Op::Softmax(options) => softmax::kernel(site, options),
        Op::Logistic => unary::kernel(site, |x, y| Some(logistic_table(x, y))),
        Op::Tanh => unary::kernel(site, |x, y| Some(tanh_table(x, y))),
        Op::HardSwish => unary::kernel(site, hard_swish_table),
        Op::Relu => unary::kernel(site, |x, y| relu_table(x, y, Activation::Relu)),
        Op::Relu6 => unary::kernel(site, |x, y| relu_table(x, y, Activation::Relu6)),
        Op::ReluN1To1 => unary::kernel(site, |x, y| relu_table(x, y, Activation::ReluN1To1)),
        Op::Quantize if site.input(0)?.dtype == DType::F32 => float::quantize_kernel(site),
        Op::Quantize => unary::kernel(site, requantise_table),
        Op::Dequantize => float::dequantize_kernel(site),
        Op::Opaque(_) => Err(site.unsupported("nothing is known of it")),
    }
}

impl<'g> Site<'g> {
    /// What holds for every layer, so that no kernel has to look again.
    fn check(&self) -> Result<(), Error> {
        self.require(self.layer.outputs.len() == 1, || {
            format!("has {} outputs, must have one", self.layer.outputs.len())
        })?;
        for tensor in self
            .layer
            .inputs
            .iter()
            .flatten()
            .chain(&self.layer.outputs)
            .map(|&id| &self.graph[id])
        {
            let empty = tensor.elements() == 0;
            self.require(!empty, || {
                format!("tensor `{}` is empty: {:?}", tensor.name, tensor.shape)
            })?;
            let got = tensor.data.as_ref().map_or(tensor.bytes(), Vec::len);
            let of = || {
                format!(
                    "constant `{}`, {}",
                    tensor.name,
                    describe(tensor.dtype, &tensor.shape)
                )
            };
            self.require(got == tensor.bytes(), || {
                format!("{} has {got} bytes", of())
            })?;
        }
        Ok(())
    }
    /// An error that names this layer.
    pub fn unsupported(&self, rule: impl Into<String>) -> Error {
        Error::Unsupported {
            layer: self.layer.index,
            kind: self.layer.kind().to_owned(),
            rule: rule.into(),
        }
    }
    /// An error with that rule, unless it holds.
    pub fn require(&self, holds: bool, rule: impl FnOnce() -> String) -> Result<(), Error> {
        if holds {
            Ok(())
        } else {
            Err(self.unsupported(rule()))
        }
    }
    /// Operand `n`.
    pub fn input(&self, n: usize) -> Result<&'g Tensor, Error> {
        self.graph
            .input(self.layer, n)
            .ok_or_else(|| self.unsupported(format!("operand {n} is missing")))
    }
    /// The result.
    pub fn output(&self) -> &'g Tensor {
        self.graph.output(self.layer)
    }
    /// Quantisation of an 8-bit tensor with one scale.
    pub fn affine(&self, tensor: &Tensor) -> Result<Affine, Error> {
        let rule = || {
            format!(
                "tensor `{}` must be int8 or uint8 with one scale, is {}",
                tensor.name,
                describe(tensor.dtype, &tensor.shape)
            )
        };
        Affine::of(tensor).ok_or_else(|| self.unsupported(rule()))
    }
    /// Quantisation of operand 0 and of the result, which must be of one type.
    pub fn affine_pair(&self) -> Result<(Affine, Affine), Error> {
        let (input, output) = (self.affine(self.input(0)?)?, self.affine(self.output())?);
        self.require(input.is_signed() == output.is_signed(), || {
            "input and output must be of one type".into()
        })?;
        Ok((input, output))
    }
    /// Dimensions of a feature map.
    pub fn nhwc(&self, tensor: &Tensor) -> Result<[usize; 4], Error> {
        let rule = || {
            format!(
                "tensor `{}` has {} dimensions, 4 are supported",
                tensor.name,
                tensor.shape.len()
            )
        };
        tensor.nhwc().ok_or_else(|| self.unsupported(rule()))
    }
    /// Error unless operand 0 and the result have the same number of elements.
    pub fn require_same_size(&self) -> Result<(), Error> {
        let (input, output) = (self.input(0)?.elements(), self.output().elements());
        self.require(input == output, || {
            format!("{input} elements cannot become {output}")
        })
    }
    /// The error for scales whose ratio no multiplier can hold.
    pub fn scales(&self) -> Error {
        self.unsupported("the scales of its tensors are too far apart for a 32-bit multiplier")
    }
}

/// Stored bytes as numbers, less the zero point.
pub(super) fn widen(bytes: &[u8], signed: bool, zero_point: i32) -> Vec<i16> {
    let zero_point = zero_point as i16;
    if signed {
        bytemuck::cast_slice::<u8, i8>(bytes)
            .iter()
            .map(|&x| i16::from(x) - zero_point)
            .collect()
    } else {
        bytes.iter().map(|&x| i16::from(x) - zero_point).collect()
    }
}
