// SPDX-License-Identifier: MIT OR Apache-2.0
//! Cycles of a command.
//!
//! Inside a pixel nothing can stall: window and pointwise control begin a pixel when all that it needs is there, and then step
//! once per cycle. So a command's timing is a recurrence over rows and pixels between three units:
//! - fill begins a row when the line buffer has room for it,
//! - the window begins a pixel when its rows are filled and the pixel buffer has room for it,
//! - the pointwise array begins a pixel when it is complete.
//!
//! Cycle 0 is the one with the sequencer's start pulse; a time is the cycle in which a register or step has its value.

use sepstream_spec::config::Config;
use sepstream_spec::isa::{Command, Field, command_words};
use sepstream_spec::timing;

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

/// Steps of the window for one pixel.
#[derive(Clone, Copy)]
struct PixelSteps {
    /// From the first step to the last.
    steps: u64,
    /// Idle cycles behind.
    idle: u64,
    /// Cycles from the last step to the pixel counting as available.
    latency: u64,
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

/// Cycles of a command in a configuration.
pub fn command_cycles(command: &Command, config: &Config) -> CommandCycles {
    let f = Fields(command);
    let v = config.values();
    let (rows, cols) = (f.get(Field::OutRows), f.get(Field::OutCols) as usize);
    let gather = f.get(Field::Gather) == 1;

    // pointwise array, the same for every pixel
    let group = f.get(Field::PixelWords) + f.get(Field::OutIdle);
    let groups = f.get(Field::OutGroups);
    let pointwise = groups * group;
    let read = (groups - 1) * group + f.get(Field::PixelWords) - 1; // from the first step to the last
    let row_gap = f.get(Field::RowGap);

    let mut fill = Fill::new(&f);
    let gathers = gather.then(|| Gather::new(&f, config));
    let depthwise = depthwise_steps(&f, config);
    let mut window_free = 2; // start, then one cycle to load the first window
    let mut array_free = 1;
    let ring = f.get(Field::RingPixels) as usize;
    let mut done: Vec<u64> = Vec::new(); // last read of each pixel
    let mut out = CommandCycles::default();
    let mut last_step = 0;
    for y in 0..rows {
        let top = f.signed(Field::FirstRow) + (y * f.get(Field::StrideRows)) as i64;
        let need =
            (top + f.get(Field::KernelRows) as i64).clamp(0, f.get(Field::FillRows) as i64) as u64;
        let filled = fill.row_filled(need);
        for x in 0..cols {
            let i = done.len();
            let room = if i >= ring { done[i - ring] + 1 } else { 0 };
            let begin = window_free.max(filled).max(room);
            let for_rows = filled > window_free.max(room);
            let pixel = match &gathers {
                Some(g) => g.pixel(top, x),
                None => depthwise,
            };
            let last = begin + pixel.steps - 1;
            window_free = last + 1 + pixel.idle;
            out.window += pixel.steps;
            let available = last + pixel.latency;
            let start = array_free.max(available);
            let waited = start - array_free;
            if i == 0 {
                out.wait.fill += waited;
            } else if for_rows {
                out.wait.memory += waited;
            } else {
                out.wait.window += waited;
            }
            done.push(start + read);
            last_step = start + read;
            let gap = if x + 1 == cols { row_gap } else { 0 };
            array_free = start + pointwise + gap;
            out.pointwise += groups * f.get(Field::PixelWords);
            out.wait.requant += groups * f.get(Field::OutIdle) + gap;
        }
        // the window's last pixel of the row is over one cycle before it is free again
        fill.release(top + f.get(Field::StrideRows) as i64, window_free);
    }

    // nothing waits behind the last group; its sums, requantised, packed and written, are overhead
    out.wait.requant = out
        .wait
        .requant
        .saturating_sub(f.get(Field::OutIdle) + row_gap);
    let in_group = (f.get(Field::OutBytes) - 1) % u64::from(v.tm) + 1;
    let beat = (in_group - 1) / u64::from(v.pw_requant);
    let last_beat = (in_group - 1) % u64::from(v.pw_requant) + 1;
    let row_bytes = cols as u64 * f.get(Field::OutBytes);
    let spill = last_beat > (row_bytes - 1) % u64::from(config.word_bytes()) + 1;
    let end = last_step
        + u64::from(
            timing::pointwise_sum(config) + timing::REQUANT + timing::PACK + timing::WRITE_DONE,
        )
        + beat
        + u64::from(timing::RESIDUAL) * f.get(Field::Residual)
        + u64::from(spill);
    let fetch = u64::from(command_words(config) + timing::FETCH);
    out.total = fetch + end;
    out.overhead = out.total
        - out.pointwise
        - out.wait.fill
        - out.wait.window
        - out.wait.memory
        - out.wait.requant;
    out
}

fn depthwise_steps(f: &Fields<'_>, config: &Config) -> PixelSteps {
    let v = config.values();
    let taps = f.get(Field::RowPasses) * f.get(Field::ColumnPasses);
    let groups = f.get(Field::LaneGroups);
    let idle = f.get(Field::GroupIdle);
    let beats = u64::from(config.dw_beats());
    let last_beat = u64::from(v.lanes - (config.dw_beats() - 1) * v.dw_requant);
    let bytes = f.get(Field::DwBytes).max(1);
    let spill = last_beat > (bytes - 1) % u64::from(v.tn) + 1;
    PixelSteps {
        steps: (groups * (taps + idle)).saturating_sub(idle),
        idle: idle + f.get(Field::PixelFlush),
        latency: u64::from(
            timing::depthwise_sum(config) + timing::REQUANT + timing::PACK + timing::PIXEL_VISIBLE,
        ) + (beats - 1)
            + u64::from(spill),
    }
}

/// Steps of gather commands: by column, for a kernel row inside the map and for one in the padding.
struct Gather {
    in_rows: i64,
    kernel_rows: i64,
    columns: Vec<Runs>,
    /// A kernel row in the padding: pieces, and bytes in the last one.
    padding: (u64, u64),
    tail: u64,
    latency: u64,
}

/// A kernel row inside the map, at one column: pieces, and bytes in the last one.
type Runs = (u64, u64);

impl Gather {
    fn new(f: &Fields<'_>, config: &Config) -> Self {
        let tn = u64::from(config.values().tn);
        let word = u64::from(config.word_bytes());
        let run = f.get(Field::RunBytes);
        let even = |bytes: u64| -> Runs {
            (
                bytes.div_ceil(tn),
                if bytes == 0 { 0 } else { (bytes - 1) % tn + 1 },
            )
        };
        let columns = (0..f.get(Field::OutCols) as i64)
            .map(|x| {
                let left = f.signed(Field::FirstByte) + x * f.get(Field::WindowStep) as i64;
                let before = (-left).max(0) as u64;
                let after = (left + run as i64 - f.get(Field::RowBytes) as i64).max(0) as u64;
                let (mut pieces, mut last) = even(before);
                let (mut at, mut rest) = (left.max(0) as u64, run - before - after);
                while rest > 0 {
                    let piece = rest.min(tn).min(word - at % (word / 2));
                    (at, rest, pieces, last) = (at + piece, rest - piece, pieces + 1, piece);
                }
                if after > 0 {
                    let (more, end) = even(after);
                    (pieces, last) = (pieces + more, end);
                }
                (pieces, last)
            })
            .collect();
        Gather {
            in_rows: f.get(Field::InRows) as i64,
            kernel_rows: f.get(Field::KernelRows) as i64,
            columns,
            padding: even(run),
            tail: f.get(Field::TailBytes),
            latency: u64::from(timing::WINDOW_BYTES + timing::PACK + timing::PIXEL_VISIBLE),
        }
    }
    fn pixel(&self, top: i64, x: usize) -> PixelSteps {
        let inside = (top + self.kernel_rows).min(self.in_rows) - top.max(0);
        let inside = inside.max(0) as u64;
        let outside = self.kernel_rows as u64 - inside;
        let bottom = top + self.kernel_rows - 1;
        let (_, last) = if (0..self.in_rows).contains(&bottom) {
            self.columns[x]
        } else {
            self.padding
        };
        let spill = u64::from(last > self.tail);
        PixelSteps {
            steps: inside * self.columns[x].0 + outside * self.padding.0,
            idle: spill,
            latency: self.latency + spill,
        }
    }
}

/// The fill unit.
struct Fill {
    rows: u64,
    row_words: u64,
    /// Cycles per word: 2 where a residual map shares the memory's read port, whose turn is every second cycle.
    pace: u64,
    line_rows: u64,
    /// Rows released so far, and the cycle from which each further row may be read.
    open: Vec<u64>,
    /// Cycle from which each row counts as filled.
    filled: Vec<u64>,
    /// First cycle after the last read row.
    free: u64,
}

impl Fill {
    fn new(f: &Fields<'_>) -> Self {
        let line_rows = f.get(Field::LineRows);
        Fill {
            rows: f.get(Field::FillRows),
            row_words: f.get(Field::RowWords),
            pace: 1 + f.get(Field::Residual),
            line_rows,
            open: vec![1; line_rows as usize],
            filled: Vec::new(),
            free: 1,
        }
    }
    /// The window has moved down: rows above `top` are free from `cycle` on.
    fn release(&mut self, top: i64, cycle: u64) {
        let rows = top.max(0) as u64 + self.line_rows;
        while (self.open.len() as u64) < rows {
            self.open.push(cycle);
        }
    }
    /// Cycle from which the first `count` rows count as filled.
    fn row_filled(&mut self, count: u64) -> u64 {
        while (self.filled.len() as u64) < count.min(self.rows) {
            let begin = self.free.max(self.open[self.filled.len()]);
            // cycle 1 is the first turn
            let begin = 1 + (begin - 1).next_multiple_of(self.pace);
            self.free = begin + self.row_words * self.pace;
            self.filled
                .push(self.free - self.pace + u64::from(timing::FILL_ROW));
        }
        if count == 0 {
            0
        } else {
            self.filled[count as usize - 1]
        }
    }
}
