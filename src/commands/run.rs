// SPDX-License-Identifier: MIT OR Apache-2.0
//! `sepstream run`: a program on a board, over its serial port.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use sepstream_compiler::accelerate::Cut;
use sepstream_runtime::compare::{Comparison, Element, compare, elements};
use sepstream_runtime::engine::{Board, BoardOptions, Engine, Host, Load, Reference};
use sepstream_runtime::input::{Frames, read_inputs, read_wanted};
use sepstream_spec::graph::{DType, Graph, Tensor, TensorId};
use sepstream_spec::program::{ImageView, MapPort, Numbers, RunView, WorkView};
use serde::Serialize;

use crate::cli::Run;
use crate::error::Error;
use crate::outcome::Outcome;
use crate::progress::bar;
use crate::report::{Follows, count, json, thousands};

#[derive(Serialize)]
struct Report {
    port: String,
    program: String,
    /// Whose arithmetic the model follows, if there is one.
    #[serde(flatten)]
    follows: Option<Follows>,
    frames: usize,
    /// Elements compared with wanted results, if there were any.
    compared: Option<u64>,
    mismatches: Option<u64>,
    first_difference: Option<String>,
    /// Of the last frame, by the accelerator's own counter.
    cycles: u32,
    /// Loading the program included.
    seconds: f64,
    requests: u32,
    retries: u32,
    damaged: u32,
    resets: u32,
    /// Elements of every output of every frame.
    outputs: Vec<Vec<Vec<Element>>>,
}

/// Runs the frames and prints the report.
pub fn run(args: &Run) -> Result<Outcome, Error> {
    let bytes = std::fs::read(&args.program).map_err(|cause| Error::file(&args.program, cause))?;
    let image = ImageView::parse(&bytes)
        .map_err(|error| Error::Input(format!("{}: {error}", args.program.display())))?;
    let load = |path| super::load_network(path, &args.follow);
    let model = args.model.as_deref().map(load).transpose()?;
    let graph = match &model {
        Some(graph) => graph.clone(),
        None => maps(args, &image)?,
    };
    let mut inputs = read_inputs(&args.input, &graph)?;
    if let Some(limit) = args.frames {
        inputs.truncate(limit.get());
    }
    let wanted = wanted(args, &graph, &inputs)?;

    let options = BoardOptions {
        port: args.port.clone(),
        baud: args.baud,
        retry_after: Duration::from_millis(args.retry_after.into()),
        timeout: Duration::from_secs(args.timeout.into()),
    };
    let start = Instant::now();
    let mut board = Board::open(image, options, loading())?;
    let cut = match &model {
        Some(graph) => Some(cut(args, graph, &image)?),
        None => None,
    };
    let host = match &cut {
        Some(cut) => Some(Host::new(&graph, cut)?),
        None => None,
    };
    let (outputs, cycles) = run_frames(&mut board, host.as_ref(), &inputs)?;

    let found = wanted.map(|wanted| compare(&graph, &wanted, &outputs));
    let statistics = board.statistics();
    let Comparison {
        elements: compared,
        mismatches,
        first_difference,
    } = found.clone().unwrap_or_default();
    let report = Report {
        port: args.port.display().to_string(),
        program: args.program.display().to_string(),
        follows: model.as_ref().map(|graph| graph.semantics.into()),
        frames: outputs.len(),
        compared: found.as_ref().map(|_| compared),
        mismatches: found.as_ref().map(|_| mismatches),
        first_difference: first_difference.map(|difference| difference.to_string()),
        cycles,
        seconds: start.elapsed().as_secs_f64(),
        requests: statistics.requests,
        retries: statistics.retries,
        damaged: statistics.damaged,
        resets: board.resets(),
        outputs: outputs
            .iter()
            .map(|frame| elements(&graph, frame))
            .collect(),
    };
    println!(
        "{}",
        if args.json {
            json(&report)
        } else {
            report.text()
        }
    );
    Ok(if mismatches > 0 {
        Outcome::Differs
    } else {
        Outcome::Ok
    })
}

