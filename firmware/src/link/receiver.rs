// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the accelerator's end does with requests, so that each is executed once.

use sepstream_spec::link::{Kind, Refusal};

/// The accelerator's end of the link: which request is next. Closed after reset.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Receiver {
    expected: Option<u8>,
}

/// What to do with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Execute it, reply, and keep the reply.
    Execute,
    /// It is the last one again, its reply was lost: send the kept reply.
    Repeat,
    /// Send a refusal.
    Refuse(Refusal),
}

impl Receiver {
    /// The sequence number of the next request; 0 when closed, for a refusal to name.
    pub fn expected(&self) -> u8 {
        self.expected.unwrap_or(0)
    }
    /// What to do with a request that was received without error.
    pub fn judge(&mut self, kind: Kind, sequence: u8) -> Verdict {
        let next = sequence.wrapping_add(1);
        match self.expected {
            _ if kind == Kind::Open => {
                self.expected = Some(next);
                Verdict::Execute
            }
            None => Verdict::Refuse(Refusal::Closed),
            Some(expected) if expected == sequence => {
                self.expected = Some(next);
                Verdict::Execute
            }
            Some(expected) if expected == next => Verdict::Repeat,
            Some(_) => Verdict::Refuse(Refusal::Sequence),
        }
    }
}
