// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the stages put into the memories that a program image fills, and whether those are large enough.

use super::lower::{self, Lowered, Needed};
use super::run::Run;
use super::{MemoryUse, Stage};
use crate::Error;
use crate::misfit::{Misfit, Setting};
use sepstream_spec::config::Config;
use sepstream_spec::isa::{Field, TABLE_WORD_BYTES, TABLE_WORDS, command_bytes, param_parts};
use sepstream_spec::program::LOADED;
use sepstream_spec::quant::Table;
use sepstream_spec::regs::Memory;
use std::collections::BTreeMap;

/// Contents of the memories in the order of [`LOADED`].
pub type Contents = [Vec<u8>; LOADED.len()];

/// Puts the weights and parameters of all stages of all runs behind one another, and their first words into the commands. The program is
/// left empty: its commands are not complete.
///
/// # Errors
/// When a command cannot name a word; one behind the memory's end is [`MemoryUse::misfit`]'s.
pub fn load(runs: &mut [Run], config: &Config) -> Result<Contents, Error> {
    let mut contents = LOADED.map(|_| Vec::new());
    let mut bases: BTreeMap<Memory, u32> = BTreeMap::new();
    let mut slices = Slices::default();
    let stages = runs
        .iter_mut()
        .flat_map(|run| run.plan.stages.iter().zip(&mut run.lowered));
    for (stage, lowered) in stages {
        slices.begin(stage);
        for (field, memory, content) in [
            (Field::WeightBase, Memory::Weight, &lowered.weights),
            (Field::ParamBase, Memory::PwParam, &lowered.pw_params),
            (Field::DwWeightBase, Memory::DwWeight, &lowered.dw_weights),
            (Field::DwParamBase, Memory::DwParam, &lowered.dw_params),
        ] {
            let shape = memory.shape(config);
            let base = bases.entry(memory).or_insert(0);
            let known = slices.place(memory, content, *base);
            // one behind the end only has to keep in its field: the memory is refused with its whole need
            let first = known.unwrap_or(*base).min(shape.words - 1);
            lower::set(&mut lowered.command, config, field, first)?;
            if known.is_some() {
                continue;
            }
            let word = (shape.beats * config.word_bytes()) as usize;
            for row in content.chunks(shape.bytes as usize) {
                let at = LOADED.iter().position(|m| *m == memory);
                if let Some(bytes) = at.map(|at| &mut contents[at]) {
                    bytes.extend(row);
                    bytes.resize(bytes.len().div_ceil(word) * word, 0);
                }
            }
            *base += (content.len() as u32).div_ceil(shape.bytes);
        }
    }
    for (content, memory) in contents.iter_mut().zip(LOADED) {
        let word = (memory.shape(config).beats * config.word_bytes()) as usize;
        for table in tables(memory, runs, config)? {
            for row in table.chunks(TABLE_WORD_BYTES as usize) {
                content.extend(row);
                content.resize(content.len().next_multiple_of(word), 0);
            }
        }
    }
    Ok(contents)
}

/// The functions of a memory, each once; their numbers go into the commands. The first one is the identity, for outputs that stay as
/// they are: every output of a configuration with tables is looked up.
fn tables(memory: Memory, runs: &mut [Run], config: &Config) -> Result<Vec<Table>, Error> {
    let of_memory = |needed: &&Needed| needed.memory == memory;
    let lowered = runs.iter().flat_map(|run| &run.lowered);
    let any = lowered.flat_map(|l| &l.tables).any(|t| of_memory(&t));
    let is_table = [Memory::PwTable, Memory::DwTable].contains(&memory);
    let has_tables = is_table && memory.shape(config).words > 0;
    if !any && !has_tables {
        return Ok(Vec::new());
    }
    let mut tables: Vec<Table> = vec![std::array::from_fn(|byte| byte as u8)];
    for lowered in runs.iter_mut().flat_map(|run| &mut run.lowered) {
        let Lowered {
            tables: needed,
            command,
            ..
        } = lowered;
        for needed in needed.iter().filter(of_memory) {
            let known = tables.iter().position(|table| *table == needed.table);
            let number = known.unwrap_or_else(|| {
                tables.push(needed.table);
                tables.len() - 1
            }) as u32;
            // a number that the field does not hold is of a memory that is too small, which is refused with its whole need
            let held = number >> needed.field.used_bits(config) == 0;
            lower::set(command, config, needed.field, if held { number } else { 0 })?;
        }
    }
    Ok(tables)
}

