// SPDX-License-Identifier: MIT OR Apache-2.0
//! `window` against the loops over pixels, kernel rows and columns.

use super::bench::{Bench, Case, Later, bits, configured, same};
use sepstream_hdl::window::window;
use sepstream_spec::config::{Config, ROW_BANKS};
use sepstream_spec::isa::{Command, Field, offset_bits};
use sepstream_spec::timing::{ROW_READY, WINDOW_START};
use sepstream_testkit::{seeds, tools_present};

/// A random layer, as far as the window sees it.
#[derive(Clone, Debug)]
struct Layer {
    gather: bool,
    merges: bool,
    rows: i32,
    cols: i32,
    pixel_bytes: i32,
    kernel: (i32, i32),
    stride: (i32, i32),
    pad: (i32, i32),
    out: (i32, i32),
    groups: i32,
    group_idle: u32,
    flush: u32,
    ring: u32,
    slots: i32,
    /// First word of the rows in each bank.
    base: i32,
}

impl Layer {
    fn row_bytes(&self) -> i32 {
        self.cols * self.pixel_bytes
    }

    fn row_words(&self, config: &Config) -> i32 {
        (self.row_bytes() as u32).div_ceil(config.word_bytes()) as i32
    }

    fn random(rng: &mut fastrand::Rng, config: &Config) -> Self {
        let bank = (config.values().line_words * config.word_bytes()) as i32;
        loop {
            let gather = rng.bool();
            let (rows, cols) = (rng.i32(1..=9), rng.i32(1..=9));
            let kernel = (rng.i32(1..=5), rng.i32(1..=5));
            let stride = (rng.i32(1..=4), rng.i32(1..=4));
            let pad = (rng.i32(0..kernel.0), rng.i32(0..kernel.1));
            // every window begins before the map ends
            let windows = |size: i32, pad: i32, stride: i32| (size - 1 + pad) / stride + 1;
            let out_rows = rng.i32(1..=windows(rows, pad.0, stride.0));
            let out = (out_rows, rng.i32(1..=windows(cols, pad.1, stride.1)));
            let groups = rng.i32(1..=3);
            let merges = gather && config.merges() && rng.bool();
            let pixel_bytes = match gather {
                true if merges => rng.i32(1..=4),
                true => rng.i32(1..=3 * config.values().tn as i32),
                false => groups * config.lane_pitch() as i32,
            };
            let merges = merges && kernel.1 * pixel_bytes <= config.merge_run_bytes() as i32;
            let idle = if rng.bool() {
                0
            } else {
                rng.u32(..config.dw_group_cycles().min(4))
            };
            let mut layer = Layer {
                gather,
                merges,
                rows,
                cols,
                pixel_bytes,
                kernel,
                stride,
                pad,
                out,
                groups,
                group_idle: idle,
                flush: rng.u32(..2),
                ring: rng.u32(1..=4),
                slots: 1,
                base: 0,
            };
            let most = config.values().line_words as i32 / layer.row_words(config);
            let least = (kernel.0 + stride.0).div_euclid(ROW_BANKS as i32) + 1;
            if layer.row_bytes() + (kernel.1 + 2) * pixel_bytes <= bank && least <= most {
                layer.slots = rng.i32(least..=most.min(6).max(least));
                if config.runs_ahead() {
                    let words = layer.slots * layer.row_words(config);
                    layer.base = rng.i32(0..=config.values().line_words as i32 - words);
                }
                return layer;
            }
        }
    }

    /// Bank and slot of a row of the map, also of those above it.
    fn place(&self, row: i32, config: &Config) -> (u32, u32) {
        let banks = ROW_BANKS as i32;
        let slot = row.div_euclid(banks).rem_euclid(self.slots) * self.row_words(config);
        (row.rem_euclid(banks) as u32, (self.base + slot) as u32)
    }

