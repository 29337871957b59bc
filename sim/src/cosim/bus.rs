// SPDX-License-Identifier: MIT OR Apache-2.0
//! The way from the driver to the simulated ports.

use super::{Error, Rtl};
use sepstream_firmware::Bus;
use sepstream_spec::regs::Reg;

/// The ports of a Verilated accelerator as a bus. A transfer takes simulated time only in the calls behind it, so that it can go
/// on under a frame.
pub struct RtlBus<'a> {
    rtl: &'a mut Rtl,
    word_bytes: u32,
    /// The packet that is being sent.
    outgoing: Vec<u8>,
    /// Bytes of the packet that was asked for and not received yet.
    expected: usize,
    /// The rest of the packet that is being received.
    incoming: std::vec::IntoIter<u8>,
}

impl<'a> RtlBus<'a> {
    /// A bus to an accelerator whose stream words have `word_bytes` bytes.
    pub fn new(rtl: &'a mut Rtl, word_bytes: u32) -> Self {
        RtlBus {
            rtl,
            word_bytes,
            outgoing: Vec::new(),
            expected: 0,
            incoming: Vec::new().into_iter(),
        }
    }
    /// The accelerator: its clock, its interrupt.
    pub fn rtl(&mut self) -> &mut Rtl {
        self.rtl
    }
}

impl Bus for RtlBus<'_> {
    type Error = Error;

    fn write_register(&mut self, register: Reg, value: u32) -> Result<(), Error> {
        self.rtl.finish_input()?;
        if register == Reg::SendWords {
            self.expected = value as usize * self.word_bytes as usize;
        }
        self.rtl.write_reg(register as u32, value).map(|_| ())
    }
    fn read_register(&mut self, register: Reg) -> Result<u32, Error> {
        self.rtl.read_reg(register as u32)
    }
    fn send(&mut self, beats: &[u8], last: bool) -> Result<(), Error> {
        self.outgoing.extend(beats);
        if last {
            self.rtl.queue_input(&self.outgoing);
            self.outgoing.clear();
        }
        Ok(())
    }
    fn receive(&mut self, words: &mut [u8]) -> Result<(), Error> {
        if self.expected > 0 {
            let expected = std::mem::take(&mut self.expected);
            self.incoming = self.rtl.recv(expected)?.bytes.into_iter();
        }
        let bytes = words.len();
        let left = self.incoming.len();
        words
            .iter_mut()
            .zip(&mut self.incoming)
            .for_each(|(to, byte)| *to = byte);
        if bytes > left {
            return Err(Error::Driver {
                reason: format!("{bytes} bytes received where {left} were left"),
            });
        }
        Ok(())
    }
}
