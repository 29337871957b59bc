// SPDX-License-Identifier: MIT OR Apache-2.0
//! The window: when it begins each pixel, and when that is complete in the pixel buffer.

use super::Fields;
use super::rows::Room;
use sepstream_spec::config::Config;
use sepstream_spec::isa::Field;
use sepstream_spec::timing;

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

/// A batch of pixels in the pixel buffer.
#[derive(Clone, Copy)]
pub struct Batch {
    /// Cycle from which it is complete.
    pub available: u64,
    /// A window of its pixels waited for rows.
    pub for_rows: bool,
}

/// The window walker.
pub struct Window<'a> {
    f: Fields<'a>,
    gathers: Option<Gather>,
    depthwise: PixelSteps,
    ring: usize,
    /// First cycle in which the next pixel could begin.
    free: u64,
    y: u64,
    x: u64,
    /// Steps so far.
    pub steps: u64,
    /// The batches so far.
    pub batches: Vec<Batch>,
    /// The batch at work: its windows waited for rows.
    for_rows: bool,
    tp: u64,
}

impl<'a> Window<'a> {
    /// Of a command whose windows begin in cycle `start`.
    pub fn new(f: Fields<'a>, config: &Config, start: u64) -> Self {
        Window {
            gathers: (f.get(Field::Gather) == 1).then(|| Gather::new(f, config)),
            depthwise: depthwise_steps(f, config),
            ring: f.get(Field::RingPixels) as usize,
            free: start + u64::from(timing::WINDOW_START),
            y: 0,
            x: 0,
            steps: 0,
            batches: Vec::new(),
            for_rows: false,
            tp: config.values().tp.into(),
            f,
        }
    }
    /// Makes all pixels whose rows are there and whose batches have room; `done` has the cycle of the last read of each batch
    /// that the array has left.
    pub fn advance(&mut self, filled: &[u64], room: &mut Room, done: &[u64]) {
        while self.y < self.f.get(Field::OutRows) {
            let top =
                self.f.signed(Field::FirstRow) + (self.y * self.f.get(Field::StrideRows)) as i64;
            let need = top + self.f.get(Field::KernelRows) as i64;
            let need = need.clamp(0, self.f.get(Field::FillRows) as i64) as usize;
            // the pixels of a batch share their place in the buffer
            let opens = self.x.is_multiple_of(self.tp);
            let credit = match self.batches.len().checked_sub(self.ring) {
                _ if !opens => Some(0),
                None => Some(0),
                Some(before) => done.get(before).map(|cycle| cycle + 1),
            };
            let rows = match need.checked_sub(1) {
                None => Some(0),
                Some(last) => filled
                    .get(last)
                    .map(|cycle| cycle + u64::from(timing::ROW_READY)),
            };
            let (Some(credit), Some(rows)) = (credit, rows) else {
                return;
            };
            let pixel = match &self.gathers {
                Some(g) => g.pixel(top, self.x as usize),
                None => self.depthwise,
            };
            let begin = self.free.max(rows).max(credit);
            let last = begin + pixel.steps - 1;
            self.for_rows = !opens && self.for_rows || rows > self.free.max(credit);
            if (self.x + 1).is_multiple_of(self.tp) || self.x + 1 == self.f.get(Field::OutCols) {
                self.batches.push(Batch {
                    available: last + pixel.latency,
                    for_rows: self.for_rows,
                });
            }
            self.free = last + 1 + pixel.idle;
            self.steps += pixel.steps;
            self.x += 1;
            if self.x == self.f.get(Field::OutCols) {
                room.release(top + self.f.get(Field::StrideRows) as i64, last + 1);
                (self.y, self.x) = (self.y + 1, 0);
            }
        }
    }
}

fn depthwise_steps(f: Fields<'_>, config: &Config) -> PixelSteps {
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
            timing::depthwise_sum(config)
                + timing::dw_outputs(config)
                + timing::PACK
                + timing::PIXEL_VISIBLE,
        ) + (beats - 1) * u64::from(v.dw_requant_cycles)
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
    /// Where rows are taken together: pieces of every pixel, and bytes in the last one.
    merged: Option<(u64, u64)>,
    tail: u64,
    latency: u64,
}

/// A kernel row inside the map, at one column: pieces, and bytes in the last one.
type Runs = (u64, u64);

impl Gather {
    fn new(f: Fields<'_>, config: &Config) -> Self {
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
        let merged = (f.get(Field::MergeBytes) > 0).then(|| {
            let (last, end) = even(f.get(Field::MergeBytes));
            let (full, _) = even(u64::from(config.row_taps()) * run);
            ((f.get(Field::RowPasses) - 1) * full + last, end)
        });
        Gather {
            merged,
            in_rows: f.get(Field::InRows) as i64,
            kernel_rows: f.get(Field::KernelRows) as i64,
            columns,
            padding: even(run),
            tail: f.get(Field::TailBytes),
            latency: u64::from(timing::window_bytes(config) + timing::PACK + timing::PIXEL_VISIBLE),
        }
    }
    fn pixel(&self, top: i64, x: usize) -> PixelSteps {
        let (steps, last) = self.merged.unwrap_or_else(|| self.row_by_row(top, x));
        let spill = u64::from(last > self.tail);
        PixelSteps {
            steps,
            idle: spill,
            latency: self.latency + spill,
        }
    }
    /// Pieces of a pixel, and bytes in the last one.
    fn row_by_row(&self, top: i64, x: usize) -> (u64, u64) {
        let inside = (top + self.kernel_rows).min(self.in_rows) - top.max(0);
        let inside = inside.max(0) as u64;
        let outside = self.kernel_rows as u64 - inside;
        let bottom = top + self.kernel_rows - 1;
        let (_, last) = if (0..self.in_rows).contains(&bottom) {
            self.columns[x]
        } else {
            self.padding
        };
        (inside * self.columns[x].0 + outside * self.padding.0, last)
    }
}
