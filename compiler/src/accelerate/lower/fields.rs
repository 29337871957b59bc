// SPDX-License-Identifier: MIT OR Apache-2.0
//! Values of a command's fields, as far as the configuration's units have bits for them.

use crate::error::Error;
use crate::misfit::{Misfit, Setting};
use sepstream_spec::config::Config;
use sepstream_spec::isa::{Command, Field, offset_bits};

/// Sets a field, checking that the configuration's units have the bits for it.
///
/// # Errors
/// When the value does not fit; the checks of layout and lowering leave that to counters of absurd size.
pub fn set(command: &mut Command, config: &Config, field: Field, value: u32) -> Result<(), Error> {
    let wide = field.used_bits(config) < 32 && value >> field.used_bits(config) != 0;
    if wide || command.set(field, value).is_err() {
        return Err(too_wide(field, config, value.into()));
    }
    Ok(())
}

pub(super) fn set_signed(
    command: &mut Command,
    config: &Config,
    field: Field,
    value: i32,
) -> Result<(), Error> {
    let high = value >> (field.used_bits(config) - 1);
    if (high != 0 && high != -1) || command.set_signed(field, value).is_err() {
        return Err(too_wide(field, config, value.into()));
    }
    Ok(())
}

/// The layer's name is for the caller to add.
fn too_wide(field: Field, config: &Config, value: i64) -> Error {
    let (name, has) = (field.name(), field.used_bits(config));
    let v = config.values();
    let bits = match value {
        0.. => value.checked_ilog2().map_or(1, |high| high + 1),
        _ => (!value).checked_ilog2().map_or(0, |high| high + 1) + 1,
    };
    // offsets in a row are as wide as the line buffer makes them
    let of_row = matches!(
        field,
        Field::RowBytes
            | Field::FirstByte
            | Field::WindowStep
            | Field::RunBytes
            | Field::PixelBytes
    );
    let line_words = (of_row && has == offset_bits(config) && bits <= field.bits())
        .then(|| (1 << (bits - has)) * v.line_words.next_power_of_two() / 2 + 1);
    // channels of a group, so that there are no more groups than the field can name
    let wider = |field, size: u32| {
        let need = (value.unsigned_abs() * u64::from(size)).div_ceil((1 << has) - 1);
        let need = u32::try_from(need).unwrap_or(u32::MAX);
        Some(Setting::new(field, need))
    };
    Error::from(Misfit {
        what: format!("command field `{name}`"),
        place: None,
        needs: format!("{bits} bits to hold {value}"),
        has: has.to_string(),
        setting: match (line_words, field) {
            (Some(words), _) => Some(Setting::new("memory.line_words", words)),
            (_, Field::OutGroups | Field::ExpandGroups) => wider("pointwise.tm", v.tm),
            (_, Field::LaneGroups) => wider("depthwise.lanes", v.lanes),
            _ => None,
        },
    })
}

/// As much of what lies in a memory as a field holds, where the memory makes it as narrow as it is: more is more than the memory
/// has, which is refused when all that it needs is known. A field that has all the bits of the command format is refused by
/// [`set`].
pub(super) fn held(value: u32, field: Field, config: &Config) -> u32 {
    let bits = field.used_bits(config);
    if bits == field.bits() {
        value
    } else {
        value.min((1 << bits) - 1)
    }
}
