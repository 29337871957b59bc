// SPDX-License-Identifier: MIT OR Apache-2.0
//! The stage of an inverted residual: two halves in one command.

use super::{Lowered, Needed, lower_from, set};
use crate::accelerate::layout::Layouts;
use crate::accelerate::{Expand, Stage};
use crate::error::Error;
use sepstream_spec::config::Config;
use sepstream_spec::graph::Graph;
use sepstream_spec::isa::Field;
use sepstream_spec::regs::Memory;

/// A stage whose map an expanding layer makes: both halves are lowered as stages of their own, then joined in one command.
pub(super) fn expanded(
    graph: &Graph,
    stage: &Stage,
    expand: &Expand,
    layouts: &Layouts,
    config: &Config,
) -> Result<Lowered, Error> {
    let own = Stage {
        expand: None,
        input: expand.map,
        ..stage.clone()
    };
    let made = Stage {
        dense: Some(expand.layer),
        function: expand.function.clone(),
        ..Stage::of(stage.input, expand.map)
    };
    let window = &graph.layers[own.walker()];
    let mut lowered = lower_from(graph, &own, window, layouts, config)?;
    let layer = &graph.layers[expand.layer];
    let made = lower_from(graph, &made, layer, layouts, config)?;
    let (words, rows) = (
        made.command.get(Field::PixelWords),
        lowered.command.get(Field::FillRows),
    );
    let ring = config.values().expand_words / words;
    let command = &mut lowered.command;
    // groups of the two sorts follow one another: the requantiser needs its beats from the end of one to that of the next
    let [own_words, own_idle] = [Field::PixelWords, Field::OutIdle].map(|f| command.get(f));
    let made_idle = made.command.get(Field::OutIdle);
    let behind = [&*command, &made.command].map(|c| c.get(Field::PixelIdle));
    for (field, behind, idle, next) in [
        (Field::PixelIdle, behind[0], own_idle, words),
        (Field::ExpandPixelIdle, behind[1], made_idle, own_words),
    ] {
        let short = config.pw_group_cycles().saturating_sub(idle + next);
        set(command, config, field, short.max(behind))?;
    }
    for (field, value) in [
        (Field::ExpandRows, rows),
        (Field::ExpandBytes, layouts.port(stage.input).pixel_bytes),
        (Field::ExpandRing, ring),
        (Field::ExpandRingWords, ring * words),
    ] {
        set(command, config, field, value)?;
    }
    for (field, from) in [
        (Field::ExpandCols, Field::OutCols),
        (Field::ExpandTail, Field::TailBytes),
        (Field::ExpandWords, Field::PixelWords),
        (Field::ExpandGroups, Field::OutGroups),
        (Field::ExpandIdle, Field::OutIdle),
        (Field::ExpandGap, Field::RowGap),
        (Field::ExpandZero, Field::OutZero),
        (Field::ExpandLow, Field::OutLow),
        (Field::ExpandHigh, Field::OutHigh),
        (Field::ExpandOutBytes, Field::OutBytes),
    ] {
        set(command, config, field, made.command.get(from))?;
    }
    let words_of = |memory: Memory, content: &[u8]| {
        (content.len() as u32).div_ceil(memory.shape(config).bytes)
    };
    lowered.expand_behind = Some((
        words_of(Memory::Weight, &lowered.weights),
        words_of(Memory::PwParam, &lowered.pw_params),
    ));
    lowered.weights.extend(made.weights);
    lowered.pw_params.extend(made.pw_params);
    let tables = made.tables.into_iter();
    lowered.tables.extend(tables.map(|table| Needed {
        field: Field::ExpandTable,
        ..table
    }));
    lowered.macs += made.macs;
    lowered.slots += made.slots;
    Ok(lowered)
}
