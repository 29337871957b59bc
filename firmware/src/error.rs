// SPDX-License-Identifier: MIT OR Apache-2.0
//! What can go wrong between a host and its accelerator.

/// Why the driver could not do what it was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error<E> {
    // the link
    /// The bus failed.
    #[error("the link to the accelerator failed: {0}")]
    Bus(E),
    // the accelerator
    /// What answers is no accelerator.
    #[error(
        "no accelerator answers: its identification is {found:#010x}, expected {expected:#010x}; check wiring and bitstream"
    )]
    Identification {
        /// [`sepstream_spec::regs::ID`].
        expected: u32,
        /// What was read.
        found: u32,
    },
    /// It has another version of registers and commands.
    #[error(
        "the accelerator has version {found}, this driver {expected}; generate it with the driver's release"
    )]
    Version {
        /// [`sepstream_spec::regs::VERSION`].
        expected: u32,
        /// The accelerator's.
        found: u32,
    },
    /// A frame is not finished after the polls allowed.
    #[error("the frame is not finished after {polls} polls of the status register")]
    Timeout {
        /// Polls made.
        polls: u32,
    },
    /// Nothing runs, and nothing has finished.
    #[error(
        "the accelerator neither runs a frame nor has finished one: it was reset or never started; load the program again"
    )]
    Idle,
    // the program
    /// The program was compiled for another configuration.
    #[error(
        "the program was compiled for configuration {expected:#010x}, the accelerator has {found:#010x}; compile it for this one"
    )]
    Configuration {
        /// The program's fingerprint.
        expected: u32,
        /// The accelerator's fingerprint.
        found: u32,
    },
    // the caller
    /// A program was to be loaded under a running frame.
    #[error("a frame is running; wait for its end before a program is loaded")]
    Busy,
    /// There is no program yet.
    #[error("no program is loaded; load one first")]
    NoProgram,
    /// A tensor has not the size of its map.
    #[error("the tensor has {found} bytes, its map takes {expected}")]
    TensorSize {
        /// Elements of the map.
        expected: usize,
        /// Bytes of the tensor.
        found: usize,
    },
}
