// SPDX-License-Identifier: MIT OR Apache-2.0
//! `memory` against an array of bytes.

use super::bench::{Bench, Case, Later, same};
use super::common::tools_present;
use sepstream_hdl::memory::memory;
use sepstream_spec::timing::MEMORY_READ;

#[test]
fn slices_are_written_alone_and_read_two_registers_later() {
    if !tools_present() {
        return;
    }
    // one word, sizes beside a power of two, slices that are no whole bytes
    for (words, slices, slice_bits) in [(1, 1, 8), (5, 3, 8), (17, 1, 72), (16, 4, 9)] {
        let _case = Case::new(format!(
            "{words} words of {slices} slices of {slice_bits} bits"
        ));
        let mut bench = Bench::new(&memory(words, slices, slice_bits));
        bench.restart(u64::from(words));
        let mut rng = fastrand::Rng::with_seed(u64::from(words));
        let slice_mask = u128::MAX >> (128 - slice_bits);
        let all_mask = u128::MAX >> (128 - slices * slice_bits);
        let mut array = vec![None; words as usize];
        let mut read = Later::new(MEMORY_READ);
        for cycle in 0..4000 {
            let at = if cycle < words {
                cycle
            } else {
                rng.u32(..words)
            };
            let enable = if cycle < words {
                (1 << slices) - 1
            } else {
                rng.u32(..1 << slices)
            };
            let data = rng.u128(..) & all_mask;
            let from = rng.u32(..words);
            bench.set("we", enable);
            bench.set("w_addr", at);
            bench.set("w_data", data);
            bench.set("r_addr", from);
            bench.settle();
            // a word read while it is written may be the old or the new one
            let clash = from == at && enable != 0;
            if let Some(want) = read.put(array[from as usize].filter(|_| !clash)) {
                same(&bench, "r_data", bench.get("r_data"), want);
            }
            let mut word = array[at as usize].unwrap_or(0);
            for s in (0..slices).filter(|s| enable >> s & 1 == 1) {
                let mask = slice_mask << (s * slice_bits);
                word = word & !mask | data & mask;
            }
            array[at as usize] = Some(word);
            bench.tick();
        }
    }
}
