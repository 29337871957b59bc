// SPDX-License-Identifier: MIT OR Apache-2.0
//! `pointwise_control` against the loops over rows, columns, output groups and words.

use super::bench::{Bench, Case, command, configured};
use sepstream_hdl::pointwise_control::pointwise_control;
use sepstream_spec::config::Config;
use sepstream_spec::isa::Field;
use sepstream_testkit::{seeds, tools_present};

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
    let idle = if rng.bool() {
        0
    } else {
        rng.u32(..config.pw_group_cycles().min(6))
    };
    let gap = rng.u32(..2);
    let base = rng.u32(..=config.weight_words() - groups * words);
    let fields = vec![
        (Field::OutRows, rows),
        // pixels of the row's batches
        (Field::OutCols, cols * v.tp - rng.u32(..v.tp)),
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
            get(Field::OutRows) * config.batches(get(Field::OutCols)),
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
                if config.values().tp == 1 {
                    bench.expect("row_last", step.row_last);
                }
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
    for (tn, tm, tp) in [(4, 4, 1), (1, 9, 1), (2, 3, 4), (2, 2, 3), (1, 1, 5)] {
        let config = configured(tn, tm, 1, 1, |v| {
            // idle cycles behind a group, and counters that 5 rows of 5 batches fill
            (v.tp, v.pw_requant, v.map_size) = (tp, 1, 5 * tp);
        });
        let mut bench = Bench::new(&pointwise_control(&config));
        for seed in seeds!(20, 10).one_by_one() {
            let _case = Case::new(format!("{tn} x {tm} x {tp}, seed {seed}"));
            run(&mut bench, &config, seed);
        }
    }
}

/// One sort of pixels in a command of two.
pub struct Sort {
    pub prefix: &'static str,
    pub rows: u32,
    cols: u32,
    groups: u32,
    words: u32,
    ring: u32,
    idle: u32,
    pub behind: u32,
    gap: u32,
    base: u32,
    // pixels that came, that were begun, that are done
    pub came: u32,
    pub begun: u32,
    pub done: u32,
}

impl Sort {
    pub fn random(
        rng: &mut fastrand::Rng,
        prefix: &'static str,
        buffer_words: u32,
        config: &Config,
    ) -> Self {
        let (words, groups) = (rng.u32(1..=buffer_words.min(4)), rng.u32(1..=3));
        Sort {
            prefix,
            rows: rng.u32(1..=4),
            cols: rng.u32(1..=4),
            groups,
            words,
            ring: rng.u32(1..=buffer_words / words),
            idle: rng.u32(..3),
            behind: rng.u32(..3),
            gap: rng.u32(..2),
            base: rng.u32(..=config.weight_words() - groups * words),
            came: 0,
            begun: 0,
            done: 0,
        }
    }
    /// Rows, columns, words of a pixel, of the ring, groups, idle cycles, those behind a pixel, gap, weight base.
    pub fn fields(&self, fields: [Field; 9]) -> Vec<(Field, u32)> {
        let values = [
            self.rows,
            self.cols,
            self.words,
            self.ring * self.words,
            self.groups,
            self.idle,
            self.behind,
            self.gap,
            self.base,
        ];
        fields.into_iter().zip(values).collect()
    }
    pub fn all(&self) -> u32 {
        self.rows * self.cols
    }
    pub fn finished(&self) -> bool {
        self.done == self.all()
    }
    /// A pixel is complete that was not begun.
    pub fn waits(&self) -> bool {
        self.begun < self.came
    }
    /// The row of the next pixel to begin.
    pub fn row(&self) -> u32 {
        self.begun / self.cols
    }
    /// There is room for a pixel, of those that are still to come.
    pub fn may_come(&self) -> bool {
        self.came < self.all() && self.came - self.done < self.ring
    }
}

/// Fields of the command's own pixels, and of the expanding ones.
pub const FIELDS: [[Field; 9]; 2] = [
    [
        Field::OutRows,
        Field::OutCols,
        Field::PixelWords,
        Field::RingWords,
        Field::OutGroups,
        Field::OutIdle,
        Field::PixelIdle,
        Field::RowGap,
        Field::WeightBase,
    ],
    [
        Field::ExpandRows,
        Field::ExpandCols,
        Field::ExpandWords,
        Field::ExpandRingWords,
        Field::ExpandGroups,
        Field::ExpandIdle,
        Field::ExpandPixelIdle,
        Field::ExpandGap,
        Field::ExpandWeightBase,
    ],
];

/// The array at pixels of two sorts.
#[derive(Default)]
pub struct Array {
    /// Sort, group and word of the pixel at work.
    at_work: Option<(usize, u32, u32)>,
    /// Idle cycles left.
    idle: u32,
}

