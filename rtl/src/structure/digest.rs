// SPDX-License-Identifier: MIT OR Apache-2.0
//! A hash that stays the same with every version of Rust and on every machine.

/// Numbers and texts, one behind the other.
pub(super) struct Digest(u64);

impl Digest {
    pub(super) fn new(kind: &str) -> Self {
        Digest(0xcbf2_9ce4_8422_2325).text(kind)
    }
    /// Takes a number, mixed as by the finaliser of MurmurHash3.
    pub(super) fn number(self, number: u64) -> Self {
        let mut x = self.0.rotate_left(5) ^ number;
        for factor in [0xff51_afd7_ed55_8ccd, 0xc4ce_b9fe_1a85_ec53] {
            x = (x ^ (x >> 33)).wrapping_mul(factor);
        }
        Digest(x ^ (x >> 33))
    }
    pub(super) fn numbers(self, numbers: impl IntoIterator<Item = u64>) -> Self {
        let mut count = 0;
        let all = numbers.into_iter().inspect(|_| count += 1);
        let digest = all.fold(self, Digest::number);
        digest.number(count)
    }
    pub(super) fn text(self, text: &str) -> Self {
        self.numbers(text.bytes().map(u64::from))
    }
    pub(super) fn end(self) -> u64 {
        self.0
    }
}
