// SPDX-License-Identifier: MIT OR Apache-2.0
//! Typed tensors at run time.

use sepstream_spec::graph::{DType, Tensor};

use super::Error;

/// Contents of a tensor, row-major and little-endian.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Value {
    dtype: DType,
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

impl Value {
    /// A tensor from its bytes.
    pub fn new(dtype: DType, shape: Vec<usize>, bytes: Vec<u8>) -> Result<Self, Error> {
        let elements = shape
            .iter()
            .try_fold(dtype.bytes(), |n, &d| n.checked_mul(d));
        if elements != Some(bytes.len()) {
            let want = elements.unwrap_or(usize::MAX);
            return Err(Error::Size {
                of: describe(dtype, &shape),
                want,
                got: bytes.len(),
            });
        }
        Ok(Value {
            dtype,
            shape,
            bytes,
        })
    }
    /// An int8 tensor.
    pub fn from_i8(shape: Vec<usize>, data: &[i8]) -> Result<Self, Error> {
        Value::new(DType::I8, shape, bytemuck::cast_slice(data).to_vec())
    }
    /// A uint8 tensor.
    pub fn from_u8(shape: Vec<usize>, data: &[u8]) -> Result<Self, Error> {
        Value::new(DType::U8, shape, data.to_vec())
    }
    /// A float32 tensor.
    pub fn from_f32(shape: Vec<usize>, data: &[f32]) -> Result<Self, Error> {
        Value::new(
            DType::F32,
            shape,
            data.iter().flat_map(|v| v.to_le_bytes()).collect(),
        )
    }
    /// A tensor of zero bytes, of type and shape of `tensor`.
    pub(super) fn zeros(tensor: &Tensor) -> Self {
        Value {
            dtype: tensor.dtype,
            shape: tensor.shape.clone(),
            bytes: vec![0; tensor.bytes()],
        }
    }
    /// Element type.
    pub fn dtype(&self) -> DType {
        self.dtype
    }
    /// Dimensions, outermost first.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }
    /// Contents.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
    pub(super) fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.bytes
    }
    /// Contents without type and shape.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
    /// Contents of an int8 tensor.
    pub fn as_i8(&self) -> Option<&[i8]> {
        (self.dtype == DType::I8).then(|| bytemuck::cast_slice(&self.bytes))
    }
    /// Contents of a float32 tensor.
    pub fn to_f32(&self) -> Option<Vec<f32>> {
        (self.dtype == DType::F32).then(|| {
            self.bytes
                .as_chunks()
                .0
                .iter()
                .map(|&b| f32::from_le_bytes(b))
                .collect()
        })
    }
    /// Error unless type and shape are those of `tensor`.
    pub(super) fn expect(&self, tensor: &Tensor) -> Result<(), Error> {
        if self.dtype == tensor.dtype && self.shape == tensor.shape {
            return Ok(());
        }
        Err(Error::Value {
            name: tensor.name.clone(),
            want: describe(tensor.dtype, &tensor.shape),
            got: describe(self.dtype, &self.shape),
        })
    }
}

/// Type and shape as in `int8 [1, 96, 96, 3]`.
pub(super) fn describe(dtype: DType, shape: &[usize]) -> String {
    format!("{} {shape:?}", dtype.name())
}