/// Outputs of all frames, and the cycles of the last one, all its runs.
fn run_frames(
    board: &mut Board,
    host: Option<&Host>,
    inputs: &Frames,
) -> Result<(Frames, u32), Error> {
    let bar = bar("frames", inputs.len());
    let (mut outputs, mut cycles) = (Frames::new(), 0);
    for frame in inputs {
        cycles = 0;
        let mut run = |run: usize, maps: &[&[u8]]| {
            let results = board.run(run, maps);
            cycles += board.cycles();
            results
        };
        let maps: Vec<&[u8]> = frame.iter().map(Vec::as_slice).collect();
        outputs.push(match host {
            Some(host) => host.run(frame, run)?,
            None => run(0, &maps)?,
        });
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok((outputs, cycles))
}

/// Shows how far the program is loaded.
fn loading() -> impl FnMut(Load) {
    let mut shown = None;
    move |load| match (load, &mut shown) {
        (Load::Begin(bytes), shown) => *shown = Some(bar("program bytes", bytes)),
        (Load::Sent(bytes), Some(bar)) => bar.inc(bytes as u64),
        (Load::End, Some(bar)) => bar.finish_and_clear(),
        _ => {}
    }
}

/// Results to compare with: given, or those of the reference, if there is a model that it can run.
fn wanted(args: &Run, graph: &Graph, inputs: &Frames) -> Result<Option<Frames>, Error> {
    let Some(path) = &args.check else {
        if args.model.is_none() {
            return Ok(None);
        }
        let run = Reference::new(graph)?.run(inputs, &mut || ())?;
        return Ok(Some(run.outputs));
    };
    let mut wanted = read_wanted(path, graph)?;
    if wanted.len() < inputs.len() {
        let (results, frames) = (count(wanted.len(), "frame"), count(inputs.len(), "frame"));
        return Err(Error::Input(format!(
            "{}: results of {results}, but {frames} to run; try --frames {}",
            path.display(),
            wanted.len()
        )));
    }
    wanted.truncate(inputs.len());
    Ok(Some(wanted))
}

/// A network without layers, whose inputs and outputs are the maps of a program of one run.
fn maps(args: &Run, image: &ImageView) -> Result<Graph, Error> {
    let runs: Vec<RunView> = image.runs().collect();
    let &[run] = &runs[..] else {
        return Err(Error::Input(format!(
            "{}: the accelerator runs {} times in a frame, and the host runs layers in between; give the model with --model",
            args.program.display(),
            runs.len()
        )));
    };
    let tensor = |(name, map): (&str, MapPort)| Tensor {
        name: name.into(),
        shape: [1, map.rows, map.cols, map.channels]
            .map(|n| n as usize)
            .into(),
        dtype: DType::I8,
        quant: None,
        data: None,
    };
    let inputs = run.inputs.iter().map(|map| ("input map", map));
    let outputs = run.outputs.iter().map(|map| ("output map", map));
    let tensors: Vec<Tensor> = inputs.chain(outputs).map(tensor).collect();
    let (first, all) = (run.inputs.len(), tensors.len());
    Ok(Graph {
        name: "program".into(),
        tensors,
        layers: Vec::new(),
        inputs: (0..first).map(TensorId).collect(),
        outputs: (first..all).map(TensorId).collect(),
        ..Graph::default()
    })
}

/// The model cut as the program was, which must have its tensors.
fn cut(args: &Run, graph: &Graph, image: &ImageView) -> Result<Cut, Error> {
    let on_host: HashSet<u32> = image
        .segments()
        .flat_map(|segment| match segment.work {
            WorkView::Host(layers) => layers.iter().collect(),
            WorkView::Accelerator(_) => Vec::new(),
        })
        .collect();
    let layers = graph.layers.iter();
    let sides: Vec<bool> = layers
        .map(|layer| !on_host.contains(&(layer.index as u32)))
        .collect();
    let cut = Cut::of_sides(graph, &sides);
    let of_program = image
        .segments()
        .map(|segment| [segment.reads, segment.writes].map(|numbers| tensors(image, numbers)));
    let of_model = cut.segments.iter().map(|segment| {
        let size = |id: &TensorId| (id.0, graph[*id].bytes());
        [&segment.reads, &segment.writes].map(|ids| ids.iter().map(size).collect::<Vec<_>>())
    });
    if of_program.eq(of_model) {
        return Ok(cut);
    }
    Err(Error::Input(format!(
        "{}: the program was compiled from another model than {}; compile this one",
        args.program.display(),
        graph.name
    )))
}

/// Indices in the model file, and bytes.
fn tensors(image: &ImageView, numbers: Numbers) -> Vec<(usize, usize)> {
    let tensors = numbers.iter().filter_map(|number| image.tensor(number));
    tensors
        .map(|tensor| (tensor.index as usize, tensor.bytes as usize))
        .collect()
}

impl Report {
    fn text(&self) -> String {
        let mut text = String::new();
        for (n, frame) in self.outputs.iter().enumerate() {
            for (output, elements) in frame.iter().enumerate() {
                let largest = elements.iter().enumerate().reduce(|most, next| {
                    if next.1.value() > most.1.value() {
                        next
                    } else {
                        most
                    }
                });
                if let Some((at, value)) = largest {
                    let of = elements.len();
                    text += &format!(
                        "frame {n}, output {output}: largest is element {at} of {of}, {value}\n"
                    );
                }
            }
        }
        text += &format!(
            "{} on {}, {} cycles each, {:.2} s\nlink: {}, {} sent again, {} damaged, {}\n",
            count(self.frames, "frame"),
            self.port,
            thousands(self.cycles.into()),
            self.seconds,
            count(self.requests as usize, "request"),
            self.retries,
            count(self.damaged as usize, "frame"),
            count(self.resets as usize, "reset"),
        );
        text += &match (self.compared, self.mismatches, &self.first_difference) {
            (Some(compared), Some(mismatches), Some(first)) => format!(
                "DIFFERENT: {} of {} elements; first: {first}",
                thousands(mismatches),
                thousands(compared)
            ),
            (Some(compared), ..) => format!("equal: all {} elements", thousands(compared)),
            _ => "not checked".into(),
        };
        text
    }
}
