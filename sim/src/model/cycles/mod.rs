// SPDX-License-Identifier: MIT OR Apache-2.0
//! Cycles of a command.
//!
//! Inside a pixel nothing can stall: window and pointwise control begin a pixel when all that it needs is there, and then step
//! once per cycle. So a command's timing is a recurrence over rows and pixels between three units:
//! - fill begins a row when the line buffer has room for it,
//! - the window begins a pixel when its rows are filled and the pixel buffer has room for it,
//! - the pointwise array begins a batch of up to `tp` pixels when it is complete; a command that expands brings it two sorts, its own first.
//!
//! Cycle 0 is the one with the sequencer's start pulse; a time is the cycle in which a register or step has its value.

mod expand;
mod rows;
mod window;

use expand::Feed;
use rows::{Fill, Room};
use sepstream_spec::config::Config;
use sepstream_spec::isa::{Command, Field, command_words};
use sepstream_spec::timing;
use window::Window;

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

/// Cycles of one command.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CommandCycles {
    /// From the first cycle of its fetch to the last of its work.
    pub total: u64,
    /// Steps of the pointwise array.
    pub pointwise: u64,
    /// Steps of the depthwise engine, or of the gather.
    pub window: u64,
    /// Where the others went.
    pub wait: Wait,
    /// Fetch at the begin, pipeline and last write at the end.
    pub overhead: u64,
}

struct Fields<'a>(&'a Command);

impl Fields<'_> {
    fn get(&self, field: Field) -> u64 {
        self.0.get(field).into()
    }
    fn signed(&self, field: Field) -> i64 {
        self.0.get_signed(field).into()
    }
}

/// Batches of up to `tp` pixels that the pointwise array takes, and the steps it makes of each: the command's own, or its expanding
/// layer's.
struct Taken {
    rows: usize,
    /// Batches of a row.
    cols: usize,
    /// Steps of a batch.
    steps: u64,
    /// Idle cycles of a batch, of which `last_idle` behind its last group.
    idle: u64,
    last_idle: u64,
    /// Idle cycles behind a row.
    gap: u64,
    /// From the last step of a row to its last word being written.
    latency: u64,
    /// Cycle of the last step of every batch so far.
    done: Vec<u64>,
}

/// Where a command has what belongs to [`Taken`].
struct TakenFields {
    rows: Field,
    cols: Field,
    words: Field,
    groups: Field,
    idle: Field,
    behind: Field,
    gap: Field,
    bytes: Field,
}

/// The command's own.
const OWN: TakenFields = TakenFields {
    rows: Field::OutRows,
    cols: Field::OutCols,
    words: Field::PixelWords,
    groups: Field::OutGroups,
    idle: Field::OutIdle,
    behind: Field::PixelIdle,
    gap: Field::RowGap,
    bytes: Field::OutBytes,
};

/// The expanding layer's.
const EXPAND: TakenFields = TakenFields {
    rows: Field::ExpandRows,
    cols: Field::ExpandCols,
    words: Field::ExpandWords,
    groups: Field::ExpandGroups,
    idle: Field::ExpandIdle,
    behind: Field::ExpandPixelIdle,
    gap: Field::ExpandGap,
    bytes: Field::ExpandOutBytes,
};

