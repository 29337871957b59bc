// SPDX-License-Identifier: MIT OR Apache-2.0
//! Frames of all sorts, and damage.

use sepstream_firmware::link::{ESCAPE, FLAG, MAX_DATA, Request};

/// Data in which flags and escapes are frequent.
pub fn data(rng: &mut fastrand::Rng, length: usize) -> Vec<u8> {
    let mut byte = || match rng.u8(..4) {
        0 => FLAG,
        1 => ESCAPE,
        _ => rng.u8(..),
    };
    (0..length).map(|_| byte()).collect()
}

/// Lengths around their limits more often than others.
pub fn length(rng: &mut fastrand::Rng) -> usize {
    match rng.u8(..4) {
        0 => rng.usize(..3),
        1 => MAX_DATA - rng.usize(..3),
        _ => rng.usize(..40),
    }
}

/// The bytes of a frame.
pub fn encoded(rng: &mut fastrand::Rng) -> Vec<u8> {
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
pub fn odd(rng: &mut fastrand::Rng) -> Vec<u8> {
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

/// Changes, loses or adds a byte, or cuts the end off.
pub fn damage(rng: &mut fastrand::Rng, bytes: &mut Vec<u8>) {
    let at = rng.usize(..bytes.len());
    match rng.u8(..5) {
        0 => bytes[at] ^= 1 << rng.u8(..8),
        1 => bytes[at] = data(rng, 1)[0],
        2 => drop(bytes.remove(at)),
        3 => bytes.insert(at, data(rng, 1)[0]),
        _ => bytes.truncate(at),
    }
}
