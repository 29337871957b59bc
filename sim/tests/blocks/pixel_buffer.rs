// SPDX-License-Identifier: MIT OR Apache-2.0
//! `pixel_buffer` against a ring of words, and of batches.

use super::bench::{Bench, Case, Later, config, configured, random_bytes, same};
use sepstream_hdl::pixel_buffer::pixel_buffer;
use sepstream_spec::timing::MEMORY_READ;
use sepstream_testkit::{seeds, tools_present};

#[test]
fn words_lie_in_a_ring() {
    if !tools_present() {
        return;
    }
    for tn in [1, 5] {
        let config = config(tn, 1, 1, 1);
        let words = config.values().pixel_words;
        let mut bench = Bench::new(&pixel_buffer("pixel_buffer", words, &config));
        for seed in seeds!(6, 3).one_by_one() {
            let _case = Case::new(format!("tn {tn}, seed {seed}"));
            let mut rng = fastrand::Rng::with_seed(seed);
            bench.restart(seed);
            let mut ring = vec![None; words as usize];
            let mut read = Later::new(MEMORY_READ);
            let (mut at, mut pixel_words, mut ring_words) = (0, 1, 1);
            let busy = [1.0, 0.8, 0.3][seed as usize % 3];
            for cycle in 0..3000 {
                let start = cycle == 0 || rng.u32(..200) == 0;
                if start {
                    pixel_words = rng.u32(1..=words);
                    ring_words = pixel_words * rng.u32(1..=words / pixel_words);
                }
                let valid = !start && rng.f64() < busy;
                let last = (at + 1) % pixel_words == 0;
                let data = random_bytes(&mut rng, tn);
                let from = rng.u32(..words);
                bench.set("start", start);
                bench.set("ring_words", ring_words);
                bench.set("s_valid", valid);
                bench.set("s_last", last);
                bench.set_bytes("s_data", &data);
                bench.set("r_addr", from);
                bench.settle();
                bench.expect("pixel", valid && last);
                let clash = valid && from == at;
                let word: Option<Vec<u8>> = ring[from as usize].clone().filter(|_| !clash);
                if let Some(want) = read.put(word) {
                    same(&bench, "r_data", bench.bytes("r_data"), want);
                }
                if valid {
                    ring[at as usize] = Some(data);
                    at = (at + 1) % ring_words;
                }
                if start {
                    at = 0;
                }
                bench.tick();
            }
        }
    }
}

/// Pixels of a row in batches: each pixel's words at the same addresses of its own memory.
#[test]
fn batches_lie_side_by_side() {
    if !tools_present() {
        return;
    }
    for (tn, tp, depth) in [(3, 2, 16), (1, 4, 9), (2, 5, 16), (2, 3, 7)] {
        let config = configured(tn, 1, 1, 1, |v| (v.tp, v.map_size) = (tp, 15));
        let mut bench = Bench::new(&pixel_buffer("pixel_buffer", depth, &config));
        for seed in seeds!(10, 5).one_by_one() {
            let _case = Case::new(format!("{tn} x {tp}, seed {seed}"));
            let mut rng = fastrand::Rng::with_seed(seed);
            bench.restart(seed);
            for _ in 0..10 {
                let words = rng.u32(1..=4);
                let ring = rng.u32(1..=depth / words);
                let cols = rng.u32(1..=9);
                bench.set("ring_words", ring * words);
                bench.set("cols", cols);
                bench.set("s_valid", 0u32);
                bench.set("start", 1u32);
                bench.tick();
                bench.set("start", 0u32);
                let mut slot = 0;
                for x in 0..cols * 2 {
                    let lane = x % cols % tp;
                    let batch_ends = lane == tp - 1 || x % cols == cols - 1;
                    let pixel: Vec<Vec<u8>> =
                        (0..words).map(|_| random_bytes(&mut rng, tn)).collect();
                    for (w, data) in pixel.iter().enumerate() {
                        let last = w as u32 + 1 == words;
                        bench.set("s_valid", 1u32);
                        bench.set("s_last", last);
                        bench.set_bytes("s_data", data);
                        bench.settle();
                        bench.expect("pixel", last && batch_ends);
                        bench.tick();
                    }
                    bench.set("s_valid", 0u32);
                    // this pixel's words, at the batch's addresses
                    for (w, want) in pixel.into_iter().enumerate() {
                        bench.set("r_addr", slot * words + w as u32);
                        for _ in 0..MEMORY_READ {
                            bench.tick();
                        }
                        bench.settle();
                        let got =
                            bench.bytes("r_data")[(lane * tn) as usize..][..tn as usize].to_vec();
                        same(&bench, &format!("pixel {x}, word {w}"), got, want);
                    }
                    if batch_ends {
                        slot = (slot + 1) % ring;
                    }
                }
            }
        }
    }
}