impl Taken {
    /// `adds`: a residual map is added on the way.
    fn new(f: &Fields<'_>, config: &Config, fields: &TakenFields, adds: bool) -> Self {
        let (cols, bytes) = (f.get(fields.cols), f.get(fields.bytes));
        let (groups, words, idle) = (
            f.get(fields.groups),
            f.get(fields.words),
            f.get(fields.idle),
        );
        let behind = f.get(fields.behind);
        let v = config.values();
        let (tp, word) = (u64::from(v.tp), u64::from(config.word_bytes()));
        // outputs of the pixel's last group, the beat that holds the last of them, and how many that beat has
        let in_group = (bytes - 1) % u64::from(v.tm) + 1;
        let beat = (in_group - 1) / u64::from(v.pw_requant);
        let last_beat = (in_group - 1) % u64::from(v.pw_requant) + 1;
        let tail = |bytes: u64| (bytes - 1) % word + 1;
        let outputs = timing::pointwise_sum(config) + timing::pw_outputs(config);
        let latency = match config.shares_requant() {
            // the batch's pixels, there or not; every byte is written as it comes
            true => u64::from(outputs) + (tp - 1) * u64::from(v.pw_requant_cycles),
            false => {
                let mut latency =
                    u64::from(outputs + timing::PACK) + beat * u64::from(v.pw_requant_cycles);
                let last_run = if tp == 1 {
                    last_beat
                } else {
                    // the batch's words complete, its runs one after the other, and packed once more
                    let piece = if adds { u64::from(v.pw_requant) } else { word };
                    let runs =
                        (bytes / word) * word.div_ceil(piece) + (bytes % word).div_ceil(piece);
                    let pixels = (cols - 1) % tp + 1;
                    latency += u64::from(last_beat > tail(bytes)) + pixels * runs;
                    latency += u64::from(timing::ORDER + timing::PACK);
                    (tail(bytes) - 1) % piece + 1
                };
                latency += u64::from(last_run > tail(cols * bytes));
                if adds {
                    latency += u64::from(timing::RESIDUAL);
                }
                latency
            }
        };
        Taken {
            rows: f.get(fields.rows) as usize,
            cols: cols.div_ceil(tp) as usize,
            steps: groups * words,
            idle: groups * idle + behind,
            last_idle: idle + behind,
            gap: f.get(fields.gap),
            latency,
            done: Vec::new(),
        }
    }
    fn finished(&self) -> bool {
        self.done.len() == self.rows * self.cols
    }
    /// Row of the next batch.
    fn row(&self) -> usize {
        self.done.len() / self.cols
    }
    /// Takes the next batch in a cycle; gives the cycle in which the array is free again.
    fn take(&mut self, begin: u64, out: &mut CommandCycles) -> u64 {
        let end = begin + self.steps + self.idle;
        self.done.push(end - self.last_idle - 1);
        let gap = if self.done.len().is_multiple_of(self.cols) {
            self.gap
        } else {
            0
        };
        out.pointwise += self.steps;
        out.wait.requant += self.idle + gap;
        end + gap
    }
}

/// Cycles of a command in a configuration.
pub fn command_cycles(command: &Command, config: &Config) -> CommandCycles {
    let f = Fields(command);
    let mut own = Taken::new(&f, config, &OWN, f.get(Field::Residual) == 1);
    let mut window = Window::new(command, config);
    let mut room = Room::new(&f);
    let mut filled = Vec::new(); // cycle from which each row counts as filled
    let mut fill = Fill::new(&f, config);
    let mut expand = (f.get(Field::ExpandRows) > 0).then(|| {
        let taken = Taken::new(&f, config, &EXPAND, false);
        (taken, Feed::new(&f, config))
    });

    let mut out = CommandCycles::default();
    let mut free = 1; // first cycle in which the array could begin a pixel
    while !own.finished() {
        // everything that follows from what the array has done so far
        loop {
            let before = (filled.len(), window.steps);
            if expand.is_none() {
                fill.advance(&room, &mut filled);
            }
            window.advance(&filled, &mut room, &own.done);
            if before == (filled.len(), window.steps) {
                break;
            }
        }
        let next = window.batches.get(own.done.len());
        let begin = next.map(|batch| batch.available.max(free));
        if let Some((taken, feed)) = &mut expand {
            feed.advance(&taken.done);
            let open = room.of(taken.row()).filter(|_| !taken.finished());
            let fed = feed.available.get(taken.done.len()).copied();
            if let (Some(open), Some(fed)) = (open, fed) {
                let at = open.max(fed).max(free);
                // the command's own batches go first
                if begin.is_none_or(|begin| at < begin) {
                    let waited = at - free;
                    if taken.done.is_empty() {
                        out.wait.fill += waited;
                    } else if open > fed {
                        out.wait.window += waited;
                    } else {
                        out.wait.memory += waited;
                    }
                    free = taken.take(at, &mut out);
                    if taken.done.len().is_multiple_of(taken.cols) {
                        let last = taken.done[taken.done.len() - 1];
                        filled.push(last + taken.latency + u64::from(timing::LINE_ROW));
                    }
                    continue;
                }
            }
        }
        let (Some(begin), Some(batch)) = (begin, next) else {
            // no compiler makes such a command: it would hang the hardware too, whose driver has a time limit
            break;
        };
        let waited = begin - free;
        if own.done.is_empty() {
            out.wait.fill += waited;
        } else if batch.for_rows {
            out.wait.memory += waited;
        } else {
            out.wait.window += waited;
        }
        free = own.take(begin, &mut out);
    }
    out.window = window.steps;

    // nothing waits behind the last group; its sums, requantised, packed and written, are overhead
    out.wait.requant = out.wait.requant.saturating_sub(own.last_idle + own.gap);
    let last = own.done.last().copied().unwrap_or(0);
    let end = last + own.latency + u64::from(timing::WRITE_DONE);
    let fetch = u64::from(command_words(config) + timing::fetch(config));
    out.total = fetch + end;
    out.overhead = out.total
        - out.pointwise
        - out.wait.fill
        - out.wait.window
        - out.wait.memory
        - out.wait.requant;
    out
}
