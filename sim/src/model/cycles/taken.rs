// SPDX-License-Identifier: MIT OR Apache-2.0
//! A sort of pixels as the pointwise array takes them: a command's own, or those of its expanding layer.

use super::{CommandCycles, Fields};
use sepstream_spec::config::Config;
use sepstream_spec::isa::Field;
use sepstream_spec::timing;

/// Batches of up to `tp` pixels that the pointwise array takes, and the steps it makes of each.
pub struct Taken {
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
    /// From the last step of a row to its last run of bytes entering the packer of words.
    to_packer: u64,
    /// From there to its last word being written.
    packed: u64,
    /// Cycle of the last step of every batch so far.
    pub done: Vec<u64>,
}

/// Where a command has what belongs to [`Taken`].
pub struct TakenFields {
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
pub const OWN: TakenFields = TakenFields {
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
pub const EXPAND: TakenFields = TakenFields {
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
    pub fn new(f: Fields<'_>, config: &Config, fields: &TakenFields, adds: bool) -> Self {
        let (cols, bytes) = (f.get(fields.cols), f.get(fields.bytes));
        let (groups, words, idle) = (
            f.get(fields.groups),
            f.get(fields.words),
            f.get(fields.idle),
        );
        let behind = f.get(fields.behind);
        let (to_packer, packed) = way(cols, bytes, config, adds);
        Taken {
            rows: f.get(fields.rows) as usize,
            cols: cols.div_ceil(u64::from(config.values().tp)) as usize,
            steps: groups * words,
            idle: groups * idle + behind,
            last_idle: idle + behind,
            gap: f.get(fields.gap),
            to_packer,
            packed,
            done: Vec::new(),
        }
    }
    /// There is no batch left.
    pub fn finished(&self) -> bool {
        self.done.len() == self.rows * self.cols
    }
    /// Row of the next batch.
    pub fn row(&self) -> usize {
        self.done.len() / self.cols
    }
    /// The batch before was its row's last.
    pub fn ends_row(&self) -> bool {
        self.done.len().is_multiple_of(self.cols)
    }
    /// Takes the next batch in a cycle; gives the cycle in which the array is free again.
    pub fn take(&mut self, begin: u64, out: &mut CommandCycles) -> u64 {
        let end = begin + self.steps + self.idle;
        self.done.push(end - self.last_idle - 1);
        let gap = if self.ends_row() { self.gap } else { 0 };
        out.pointwise += self.steps;
        out.wait.requant += self.idle + gap;
        end + gap
    }
    /// Cycle in which the last word of the row that ended last is written.
    pub fn row_written(&self) -> u64 {
        self.last() + self.to_packer + self.packed
    }
    /// Cycle from which every row so far counts as written for those who read it, before this command has ended.
    pub fn rows_visible(&self) -> impl Iterator<Item = u64> + '_ {
        let late = self.to_packer + u64::from(timing::ROW_VISIBLE);
        self.done
            .chunks_exact(self.cols)
            .map(move |row| row[row.len() - 1] + late)
    }
    /// Cycle of the last step so far.
    pub fn last(&self) -> u64 {
        self.done.last().copied().unwrap_or(0)
    }
    /// Idle cycles behind the last batch of all, which nothing waits for.
    pub fn idle_at_end(&self) -> u64 {
        self.last_idle + self.gap
    }
}

/// From the last step of a row to its last run of bytes entering the packer of words, and from there to the last word.
fn way(cols: u64, bytes: u64, config: &Config, adds: bool) -> (u64, u64) {
    let v = config.values();
    let (tp, word) = (u64::from(v.tp), u64::from(config.word_bytes()));
    // outputs of the pixel's last group, the beat that holds the last of them, and how many that beat has
    let in_group = (bytes - 1) % u64::from(v.tm) + 1;
    let beat = (in_group - 1) / u64::from(v.pw_requant);
    let last_beat = (in_group - 1) % u64::from(v.pw_requant) + 1;
    let tail = |bytes: u64| (bytes - 1) % word + 1;
    let outputs = u64::from(timing::pointwise_sum(config) + timing::pw_outputs(config));
    if config.shares_requant() {
        // the batch's pixels, there or not; every byte is written as it comes
        return (outputs + (tp - 1) * u64::from(v.pw_requant_cycles), 0);
    }
    let mut to_packer = outputs + beat * u64::from(v.pw_requant_cycles);
    let last_run = if tp == 1 {
        last_beat
    } else {
        // the batch's words complete, its runs one after the other
        let piece = if adds { u64::from(v.pw_requant) } else { word };
        let runs = (bytes / word) * word.div_ceil(piece) + (bytes % word).div_ceil(piece);
        let pixels = (cols - 1) % tp + 1;
        to_packer += u64::from(timing::PACK) + u64::from(last_beat > tail(bytes));
        to_packer += pixels * runs + u64::from(timing::ORDER);
        (tail(bytes) - 1) % piece + 1
    };
    if adds {
        to_packer += u64::from(timing::RESIDUAL);
    }
    let spills = last_run > tail(cols * bytes);
    (to_packer, u64::from(timing::PACK) + u64::from(spills))
}
