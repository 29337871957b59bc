// SPDX-License-Identifier: MIT OR Apache-2.0
//! Units that begin a command together, and which fields each of these parts uses.

use super::Field;

/// What reading the ifm's rows waits for while the command before is still at work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowsWait {
    /// Nothing: the map was there before that one began.
    Nothing = 0,
    /// That one writes the map, in rows as these are read: a row waits for its own.
    Row = 1,
    /// That one writes the map, in other rows: all wait for its end.
    All = 2,
}

/// Those units of the accelerator that begin a command together.
///
/// Where [`Config::runs_ahead`](crate::config::Config::runs_ahead) they do so as soon as they have left the one before, each part with copies of its fields;
/// else all parts begin at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// What fills the line buffer: `fill`, `line_writer`, and of an expanding layer everything.
    Rows,
    /// What makes pixels of it: `window` to `pixel_buffer`.
    Pixels,
    /// What makes the ofm of these: the array's own pixels to the activation memory.
    Outputs,
}

impl Part {
    /// All, in the order in which they begin.
    pub const ALL: [Part; 3] = [Part::Rows, Part::Pixels, Part::Outputs];
    /// In front of the names of its fields in the RTL.
    pub const fn name(self) -> &'static str {
        match self {
            Part::Rows => "rows",
            Part::Pixels => "pixels",
            Part::Outputs => "outputs",
        }
    }
}

impl Field {
    /// The units of a part use the field.
    pub fn is_of(self, part: Part) -> bool {
        use Field::*;
        match self {
            // the sequencer's own
            Last | RowsEarly => false,
            InBase | FillRows | LineRows | RowSkip | RowsWait | RowsTurns => part == Part::Rows,
            ExpandTable => part == Part::Rows,
            _ if self.expands() => part == Part::Rows,
            RowWords | SlotLimit | LineBase => part != Part::Outputs,
            OutRows | OutCols => part != Part::Rows,
            PixelWords | RingWords => part != Part::Rows,
            OutGroups | OutIdle | PixelIdle | RowGap | WeightBase | ParamBase | OutZero
            | OutLow | OutHigh | OutBase | OutBytes => part == Part::Outputs,
            Residual | Table => part == Part::Outputs,
            _ if self.adds() => part == Part::Outputs,
            _ => part == Part::Pixels,
        }
    }
}
