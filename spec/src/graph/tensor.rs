// SPDX-License-Identifier: MIT OR Apache-2.0
//! Tensors, element types and quantisation parameters.

use alloc::string::String;
use alloc::vec::Vec;

/// Element type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DType {
    /// Signed 8-bit, quantised.
    I8,
    /// Unsigned 8-bit, quantised (legacy models, and edges of newer ones).
    U8,
    /// Signed 32-bit: biases and shapes.
    I32,
    /// Signed 64-bit: shapes.
    I64,
    /// Single precision: only at the edges of a quantised network.
    F32,
    /// True or false, a byte each.
    Bool,
    /// Signed 16-bit.
    I16,
    /// Unsigned 16-bit.
    U16,
    /// Unsigned 32-bit.
    U32,
    /// Unsigned 64-bit.
    U64,
    /// Half precision.
    F16,
    /// Double precision.
    F64,
    /// Whatever else a file may hold, by its name: strings, or elements of 4 bits. Nothing computes with it.
    Other(&'static str),
}

impl DType {
    /// Bytes per element; 0 where that is no whole or no fixed number.
    pub fn bytes(self) -> usize {
        match self {
            DType::I8 | DType::U8 | DType::Bool => 1,
            DType::I16 | DType::U16 | DType::F16 => 2,
            DType::I32 | DType::U32 | DType::F32 => 4,
            DType::I64 | DType::U64 | DType::F64 => 8,
            DType::Other(_) => 0,
        }
    }
    /// Name as numpy spells it.
    pub fn name(self) -> &'static str {
        match self {
            DType::I8 => "int8",
            DType::U8 => "uint8",
            DType::I32 => "int32",
            DType::I64 => "int64",
            DType::F32 => "float32",
            DType::Bool => "bool",
            DType::I16 => "int16",
            DType::U16 => "uint16",
            DType::U32 => "uint32",
            DType::U64 => "uint64",
            DType::F16 => "float16",
            DType::F64 => "float64",
            DType::Other(name) => name,
        }
    }
    /// True for the two 8-bit types of quantised activations.
    pub fn is_quantised(self) -> bool {
        matches!(self, DType::I8 | DType::U8)
    }
    /// Smallest and largest value of an integer type that fits 32 bits.
    pub fn range(self) -> Option<(i32, i32)> {
        match self {
            DType::I8 => Some((-128, 127)),
            DType::U8 => Some((0, 255)),
            DType::I32 => Some((i32::MIN, i32::MAX)),
            DType::I16 => Some((i16::MIN.into(), i16::MAX.into())),
            DType::U16 => Some((0, u16::MAX.into())),
            _ => None,
        }
    }
}

/// Affine quantisation: `real = scale * (stored - zero_point)`, for the whole tensor or for each index along one axis.
#[derive(Clone, Debug, PartialEq)]
pub struct Quant {
    /// One scale, or one per channel. Never empty; finite, and 0 only for channels of weights that make nothing but zeros.
    pub scale: Vec<f32>,
    /// As many zero points as scales, each in the range of the element type.
    pub zero_point: Vec<i32>,
    /// Axis that the channels lie on, 0 if there is one scale.
    pub axis: usize,
}

impl Quant {
    /// Scale of one channel.
    pub fn scale_at(&self, channel: usize) -> f32 {
        if self.scale.len() == 1 {
            self.scale[0]
        } else {
            self.scale[channel]
        }
    }
    /// Zero point of one channel.
    pub fn zero_point_at(&self, channel: usize) -> i32 {
        if self.zero_point.len() == 1 {
            self.zero_point[0]
        } else {
            self.zero_point[channel]
        }
    }
    /// Scale and zero point of a tensor that has only one of each.
    pub fn per_tensor(&self) -> Option<(f32, i32)> {
        match (&self.scale[..], &self.zero_point[..]) {
            (&[scale], &[zero_point]) => Some((scale, zero_point)),
            _ => None,
        }
    }
}

/// A tensor: shape, type, quantisation, and contents if it is a constant.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    /// Name in the model file.
    pub name: String,
    /// Dimensions, outermost first (NHWC for feature maps); empty for a scalar. At an opaque layer a dimension that the file
    /// leaves open is 0.
    pub shape: Vec<usize>,
    /// Element type.
    pub dtype: DType,
    /// Quantisation; `None` for float tensors and shapes.
    pub quant: Option<Quant>,
    /// Contents of a constant, row-major, little-endian: exactly [`Tensor::bytes`] of them, unless the type is
    /// [`DType::Other`].
    pub data: Option<Vec<u8>>,
}

