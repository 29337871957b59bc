// SPDX-License-Identifier: MIT OR Apache-2.0
//! A run of the accelerator: a segment of a network, compiled as if it were a network of its own.

use super::ahead;
use super::allocate::{self, Places};
use super::fit::Misfits;
use super::layout::Layouts;
use super::lower::{self, Lowered};
use super::plan::{Plan, Stage, plan};
use super::{CommandInfo, MapWords, functions, fuse, slice};
use crate::Error;
use sepstream_spec::config::Config;
use sepstream_spec::graph::{Graph, TensorId};
use sepstream_spec::isa::Field;
use sepstream_spec::program::{self, MapPort};

/// What the compiler makes of a run.
pub struct Run {
    /// Its stages. Layers have their positions in the whole network.
    pub plan: Plan,
    /// A command for each stage; complete but for what [`Run::commands`] puts in.
    pub lowered: Vec<Lowered>,
    /// Where its maps lie.
    pub places: Places,
    /// What they need at least.
    pub maps: MapWords,
    layouts: Layouts,
    /// Bytes of its commands.
    command_bytes: u32,
}

impl Run {
    /// Compiles the layers of a segment: `graph` has these alone, and `positions` are those in the
    /// whole network. `apart` asks for inputs and outputs that keep their places, if there is room.
    ///
    /// # Errors
    /// When a layer breaks a limit that no setting changes; what a setting does is added to
    /// `misfits`.
    pub fn of(
        graph: &Graph,
        positions: &[usize],
        apart: bool,
        config: &Config,
        misfits: &mut Misfits,
    ) -> Result<Self, Error> {
        let unfused = slice::slice(graph, functions::place(plan(graph), config), config);
        let mut plan = fuse::fuse(graph, unfused.clone(), config);
        let layouts = Layouts::of(graph, &plan, config);
        let maps = MapWords {
            fused: allocate::needed(graph, &plan, &layouts),
            unfused: allocate::needed(graph, &unfused, &layouts),
        };
        let mut lowered = Vec::new();
        for stage in &plan.stages {
            lowered.extend(misfits.take(lower::lower(graph, stage, &layouts, config))?);
        }
        let places = allocate::allocate(graph, &plan, &layouts, apart, config);
        misfits.extend(places.memory_use(config).misfit(config));
        for stage in &mut plan.stages {
            *stage = stage.moved(positions);
        }
        Ok(Run {
            plan,
            lowered,
            places,
            maps,
            layouts,
            command_bytes: 0,
        })
    }

    /// Where a map lies, and how.
    pub fn port(&self, tensor: TensorId) -> MapPort {
        MapPort {
            base: self.places.base[&tensor],
            ..self.layouts.port(tensor)
        }
    }

    /// The run in the image, once its commands are complete.
    pub fn image(&self) -> program::Run {
        let ports = |maps: &[TensorId]| maps.iter().map(|map| self.port(*map)).collect();
        program::Run {
            inputs: ports(&self.plan.inputs),
            outputs: ports(&self.plan.outputs),
            command_bytes: self.command_bytes,
        }
    }

    /// The commands, complete, for the program memory, and what they do.
    ///
    /// # Errors
    /// When a command cannot hold a number.
    pub fn commands(&mut self, config: &Config) -> Result<(Vec<u8>, Vec<CommandInfo>), Error> {
        let (mut commands, mut infos) = (Vec::new(), Vec::new());
        for (n, stage) in self.plan.stages.iter().enumerate() {
            let last = n + 1 == self.plan.stages.len();
            let lowered = &mut self.lowered[n];
            complete(lowered, stage, &self.places, last, config)?;
            commands.push(lowered.command.clone());
            let lowered = &self.lowered[n];
            infos.push(CommandInfo {
                stage: stage.clone(),
                macs: lowered.macs,
                slots: lowered.slots,
                output: stage.written(&self.port(stage.output), config.word_bytes()),
            });
        }
        ahead::run_ahead(&mut commands, &self.plan, config)?;
        let bytes = commands.iter().flat_map(|command| command.as_bytes(config));
        let image: Vec<u8> = bytes.copied().collect();
        self.command_bytes = image.len() as u32;
        Ok((image, infos))
    }
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