    fn command(&self, config: &Config) -> Command {
        let (bank, slot) = self.place(-self.pad.0, config);
        let run = self.kernel.1 * self.pixel_bytes;
        let passes = |kernel: i32, taps: u32| (kernel as u32).div_ceil(taps);
        let mut command = Command::default();
        for (field, value) in [
            (Field::Gather, u32::from(self.gather)),
            (Field::RowWords, self.row_words(config) as u32),
            (
                Field::SlotLimit,
                (self.base + self.slots * self.row_words(config)) as u32,
            ),
            (Field::LineBase, self.base as u32),
            (Field::InRows, self.rows as u32),
            (Field::RowBytes, self.row_bytes() as u32),
            (Field::OutRows, self.out.0 as u32),
            (Field::OutCols, self.out.1 as u32),
            (Field::StrideRows, self.stride.0 as u32),
            (Field::FirstBank, bank),
            (Field::FirstSlot, slot),
            (Field::KernelRows, self.kernel.0 as u32),
            (Field::WindowStep, (self.stride.1 * self.pixel_bytes) as u32),
            (Field::RowPasses, passes(self.kernel.0, config.row_taps())),
            (
                Field::ColumnPasses,
                passes(self.kernel.1, config.column_taps()),
            ),
            (Field::PixelBytes, self.pixel_bytes as u32),
            (Field::LaneGroups, self.groups as u32),
            (Field::GroupIdle, self.group_idle),
            (Field::PixelFlush, self.flush),
            (Field::RunBytes, run as u32),
            (
                Field::TailBytes,
                ((self.kernel.0 * run - 1) as u32) % config.values().tn + 1,
            ),
            (Field::RingPixels, self.ring),
            (
                Field::MergeBytes,
                match self.merges {
                    true => (((self.kernel.0 - 1) % 3 + 1) * run) as u32,
                    false => 0,
                },
            ),
        ] {
            command.set(field, value).expect("the layer fits");
        }
        command
            .set_signed(Field::FirstRow, -self.pad.0)
            .expect("the layer fits");
        command
            .set_signed(Field::FirstByte, -self.pad.1 * self.pixel_bytes)
            .expect("the layer fits");
        command
    }

    /// Rows of the map that some window needs.
    fn needed_rows(&self) -> i32 {
        ((self.out.0 - 1) * self.stride.0 - self.pad.0 + self.kernel.0).clamp(1, self.rows)
    }

    fn top(&self, y: i32) -> i32 {
        y * self.stride.0 - self.pad.0
    }

    /// All steps of a pixel.
    fn steps(&self, y: i32, x: i32, config: &Config) -> Vec<Step> {
        let left = (x * self.stride.1 - self.pad.1) * self.pixel_bytes;
        match (self.gather, self.merges) {
            (_, true) => self.merged(self.top(y), left, config),
            (true, _) => self.runs(self.top(y), left, config),
            (false, _) => self.taps(self.top(y), left, config),
        }
    }

    fn taps(&self, top: i32, left: i32, config: &Config) -> Vec<Step> {
        let (row_taps, column_taps) = (config.row_taps() as usize, config.column_taps() as usize);
        let mut steps = Vec::new();
        for group in 0..self.groups {
            for ky in (0..self.kernel.0).step_by(row_taps) {
                for kx in (0..self.kernel.1).step_by(column_taps) {
                    let at = |c: i32| left + (kx + c) * self.pixel_bytes;
                    let in_row = |at: i32| (0..self.row_bytes()).contains(&at);
                    let lane = group * config.lane_pitch() as i32;
                    let last = ky + row_taps as i32 >= self.kernel.0
                        && kx + column_taps as i32 >= self.kernel.1;
                    let pixel_last = group + 1 == self.groups;
                    steps.push(Step {
                        row: top + ky,
                        bytes: (0..column_taps as i32)
                            .map(|c| in_row(at(c)).then(|| at(c) + lane))
                            .collect(),
                        kind: Kind::Taps {
                            first: ky == 0 && kx == 0,
                            last,
                            pixel_last,
                        },
                        idle: match (last, pixel_last) {
                            (false, _) => 0,
                            (true, false) => self.group_idle,
                            (true, true) => self.group_idle + self.flush,
                        },
                    });
                }
            }
        }
        steps
    }

    fn merged(&self, top: i32, left: i32, config: &Config) -> Vec<Step> {
        let tn = config.values().tn as i32;
        let run = self.kernel.1 * self.pixel_bytes;
        let pre = (-left).clamp(0, run);
        let data = (self.row_bytes() - left).min(run) - pre;
        let mut steps = Vec::new();
        // bytes in the open word of the pixel buffer
        let mut open = 0;
        for ky in (0..self.kernel.0).step_by(3) {
            let bytes = (self.kernel.0 - ky).min(3) * run;
            for skip in (0..bytes).step_by(tn as usize) {
                let count = (bytes - skip).min(tn);
                let last = ky + 3 >= self.kernel.0 && skip + count == bytes;
                let spills = last && open + count > tn;
                open = (open + count) % tn;
                steps.push(Step {
                    row: top + ky,
                    bytes: vec![Some(left)],
                    kind: Kind::Merged {
                        count: count as u32,
                        last,
                        skip: skip as u32,
                        pre: pre as u32,
                        data: data as u32,
                    },
                    idle: spills.into(),
                });
            }
        }
        steps
    }

