// SPDX-License-Identifier: MIT OR Apache-2.0
//! A command at work: what its units have done so far.

use super::Fields;
use super::expand::Feed;
use super::rows::{Fill, Gate, Room, Turns};
use super::taken::{EXPAND, OWN, Taken};
use super::window::Window;
use sepstream_spec::config::Config;
use sepstream_spec::isa::{Command, Field};
use sepstream_spec::timing;

/// A command at work.
pub struct Pass<'a> {
    f: Fields<'a>,
    config: &'a Config,
    /// Cycle in which its rows begin.
    pub start: u64,
    room: Room,
    /// Cycle from which each row counts as filled.
    filled: Vec<u64>,
    /// What its rows wait for besides.
    gate: Gate,
    fill: Fill,
    /// Its expanding layer, which makes the rows instead.
    pub expand: Option<(Taken, Feed)>,
    pub window: Option<Window<'a>>,
    /// The pixels that the array takes for its ofm.
    pub own: Taken,
    /// First cycle in which the array may take one of them; `None` as long as that is not known.
    pub open: Option<u64>,
}

/// What the pointwise array can take next of a command.
pub struct Next {
    /// In this cycle, if the array is free.
    pub at: u64,
    /// What that waits for are rows.
    pub for_rows: bool,
}

impl<'a> Pass<'a> {
    /// A command whose rows begin in a cycle.
    pub fn new(command: &'a Command, config: &'a Config, start: u64, gate: Gate) -> Self {
        let f = Fields(command);
        let turns = Turns::new(f, config, start);
        let expand = (f.get(Field::ExpandRows) > 0).then(|| {
            let taken = Taken::new(f, config, &EXPAND, false);
            (taken, Feed::new(f, config, start, turns))
        });
        Pass {
            f,
            config,
            start,
            room: Room::new(f, start),
            filled: Vec::new(),
            gate,
            fill: Fill::new(f, config, start, turns),
            expand,
            window: None,
            own: Taken::new(f, config, &OWN, f.get(Field::Residual) == 1),
            open: None,
        }
    }
    /// Its windows begin in a cycle.
    pub fn begin_pixels(&mut self, start: u64) {
        self.window = Some(Window::new(self.f, self.config, start));
    }
    /// Everything that follows from what the array has done so far; `before` is the command in front, if that is still at work.
    pub fn advance(&mut self, before: Option<&Taken>) {
        if let Some(before) = before {
            self.gate.follow(before);
        }
        loop {
            let steps = self.window.as_ref().map(|w| w.steps);
            let rows = self.filled.len();
            match &mut self.expand {
                None => self.fill.advance(&self.room, &mut self.filled, &self.gate),
                Some((taken, feed)) => feed.advance(&taken.done, &self.gate),
            }
            if let Some(window) = &mut self.window {
                window.advance(&self.filled, &mut self.room, &self.own.done);
            }
            if (rows, steps) == (self.filled.len(), self.window.as_ref().map(|w| w.steps)) {
                break;
            }
        }
    }
    /// The command in front has taken its last pixel, and ends in a cycle.
    pub fn follows(&mut self, before: &Taken, end: u64) {
        self.gate.follow(before);
        self.gate.open(end);
    }
    /// Cycle from which all rows are there.
    pub fn all_filled(&self) -> Option<u64> {
        let rows = self.f.get(Field::FillRows) as usize;
        self.filled
            .last()
            .copied()
            .filter(|_| self.filled.len() == rows)
    }
    /// The command in front had ended before this one began.
    pub fn gate_free(&mut self) {
        self.gate = Gate::default();
    }
    /// The next of its own pixels.
    pub fn next_own(&self) -> Option<Next> {
        let batch = self.window.as_ref()?.batches.get(self.own.done.len())?;
        Some(Next {
            at: batch.available.max(self.open?),
            for_rows: batch.for_rows,
        })
    }
    /// The next of its expanding layer's.
    pub fn next_expanded(&self) -> Option<Next> {
        let (taken, feed) = self
            .expand
            .as_ref()
            .filter(|(taken, _)| !taken.finished())?;
        let open = self.room.of(taken.row())?;
        let fed = *feed.available.get(taken.done.len())?;
        Some(Next {
            at: open.max(fed),
            for_rows: fed >= open,
        })
    }
    /// If the expanding layer's last pixel ended a row: from when that counts as filled.
    pub fn expanded_row(&mut self) {
        if let Some((taken, _)) = self.expand.as_ref().filter(|(taken, _)| taken.ends_row()) {
            let row = taken.row_written() + u64::from(timing::LINE_ROW);
            self.filled.push(row);
        }
    }
}
