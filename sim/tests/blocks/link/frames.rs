// SPDX-License-Identifier: MIT OR Apache-2.0
//! `deframe`, `enframe`, `crc` and `buffer` against the firmware's decoder and encoder, with frames that are damaged.

use super::super::bench::{Bench, Case};
use super::super::common::tools_present;
use sepstream_firmware::link::{
    Decoder, ESCAPE, FLAG, Frame, FrameError, MAX_DATA, Refusal, Reply, Request,
};
use sepstream_hdl::link::{buffer::buffer, crc::crc, deframe::deframe, enframe::enframe};
use sepstream_hdl::rtl::{Module, cat, lit};
use std::rc::Rc;

/// `deframe` with the units that it needs, and a port to read what it has written.
fn receiver() -> Rc<Module> {
    let mut m = Module::new("link_in", "deframe, crc and buffer.");
    let inputs = [("s_data", 8), ("s_valid", 1), ("s_error", 1), ("hold", 1)];
    let mut given: Vec<_> = inputs
        .map(|(name, width)| (name, m.input(name, width)))
        .into();
    let wrong = m.forward("wrong", 1);
    given.push(("c_wrong", wrong.clone()));
    let deframe = m.instance("deframe", &deframe(), &given);
    let check = m.instance(
        "check_unit",
        &crc(),
        &[
            ("start", deframe.out("c_start")),
            ("s_data", deframe.out("c_data")),
            ("s_valid", deframe.out("c_valid")),
            ("s_check", deframe.out("c_check")),
        ],
    );
    m.drive(&wrong, &check.out("wrong"));
    let address = m.input("r_addr", 9);
    let memory = m.instance(
        "memory",
        &buffer(),
        &[
            ("we", deframe.out("we")),
            ("w_addr", cat(&[lit(0, 1), deframe.out("w_addr")])),
            ("w_data", deframe.out("w_data")),
            ("r_addr", address),
        ],
    );
    m.output("r_data", &memory.out("r_data"));
    for port in [
        "m_valid", "kind", "number", "length", "first", "second", "damaged",
    ] {
        m.output(port, &deframe.out(port));
    }
    Rc::new(m)
}

/// `enframe` with the units that it needs, and a port to write the payload.
fn sender() -> Rc<Module> {
    let mut m = Module::new("link_out", "enframe, crc and buffer.");
    let inputs = [
        ("start", 1),
        ("kind", 4),
        ("number", 8),
        ("length", 9),
        ("m_ready", 1),
    ];
    let mut given: Vec<_> = inputs
        .map(|(name, width)| (name, m.input(name, width)))
        .into();
    let [payload, low, busy] =
        [("payload", 8), ("low", 8), ("busy", 1)].map(|(name, width)| m.forward(name, width));
    given.extend([
        ("p_data", payload.clone()),
        ("c_low", low.clone()),
        ("c_busy", busy.clone()),
    ]);
    let enframe = m.instance("enframe", &enframe(), &given);
    let check = m.instance(
        "check_unit",
        &crc(),
        &[
            ("start", enframe.out("c_start")),
            ("s_data", enframe.out("c_data")),
            ("s_valid", enframe.out("c_valid")),
            ("s_check", enframe.out("c_check")),
        ],
    );
    let write = [("we", 1), ("w_addr", 9), ("w_data", 8)];
    let mut given: Vec<_> = write
        .map(|(name, width)| (name, m.input(name, width)))
        .into();
    given.push(("r_addr", cat(&[lit(1, 1), enframe.out("p_addr")])));
    let memory = m.instance("memory", &buffer(), &given);
    m.drive(&payload, &memory.out("r_data"));
    m.drive(&low, &check.out("low"));
    m.drive(&busy, &check.out("busy"));
    for port in ["m_data", "m_valid", "done"] {
        m.output(port, &enframe.out(port));
    }
    Rc::new(m)
}

/// Data in which flags and escapes are frequent.
fn data(rng: &mut fastrand::Rng, length: usize) -> Vec<u8> {
    let mut byte = || match rng.u8(..4) {
        0 => FLAG,
        1 => ESCAPE,
        _ => rng.u8(..),
    };
    (0..length).map(|_| byte()).collect()
}

