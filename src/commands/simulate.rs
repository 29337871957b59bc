// SPDX-License-Identifier: MIT OR Apache-2.0
//! `sepstream simulate`: run a network on an engine, check its results, report its cycles.

use std::num::NonZeroUsize;
use std::thread;
use std::time::Instant;

use sepstream_runtime::compare::compare;
use sepstream_runtime::cut::cut;
use sepstream_runtime::engine::{Accelerator, Engine, Model, Reference, VerilatorOptions};
use sepstream_runtime::input::{Frames, noise, read_inputs, read_wanted};
use sepstream_spec::config::Config;
use sepstream_spec::graph::Graph;

use super::run_report::{Against, Report};
use crate::cli::{EngineKind, Simulate};
use crate::error::Error;
use crate::outcome::Outcome;
use crate::progress::bar;
use crate::report::{count, json};

/// Inputs and, if there is something to compare with, outputs.
struct Frame {
    inputs: Frames,
    /// Of the inputs, if they are noise.
    noise_seed: Option<u64>,
    wanted: Option<(Against, Frames)>,
}

/// Runs the frames and prints the report.
pub fn run(args: &Simulate) -> Result<Outcome, Error> {
    let report = execute(args)?;
    println!(
        "{}",
        if args.json {
            json(&report)
        } else {
            report.text()
        }
    );
    Ok(if report.mismatches.is_some_and(|n| n > 0) {
        Outcome::Differs
    } else {
        Outcome::Ok
    })
}

/// Runs the frames.
pub fn execute(args: &Simulate) -> Result<Report, Error> {
    refuse_options_without_effect(args)?;
    let file = super::load_model(&args.model, &args.follow)?;
    let network = match args.engine {
        EngineKind::Reference => file.clone(),
        EngineKind::Model | EngineKind::Verilator => sepstream_compiler::simplify(&file),
    };
    // before any file of frames is read, which may not fit what cannot run
    sepstream_compiler::runnable(&network)?;
    let config = args.config.as_deref().map(super::load_config).transpose()?;
    let multipliers = config.as_ref().map(Config::multipliers);
    let part = args
        .layers
        .as_ref()
        .map(|range| cut(&network, range))
        .transpose()?;
    let graph = part.as_ref().unwrap_or(&network);
    let frames = frames(args, &file, part.as_ref().map(|part| (&network, part)))?;

    let mut engine = engine(args, graph, config)?;
    let bar = bar("frames", frames.inputs.len());
    let (start, mut seconds) = (Instant::now(), 0.0);
    let run = engine.run(&frames.inputs, &mut || {
        bar.inc(1);
        seconds = start.elapsed().as_secs_f64();
    })?;
    bar.finish_and_clear();

    let mut report = Report {
        model: graph.name.clone(),
        follows: graph.semantics.into(),
        engine: args.engine,
        config: args.config.as_ref().map(|path| path.display().to_string()),
        frames: run.outputs.len(),
        noise_seed: frames.noise_seed,
        stall_percent: args.stalls,
        stall_seed: args.stalls.map(|_| args.seed),
        macs: graph.total_macs(),
        multipliers,
        kernels: run.kernels,
        seconds_per_frame: seconds / run.outputs.len().max(1) as f64,
        ..Report::default()
    };
    report.set_layers(engine.layers(), run.cycles.as_ref());
    report.set_live(engine.live());
    report.set_segments(&engine.segments());
    if let Some((against, wanted)) = frames.wanted {
        report.set_comparison(against, compare(graph, &wanted, &run.outputs));
    }
    Ok(report)
}

/// Waveforms and stalls are those of the generated Verilog; threads are the model's.
fn refuse_options_without_effect(args: &Simulate) -> Result<(), Error> {
    if args.threads.is_some() && args.engine != EngineKind::Model {
        return Err(Error::Input(format!(
            "the engine {} runs in one thread; --threads is for --engine model",
            args.engine
        )));
    }
    let given = [
        ("--trace", args.trace.is_some()),
        ("--stalls", args.stalls.is_some()),
    ];
    match given.into_iter().find(|(_, given)| *given) {
        Some((option, _)) if args.engine != EngineKind::Verilator => Err(Error::Input(format!(
            "the engine {} has no signals for {option}; try --engine verilator",
            args.engine
        ))),
        _ => Ok(()),
    }
}

