// SPDX-License-Identifier: MIT OR Apache-2.0
//! `fill` against the loops over rows and words, and `line_writer` behind it.

use super::bench::{Bench, Case, Later, command, configured};
use super::row_gate::Before;
use sepstream_hdl::fill::fill;
use sepstream_hdl::line_writer::line_writer;
use sepstream_spec::config::{Config, ROW_BANKS};
use sepstream_spec::isa::Field;
use sepstream_spec::timing::{LINE_ROW, activation_read};
use sepstream_testkit::{seeds, tools_present};
use std::collections::BTreeMap;

fn run(bench: &mut Bench, config: &Config, seed: u64) {
    let module = fill(config);
    let ahead = config.runs_ahead();
    let words = config.values().line_words;
    let mut rng = fastrand::Rng::with_seed(seed);
    bench.restart(seed);
    for _ in 0..12 {
        let rows = rng.u32(1..=40);
        let row_words = if rng.u32(..6) == 0 {
            words
        } else {
            rng.u32(1..=9)
        };
        let line_rows = rng.u32(1..=(words / row_words).min(4) * ROW_BANKS);
        let base = rng.u32(..config.activation_words());
        // the words of other slices
        let skip = match config.slices() && rng.bool() {
            true => rng.u32(..words),
            false => 0,
        };
        let mut before = Before::random(&mut rng);
        let fields = [
            (Field::InBase, base),
            (Field::FillRows, rows),
            (Field::RowWords, row_words),
            (Field::LineRows, line_rows),
            (Field::ExpandRows, 0),
            (Field::RowSkip, skip),
            (Field::RowsWait, before.wait),
        ];
        let _case = Case::new(format!("command {fields:?}"));
        bench.set_fields(&module, &command(&fields), config);
        bench.set("released", 0u32);
        bench.set("start", 1u32);
        if ahead {
            before.set(bench);
        }
        bench.settle();
        bench.expect("r_port", 0u32);
        bench.tick();
        bench.set("start", 0u32);
        // where commands run ahead: a row that may be begun was one in the cycle before
        let mut may_begin = before.open(0);
        before.go_on(rows, &mut rng);
        let holds = rng.bool();

        let pace = [0.9, 0.3, 0.02][rng.usize(..3)];
        let (mut row, mut word, mut released, mut filled) = (0, 0, 0, 0);
        let mut written = Later::new(activation_read(config));
        let mut tail = 10;
        while tail > 0 {
            // the window leaves rows that it has seen, and never more than are there
            if released < filled && rng.f64() < pace {
                released = rng.u32(released + 1..=filled);
            }
            bench.set("released", released);
            // as while the residual map is read too
            let hold = holds && rng.bool();
            bench.set("hold", hold);
            if ahead {
                before.set(bench);
            } else {
                may_begin = row < released + line_rows;
            }
            bench.settle();
            let reads = !hold && row < rows && (word > 0 || may_begin);
            // where commands run ahead, the port is others' unless there is a read
            bench.expect("r_port", reads || !ahead && !hold && row < rows);
            if reads {
                // addresses wrap; the compiler gives none that do
                bench.expect(
                    "r_addr",
                    (base + row * (row_words + skip) + word) % config.activation_words(),
                );
            }
            let row_end = reads && word + 1 == row_words;
            let (valid, last) = written.put((reads, row_end));
            bench.expect("w_valid", valid);
            bench.expect("w_last", last);
            filled += u32::from(last);
            if row_end {
                (row, word) = (row + 1, 0);
            } else {
                word += u32::from(reads);
            }
            may_begin = before.open(row) && row < released + line_rows;
            before.go_on(rows, &mut rng);
            tail -= u32::from(filled == rows);
            bench.tick();
        }
    }
}

/// An expanding command's rows are not read.
fn stays_idle(bench: &mut Bench, config: &Config) {
    let module = fill(config);
    let fields = [
        (Field::FillRows, 3),
        (Field::RowWords, 2),
        (Field::LineRows, 4),
        (Field::ExpandRows, 3),
    ];
    bench.set_fields(&module, &command(&fields), config);
    bench.set("released", 0u32);
    bench.set("hold", 0u32);
    bench.set("start", 1u32);
    bench.tick();
    bench.set("start", 0u32);
    for _ in 0..10 {
        bench.settle();
        bench.expect("r_port", 0u32);
        bench.expect("w_valid", 0u32);
        bench.tick();
    }
}

