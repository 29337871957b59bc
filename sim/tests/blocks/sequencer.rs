// SPDX-License-Identifier: MIT OR Apache-2.0
//! `sequencer` against random programs.

use super::bench::{Bench, Case, ReadPort, configured};
use sepstream_hdl::sequencer::sequencer;
use sepstream_spec::config::Config;
use sepstream_spec::isa::{Command, Field, command_bytes, command_words};
use sepstream_spec::timing::{self, fetch, near_read};
use sepstream_testkit::{seeds, tools_present};

/// A program of commands with random fields.
pub fn random_program(rng: &mut fastrand::Rng, length: u32) -> Vec<Command> {
    let command = |n| {
        let mut command = Command::default();
        for field in Field::ALL {
            let value = rng.u32(..) >> (32 - field.bits());
            let value = if *field == Field::Last {
                u32::from(n + 1 == length)
            } else {
                value
            };
            command
                .set(*field, value)
                .expect("the value has the field's bits");
        }
        command
    };
    (0..length).map(command).collect()
}

fn run(bench: &mut Bench, config: &Config, seed: u64) {
    let word = config.word_bytes() as usize;
    let mut rng = fastrand::Rng::with_seed(seed);
    bench.restart(seed);
    let mut read = ReadPort::after(near_read(config));
    let mut finished = false;
    for _ in 0..4 {
        let length = rng.u32(1..=config.values().commands);
        let program = random_program(&mut rng, length);
        let memory: Vec<u8> = program
            .iter()
            .flat_map(|command| command.as_bytes(config).to_vec())
            .collect();
        assert_eq!(memory.len(), program.len() * command_bytes(config) as usize);
        let mut cycle = |bench: &mut Bench| {
            let at = bench.get("p_addr") as usize * word;
            let data = read.next(memory.get(at..at + word).unwrap_or_default().to_vec());
            bench.tick();
            bench.set_bytes("p_data", &data);
        };
        for _ in 0..rng.u32(..8) {
            bench.set("done", rng.bool()); // nobody asked
            bench.settle();
            for (port, value) in [
                ("busy", false),
                ("start", false),
                ("layer_done", false),
                ("finished", finished),
            ] {
                bench.expect(port, value);
            }
            cycle(bench);
        }
        bench.set("run", 1u32);
        bench.settle();
        bench.expect("busy", 0u32);
        cycle(bench);
        let mut cycles = 0u32;
        for (index, command) in program.iter().enumerate() {
            let fetch = command_words(config) + fetch(config);
            let work = rng.u32(1..40);
            for at in 1..=fetch + work {
                // a second run is ignored, as is the end of a command that has not been fetched
                bench.set("run", rng.bool());
                let done = if at <= fetch - timing::fields(config) {
                    rng.bool()
                } else {
                    at == fetch + work
                };
                bench.set("done", done);
                bench.settle();
                bench.expect("busy", 1u32);
                bench.expect("finished", 0u32);
                bench.expect("start", at == fetch);
                bench.expect("layer_done", at == fetch + work);
                bench.expect("layer_index", index as u32);
                bench.expect("cycles", cycles);
                if at >= fetch {
                    let used = |field: &&Field| field.used_bits(config) > 0;
                    for field in Field::ALL.iter().filter(used) {
                        let mask = u32::MAX >> (32 - field.used_bits(config));
                        bench.expect(field.name(), command.get(*field) & mask);
                    }
                }
                cycles += 1;
                cycle(bench);
            }
        }
        bench.set("run", 0u32);
        bench.settle();
        bench.expect("busy", 0u32);
        bench.expect("finished", 1u32);
        bench.expect("cycles", cycles);
        finished = true;
    }
}

#[test]
fn commands_are_fetched_and_run_in_order() {
    if !tools_present() {
        return;
    }
    // a program memory of one command has no address bits above those of a command; all words of one that slices have fields; with
    // tables a command is longer
    for (tn, tm, commands, tp, tables) in [
        (4, 1, 3, 1, 0),
        (32, 1, 2, 1, 0),
        (64, 1, 1, 1, 0),
        (4, 1, 1, 1, 0),
        (4, 1, 2, 2, 0),
        (13, 10, 3, 1, 0),
        (4, 1, 3, 1, 256),
        (64, 1, 2, 1, 2),
    ] {
        let config = configured(tn, tm, 1, 1, |v| {
            if tm > 1 {
                v.weight_kib = 33;
            }
            (v.commands, v.expand_words, v.tp) = (commands, 4 * (commands % 2), tp);
            (v.pw_tables, v.dw_tables) = (tables, tables);
            if tp > 1 {
                (v.pw_sum_bits, v.pw_requant_cycles) = (18, 4);
                (v.dw_sum_bits, v.dw_requant_cycles) = (18, 4);
            }
        });
        assert_eq!(config.slices(), tp > 1);
        assert_eq!(command_bytes(&config), if tables > 0 { 256 } else { 128 });
        assert_eq!(timing::spread(&config), tm > 1);
        let mut bench = Bench::new(&sequencer(&config));
        for seed in seeds!(10, 5).one_by_one() {
            let _case = Case::new(format!(
                "{tn} x {tm}, {commands} commands, tp {tp}, {tables} tables, seed {seed}"
            ));
            run(&mut bench, &config, seed);
        }
    }
}
