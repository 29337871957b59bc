// SPDX-License-Identifier: MIT OR Apache-2.0
//! `sepstream compare`: the accelerator beside processors and other accelerators, on one network and one input.

mod accelerator;
mod clock;
mod host;
mod html;
mod litert;
mod published;
mod report;
mod softcore;
mod vela;

use std::fs;
use std::path::Path;

use sepstream_compiler::Options;
use sepstream_compiler::accelerate::Stage;
use sepstream_runtime::engine::{Accelerator, Reference, Row as LayerRow};
use sepstream_runtime::input::{noise, read_inputs};
use sepstream_sim::reference::Trace;
use sepstream_sim::softcore::Rust;
use sepstream_spec::graph::{Graph, TensorId};

use self::report::{LayerTitle, Report, Row};
use crate::cli::Compare;
use crate::error::Error;
use crate::outcome::Outcome;
use crate::report::json;

/// What all peers run.
struct Subject<'g> {
    graph: &'g Graph,
    accelerator: Accelerator<'g>,
    options: Options,
    /// One frame: the bytes of every input.
    frame: Vec<Vec<u8>>,
    /// Every tensor of it, by the reference.
    trace: Trace,
    /// The layers of the table, each with the positions of its layers in the graph.
    groups: Vec<Vec<usize>>,
}

impl Subject<'_> {
    /// What the reference gives for a tensor.
    fn bytes(&self, id: TensorId) -> &[u8] {
        self.trace.get(id).map_or(&[], |value| value.bytes())
    }
    /// The network's outputs by the reference.
    fn wanted(&self) -> Vec<&[u8]> {
        self.graph
            .outputs
            .iter()
            .map(|id| self.bytes(*id))
            .collect()
    }
    /// Figures of graph layers, summed up for each layer of the table; absent where none is known.
    fn by_group(&self, of_layer: impl Fn(usize) -> Option<u64>) -> Vec<Option<u64>> {
        let sum = |group: &Vec<usize>| {
            let known: Vec<u64> = group
                .iter()
                .filter_map(|position| of_layer(*position))
                .collect();
            (!known.is_empty()).then(|| known.iter().sum())
        };
        self.groups.iter().map(sum).collect()
    }
}

/// Runs all peers that are there, and prints the table.
pub fn run(args: &Compare) -> Result<Outcome, Error> {
    let graph = super::load_network(&args.model, &args.follow)?;
    let config = super::load_config(&args.config)?;
    let clock_mhz = match &args.synth_report {
        Some(path) => Some(synthesised_clock(path)?),
        None => args.clock_mhz,
    };
    let frame = match &args.input {
        Some(path) => read_inputs(path, &graph)?.into_iter().next(),
        None => noise(&graph, args.seed).into_iter().next(),
    };
    let frame = frame.ok_or_else(|| Error::Input("the input file has no frame".into()))?;
    let trace = Reference::new(&graph)?.trace(&frame)?;
    let options = args.lower.into();
    let accelerator = Accelerator::new(&graph, config, &options)?;
    let groups = groups(&accelerator);
    let subject = Subject {
        graph: &graph,
        accelerator,
        options,
        frame,
        trace,
        groups,
    };

    // what takes the processor to itself first: the soft cores run side by side
    let mut rows = accelerator::rows(&subject, args.verify)?;
    let host = host::rows(&subject)?;
    let litert = litert::rows(&subject, &args.model)?;
    rows.extend(softcore::rows(&subject, args.no_softcore)?);
    rows.extend(host);
    rows.extend(litert);
    rows.extend(published::rows(&graph)?);
    rows.extend(vela::rows(&subject, &args.model)?);
    let report = report(args, &subject, rows, clock_mhz);
    if let Some(path) = &args.html {
        fs::write(path, html::page(&report)).map_err(|cause| Error::file(path, cause))?;
    }
    println!(
        "{}",
        if args.json {
            json(&report)
        } else {
            report.text()
        }
    );
    // peers may differ, ours may not
    let ours = report.rows.iter().filter(|row| row.ours);
    let equal = ours
        .filter_map(|row| row.bytes)
        .all(|bytes| bytes.differ == 0);
    Ok(if equal { Outcome::Ok } else { Outcome::Differs })
}

fn report(args: &Compare, subject: &Subject, mut rows: Vec<Row>, clock_mhz: Option<f64>) -> Report {
    let macs = subject.graph.total_macs();
    let base = rows.iter().find(|row| row.ours).and_then(|row| row.cycles);
    for row in &mut rows {
        row.finish(macs, base, clock_mhz);
    }
    let figures = subject.accelerator.layers();
    let layers = figures.into_iter().map(|layer| LayerTitle {
        index: layer.index,
        operators: layer.operators,
        name: layer.name,
        macs: layer.macs,
    });
    Report {
        model: subject.graph.name.clone(),
        follows: subject.graph.semantics.into(),
        config: args.config.display().to_string(),
        macs,
        clock_mhz,
        noise_seed: args.input.is_none().then_some(args.seed),
        soft_core_compiler: Rust::find().ok().and_then(|rust| rust.banner()),
        layers: layers.collect(),
        rows,
    }
}

/// The clock of a bitstream: the board's if it is reached, else what is reached.
fn synthesised_clock(path: &Path) -> Result<f64, Error> {
    let text = fs::read_to_string(path).map_err(|cause| Error::file(path, cause))?;
    let report: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
    let field = if report["met"] == true {
        "clock_mhz"
    } else {
        "fmax_mhz"
    };
    let wrong = || {
        let path = path.display();
        Error::Input(format!(
            "{path}: no {field}; give the report.json that `sepstream synth` has written"
        ))
    };
    report[field]
        .as_f64()
        .filter(|mhz| *mhz > 0.0)
        .ok_or_else(wrong)
}

/// The layers of each row of [`Accelerator::layers`].
fn groups(accelerator: &Accelerator) -> Vec<Vec<usize>> {
    let stages: Vec<&Stage> = accelerator.compiled.stages().collect();
    let group = |row: LayerRow| match row {
        LayerRow::Host(position) => vec![position],
        LayerRow::Command(n) => match stages[n].slice {
            // peers run the layer at once: it stands with its first slice
            Some(slice) if slice.first > 0 => Vec::new(),
            _ => stages[n].layers().collect(),
        },
    };
    accelerator.rows().into_iter().map(group).collect()
}
