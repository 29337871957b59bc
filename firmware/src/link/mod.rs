// SPDX-License-Identifier: MIT OR Apache-2.0
//! The accelerator's registers and streams over a byte link such as UART or SPI: frames, requests, replies.
//!
//! Pure state machines over bytes: [`Encoder`] gives the bytes of a message, [`Decoder`] takes bytes and gives frames, and
//! [`Receiver`] says what the accelerator's end does with a request. They neither wait nor allocate. [`Session`] is the host's
//! end: a [`crate::Bus`] over any [`Port`] of bytes. The accelerator's end is `hdl/src/link`. Layouts and rules are in
//! `docs/host-link.md`, constants in [`sepstream_spec::link`].
//!
//! Invariants, each a test: I1 what is decoded was sent so, short of a CRC-32 collision · I2 a damaged frame costs no other
//! frame · I3 a request is executed once, however often it is sent · I4 no bytes make it panic.

mod embedded;
mod frame;
mod message;
mod receiver;
mod session;

pub use embedded::{SerialPort, SpiPort};
pub use frame::{Decoder, Encoder, Frame, FrameError};
pub use message::{Reply, Request};
pub use receiver::{Receiver, Verdict};
pub use sepstream_spec::link::*;
pub use session::{Port, Session, SessionError, Statistics};