impl Tensor {
    /// Number of elements, 1 for a scalar. An importer guarantees that it fits.
    pub fn elements(&self) -> usize {
        self.shape.iter().product()
    }
    /// Size in bytes.
    pub fn bytes(&self) -> usize {
        self.elements() * self.dtype.bytes()
    }
    /// Dimensions as batch, height, width, channels. Missing outer dimensions count as 1, so a vector of n is [1, 1, 1, n];
    /// `None` above rank 4.
    pub fn nhwc(&self) -> Option<[usize; 4]> {
        let mut dims = [1; 4];
        let start = 4usize.checked_sub(self.shape.len())?;
        dims[start..].copy_from_slice(&self.shape);
        Some(dims)
    }
    /// Size of the innermost dimension, 1 for a scalar.
    pub fn channels(&self) -> usize {
        self.shape.last().copied().unwrap_or(1)
    }
    /// Scale and zero point of a tensor quantised as a whole.
    pub fn per_tensor(&self) -> Option<(f32, i32)> {
        self.quant.as_ref().and_then(Quant::per_tensor)
    }
    /// Contents of an int8 constant.
    pub fn as_i8(&self) -> Option<&[i8]> {
        let data = self.data.as_deref().filter(|_| self.dtype == DType::I8)?;
        Some(bytemuck::cast_slice(data))
    }
    /// Contents of a uint8 constant.
    pub fn as_u8(&self) -> Option<&[u8]> {
        self.data.as_deref().filter(|_| self.dtype == DType::U8)
    }
    /// Contents of an int32 constant.
    pub fn to_i32(&self) -> Option<Vec<i32>> {
        let data = self.data.as_deref().filter(|_| self.dtype == DType::I32)?;
        Some(
            data.as_chunks()
                .0
                .iter()
                .map(|&b| i32::from_le_bytes(b))
                .collect(),
        )
    }
    /// Contents of an int64 constant.
    pub fn to_i64(&self) -> Option<Vec<i64>> {
        let data = self.data.as_deref().filter(|_| self.dtype == DType::I64)?;
        Some(
            data.as_chunks()
                .0
                .iter()
                .map(|&b| i64::from_le_bytes(b))
                .collect(),
        )
    }
    /// Contents of a float constant.
    pub fn to_f32(&self) -> Option<Vec<f32>> {
        let data = self.data.as_deref().filter(|_| self.dtype == DType::F32)?;
        Some(
            data.as_chunks()
                .0
                .iter()
                .map(|&b| f32::from_le_bytes(b))
                .collect(),
        )
    }
}

#[cfg(test)]
mod tests {
    use alloc::borrow::ToOwned;
    use alloc::vec;

    use super::*;

    fn constant(dtype: DType, shape: &[usize], data: &[u8]) -> Tensor {
        Tensor {
            name: "t".to_owned(),
            shape: shape.to_vec(),
            dtype,
            quant: None,
            data: Some(data.to_vec()),
        }
    }

    #[test]
    fn missing_dimensions_are_outer_ones() {
        assert_eq!(constant(DType::I8, &[], &[0]).nhwc(), Some([1, 1, 1, 1]));
        assert_eq!(
            constant(DType::I8, &[3, 2], &[0; 6]).nhwc(),
            Some([1, 1, 3, 2])
        );
        assert_eq!(constant(DType::I8, &[1; 5], &[0]).nhwc(), None);
    }

    #[test]
    fn contents_are_read_only_as_what_they_are() {
        let bytes = constant(DType::I8, &[2], &[0xff, 0x7f]);
        assert_eq!(bytes.as_i8(), Some(&[-1, 127][..]));
        assert_eq!(bytes.as_u8(), None);
        let words = constant(DType::I32, &[2], &[0xfe, 0xff, 0xff, 0xff, 1, 0, 0, 0]);
        assert_eq!(words.to_i32(), Some(vec![-2, 1]));
        assert_eq!(
            (words.elements(), words.bytes(), words.to_f32()),
            (2, 8, None)
        );
    }

    #[test]
    fn one_scale_serves_all_channels() {
        let whole = Quant {
            scale: vec![0.5],
            zero_point: vec![3],
            axis: 0,
        };
        assert_eq!(
            (
                whole.scale_at(7),
                whole.zero_point_at(7),
                whole.per_tensor()
            ),
            (0.5, 3, Some((0.5, 3)))
        );
        let each = Quant {
            scale: vec![0.5, 0.25],
            zero_point: vec![0, 1],
            axis: 3,
        };
        assert_eq!(
            (each.scale_at(1), each.zero_point_at(1), each.per_tensor()),
            (0.25, 1, None)
        );
    }
}
