// SPDX-License-Identifier: MIT OR Apache-2.0
//! `order` against rows of pixels: every output once, in the order of the rows, in runs that stay in their words.

use super::bench::{Bench, Case, configured, random_bytes, same};
use sepstream_hdl::post::order::order;
use sepstream_spec::config::Config;
use sepstream_testkit::{seeds, tools_present};

/// A run at the output.
#[derive(Debug, PartialEq)]
struct Run {
    bytes: Vec<u8>,
    row_last: bool,
    command_last: bool,
}

/// Beats of a pixel: how many outputs each has.
fn beats(bytes: u32, tm: u32, lanes: u32) -> Vec<u32> {
    let mut beats = Vec::new();
    let mut left = bytes;
    while left > 0 {
        let group = left.min(tm);
        beats.extend((0..group.div_ceil(lanes)).map(|b| lanes.min(group - b * lanes)));
        left -= group;
    }
    beats
}

fn run(bench: &mut Bench, config: &Config, with_pieces: bool, seed: u64) {
    let (v, word) = (config.values(), config.word_bytes());
    let (tp, lanes) = (v.tp, v.pw_requant);
    let mut rng = fastrand::Rng::with_seed(seed);
    bench.restart(seed);
    for _ in 0..8 {
        let bytes = rng.u32(1..=(config.order_words() / 2 * word).min(3 * word));
        let (rows, cols) = (rng.u32(1..=3), rng.u32(1..=9));
        let pieces = with_pieces && rng.bool();
        let piece = if pieces { lanes } else { word };
        let _case = Case::new(format!(
            "{rows} x {cols} pixels of {bytes}, pieces: {pieces}"
        ));
        bench.set("cols", cols);
        bench.set("pixel_bytes", bytes);
        if with_pieces {
            bench.set("pieces", pieces);
        }
        bench.set("s_valid", 0u32);
        bench.set("start", 1u32);
        bench.tick();
        bench.set("start", 0u32);

        // what comes in, cycle by cycle: outputs of the tp pixels, whether they end, and with them the command
        let mut input = Vec::new();
        let mut want = Vec::new();
        for y in 0..rows {
            for first in (0..cols).step_by(tp as usize) {
                let pixels: Vec<Vec<u8>> = (0..tp).map(|_| random_bytes(&mut rng, bytes)).collect();
                let here = tp.min(cols - first);
                let row_last = first + here == cols;
                let command_last = row_last && y + 1 == rows;
                let begun = input.len();
                let mut at = 0;
                let beats = beats(bytes, v.tm, lanes);
                for (n, count) in beats.iter().enumerate() {
                    let beat = |pixel: &Vec<u8>| {
                        let mut beat = pixel[at as usize..][..*count as usize].to_vec();
                        beat.resize(lanes as usize, 0xa5);
                        beat
                    };
                    let data: Vec<u8> = pixels.iter().flat_map(beat).collect();
                    let last = n + 1 == beats.len();
                    input.push(Some((data, *count, last, last && command_last)));
                    at += count;
                }
                let runs_before = want.len();
                for (p, pixel) in pixels.iter().take(here as usize).enumerate() {
                    for (w, words) in pixel.chunks(word as usize).enumerate() {
                        let parts = words.chunks(piece as usize).count();
                        for (n, run) in words.chunks(piece as usize).enumerate() {
                            let ends = p as u32 + 1 == here
                                && (w as u32 + 1) * word >= bytes
                                && n + 1 == parts;
                            want.push(Run {
                                bytes: run.to_vec(),
                                row_last: ends && row_last,
                                command_last: ends && command_last,
                            });
                        }
                    }
                }
                // a batch's beats come at their pace; the next batch later than the runs of a whole one take, and with a free cycle
                // behind a spilling beat
                let runs = (want.len() - runs_before) / here as usize * tp as usize;
                let least = begun + runs + 1 + usize::from(rng.bool());
                input.resize(input.len().max(least) + 1, None);
            }
        }
        let mut got = Vec::new();
        for beat in input.into_iter().map(Some).chain((0..200).map(|_| None)) {
            let beat = beat.flatten();
            bench.set("s_valid", beat.is_some());
            let (data, count, last, end) = beat.unwrap_or_else(|| {
                let noise = random_bytes(&mut rng, tp * lanes);
                (noise, rng.u32(1..=lanes), rng.bool(), rng.bool())
            });
            bench.set_bytes("s_data", &data);
            bench.set("s_count", count);
            bench.set("s_last", last);
            bench.set("s_end", end);
            bench.settle();
            if bench.bit("m_valid") {
                let (first, count) = (bench.get("m_first") as usize, bench.get("m_count") as usize);
                let tag = bench.get("m_tag");
                got.push(Run {
                    bytes: bench.bytes("m_data")[first..first + count].to_vec(),
                    row_last: tag & 1 != 0,
                    command_last: tag & 2 != 0,
                });
            }
            bench.tick();
        }
        same(bench, "the number of runs", got.len(), want.len());
        for (n, (got, want)) in got.into_iter().zip(want).enumerate() {
            same(bench, &format!("run {n}"), got, want);
        }
    }
}

#[test]
fn pixels_come_one_behind_the_other() {
    if !tools_present() {
        return;
    }
    for (tm, lanes, tp, pieces) in [
        (8, 8, 2, false),
        (5, 2, 4, true),
        (7, 3, 2, true),
        (1, 1, 4, false),
        (3, 2, 3, true),
        (6, 6, 5, false),
    ] {
        let config = configured(4, tm, 1, 1, |v| {
            (v.pw_requant, v.tp, v.map_size) = (lanes, tp, 9);
        });
        let mut bench = Bench::new(&order(&config, pieces));
        for seed in seeds!(12, 6).one_by_one() {
            let _case = Case::new(format!("{tm} in {lanes} lanes x {tp}, seed {seed}"));
            run(&mut bench, &config, pieces, seed);
        }
    }
}
