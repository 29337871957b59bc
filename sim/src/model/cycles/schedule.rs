// SPDX-License-Identifier: MIT OR Apache-2.0
//! When the parts of each command begin, and in which order the pointwise array takes pixels.
//!
//! As a rule a command is fetched and begun, all parts at once, when the one before has ended. Where [`Config::runs_ahead`], it is
//! fetched as soon as all parts of the one before have begun, and each part begins a cycle after it may:
//! - rows, when those of the command before are all in the line buffer, and, unless `rows_early`, the array has taken its last pixel,
//! - pixels, when the array has taken the last pixel of the command before, and the rows have begun,
//! - outputs, when the command before has ended, and the pixels have begun.

use super::pass::{Next, Pass};
use super::rows::Gate;
use super::taken::Taken;
use super::{CommandCycles, Fields};
use sepstream_spec::config::Config;
use sepstream_spec::isa::{Command, Field, command_words};
use sepstream_spec::timing;

/// A program at work.
pub struct Schedule<'a> {
    commands: &'a [Command],
    config: &'a Config,
    /// The commands at work: the one whose outputs are made, and behind it the one whose rows have begun.
    passes: Vec<Pass<'a>>,
    /// Commands whose rows have begun.
    begun: usize,
    /// First cycle of the fetch of the last of these, as long as its outputs have not begun; else of the next.
    fetch: u64,
    /// The last command that has ended.
    ended: Option<Ended>,
    /// First cycle in which the array could begin a pixel.
    free: u64,
    current: CommandCycles,
    out: Vec<CommandCycles>,
}

/// What is left of a command that has ended.
struct Ended {
    own: Taken,
    /// Cycle from which all its rows were there.
    filled: u64,
    /// Its last cycle.
    end: u64,
}

