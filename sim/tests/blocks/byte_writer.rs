// SPDX-License-Identifier: MIT OR Apache-2.0
//! `byte_writer` against the places of a map's bytes.

use super::bench::{Bench, Case, configured};
use fastrand::Rng;
use sepstream_hdl::post::byte_writer::byte_writer;
use sepstream_spec::config::Config;
use sepstream_spec::isa::Field;
use sepstream_spec::width::map_bits;
use sepstream_testkit::{seeds, tools_present};

/// Random maps, one after the other, with pauses between their bytes.
fn run(bench: &mut Bench, config: &Config, seed: u64) {
    let (tp, word) = (config.values().tp, config.word_bytes());
    let mut rng = Rng::with_seed(seed);
    bench.restart(seed);
    let most = (1 << Field::OutBytes.used_bits(config)) - 1;
    for _ in 0..12 {
        let (rows, cols) = (rng.u32(1..=4), rng.u32(1..(1 << map_bits(config))));
        let bytes = rng.u32(1..=9.min(most));
        let row_words = (cols * bytes).div_ceil(word);
        if rows * row_words > config.activation_words() {
            continue;
        }
        let base = rng.u32(..=config.activation_words() - rows * row_words);
        bench.set("out_base", base);
        bench.set("out_cols", cols);
        bench.set("out_bytes", bytes);
        bench.set("start", true);
        bench.set("s_valid", false);
        bench.tick();
        bench.set("start", false);
        let pause = rng.u32(1..4);
        let _case = Case::new(format!("{rows} x {cols} x {bytes} from {base}"));
        for y in 0..rows {
            for x in (0..cols).step_by(tp as usize) {
                for channel in 0..bytes {
                    for pixel in 0..tp {
                        while rng.u32(..pause) > 0 {
                            bench.set("s_valid", false);
                            bench.settle();
                            bench.expect("m_we", 0u32);
                            bench.expect("m_done", false);
                            bench.tick();
                        }
                        let last = channel + 1 == bytes;
                        let end = last && y + 1 == rows && x + tp >= cols;
                        bench.set("s_valid", true);
                        bench.set("s_last", last);
                        bench.set("s_end", end);
                        bench.settle();
                        let at = (base + y * row_words) * word + (x + pixel) * bytes + channel;
                        let inside = x + pixel < cols;
                        bench.expect("m_we", if inside { 1u32 << (at % word) } else { 0 });
                        if inside {
                            bench.expect("m_addr", at / word);
                        }
                        bench.expect("m_done", end && pixel + 1 == tp);
                        bench.tick();
                    }
                }
            }
        }
    }
}

#[test]
fn bytes_go_to_their_places() {
    if !tools_present() {
        return;
    }
    for (tn, tp) in [(2, 5), (2, 2), (8, 3), (16, 8)] {
        let config = configured(tn, 1, 1, 1, |v| {
            (v.tp, v.residual, v.expand_words, v.map_size) = (tp, 0, 0, 15);
            (v.pw_sum_bits, v.pw_requant_cycles) = (18, 4);
            (v.dw_sum_bits, v.dw_requant_cycles) = (18, 4);
        });
        let mut bench = Bench::new(&byte_writer(&config));
        for seed in seeds!(20, 10).one_by_one() {
            let _case = Case::new(format!("tn {tn}, tp {tp}, seed {seed}"));
            run(&mut bench, &config, seed);
        }
    }
}
