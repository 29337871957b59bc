// SPDX-License-Identifier: MIT OR Apache-2.0
//! Graph to program: which layers the accelerator runs, how maps lie in its memory, and the
//! commands, weights and parameters.
//!
//! segments (which layers run where, and when) -> dead (channels that nothing depends on). Then for
//! each run: plan (layers to stages) -> slice (windows over large maps) -> fuse (inverted
//! residuals) -> layout (maps) -> lower (a command per stage) -> allocate. For all of them: load
//! (memories) -> image.

mod ahead;
mod allocate;
mod channelwise;
mod dead;
mod fit;
mod functions;
mod fuse;
mod image;
mod layout;
mod load;
mod lower;
pub(crate) mod narrow;
pub(crate) mod params;
mod plan;
mod pool;
mod rules;
mod run;
mod segments;
mod slice;

pub use dead::Live;
pub use functions::Function;
pub use plan::{Expand, Plan, Stage};
pub use rules::RULES;
pub use segments::{Cut, Segment, Side};
pub use slice::Slice;

use crate::Error;
use crate::misfit::DoesNotFit;
use crate::rule::Violation;
use fit::Misfits;
use run::Run;
use sepstream_spec::config::Config;
use sepstream_spec::graph::{Graph, Layer};
use sepstream_spec::memory::Shape;
use sepstream_spec::program::{MapPort, Program};
use sepstream_spec::regs::Memory;
use std::collections::BTreeSet;

/// What a network is compiled like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Leave dead channels in.
    pub keep_dead: bool,
    /// Refuse a network of which the host would have to run layers between those of the
    /// accelerator.
    pub strict: bool,
}

/// Whether the depthwise engine runs a MUL, ADD or SUB with a constant for each channel: each channel's function must be one that a
/// weight gives.
pub fn is_channelwise(graph: &Graph, layer: &Layer) -> bool {
    channelwise::of(graph, layer).is_some()
}

/// A network compiled for a configuration.
#[derive(Clone, Debug)]
pub struct Compiled {
    /// The network that the accelerator runs. Its layers and tensors have the positions of the
    /// network that was given.
    pub live: Live,
    /// What the accelerator loads.
    pub program: Program,
    /// What runs where, and when.
    pub cut: Cut,
    /// The stages of each run of the accelerator.
    pub runs: Vec<Plan>,
    /// Per command, those of all runs one behind the other: what it does, for reports.
    pub commands: Vec<CommandInfo>,
    /// Per memory: how much is used.
    pub memories: Vec<MemoryUse>,
    /// Words of activation memory that the maps need at least: those of the run that needs most.
    pub maps: MapWords,
}

impl Compiled {
    /// The stages of all runs, one for each command.
    pub fn stages(&self) -> impl Iterator<Item = &Stage> {
        self.runs.iter().flat_map(|run| &run.stages)
    }
}

/// Words of activation memory that a network's maps need at least, inputs and outputs not kept
/// apart.
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
    /// Products that the engines' steps could hold: with `macs` the loss to padding of channels and
    /// kernels.
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
/// As [`compile_with`].
pub fn compile(graph: &Graph, config: &Config) -> Result<Compiled, Error> {
    compile_with(graph, config, &Options::default())
}

/// Compiles a network for a configuration. What the accelerator cannot run is left to the host.
///
/// # Errors
/// [`Error::Unsupported`] with every layer that keeps it from running, see [`Cut::of`];
/// [`Error::DoesNotFit`] with all that is too small.
pub fn compile_with(graph: &Graph, config: &Config, options: &Options) -> Result<Compiled, Error> {
    compile_once(graph, config, options).map_err(|error| match error {
        Error::DoesNotFit(first) => {
            let all = fit::all(first, config, |config| compile_once(graph, config, options));
            Error::DoesNotFit(DoesNotFit {
                model: graph.name.clone(),
                ..all
            })
        }
        error => error,
    })
}

/// The same; of what is too small it tells what this configuration shows.
fn compile_once(graph: &Graph, config: &Config, options: &Options) -> Result<Compiled, Error> {
    let (mut refused, mut why) = (BTreeSet::new(), None);
    loop {
        let cut = Cut::without(graph, &refused, options.strict)?;
        if let Some(error) = why.take().filter(|_| cut.runs().next().is_none()) {
            return Err(error);
        }
        match attempt(graph, &cut, config, options) {
            // what only turns out as a layer is lowered
            Err(Error::Unsupported { model, violations }) if !options.strict => {
                let host_can = |v: &Violation| {
                    let rules = [narrow::PARAMETERS, params::FACTOR];
                    rules.contains(&v.rule) && !refused.contains(&v.layer.index)
                };
                let left = violations.iter().all(host_can);
                let layers: Vec<usize> = violations.iter().map(|v| v.layer.index).collect();
                let error = Error::Unsupported { model, violations };
                if !left {
                    return Err(error);
                }
                refused.extend(layers);
                why = Some(error);
            }
            done => return done,
        }
    }
}

/// Compiles a network that is cut.
fn attempt(
    graph: &Graph,
    cut: &Cut,
    config: &Config,
    options: &Options,
) -> Result<Compiled, Error> {
    let live = if options.keep_dead {
        Live::all(graph)
    } else {
        Live::keeping(graph, &cut.crossing())
    };
    let mut misfits = Misfits::default();
    let mut runs = runs(&live, cut, config, &mut misfits)?;
    if runs
        .iter()
        .any(|run| run.lowered.len() < run.plan.stages.len())
    {
        // what the other memories must hold is not known
        misfits.none()?;
    }
    let mut contents = load::load(&mut runs, config)?;
    let longest = runs.iter().map(|run| run.lowered.len()).max();
    let mut memories = load::uses(&contents, longest.unwrap_or(0), config);
    misfits.extend(memories.iter().filter_map(|m| m.misfit(config)));
    misfits.none()?;
    let activation = runs.iter().map(|run| run.places.memory_use(config));
    memories.splice(..0, activation.max_by_key(|memory| memory.used));

    let (mut image, mut commands) = (Vec::new(), Vec::new());
    for run in &mut runs {
        let (bytes, infos) = run.commands(config)?;
        image.extend(bytes);
        commands.extend(infos);
    }
    contents[0] = image;
    let most = |words: fn(&MapWords) -> u32| runs.iter().map(|run| words(&run.maps)).max();
    Ok(Compiled {
        live,
        program: image::program(graph, cut, &runs, contents, config),
        cut: cut.clone(),
        commands,
        memories,
        maps: MapWords {
            fused: most(|maps| maps.fused).unwrap_or(0),
            unfused: most(|maps| maps.unfused).unwrap_or(0),
        },
        runs: runs.into_iter().map(|run| run.plan).collect(),
    })
}

/// Compiles each segment of the accelerator.
fn runs(live: &Live, cut: &Cut, config: &Config, misfits: &mut Misfits) -> Result<Vec<Run>, Error> {
    // the next input may be loaded under a frame only if the accelerator runs once in it
    let apart = cut.runs().count() == 1;
    let mut part = live.graph.clone();
    let mut runs = Vec::new();
    for segment in cut.runs() {
        let layers = segment.layers.iter();
        part.layers = layers.map(|n| live.graph.layers[*n].clone()).collect();
        part.inputs.clone_from(&segment.reads);
        part.outputs.clone_from(&segment.writes);
        runs.push(Run::of(&part, &segment.layers, apart, config, misfits)?);
    }
    Ok(runs)
}