impl<'a> Schedule<'a> {
    pub fn new(commands: &'a [Command], config: &'a Config) -> Self {
        Schedule {
            commands,
            config,
            passes: Vec::new(),
            begun: 0,
            fetch: 0,
            ended: None,
            free: 0,
            current: CommandCycles::default(),
            out: Vec::new(),
        }
    }
    /// Cycles of all commands.
    pub fn run(mut self) -> Vec<CommandCycles> {
        while self.out.len() < self.commands.len() {
            match self.config.runs_ahead() {
                false => self.begin_all(),
                true => self.begin_parts(),
            }
            while !self.passes[0].own.finished() {
                self.advance();
                if !self.take() {
                    // no compiler makes such a command: it would hang the hardware too, whose driver has a time limit
                    break;
                }
            }
            self.end();
        }
        for c in &mut self.out {
            c.overhead = c.total.saturating_sub(c.pointwise + c.wait.total());
        }
        self.out
    }
    /// First cycle behind the last command that has ended.
    fn behind(&self) -> u64 {
        self.ended.as_ref().map_or(0, |ended| ended.end + 1)
    }
    /// Begins the next command with all its parts.
    fn begin_all(&mut self) {
        let fetched = command_words(self.config) + timing::fetch(self.config) - 1;
        let start = self.behind() + u64::from(fetched);
        let command = &self.commands[self.begun];
        let mut pass = Pass::new(command, self.config, start, Gate::default());
        pass.begin_pixels(start);
        pass.open = Some(start + 1);
        self.free = start + 1;
        self.passes.push(pass);
        self.begun += 1;
    }
    /// Cycle from which the command that is fetched has all its fields.
    fn fetched(&self) -> u64 {
        self.fetch + u64::from(command_words(self.config) + timing::near_read(self.config))
    }
    /// Begins the rest of the command that is now in front.
    fn begin_parts(&mut self) {
        if self.passes.is_empty() {
            self.begin_rows();
        }
        let (pixels_free, end) = match &self.ended {
            None => (0, 0),
            Some(ended) => (ended.own.last() + 1, ended.end),
        };
        let start = self.passes[0].start.max(pixels_free) + 1;
        self.passes[0].begin_pixels(start);
        let start = start.max(end) + 1;
        self.passes[0].open = Some(start + u64::from(timing::OUTPUTS_START));
        self.fetch = start;
    }
    /// Begins the rows of the next command, when the array has taken the last pixel of the one before.
    fn begin_rows(&mut self) {
        let free = match &self.ended {
            None => 0,
            Some(ended) => ended.filled.max(ended.own.last() + 1),
        };
        self.rows_from(free);
        if let (Some(ended), [pass]) = (&self.ended, &mut self.passes[..]) {
            if ended.end >= pass.start {
                pass.follows(&ended.own, ended.end);
            } else {
                pass.gate_free();
            }
        }
    }
    /// The same when it may while the one before is still at work.
    fn begin_early(&mut self) {
        let ([front], Some(next)) = (&self.passes[..], self.commands.get(self.begun)) else {
            return;
        };
        let early = self.config.runs_ahead() && Fields(next).get(Field::RowsEarly) == 1;
        if let (true, Some(filled)) = (early, front.all_filled()) {
            self.rows_from(filled);
        }
    }
    fn rows_from(&mut self, free: u64) {
        let start = free.max(self.fetched()) + 1;
        let command = &self.commands[self.begun];
        let gate = Gate::new(Fields(command));
        self.passes
            .push(Pass::new(command, self.config, start, gate));
        self.begun += 1;
    }
    fn advance(&mut self) {
        self.passes[0].advance(None);
        self.begin_early();
        if let [front, next] = &mut self.passes[..] {
            next.advance(Some(&front.own));
        }
    }
    /// The array takes its next pixel; not if there is none.
    fn take(&mut self) -> bool {
        let free = self.free;
        let own = self.passes[0].next_own();
        let expanding = self.passes.iter().enumerate();
        let expanded = expanding.filter_map(|(n, pass)| Some((n, pass.next_expanded()?)));
        let expanded = expanded.min_by_key(|(n, _)| *n);
        // a command's own pixels go first
        let begin = own.as_ref().map(|own| own.at.max(free));
        match (expanded, own) {
            (Some((n, next)), _) if begin.is_none_or(|begin| next.at.max(free) < begin) => {
                self.take_expanded(n, next);
            }
            (_, Some(own)) => {
                let begin = own.at.max(free);
                let first = self.passes[0].own.done.is_empty();
                self.waits(begin, first, own.for_rows);
                let out = charged(begin, &self.ended, &mut self.out, &mut self.current);
                self.free = self.passes[0].own.take(begin, out);
            }
            _ => return false,
        }
        true
    }
    /// The next pixel of an expanding layer.
    fn take_expanded(&mut self, n: usize, next: Next) {
        let begin = next.at.max(self.free);
        let Some((taken, _)) = &self.passes[n].expand else {
            return;
        };
        let first = n == 0 && taken.done.is_empty();
        self.waits(begin, first, next.for_rows);
        let out = charged(begin, &self.ended, &mut self.out, &mut self.current);
        if let Some((taken, _)) = &mut self.passes[n].expand {
            self.free = taken.take(begin, out);
        }
        self.passes[n].expanded_row();
    }
    /// The array has waited until a cycle.
    fn waits(&mut self, begin: u64, first: bool, for_rows: bool) {
        let cycles = begin.saturating_sub(self.free.max(self.behind()));
        let wait = &mut self.current.wait;
        match (first, for_rows) {
            (true, _) => wait.fill += cycles,
            (_, true) => wait.memory += cycles,
            (_, false) => wait.window += cycles,
        }
    }
    /// The command in front ends.
    fn end(&mut self) {
        let front = self.passes.remove(0);
        let end = front.own.row_written() + u64::from(timing::WRITE_DONE);
        self.current.total = (end + 1).saturating_sub(self.behind());
        self.current.window = front.window.as_ref().map_or(0, |window| window.steps);
        // nothing waits behind the last group; its sums, requantised, packed and written, are overhead
        let requant = &mut self.current.wait.requant;
        *requant = requant.saturating_sub(front.own.idle_at_end());
        self.out.push(std::mem::take(&mut self.current));
        if let Some(next) = self.passes.first_mut() {
            next.follows(&front.own, end);
        }
        self.ended = Some(Ended {
            filled: front.all_filled().unwrap_or(0),
            own: front.own,
            end,
        });
    }
}

/// The command whose cycles those of a step count as: the one that had not ended when it began.
fn charged<'a>(
    begin: u64,
    ended: &Option<Ended>,
    out: &'a mut [CommandCycles],
    current: &'a mut CommandCycles,
) -> &'a mut CommandCycles {
    match (ended, out.last_mut()) {
        (Some(ended), Some(last)) if begin <= ended.end => last,
        _ => current,
    }
}
