// SPDX-License-Identifier: MIT OR Apache-2.0
//! What commands must know of each other where each begins before the one in front of it has ended ([`Config::runs_ahead`]):
//! their places in the line buffer, what their rows wait for, and how the two keep out of each other's way.

use super::lower;
use super::{Plan, Stage};
use crate::Error;
use sepstream_spec::config::{Config, ROW_BANKS};
use sepstream_spec::isa::{Command, Field, RowsWait};

/// Completes the commands of a program, each of which has all other fields.
///
/// # Errors
/// When a field does not hold its value; what the fields were made of says it does.
pub fn run_ahead(commands: &mut [Command], plan: &Plan, config: &Config) -> Result<(), Error> {
    if !config.runs_ahead() {
        return Ok(());
    }
    let slots = slots(commands, config);
    for (n, slots) in slots.iter().enumerate() {
        let base = match n % 2 {
            0 => 0,
            _ => config.values().line_words - slots.words(),
        };
        slots.place(base, &mut commands[n], config)?;
    }
    for n in 1..commands.len() {
        let (front, behind) = commands.split_at_mut(n);
        let (before, command) = (&mut front[n - 1], &mut behind[0]);
        let early = slots[n - 1].words() + slots[n].words() <= config.values().line_words;
        let wait = rows_wait(&plan.stages[n - 1], before, &plan.stages[n], command);
        let adds = [&*before, &*command].map(|c| c.get(Field::Residual));
        for (field, value) in [
            (Field::RowsEarly, u32::from(early)),
            (Field::RowsWait, wait as u32),
            (Field::RowsTurns, adds[0] | adds[1]),
        ] {
            lower::set(command, config, field, value)?;
        }
        if early && command.get(Field::ExpandRows) > 0 {
            keep_apart(before, command, config)?;
        }
    }
    if let Some(first) = commands.first_mut() {
        let adds = first.get(Field::Residual);
        lower::set(first, config, Field::RowsTurns, adds)?;
    }
    Ok(())
}

/// Slots of a command in each bank of the line buffer: each holds a row.
#[derive(Clone, Copy)]
struct Slots {
    count: u32,
    /// As many as the command has a use for, and as the line buffer holds.
    most: u32,
    row_words: u32,
    expands: bool,
}

impl Slots {
    /// Those with which the windows of a row need not wait for the rows of the next one to be released.
    fn of(command: &Command) -> Slots {
        let [rows, kernel, stride, row_words, lines] = [
            Field::FillRows,
            Field::KernelRows,
            Field::StrideRows,
            Field::RowWords,
            Field::LineRows,
        ]
        .map(|field| command.get(field));
        let most = lines / ROW_BANKS;
        let count = rows.min(kernel + stride).div_ceil(ROW_BANKS).min(most);
        Slots {
            count,
            most,
            row_words,
            expands: command.get(Field::ExpandRows) > 0,
        }
    }
    fn words(&self) -> u32 {
        self.count * self.row_words
    }
    /// Puts them at a word of the line buffer.
    fn place(&self, base: u32, command: &mut Command, config: &Config) -> Result<(), Error> {
        let first = command.get_signed(Field::FirstRow);
        let slot = first
            .div_euclid(ROW_BANKS as i32)
            .rem_euclid(self.count as i32) as u32;
        for (field, value) in [
            (Field::LineRows, self.count * ROW_BANKS),
            (Field::LineBase, base),
            (Field::SlotLimit, base + self.words()),
            (Field::FirstSlot, base + slot * self.row_words),
        ] {
            lower::set(command, config, field, value)?;
        }
        Ok(())
    }
}

/// Slots of all commands. Where those of two neighbours fit together, the second begins early; what is left goes to expanding
/// layers first, which then have made more rows when the windows of the command before are through.
fn slots(commands: &[Command], config: &Config) -> Vec<Slots> {
    let mut slots: Vec<Slots> = commands.iter().map(Slots::of).collect();
    let words = config.values().line_words;
    let together = |a: &Slots, b: &Slots| a.words() + b.words() <= words;
    let early: Vec<bool> = slots
        .windows(2)
        .map(|pair| together(&pair[0], &pair[1]))
        .collect();
    for expands in [true, false] {
        for n in 0..slots.len() {
            while slots[n].expands == expands && slots[n].count < slots[n].most {
                let mut more = slots[n];
                more.count += 1;
                let before = n == 0 || !early[n - 1] || together(&slots[n - 1], &more);
                let behind = n + 1 == slots.len() || !early[n] || together(&more, &slots[n + 1]);
                if !before || !behind {
                    break;
                }
                slots[n] = more;
            }
        }
    }
    slots
}

/// What the rows of a stage wait for while the one before it writes.
fn rows_wait(before: &Stage, written: &Command, stage: &Stage, read: &Command) -> RowsWait {
    if before.output != stage.input {
        return RowsWait::Nothing;
    }
    let rows = match stage.expand {
        Some(_) => Field::ExpandRows,
        None => Field::FillRows,
    };
    let whole_rows = before.slice.is_none() && stage.slice.is_none();
    match whole_rows && read.get(rows) <= written.get(Field::OutRows) {
        true => RowsWait::Row,
        false => RowsWait::All,
    }
}

/// Idle cycles for the requantiser where the array goes from the pixels of a command to those of the next one's expanding layer and
/// back.
fn keep_apart(before: &mut Command, command: &mut Command, config: &Config) -> Result<(), Error> {
    let short = |idle: u32, next: u32| config.pw_group_cycles().saturating_sub(idle + next);
    let own = short(before.get(Field::OutIdle), command.get(Field::ExpandWords));
    let own = own.max(before.get(Field::PixelIdle));
    lower::set(before, config, Field::PixelIdle, own)?;
    let made = short(
        command.get(Field::ExpandIdle),
        before.get(Field::PixelWords),
    );
    let made = made.max(command.get(Field::ExpandPixelIdle));
    lower::set(command, config, Field::ExpandPixelIdle, made)
}