#[test]
fn rows_are_read_in_order() {
    if !tools_present() {
        return;
    }
    for (tn, expand_words, tp, ahead) in [
        (4, 0, 1, 0),
        (32, 0, 1, 0),
        (4, 8, 1, 0),
        (4, 0, 2, 0),
        (4, 8, 4, 0),
        (4, 0, 1, 1),
        (32, 8, 1, 1),
    ] {
        let config = configured(tn, 1, 1, 1, |v| {
            (v.expand_words, v.map_size, v.tp) = (expand_words, 40, tp);
            v.commands_ahead = ahead;
            if tp > 1 {
                (v.pw_sum_bits, v.pw_requant_cycles) = (18, 4);
                (v.dw_sum_bits, v.dw_requant_cycles) = (18, 4);
            }
        });
        assert_eq!(config.slices(), tp > 1);
        let mut bench = Bench::new(&fill(&config));
        for seed in seeds!(20, 10).one_by_one() {
            let _case = Case::new(format!(
                "tn {tn}, expand {expand_words}, tp {tp}, ahead {ahead}, seed {seed}"
            ));
            run(&mut bench, &config, seed);
            if config.expands() {
                stays_idle(&mut bench, &config);
            }
        }
    }
}

/// Rows of random commands, each to its slot.
fn run_writer(bench: &mut Bench, config: &Config, seed: u64) {
    let module = line_writer(config);
    let words = config.values().line_words;
    let mut rng = fastrand::Rng::with_seed(seed);
    bench.restart(seed);
    for _ in 0..6 {
        let (rows, row_words) = (rng.u32(1..=20), rng.u32(1..=words));
        let slots = rng.u32(1..=words / row_words);
        let base = match config.runs_ahead() {
            false => 0,
            true => rng.u32(..=words - slots * row_words),
        };
        let fields = [
            (Field::FillRows, rows),
            (Field::RowWords, row_words),
            (Field::SlotLimit, base + slots * row_words),
            (Field::LineBase, base),
        ];
        let _case = Case::new(format!("command {fields:?}"));
        bench.set_fields(&module, &command(&fields), config);
        bench.set("s_valid", 0u32);
        bench.set("start", 1u32);
        bench.tick();
        bench.set("start", 0u32);
        let pace = [1.0, 0.3][rng.usize(..2)];
        let mut ended = Later::new(LINE_ROW);
        let mut owner = BTreeMap::new();
        let (mut at, mut filled, mut tail) = (0, 0, 4);
        while tail > 0 {
            let (row, word) = (at / row_words, at % row_words);
            let valid = row < rows && rng.f64() < pace;
            let last = valid && word + 1 == row_words;
            bench.set("s_valid", valid);
            bench.set("s_last", if valid { last } else { rng.bool() });
            bench.settle();
            filled += u32::from(ended.put(last));
            bench.expect("filled", filled);
            bench.expect("all_filled", filled == rows);
            if valid {
                let slot = base + row / ROW_BANKS % slots * row_words;
                let place = (row % ROW_BANKS, slot + word);
                bench.expect("w_bank", place.0);
                bench.expect("w_addr", place.1);
                let old = owner.insert(place, row);
                assert!(old.is_none_or(|old| old + slots * ROW_BANKS <= row));
            }
            at += u32::from(valid);
            tail -= u32::from(row == rows);
            bench.tick();
        }
    }
}

#[test]
fn rows_go_to_their_slots() {
    if !tools_present() {
        return;
    }
    for ahead in [0, 1] {
        let config = configured(4, 1, 1, 1, |v| v.commands_ahead = ahead);
        let mut bench = Bench::new(&line_writer(&config));
        for seed in seeds!(30, 15).one_by_one() {
            let _case = Case::new(format!("ahead {ahead}, seed {seed}"));
            run_writer(&mut bench, &config, seed);
        }
    }
}
