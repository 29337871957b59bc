// SPDX-License-Identifier: MIT OR Apache-2.0
//! One network on one accelerator: reference, model and Verilator must agree in every byte, model
//! and Verilator in every cycle.

use std::ops::Range;

use crate::parallel::Difference;
use sepstream_compiler::{Compiled, Error, compile};
use sepstream_hdl::{Technology, generate_for};
use sepstream_sim::cosim::{BuildOptions, Device, Optimise, Rtl, Run};
use sepstream_sim::model::{self, CommandCycles, Level, Machine, Prepared};
use sepstream_sim::reference::{Runner, Trace, Value};
use sepstream_spec::config::Config;
use sepstream_spec::graph::{Graph, TensorId};
use sepstream_spec::program::Program;

/// A frame, as the reference has it.
pub struct Frame {
    /// Every tensor.
    pub trace: Trace,
    /// The maps of each run of the accelerator.
    runs: Vec<Maps>,
}

/// Maps that go into the accelerator and come out in a run.
struct Maps {
    inputs: Vec<Vec<u8>>,
    outputs: Vec<Vec<u8>>,
}

impl Maps {
    fn inputs(&self) -> Vec<&[u8]> {
        self.inputs.iter().map(Vec::as_slice).collect()
    }
}

/// What came out of the Verilated design.
pub struct FromRtl {
    /// Cycles between frames in a stream, of networks with one run.
    pub interval: Option<u64>,
    /// Output maps of each run for the first frame.
    pub outputs: Vec<Vec<Vec<u8>>>,
}

/// A network compiled for a configuration.
pub struct Accelerated<'g> {
    /// The configuration.
    pub config: &'g Config,
    /// The reference.
    pub runner: Runner<'g>,
    /// What the compiler made of it.
    pub compiled: Compiled,
    /// The program as it comes out of its file.
    program: Program,
    /// Cycles of the model.
    pub cycles: Vec<CommandCycles>,
}

impl<'g> Accelerated<'g> {
    /// Compiles.
    pub fn new(graph: &'g Graph, config: &'g Config) -> Result<Self, Error> {
        let compiled = compile(graph, config)?;
        let program = Program::from_bytes(&compiled.program.to_bytes()).unwrap();
        assert_eq!(program, compiled.program);
        let cycles = model::cycles(&program, config);
        Ok(Accelerated {
            config,
            runner: Runner::new(graph).unwrap(),
            compiled,
            program,
            cycles,
        })
    }
    /// Cycles of a frame.
    pub fn total_cycles(&self) -> u64 {
        self.cycles.iter().map(|command| command.total).sum()
    }
    /// What the reference makes of a frame.
    pub fn frame(&self, inputs: &[Value]) -> Frame {
        let trace = self.runner.trace(inputs).unwrap();
        let maps = |ids: &[TensorId]| {
            let bytes = |id: &TensorId| trace.get(*id).unwrap().bytes().to_vec();
            ids.iter().map(bytes).collect()
        };
        let runs = self.compiled.cut.runs();
        let runs = runs.map(|run| Maps {
            inputs: maps(&run.reads),
            outputs: maps(&run.writes),
        });
        Frame {
            runs: runs.collect(),
            trace,
        }
    }
    /// A map as the reference has it, without the dead channels.
    fn live_bytes(&self, frame: &Frame, id: TensorId) -> Vec<u8> {
        let all = frame.trace.get(id).unwrap();
        let kept = self.compiled.live.kept(id);
        let channels = self.runner.graph()[id].channels();
        let pixels = all.bytes().chunks_exact(channels);
        pixels
            .flat_map(|pixel| kept.iter().map(|&c| pixel[c]))
            .collect()
    }
    /// Per run: its commands.
    fn commands(&self) -> Vec<Range<usize>> {
        let mut end = 0;
        let runs = self.compiled.runs.iter();
        runs.map(|run| {
            let first = end;
            end += run.stages.len();
            first..end
        })
        .collect()
    }
    /// The model's bytes, and those of every form of its fast path: the map of every command as the
    /// reference has it.
    pub fn check_model(&self, frame: &Frame) -> Result<(), Difference> {
        for (run, commands) in self.commands().into_iter().enumerate() {
            self.check_run(run, commands, frame)?;
        }
        Ok(())
    }
    fn check_run(
        &self,
        run: usize,
        commands: Range<usize>,
        frame: &Frame,
    ) -> Result<(), Difference> {
        let maps = &frame.runs[run];
        let mut machine = Machine::of_run(&self.program, run, self.config).unwrap();
        machine.load(&maps.inputs()).unwrap();
        let mut fast = Vec::new();
        for level in Level::available() {
            let prepared = Prepared::of_run(&self.program, run, self.config, level).unwrap();
            let mut workspace = prepared.workspace();
            prepared.load(&maps.inputs(), &mut workspace).unwrap();
            fast.push((level, prepared, workspace));
        }
        for (index, command) in self.compiled.commands[commands].iter().enumerate() {
            machine.step(index);
            let want = self.live_bytes(frame, command.stage.output);
            let mut want = want.as_slice();
            if let (Some(slice), None) = (command.stage.slice, command.stage.dense) {
                want = &want[slice.first as usize..][..slice.channels as usize];
            }
            let layers: Vec<_> = command.stage.layers().collect();
            let what = || format!("model, run {run}, command {index} (layers {layers:?})");
            equal(what, &machine.map(&command.output), want)?;
            for (level, prepared, workspace) in &mut fast {
                prepared.step(index, workspace);
                let got = prepared.written(index, &command.output, workspace);
                equal(|| format!("{}, {level}", what()), &got, want)?;
            }
            if command.macs > command.slots {
                return Err(format!(
                    "{}: {} MACs in {} slots",
                    what(),
                    command.macs,
                    command.slots
                ));
            }
        }
        // run again, over what the first frame left behind
        for (level, prepared, workspace) in &mut fast {
            let outputs = prepared.run(&maps.inputs(), workspace).unwrap();
            for (got, want) in outputs.iter().zip(&maps.outputs) {
                equal(|| format!("model, {level}, run {run}, output"), got, want)?;
            }
        }
        Ok(())
    }
    /// Bytes and cycles of the Verilated design: frame after frame, then, of networks with one run,
    /// all of them as a stream.
    pub fn check_rtl(&self, rtl: &mut Rtl, frames: &[Frame]) -> Result<FromRtl, Difference> {
        let failed = |error| format!("Verilator: {error}");
        let cycles: Vec<u64> = self.cycles.iter().map(|command| command.total).collect();
        let mut device = Device::load(rtl, &self.program, &cycles).map_err(failed)?;
        let mut outputs = Vec::new();
        for (n, frame) in frames.iter().enumerate() {
            for (run, commands) in self.commands().into_iter().enumerate() {
                let maps = &frame.runs[run];
                let got = device.run(run, &maps.inputs()).map_err(failed)?;
                let place = format!("frame {n}, run {run}");
                for (index, (got, want)) in got.outputs.iter().zip(&maps.outputs).enumerate() {
                    equal(|| format!("Verilator, {place}, output {index}"), got, want)?;
                }
                same_cycles(&place, &got, &cycles[commands])?;
                if n == 0 {
                    outputs.push(got.outputs);
                }
            }
        }
        let interval = match self.compiled.runs[..] {
            [_] => Some(self.check_stream(&mut device, frames)?),
            _ => None,
        };
        Ok(FromRtl { interval, outputs })
    }
    /// Bytes of a stream of frames; its interval.
    fn check_stream(&self, device: &mut Device, frames: &[Frame]) -> Result<u64, Difference> {
        let failed = |error| format!("Verilator: {error}");
        let inputs: Vec<_> = frames.iter().map(|frame| frame.runs[0].inputs()).collect();
        let (interval, outputs) = device.stream(&inputs).map_err(failed)?;
        if outputs.len() != frames.len() {
            return Err(format!(
                "stream: {} frames came out of {}",
                outputs.len(),
                frames.len()
            ));
        }
        for (n, (got, frame)) in outputs.iter().zip(frames).enumerate() {
            for (index, (got, want)) in got.iter().zip(&frame.runs[0].outputs).enumerate() {
                equal(|| format!("stream, frame {n}, output {index}"), got, want)?;
            }
        }
        if frames.len() > 1 && interval < self.total_cycles() {
            return Err(format!(
                "stream: an interval of {interval} cycles, a frame takes {}",
                self.total_cycles()
            ));
        }
        Ok(interval)
    }
}

