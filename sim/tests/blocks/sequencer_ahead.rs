// SPDX-License-Identifier: MIT OR Apache-2.0
//! `sequencer` of configurations that run ahead, against random programs whose commands take any time for anything.

use super::bench::{Bench, Case, ReadPort, configured};
use super::sequencer::random_program;
use sepstream_hdl::sequencer::sequencer;
use sepstream_spec::config::Config;
use sepstream_spec::isa::{Command, Field, Part, command_bytes, command_words};
use sepstream_spec::timing::near_read;
use sepstream_testkit::{seeds, tools_present};

/// A frame: in which cycles of it everything was that has been so far, in the order of commands.
#[derive(Default)]
struct Frame {
    /// Starts of each of [`Part::ALL`].
    starts: [Vec<u32>; 3],
    /// From when the rows are there.
    filled: Vec<u32>,
    /// The last steps for own pixels.
    taken: Vec<u32>,
    /// Ends of commands.
    done: Vec<u32>,
}

impl Frame {
    /// First cycle of the last fetch so far: that of the start of the outputs before.
    fn fetch(&self) -> u32 {
        self.starts[2].last().copied().unwrap_or(0)
    }
    /// Parts of the fetched command that may begin in a cycle, so that they start in the next.
    fn begins(&self, program: &[Command], config: &Config, cycle: u32) -> [bool; 3] {
        let command = self.starts[2].len();
        let fetched = self.fetch() + command_words(config) + near_read(config);
        let Some(early) = program.get(command).map(|c| c.get(Field::RowsEarly) == 1) else {
            return [false; 3];
        };
        // as said of the command before, and if there is none
        let of_last = |times: &[u32], late: u32| match command {
            0 => true,
            n => times.get(n - 1).is_some_and(|at| at + late <= cycle),
        };
        let filled = of_last(&self.filled, 0);
        let taken = of_last(&self.taken, 1);
        let ended = of_last(&self.done, 0);
        let begun = [0, 1].map(|part: usize| self.starts[part].len() > command);
        [
            !begun[0] && cycle >= fetched && filled && (early || taken),
            begun[0] && !begun[1] && taken,
            begun[1] && ended,
        ]
    }
}

/// What the units do: how long each waits at most.
struct Play {
    most: [u32; 3],
}

impl Play {
    fn random(rng: &mut fastrand::Rng) -> Self {
        Play {
            most: [(); 3].map(|()| [2, 20, 200][rng.usize(..3)]),
        }
    }
    /// Sets what the units tell in a cycle, and notes it.
    fn set(&self, bench: &mut Bench, frame: &mut Frame, cycle: u32, rng: &mut fastrand::Rng) {
        let Frame {
            starts,
            filled,
            taken,
            done,
        } = frame;
        let ends = |rng: &mut fastrand::Rng, most: u32| rng.u32(..most) == 0;
        let behind = |times: &[u32]| times.last().is_some_and(|at| *at < cycle);
        let waits = starts[0].len() > filled.len() && behind(&starts[0]);
        if waits && ends(rng, self.most[0]) {
            filled.push(cycle);
        }
        // the rows before stay there in the cycle of the start
        let there = filled.len() == starts[0].len() || !behind(&starts[0]);
        let there = if starts[0].is_empty() {
            rng.bool()
        } else {
            there
        };
        bench.set("rows_filled", there);
        // what was taken in this cycle ends in none before the next
        let working = starts[2].len() > done.len();
        let ended = taken.len() > done.len() && ends(rng, self.most[2]);
        let takes = starts[2].len() > taken.len() && behind(&starts[2]) && ends(rng, self.most[1]);
        if ended {
            done.push(cycle);
        }
        if takes {
            taken.push(cycle);
        }
        bench.set("pixels_taken", takes);
        // nobody asked for an end of nothing
        bench.set("done", if working { ended } else { rng.bool() });
    }
}

