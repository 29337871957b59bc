// SPDX-License-Identifier: MIT OR Apache-2.0
//! `pointwise_control` against the loops over rows, columns, output groups and words.

use super::bench::{Bench, Case, command, config};
use super::common::tools_present;
use sepstream_hdl::pointwise_control::pointwise_control;
use sepstream_spec::config::Config;
use sepstream_spec::isa::Field;

/// What the array does in one cycle.
#[derive(Clone, Debug)]
struct Step {
    p_addr: u32,
    w_addr: u32,
    word: u32,
    word_last: bool,
    group_last: bool,
    row_last: bool,
    command_last: bool,
    /// Idle cycles behind it.
    idle: u32,
    begins: bool,
}

/// A random command: its fields, and all steps it takes.
fn random_command(rng: &mut fastrand::Rng, config: &Config) -> (Vec<(Field, u32)>, Vec<Step>) {
    let v = config.values();
    let pick = |rng: &mut fastrand::Rng, most| {
        if rng.u32(..4) == 0 {
            1
        } else {
            rng.u32(1..=most)
        }
    };
    let (rows, cols, groups) = (pick(rng, 4), pick(rng, 5), pick(rng, 4));
    let words = if rng.u32(..8) == 0 {
        v.pixel_words
    } else {
        pick(rng, 6)
    };
    let ring = rng.u32(1..=v.pixel_words / words);
    let idle = if rng.bool() { 0 } else { rng.u32(..6) };
    let gap = rng.u32(..2);
    let base = rng.u32(..=config.weight_words() - groups * words);
    let fields = vec![
        (Field::OutRows, rows),
        (Field::OutCols, cols),
        (Field::PixelWords, words),
        (Field::RingWords, ring * words),
        (Field::OutGroups, groups),
        (Field::OutIdle, idle),
        (Field::RowGap, gap),
        (Field::WeightBase, base),
    ];
    let mut steps = Vec::new();
    for pixel in 0..rows * cols {
        let row_last = pixel % cols == cols - 1;
        for group in 0..groups {
            let group_last = group == groups - 1;
            for word in 0..words {
                let word_last = word == words - 1;
                let gap = if group_last && row_last { gap } else { 0 };
                steps.push(Step {
                    p_addr: pixel % ring * words + word,
                    w_addr: base + group * words + word,
                    word,
                    word_last,
                    group_last,
                    row_last,
                    command_last: pixel == rows * cols - 1,
                    idle: if word_last { idle + gap } else { 0 },
                    begins: group == 0 && word == 0,
                });
            }
        }
    }
    (fields, steps)
}

fn run(bench: &mut Bench, config: &Config, seed: u64) {
    let module = pointwise_control(config);
    let mut rng = fastrand::Rng::with_seed(seed);
    bench.restart(seed);
    for _ in 0..12 {
        let (fields, steps) = random_command(&mut rng, config);
        let get = |field| {
            fields
                .iter()
                .find(|(f, _)| *f == field)
                .map_or(0, |(_, value)| *value)
        };
        let (all, ring) = (
            get(Field::OutRows) * get(Field::OutCols),
            get(Field::RingWords) / get(Field::PixelWords),
        );
        let _case = Case::new(format!("command {fields:?}"));
        bench.set_fields(&module, &command(&fields), config);
        bench.set("start", 1u32);
        bench.settle();
        bench.expect("step", 0u32);
        bench.tick();
        bench.set("start", 0u32);
        let arrival = [1.0, 0.5, 0.1][rng.usize(..3)];
        // pixels that came, that are done, that wait to be taken
        let (mut came, mut done, mut waiting, mut idle) = (0, 0, 0u32, 0u32);
        let mut steps = steps.into_iter().peekable();
        let mut tail = 10;
        while steps.peek().is_some() || tail > 0 {
            // as the window's credits allow
            let pixel = came < all && came - done < ring && rng.f64() < arrival;
            bench.set("pixel", pixel);
            bench.settle();
            let step = match idle {
                0 => steps.next_if(|step| !step.begins || waiting > 0),
                _ => None,
            };
            idle = idle.saturating_sub(1);
            bench.expect("step", step.is_some());
            let pixel_done = step
                .as_ref()
                .is_some_and(|step| step.word_last && step.group_last);
            bench.expect("pixel_done", pixel_done);
            if let Some(step) = step {
                bench.expect("p_addr", step.p_addr);
                bench.expect("w_addr", step.w_addr);
                bench.expect("step_first", step.word == 0);
                bench.expect("step_last", step.word_last);
                bench.expect("group_last", step.group_last);
                bench.expect("row_last", step.row_last);
                bench.expect("command_last", step.command_last);
                idle = step.idle;
                waiting -= u32::from(step.begins);
            }
            came += u32::from(pixel);
            waiting += u32::from(pixel);
            done += u32::from(pixel_done);
            tail -= u32::from(steps.peek().is_none());
            bench.tick();
        }
    }
}

#[test]
fn steps_through_pixels_groups_and_words() {
    if !tools_present() {
        return;
    }
    for (tn, tm) in [(4, 4), (1, 9)] {
        let config = config(tn, tm, 1, 1);
        let mut bench = Bench::new(&pointwise_control(&config));
        for seed in 0..20 {
            let _case = Case::new(format!("{tn} x {tm}, seed {seed}"));
            run(&mut bench, &config, seed);
        }
    }
}
