// SPDX-License-Identifier: MIT OR Apache-2.0
//! The host's end of the link against the rules of docs/host-link.md, over ports that damage and lose bytes.

mod embedded;

use proptest::collection::vec;
use proptest::prelude::*;
use sepstream_firmware::Bus;
use sepstream_firmware::link::{
    Decoder, FLAG, MAX_DATA, MAX_FRAME, Port, Receiver, Refusal, Reply, Request, Session,
    SessionError, VERSION, Verdict,
};
use sepstream_spec::regs::Reg;
use std::collections::VecDeque;
use std::convert::Infallible;

/// The accelerator's end behind a line: it writes down what it executes, and sends a counter as its words.
#[derive(Debug)]
struct Peer {
    receiver: Receiver,
    decoder: Decoder<'static>,
    kept: Vec<u8>,
    written: Vec<(u8, u32)>,
    loaded: Vec<(Vec<u8>, bool)>,
    fetched: u8,
    /// Towards the host.
    line: VecDeque<u8>,
    noise: fastrand::Rng,
    /// One byte in so many is damaged, in each direction; 0 for none.
    damage: u32,
    /// Requests to swallow.
    deaf: u32,
}

impl Peer {
    fn new(damage: u32, seed: u64) -> Self {
        Peer {
            receiver: Receiver::default(),
            decoder: Decoder::new(Box::leak(Box::new([0; MAX_FRAME]))),
            kept: Vec::new(),
            written: Vec::new(),
            loaded: Vec::new(),
            fetched: 0,
            line: VecDeque::new(),
            noise: fastrand::Rng::with_seed(seed),
            damage,
            deaf: 0,
        }
    }
    fn carry(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        for byte in bytes {
            match self.damage {
                0 => out.push(*byte),
                n if self.noise.u32(0..n) > 0 => out.push(*byte),
                _ => match self.noise.u8(0..3) {
                    0 => {}
                    1 => out.push(byte ^ (1 << self.noise.u8(0..8))),
                    _ => out.extend([*byte, self.noise.u8(..)]),
                },
            }
        }
        out
    }
    fn take(&mut self, byte: u8) {
        let Some(Ok(frame)) = self.decoder.push(byte) else {
            return;
        };
        let (kind, sequence) = (frame.kind, frame.sequence);
        let Ok(request) = Request::try_from(frame) else {
            return;
        };
        if self.deaf > 0 {
            self.deaf -= 1;
            return;
        }
        let mut words = [0; MAX_DATA];
        let reply = match self.receiver.judge(kind, sequence) {
            Verdict::Execute => match request {
                Request::Open => Reply::Opened,
                Request::Write { register, value } => {
                    self.written.push((register, value));
                    Reply::Written
                }
                Request::Read { register: 99 } => Reply::Refused {
                    reason: Refusal::Request,
                    expected: self.receiver.expected(),
                },
                Request::Read { register } => Reply::Value {
                    value: u32::from(register) * 0x7d7e,
                },
                Request::Load { beats, last } => {
                    self.loaded.push((beats.to_vec(), last));
                    Reply::Loaded
                }
                Request::Fetch { bytes } => {
                    for word in &mut words[..bytes.into()] {
                        self.fetched = self.fetched.wrapping_add(1);
                        *word = self.fetched;
                    }
                    Reply::Fetched {
                        words: &words[..bytes.into()],
                    }
                }
            },
            Verdict::Repeat => {
                let kept = self.kept.clone();
                let carried = self.carry(&kept);
                self.line.extend(carried);
                return;
            }
            Verdict::Refuse(reason) => {
                let expected = self.receiver.expected();
                let refused = Reply::Refused { reason, expected };
                let bytes: Vec<u8> = refused.encode(sequence).unwrap().collect();
                let carried = self.carry(&bytes);
                self.line.extend(carried);
                return;
            }
        };
        self.kept = reply.encode(sequence).unwrap().collect();
        let kept = self.kept.clone();
        let carried = self.carry(&kept);
        self.line.extend(carried);
    }
}

impl Port for Peer {
    type Error = Infallible;

