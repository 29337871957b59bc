// SPDX-License-Identifier: MIT OR Apache-2.0
//! A network compiled for a configuration, with the figures that need no run.

use sepstream_compiler::accelerate::{CommandInfo, Segment, Side};
use sepstream_compiler::{Compiled, Options, compile_with};
use sepstream_sim::model::{self, CommandCycles};
use sepstream_spec::config::Config;
use sepstream_spec::graph::{Graph, TensorId};

use super::reference::figures;
use super::{Cycles, LayerFigures, LiveFigures, SegmentFigures, WaitsFor};
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

/// What is done at once, for reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Row {
    /// The host runs the layer at this position.
    Host(usize),
    /// The accelerator runs the command with this number.
    Command(usize),
}

impl<'g> Accelerator<'g> {
    /// Compiles a network.
    pub fn new(graph: &'g Graph, config: Config, options: &Options) -> Result<Self, Error> {
        let compiled = compile_with(graph, &config, options)?;
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

    /// Layers of the host and commands of the accelerator in the order of execution.
    pub fn rows(&self) -> Vec<Row> {
        let mut runs = self.compiled.runs.iter().map(|run| run.stages.len());
        let (mut rows, mut first) = (Vec::new(), 0);
        for segment in &self.compiled.cut.segments {
            match segment.side {
                Side::Host => rows.extend(segment.layers.iter().copied().map(Row::Host)),
                Side::Accelerator => {
                    let commands = first..first + runs.next().unwrap_or(0);
                    first = commands.end;
                    rows.extend(commands.map(Row::Command));
                }
            }
        }
        rows
    }

    /// A layer for each layer of the host and each command, in the order of execution.
    pub fn layers(&self) -> Vec<LayerFigures> {
        let figures = |row: Row| match row {
            Row::Host(position) => LayerFigures {
                waits_for: Some(WaitsFor::Host),
                ..figures(self.graph, &self.graph.layers[position])
            },
            Row::Command(n) => self.command(&self.compiled.commands[n], &self.commands[n]),
        };
        self.rows().into_iter().map(figures).collect()
    }

    fn command(&self, info: &CommandInfo, cycles: &CommandCycles) -> LayerFigures {
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
    }

    /// Cycles of a frame by the model.
    pub fn model_cycles(&self) -> Cycles {
        let commands = self.command_cycles();
        self.cycles(commands.iter().sum(), &commands)
    }

    /// Cycles of every command by the model.
    pub fn command_cycles(&self) -> Vec<u64> {
        self.commands.iter().map(|command| command.total).collect()
    }

    /// Cycles of a frame from those of the commands.
    pub fn cycles(&self, total: u64, commands: &[u64]) -> Cycles {
        let cycles = |row: Row| match row {
            Row::Host(_) => None,
            Row::Command(n) => commands.get(n).copied(),
        };
        Cycles {
            total,
            io: None,
            interval: None,
            layers: self.rows().into_iter().map(cycles).collect(),
        }
    }

    /// How the network is cut; cycles are the model's.
    pub fn segments(&self) -> Vec<SegmentFigures> {
        let mut commands = self.commands.iter().map(|command| command.total);
        let mut runs = self.compiled.runs.iter().map(|run| run.stages.len());
        let graph = self.graph;
        let bytes = |ids: &[TensorId]| ids.iter().map(|id| graph[*id].bytes() as u64).sum();
        let figures = |segment: &Segment| SegmentFigures {
            side: segment.side,
            layers: segment
                .layers
                .iter()
                .map(|n| graph.layers[*n].index)
                .collect(),
            bytes_in: bytes(&segment.reads),
            bytes_out: bytes(&segment.writes),
            macs: segment
                .layers
                .iter()
                .map(|n| graph.macs(&graph.layers[*n]))
                .sum(),
            cycles: match segment.side {
                Side::Host => None,
                Side::Accelerator => {
                    let count = runs.next().unwrap_or(0);
                    Some(commands.by_ref().take(count).sum())
                }
            },
        };
        self.compiled.cut.segments.iter().map(figures).collect()
    }
}

/// Where most of the cycles go in which the pointwise array does not step, if they are more than a
/// twentieth.
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
