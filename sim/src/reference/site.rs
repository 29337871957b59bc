// SPDX-License-Identifier: MIT OR Apache-2.0
//! One layer in its graph: what kernels are made from, and the checks that all of them share.

use sepstream_spec::graph::{DType, Graph, Layer, Op, Tensor};
use sepstream_spec::quant::Affine;

use super::Error;
use super::value::describe;

/// One result of a layer, and the graph around it.
pub(super) struct Site<'g> {
    pub graph: &'g Graph,
    pub layer: &'g Layer,
    /// Which of the layer's results: 0 for all operators that have only one.
    pub number: usize,
}

impl<'g> Site<'g> {
    /// What holds for every layer, so that no kernel has to look again.
    pub fn check(&self) -> Result<(), Error> {
        let many = matches!(self.layer.op, Op::Split(_) | Op::SplitV(_) | Op::Unpack(_));
        self.require(many || self.layer.outputs.len() == 1, || {
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
        self.result(self.number)
    }
    /// Result `n` of the layer.
    pub fn result(&self, n: usize) -> &'g Tensor {
        &self.graph[self.layer.outputs[n]]
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
    /// Error unless a tensor is of the result's type.
    pub fn require_kept_type(&self, tensor: &Tensor) -> Result<(), Error> {
        let (from, to) = (tensor.dtype, self.output().dtype);
        self.require(from == to, || {
            format!("cannot turn {} into {}", from.name(), to.name())
        })
    }
    /// Error unless a tensor is float32.
    pub fn require_float(&self, tensor: &Tensor) -> Result<(), Error> {
        self.require(tensor.dtype == DType::F32, || {
            let dtype = tensor.dtype.name();
            format!("tensor `{}` must be float32, is {dtype}", tensor.name)
        })
    }
    /// The error for element types without numbers.
    pub fn no_numbers(&self) -> Error {
        self.unsupported("its tensors must be int8, uint8, int32, int64 or float32")
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