/// The frames to run: given, or those that the results to check against belong to, or noise. Without results to check against,
/// and for a part of the network, the reference makes them.
fn frames(args: &Simulate, file: &Graph, part: Option<(&Graph, &Graph)>) -> Result<Frame, Error> {
    let (mut inputs, noise_seed) = match args.input.as_deref().or(args.check.as_deref()) {
        Some(path) => (read_inputs(path, file)?, None),
        None => (noise(file, args.seed), Some(args.seed)),
    };
    if let Some(limit) = args.frames {
        inputs.truncate(limit.get());
    }
    let repeat = |frames: Frames| match args.repeat {
        Some(times) => {
            let count = frames.len() * times.get();
            frames.into_iter().cycle().take(count).collect()
        }
        None => frames,
    };
    if let Some((network, part)) = part {
        let (inputs, wanted) = part_of(network, part, &inputs)?;
        return Ok(Frame {
            inputs: repeat(inputs),
            noise_seed,
            wanted: Some((Against::Reference, repeat(wanted))),
        });
    }
    let wanted = match &args.check {
        Some(path) => {
            let mut wanted = read_wanted(path, file)?;
            if wanted.len() < inputs.len() {
                let (results, frames) =
                    (count(wanted.len(), "frame"), count(inputs.len(), "frame"));
                return Err(Error::Input(format!(
                    "{}: results of {results}, but {frames} to run; try --frames {}",
                    path.display(),
                    wanted.len()
                )));
            }
            wanted.truncate(inputs.len());
            Some((Against::File, wanted))
        }
        None if args.engine == EngineKind::Reference => None,
        None => {
            let run = Reference::new(file)?.run(&inputs, &mut || ())?;
            Some((Against::Reference, run.outputs))
        }
    };
    Ok(Frame {
        inputs: repeat(inputs),
        noise_seed,
        wanted: wanted.map(|(against, wanted)| (against, repeat(wanted))),
    })
}

/// Inputs and outputs of a part of a network, from the reference running all of it.
fn part_of(network: &Graph, part: &Graph, inputs: &Frames) -> Result<(Frames, Frames), Error> {
    let reference = Reference::new(network)?;
    let (mut entering, mut leaving) = (Frames::new(), Frames::new());
    for frame in inputs {
        let trace = reference.trace(frame)?;
        let bytes = |id: &_| {
            trace
                .get(*id)
                .map(|value| value.bytes().to_vec())
                .unwrap_or_default()
        };
        entering.push(part.inputs.iter().map(bytes).collect());
        leaving.push(part.outputs.iter().map(bytes).collect());
    }
    Ok((entering, leaving))
}

fn engine<'g>(
    args: &Simulate,
    graph: &'g Graph,
    config: Option<Config>,
) -> Result<Box<dyn Engine + 'g>, Error> {
    if args.engine == EngineKind::Reference {
        return Ok(Box::new(Reference::new(graph)?));
    }
    let config = config.ok_or_else(|| {
        let engine = args.engine;
        Error::Input(format!(
            "the engine {engine} needs a configuration; try --config configs/vww_16x8.yaml"
        ))
    })?;
    let accelerator = Accelerator::new(graph, config, &args.lower.into())?;
    if args.engine == EngineKind::Model {
        let all = || thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        let threads = args.threads.unwrap_or_else(all);
        return Ok(Box::new(Model::new(accelerator, threads)?));
    }
    let options = VerilatorOptions {
        trace: args.trace.clone(),
        stalls: args.stalls.map(|percent| (args.seed, percent)),
    };
    Ok(Box::new(super::verilator(accelerator, &options)?))
}
