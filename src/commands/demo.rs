// SPDX-License-Identifier: MIT OR Apache-2.0
//! `sepstream demo`: the embedded digits network on its generated Verilog.

mod digits;

use std::time::Instant;

use sepstream_compiler::Options;
use sepstream_runtime::compare::compare;
use sepstream_runtime::engine::{Accelerator, Engine, Reference, VerilatorOptions};
use serde::Serialize;

use self::digits::Digits;
use super::run_report::{Against, Report};
use crate::cli::{Demo, EngineKind};
use crate::error::Error;
use crate::outcome::Outcome;
use crate::progress::bar;
use crate::report::{count, json, thousands};

#[derive(Serialize)]
struct DemoReport {
    #[serde(flatten)]
    run: Report,
    /// Cycles of the same frame by the model.
    model_cycles: u64,
    /// Model and Verilog have the same cycles in every layer.
    same_cycles: bool,
    labels: Vec<usize>,
    predictions: Vec<usize>,
}

/// Generates, builds, simulates, shows.
pub fn run(args: &Demo) -> Result<Outcome, Error> {
    let digits = Digits::load(args.frames.get())?;
    let config = digits.config.clone();
    let accelerator = Accelerator::new(&digits.graph, config.clone(), &Options::default())?;
    let by_model = accelerator.model_cycles();
    if !args.json {
        println!(
            "Generating Verilog, building it with Verilator, running {}.",
            count(digits.frames.len(), "test image")
        );
    }
    let mut engine = super::verilator(accelerator, &VerilatorOptions::default())?;
    let bar = bar("images", digits.frames.len());
    let (start, mut seconds) = (Instant::now(), 0.0);
    let results = engine.run(&digits.frames, &mut || {
        bar.inc(1);
        seconds = start.elapsed().as_secs_f64();
    })?;
    bar.finish_and_clear();

    let wanted = Reference::new(&digits.graph)?
        .run(&digits.frames, &mut || ())?
        .outputs;
    let mut report = Report {
        model: digits.graph.name.clone(),
        engine: EngineKind::Verilator,
        config: Some(digits::CONFIG_NAME.into()),
        frames: results.outputs.len(),
        macs: digits.graph.total_macs(),
        multipliers: Some(config.multipliers()),
        seconds_per_frame: seconds / digits.frames.len().max(1) as f64,
        ..Report::default()
    };
    report.set_layers(engine.layers(), results.cycles.as_ref());
    report.set_segments(&engine.segments());
    report.set_comparison(
        Against::Reference,
        compare(&digits.graph, &wanted, &results.outputs),
    );
    let same_cycles = results
        .cycles
        .as_ref()
        .is_some_and(|by_verilog| by_verilog.layers == by_model.layers);
    let report = DemoReport {
        model_cycles: by_model.total,
        same_cycles,
        labels: digits.labels.clone(),
        predictions: digits.predictions(&results.outputs),
        run: report,
    };
    println!(
        "{}",
        if args.json {
            json(&report)
        } else {
            report.text(&digits)
        }
    );
    let equal = report.run.mismatches == Some(0) && same_cycles;
    Ok(if equal { Outcome::Ok } else { Outcome::Differs })
}

impl DemoReport {
    fn text(&self, digits: &Digits) -> String {
        let right = self
            .labels
            .iter()
            .zip(&self.predictions)
            .filter(|(label, got)| label == got)
            .count();
        let cycles = match self.same_cycles {
            true => format!(
                "model and Verilog: {} cycles each, and the same in every layer",
                thousands(self.model_cycles)
            ),
            false => format!(
                "DIFFERENT cycles: {} by the model",
                thousands(self.model_cycles)
            ),
        };
        format!(
            "\n{}\n{right} of {} recognised\n\n{}\n{cycles}",
            digits.draw(&self.predictions),
            count(self.labels.len(), "image"),
            self.run.text(),
        )
    }
}