/// Lengths around their limits more often than others.
fn length(rng: &mut fastrand::Rng) -> usize {
    match rng.u8(..4) {
        0 => rng.usize(..3),
        1 => MAX_DATA - rng.usize(..3),
        _ => rng.usize(..40),
    }
}

/// The bytes of a frame.
fn encoded(rng: &mut fastrand::Rng) -> Vec<u8> {
    let count = length(rng);
    let beats = data(rng, count);
    let (register, value, last) = (rng.u8(..), rng.u32(..), rng.bool());
    let request = match rng.u8(..5) {
        0 => Request::Open,
        1 => Request::Write { register, value },
        2 => Request::Read { register },
        3 => Request::Fetch {
            bytes: rng.u16(..=MAX_DATA as u16),
        },
        _ => Request::Load {
            beats: &beats,
            last,
        },
    };
    let number = if rng.bool() { FLAG } else { rng.u8(..) };
    request.encode(number).unwrap().collect()
}

/// Frames with a right check that no encoder makes: other versions, kinds, lengths.
fn odd(rng: &mut fastrand::Rng) -> Vec<u8> {
    let count = rng.usize(..300);
    let payload = data(rng, count);
    let said = if rng.bool() { count } else { rng.usize(..600) } as u16;
    let [low, high] = said.to_le_bytes();
    let first = if rng.bool() {
        rng.u8(0x10..0x20)
    } else {
        rng.u8(..)
    };
    let body = [&[first, rng.u8(..), low, high][..], &payload].concat();
    let check = sepstream_spec::crc32(&[&body]).to_le_bytes();
    let mut out = vec![FLAG];
    for byte in [&body[..], &check].concat() {
        match byte {
            FLAG | ESCAPE => out.extend([ESCAPE, byte ^ 0x20]),
            _ => out.push(byte),
        }
    }
    out.push(FLAG);
    out
}

fn damage(rng: &mut fastrand::Rng, bytes: &mut Vec<u8>) {
    let at = rng.usize(..bytes.len());
    match rng.u8(..5) {
        0 => bytes[at] ^= 1 << rng.u8(..8),
        1 => bytes[at] = data(rng, 1)[0],
        2 => drop(bytes.remove(at)),
        3 => bytes.insert(at, data(rng, 1)[0]),
        _ => bytes.truncate(at),
    }
}

#[test]
fn frames_are_found_as_the_firmware_finds_them() {
    if !tools_present() {
        return;
    }
    let mut bench = Bench::new(&receiver());
    let (mut whole, mut broken, mut dropped) = (0, 0, 0);
    for seed in 0..8 {
        let _case = Case::new(format!("seed {seed}"));
        let mut rng = fastrand::Rng::with_seed(seed);
        bench.restart(seed);
        let mut memory = [0; 1024];
        let mut decoder = Decoder::new(&mut memory);
        // after reset, and behind a hold, what comes before a flag is nobody's
        let mut hunting = true;
        for _ in 0..60 {
            let mut bytes = match rng.u8(..3) {
                0 => odd(&mut rng),
                _ => encoded(&mut rng),
            };
            if rng.u8(..3) == 0 {
                damage(&mut rng, &mut bytes);
            }
            let held = rng.u8(..8) == 0;
            let hold = if held {
                rng.usize(..bytes.len() + 1)
            } else {
                usize::MAX
            };
            let error = if rng.u8(..8) == 0 {
                rng.usize(..bytes.len() + 1)
            } else {
                usize::MAX
            };
            for (at, byte) in bytes.into_iter().enumerate() {
                let holds = (hold..hold.saturating_add(5)).contains(&at);
                bench.set("hold", holds);
                bench.set("s_error", at == error);
                bench.tick();
                bench.set("s_error", 0u32);
                hunting |= holds;
                if at == error && !hunting {
                    // as an escape of an escape breaks a frame
                    decoder.push(ESCAPE);
                    decoder.push(ESCAPE);
                }
                bench.set("s_data", byte);
                bench.set("s_valid", 1u32);
                bench.tick();
                bench.set("s_valid", 0u32);
                let want = match (holds, hunting) {
                    (true, _) => None,
                    (false, true) => {
                        dropped += 1;
                        if byte == FLAG {
                            hunting = false;
                            decoder.push(ESCAPE);
                            decoder.push(FLAG);
                        }
                        None
                    }
                    _ => decoder.push(byte),
                };
                // the verdict comes a cycle later
                let frame = match want {
                    Some(Ok(frame)) => Some(Some(frame)),
                    // what the frame means is for the bridge to say
                    Some(Err(FrameError::Kind { .. } | FrameError::TooLong)) => Some(None),
                    _ => None,
                };
                bench.expect("m_valid", frame.is_some());
                bench.expect("damaged", want.is_some() && frame.is_none());
                whole += u32::from(frame.is_some());
                broken += u32::from(want.is_some() && frame.is_none());
                if let Some(Some(frame)) = frame {
                    check(&mut bench, frame);
                }
                for _ in 0..9 {
                    bench.tick();
                    bench.expect("m_valid", 0u32);
                    bench.expect("damaged", 0u32);
                }
            }
        }
    }
    assert!(
        whole > 150 && broken > 50 && dropped > 50,
        "{whole} {broken} {dropped}"
    );
}

