// SPDX-License-Identifier: MIT OR Apache-2.0
//! Graph to program: which layers the accelerator runs, how maps lie in its memory, and the commands, weights and parameters.
//!
//! dead (channels that nothing depends on) -> plan (layers to stages and border operators) -> slice (windows over large maps) -> fuse (inverted residuals) -> layout (maps) ->
//! lower (a command per stage) -> allocate -> image.

mod allocate;
mod dead;
mod fuse;
mod layout;
mod lower;
mod narrow;
pub(crate) mod params;
mod plan;
mod pool;
mod rules;
mod slice;

pub use dead::Live;
pub use plan::{Expand, Plan, Stage, plan};
pub use rules::RULES;
pub use slice::Slice;

use crate::Error;
use layout::Layouts;
use sepstream_spec::config::Config;
use sepstream_spec::graph::{Graph, TensorId};
use sepstream_spec::isa::{COMMAND_BYTES, Command, Field};
use sepstream_spec::memory::Shape;
use sepstream_spec::program::{LOADED, MapPort, Program};
use sepstream_spec::regs::Memory;
use std::collections::BTreeMap;

/// A network compiled for a configuration.
#[derive(Clone, Debug)]
pub struct Compiled {
    /// The network that the accelerator runs. Its layers and tensors have the positions of the network that was given.
    pub live: Live,
    /// What the accelerator loads.
    pub program: Program,
    /// What runs where.
    pub plan: Plan,
    /// Per command: what it does, for reports.
    pub commands: Vec<CommandInfo>,
    /// Per memory: how much is used.
    pub memories: Vec<MemoryUse>,
    /// Words of activation memory that the maps need at least.
    pub maps: MapWords,
}

/// Words of activation memory that a network's maps need at least, inputs and outputs not kept apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MapWords {
    /// As compiled.
    pub fused: u32,
    /// If the expanded maps of inverted residuals were stored too.
    pub unfused: u32,
}

/// A command in words and numbers.
#[derive(Clone, Debug)]
pub struct CommandInfo {
    /// The stage.
    pub stage: Stage,
    /// Products of the network's arithmetic.
    pub macs: u64,
    /// Products that the engines' steps could hold: with `macs` the loss to padding of channels and kernels.
    pub slots: u64,
    /// Where the stage's result lies: of a slice, its channels.
    pub output: MapPort,
}

/// Use of a memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryUse {
    /// The memory.
    pub memory: Memory,
    /// Words in use.
    pub used: u32,
    /// Its size.
    pub shape: Shape,
}

/// Compiles a network for a configuration, without its dead channels.
///
/// # Errors
/// As [`compile_live`].
pub fn compile(graph: &Graph, config: &Config) -> Result<Compiled, Error> {
    compile_live(Live::of(graph), config)
}

