// SPDX-License-Identifier: MIT OR Apache-2.0
//! `pointwise_control` of configurations that run ahead: rows, pixels and outputs of a command begin at times of their own.

use super::bench::{Bench, Case, command, configured};
use super::pointwise_control::{Array, FIELDS, Sort};
use sepstream_hdl::pointwise_control::pointwise_control;
use sepstream_spec::config::Config;
use sepstream_spec::isa::Field;
use sepstream_spec::timing::OUTPUTS_START;
use sepstream_testkit::{seeds, tools_present};

/// A command, and when what has happened.
struct Work {
    sorts: [Sort; 2],
    line_rows: u32,
    early: bool,
    /// Starts of rows, pixels and outputs.
    starts: [Option<u32>; 3],
    /// The last step for an own pixel.
    taken: Option<u32>,
    /// Rows that the window has left.
    released: u32,
}

impl Work {
    fn random(rng: &mut fastrand::Rng, config: &Config) -> Self {
        let v = config.values();
        let mut own = Sort::random(rng, "", v.pixel_words, config);
        let mut expand = Sort::random(rng, "expand_", v.expand_words.max(1), config);
        if !config.expands() {
            own.behind = 0;
        }
        // some commands do not expand
        if !config.expands() || rng.u32(..4) == 0 {
            expand.rows = 0;
        }
        Work {
            sorts: [own, expand],
            line_rows: rng.u32(1..=4),
            early: rng.bool(),
            starts: [None; 3],
            taken: None,
            released: 0,
        }
    }
    /// A part has started before the cycle.
    fn has(&self, part: usize, cycle: u32) -> bool {
        self.starts[part].is_some_and(|at| at < cycle)
    }
    /// The sequencer and the units behind it let a part start in a cycle, of the command behind `before`.
    fn may_start(&self, part: usize, before: Option<&Work>, cycle: u32) -> bool {
        let free = before.is_none_or(|before| {
            let taken = before.taken.is_some_and(|at| at + 2 <= cycle);
            let filled = before.has(2, cycle) && before.sorts[1].finished();
            match part {
                0 => filled && (self.early || taken),
                _ => taken,
            }
        });
        free && self.starts[part].is_none() && (part == 0 || self.has(part - 1, cycle))
    }
}

/// The command that a part is at; before the first, that one.
fn at(works: &[Work], part: usize) -> usize {
    let started = works.iter().filter(|w| w.starts[part].is_some()).count();
    started.saturating_sub(1)
}

/// Parts that start in a cycle: as soon as they may, or later.
fn start(works: &mut [Work], cycle: u32, pace: f64, rng: &mut fastrand::Rng) -> [bool; 3] {
    let mut starts = [false; 3];
    for (part, starts) in starts.iter_mut().enumerate() {
        let Some(n) = works.iter().position(|w| w.starts[part].is_none()) else {
            continue;
        };
        let before = n.checked_sub(1).map(|n| &works[n]);
        if works[n].may_start(part, before, cycle) && rng.f64() < pace {
            works[n].starts[part] = Some(cycle);
            *starts = true;
        }
    }
    starts
}

/// Drives the fields of the commands that the rows and the outputs are at.
fn set_fields(bench: &mut Bench, works: &[Work], config: &Config) {
    let [rows, outputs] = [0, 2].map(|part| &works[at(works, part)]);
    let mut fields = vec![(Field::LineRows, rows.line_rows)];
    fields.extend(outputs.sorts[0].fields(FIELDS[0]));
    fields.extend(rows.sorts[1].fields(FIELDS[1]));
    bench.set_fields(&pointwise_control(config), &command(&fields), config);
}

/// The two sorts that the array may be at, of one command or of two.
fn sorts_at(works: &mut [Work], own: usize, expanding: usize) -> [&mut Sort; 2] {
    let [own_sorts, sorts] = match own == expanding {
        true => return works[own].sorts.each_mut(),
        false => works
            .get_disjoint_mut([own, expanding])
            .expect("two commands")
            .map(|work| &mut work.sorts),
    };
    [&mut own_sorts[0], &mut sorts[1]]
}

fn run(bench: &mut Bench, config: &Config, seed: u64) {
    let mut rng = fastrand::Rng::with_seed(seed);
    bench.restart(seed);
    let mut works: Vec<Work> = (0..10).map(|_| Work::random(&mut rng, config)).collect();
    let paces = [(); 4].map(|()| [1.0, 0.4, 0.05][rng.usize(..3)]);
    let mut array = Array::default();
    let (mut cycle, mut tail) = (0, 10);
    while tail > 0 {
        let starts = start(&mut works, cycle, paces[0], &mut rng);
        let ports = ["rows_start", "pixels_start", "start"];
        for (port, starts) in ports.into_iter().zip(starts) {
            if config.expands() || port != "rows_start" {
                bench.set(port, starts);
            }
        }
        if cycle == 0 || starts.contains(&true) {
            set_fields(bench, &works, config);
        }
        let [rows, pixels, outputs] = [0, 1, 2].map(|part| at(&works, part));
        // windows of a command leave no rows before they have begun
        let work = &mut works[rows];
        if work.has(1, cycle) && rng.f64() < paces[1] {
            work.released = (work.released + 1).min(work.sorts[1].rows);
        }
        let (released, line_rows) = (work.released, work.line_rows);
        let mut arrives = [false; 2];
        for (n, (part, of)) in [(1, pixels), (0, rows)].into_iter().enumerate() {
            let sort = &works[of].sorts[n];
            let comes = works[of].has(part, cycle) && sort.may_come();
            arrives[n] = comes && rng.f64() < paces[2 + n];
            if config.expands() || n == 0 {
                bench.set(&format!("{}pixel", sort.prefix), arrives[n]);
            }
        }
        if config.expands() {
            bench.set("released", released);
        }
        bench.settle();
        let begun = works[outputs].starts[2].is_some_and(|at| at + OUTPUTS_START <= cycle);
        let sorts = sorts_at(&mut works, outputs, rows);
        let ready = [begun, sorts[1].row() < released + line_rows];
        let done = array.cycle(bench, sorts, ready, config.expands());
        let taken = done[0] && works[outputs].sorts[0].finished();
        bench.expect("pixels_taken", taken);
        if taken {
            works[outputs].taken = Some(cycle);
        }
        for (n, of) in [pixels, rows].into_iter().enumerate() {
            works[of].sorts[n].came += u32::from(arrives[n]);
        }
        tail -= u32::from(works.iter().all(|work| work.taken.is_some()));
        cycle += 1;
        bench.tick();
    }
}

#[test]
fn parts_start_at_times_of_their_own() {
    if !tools_present() {
        return;
    }
    for (pixel_words, expand_words) in [(24, 0), (24, 7), (5, 32), (4, 1)] {
        let config = configured(4, 4, 1, 1, |v| {
            (v.pixel_words, v.expand_words) = (pixel_words, expand_words);
            (v.pw_requant, v.map_size) = (1, 4);
            v.commands_ahead = 1;
        });
        let mut bench = Bench::new(&pointwise_control(&config));
        for seed in seeds!(20, 10).one_by_one() {
            let _case = Case::new(format!(
                "buffers of {pixel_words} and {expand_words}, seed {seed}"
            ));
            run(&mut bench, &config, seed);
        }
    }
}