/// Use of the memories that an image fills, with a program of so many commands.
pub fn uses(contents: &Contents, commands: usize, config: &Config) -> Vec<MemoryUse> {
    let there = |(memory, content): &(Memory, &Vec<u8>)| {
        memory.shape(config).words > 0 || !content.is_empty()
    };
    let memories = LOADED.into_iter().zip(contents).filter(there);
    let uses = memories.map(|(memory, content)| {
        let bytes = match memory {
            Memory::Program => commands * command_bytes(config) as usize,
            _ => content.len(),
        };
        let shape = memory.shape(config);
        let used = (bytes as u32).div_ceil(shape.beats * config.word_bytes());
        MemoryUse {
            memory,
            used,
            shape,
        }
    });
    uses.collect()
}

impl MemoryUse {
    /// What to say where the memory is too small.
    pub(super) fn misfit(&self, config: &Config) -> Option<Misfit> {
        let (v, used, shape) = (config.values(), self.used, self.shape);
        if used <= shape.words {
            return None;
        }
        let bytes = |words: u32| u64::from(words) * u64::from(shape.bytes);
        let in_kib = |field| {
            let kib = |words| format!("{:.1} KiB", bytes(words) as f64 / 1024.0);
            let value = u32::try_from(bytes(used).div_ceil(1024)).unwrap_or(u32::MAX);
            (field, value, kib(used), kib(shape.words))
        };
        let counted = |field, value: u32, unit: &str, has: u32| {
            (field, value, format!("{value} {unit}"), has.to_string())
        };
        // of which the first is the identity
        let tables = |field, has: u32| {
            let tables = used.div_ceil(TABLE_WORDS);
            let (_, _, needs, has) = counted(field, tables, "tables of functions", has);
            (field, tables.next_power_of_two(), needs, has)
        };
        let channels = |field, lanes: u32, cycles: u32, has| {
            let value = (used / param_parts(cycles)).saturating_mul(lanes);
            counted(field, value, "channels", has)
        };
        let (field, value, needs, has) = match self.memory {
            Memory::Activation => in_kib("memory.activation_kib"),
            Memory::Weight => in_kib("memory.weight_kib"),
            Memory::DwWeight => in_kib("memory.depthwise_kib"),
            Memory::PwParam => channels(
                "memory.pointwise_channels",
                v.pw_requant,
                v.pw_requant_cycles,
                v.pointwise_channels,
            ),
            Memory::DwParam => channels(
                "memory.depthwise_channels",
                v.dw_requant,
                v.dw_requant_cycles,
                v.depthwise_channels,
            ),
            Memory::PwTable => tables("pointwise.tables", v.pw_tables),
            Memory::DwTable => tables("depthwise.tables", v.dw_tables),
            Memory::Program => {
                let commands = used.div_ceil(command_bytes(config) / config.word_bytes());
                counted("memory.commands", commands, "commands", v.commands)
            }
        };
        Some(Misfit {
            what: self.memory.name().into(),
            place: None,
            needs,
            has,
            setting: Some(Setting::new(field, value)),
        })
    }
}

/// What the slices of one stage have put into the memories: content that an earlier slice has too is there only once.
#[derive(Default)]
struct Slices {
    layer: Option<usize>,
    placed: Vec<(Memory, Vec<u8>, u32)>,
}

impl Slices {
    /// The next stage.
    fn begin(&mut self, stage: &Stage) {
        let layer = stage.slice.and(stage.window);
        if layer.is_none() || layer != self.layer {
            self.placed.clear();
        }
        self.layer = layer;
    }
    /// Where the content lies already; if nowhere, it comes to `base`.
    fn place(&mut self, memory: Memory, content: &[u8], base: u32) -> Option<u32> {
        self.layer?;
        let same = |(m, bytes, _): &&(Memory, Vec<u8>, u32)| *m == memory && bytes == content;
        let known = self.placed.iter().find(same).map(|(.., base)| *base);
        if known.is_none() {
            self.placed.push((memory, content.to_vec(), base));
        }
        known
    }
}
