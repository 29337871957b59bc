// SPDX-License-Identifier: MIT OR Apache-2.0
//! Register map of the control bus (Wishbone, 32-bit words, word addresses) and the memories behind the host stream.

/// Value of [`Reg::Id`]: "SSTR".
pub const ID: u32 = 0x5353_5452;
/// Version of register map and command format. An image has one of its own: [`crate::program::VERSION`].
pub const VERSION: u32 = 1;

/// A register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Reg {
    /// Read: [`ID`].
    Id = 0,
    /// Read: [`VERSION`].
    Version = 1,
    /// Read: fingerprint of the configuration; a program compiled for another one must not be loaded.
    Fingerprint = 2,
    /// Write: [`CONTROL_START`].
    Control = 3,
    /// Read: [`STATUS_BUSY`], [`STATUS_DONE`], [`STATUS_SENDING`].
    Status = 4,
    /// Read: cycles of the last (or running) frame.
    Cycles = 5,
    /// Write: memory that the input stream fills, a [`Memory`] number.
    LoadTarget = 6,
    /// Write: its first word; the stream then fills word after word.
    LoadAddress = 7,
    /// Write: first word of activation memory to send.
    SendAddress = 8,
    /// Write: number of words to send; starts the output stream.
    SendWords = 9,
    /// Read: index of the command at work.
    Command = 10,
}

impl Reg {
    /// All registers in the order of their numbers.
    pub const ALL: [Reg; 11] = [
        Reg::Id,
        Reg::Version,
        Reg::Fingerprint,
        Reg::Control,
        Reg::Status,
        Reg::Cycles,
        Reg::LoadTarget,
        Reg::LoadAddress,
        Reg::SendAddress,
        Reg::SendWords,
        Reg::Command,
    ];
}

/// Bit of [`Reg::Control`]: run the program once.
pub const CONTROL_START: u32 = 1;
/// Bit of [`Reg::Status`]: a frame is running.
pub const STATUS_BUSY: u32 = 1;
/// Bit of [`Reg::Status`]: a frame has finished since the last start.
pub const STATUS_DONE: u32 = 2;
/// Bit of [`Reg::Status`]: the output stream is not finished.
pub const STATUS_SENDING: u32 = 4;

/// A memory that the host can fill.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u32)]
pub enum Memory {
    /// Feature maps.
    Activation = 0,
    /// Commands.
    Program = 1,
    /// Pointwise weights.
    Weight = 2,
    /// Depthwise weights.
    DwWeight = 3,
    /// Pointwise requantisation parameters.
    PwParam = 4,
    /// Depthwise requantisation parameters.
    DwParam = 5,
    /// Functions of a pointwise output byte.
    PwTable = 6,
    /// Functions of a depthwise output byte.
    DwTable = 7,
}

impl Memory {
    /// All memories in the order of their numbers.
    pub const ALL: [Memory; 8] = [
        Memory::Activation,
        Memory::Program,
        Memory::Weight,
        Memory::DwWeight,
        Memory::PwParam,
        Memory::DwParam,
        Memory::PwTable,
        Memory::DwTable,
    ];
    /// What it is called in messages.
    pub const fn name(self) -> &'static str {
        match self {
            Memory::Activation => "activation memory",
            Memory::Program => "program memory",
            Memory::Weight => "pointwise weight memory",
            Memory::DwWeight => "depthwise weight memory",
            Memory::PwParam => "pointwise parameter memory",
            Memory::DwParam => "depthwise parameter memory",
            Memory::PwTable => "pointwise table memory",
            Memory::DwTable => "depthwise table memory",
        }
    }
}
