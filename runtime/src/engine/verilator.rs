// SPDX-License-Identifier: MIT OR Apache-2.0
//! The generated Verilog in Verilator, driven as a board's host would.

use std::path::PathBuf;

use sepstream_sim::cosim::{BuildOptions, Device, Rtl, TraceFormat};

use super::host::Host;
use super::{Accelerator, Cycles, Engine, LayerFigures, LiveFigures, Run, SegmentFigures};
use crate::Error;
use sepstream_toolchain::Progress;

/// Options of the run.
#[derive(Clone, Debug, Default)]
pub struct VerilatorOptions {
    /// Waveform file.
    pub trace: Option<PathBuf>,
    /// Seed and share in per cent of random stalls on the host streams.
    pub stalls: Option<(u64, u32)>,
}

/// The Verilated accelerator.
pub struct Verilator<'g> {
    accelerator: Accelerator<'g>,
    rtl: Rtl,
}

impl<'g> Verilator<'g> {
    /// Generates and builds the accelerator.
    pub fn new(
        accelerator: Accelerator<'g>,
        options: &VerilatorOptions,
        progress: &mut Progress,
    ) -> Result<Self, Error> {
        let verilog = sepstream_hdl::generate(&accelerator.config);
        let build = BuildOptions {
            trace: options.trace.as_deref().map(TraceFormat::of),
            ..BuildOptions::default()
        };
        let mut rtl = Rtl::build(&verilog, accelerator.config.word_bytes(), &build, progress)?;
        if let Some(path) = &options.trace {
            rtl.open_trace(path)?;
        }
        if let Some((seed, percent)) = options.stalls {
            rtl.stalls(seed, percent);
        }
        Ok(Verilator { accelerator, rtl })
    }
}

impl Engine for Verilator<'_> {
    fn layers(&self) -> Vec<LayerFigures> {
        self.accelerator.layers()
    }

    fn live(&self) -> Option<LiveFigures> {
        Some(self.accelerator.live())
    }

    fn segments(&self) -> Vec<SegmentFigures> {
        self.accelerator.segments()
    }

    fn run(&mut self, frames: &[Vec<Vec<u8>>], done: &mut dyn FnMut()) -> Result<Run, Error> {
        let accelerator = &self.accelerator;
        let host = Host::new(accelerator.graph, &accelerator.compiled.cut)?;
        let mut device = Device::load(
            &mut self.rtl,
            &accelerator.compiled.program,
            &accelerator.command_cycles(),
        )?;
        let mut cycles: Option<Cycles> = None;
        let mut outputs = Vec::new();
        // maps of the first frames, as they go into the accelerator and come out
        let (mut entered, mut left) = (Vec::new(), Vec::new());
        for inputs in frames {
            let (mut commands, mut total, mut io) = (Vec::new(), 0, 0);
            let result = host.run(inputs, |run, maps| {
                let frame = device.run(run, maps)?;
                commands.extend(frame.commands);
                total += frame.cycles;
                io += frame.io_cycles;
                if entered.len() < STREAMED {
                    entered.push(maps.iter().map(|map| map.to_vec()).collect::<Vec<_>>());
                    left.push(frame.outputs.clone());
                }
                Ok(frame.outputs)
            });
            outputs.push(result?);
            let counted = accelerator.cycles(total, &commands);
            cycles.get_or_insert(Cycles {
                io: Some(io),
                ..counted
            });
            done();
        }
        let one_run = accelerator.compiled.runs.len() == 1;
        if let Some(cycles) = cycles.as_mut().filter(|_| one_run) {
            cycles.interval = Some(stream(&mut device, &entered, &left)?);
        }
        Ok(Run {
            outputs,
            cycles,
            kernels: None,
        })
    }
}

/// Frames in the run that measures the interval: the first fills the pipeline of load, run and
/// read, the last interval counts.
const STREAMED: usize = 3;

/// Runs frames back to back, the first ones again when there are too few; the cycles from one to
/// the next.
fn stream(
    device: &mut Device,
    entered: &[Vec<Vec<u8>>],
    left: &[Vec<Vec<u8>>],
) -> Result<u64, Error> {
    let order = || (0..entered.len()).cycle().take(STREAMED);
    let maps: Vec<Vec<&[u8]>> = order()
        .map(|i| entered[i].iter().map(Vec::as_slice).collect())
        .collect();
    let (interval, outputs) = device.stream(&maps)?;
    match order()
        .zip(outputs)
        .find(|(i, outputs)| left[*i] != *outputs)
    {
        Some((frame, _)) => Err(Error::Streamed { frame }),
        None => Ok(interval),
    }
}
