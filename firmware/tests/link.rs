// SPDX-License-Identifier: MIT OR Apache-2.0
//! Frames over links that damage, lose, invent and repeat bytes.

use proptest::collection::vec;
use proptest::prelude::*;
use sepstream_firmware::link::{
    Decoder, ESCAPE, FLAG, Frame, FrameError, Kind, MAX_DATA, MAX_FRAME, MAX_WIRE, Receiver,
    Refusal, Reply, Request, VERSION, Verdict,
};

/// A message that owns its data.
#[derive(Clone, Debug)]
enum Message {
    Open,
    Write(u8, u32),
    Read(u8),
    Load(Vec<u8>, bool),
    Fetch(u16),
    Opened,
    Written,
    Value(u32),
    Loaded,
    Fetched(Vec<u8>),
    Refused(Refusal, u8),
}

impl Message {
    fn encode(&self, sequence: u8) -> Vec<u8> {
        let bytes = match self {
            Message::Open => Request::Open.encode(sequence),
            Message::Write(register, value) => {
                let (register, value) = (*register, *value);
                Request::Write { register, value }.encode(sequence)
            }
            Message::Read(register) => {
                let register = *register;
                Request::Read { register }.encode(sequence)
            }
            Message::Load(beats, last) => Request::Load { beats, last: *last }.encode(sequence),
            Message::Fetch(bytes) => Request::Fetch { bytes: *bytes }.encode(sequence),
            Message::Opened => Reply::Opened.encode(sequence),
            Message::Written => Reply::Written.encode(sequence),
            Message::Value(value) => Reply::Value { value: *value }.encode(sequence),
            Message::Loaded => Reply::Loaded.encode(sequence),
            Message::Fetched(words) => Reply::Fetched { words }.encode(sequence),
            Message::Refused(reason, expected) => {
                let (reason, expected) = (*reason, *expected);
                Reply::Refused { reason, expected }.encode(sequence)
            }
        };
        bytes.unwrap().collect()
    }
    fn is(&self, frame: Frame) -> bool {
        match (Request::try_from(frame), Reply::try_from(frame)) {
            (Ok(request), Err(_)) => match (self, request) {
                (Message::Open, Request::Open) => true,
                (Message::Write(r, v), Request::Write { register, value }) => {
                    (*r, *v) == (register, value)
                }
                (Message::Read(r), Request::Read { register }) => *r == register,
                (Message::Load(b, l), Request::Load { beats, last }) => b == beats && *l == last,
                (Message::Fetch(b), Request::Fetch { bytes }) => *b == bytes,
                _ => false,
            },
            (Err(_), Ok(reply)) => match (self, reply) {
                (Message::Opened, Reply::Opened)
                | (Message::Written, Reply::Written)
                | (Message::Loaded, Reply::Loaded) => true,
                (Message::Value(v), Reply::Value { value }) => *v == value,
                (Message::Fetched(w), Reply::Fetched { words }) => w == words,
                (Message::Refused(r, e), Reply::Refused { reason, expected }) => {
                    (*r, *e) == (reason, expected)
                }
                _ => false,
            },
            _ => false,
        }
    }
}

/// Data in which flags and escapes are frequent.
fn data() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![any::<u8>(), Just(FLAG), Just(ESCAPE)];
    vec(byte, 0..=MAX_DATA)
}

fn message() -> impl Strategy<Value = Message> {
    let reason = prop::sample::select(Refusal::ALL.as_slice());
    prop_oneof![
        Just(Message::Open),
        (any::<u8>(), any::<u32>()).prop_map(|(r, v)| Message::Write(r, v)),
        any::<u8>().prop_map(Message::Read),
        (data(), any::<bool>()).prop_map(|(b, l)| Message::Load(b, l)),
        (0..=MAX_DATA as u16).prop_map(Message::Fetch),
        Just(Message::Opened),
        Just(Message::Written),
        any::<u32>().prop_map(Message::Value),
        Just(Message::Loaded),
        data().prop_map(Message::Fetched),
        (reason, any::<u8>()).prop_map(|(r, e)| Message::Refused(r, e)),
    ]
}

/// What a link carries for a decoder: sequence number, kind, payload of every frame that it finds.
type Found = Vec<(u8, Kind, Vec<u8>)>;

fn decode(bytes: &[u8]) -> Found {
    let mut buffer = [0; MAX_FRAME];
    let mut decoder = Decoder::new(&mut buffer);
    let mut found = Found::new();
    for byte in bytes {
        if let Some(Ok(frame)) = decoder.push(*byte) {
            found.push((frame.sequence, frame.kind, frame.payload.to_vec()));
        }
    }
    found
}