    fn send(&mut self, bytes: &[u8]) -> Result<(), Infallible> {
        for byte in self.carry(bytes) {
            self.take(byte);
        }
        Ok(())
    }
    fn receive(&mut self) -> Result<Option<u8>, Infallible> {
        Ok(self.line.pop_front())
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(100) })]

    /// Over a line that damages one byte in 100: everything is executed once, in order, and what comes back is right.
    #[test]
    fn a_session_survives_a_bad_line(values in vec(any::<u32>(), 1..30), beats in vec(any::<u8>(), 1..700), seed: u64) {
        let mut session = Session::open(Peer::new(100, seed), seed as u8);
        // eight damaged requests in a row are possible, if unlikely, and are reported
        if let Ok(session) = &mut session {
            let mut run = || -> Result<(), SessionError<Infallible>> {
                for value in &values {
                    session.write_register(Reg::LoadAddress, *value)?;
                    let read = session.read_register(Reg::Cycles)?;
                    assert_eq!(read, Reg::Cycles as u32 * 0x7d7e);
                }
                session.send(&beats, true)?;
                let mut words = vec![0; 600];
                session.receive(&mut words)?;
                let counter: Vec<u8> = (1..=600u32).map(|n| n as u8).collect();
                assert_eq!(words, counter);
                Ok(())
            };
            match run() {
                Ok(()) => {}
                Err(SessionError::Silent { .. }) => return Ok(()),
                Err(error) => prop_assert!(false, "{error}"),
            }
            let peer = session.port();
            let written: Vec<_> = values.iter().map(|v| (Reg::LoadAddress as u8, *v)).collect();
            prop_assert_eq!(&peer.written, &written);
            let loaded: Vec<u8> = peer.loaded.iter().flat_map(|(bytes, _)| bytes.clone()).collect();
            prop_assert_eq!(loaded, beats);
            let ends: Vec<bool> = peer.loaded.iter().map(|(_, last)| *last).collect();
            prop_assert_eq!(ends.iter().position(|last| *last), Some(ends.len() - 1));
        }
    }
}

#[test]
fn lost_requests_are_sent_again_until_it_is_too_many() {
    let mut session = Session::open(Peer::new(0, 0), 250).unwrap();
    session.port().deaf = 7;
    session.write_register(Reg::Control, 1).unwrap();
    assert_eq!(session.statistics().retries, 7);
    session.port().deaf = 8;
    let error = session.write_register(Reg::Control, 2).unwrap_err();
    assert!(matches!(error, SessionError::Silent { attempts: 8, .. }));
    // the number is still the next one
    session.write_register(Reg::Control, 3).unwrap();
    assert_eq!(session.port().written, [(3, 1), (3, 3)]);
    assert_eq!(session.statistics().requests, 3);
}

#[test]
fn a_reset_is_seen_and_the_link_opens_again() {
    let mut session = Session::open(Peer::new(0, 0), 7).unwrap();
    session.write_register(Reg::Control, 1).unwrap();
    session.port().receiver = Receiver::default();
    let error = session.write_register(Reg::Control, 2).unwrap_err();
    assert_eq!(error, SessionError::Closed);
    session.reopen().unwrap();
    session.write_register(Reg::Control, 3).unwrap();
    assert_eq!(session.port().written, [(3, 1), (3, 3)]);
}

#[test]
fn another_host_on_the_link_is_reported() {
    let mut session = Session::open(Peer::new(0, 0), 7).unwrap();
    session
        .port()
        .receiver
        .judge(sepstream_firmware::link::Kind::Open, 99);
    let error = session.read_register(Reg::Id).unwrap_err();
    let expected = 100;
    assert_eq!(error, SessionError::Sequence { expected, sent: 8 });
}

#[test]
fn refusals_use_up_their_number() {
    let mut session = Session::open(Peer::new(0, 0), 7).unwrap();
    // no register of the map has this number, so it is made by hand
    let bytes: Vec<u8> = Request::Read { register: 99 }.encode(8).unwrap().collect();
    session.port().send(&bytes).unwrap();
    session.port().line.clear();
    // the read that the session sends under that number is answered with the kept refusal
    let error = session.read_register(Reg::Id).unwrap_err();
    let reason = Refusal::Request;
    assert_eq!(error, SessionError::Refused { reason });
    assert_eq!(session.read_register(Reg::Version).unwrap(), 0x7d7e);
}

/// A line with nothing but noise, or frames of another version.
#[derive(Debug)]
struct Babble(Vec<u8>, usize);

impl Port for Babble {
    type Error = Infallible;

    fn send(&mut self, _: &[u8]) -> Result<(), Infallible> {
        Ok(())
    }
    fn receive(&mut self) -> Result<Option<u8>, Infallible> {
        self.1 += 1;
        Ok(Some(self.0[self.1 % self.0.len()]))
    }
}

#[test]
fn noise_and_other_versions_are_reported() {
    let error = Session::open(Babble(vec![FLAG, 1, 2, 3], 0), 7).unwrap_err();
    let SessionError::Silent { attempts, damaged } = error else {
        panic!("{error}");
    };
    assert!(attempts == 8 && damaged > 1000);
    let body = [(VERSION + 1) << 4 | 8, 7, 0, 0];
    let check = sepstream_spec::crc32(&[&body]).to_le_bytes();
    let frame = [&[FLAG][..], &body, &check].concat();
    let error = Session::open(Babble(frame, 0), 7).unwrap_err();
    let found = VERSION + 1;
    assert_eq!(error, SessionError::Version { found });
}
