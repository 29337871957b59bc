// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the driver needs of the hardware.

use sepstream_spec::regs::Reg;

/// The way to an accelerator's registers and streams.
///
/// Accesses take effect in the order of the calls: a register is written only when the beats sent before are all in the
/// accelerator.
pub trait Bus {
    /// Why an access failed.
    type Error;

    /// Writes a register.
    ///
    /// # Errors
    /// When the access failed.
    fn write_register(&mut self, register: Reg, value: u32) -> Result<(), Self::Error>;

    /// Reads a register.
    ///
    /// # Errors
    /// When the access failed.
    fn read_register(&mut self, register: Reg) -> Result<u32, Self::Error>;

    /// Sends beats of the load stream: whole ones, but for the end of a transfer (`last`), which is filled up with zeros. May
    /// return before they are in the accelerator.
    ///
    /// # Errors
    /// When the beats cannot be sent.
    fn send(&mut self, beats: &[u8], last: bool) -> Result<(), Self::Error>;

    /// Receives words of the result stream, whole ones.
    ///
    /// # Errors
    /// When they do not come.
    fn receive(&mut self, words: &mut [u8]) -> Result<(), Self::Error>;
}

impl<B: Bus + ?Sized> Bus for &mut B {
    type Error = B::Error;

    fn write_register(&mut self, register: Reg, value: u32) -> Result<(), Self::Error> {
        (**self).write_register(register, value)
    }
    fn read_register(&mut self, register: Reg) -> Result<u32, Self::Error> {
        (**self).read_register(register)
    }
    fn send(&mut self, beats: &[u8], last: bool) -> Result<(), Self::Error> {
        (**self).send(beats, last)
    }
    fn receive(&mut self, words: &mut [u8]) -> Result<(), Self::Error> {
        (**self).receive(words)
    }
}