fn errors(bytes: &[u8], buffer: &mut [u8]) -> Vec<FrameError> {
    let mut decoder = Decoder::new(buffer);
    let results = bytes.iter().filter_map(|byte| decoder.push(*byte)?.err());
    results.collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]

    #[test]
    fn messages_survive_the_link(message in message(), sequence: u8) {
        let bytes = message.encode(sequence);
        prop_assert!(bytes.len() <= MAX_WIRE);
        prop_assert_eq!(bytes.iter().filter(|byte| **byte == FLAG).count(), 2);
        let found = decode(&bytes);
        prop_assert_eq!(found.len(), 1);
        let (got, kind, payload) = &found[0];
        prop_assert_eq!(*got, sequence);
        let frame = Frame { kind: *kind, sequence, payload };
        prop_assert!(message.is(frame));
    }

    /// I1, I2: bytes replaced, dropped, invented or doubled within a frame: it is lost, its neighbours are not.
    #[test]
    fn damage_costs_one_frame(messages in prop::array::uniform3(message()), at: prop::sample::Index, damage in damage()) {
        let frames: Vec<Vec<u8>> = (1..).zip(&messages).map(|(n, m)| m.encode(n)).collect();
        let mut middle = frames[1].clone();
        damage.apply(&mut middle, at);
        let sent = decode(&frames.concat());
        let found = decode(&[&frames[0][..], &middle, &frames[2]].concat());
        // damage next to a flag may leave the frame whole
        let lost = [sent[0].clone(), sent[2].clone()];
        prop_assert!(found == lost || found == sent, "{:?} {:?}", sent, found);
    }

    /// I1, I2: a frame that ends too soon.
    #[test]
    fn cut_frames_are_lost(messages in prop::array::uniform2(message()), at: prop::sample::Index) {
        let [first, second] = messages;
        let (first, second) = (first.encode(1), second.encode(2));
        let cut = 1 + at.index(first.len() - 2);
        let sent = decode(&second);
        prop_assert_eq!(decode(&[&first[..cut], &second].concat()), sent);
    }

    /// I2, I4: whatever comes before a frame, with whatever buffer.
    #[test]
    fn frames_are_found_behind_noise(noise in data(), message in message(), size in 0..MAX_FRAME) {
        let bytes = [noise, message.encode(9)].concat();
        prop_assert_eq!(decode(&bytes), decode(&message.encode(9)));
        errors(&bytes, &mut vec![0; size]);
    }

    /// I3: the requests of a host that sends again until it has its reply, over a link that damages one byte in fifty.
    #[test]
    fn every_request_is_executed_once(requests in vec(any::<u32>(), 1..40), seed: u64) {
        let mut link = Lossy(fastrand::Rng::with_seed(seed));
        let mut device = Device::default();
        let mut sequence = seed as u8;
        let mut ask = |request: Request| {
            sequence = sequence.wrapping_add(1);
            for _ in 0..1000 {
                let sent: Vec<u8> = request.encode(sequence).unwrap().collect();
                let answer = device.take(&link.carry(&sent));
                for (got, kind, payload) in decode(&link.carry(&answer)) {
                    let frame = Frame { kind, sequence: got, payload: &payload };
                    let reply = Reply::try_from(frame).unwrap();
                    if got == sequence && request.is_answered_by(&reply) {
                        assert!(!matches!(reply, Reply::Refused { .. }), "{reply:?}");
                        return;
                    }
                }
            }
            panic!("no reply");
        };
        ask(Request::Open);
        for value in &requests {
            ask(Request::Write { register: 3, value: *value });
        }
        prop_assert_eq!(device.written, requests);
    }
}

#[derive(Clone, Debug)]
enum Damage {
    Bits(Vec<u8>),
    Drop(usize),
    Insert(Vec<u8>),
    Double(usize),
}

fn damage() -> impl Strategy<Value = Damage> {
    // every byte of a burst changes
    prop_oneof![
        (1..=255u8).prop_map(|bits| Damage::Bits(vec![bits])),
        vec(1..=255u8, 2..=4).prop_map(Damage::Bits),
        (1..=8usize).prop_map(Damage::Drop),
        vec(any::<u8>(), 1..=8).prop_map(Damage::Insert),
        (1..=8usize).prop_map(Damage::Double),
    ]
}

