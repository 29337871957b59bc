// SPDX-License-Identifier: MIT OR Apache-2.0
//! Graph to program: which layers the accelerator runs, how maps lie in its memory, and the commands, weights and parameters.
//!
//! dead (channels that nothing depends on) -> plan (layers to stages and border operators) -> slice (windows over large maps) ->
//! fuse (inverted residuals) -> layout (maps) -> lower (a command per stage) -> allocate -> load (memories) -> image.

mod allocate;
mod dead;
mod fit;
mod functions;
mod fuse;
mod layout;
mod load;
mod lower;
pub(crate) mod narrow;
pub(crate) mod params;
mod plan;
mod pool;
mod rules;
mod slice;

pub use dead::Live;
pub use functions::Function;
pub use plan::{Expand, Plan, Stage, plan};
pub use rules::RULES;
pub use slice::Slice;

use crate::Error;
use crate::misfit::DoesNotFit;
use allocate::Places;
use fit::Misfits;
use layout::Layouts;
use lower::Lowered;
use sepstream_spec::config::Config;
use sepstream_spec::graph::{Graph, TensorId};
use sepstream_spec::isa::Field;
use sepstream_spec::memory::Shape;
use sepstream_spec::program::{MapPort, Program};
use sepstream_spec::regs::Memory;

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
/// [`Error::Unsupported`] with every layer that breaks a rule of [`RULES`]; [`Error::DoesNotFit`] with all that is too small.
pub fn compile_live(live: Live, config: &Config) -> Result<Compiled, Error> {
    attempt(&live, config).map_err(|error| match error {
        Error::DoesNotFit(first) => {
            let all = fit::all(first, config, |config| attempt(&live, config));
            Error::DoesNotFit(DoesNotFit {
                model: live.graph.name.clone(),
                ..all
            })
        }
        error => error,
    })
}

/// The same; of what is too small it tells what this configuration shows.
fn attempt(live: &Live, config: &Config) -> Result<Compiled, Error> {
    let graph = &live.graph;
    let unfused = slice::slice(graph, functions::place(plan(graph)?, config), config);
    let plan = fuse::fuse(graph, unfused.clone(), config);
    let layouts = Layouts::of(graph, &plan, config);
    let maps = MapWords {
        fused: allocate::needed(graph, &plan, &layouts),
        unfused: allocate::needed(graph, &unfused, &layouts),
    };
    let mut misfits = Misfits::default();
    let mut lowered = Vec::new();
    for stage in &plan.stages {
        lowered.extend(misfits.take(lower::lower(graph, stage, &layouts, config))?);
    }
    let places = allocate::allocate(graph, &plan, &layouts, config);
    let activation = places.memory_use(config);
    misfits.extend(activation.misfit(config));
    if lowered.len() < plan.stages.len() {
        // what the other memories must hold is not known
        misfits.none()?;
    }
    let mut contents = load::load(&plan, &mut lowered, config)?;
    let mut memories = load::uses(&contents, lowered.len(), config);
    misfits.extend(memories.iter().filter_map(|m| m.misfit(config)));
    misfits.none()?;
    memories.insert(0, activation);

    let port = |tensor: TensorId| MapPort {
        base: places.base[&tensor],
        ..layouts.port(tensor)
    };
    let mut commands = Vec::new();
    let mut image = Vec::new();
    for (stage, mut lowered) in plan.stages.iter().zip(lowered) {
        let last = commands.len() + 1 == plan.stages.len();
        complete(&mut lowered, stage, &places, last, config)?;
        image.extend(lowered.command.as_bytes(config));
        commands.push(CommandInfo {
            stage: stage.clone(),
            macs: lowered.macs,
            slots: lowered.slots,
            output: stage.written(&port(stage.output), config.word_bytes()),
        });
    }
    contents[0] = image;
    let program = Program {
        fingerprint: config.fingerprint(),
        word_bytes: config.word_bytes(),
        overlap: places.overlap,
        inputs: plan.inputs.iter().map(|t| port(*t)).collect(),
        outputs: plan.outputs.iter().map(|t| port(*t)).collect(),
        contents,
    };
    Ok(Compiled {
        live: live.clone(),
        program,
        plan,
        commands,
        memories,
        maps,
    })
}

/// The fields of a command that are known when everything has its place.
fn complete(
    lowered: &mut Lowered,
    stage: &Stage,
    places: &Places,
    last: bool,
    config: &Config,
) -> Result<(), Error> {
    let command = &mut lowered.command;
    let first_word = stage.first_word(config.word_bytes());
    let mut put = |field, value| lower::set(command, config, field, value);
    put(Field::InBase, places.base[&stage.input] + first_word)?;
    if let Some(residual) = stage.residual {
        put(Field::ResidualBase, places.base[&residual])?;
    }
    put(Field::OutBase, places.base[&stage.output] + first_word)?;
    put(Field::Last, last.into())?;
    if let Some((weights, params)) = lowered.expand_behind {
        for (field, own, behind) in [
            (Field::ExpandWeightBase, Field::WeightBase, weights),
            (Field::ExpandParamBase, Field::ParamBase, params),
        ] {
            let own = command.get(own);
            lower::set(command, config, field, own + behind)?;
        }
    }
    Ok(())
}