impl Array {
    /// Compares a cycle, in which a pixel of the sorts that are ready may begin. The sorts of which one is done.
    pub fn cycle(
        &mut self,
        bench: &Bench,
        sorts: [&mut Sort; 2],
        ready: [bool; 2],
        expands: bool,
    ) -> [bool; 2] {
        if self.at_work.is_none() && self.idle == 0 {
            // the command's own first
            let next = (0..2).find(|&n| ready[n] && sorts[n].waits());
            self.at_work = next.map(|n| (n, 0, 0));
            next.into_iter().for_each(|n| sorts[n].begun += 1);
        }
        let step = self.at_work.filter(|_| self.idle == 0);
        self.idle = self.idle.saturating_sub(1);
        bench.expect("step", step.is_some());
        let mut done = [false; 2];
        if let Some((n, group, word)) = step {
            let sort = &sorts[n];
            let pixel = sort.begun - 1;
            let (word_last, group_last) = (word + 1 == sort.words, group + 1 == sort.groups);
            let row_last = pixel % sort.cols + 1 == sort.cols;
            let address = ["p_addr", "expand_addr"][n];
            bench.expect(address, pixel % sort.ring * sort.words + word);
            bench.expect("w_addr", sort.base + group * sort.words + word);
            if expands {
                bench.expect("of_expand", n == 1);
            }
            bench.expect("step_first", word == 0);
            bench.expect("step_last", word_last);
            bench.expect("group_last", group_last);
            bench.expect("row_last", row_last);
            let ends = n == 0 && pixel + 1 == sort.all();
            bench.expect("command_last", ends);
            done[n] = word_last && group_last;
            if word_last {
                let behind = if group_last { sort.behind } else { 0 };
                let gap = if group_last && row_last { sort.gap } else { 0 };
                self.idle = sort.idle + behind + gap;
            }
            self.at_work = match (word_last, group_last) {
                (true, true) => None,
                (true, false) => Some((n, group + 1, 0)),
                _ => Some((n, group, word + 1)),
            };
        }
        for (n, sort) in sorts.into_iter().enumerate() {
            let port = ["pixel_done", "expand_done"][n];
            if n == 0 || expands {
                bench.expect(port, done[n]);
            }
            sort.done += u32::from(done[n]);
        }
        done
    }
}

fn run_both(bench: &mut Bench, config: &Config, seed: u64) {
    let module = pointwise_control(config);
    let v = config.values();
    let mut rng = fastrand::Rng::with_seed(seed);
    bench.restart(seed);
    for _ in 0..8 {
        let mut sorts = [
            Sort::random(&mut rng, "", v.pixel_words, config),
            Sort::random(&mut rng, "expand_", v.expand_words, config),
        ];
        let line_rows = rng.u32(1..=4);
        let mut fields = vec![(Field::LineRows, line_rows)];
        for (sort, of_sort) in sorts.iter().zip(FIELDS) {
            fields.extend(sort.fields(of_sort));
        }
        let _case = Case::new(format!("command {fields:?}"));
        bench.set_fields(&module, &command(&fields), config);
        bench.set("released", 0u32);
        bench.set("start", 1u32);
        bench.settle();
        bench.expect("step", 0u32);
        bench.tick();
        bench.set("start", 0u32);
        let arrival = [(); 2].map(|()| [1.0, 0.4, 0.1][rng.usize(..3)]);
        let mut released = 0;
        let (mut array, mut tail) = (Array::default(), 10);
        while tail > 0 {
            if rng.u32(..12) == 0 {
                released = (released + rng.u32(1..=2)).min(sorts[1].rows);
            }
            bench.set("released", released);
            let mut arrives = [false; 2];
            for (n, sort) in sorts.iter().enumerate() {
                arrives[n] = sort.may_come() && rng.f64() < arrival[n];
                bench.set(&format!("{}pixel", sort.prefix), arrives[n]);
            }
            bench.settle();
            let ready = [true, sorts[1].row() < released + line_rows];
            array.cycle(bench, sorts.each_mut(), ready, true);
            for (sort, arrives) in sorts.iter_mut().zip(arrives) {
                sort.came += u32::from(arrives);
            }
            let finished = sorts.iter().all(Sort::finished);
            tail -= u32::from(finished);
            bench.tick();
        }
    }
}

#[test]
fn own_pixels_go_before_expanding_ones() {
    if !tools_present() {
        return;
    }
    for (pixel_words, expand_words) in [(24, 7), (5, 32), (4, 1)] {
        let config = configured(4, 4, 1, 1, |v| {
            (v.pixel_words, v.expand_words) = (pixel_words, expand_words);
            (v.pw_requant, v.map_size) = (1, 4);
        });
        let mut bench = Bench::new(&pointwise_control(&config));
        for seed in seeds!(20, 10).one_by_one() {
            let _case = Case::new(format!(
                "buffers of {pixel_words} and {expand_words}, seed {seed}"
            ));
            run_both(&mut bench, &config, seed);
        }
    }
}