fn check(bench: &mut Bench, frame: Frame) {
    bench.expect("kind", frame.kind as u8);
    bench.expect("number", frame.sequence);
    bench.expect("length", frame.payload.len() as u16);
    for (n, byte) in frame.payload.iter().enumerate() {
        match n {
            0 => bench.expect("first", *byte),
            1 => bench.expect("second", u8::from(byte >> 1 != 0) << 1 | byte & 1),
            _ => {}
        }
        // the first byte makes room for the 257th
        if n > 0 || frame.payload.len() < 257 {
            bench.set("r_addr", n as u16 % 256);
            bench.tick();
            bench.expect("r_data", *byte);
        }
    }
}

#[test]
fn frames_are_sent_as_the_firmware_sends_them() {
    if !tools_present() {
        return;
    }
    let mut bench = Bench::new(&sender());
    for seed in 0..6 {
        let _case = Case::new(format!("seed {seed}"));
        let mut rng = fastrand::Rng::with_seed(seed);
        bench.restart(seed);
        let pace = [1.0, 0.5, 0.05][seed as usize % 3];
        for _ in 0..25 {
            let count = length(&mut rng);
            let words = data(&mut rng, count);
            let value = rng.u32(..) & 0x7e7d_ffff;
            let reply = match rng.u8(..5) {
                0 => Reply::Opened,
                1 => Reply::Value { value },
                2 => Reply::Refused {
                    reason: Refusal::NoData,
                    expected: rng.u8(..),
                },
                _ => Reply::Fetched { words: &words },
            };
            let payload = match reply {
                Reply::Value { value } => value.to_le_bytes().to_vec(),
                Reply::Refused { reason, expected } => vec![reason as u8, expected],
                Reply::Fetched { words } => words.to_vec(),
                _ => vec![],
            };
            let number = if rng.bool() { ESCAPE } else { rng.u8(..) };
            for (n, byte) in payload.iter().enumerate() {
                bench.set("we", 1u32);
                bench.set("w_addr", 256 + n as u16);
                bench.set("w_data", *byte);
                bench.tick();
            }
            bench.set("we", 0u32);
            bench.set("kind", reply.kind() as u8);
            bench.set("number", number);
            bench.set("length", payload.len() as u16);
            bench.set("start", 1u32);
            bench.tick();
            bench.set("start", 0u32);
            let want: Vec<u8> = reply.encode(number).unwrap().collect();
            let mut sent = Vec::new();
            let mut quiet = 0;
            while sent.len() < want.len() {
                let ready = rng.f64() < pace;
                bench.set("m_ready", ready);
                bench.settle();
                let valid = bench.bit("m_valid");
                let takes = valid && ready;
                if takes {
                    sent.push(bench.get("m_data") as u8);
                }
                bench.expect("done", takes && sent.len() == want.len());
                quiet = if valid { 0 } else { quiet + 1 };
                assert!(quiet < 10, "a byte in ten cycles");
                bench.tick();
            }
            assert_eq!(sent, want);
            bench.set("m_ready", 1u32);
            for _ in 0..12 {
                bench.settle();
                bench.expect("m_valid", 0u32);
                bench.tick();
            }
        }
    }
}
