// SPDX-License-Identifier: MIT OR Apache-2.0
//! Commands that write their map over one that they read: no word goes before it has been read.

use std::ops::Range;

use sepstream_spec::isa::{Command, Field};

/// Whether the command writes over what it reads.
///
/// # Errors
/// When a row is written over a word that windows below it are still to read, or that is still to be added.
pub fn check(command: &Command, word_bytes: u32) -> Result<bool, String> {
    let get = |field| command.get(field);
    let words = |cols, bytes| (get(cols) * get(bytes)).div_ceil(word_bytes);
    let written = words(Field::OutCols, Field::OutBytes);
    // an expanding layer makes row after row of the windows' map out of a narrower one
    let (rows, read) = match get(Field::ExpandRows) {
        0 => (
            get(Field::FillRows),
            get(Field::RowWords) + get(Field::RowSkip),
        ),
        rows => (rows, words(Field::ExpandCols, Field::ExpandBytes)),
    };
    let (from, to) = (get(Field::InBase), get(Field::OutBase));
    let mut over = false;
    for y in 0..get(Field::OutRows) {
        let out = to + y * written..to + (y + 1) * written;
        let top = command.get_signed(Field::FirstRow) + (y * get(Field::StrideRows)) as i32;
        let below = (top + get(Field::KernelRows) as i32).clamp(0, rows as i32) as u32;
        // what a slice leaves out, others are still to read
        let left_out = get(Field::RowSkip);
        let all = from..from + rows * read - left_out;
        if left_out > 0 && meet(&out, &all) {
            return Err(format!(
                "a slice is written to {out:?}, over its map {all:?}"
            ));
        }
        let (before, still) = (
            from..from + below * read,
            from + below * read..from + rows * read,
        );
        over |= meet(&out, &before);
        if meet(&out, &still) {
            return Err(format!(
                "row {y} is written to {out:?}, the words {still:?} are still to be read"
            ));
        }
        if get(Field::Residual) == 1 {
            let base = get(Field::ResidualBase);
            let added = base + y * written..base + (y + 1) * written;
            let still = added.end..base + get(Field::OutRows) * written;
            over |= meet(&out, &added);
            // within a row, word after word
            let ahead = meet(&out, &added) && to > base;
            if ahead || meet(&out, &still) {
                return Err(format!(
                    "row {y} is written to {out:?}, {added:?} are just being added"
                ));
            }
        }
    }
    Ok(over)
}

fn meet(a: &Range<u32>, b: &Range<u32>) -> bool {
    a.start.max(b.start) < a.end.min(b.end)
}