    fn runs(&self, top: i32, left: i32, config: &Config) -> Vec<Step> {
        let (tn, word) = (config.values().tn as i32, config.word_bytes() as i32);
        let run = self.kernel.1 * self.pixel_bytes;
        let mut steps = Vec::new();
        // bytes in the open word of the pixel buffer
        let mut open = 0;
        for ky in 0..self.kernel.0 {
            let row = top + ky;
            let inside = if (0..self.rows).contains(&row) {
                0..self.row_bytes()
            } else {
                0..0
            };
            let mut at = left;
            while at < left + run {
                let data = inside.contains(&at);
                let same = (at..left + run)
                    .take_while(|at| inside.contains(at) == data)
                    .count() as i32;
                let reach = if data { word - at % (word / 2) } else { tn };
                let count = same.min(reach).min(tn);
                at += count;
                let last = ky + 1 == self.kernel.0 && at == left + run;
                let spills = last && open + count > tn;
                open = (open + count) % tn;
                steps.push(Step {
                    row,
                    bytes: vec![data.then_some(at - count)],
                    kind: Kind::Run {
                        count: count as u32,
                        last,
                    },
                    idle: spills.into(),
                });
            }
        }
        steps
    }
}

/// What the window asks for in one cycle.
#[derive(Clone, Debug)]
struct Step {
    /// First kernel row.
    row: i32,
    /// Byte in the row, per column; none for padding.
    bytes: Vec<Option<i32>>,
    kind: Kind,
    /// Idle cycles behind it.
    idle: u32,
}

#[derive(Clone, Debug)]
enum Kind {
    Taps {
        first: bool,
        last: bool,
        pixel_last: bool,
    },
    Run {
        count: u32,
        last: bool,
    },
    Merged {
        count: u32,
        last: bool,
        skip: u32,
        pre: u32,
        data: u32,
    },
}

/// Compares the request on the ports with a step.
fn compare(bench: &Bench, step: Option<Step>, layer: &Layer, config: &Config) {
    let run = matches!(
        step,
        Some(Step {
            kind: Kind::Run { .. } | Kind::Merged { .. },
            ..
        })
    );
    bench.expect("run_valid", run);
    bench.expect("dw_valid", step.is_some() && !run);
    let Some(step) = step else { return };
    let byte_bits = offset_bits(config) - 2;
    let offsets = bench.bytes("r_byte");
    for (c, byte) in step.bytes.iter().enumerate() {
        if let Some(byte) = byte {
            let got = bits(&offsets, c as u32 * byte_bits, byte_bits);
            let byte = *byte as u32 & u32::MAX >> (32 - byte_bits);
            same(bench, &format!("r_byte of column {c}"), got, byte);
        }
    }
    let rows = match step.kind {
        Kind::Taps {
            first,
            last,
            pixel_last,
        } => {
            bench.expect("dw_first", first);
            bench.expect("dw_last", last);
            bench.expect("dw_pixel_last", pixel_last);
            let ok: Vec<bool> = step.bytes.iter().map(Option::is_some).collect();
            let got = (0..ok.len())
                .map(|c| bench.get("r_column_ok") >> c & 1 == 1)
                .collect();
            same(bench, "r_column_ok", got, ok);
            config.row_taps() as i32
        }
        Kind::Run { count, last } => {
            bench.expect("run_count", count);
            bench.expect("run_last", last);
            bench.expect("run_pad", step.bytes[0].is_none());
            if config.merges() {
                bench.expect("run_skip", 0u32);
            }
            1
        }
        Kind::Merged {
            count,
            last,
            skip,
            pre,
            data,
        } => {
            bench.expect("run_count", count);
            bench.expect("run_last", last);
            bench.expect("run_skip", skip);
            bench.expect("run_pre", pre);
            bench.expect("run_data", data);
            3
        }
    };
    for i in 0..rows {
        let ok = (0..layer.rows).contains(&(step.row + i));
        let got = bench.get("r_row_ok") >> i & 1 == 1;
        same(bench, &format!("r_row_ok of row {i}"), got, ok);
        if ok && step.bytes.iter().any(Option::is_some) {
            let bank = bench.get("r_bank") as u32 + i as u32;
            let slot = if bank < ROW_BANKS {
                "r_slot"
            } else {
                "r_slot_next"
            };
            let place = (bank % ROW_BANKS, bench.get(slot) as u32);
            same(
                bench,
                &format!("the place of row {i}"),
                place,
                layer.place(step.row + i, config),
            );
        }
    }
}

