// SPDX-License-Identifier: MIT OR Apache-2.0
//! Cycles of a program's commands.
//!
//! Inside a pixel nothing can stall: window and pointwise control begin a pixel when all that it needs is there, and then step
//! once per cycle. So a command's timing is a recurrence over rows and pixels between three units:
//! - fill begins a row when the line buffer has room for it,
//! - the window begins a pixel when its rows are filled and the pixel buffer has room for it,
//! - the pointwise array begins a batch of up to `tp` pixels when it is complete; a command that expands brings it two sorts, its own first.
//!
//! When a command's parts begin is said in [`schedule`]: all at once behind the command before, or each behind its own work.
//!
//! Cycle 0 is the first of the first command's fetch; a time is the cycle in which a register or step has its value.

mod expand;
mod pass;
mod rows;
mod schedule;
mod taken;
mod window;

use schedule::Schedule;
use sepstream_spec::config::Config;
use sepstream_spec::isa::{Command, Field};

/// What kept the pointwise array from stepping.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wait {
    /// Waiting for the first rows, before any pixel.
    pub fill: u64,
    /// Waiting for pixels: the depthwise engine or the gather is the bound, or their pipeline is filling.
    pub window: u64,
    /// Waiting for rows in the middle of the command: the activation memory is the bound.
    pub memory: u64,
    /// Idling for the requantiser.
    pub requant: u64,
}

impl Wait {
    /// All of it.
    pub fn total(&self) -> u64 {
        self.fill + self.window + self.memory + self.requant
    }
}

/// Cycles of one command. Where commands overlap, what the next one does before this one has ended counts here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CommandCycles {
    /// From the end of the command before, or the first cycle of the first fetch, to the last of its work.
    pub total: u64,
    /// Steps of the pointwise array.
    pub pointwise: u64,
    /// Steps of the command's depthwise engine, or of its gather.
    pub window: u64,
    /// Where the others went.
    pub wait: Wait,
    /// Fetch at the begin, pipeline and last write at the end.
    pub overhead: u64,
}

/// A command, to look up its fields.
#[derive(Clone, Copy)]
struct Fields<'a>(&'a Command);

impl Fields<'_> {
    fn get(self, field: Field) -> u64 {
        self.0.get(field).into()
    }
    fn signed(self, field: Field) -> i64 {
        self.0.get_signed(field).into()
    }
}

/// Cycles of a program's commands in a configuration; their totals add up to the frame's.
pub fn program_cycles(commands: &[Command], config: &Config) -> Vec<CommandCycles> {
    Schedule::new(commands, config).run()
}