/// Compiles a network as it is left for a configuration.
///
/// # Errors
/// [`Error::Unsupported`] with every layer that breaks a rule of [`RULES`]; [`Error::DoesNotFit`] for the first memory that is
/// too small.
pub fn compile_live(live: Live, config: &Config) -> Result<Compiled, Error> {
    let graph = &live.graph;
    let unfused = slice::slice(graph, plan(graph)?, config);
    let plan = fuse::fuse(graph, unfused.clone(), config);
    let layouts = Layouts::of(graph, &plan, config)?;
    let maps = MapWords {
        fused: allocate::needed(graph, &plan, &layouts),
        unfused: allocate::needed(graph, &unfused, &layouts),
    };
    let mut contents = LOADED.map(|_| Vec::new());
    let mut lowered = Vec::new();
    for stage in &plan.stages {
        lowered.push(lower::lower(graph, stage, &layouts, config)?);
    }
    let places = allocate::allocate(graph, &plan, &layouts, config)?;
    let port = |tensor: TensorId| MapPort {
        base: places.base[&tensor],
        ..layouts.port(tensor)
    };

    let mut bases: BTreeMap<Memory, u32> = BTreeMap::new();
    let mut slices = Slices::default();
    let mut commands = Vec::new();
    let mut image = Vec::new();
    let count = lowered.len();
    for (index, mut stage) in lowered.into_iter().enumerate() {
        let (input, output) = (plan.stages[index].input, plan.stages[index].output);
        let first_word = plan.stages[index].first_word(config.word_bytes());
        slices.begin(&plan.stages[index]);
        for (field, memory, content) in [
            (Field::WeightBase, Memory::Weight, &stage.weights),
            (Field::ParamBase, Memory::PwParam, &stage.pw_params),
            (Field::DwWeightBase, Memory::DwWeight, &stage.dw_weights),
            (Field::DwParamBase, Memory::DwParam, &stage.dw_params),
        ] {
            let shape = memory.shape(config);
            let base = bases.entry(memory).or_insert(0);
            let known = slices.place(memory, content, *base);
            // a base behind the end is refused below with the memory's whole need; here it only has to keep in its field
            lower::set(
                &mut stage.command,
                config,
                field,
                known.unwrap_or(*base).min(shape.words - 1),
            )?;
            if known.is_some() {
                continue;
            }
            let word = (shape.beats * config.word_bytes()) as usize;
            for row in content.chunks(shape.bytes as usize) {
                let at = LOADED
                    .iter()
                    .position(|m| *m == memory)
                    .map(|at| &mut contents[at]);
                if let Some(bytes) = at {
                    bytes.extend(row);
                    bytes.resize(bytes.len().div_ceil(word) * word, 0);
                }
            }
            *base += (content.len() as u32).div_ceil(shape.bytes);
        }
        lower::set(
            &mut stage.command,
            config,
            Field::InBase,
            places.base[&input] + first_word,
        )?;
        if let Some(residual) = plan.stages[index].residual {
            lower::set(
                &mut stage.command,
                config,
                Field::ResidualBase,
                places.base[&residual],
            )?;
        }
        lower::set(
            &mut stage.command,
            config,
            Field::OutBase,
            places.base[&output] + first_word,
        )?;
        if let Some((weights, params)) = stage.expand_behind {
            for (field, own, behind) in [
                (Field::ExpandWeightBase, Field::WeightBase, weights),
                (Field::ExpandParamBase, Field::ParamBase, params),
            ] {
                let own = stage.command.get(own);
                let last = (1 << field.used_bits(config)) - 1;
                lower::set(&mut stage.command, config, field, (own + behind).min(last))?;
            }
        }
        lower::set(
            &mut stage.command,
            config,
            Field::Last,
            u32::from(index + 1 == count),
        )?;
        image.push(stage.command);
        commands.push(CommandInfo {
            stage: plan.stages[index].clone(),
            macs: stage.macs,
            slots: stage.slots,
            output: plan.stages[index].written(&port(output), config.word_bytes()),
        });
    }
    contents[0] = image
        .iter()
        .flat_map(|c: &Command| c.as_bytes().to_vec())
        .collect();

    let mut memories = vec![MemoryUse {
        memory: Memory::Activation,
        used: places.words,
        shape: Memory::Activation.shape(config),
    }];
    for (memory, content) in LOADED.into_iter().zip(&contents) {
        let shape = memory.shape(config);
        let used = (content.len() as u32).div_ceil(shape.beats * config.word_bytes());
        if used > shape.words {
            return Err(Error::DoesNotFit(crate::error::DoesNotFit::memory(
                graph, config, memory, used,
            )));
        }
        memories.push(MemoryUse {
            memory,
            used,
            shape,
        });
    }
    debug_assert_eq!(image.len() * COMMAND_BYTES as usize, contents[0].len());
    let program = Program {
        fingerprint: config.fingerprint(),
        word_bytes: config.word_bytes(),
        overlap: places.overlap,
        inputs: plan.inputs.iter().map(|t| port(*t)).collect(),
        outputs: plan.outputs.iter().map(|t| port(*t)).collect(),
        contents,
    };
    Ok(Compiled {
        live,
        program,
        plan,
        commands,
        memories,
        maps,
    })
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
