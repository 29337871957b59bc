// SPDX-License-Identifier: MIT OR Apache-2.0
//! Fields of what leaves the array: clamps, and the cycles that outputs need to be put in order and written.

use super::{Channel, set, tail};
use crate::error::Error;
use crate::misfit::{Misfit, Setting};
use sepstream_spec::config::Config;
use sepstream_spec::isa::{Command, Field};
use sepstream_spec::program::MapPort;

/// Output fields.
pub(super) fn writer(
    channels: &[Channel],
    output: &MapPort,
    cols: u32,
    config: &Config,
    command: &mut Command,
) -> Result<(), Error> {
    let v = config.values();
    let first = channels.iter().map(|c| c.input_zero).next().unwrap_or(0);
    if command.get(Field::Gather) == 1 {
        set(command, config, Field::PadValue, first as u8 as u32)?;
    }
    clamp(
        channels,
        [Field::OutZero, Field::OutLow, Field::OutHigh],
        config,
        command,
    )?;
    if config.shares_requant() {
        return Ok(()); // bytes go to their places as they come
    }
    if v.tp > 1 {
        return batches(output, config, command);
    }
    // A row's last beat that spills over its word needs a free cycle behind it: the group's idle beats, or a gap
    let in_group = (output.pixel_bytes - 1) % v.tm + 1;
    let last_beat = (in_group - 1) % v.pw_requant + 1;
    let beat = (in_group - 1) / v.pw_requant;
    let cycles = command.get(Field::PixelWords) + command.get(Field::OutIdle);
    let spills = last_beat > tail(cols * output.pixel_bytes, config.word_bytes());
    set(
        command,
        config,
        Field::RowGap,
        (spills && beat * v.pw_requant_cycles + 1 == cycles).into(),
    )
}

/// Cycles that batches of `tp` pixels need besides their groups'.
fn batches(output: &MapPort, config: &Config, command: &mut Command) -> Result<(), Error> {
    let v = config.values();
    let (bytes, word) = (output.pixel_bytes, config.word_bytes());
    // both batches that are on their way have room in the memories that put pixels in order
    let words = 2 * bytes.div_ceil(word);
    if words > config.order_words() {
        let need = words.next_power_of_two();
        return Err(Error::from(Misfit {
            what: "memory that puts pixels in order".into(),
            place: None,
            needs: format!("{need} words of {word} bytes"),
            has: config.order_words().to_string(),
            setting: Some(Setting::new("memory.pixel_words", need)),
        }));
    }
    let piece = match command.get(Field::Residual) {
        1 => v.pw_requant,
        _ => word,
    };
    let runs = bytes / word * word.div_ceil(piece) + (bytes % word).div_ceil(piece);
    let group = command.get(Field::PixelWords) + command.get(Field::OutIdle);
    // every run of a batch goes out before the next batch is complete
    let order = (v.tp * runs + 1).saturating_sub(group * command.get(Field::OutGroups));
    // a pixel's last beat may spill over its word: a free cycle behind it
    let beats = ((bytes - 1) % v.tm + 1).div_ceil(v.pw_requant);
    let spill = ((beats - 1) * v.pw_requant_cycles + 2).saturating_sub(group);
    set(command, config, Field::PixelIdle, order.max(spill))
}

/// Zero point and clamp of a layer's outputs.
pub(super) fn clamp(
    channels: &[Channel],
    fields: [Field; 3],
    config: &Config,
    command: &mut Command,
) -> Result<(), Error> {
    let Some(c) = channels.first() else {
        return Ok(());
    };
    for (field, value) in fields.into_iter().zip([c.zero, c.low, c.high]) {
        set(command, config, field, u32::from(value as u8))?;
    }
    Ok(())
}
