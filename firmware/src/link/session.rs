// SPDX-License-Identifier: MIT OR Apache-2.0
//! The host's end of the link: one request at a time, sent again until its reply has come.

use super::{Decoder, Frame, FrameError, Reply, Request};
use crate::Bus;
use sepstream_spec::link::{FLAG, MAX_DATA, MAX_FRAME, MAX_WIRE, Refusal};
use sepstream_spec::regs::Reg;

/// Times that a request is sent before the link is given up.
const ATTEMPTS: u32 = 8;
/// Bytes without a reply among them after which a request is sent again, even if the link is never silent.
const BABBLE: usize = 4 * MAX_WIRE;

/// The bytes of a link: a serial port, an SPI peripheral.
pub trait Port {
    /// Why the port failed.
    type Error;

    /// Sends bytes. May return before they are on the wire.
    ///
    /// # Errors
    /// When the port failed.
    fn send(&mut self, bytes: &[u8]) -> Result<(), Self::Error>;

    /// The next byte; `None` when none has come within the waiting time: some bytes on the wire in both directions, and what the
    /// accelerator may hold a stream back. A longer one only makes the recovery from damage slower. A port that always has a byte,
    /// as SPI, need not wait: too many bytes without a reply count as silence.
    ///
    /// # Errors
    /// When the port failed.
    fn receive(&mut self) -> Result<Option<u8>, Self::Error>;
}

impl<P: Port + ?Sized> Port for &mut P {
    type Error = P::Error;

    fn send(&mut self, bytes: &[u8]) -> Result<(), Self::Error> {
        (**self).send(bytes)
    }
    fn receive(&mut self) -> Result<Option<u8>, Self::Error> {
        (**self).receive()
    }
}

/// Why a request has no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SessionError<E> {
    /// The port failed.
    #[error("the port failed: {0}")]
    Port(E),
    /// No reply, however often the request was sent.
    #[error(
        "no reply to {attempts} requests: {damaged} damaged frames came; check port, baud rate and wiring, and that the bitstream has \
         this link"
    )]
    Silent {
        /// Times that the request was sent.
        attempts: u32,
        /// What came and was no frame.
        damaged: u32,
    },
    /// The accelerator's end speaks another version of the protocol.
    #[error(
        "the accelerator speaks version {found} of the link protocol, this end {}; generate it with this release",
        super::VERSION
    )]
    Version {
        /// Its version.
        found: u8,
    },
    /// The accelerator was reset since the session began. What was loaded may be lost.
    #[error("the accelerator was reset; open the link and load the program again")]
    Closed,
    /// The accelerator expects another request: somebody else uses the link.
    #[error(
        "the accelerator expects request {expected}, not {sent}: does another program use the link?"
    )]
    Sequence {
        /// The number that it expects.
        expected: u8,
        /// The number that was sent.
        sent: u8,
    },
    /// The accelerator cannot do what was asked for.
    #[error("the accelerator refuses the request: {}", reason_text(*.reason))]
    Refused {
        /// Why.
        reason: Refusal,
    },
    /// Data that are no whole words of the stream, or a request that no frame can hold.
    #[error("the request cannot be sent: {0}")]
    Frame(FrameError),
}

fn reason_text(reason: Refusal) -> &'static str {
    match reason {
        Refusal::Closed => "the link is not open",
        Refusal::Sequence => "it expects another one",
        Refusal::Request => "there is no such register, or the data are not whole words",
        Refusal::NoData => "there are not so many words to send",
    }
}

/// What the link went through, for reports.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Requests answered.
    pub requests: u32,
    /// Times that one was sent again.
    pub retries: u32,
    /// Frames that came damaged.
    pub damaged: u32,
}

/// A session with an accelerator behind a port: a [`Bus`] for the driver.
#[derive(Debug)]
pub struct Session<P> {
    port: P,
    next: u8,
    statistics: Statistics,
}

impl<P: Port> Session<P> {
    /// Opens the link. `first` is the sequence number to begin with: not that of the last session, so that no old reply fits.
    ///
    /// # Errors
    /// When there is no answer.
    pub fn open(port: P, first: u8) -> Result<Self, SessionError<P::Error>> {
        let mut session = Session {
            port,
            next: first,
            statistics: Statistics::default(),
        };
        session.ask(&Request::Open, |_| ())?;
        Ok(session)
    }
    /// Opens the link again, after a reset of the accelerator.
    ///
    /// # Errors
    /// When there is no answer.
    pub fn reopen(&mut self) -> Result<(), SessionError<P::Error>> {
        self.ask(&Request::Open, |_| ())
    }
    /// The port.
    pub fn port(&mut self) -> &mut P {
        &mut self.port
    }
    /// What the link went through so far.
    pub fn statistics(&self) -> Statistics {
        self.statistics
    }

