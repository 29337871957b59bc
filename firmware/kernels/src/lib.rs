// SPDX-License-Identifier: MIT OR Apache-2.0
//! # kernels — INT8 networks on a processor of 32 bits without SIMD
//!
//! What a soft core runs in place of the accelerator, or beside it: the same bytes by TensorFlow Lite's arithmetic
//! (`spec::quant`). Every layer is there as a plain loop nest ([`Kernel::Conv`], [`Kernel::Depthwise`]); convolutions that
//! the compiler finds fit are there in a form for RV32IM, too ([`Kernel::Dense`], [`Kernel::Depthwise3x3`]), with weights in
//! the order of their use and one multiplication for a requantisation.
//!
//! A [`Network`] is a flat image that the compiler makes of a model; it is read where it lies. Neither `std` nor an allocator
//! is needed; what is read from an image is checked before it is used, so no image makes a kernel panic.
#![no_std]

mod arena;
mod dense;
mod depthwise;
mod error;
mod image;
mod plain;
mod reduce;

pub use dense::{FAST_LIMIT, FastChannel, GROUP};
pub use error::Error;
pub use image::{HEADER_WORDS, Kernel, LAYER_WORDS, Layer, MAGIC, Network, VERSION};
pub use plain::Channel;