/// Cycles of a run: those of each command, and the accelerator's own counter.
fn same_cycles(place: &str, got: &Run, cycles: &[u64]) -> Result<(), Difference> {
    if got.commands != cycles {
        let commands: Vec<_> = (0..cycles.len())
            .filter(|&i| got.commands.get(i) != Some(&cycles[i]))
            .map(|i| {
                format!(
                    "command {i}: model {}, Verilator {:?}",
                    cycles[i],
                    got.commands.get(i)
                )
            })
            .collect();
        return Err(format!("{place}: cycles differ: {}", commands.join("; ")));
    }
    let total: u64 = cycles.iter().sum();
    if got.cycles != total {
        return Err(format!(
            "{place}: the counter has {} cycles, the model {total}",
            got.cycles,
        ));
    }
    Ok(())
}

/// The Verilated design of a configuration, quick to build.
pub fn build(config: &Config) -> Rtl {
    build_for(config, Technology::Generic)
}

/// The same out of what a family of FPGAs has, with the twins of that.
pub fn build_for(config: &Config, technology: Technology) -> Rtl {
    let options = BuildOptions {
        optimise: Optimise::Build,
        ..BuildOptions::default()
    };
    let verilog = technology.cells().to_string() + &generate_for(config, technology);
    Rtl::build(&verilog, config.word_bytes(), &options, &mut |_| {}).expect("the design builds")
}

fn equal(what: impl Fn() -> String, got: &[u8], want: &[u8]) -> Result<(), Difference> {
    if got == want {
        return Ok(());
    }
    let count = got.iter().zip(want).filter(|(a, b)| a != b).count();
    let at = got
        .iter()
        .zip(want)
        .position(|(a, b)| a != b)
        .unwrap_or(got.len().min(want.len()));
    let around =
        |bytes: &[u8]| -> Vec<i8> { bytes.iter().skip(at).take(8).map(|&b| b as i8).collect() };
    Err(format!(
        "{}: {count} of {} bytes differ (got {} bytes), from byte {at}: got {:?}, want {:?}",
        what(),
        want.len(),
        got.len(),
        around(got),
        around(want)
    ))
}
