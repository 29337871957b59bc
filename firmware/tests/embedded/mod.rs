// SPDX-License-Identifier: MIT OR Apache-2.0
//! Sessions over the traits of microcontrollers.

use super::Peer;
use embedded_hal::delay::DelayNs;
use embedded_hal::spi::{self, Operation, SpiDevice};
use embedded_io::{ErrorType, Read, ReadReady, Write};
use sepstream_firmware::Bus;
use sepstream_firmware::link::{FLAG, SerialPort, Session, SessionError, SpiPort};
use sepstream_spec::regs::Reg;
use std::cell::Cell;
use std::convert::Infallible;
use std::rc::Rc;

/// A peer on a serial port. Its replies come only after some looks.
struct Serial {
    peer: Peer,
    slow: u32,
    looks: u32,
}

impl ErrorType for Serial {
    type Error = Infallible;
}
impl Write for Serial {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
        // as much as a FIFO takes
        let now = bytes.len().min(5);
        bytes[..now].iter().for_each(|byte| self.peer.take(*byte));
        self.looks = 0;
        Ok(now)
    }
    fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}
impl ReadReady for Serial {
    fn read_ready(&mut self) -> Result<bool, Infallible> {
        self.looks += 1;
        Ok(self.looks > self.slow && !self.peer.line.is_empty())
    }
}
impl Read for Serial {
    fn read(&mut self, bytes: &mut [u8]) -> Result<usize, Infallible> {
        match (self.peer.line.pop_front(), bytes.first_mut()) {
            (Some(from), Some(to)) => {
                *to = from;
                Ok(1)
            }
            _ => Ok(0),
        }
    }
}

/// Adds up what it was asked to wait.
#[derive(Clone, Default)]
struct Clock(Rc<Cell<u64>>);

impl DelayNs for Clock {
    fn delay_ns(&mut self, ns: u32) {
        self.0.set(self.0.get() + u64::from(ns));
    }
}

fn serial(slow: u32, wait_us: u32) -> (SerialPort<Serial, Clock>, Clock) {
    let (peer, clock) = (Peer::new(0, 0), Clock::default());
    let serial = Serial {
        peer,
        slow,
        looks: 0,
    };
    (SerialPort::new(serial, clock.clone(), wait_us), clock)
}

#[test]
fn a_session_runs_over_a_serial_port() {
    let (port, _) = serial(20, 200);
    let mut session = Session::open(port, 3).unwrap();
    assert_eq!(
        session.read_register(Reg::Cycles).unwrap(),
        Reg::Cycles as u32 * 0x7d7e
    );
    let beats: Vec<u8> = (0..=255).cycle().take(700).collect();
    session.send(&beats, true).unwrap();
    let mut words = [0; 300];
    session.receive(&mut words).unwrap();
    assert!(words.iter().zip(1u32..).all(|(word, n)| *word == n as u8));
    assert_eq!(session.statistics().retries, 0);
}

/// A port that is asked for less patience than the peer needs gives the session nothing, for as long as it was told to wait.
#[test]
fn a_silent_serial_port_is_waited_for_as_long_as_was_said() {
    let (port, clock) = serial(u32::MAX, 200);
    let error = Session::open(port, 3).err();
    assert!(matches!(
        error,
        Some(SessionError::Silent { attempts: 8, .. })
    ));
    let waited = clock.0.get() / 8;
    assert!(
        (200_000..210_000).contains(&waited),
        "{waited} ns for each attempt"
    );
}

/// A peer as an SPI peripheral: it takes and gives a byte at a time.
struct Spi(Peer);

impl Spi {
    fn exchange(&mut self, byte: u8) -> u8 {
        let back = self.0.line.pop_front().unwrap_or(FLAG);
        self.0.take(byte);
        back
    }
}
impl spi::ErrorType for Spi {
    type Error = Infallible;
}
impl SpiDevice for Spi {
    fn transaction(&mut self, operations: &mut [Operation<'_, u8>]) -> Result<(), Infallible> {
        for operation in operations {
            match operation {
                Operation::Write(bytes) => {
                    for byte in *bytes {
                        self.exchange(*byte);
                    }
                }
                Operation::TransferInPlace(bytes) => {
                    bytes
                        .iter_mut()
                        .for_each(|byte| *byte = self.exchange(*byte));
                }
                other => panic!("not used: {other:?}"),
            }
        }
        Ok(())
    }
}

#[test]
fn a_session_runs_over_spi() {
    let mut session = Session::open(SpiPort::new(Spi(Peer::new(0, 0))), 9).unwrap();
    assert_eq!(
        session.read_register(Reg::Cycles).unwrap(),
        Reg::Cycles as u32 * 0x7d7e
    );
    session.send(&[0x7e; 300], true).unwrap();
    let mut words = [0; 300];
    session.receive(&mut words).unwrap();
    assert!(words.iter().zip(1u32..).all(|(word, n)| *word == n as u8));
    assert_eq!(session.statistics().retries, 0);
}
