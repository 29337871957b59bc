// SPDX-License-Identifier: MIT OR Apache-2.0
//! Frames to bytes and back.

use sepstream_spec::crc32;
use sepstream_spec::link::{
    CHECK_BYTES, ESCAPE, ESCAPE_XOR, FLAG, HEADER_BYTES, Kind, MAX_PAYLOAD, VERSION,
};

/// Bytes of a payload that are not stream data, at most.
const MAX_HEAD: usize = 5;

/// Why bytes between two flags are no frame. The link goes on behind the second flag in any case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// Longer than the decoder's buffer, or than a frame may be.
    #[error("a frame is too long")]
    TooLong,
    /// Shorter than a header and a check.
    #[error("a frame is too short")]
    TooShort,
    /// An escape before a byte that is never escaped.
    #[error("a frame has an escape that is none")]
    Escape,
    /// The CRC is wrong.
    #[error("a frame is damaged: its CRC is wrong")]
    Check,
    /// The CRC is right, the length is not.
    #[error("a frame has another length than it says")]
    Length,
    /// Another version of the protocol.
    #[error("a frame has protocol version {found}, this end {VERSION}")]
    Version {
        /// The frame's version.
        found: u8,
    },
    /// A kind that this version has not, or not in this direction.
    #[error("a frame is of the unknown kind {found}")]
    Kind {
        /// The kind's number.
        found: u8,
    },
    /// A payload that its kind cannot have.
    #[error("the payload of a frame does not belong to its kind")]
    Payload,
}

/// What stands between two flags, checked and without stuffing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// What it is.
    pub kind: Kind,
    /// Sequence number: a reply has its request's.
    pub sequence: u8,
    /// What the kind says.
    pub payload: &'a [u8],
}

impl<'a> Frame<'a> {
    fn parse(bytes: &'a [u8]) -> Result<Self, FrameError> {
        let (body, check) = bytes
            .split_last_chunk::<CHECK_BYTES>()
            .ok_or(FrameError::TooShort)?;
        let (header, payload) = body
            .split_first_chunk::<HEADER_BYTES>()
            .ok_or(FrameError::TooShort)?;
        if crc32(&[body]) != u32::from_le_bytes(*check) {
            return Err(FrameError::Check);
        }
        let [first, sequence, low, high] = *header;
        let (found, number) = (first >> 4, first & 15);
        if found != VERSION {
            return Err(FrameError::Version { found });
        }
        if usize::from(u16::from_le_bytes([low, high])) != payload.len() {
            return Err(FrameError::Length);
        }
        if payload.len() > MAX_PAYLOAD {
            return Err(FrameError::TooLong);
        }
        let kind = Kind::from_number(number).ok_or(FrameError::Kind { found: number })?;
        Ok(Frame {
            kind,
            sequence,
            payload,
        })
    }
}

/// The bytes of a frame, flags and stuffing included.
#[derive(Clone, Debug)]
pub struct Encoder<'a> {
    header: [u8; HEADER_BYTES],
    head: [u8; MAX_HEAD],
    head_bytes: usize,
    data: &'a [u8],
    check: [u8; CHECK_BYTES],
    /// Next byte of header, payload and check behind the first flag.
    at: usize,
    /// The second half of an escaped byte.
    escaped: Option<u8>,
}

impl<'a> Encoder<'a> {
    /// A frame whose payload is `head` and then `data`.
    pub(super) fn new(
        kind: Kind,
        sequence: u8,
        head: &[u8],
        data: &'a [u8],
    ) -> Result<Self, FrameError> {
        let length = head.len() + data.len();
        if head.len() > MAX_HEAD || length > MAX_PAYLOAD {
            return Err(FrameError::TooLong);
        }
        let [low, high] = (length as u16).to_le_bytes();
        let header = [VERSION << 4 | kind as u8, sequence, low, high];
        let mut padded = [0; MAX_HEAD];
        padded[..head.len()].copy_from_slice(head);
        Ok(Encoder {
            header,
            head: padded,
            head_bytes: head.len(),
            data,
            check: crc32(&[&header, head, data]).to_le_bytes(),
            at: 0,
            escaped: None,
        })
    }
    /// A byte between the flags, before stuffing.
    fn byte(&self, at: usize) -> Option<u8> {
        let parts = [
            &self.header[..],
            &self.head[..self.head_bytes],
            self.data,
            &self.check,
        ];
        let mut at = at;
        for part in parts {
            match part.get(at) {
                Some(byte) => return Some(*byte),
                None => at -= part.len(),
            }
        }
        None
    }
    fn length(&self) -> usize {
        HEADER_BYTES + self.head_bytes + self.data.len() + CHECK_BYTES
    }
}

impl Iterator for Encoder<'_> {
    type Item = u8;

    fn next(&mut self) -> Option<u8> {
        if let Some(byte) = self.escaped.take() {
            return Some(byte);
        }
        // the flags are at 0 and behind the last byte
        if self.at > self.length() + 1 {
            return None;
        }
        let byte = self.at.checked_sub(1).and_then(|at| self.byte(at));
        self.at += 1;
        Some(match byte {
            None => FLAG,
            Some(byte @ (FLAG | ESCAPE)) => {
                self.escaped = Some(byte ^ ESCAPE_XOR);
                ESCAPE
            }
            Some(byte) => byte,
        })
    }
}

impl core::iter::FusedIterator for Encoder<'_> {}

/// Finds frames in a stream of bytes.
#[derive(Debug)]
pub struct Decoder<'b> {
    buffer: &'b mut [u8],
    length: usize,
    state: State,
}

/// What the bytes since the last flag are.
#[derive(Clone, Copy, Debug)]
enum State {
    /// So far a frame.
    Data,
    /// The last one was an escape.
    Escaped,
    /// No frame any more.
    Broken(FrameError),
}

impl<'b> Decoder<'b> {
    /// A decoder with a buffer, of [`sepstream_spec::link::MAX_FRAME`] bytes for frames of every kind.
    pub fn new(buffer: &'b mut [u8]) -> Self {
        Decoder {
            buffer,
            length: 0,
            state: State::Data,
        }
    }
    /// Takes a byte from the link; a frame, or why there is none, when the byte is the flag at its end.
    pub fn push(&mut self, byte: u8) -> Option<Result<Frame<'_>, FrameError>> {
        if byte == FLAG {
            let length = core::mem::take(&mut self.length);
            return match core::mem::replace(&mut self.state, State::Data) {
                State::Data if length == 0 => None,
                State::Data => Some(Frame::parse(&self.buffer[..length])),
                State::Escaped => Some(Err(FrameError::Escape)),
                State::Broken(error) => Some(Err(error)),
            };
        }
        self.state = match self.state {
            State::Data if byte == ESCAPE => State::Escaped,
            State::Data => self.store(byte),
            State::Escaped => match byte ^ ESCAPE_XOR {
                plain @ (FLAG | ESCAPE) => self.store(plain),
                _ => State::Broken(FrameError::Escape),
            },
            broken => broken,
        };
        None
    }
    fn store(&mut self, byte: u8) -> State {
        match self.buffer.get_mut(self.length) {
            Some(place) => {
                *place = byte;
                self.length += 1;
                State::Data
            }
            None => State::Broken(FrameError::TooLong),
        }
    }
}