/// Compares the ports that tell of the frame and its commands.
fn compare(bench: &Bench, frame: &Frame, program: &[Command], config: &Config, cycle: u32) {
    let word = cycle - frame.fetch();
    if frame.starts[2].len() < program.len() && word < command_words(config) {
        let command = frame.starts[2].len() as u32 * command_bytes(config);
        bench.expect("p_addr", command / config.word_bytes() + word);
    }
    let [rows, pixels, _] = frame.starts.each_ref().map(Vec::len);
    let ends = frame.done.last() == Some(&cycle);
    for (port, value) in [
        ("busy", 1),
        ("finished", 0),
        ("cycles", cycle),
        ("turn", cycle % 2),
        ("layer_done", u32::from(ends)),
        ("layer_index", frame.done.len() as u32 - u32::from(ends)),
        ("rows_ahead", u32::from(rows > pixels)),
    ] {
        bench.expect(port, value);
    }
    // nobody reads rows before
    if rows > 0 {
        let ended = frame.done.len() - usize::from(ends);
        let pending = ended + 1 < rows;
        bench.expect("rows_pending", pending);
    }
    for (part, starts) in Part::ALL.into_iter().zip(&frame.starts) {
        let name = part.name();
        bench.expect(&format!("{name}_start"), starts.last() == Some(&cycle));
        let Some(command) = starts.len().checked_sub(1).map(|n| &program[n]) else {
            continue;
        };
        let of_part = |f: &&Field| f.is_of(part) && f.used_bits(config) > 0;
        for field in Field::ALL.iter().filter(of_part) {
            let used = command.get(*field) & u32::MAX >> (32 - field.used_bits(config));
            bench.expect(&format!("{name}_{}", field.name()), used);
        }
    }
}

fn idles(bench: &Bench) {
    bench.expect("busy", 0u32);
    bench.expect("layer_done", 0u32);
    for part in Part::ALL {
        bench.expect(&format!("{}_start", part.name()), 0u32);
    }
}

fn run(bench: &mut Bench, config: &Config, seed: u64) {
    let word = config.word_bytes() as usize;
    let mut rng = fastrand::Rng::with_seed(seed);
    bench.restart(seed);
    bench.set("pixels_taken", 0u32);
    let mut read = ReadPort::after(near_read(config));
    for before in 0..4 {
        let length = rng.u32(1..=config.values().commands);
        let program = random_program(&mut rng, length);
        let bytes = |command: &Command| command.as_bytes(config).to_vec();
        let memory: Vec<u8> = program.iter().flat_map(bytes).collect();
        let mut tick = |bench: &mut Bench| {
            let at = bench.get("p_addr") as usize * word;
            let data = read.next(memory.get(at..at + word).unwrap_or_default().to_vec());
            bench.tick();
            bench.set_bytes("p_data", &data);
        };
        for left in (0..1 + rng.u32(..8)).rev() {
            bench.set("run", left == 0);
            for port in ["done", "rows_filled"] {
                bench.set(port, rng.bool()); // nobody asked
            }
            bench.settle();
            idles(bench);
            bench.expect("finished", before > 0);
            tick(bench);
        }
        let play = Play::random(&mut rng);
        let mut frame = Frame::default();
        let mut cycle = 0;
        while frame.done.len() < program.len() {
            // a second run is ignored
            bench.set("run", rng.bool());
            play.set(bench, &mut frame, cycle, &mut rng);
            bench.settle();
            compare(bench, &frame, &program, config, cycle);
            let begins = frame.begins(&program, config, cycle);
            cycle += 1;
            for (starts, begins) in frame.starts.iter_mut().zip(begins) {
                starts.extend(begins.then_some(cycle));
            }
            tick(bench);
        }
        bench.set("run", 0u32);
        bench.settle();
        idles(bench);
        bench.expect("finished", 1u32);
        bench.expect("cycles", cycle);
    }
}

#[test]
fn parts_begin_as_soon_as_they_may() {
    if !tools_present() {
        return;
    }
    // as of configurations that do not; with and without each unit whose fields are some part's
    for (tn, tm, commands, tp, tables) in [
        (4, 1, 3, 1, 0),
        (32, 1, 5, 1, 2),
        (64, 1, 1, 1, 0),
        (4, 1, 4, 2, 256),
        (13, 10, 3, 1, 0),
    ] {
        let config = configured(tn, tm, 1, 1, |v| {
            if tm > 1 {
                v.weight_kib = 33;
            }
            (v.commands, v.expand_words, v.tp) = (commands, 4 * (commands % 2), tp);
            (v.pw_tables, v.dw_tables) = (tables, tables);
            v.residual = commands % 3;
            v.commands_ahead = 1;
        });
        let mut bench = Bench::new(&sequencer(&config));
        for seed in seeds!(10, 5).one_by_one() {
            let _case = Case::new(format!(
                "{tn} x {tm}, {commands} commands, tp {tp}, {tables} tables, seed {seed}"
            ));
            run(&mut bench, &config, seed);
        }
    }
}
