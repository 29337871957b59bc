// SPDX-License-Identifier: MIT OR Apache-2.0
//! Bytes at full speed: a program prepared once, then run on many frames.
//!
//! [`super::Machine`] executes commands as they stand, step by step as the hardware does. Here every command becomes a
//! [`stage::Stage`], or two where it expands: maps get buffers of their own without gaps between rows, weights the order in which the kernels take
//! them, and the kernels work on sixteen channels at once, in the best form that the processor has ([`Level`]). The bytes of
//! every map are the same.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod kernels;
mod maps;
mod pack;
mod portable;
mod prepare;
mod simd;
mod stage;

use sepstream_spec::config::Config;
use sepstream_spec::program::{MapPort, Program};

use super::Error;
use kernels::{CHUNK, Job, SLACK};
use maps::{Maps, Port};
use prepare::Reader;
pub use simd::Level;
use stage::{Stage, Window};

/// A run of a program prepared for many frames; any number of threads may run it at once, each with a [`Workspace`] of its own.
#[derive(Debug)]
pub struct Prepared {
    level: Level,
    stages: Vec<Stage>,
    /// The stages of each command end before this one.
    ends: Vec<usize>,
    inputs: Vec<Port>,
    outputs: Vec<Port>,
    /// Bytes of each buffer.
    buffers: Vec<usize>,
    /// Bytes of the vectors of a chunk.
    vectors: usize,
}

/// The memory that one frame at a time needs.
#[derive(Clone, Debug)]
pub struct Workspace {
    maps: Vec<Vec<u8>>,
    vectors: Vec<u8>,
}

impl Prepared {
    /// Prepares the first run of a program for the best form of the kernels: all of what the accelerator does, where no layer of
    /// the host stands in between.
    ///
    /// # Errors
    /// When it was compiled for another configuration, or has a command that no compiler of this version makes.
    pub fn new(program: &Program, config: &Config) -> Result<Self, Error> {
        Prepared::of_run(program, 0, config, Level::best())
    }
    /// Prepares every run of a program for the best form of the kernels.
    ///
    /// # Errors
    /// As [`Prepared::new`].
    pub fn all(program: &Program, config: &Config) -> Result<Vec<Self>, Error> {
        let runs = 0..program.runs().count();
        runs.map(|run| Prepared::of_run(program, run, config, Level::best()))
            .collect()
    }
    /// Prepares a run of a program for a form of the kernels.
    ///
    /// # Errors
    /// As [`Prepared::new`].
    pub fn of_run(
        program: &Program,
        run: usize,
        config: &Config,
        level: Level,
    ) -> Result<Self, Error> {
        program.check(config)?;
        let ports = program.run(run);
        let mut maps = Maps::new(&ports, program.word_bytes);
        let (mut stages, mut ends) = (Vec::new(), Vec::new());
        for (index, command) in super::commands(program, run, config).iter().enumerate() {
            let refused = |reason| Error::Command { index, reason };
            let reader = Reader {
                command,
                program,
                config,
            };
            let (mut place, mut ahead) = (reader.place(), 0);
            let source = match reader.expand().map_err(refused)? {
                None => {
                    let source = maps.source(&reader).map_err(refused)?;
                    ahead = source.first_byte;
                    source.map
                }
                Some((place, dense)) => {
                    let [source, target] = maps.expanded(&reader).map_err(refused)?;
                    stages.push(Stage {
                        place,
                        window: Window::Direct,
                        dense,
                        source,
                        target,
                        first_byte: 0,
                    });
                    target
                }
            };
            place.left += ahead as isize;
            let residual = maps.residual(&reader).map_err(refused)?;
            let (window, dense) = reader.layers(&place, residual).map_err(refused)?;
            let (target, first_byte) = maps.target(&reader, ahead > 0);
            stages.push(Stage {
                target,
                first_byte,
                place,
                window,
                dense,
                source,
            });
            ends.push(stages.len());
        }
        let unwritten = Error::Command {
            index: ends.len().saturating_sub(1),
            reason: "an output map is not there behind it",
        };
        let mut outputs = maps.outputs(&ports).ok_or(unwritten)?;
        let mut inputs = maps.inputs(&ports);
        let (of_maps, buffers) = maps.share();
        maps::resolve(&of_maps, &mut stages, [&mut inputs, &mut outputs]);
        let vectors = stages.iter().map(|stage| stage.window.vector_bytes()).max();
        Ok(Prepared {
            level,
            inputs,
            outputs,
            buffers,
            vectors: vectors.unwrap_or(0) * CHUNK,
            stages,
            ends,
        })
    }
    /// The form of its kernels.
    pub fn level(&self) -> Level {
        self.level
    }
    /// Memory for one frame at a time.
    pub fn workspace(&self) -> Workspace {
        let buffer = |bytes: &usize| vec![0; bytes + SLACK];
        Workspace {
            maps: self.buffers.iter().map(buffer).collect(),
            vectors: vec![0; self.vectors + SLACK],
        }
    }
    /// The run, once: dense input maps in, dense output maps out.
    ///
    /// # Errors
    /// When the inputs are not those of the run.
    pub fn run(&self, inputs: &[&[u8]], workspace: &mut Workspace) -> Result<Vec<Vec<u8>>, Error> {
        self.load(inputs, workspace)?;
        for index in 0..self.ends.len() {
            self.step(index, workspace);
        }
        let output = |port: &Port| port.take(&workspace.maps[port.buffer]);
        Ok(self.outputs.iter().map(output).collect())
    }
    /// Puts the inputs into their maps.
    ///
    /// # Errors
    /// When the inputs are not those of the run.
    pub fn load(&self, inputs: &[&[u8]], workspace: &mut Workspace) -> Result<(), Error> {
        for (index, port) in self.inputs.iter().enumerate() {
            let given = inputs.get(index).copied().unwrap_or_default();
            if given.len() != port.elements() {
                return Err(Error::Input {
                    index,
                    want: port.elements(),
                    got: given.len(),
                });
            }
            port.put(given, &mut workspace.maps[port.buffer]);
        }
        Ok(())
    }
    /// Executes one command.
    pub fn step(&self, index: usize, workspace: &mut Workspace) {
        let first = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        for stage in &self.stages[first..self.ends[index]] {
            self.stage(stage, workspace);
        }
    }
    fn stage(&self, stage: &Stage, workspace: &mut Workspace) {
        let mut out = std::mem::take(&mut workspace.maps[stage.target]);
        let residual = stage.dense.residual.as_ref();
        self.level.run(Job {
            stage,
            source: &workspace.maps[stage.source],
            residual: residual.map_or(&[], |layer| &workspace.maps[layer.map]),
            out: &mut out[stage.first_byte..],
            vectors: &mut workspace.vectors,
        });
        workspace.maps[stage.target] = out;
    }
    /// The map that a command has just written, or its slice of it, dense; `layout` is its layout.
    pub fn written(&self, index: usize, layout: &MapPort, workspace: &Workspace) -> Vec<u8> {
        let stage = &self.stages[self.ends[index] - 1];
        Port::new(*layout, stage.target).take(&workspace.maps[stage.target][stage.first_byte..])
    }
}
