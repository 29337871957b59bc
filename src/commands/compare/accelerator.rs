// SPDX-License-Identifier: MIT OR Apache-2.0
//! The accelerator: by its model, and in Verilator where that is wanted.

use std::num::NonZeroUsize;

use sepstream_runtime::engine::{Accelerator, Engine, Model, VerilatorOptions};

use super::Subject;
use super::report::{Bytes, How, Row};
use crate::error::Error;

/// A row of the model, and one of the Verilog.
pub fn rows(subject: &Subject, verify: bool) -> Result<Vec<Row>, Error> {
    let multipliers = subject.accelerator.config.multipliers();
    let compiled = &subject.accelerator;
    let fresh = || Accelerator::new(subject.graph, compiled.config.clone(), &subject.options);
    let mut model = Model::new(fresh()?, NonZeroUsize::MIN)?;
    let mut rows = vec![row(
        subject,
        "accelerator",
        How::Model,
        &mut model,
        multipliers,
    )?];
    if verify {
        let mut verilog = crate::commands::verilator(fresh()?, &VerilatorOptions::default())?;
        rows.push(row(
            subject,
            "accelerator in Verilator",
            How::Rtl,
            &mut verilog,
            multipliers,
        )?);
    }
    Ok(rows)
}

fn row(
    subject: &Subject,
    peer: &str,
    how: How,
    engine: &mut dyn Engine,
    multipliers: u32,
) -> Result<Row, Error> {
    let run = engine.run(std::slice::from_ref(&subject.frame), &mut || ())?;
    let outputs = run.outputs.first().map_or(&[][..], Vec::as_slice);
    let pairs = subject.wanted().into_iter().zip(outputs);
    let bytes = pairs.map(|(wanted, got)| Bytes::compare(wanted, got));
    Ok(Row {
        cycles: run.cycles.as_ref().map(|cycles| cycles.total),
        layers: run.cycles.map(|cycles| cycles.layers).unwrap_or_default(),
        multipliers: Some(multipliers),
        bytes: bytes.reduce(Bytes::and),
        note: "from start, the input in its memory, to the last output byte; without the layers that the host runs".into(),
        ours: true,
        on_fpga: true,
        ..Row::new(peer, how)
    })
}
