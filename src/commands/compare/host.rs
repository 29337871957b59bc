// SPDX-License-Identifier: MIT OR Apache-2.0
//! This machine's processor, one thread: the reference's kernels, and those of the accelerator's model.

use std::time::Duration;

use sepstream_compiler::accelerate::Segment;
use sepstream_sim::model::Prepared;
use sepstream_sim::reference::{Runner, Value};
use sepstream_spec::graph::TensorId;

use super::Subject;
use super::clock::{Clocks, Timing, measure};
use super::report::{Bytes, How, Row};
use crate::error::Error;

/// Time for the measurement of a network.
pub const NETWORK: Duration = Duration::from_millis(500);
/// Time for that of a layer.
const LAYER: Duration = Duration::from_millis(20);

/// A row for each.
pub fn rows(subject: &Subject) -> Result<Vec<Row>, Error> {
    let clocks = Clocks::measure();
    Ok(vec![reference(subject, clocks)?, fast(subject, clocks)?])
}

/// Cycles of a time on the core: counted, or by the core's clock.
pub fn cycles(timing: Timing, clocks: Clocks) -> u64 {
    let by_clock = (timing.seconds * clocks.core * 1e9).round() as u64;
    timing.counted.unwrap_or(by_clock)
}

/// How cycles were got.
pub fn note(timing: Timing, clocks: Clocks) -> String {
    let how = match timing.counted {
        Some(_) => "core cycles by the hardware counter".into(),
        None => format!(
            "core cycles = wall clock x {:.2} GHz, the core's clock measured with a chain of dependent instructions (no hardware counter here)",
            clocks.core
        ),
    };
    let tsc = clocks.tsc.map_or(String::new(), |tsc| {
        let ticks = (timing.seconds * tsc * 1e9).round();
        format!("; {ticks:.0} ticks of the time-stamp counter, which runs at {tsc:.3} GHz")
    });
    format!("{how}{tsc}; median of {} runs, one thread", timing.runs)
}

/// What our own figures lack in a debug build.
const BUILD: &str = match cfg!(debug_assertions) {
    true => "; a debug build: `cargo run --release` gives figures that count",
    false => "",
};

/// A row of a time on this machine.
pub fn timed(peer: &str, timing: Timing, clocks: Clocks) -> Row {
    Row {
        cycles: Some(cycles(timing, clocks)),
        clock_mhz: Some(clocks.core * 1e3),
        milliseconds: Some(timing.seconds * 1e3),
        note: note(timing, clocks),
        ..Row::new(peer, How::WallClock)
    }
}

fn reference(subject: &Subject, clocks: Clocks) -> Result<Row, Error> {
    let runner = Runner::new(subject.graph)?;
    let mut inputs = Vec::new();
    for (id, bytes) in subject.graph.inputs.iter().zip(&subject.frame) {
        let tensor = &subject.graph[*id];
        inputs.push(Value::new(
            tensor.dtype,
            tensor.shape.clone(),
            bytes.clone(),
        )?);
    }
    let whole = measure(NETWORK, || drop(std::hint::black_box(runner.run(&inputs))));
    // its bytes are what all others are compared with
    let row = timed("this CPU, our reference kernels", whole, clocks);
    let of_layer = |position: usize| {
        let layer = &subject.graph.layers[position];
        let operands = layer
            .inputs
            .iter()
            .flatten()
            .filter_map(|id| subject.trace.get(*id));
        let operands: Vec<&Value> = operands.collect();
        let timing = measure(LAYER, || {
            drop(std::hint::black_box(runner.eval(position, &operands)))
        });
        Some(cycles(timing, clocks))
    };
    Ok(Row {
        layers: subject.by_group(of_layer),
        note: format!("{}{BUILD}", row.note),
        ..row
    })
}

fn fast(subject: &Subject, clocks: Clocks) -> Result<Row, Error> {
    let compiled = &subject.accelerator.compiled;
    let prepared = Prepared::all(&compiled.program, &subject.accelerator.config)?;
    let mut workspaces: Vec<_> = prepared.iter().map(Prepared::workspace).collect();
    let segments: Vec<&Segment> = compiled.cut.runs().collect();
    let maps = |ids: &[TensorId]| ids.iter().map(|id| subject.bytes(*id)).collect();
    let inputs: Vec<Vec<&[u8]>> = segments.iter().map(|run| maps(&run.reads)).collect();
    let mut run = |n: usize| prepared[n].run(&inputs[n], &mut workspaces[n]);
    let mut bytes = Vec::new();
    for (n, segment) in segments.iter().enumerate() {
        let wanted = segment.writes.iter().map(|id| subject.bytes(*id));
        let pairs = wanted
            .zip(run(n)?)
            .map(|(wanted, got)| Bytes::compare(wanted, &got));
        bytes.extend(pairs);
    }
    let timing = measure(NETWORK, || {
        (0..prepared.len()).for_each(|n| drop(std::hint::black_box(run(n))));
    });
    let row = timed("this CPU, our fast kernels", timing, clocks);
    Ok(Row {
        bytes: bytes.into_iter().reduce(Bytes::and),
        note: format!(
            "{}; kernels in {}; without the layers that the host runs{BUILD}",
            row.note,
            prepared[0].level()
        ),
        ours: true,
        ..row
    })
}
