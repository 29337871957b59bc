// SPDX-License-Identifier: MIT OR Apache-2.0
//! `memory` against an array of bytes.

use super::bench::{Bench, Case, Later, same};
use sepstream_hdl::Technology;
use sepstream_hdl::memory::{by_bytes, direct, far, memory, stored};
use sepstream_hdl::rtl::Module;
use sepstream_spec::timing::{DIRECT_READ, FAR_READ, MEMORY_READ};
use sepstream_testkit::{seeds, tools_present};
use std::rc::Rc;

/// One word, sizes beside a power of two, widths that are no whole bytes.
#[test]
fn words_are_read_two_registers_later() {
    let sizes = [(1, 8), (5, 24), (17, 73), (16, 36)];
    check_all(Technology::Generic, &sizes, false);
}

/// In LUTs; one block in each of its shapes; several side by side and one behind the other, the last one not full.
#[test]
fn blocks_of_an_ecp5_do_the_same() {
    let sizes = [
        (96, 21),
        (97, 36),
        (1024, 18),
        (2048, 9),
        (4096, 4),
        (8192, 2),
        (16384, 1),
        (500, 73),
        (2700, 31),
        (5248, 128),
    ];
    check_all(Technology::Ecp5, &sizes, false);
}

/// One block, not full; two side by side, full; too small for one; of two ports.
#[test]
fn blocks_of_an_ice40_ultraplus_do_the_same() {
    let sizes = [(2048, 8), (2048, 16), (16384, 31), (256, 8)];
    check_all(Technology::Ice40Up, &sizes, true);
    check_all(Technology::Ice40Up, &[(2048, 16)], false);
}

/// One segment of blocks; several, the last one of few bits; words that come and go by registers, in one part or more.
#[test]
fn far_memories_take_longer() {
    if !tools_present() {
        return;
    }
    for technology in [Technology::Generic, Technology::Ecp5] {
        for (words, width) in [(700, 72), (600, 100), (1100, 31)] {
            for (one_port, part, more) in [
                (false, width, 0),
                (true, width, 0),
                (true, width, 1),
                (true, 30, 1),
                (false, 24, 1),
            ] {
                let unit = far(words, width, one_port, part, more);
                let cycles = FAR_READ + more;
                check(technology, &unit, (words, width), one_port, cycles);
            }
        }
    }
}

/// Without an output register: large ones of one port in blocks of an UltraPlus.
#[test]
fn direct_memories_are_read_a_cycle_later() {
    if !tools_present() {
        return;
    }
    for technology in Technology::ALL {
        for (words, width) in [(20, 8), (1500, 16), (3000, 24)] {
            for one_port in [false, true] {
                let unit = direct(words, width, one_port);
                check(technology, &unit, (words, width), one_port, DIRECT_READ);
            }
        }
    }
}

#[test]
fn bytes_are_written_one_by_one() {
    if !tools_present() {
        return;
    }
    let (words, bytes) = (300, 4);
    for technology in [Technology::Generic, Technology::Ecp5] {
        let mut bench = Bench::of(&by_bytes(words, bytes), technology);
        for seed in seeds!(1, 1).one_by_one() {
            bench.restart(seed + 1);
            let mut rng = fastrand::Rng::with_seed(seed);
            let mut array: Vec<Option<Vec<u8>>> = vec![None; words as usize];
            let mut read = Later::new(DIRECT_READ);
            for cycle in 0..3000 {
                let first = cycle < words;
                let at = if first { cycle } else { rng.u32(..words) };
                let enable = if first { 15 } else { rng.u32(..1 << bytes) };
                let data: Vec<u8> = (0..bytes).map(|_| rng.u8(..)).collect();
                let from = rng.u32(..words);
                bench.set("we", enable);
                bench.set("w_addr", at);
                bench.set_bytes("w_data", &data);
                bench.set("r_addr", from);
                bench.settle();
                let wanted = array[from as usize].clone().filter(|_| from != at);
                if let Some(want) = read.put(wanted) {
                    same(&bench, "r_data", bench.bytes("r_data"), want);
                }
                let word = array[at as usize].get_or_insert_with(|| data.clone());
                for (b, byte) in data.into_iter().enumerate() {
                    if enable >> b & 1 == 1 {
                        word[b] = byte;
                    }
                }
                bench.tick();
            }
        }
    }
}

fn check_all(technology: Technology, sizes: &[(u32, u32)], one_port: bool) {
    if tools_present() {
        for (words, width) in sizes {
            let unit = if one_port { stored } else { memory };
            let unit = unit(*words, *width);
            check(technology, &unit, (*words, *width), one_port, MEMORY_READ);
        }
    }
}

/// `one_port`: what is read in the cycle of a write is not looked at. `cycles`: address to data.
fn check(
    technology: Technology,
    unit: &Rc<Module>,
    (words, width): (u32, u32),
    one_port: bool,
    cycles: u32,
) {
    let _case = Case::new(format!("{technology:?}: {words} words of {width} bits"));
    let mut bench = Bench::of(unit, technology);
    for seed in seeds!(1, 1).one_by_one() {
        bench.restart(seed + 1);
        let mut rng = fastrand::Rng::with_seed(seed);
        let mask = u128::MAX >> (128 - width);
        let mut array = vec![None; words as usize];
        let mut read = Later::new(cycles);
        let filled = words.min(2000);
        for cycle in 0..4000 {
            let at = if cycle < filled {
                cycle
            } else {
                rng.u32(..words)
            };
            let enable = u32::from(cycle < filled || rng.bool());
            let data = rng.u128(..) & mask;
            let from = rng.u32(..words);
            bench.set("we", enable);
            bench.set("w_addr", at);
            bench.set("w_data", data);
            bench.set("r_addr", from);
            bench.settle();
            // a word read while it is written may be the old or the new one
            let clash = (from == at || one_port) && enable != 0;
            if let Some(want) = read.put(array[from as usize].filter(|_| !clash)) {
                same(&bench, "r_data", bench.get("r_data"), want);
            }
            if enable == 1 {
                array[at as usize] = Some(data);
            }
            bench.tick();
        }
    }
}
