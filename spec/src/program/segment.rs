// SPDX-License-Identifier: MIT OR Apache-2.0
//! The segments of a program image: what runs on the host, what on the accelerator, and the tensors
//! that go from one to the next.

#[cfg(feature = "alloc")]
use alloc::vec::Vec;

#[cfg(feature = "alloc")]
use super::MapPort;

/// A tensor that segments read and write: the host keeps it in its arena.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HostTensor {
    /// Index in the model file.
    pub index: u32,
    /// First byte in the host's arena, a multiple of four. Tensors that are never there together
    /// may share their place.
    pub offset: u32,
    /// Its bytes, dense (row, column, channel). Dead channels that no segment needs are not among
    /// them.
    pub bytes: u32,
}

/// Numbers of a [`HostTensor`] in an image.
pub(super) const TENSOR_WORDS: usize = 3;
/// [`Work::Host`] in an image.
pub(super) const HOST: u32 = 0;
/// [`Work::Accelerator`] in an image.
pub(super) const ACCELERATOR: u32 = 1;

/// Layers that run one behind the other on one side. Segments run in their order.
#[cfg(feature = "alloc")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// The tensors that it reads, by their place in the list of tensors.
    pub reads: Vec<u32>,
    /// The tensors that it writes.
    pub writes: Vec<u32>,
    /// What it does.
    pub work: Work,
}

/// What a segment does.
#[cfg(feature = "alloc")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Work {
    /// The host runs these layers, by their indices in the model file.
    Host(Vec<u32>),
    /// The accelerator runs commands.
    Accelerator(Run),
}

/// A run of the accelerator: from a start to the command that is its last.
#[cfg(feature = "alloc")]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Run {
    /// The maps of the tensors that the segment reads, in their order.
    pub inputs: Vec<MapPort>,
    /// The maps of the tensors that it writes.
    pub outputs: Vec<MapPort>,
    /// Bytes of its commands; they follow those of the runs before.
    pub command_bytes: u32,
}
