// SPDX-License-Identifier: MIT OR Apache-2.0
//! The contract that every other crate shares: configuration, graph, quantisation, program format, cycle constants.
//!
//! Without the feature `alloc` there remains what runs beside an accelerator without an allocator: registers, link, program
//! images and the arithmetic of single elements.
#![no_std]
#[cfg(any(test, feature = "alloc"))]
extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

#[cfg(feature = "alloc")]
pub mod config;
#[cfg(feature = "alloc")]
pub mod graph;
#[cfg(feature = "alloc")]
pub mod isa;
pub mod link;
#[cfg(feature = "alloc")]
pub mod memory;
pub mod program;
pub mod quant;
pub mod regs;
#[cfg(feature = "alloc")]
pub mod timing;
#[cfg(feature = "alloc")]
pub mod width;

/// CRC-32 (IEEE 802.3, as in zip files) of some bytes after each other: the checksum of images and of link frames.
pub fn crc32(parts: &[&[u8]]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    parts.iter().for_each(|part| hasher.update(part));
    hasher.finalize()
}
