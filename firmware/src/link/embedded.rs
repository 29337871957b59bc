// SPDX-License-Identifier: MIT OR Apache-2.0
//! Ports of microcontrollers, on the traits of embedded-hal 1.0 and embedded-io: with them a [`super::Session`] runs on any board
//! that has a serial port or an SPI controller.

use super::Port;
use embedded_hal::delay::DelayNs;
use embedded_hal::spi::SpiDevice;
use embedded_io::{Error as _, ErrorKind, Read, ReadReady, Write};
use sepstream_spec::link::FLAG;

/// Microseconds between two looks for a byte.
const STEP_US: u32 = 5;

/// A serial port that can say whether a byte is there.
#[derive(Debug)]
pub struct SerialPort<S, D> {
    serial: S,
    delay: D,
    wait_us: u32,
}

impl<S: Read + ReadReady + Write, D: DelayNs> SerialPort<S, D> {
    /// A port that waits `wait_us` microseconds for a byte: some bytes on the wire in both directions, and what the accelerator may
    /// hold a stream back.
    pub fn new(serial: S, delay: D, wait_us: u32) -> Self {
        SerialPort {
            serial,
            delay,
            wait_us,
        }
    }
}

impl<S: Read + ReadReady + Write, D: DelayNs> Port for SerialPort<S, D> {
    type Error = S::Error;

    fn send(&mut self, bytes: &[u8]) -> Result<(), S::Error> {
        self.serial.write_all(bytes)?;
        self.serial.flush()
    }
    fn receive(&mut self) -> Result<Option<u8>, S::Error> {
        for _ in 0..=self.wait_us / STEP_US {
            if self.serial.read_ready()? {
                let mut byte = [0];
                return match self.serial.read(&mut byte) {
                    Ok(0) => Ok(None),
                    Ok(_) => Ok(Some(byte[0])),
                    // what is lost on the way looks like nothing at all: the request is sent again
                    Err(error) if error.kind() == ErrorKind::TimedOut => Ok(None),
                    Err(error) => Err(error),
                };
            }
            self.delay.delay_us(STEP_US);
        }
        Ok(None)
    }
}

/// The accelerator as an SPI peripheral of mode 0. It has a reply or flags whenever the controller's clock runs, so nothing waits
/// here: the session asks again after so many flags.
#[derive(Debug)]
pub struct SpiPort<S> {
    device: S,
}

impl<S: SpiDevice> SpiPort<S> {
    /// A port on a device; its clock has half periods of at least 4 cycles of the accelerator.
    pub fn new(device: S) -> Self {
        SpiPort { device }
    }
}

impl<S: SpiDevice> Port for SpiPort<S> {
    type Error = S::Error;

    fn send(&mut self, bytes: &[u8]) -> Result<(), S::Error> {
        // what comes back meanwhile are flags, or a reply that is too late for its request
        self.device.write(bytes)
    }
    fn receive(&mut self) -> Result<Option<u8>, S::Error> {
        let mut byte = [FLAG];
        self.device.transfer_in_place(&mut byte)?;
        Ok(Some(byte[0]))
    }
}
