// SPDX-License-Identifier: MIT OR Apache-2.0
//! A typed array as files hold it.

use sepstream_spec::graph::{DType, Tensor};

use crate::Error;

/// Elements in row-major order, little-endian.
#[derive(Clone, Debug, PartialEq)]
pub struct Array {
    /// Element type.
    pub dtype: DType,
    /// Dimensions, outermost first.
    pub shape: Vec<usize>,
    /// Contents: as many bytes as shape and type say.
    pub bytes: Vec<u8>,
}

impl Array {
    /// Splits an array with frames on the first axis into frames for a tensor. The tensor's shape
    /// itself is one frame, and axes of size 1 may be left out.
    pub fn frames_of(&self, tensor: &Tensor, name: &str) -> Result<Vec<Vec<u8>>, Error> {
        let refuse = |what: String| Error::Input(format!("{name}: {what}"));
        if self.dtype != tensor.dtype {
            let (got, want) = (self.dtype.name(), tensor.dtype.name());
            return Err(refuse(format!(
                "elements are {got}, but the network takes or gives {want}"
            )));
        }
        let plain =
            |shape: &[usize]| -> Vec<usize> { shape.iter().copied().filter(|&n| n != 1).collect() };
        let wanted = plain(&tensor.shape);
        let is_one = plain(&self.shape) == wanted && self.shape.len() <= tensor.shape.len();
        let is_stack = self
            .shape
            .split_first()
            .is_some_and(|(_, frame)| plain(frame) == wanted);
        if !is_one && !is_stack {
            return Err(refuse(format!(
                "shape {:?} does not fit {:?} with frames on an axis before",
                self.shape, tensor.shape
            )));
        }
        let bytes = tensor.bytes();
        if self.bytes.is_empty() || bytes == 0 {
            return Err(refuse("there are no frames".into()));
        }
        Ok(self.bytes.chunks_exact(bytes).map(<[u8]>::to_vec).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tensor(shape: &[usize]) -> Tensor {
        Tensor {
            name: "t".into(),
            shape: shape.into(),
            dtype: DType::I8,
            quant: None,
            data: None,
        }
    }
    fn array(shape: &[usize]) -> Array {
        let bytes = (0..shape.iter().product::<usize>())
            .map(|i| i as u8)
            .collect();
        Array {
            dtype: DType::I8,
            shape: shape.into(),
            bytes,
        }
    }

    #[test]
    fn shapes_with_and_without_batch_and_frames() {
        let input = tensor(&[1, 2, 3, 1]);
        for (shape, frames) in [
            (&[1, 2, 3, 1][..], 1),
            (&[2, 3], 1),
            (&[2, 3, 1], 1),
            (&[4, 1, 2, 3, 1], 4),
            (&[4, 2, 3], 4),
            (&[4, 2, 3, 1], 4),
            (&[1, 1, 2, 3, 1], 1),
        ] {
            let split = array(shape).frames_of(&input, "in0").unwrap();
            assert_eq!(split.len(), frames, "{shape:?}");
            assert_eq!(split.concat(), array(shape).bytes);
        }
        for shape in [
            &[6][..],
            &[3, 2],
            &[4, 3, 2],
            &[2, 4, 2, 3],
            &[],
            &[0, 2, 3],
        ] {
            assert!(array(shape).frames_of(&input, "in0").is_err(), "{shape:?}");
        }
    }

    #[test]
    fn vector_of_one_takes_a_stack_of_scalars() {
        assert_eq!(
            array(&[5])
                .frames_of(&tensor(&[1, 1]), "in0")
                .unwrap()
                .len(),
            5
        );
        assert_eq!(
            array(&[1])
                .frames_of(&tensor(&[1, 1]), "in0")
                .unwrap()
                .len(),
            1
        );
    }
}
