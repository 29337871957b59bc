// SPDX-License-Identifier: MIT OR Apache-2.0
//! RISC-V soft cores with their own kernels, in Verilator; one of them drives the accelerator, too.

use std::thread;

use sepstream_compiler::accelerate::Segment;
use sepstream_compiler::processor::{self, Form};
use sepstream_runtime::engine::Accelerator;
use sepstream_sim::softcore::{Accelerated, Beside, Core, Job, Outcome, Rust, System, program};

use sepstream_spec::graph::TensorId;

use super::Subject;
use super::report::{Bytes, How, Row};
use crate::error::Error;
use crate::progress::spinner;

/// Cycles after which a run is given up.
const LIMIT: u64 = 20_000_000_000;

/// A run of a core.
struct Task {
    core: Core,
    form: Form,
    /// With the accelerator beside it.
    drives: bool,
}

const TASKS: [Task; 4] = [
    Task {
        core: Core::VexRiscv,
        form: Form::Plain,
        drives: false,
    },
    Task {
        core: Core::VexRiscv,
        form: Form::Fast,
        drives: true,
    },
    Task {
        core: Core::PicoRv32,
        form: Form::Plain,
        drives: false,
    },
    Task {
        core: Core::PicoRv32,
        form: Form::Fast,
        drives: false,
    },
];

impl Task {
    fn title(&self) -> String {
        let kernels = match self.form {
            Form::Plain => "reference loops",
            Form::Fast => "RV32IM kernels",
        };
        format!("{}, {kernels}", self.core.name())
    }
}

/// A row for each core and form of kernels, and one for the accelerator driven by a core.
pub fn rows(subject: &Subject, skip: bool) -> Result<Vec<Row>, Error> {
    let missing = |why: &str| {
        let row = |task: &Task| Row::missing(task.title(), How::Rtl, why);
        TASKS.iter().map(row).collect::<Vec<_>>()
    };
    if skip {
        return Ok(missing("left out by --no-softcore"));
    }
    let program = match Rust::find().and_then(|rust| program(&rust)) {
        Ok(program) => program,
        Err(error) => return Ok(missing(&error.to_string())),
    };
    let program = program.as_slice();
    let spinner = spinner();
    spinner.set_message("soft cores in Verilator, whole network");
    // each in a thread of its own: the simulations do not share anything
    let results: Vec<Result<Vec<Row>, Error>> = thread::scope(|scope| {
        let running: Vec<_> = TASKS
            .iter()
            .map(|task| scope.spawn(move || run(subject, program, task)))
            .collect();
        let joined = running.into_iter().zip(&TASKS);
        joined
            .map(|(thread, task)| {
                let panicked = |_| {
                    Err(Error::Input(format!(
                        "{}: its thread panicked",
                        task.title()
                    )))
                };
                thread.join().unwrap_or_else(panicked)
            })
            .collect()
    });
    spinner.finish_and_clear();
    let mut rows = Vec::new();
    for result in results {
        rows.extend(result?);
    }
    Ok(rows)
}

fn run(subject: &Subject, program: &[u8], task: &Task) -> Result<Vec<Row>, Error> {
    let network = match processor::compile(subject.graph, task.form) {
        Ok(network) => network,
        Err(error) => {
            return Ok(vec![Row::missing(
                task.title(),
                How::Rtl,
                error.to_string(),
            )]);
        }
    };
    let accelerator = &subject.accelerator;
    let run = one_map_in_and_out(accelerator);
    let drives = task.drives && run.is_some();
    let verilog = drives.then(|| sepstream_hdl::generate(&accelerator.config));
    let beside = verilog.as_deref().map(|verilog| Beside {
        verilog,
        word_bytes: accelerator.config.word_bytes(),
    });
    let image = accelerator.compiled.program.to_bytes();
    let job = Job {
        program,
        network: &network.words(),
        input: subject.bytes(network.input),
        accelerator: run.filter(|_| drives).map(|[input, output]| Accelerated {
            image: &image,
            input: subject.bytes(input),
            output_bytes: subject.bytes(output).len(),
        }),
    };
    let result = System::build(task.core, beside, &mut |_| {})
        .and_then(|mut system| system.execute(&job, LIMIT));
    let outcome = match result {
        Ok(outcome) => outcome,
        Err(sepstream_sim::softcore::Error::Cosim(error)) => return Err(error.into()),
        Err(error) => {
            return Ok(vec![Row::missing(
                task.title(),
                How::Rtl,
                error.to_string(),
            )]);
        }
    };
    Ok(outcome_rows(subject, task, &network, outcome))
}

/// The maps of the accelerator's only run: with several maps or runs the core's program would not know which is which.
fn one_map_in_and_out(accelerator: &Accelerator) -> Option<[TensorId; 2]> {
    let runs: Vec<&Segment> = accelerator.compiled.cut.runs().collect();
    let &[run] = &runs[..] else { return None };
    match (&run.reads[..], &run.writes[..]) {
        (&[input], &[output]) => Some([input, output]),
        _ => None,
    }
}

fn outcome_rows(
    subject: &Subject,
    task: &Task,
    network: &processor::Processor,
    outcome: Outcome,
) -> Vec<Row> {
    let cycles: u64 = outcome.layer_cycles.iter().sum();
    let of_layer = |position: usize| {
        let at = network.layers.iter().position(|at| *at == position)?;
        outcome.layer_cycles.get(at).copied()
    };
    let mut rows = vec![Row {
        cycles: Some(cycles),
        layers: subject.by_group(of_layer),
        bytes: Some(Bytes::compare(subject.bytes(network.output), &outcome.output)),
        multipliers: Some(1),
        note: "whole network, counted by the cycle counter of its system; block RAM that answers in the cycle after a request".into(),
        ours: true,
        on_fpga: true,
        ..Row::new(task.title(), How::Rtl)
    }];
    if let Some(accelerated) = outcome.accelerator {
        let run = one_map_in_and_out(&subject.accelerator);
        let wanted = run.map_or(&[][..], |[_, output]| subject.bytes(output));
        rows.push(Row {
            cycles: Some(accelerated.cycles),
            bytes: Some(Bytes::compare(wanted, &accelerated.output)),
            multipliers: Some(subject.accelerator.config.multipliers()),
            note: format!(
                "in the same run as {}: {:.0} times fewer cycles; with feeding the input and reading the output word by word by \
                 the core {} cycles",
                task.title(),
                cycles as f64 / accelerated.cycles as f64,
                accelerated.frame_cycles
            ),
            ours: true,
            on_fpga: true,
            ..Row::new(format!("accelerator driven by {}", task.core.name()), How::Rtl)
        });
    }
    rows
}