fn run(bench: &mut Bench, config: &Config, seed: u64) {
    let module = window(config);
    let mut rng = fastrand::Rng::with_seed(seed);
    bench.restart(seed);
    for _ in 0..8 {
        let layer = Layer::random(&mut rng, config);
        let _case = Case::new(format!("{layer:?}"));
        bench.set_fields(&module, &layer.command(config), config);
        bench.set("filled", 0u32);
        bench.set("all_filled", 0u32);
        bench.set("pixel_done", 0u32);
        bench.set("start", 1u32);
        bench.tick();
        bench.set("start", 0u32);

        let (fill_pace, done_pace) = (
            [1.0, 0.1, 0.01][rng.usize(..3)],
            [1.0, 0.2, 0.02][rng.usize(..3)],
        );
        let (mut filled, mut inflight, mut open) = (0, 0, 0);
        let mut asked = Later::new(1);
        let mut idle = WINDOW_START - 1; // takes the command, makes the first runs
        let mut ready_later = Later::new(ROW_READY);
        let (mut released, mut frees) = (0, 0);
        let mut pixels = (0..layer.out.0).flat_map(|y| (0..layer.out.1).map(move |x| (y, x)));
        let mut at = pixels.next();
        let mut steps = at
            .map_or_else(Vec::new, |(y, x)| layer.steps(y, x, config))
            .into_iter()
            .peekable();
        let mut begins = true;
        let mut tail = 10;
        while tail > 0 {
            let top = layer.top(at.map_or(layer.out.0, |(y, _)| y));
            let room = released + layer.slots * ROW_BANKS as i32;
            if filled < layer.needed_rows().min(room) && rng.f64() < fill_pace {
                filled += 1;
            }
            let all_filled = filled == layer.needed_rows();
            let done = inflight > 0 && rng.f64() < done_pace;
            bench.set("filled", filled as u32);
            bench.set("all_filled", all_filled);
            bench.set("pixel_done", done);
            bench.settle();
            bench.expect("released", released as u32);

            let (all_filled, filled_then) = ready_later.put((all_filled, filled));
            let ready = all_filled || filled_then >= top + layer.kernel.0;
            let waits = begins && !(ready && inflight < layer.ring);
            let mut step = None;
            if idle > 0 {
                idle -= 1;
            } else if at.is_some() && !waits {
                step = steps.next();
                idle = step.as_ref().map_or(0, |step| step.idle);
                inflight += u32::from(begins);
                begins = false;
                // the last step of a row's last pixel
                if let Some((y, x)) = at
                    && steps.peek().is_none()
                    && x + 1 == layer.out.1
                {
                    frees = layer.top(y + 1).max(0);
                }
            }
            inflight -= u32::from(done);
            if idle == 0 && at.is_some() && steps.peek().is_none() {
                at = pixels.next();
                steps = at
                    .map_or_else(Vec::new, |(y, x)| layer.steps(y, x, config))
                    .into_iter()
                    .peekable();
                begins = true;
            }
            compare(bench, asked.put(step), &layer, config);
            // invariant I1 of `packer`: no run in the cycle behind a closing one that spills
            let (count, last) = match bench.bit("run_valid") {
                true => (bench.get("run_count") as u32, bench.bit("run_last")),
                false => (0, false),
            };
            assert!(
                count == 0 || open <= config.values().tn,
                "a run follows one that spilled"
            );
            open = match open.checked_sub(config.values().tn) {
                Some(_) if count == 0 => 0,
                _ => open % (config.values().tn + 1) + count,
            };
            if !last && open >= config.values().tn {
                open -= config.values().tn;
            } else if last && open <= config.values().tn {
                open = 0;
            }
            tail -= u32::from(at.is_none());
            bench.tick();
            released = frees;
        }
    }
}

#[test]
fn windows_are_walked() {
    if !tools_present() {
        return;
    }
    // 9 rows behind 4 of padding, windows that reach 4 below them: 4 bits suffice
    for (tn, lanes, taps, gather_rows, map_size, ahead) in [
        (1, 1, 1, 1, 15, 0),
        (5, 3, 3, 3, 65535, 0),
        (4, 2, 9, 1, 15, 1),
        (3, 7, 9, 3, 15, 0),
        (16, 8, 3, 3, 15, 1),
        (16, 8, 3, 1, 100, 0),
        (3, 4, 1, 1, 15, 1),
    ] {
        let config = configured(tn, 1, lanes, taps, |v| {
            (v.gather_rows, v.map_size) = (gather_rows, map_size);
            v.commands_ahead = ahead;
        });
        let mut bench = Bench::new(&window(&config));
        for seed in seeds!(40, 20).one_by_one() {
            let _case = Case::new(format!(
                "tn {tn}, {lanes} lanes of {taps} taps, {gather_rows} rows, ahead {ahead}, seed {seed}"
            ));
            run(&mut bench, &config, seed);
        }
    }
}
