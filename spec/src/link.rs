// SPDX-License-Identifier: MIT OR Apache-2.0
//! Constants of the host link: the register bus and the two streams over a byte link such as UART or SPI. The bridge in the
//! hardware and the driver share them; `docs/host-link.md` has the byte layouts and the rules.
//!
//! A frame is a flag, the stuffed bytes of header, payload and check, and a flag. Header: version and kind (a nibble each),
//! sequence number, length of the payload (16 bits). Check: [`crate::crc32`] of header and payload. All little-endian.

/// Version of the link protocol, a nibble.
pub const VERSION: u8 = 1;
/// Begins and ends a frame, and fills the time between frames; stands nowhere else (RFC 1662).
pub const FLAG: u8 = 0x7e;
/// Says that the next byte is one of [`FLAG`] and [`ESCAPE`] itself, inverted by [`ESCAPE_XOR`].
pub const ESCAPE: u8 = 0x7d;
/// Difference of an escaped byte and what it stands for.
pub const ESCAPE_XOR: u8 = 0x20;

/// Bytes of a header.
pub const HEADER_BYTES: usize = 4;
/// Bytes of the check.
pub const CHECK_BYTES: usize = 4;
/// Stream data that a frame carries at most: a multiple of every word size, and a frame fits in a block RAM of 512 bytes.
pub const MAX_DATA: usize = 256;
/// Longest payload: flags and data of [`Kind::Load`].
pub const MAX_PAYLOAD: usize = 1 + MAX_DATA;
/// Longest frame without flags and stuffing.
pub const MAX_FRAME: usize = HEADER_BYTES + MAX_PAYLOAD + CHECK_BYTES;
/// Longest frame on the link, every byte escaped.
pub const MAX_WIRE: usize = 2 + 2 * MAX_FRAME;

/// Flag in [`Kind::Load`]: the transfer ends with this data.
pub const LOAD_LAST: u8 = 1;

/// What a frame is. A reply has the number of its request plus 8.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// Request: begin, with this frame's sequence number. Empty.
    Open = 0,
    /// Request: write a register. Word address (8 bits), value (32 bits).
    Write = 1,
    /// Request: read a register. Word address (8 bits).
    Read = 2,
    /// Request: beats for the load stream. Flags (8 bits), up to [`MAX_DATA`] bytes.
    Load = 3,
    /// Request: words of the result stream. Their bytes (16 bits), whole words, up to [`MAX_DATA`].
    Fetch = 4,
    /// Reply to [`Kind::Open`]. Empty.
    Opened = 8,
    /// Reply to [`Kind::Write`]. Empty.
    Written = 9,
    /// Reply to [`Kind::Read`]. Value (32 bits).
    Value = 10,
    /// Reply to [`Kind::Load`], when all beats are in the accelerator. Empty.
    Loaded = 11,
    /// Reply to [`Kind::Fetch`]. The words.
    Fetched = 12,
    /// Reply to any request that is not executed. [`Refusal`] (8 bits), expected sequence number (8 bits).
    Refused = 15,
}

impl Kind {
    /// All kinds in the order of their numbers.
    pub const ALL: [Kind; 11] = [
        Kind::Open,
        Kind::Write,
        Kind::Read,
        Kind::Load,
        Kind::Fetch,
        Kind::Opened,
        Kind::Written,
        Kind::Value,
        Kind::Loaded,
        Kind::Fetched,
        Kind::Refused,
    ];
    /// The kind with a number.
    pub fn from_number(number: u8) -> Option<Self> {
        Kind::ALL.into_iter().find(|kind| *kind as u8 == number)
    }
}

/// Why a request is not executed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Refusal {
    /// The bridge was reset and no [`Kind::Open`] has come since: memories may have lost what was loaded.
    Closed = 0,
    /// The sequence number is neither the expected one nor the last one.
    Sequence = 1,
    /// The bridge cannot do this: unknown register, too much data, part of a word.
    Request = 2,
    /// The accelerator is not sending so many words.
    NoData = 3,
}

impl Refusal {
    /// All reasons in the order of their numbers.
    pub const ALL: [Refusal; 4] = [
        Refusal::Closed,
        Refusal::Sequence,
        Refusal::Request,
        Refusal::NoData,
    ];
    /// The reason with a number.
    pub fn from_number(number: u8) -> Option<Self> {
        Refusal::ALL
            .into_iter()
            .find(|reason| *reason as u8 == number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    /// The CRC is linear: flipped bits are not seen if and only if their syndromes cancel out.
    fn syndromes() -> Vec<u32> {
        let body = [0; MAX_FRAME - CHECK_BYTES];
        let in_body = (0..body.len() * 8).map(|bit| {
            let mut flipped = body;
            flipped[bit / 8] ^= 1 << (bit % 8);
            crate::crc32(&[&flipped]) ^ crate::crc32(&[&body])
        });
        in_body.chain((0..32).map(|bit| 1 << bit)).collect()
    }

    #[test]
    fn up_to_four_flipped_bits_are_always_seen() {
        let single = syndromes();
        let pairs = (0..single.len()).flat_map(|i| (0..i).map(move |j| (i, j)));
        let mut sums: Vec<u32> = pairs.map(|(i, j)| single[i] ^ single[j]).collect();
        // no one or two bits cancel out, no two bits look like one (three) or like two others (four)
        sums.extend(&single);
        sums.push(0);
        let count = sums.len();
        sums.sort_unstable();
        sums.dedup();
        assert_eq!(sums.len(), count);
    }

    #[test]
    fn kinds_and_refusals_have_their_numbers() {
        for kind in Kind::ALL {
            assert_eq!(Kind::from_number(kind as u8), Some(kind));
        }
        for reason in Refusal::ALL {
            assert_eq!(Refusal::from_number(reason as u8), Some(reason));
        }
        assert_eq!(Kind::from_number(5), None);
        assert_eq!(Refusal::from_number(4), None);
    }
}
