// SPDX-License-Identifier: MIT OR Apache-2.0
//! `deframe`, `enframe`, `crc` and `buffer` against the firmware's decoder and encoder, with frames that are damaged.

use super::super::bench::{Bench, Case};
use super::noise::{damage, data, encoded, length, odd};
use super::units::{receiver, sender};
use sepstream_firmware::link::{Decoder, ESCAPE, FLAG, Frame, FrameError, Refusal, Reply};
use sepstream_spec::timing::MEMORY_READ;
use sepstream_testkit::{seeds, tools_present};

#[test]
fn frames_are_found_as_the_firmware_finds_them() {
    if !tools_present() {
        return;
    }
    let mut bench = Bench::new(&receiver());
    let (mut whole, mut broken, mut dropped) = (0, 0, 0);
    for seed in seeds!(8, 4).one_by_one() {
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
                // the verdict comes some cycles later
                for _ in 0..3 {
                    bench.expect("m_valid", 0u32);
                    bench.expect("damaged", 0u32);
                    bench.tick();
                }
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
            (0..MEMORY_READ).for_each(|_| bench.tick());
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
    for seed in seeds!(6, 3).one_by_one() {
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
            let (mut quiet, mut dones) = (0, 0);
            while sent.len() < want.len() {
                let ready = rng.f64() < pace;
                bench.set("m_ready", ready);
                bench.settle();
                let valid = bench.bit("m_valid");
                let takes = valid && ready;
                if takes {
                    sent.push(bench.get("m_data") as u8);
                }
                if bench.bit("done") {
                    assert_eq!(sent.len(), want.len() - 1, "the last byte comes");
                    dones += 1;
                }
                quiet = if valid { 0 } else { quiet + 1 };
                assert!(quiet < 16, "a byte in 16 cycles");
                bench.tick();
            }
            assert_eq!((sent, dones), (want, 1));
            bench.set("m_ready", 1u32);
            for _ in 0..12 {
                bench.settle();
                bench.expect("m_valid", 0u32);
                bench.tick();
            }
        }
    }
}
