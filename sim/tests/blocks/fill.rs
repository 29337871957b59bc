// SPDX-License-Identifier: MIT OR Apache-2.0
//! `fill` against the loops over rows and words.

use super::bench::{Bench, Case, Later, command, config, same};
use super::common::tools_present;
use sepstream_hdl::fill::fill;
use sepstream_spec::config::{Config, ROW_BANKS};
use sepstream_spec::isa::Field;
use sepstream_spec::timing::{FILL_ROW, MEMORY_READ};
use std::collections::BTreeMap;

fn run(bench: &mut Bench, config: &Config, seed: u64) {
    let module = fill(config);
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
        let slots = rng.u32(1..=(words / row_words).min(4));
        let line_rows = rng.u32(1..=slots * ROW_BANKS);
        let base = rng.u32(..config.activation_words());
        let fields = [
            (Field::InBase, base),
            (Field::FillRows, rows),
            (Field::RowWords, row_words),
            (Field::LineRows, line_rows),
            (Field::SlotLimit, slots * row_words),
        ];
        let _case = Case::new(format!("command {fields:?}"));
        bench.set_fields(&module, &command(&fields), config);
        bench.set("released", 0u32);
        bench.set("start", 1u32);
        bench.settle();
        bench.expect("r_valid", 0u32);
        bench.tick();
        bench.set("start", 0u32);
        let holds = rng.bool();

        let pace = [0.9, 0.3, 0.02][rng.usize(..3)];
        let (mut row, mut word, mut released, mut filled) = (0, 0, 0, 0);
        let mut written = Later::new(MEMORY_READ);
        let mut ended = Later::new(FILL_ROW);
        // the row in each word of the line buffer
        let mut owner = BTreeMap::new();
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
            bench.settle();
            let reads = !hold && row < rows && (word > 0 || row < released + line_rows);
            bench.expect("r_valid", reads);
            let place = reads.then(|| {
                // addresses wrap; the compiler gives none that do
                bench.expect(
                    "r_addr",
                    (base + row * row_words + word) % config.activation_words(),
                );
                (
                    row,
                    row % ROW_BANKS,
                    row / ROW_BANKS % slots * row_words + word,
                )
            });
            let row_end = reads && word + 1 == row_words;
            let want = written.put(place);
            bench.expect("w_valid", want.is_some());
            if let Some((row, bank, at)) = want {
                bench.expect("w_bank", bank);
                bench.expect("w_addr", at);
                if let Some(old) = owner.insert((bank, at), row) {
                    assert!(
                        old < released,
                        "row {old}, which the window needs, is overwritten by {row}"
                    );
                }
            }
            filled += u32::from(ended.put(row_end));
            same(bench, "filled", bench.get("filled") as u32, filled);
            bench.expect("all_filled", filled == rows);
            if row_end {
                (row, word) = (row + 1, 0);
            } else {
                word += u32::from(reads);
            }
            tail -= u32::from(filled == rows);
            bench.tick();
        }
    }
}

#[test]
fn rows_go_to_their_slots() {
    if !tools_present() {
        return;
    }
    for tn in [4, 32] {
        let config = config(tn, 1, 1, 1);
        let mut bench = Bench::new(&fill(&config));
        for seed in 0..20 {
            let _case = Case::new(format!("tn {tn}, seed {seed}"));
            run(&mut bench, &config, seed);
        }
    }
}