impl Damage {
    fn apply(&self, bytes: &mut Vec<u8>, at: prop::sample::Index) {
        let at = at.index(bytes.len());
        match self {
            Damage::Bits(burst) => bytes[at..]
                .iter_mut()
                .zip(burst)
                .for_each(|(byte, bits)| *byte ^= bits),
            Damage::Drop(count) => drop(bytes.drain(at..bytes.len().min(at + count))),
            Damage::Insert(more) => drop(bytes.splice(at..at, more.iter().copied())),
            Damage::Double(count) => {
                let again = bytes[at..bytes.len().min(at + count)].to_vec();
                bytes.splice(at..at, again);
            }
        }
    }
}

struct Lossy(fastrand::Rng);

impl Lossy {
    fn carry(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        for byte in bytes {
            match self.0.u8(0..150) {
                0 => {}
                1 => out.push(byte ^ (1 << self.0.u8(0..8))),
                2 => out.extend([*byte, self.0.u8(..)]),
                _ => out.push(*byte),
            }
        }
        // a frame may arrive twice
        if self.0.u8(0..8) == 0 {
            out.extend_from_within(..);
        }
        out
    }
}

/// The accelerator's end, with a register that remembers every write.
#[derive(Default)]
struct Device {
    receiver: Receiver,
    kept: Vec<u8>,
    written: Vec<u32>,
}

impl Device {
    fn take(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        for (sequence, kind, payload) in decode(bytes) {
            let frame = Frame {
                kind,
                sequence,
                payload: &payload,
            };
            let request = Request::try_from(frame).unwrap();
            match self.receiver.judge(kind, sequence) {
                Verdict::Execute => {
                    let reply = match request {
                        Request::Write { value, .. } => {
                            self.written.push(value);
                            Reply::Written
                        }
                        _ => Reply::Opened,
                    };
                    self.kept = reply.encode(sequence).unwrap().collect();
                    out.extend(&self.kept);
                }
                Verdict::Repeat => out.extend(&self.kept),
                Verdict::Refuse(reason) => {
                    let expected = self.receiver.expected();
                    let refused = Reply::Refused { reason, expected };
                    out.extend(refused.encode(sequence).unwrap());
                }
            }
        }
        out
    }
}

/// I1, I2: every single bit of a frame of every kind, with all bytes that are stuffed in it.
#[test]
fn every_flipped_bit_is_found() {
    let load: Vec<u8> = (0..MAX_DATA).map(|n| n as u8).collect();
    let messages = [
        Message::Open,
        Message::Write(FLAG, 0x7e7d_5e5d),
        Message::Read(4),
        Message::Load(load.clone(), true),
        Message::Fetch(256),
        Message::Written,
        Message::Value(0x7d7e_5d5e),
        Message::Fetched(load),
        Message::Refused(Refusal::Sequence, FLAG),
    ];
    let (before, after) = (Message::Open.encode(7), Message::Opened.encode(8));
    let expected = decode(&[&before[..], &after].concat());
    for message in messages {
        for sequence in [0, FLAG, ESCAPE] {
            let bytes = message.encode(sequence);
            for bit in 0..bytes.len() * 8 {
                let mut bad = bytes.clone();
                bad[bit / 8] ^= 1 << (bit % 8);
                let found = decode(&[&before[..], &bad, &after].concat());
                assert_eq!(found, expected, "bit {bit} of {message:?}");
            }
        }
    }
}

#[test]
fn what_is_no_frame_is_named() {
    let checked = |header: [u8; 4], payload: &[u8]| {
        let body = [&header[..], payload].concat();
        let check = sepstream_spec::crc32(&[&body]).to_le_bytes();
        [&[FLAG][..], &body, &check, &[FLAG]].concat()
    };
    let first = |kind: Kind| VERSION << 4 | kind as u8;
    let error = |bytes: &[u8]| errors(bytes, &mut [0; MAX_FRAME + 8]);
    assert_eq!(error(&[FLAG, FLAG, FLAG]), []);
    assert_eq!(error(&[FLAG, 1, 2, 3, FLAG]), [FrameError::TooShort]);
    assert_eq!(error(&[FLAG, 1, ESCAPE, FLAG]), [FrameError::Escape]);
    assert_eq!(error(&[FLAG, ESCAPE, 1, 2, FLAG]), [FrameError::Escape]);
    assert_eq!(error(&[0; 9]), []);
    assert_eq!(error(&[0, 0, 0, 0, 0, 0, 0, 0, FLAG]), [FrameError::Check]);
    let open = first(Kind::Open);
    assert_eq!(error(&checked([open, 0, 1, 0], &[])), [FrameError::Length]);
    let other = FrameError::Version { found: 2 };
    assert_eq!(error(&checked([0x20, 0, 0, 0], &[])), [other]);
    let unknown = FrameError::Kind { found: 6 };
    assert_eq!(error(&checked([VERSION << 4 | 6, 0, 0, 0], &[])), [unknown]);
    let long = checked([first(Kind::Load), 0, 2, 1], &[0; MAX_DATA + 2]);
    assert_eq!(error(&long), [FrameError::TooLong]);
    assert_eq!(errors(&long, &mut [0; MAX_FRAME]), [FrameError::TooLong]);
    insta::assert_snapshot!(
        [
            FrameError::TooLong,
            FrameError::TooShort,
            FrameError::Escape,
            FrameError::Check,
            FrameError::Length,
            other,
            unknown,
            FrameError::Payload
        ]
        .map(|error| format!("{error}\n"))
        .concat()
    );
}