    /// Sends a request until its reply is there, and takes from it what the caller wants.
    fn ask<T>(
        &mut self,
        request: &Request,
        take: impl FnOnce(Reply) -> T,
    ) -> Result<T, SessionError<P::Error>> {
        let sequence = self.next;
        let mut buffer = [0; MAX_FRAME];
        let mut damaged = 0;
        for attempt in 0..ATTEMPTS {
            self.statistics.retries += u32::from(attempt > 0);
            self.transmit(request, sequence)?;
            let mut decoder = Decoder::new(&mut buffer);
            for _ in 0..BABBLE {
                let Some(byte) = self.port.receive().map_err(SessionError::Port)? else {
                    break;
                };
                let frame = match decoder.push(byte) {
                    None => continue,
                    Some(Ok(frame)) => frame,
                    Some(Err(FrameError::Version { found })) => {
                        return Err(SessionError::Version { found });
                    }
                    Some(Err(_)) => {
                        damaged += 1;
                        self.statistics.damaged += 1;
                        continue;
                    }
                };
                let Some(reply) = answer(request, sequence, frame) else {
                    continue;
                };
                if let Reply::Refused { reason, expected } = reply {
                    return Err(self.refused(reason, expected, sequence));
                }
                self.next = sequence.wrapping_add(1);
                self.statistics.requests += 1;
                return Ok(take(reply));
            }
        }
        let attempts = ATTEMPTS;
        Err(SessionError::Silent { attempts, damaged })
    }
    fn transmit(&mut self, request: &Request, sequence: u8) -> Result<(), SessionError<P::Error>> {
        let mut bytes = request.encode(sequence).map_err(SessionError::Frame)?;
        // a flag more: what stands on the line from before does not cost this frame
        let mut chunk = [FLAG; 64];
        let mut length = 1;
        loop {
            for (place, byte) in chunk[length..].iter_mut().zip(&mut bytes) {
                *place = byte;
                length += 1;
            }
            if length == 0 {
                return Ok(());
            }
            self.port
                .send(&chunk[..length])
                .map_err(SessionError::Port)?;
            length = 0;
        }
    }
    /// An executed request that ends in a refusal has used its number, one out of sequence has not.
    fn refused(&mut self, reason: Refusal, expected: u8, sent: u8) -> SessionError<P::Error> {
        match reason {
            Refusal::Closed => {
                // any number opens
                self.next = sent.wrapping_add(1);
                SessionError::Closed
            }
            Refusal::Sequence => SessionError::Sequence { expected, sent },
            Refusal::Request | Refusal::NoData => {
                self.next = sent.wrapping_add(1);
                SessionError::Refused { reason }
            }
        }
    }
}

/// The reply in a frame, if it is one to this request.
fn answer<'a>(request: &Request, sequence: u8, frame: Frame<'a>) -> Option<Reply<'a>> {
    let reply = Reply::try_from(frame).ok()?;
    (frame.sequence == sequence && request.is_answered_by(&reply)).then_some(reply)
}

impl<P: Port> Bus for Session<P> {
    type Error = SessionError<P::Error>;

    fn write_register(&mut self, register: Reg, value: u32) -> Result<(), Self::Error> {
        let register = register as u8;
        self.ask(&Request::Write { register, value }, |_| ())
    }
    fn read_register(&mut self, register: Reg) -> Result<u32, Self::Error> {
        let register = register as u8;
        self.ask(&Request::Read { register }, |reply| match reply {
            Reply::Value { value } => value,
            // `answer` lets no other reply pass
            _ => 0,
        })
    }
    fn send(&mut self, beats: &[u8], last: bool) -> Result<(), Self::Error> {
        let mut chunks = beats.chunks(MAX_DATA).peekable();
        while let Some(beats) = chunks.next() {
            let last = last && chunks.peek().is_none();
            self.ask(&Request::Load { beats, last }, |_| ())?;
        }
        Ok(())
    }
    fn receive(&mut self, words: &mut [u8]) -> Result<(), Self::Error> {
        for chunk in words.chunks_mut(MAX_DATA) {
            let bytes = chunk.len() as u16; // at most MAX_DATA
            self.ask(&Request::Fetch { bytes }, |reply| {
                if let Reply::Fetched { words } = reply {
                    chunk.copy_from_slice(words); // as many as asked for: `is_answered_by`
                }
            })?;
        }
        Ok(())
    }
}
