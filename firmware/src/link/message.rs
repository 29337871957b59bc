// SPDX-License-Identifier: MIT OR Apache-2.0
//! Requests and replies.

use super::{Encoder, Frame, FrameError};
use sepstream_spec::link::{Kind, LOAD_LAST, MAX_DATA, Refusal};

/// What a host asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request<'a> {
    /// Begin; the next request has the next sequence number.
    Open,
    /// Write a register.
    Write {
        /// Word address: a number of [`sepstream_spec::regs::Reg`].
        register: u8,
        /// Value.
        value: u32,
    },
    /// Read a register.
    Read {
        /// Word address: a number of [`sepstream_spec::regs::Reg`].
        register: u8,
    },
    /// Send beats of the load stream.
    Load {
        /// Whole beats, but for the end of a transfer; up to [`MAX_DATA`] bytes.
        beats: &'a [u8],
        /// The transfer ends here.
        last: bool,
    },
    /// Receive words of the result stream.
    Fetch {
        /// Bytes of all words, up to [`MAX_DATA`].
        bytes: u16,
    },
}

impl<'a> Request<'a> {
    /// What the frame with it is.
    pub fn kind(&self) -> Kind {
        match self {
            Request::Open => Kind::Open,
            Request::Write { .. } => Kind::Write,
            Request::Read { .. } => Kind::Read,
            Request::Load { .. } => Kind::Load,
            Request::Fetch { .. } => Kind::Fetch,
        }
    }
    /// The bytes for the link.
    ///
    /// # Errors
    /// When it holds or asks for more than [`MAX_DATA`] bytes.
    pub fn encode(&self, sequence: u8) -> Result<Encoder<'a>, FrameError> {
        let kind = self.kind();
        match *self {
            Request::Open => Encoder::new(kind, sequence, &[], &[]),
            Request::Write { register, value } => {
                let [a, b, c, d] = value.to_le_bytes();
                Encoder::new(kind, sequence, &[register, a, b, c, d], &[])
            }
            Request::Read { register } => Encoder::new(kind, sequence, &[register], &[]),
            Request::Load { beats, last } => {
                let flags = if last { LOAD_LAST } else { 0 };
                Encoder::new(kind, sequence, &[flags], beats)
            }
            Request::Fetch { bytes } if usize::from(bytes) <= MAX_DATA => {
                Encoder::new(kind, sequence, &bytes.to_le_bytes(), &[])
            }
            Request::Fetch { .. } => Err(FrameError::TooLong),
        }
    }
    /// Whether a reply can be this request's.
    pub fn is_answered_by(&self, reply: &Reply) -> bool {
        match (self, reply) {
            (_, Reply::Refused { .. }) => true,
            (Request::Fetch { bytes }, Reply::Fetched { words }) => {
                words.len() == usize::from(*bytes)
            }
            _ => reply.kind() as u8 == self.kind() as u8 + 8,
        }
    }
}

impl<'a> TryFrom<Frame<'a>> for Request<'a> {
    type Error = FrameError;

    fn try_from(frame: Frame<'a>) -> Result<Self, FrameError> {
        match (frame.kind, frame.payload) {
            (Kind::Open, []) => Ok(Request::Open),
            (Kind::Write, &[register, a, b, c, d]) => Ok(Request::Write {
                register,
                value: u32::from_le_bytes([a, b, c, d]),
            }),
            (Kind::Read, &[register]) => Ok(Request::Read { register }),
            (Kind::Load, [flags @ (0 | LOAD_LAST), beats @ ..]) => Ok(Request::Load {
                beats,
                last: *flags == LOAD_LAST,
            }),
            (Kind::Fetch, &[low, high]) => {
                let bytes = u16::from_le_bytes([low, high]);
                if usize::from(bytes) > MAX_DATA {
                    return Err(FrameError::Payload);
                }
                Ok(Request::Fetch { bytes })
            }
            (Kind::Open | Kind::Write | Kind::Read | Kind::Load | Kind::Fetch, _) => {
                Err(FrameError::Payload)
            }
            (kind, _) => Err(FrameError::Kind { found: kind as u8 }),
        }
    }
}

/// What the accelerator's end answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply<'a> {
    /// To [`Request::Open`].
    Opened,
    /// To [`Request::Write`].
    Written,
    /// To [`Request::Read`].
    Value {
        /// The register's value.
        value: u32,
    },
    /// To [`Request::Load`]: all beats are in the accelerator.
    Loaded,
    /// To [`Request::Fetch`].
    Fetched {
        /// The words asked for.
        words: &'a [u8],
    },
    /// The request is not executed.
    Refused {
        /// Why.
        reason: Refusal,
        /// The sequence number that is next.
        expected: u8,
    },
}

impl<'a> Reply<'a> {
    /// What the frame with it is.
    pub fn kind(&self) -> Kind {
        match self {
            Reply::Opened => Kind::Opened,
            Reply::Written => Kind::Written,
            Reply::Value { .. } => Kind::Value,
            Reply::Loaded => Kind::Loaded,
            Reply::Fetched { .. } => Kind::Fetched,
            Reply::Refused { .. } => Kind::Refused,
        }
    }
    /// The bytes for the link.
    ///
    /// # Errors
    /// When it holds more than [`MAX_DATA`] bytes.
    pub fn encode(&self, sequence: u8) -> Result<Encoder<'a>, FrameError> {
        let kind = self.kind();
        match *self {
            Reply::Opened | Reply::Written | Reply::Loaded => {
                Encoder::new(kind, sequence, &[], &[])
            }
            Reply::Value { value } => Encoder::new(kind, sequence, &value.to_le_bytes(), &[]),
            Reply::Fetched { words } if words.len() <= MAX_DATA => {
                Encoder::new(kind, sequence, &[], words)
            }
            Reply::Fetched { .. } => Err(FrameError::TooLong),
            Reply::Refused { reason, expected } => {
                Encoder::new(kind, sequence, &[reason as u8, expected], &[])
            }
        }
    }
}

impl<'a> TryFrom<Frame<'a>> for Reply<'a> {
    type Error = FrameError;

    fn try_from(frame: Frame<'a>) -> Result<Self, FrameError> {
        match (frame.kind, frame.payload) {
            (Kind::Opened, []) => Ok(Reply::Opened),
            (Kind::Written, []) => Ok(Reply::Written),
            (Kind::Value, &[a, b, c, d]) => Ok(Reply::Value {
                value: u32::from_le_bytes([a, b, c, d]),
            }),
            (Kind::Loaded, []) => Ok(Reply::Loaded),
            (Kind::Fetched, words) if words.len() <= MAX_DATA => Ok(Reply::Fetched { words }),
            (Kind::Refused, &[reason, expected]) => {
                let reason = Refusal::from_number(reason).ok_or(FrameError::Payload)?;
                Ok(Reply::Refused { reason, expected })
            }
            (
                Kind::Opened
                | Kind::Written
                | Kind::Value
                | Kind::Loaded
                | Kind::Fetched
                | Kind::Refused,
                _,
            ) => Err(FrameError::Payload),
            (kind, _) => Err(FrameError::Kind { found: kind as u8 }),
        }
    }
}
