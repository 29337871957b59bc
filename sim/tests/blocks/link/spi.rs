// SPDX-License-Identifier: MIT OR Apache-2.0
//! `spi` against a controller of mode 0 with a clock of its own.

use super::super::bench::{Bench, Case};
use sepstream_hdl::link::spi::spi;
use sepstream_spec::link::FLAG;
use sepstream_testkit::{seeds, tools_present};
use std::collections::VecDeque;

/// What is around the block: the source of its bytes, and what comes out of it.
struct Side {
    bench: Bench,
    rng: fastrand::Rng,
    to_send: VecDeque<u8>,
    /// The source has a byte; once it has, it keeps it.
    offers: bool,
    came: Vec<u8>,
    cuts: u32,
}

impl Side {
    fn cycles(&mut self, count: u32) {
        for _ in 0..count {
            // a frame begins when it will, and then its next byte is always there in time
            self.offers |= !self.to_send.is_empty() && self.rng.u8(..16) == 0;
            let offers = self.offers && !self.to_send.is_empty();
            self.bench.set("s_valid", offers);
            self.bench
                .set("s_data", self.to_send.front().copied().unwrap_or(0x55));
            self.bench.settle();
            if offers && self.bench.bit("s_ready") {
                self.to_send.pop_front();
                self.offers &= self.to_send.front() != Some(&FLAG);
            }
            if !offers {
                self.bench.expect("s_ready", 0u32);
            }
            self.bench.tick();
            if self.bench.bit("m_valid") {
                self.came.push(self.bench.get("m_data") as u8);
            }
            self.cuts += u32::from(self.bench.bit("m_error"));
        }
    }
    fn half(&mut self) {
        let count = self.rng.u32(4..9);
        self.cycles(count);
    }
    /// Bits of a byte there and back.
    fn exchange(&mut self, byte: u8, bits: u32) -> u8 {
        let mut back = 0;
        for n in 0..bits {
            self.bench.set("copi", byte >> (7 - n) & 1);
            self.half();
            // sampled with the rising edge, as it is on the pin then
            self.bench.settle();
            back = back << 1 | self.bench.get("cipo") as u8;
            self.bench.set("sck", 1u32);
            self.half();
            self.bench.set("sck", 0u32);
        }
        back
    }
}

#[test]
fn bytes_go_both_ways() {
    if !tools_present() {
        return;
    }
    let mut side = Side {
        bench: Bench::new(&spi()),
        rng: fastrand::Rng::new(),
        to_send: VecDeque::new(),
        offers: false,
        came: Vec::new(),
        cuts: 0,
    };
    for seed in seeds!(10, 5).one_by_one() {
        let _case = Case::new(format!("seed {seed}"));
        side.rng = fastrand::Rng::with_seed(seed);
        side.bench.restart(seed);
        side.bench.set("cs_n", 1u32);
        (side.came, side.cuts, side.offers) = (Vec::new(), 0, false);
        side.to_send.clear();
        side.cycles(8);
        side.cuts = 0; // the pins before the first cycles are random
        let (mut sent, mut back, mut wanted) = (vec![], vec![], Vec::<u8>::new());
        let mut cut = 0;
        for _ in 0..60 {
            if side.to_send.is_empty() {
                let data: Vec<u8> = (0..side.rng.u8(1..20))
                    .map(|_| side.rng.u8(..FLAG))
                    .collect();
                wanted.extend(&data);
                side.to_send.push_back(FLAG);
                side.to_send.extend(data);
                side.to_send.push_back(FLAG);
                side.offers = false;
            }
            side.bench.set("cs_n", 0u32);
            side.half();
            for _ in 0..side.rng.u8(..6) {
                let byte = side.rng.u8(..);
                sent.push(byte);
                back.push(side.exchange(byte, 8));
            }
            // a byte that ends too soon, while nothing is to be sent that it would cost
            if side.to_send.is_empty() {
                let byte = side.rng.u8(..);
                side.exchange(byte, 3);
                cut += 1;
            }
            side.half();
            side.bench.set("cs_n", 1u32);
            side.half();
            side.half();
        }
        assert_eq!(side.came, sent);
        assert!(side.cuts >= cut && (cut == 0) == (side.cuts == 0));
        // flags where there was nothing, and every byte of the frames in order
        back.retain(|byte| *byte != FLAG);
        let rest = side.to_send.iter().filter(|byte| **byte != FLAG).count();
        wanted.truncate(wanted.len() - rest);
        assert_eq!(back, wanted);
        assert!(wanted.len() > 20);
    }
}
