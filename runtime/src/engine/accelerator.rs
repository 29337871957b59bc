// SPDX-License-Identifier: MIT OR Apache-2.0
//! A network compiled for a configuration, with the figures that need no run.

use sepstream_compiler::accelerate::CommandInfo;
use sepstream_compiler::{Compiled, Live, compile_live};
use sepstream_sim::model::{self, CommandCycles};
use sepstream_spec::config::Config;
use sepstream_spec::graph::Graph;

use super::reference::figures;
use super::{Cycles, LayerFigures, LiveFigures, WaitsFor};
use crate::Error;

/// What engines of the accelerator share.
pub struct Accelerator<'g> {
    /// The network, dead channels included.
    pub graph: &'g Graph,
    /// The configuration.
    pub config: Config,
    /// The program, and what runs where.
    pub compiled: Compiled,
    /// Cycles of every command, by the model.
    pub commands: Vec<CommandCycles>,
}

impl<'g> Accelerator<'g> {
    /// Compiles what is left of a network.
    pub fn new(graph: &'g Graph, live: Live, config: Config) -> Result<Self, Error> {
        let compiled = compile_live(live, &config)?;
        let commands = model::cycles(&compiled.program, &config);
        Ok(Accelerator {
            graph,
            config,
            compiled,
            commands,
        })
    }

    /// What is left of the network.
    pub fn live(&self) -> LiveFigures {
        let (dead_channels, channels) = self.compiled.live.left_out(self.graph);
        LiveFigures {
            macs: self.compiled.live.graph.total_macs(),
            dead_channels,
            channels,
        }
    }

    /// The host's layers before, a layer for every command, the host's layers after.
    pub fn layers(&self) -> Vec<LayerFigures> {
        let plan = &self.compiled.plan;
        let host = |&position: &usize| LayerFigures {
            waits_for: Some(WaitsFor::Host),
            ..figures(self.graph, &self.graph.layers[position])
        };
        let command = |(info, cycles): (&CommandInfo, &CommandCycles)| {
            let stage = &info.stage;
            let layers: Vec<_> = stage
                .layers()
                .map(|position| &self.graph.layers[position])
                .collect();
            let kinds: Vec<_> = layers.iter().map(|layer| layer.kind()).collect();
            let channels = stage.slice.map_or(String::new(), |slice| {
                format!(" [{}..{}]", slice.first, slice.first + slice.channels)
            });
            LayerFigures {
                operators: kinds.join(" + ") + &channels,
                index: layers.first().map_or(0, |layer| layer.index),
                name: self.graph[stage.output].name.clone(),
                macs: info.macs,
                waits_for: waits_for(cycles),
            }
        };
        let before = plan.before.iter().map(host);
        let commands = self.compiled.commands.iter().zip(&self.commands);
        let commands = commands.map(command);
        before
            .chain(commands)
            .chain(plan.after.iter().map(host))
            .collect()
    }

    /// Cycles of a frame by the model.
    pub fn model_cycles(&self) -> Cycles {
        let commands = self.command_cycles();
        self.cycles(commands.iter().sum(), commands)
    }

    /// Those of each command.
    pub fn command_cycles(&self) -> Vec<u64> {
        self.commands.iter().map(|command| command.total).collect()
    }

    /// Cycles of a frame from those of the commands.
    pub fn cycles(&self, total: u64, commands: impl IntoIterator<Item = u64>) -> Cycles {
        let plan = &self.compiled.plan;
        let mut layers = vec![None; plan.before.len()];
        layers.extend(commands.into_iter().map(Some));
        layers.extend(vec![None; plan.after.len()]);
        Cycles {
            total,
            io: None,
            interval: None,
            layers,
        }
    }
}

/// Where most of the cycles go in which the pointwise array does not step, if they are more than a twentieth.
fn waits_for(cycles: &CommandCycles) -> Option<WaitsFor> {
    let wait = &cycles.wait;
    let (name, most) = [
        ("first rows", wait.fill),
        ("window", wait.window),
        ("memory", wait.memory),
        ("requantiser", wait.requant),
        ("start and end", cycles.overhead),
    ]
    .into_iter()
    .max_by_key(|(_, cycles)| *cycles)?;
    let share = most as f64 / cycles.total as f64;
    (most * 20 > cycles.total).then_some(WaitsFor::Unit { name, share })
}