#[test]
fn payloads_belong_to_their_kind() {
    let frame = |kind, payload| Frame {
        kind,
        sequence: 0,
        payload,
    };
    let wrong: [(Kind, &[u8]); 12] = [
        (Kind::Open, &[0]),
        (Kind::Write, &[0; 4]),
        (Kind::Read, &[]),
        (Kind::Load, &[]),
        (Kind::Load, &[2, 0]),
        (Kind::Fetch, &[1, 1]),
        (Kind::Opened, &[0]),
        (Kind::Written, &[0]),
        (Kind::Value, &[0; 5]),
        (Kind::Loaded, &[0]),
        (Kind::Refused, &[9, 0]),
        (Kind::Refused, &[0]),
    ];
    for (kind, payload) in wrong {
        let (request, reply) = (
            Request::try_from(frame(kind, payload)),
            Reply::try_from(frame(kind, payload)),
        );
        let found = kind as u8;
        let (fault, other) = (FrameError::Payload, FrameError::Kind { found });
        match found & 8 {
            0 => assert_eq!((request, reply), (Err(fault), Err(other)), "{kind:?}"),
            _ => assert_eq!((request, reply), (Err(other), Err(fault)), "{kind:?}"),
        }
    }
    let beats = [0; MAX_DATA + 1];
    let load = Request::Load {
        beats: &beats,
        last: true,
    };
    let fetch = Request::Fetch {
        bytes: MAX_DATA as u16 + 1,
    };
    let fetched = Reply::Fetched { words: &beats };
    for result in [load.encode(0), fetch.encode(0), fetched.encode(0)] {
        assert_eq!(result.err(), Some(FrameError::TooLong));
    }
}

#[test]
fn replies_belong_to_their_request() {
    let refused = Reply::Refused {
        reason: Refusal::NoData,
        expected: 0,
    };
    let pairs = [
        (Request::Open, Reply::Opened),
        (
            Request::Write {
                register: 1,
                value: 2,
            },
            Reply::Written,
        ),
        (Request::Read { register: 1 }, Reply::Value { value: 1 }),
        (
            Request::Load {
                beats: &[],
                last: true,
            },
            Reply::Loaded,
        ),
        (
            Request::Fetch { bytes: 2 },
            Reply::Fetched { words: &[1, 2] },
        ),
    ];
    for (i, (request, _)) in pairs.iter().enumerate() {
        for (j, (_, reply)) in pairs.iter().enumerate() {
            assert_eq!(request.is_answered_by(reply), i == j);
        }
        assert!(request.is_answered_by(&refused));
    }
    assert!(!pairs[4].0.is_answered_by(&Reply::Fetched { words: &[1] }));
}

#[test]
fn the_receiver_opens_first_and_knows_lost_requests() {
    let mut receiver = Receiver::default();
    let closed = Verdict::Refuse(Refusal::Closed);
    assert_eq!(receiver.judge(Kind::Read, 0), closed);
    assert_eq!(receiver.judge(Kind::Open, 254), Verdict::Execute);
    assert_eq!(receiver.judge(Kind::Read, 255), Verdict::Execute);
    assert_eq!(receiver.judge(Kind::Read, 255), Verdict::Repeat);
    assert_eq!(receiver.judge(Kind::Read, 0), Verdict::Execute);
    let lost = Verdict::Refuse(Refusal::Sequence);
    assert_eq!(receiver.judge(Kind::Read, 2), lost);
    assert_eq!(receiver.judge(Kind::Read, 255), lost);
    assert_eq!(receiver.expected(), 1);
}
