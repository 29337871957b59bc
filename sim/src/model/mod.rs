// SPDX-License-Identifier: MIT OR Apache-2.0
//! The accelerator executing a program image: every byte that it writes to a map, and its cycles,
//! exactly.
//!
//! Parts that need not know each other, because the machine's timing does not depend on data:
//! `execute` computes bytes from the image alone, command by command as the machine does, `fast`
//! computes the same bytes at full speed, and `cycles` computes when every unit takes its steps.
//! The co-simulation checks bytes and cycles against the generated Verilog.

mod cycles;
mod execute;
mod fast;

pub use cycles::{CommandCycles, Wait, program_cycles};
pub use execute::{Error, Machine};
pub use fast::{Level, Prepared, Workspace};

use sepstream_spec::config::Config;
use sepstream_spec::isa::{Command, command_bytes};
use sepstream_spec::program::Program;

/// The commands of a run of a program image.
pub fn commands(program: &Program, run: usize, config: &Config) -> Vec<Command> {
    program
        .commands(run)
        .chunks_exact(command_bytes(config) as usize)
        .map(Command::from_bytes)
        .collect()
}

/// Cycles of every command of a program, run after run; their sum is the frame's.
pub fn cycles(program: &Program, config: &Config) -> Vec<CommandCycles> {
    let runs = 0..program.runs().count();
    runs.flat_map(|run| run_cycles(program, run, config))
        .collect()
}

/// Cycles of every command of a run, in order; their sum is the run's.
pub fn run_cycles(program: &Program, run: usize, config: &Config) -> Vec<CommandCycles> {
    program_cycles(&commands(program, run, config), config)
}
