// SPDX-License-Identifier: MIT OR Apache-2.0
//! Why a network cannot run.

/// What is wrong with an image, or with the memory that it was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// The bytes are no image, of another version, cut off, or do not lie at a multiple of four bytes.
    Image,
    /// What a layer says contradicts itself or reaches out of the image.
    Layer {
        /// Its position in the image.
        layer: usize,
    },
    /// Arena or scratch memory is smaller than the image says, or a tensor has another size than it was given.
    Memory {
        /// Bytes needed.
        needed: usize,
        /// Bytes given.
        given: usize,
    },
}

impl core::fmt::Display for Error {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Error::Image => f.write_str(
                "this is no network image of this version at an address that is a multiple of 4; compile the model again",
            ),
            Error::Layer { layer } => {
                write!(f, "layer {layer} of the network image contradicts itself; compile the model again")
            }
            Error::Memory { needed, given } => {
                write!(f, "{given} bytes were given where the network needs {needed}")
            }
        }
    }
}

impl core::error::Error for Error {}
