// SPDX-License-Identifier: MIT OR Apache-2.0
//! `columns` against picking bytes by index.

use super::bench::{Bench, Case, Later, configured, packed, random_bytes, same};
use sepstream_hdl::columns::columns;
use sepstream_spec::config::Config;
use sepstream_spec::isa::address_bits;
use sepstream_spec::timing::window_bytes;
use sepstream_testkit::{seeds, tools_present};

/// A request of the window, whose rows come later.
#[derive(Clone, Default)]
struct Request {
    offsets: Vec<u32>,
    row_ok: u32,
    column_ok: u32,
    pad: bool,
}

/// Taps and run that belong to a request and its rows.
fn picked(config: &Config, request: &Request, rows: &[u8], pad_value: u8) -> (Vec<u8>, Vec<u8>) {
    let (word, pitch) = (config.word_bytes(), config.lane_pitch());
    let mut taps = Vec::new();
    for lane in 0..config.values().lanes {
        for r in 0..config.row_taps() {
            for c in 0..config.column_taps() {
                let ok = request.row_ok >> r & 1 == 1 && request.column_ok >> c & 1 == 1;
                let group = request.offsets[c as usize] % word / pitch * pitch;
                let place = (c * config.row_taps() + r) * word + group + lane;
                taps.push(if ok { rows[place as usize] } else { pad_value });
            }
        }
    }
    let run = match request.pad {
        true => vec![pad_value; word as usize],
        false => rows[..word as usize].to_vec(),
    };
    (taps, run)
}

fn run(bench: &mut Bench, config: &Config, seed: u64) {
    let (rows, columns) = (config.row_taps(), config.column_taps());
    let byte_bits = address_bits(config.values().line_words) + config.word_bytes().trailing_zeros();
    let mut rng = fastrand::Rng::with_seed(seed);
    bench.restart(seed);
    let pad_value = rng.u8(..);
    bench.set("pad_value", pad_value);
    let mut behind: Later<Option<Request>> = Later::new(window_bytes(config) - 2);
    let mut expected = Later::new(1);
    for _ in 0..2000 {
        let request = Request {
            offsets: (0..columns).map(|_| rng.u32(..1 << byte_bits)).collect(),
            row_ok: rng.u32(..1 << rows),
            column_ok: rng.u32(..1 << columns),
            pad: rng.u32(..4) == 0,
        };
        bench.set_bytes("r_byte", &packed(&request.offsets, byte_bits));
        bench.set("r_row_ok", request.row_ok);
        bench.set("r_column_ok", request.column_ok);
        if !config.merges() {
            bench.set("run_pad", request.pad);
        }
        let words = random_bytes(&mut rng, columns * rows * config.word_bytes());
        bench.set_bytes("s_rows", &words);
        bench.settle();
        let now = behind
            .put(Some(request))
            .map(|request| picked(config, &request, &words, pad_value));
        if let Some((taps, run)) = expected.put(now) {
            same(bench, "m_taps", bench.bytes("m_taps"), taps);
            if !config.merges() {
                same(bench, "m_run", bench.bytes("m_run"), run);
            }
        }
        bench.tick();
    }
}

#[test]
fn lanes_and_padding_are_picked() {
    if !tools_present() {
        return;
    }
    for (tn, lanes, taps, gather_rows) in [(4, 1, 1, 1), (16, 3, 3, 3), (4, 2, 9, 1), (4, 8, 3, 1)]
    {
        let config = configured(tn, 1, lanes, taps, |v| v.gather_rows = gather_rows);
        let mut bench = Bench::new(&columns(&config));
        for seed in seeds!(3, 2).one_by_one() {
            let _case = Case::new(format!(
                "tn {tn}, {lanes} lanes of {taps} taps, seed {seed}"
            ));
            run(&mut bench, &config, seed);
        }
    }
}
