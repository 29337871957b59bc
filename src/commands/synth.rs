// SPDX-License-Identifier: MIT OR Apache-2.0
//! `sepstream synth`: the bitstream of a board, and how fast it is.

use sepstream_runtime::Error as RunError;
use sepstream_spec::config::Config;
use sepstream_synth::flow::{self, CriticalPath, Report, Request, Run, Step};
use sepstream_synth::pll::Mhz;
use sepstream_synth::{Board, Error as SynthError};

use super::cells::{cell_table, estimate_line};
use crate::cli;
use crate::error::Error;
use crate::outcome::Outcome;
use crate::progress::{describe, spinner};
use crate::report::{json, percent, thousands};

/// Name of the report beside the bitstream.
const REPORT: &str = "report.json";

/// Makes the bitstream, and prints what it took and how fast it is.
pub fn run(args: &cli::Synth) -> Result<Outcome, Error> {
    let board = Board::find(&args.board).map_err(SynthError::from)?;
    let config = config(args, &board)?;
    let program = match &args.model {
        Some(path) => {
            let graph = super::load_network(path, &args.follow)?;
            let options = args.lower.into();
            Some((
                path,
                sepstream_compiler::compile_with(&graph, &config, &options)?,
            ))
        }
        None => None,
    };
    let folder = &args.output;
    std::fs::create_dir_all(folder).map_err(|cause| Error::file(folder, cause))?;
    let request = Request {
        freq_hz: args.freq.unwrap_or(board.freq_hz()),
        pins: args.link.into(),
        seeds: args.seeds,
        ..Request::new(&board, &config, folder)
    };
    // what has no estimate is refused by the run, which first removes an old bitstream
    if let Ok(estimate) = flow::estimate(&request)
        && !args.json
    {
        let line = estimate_line(&estimate.total, board.part().device());
        println!("estimate: {line}");
    }
    // one of an earlier run must not pass for that of this one
    let file = folder.join(REPORT);
    if let Err(cause) = std::fs::remove_file(&file)
        && cause.kind() != std::io::ErrorKind::NotFound
    {
        return Err(Error::file(&file, cause));
    }
    let spinner = spinner();
    let report = flow::run(&request, &mut |step| match step {
        Step::Tried(run) => spinner.println(told(&run)),
        step => spinner.set_message(begun(step)),
    })?;
    spinner.finish_and_clear();
    std::fs::write(&file, json(&report) + "\n").map_err(|cause| Error::file(&file, cause))?;
    if let Some((model, program)) = program {
        let file = folder.join(model.with_extension("prog").file_name().unwrap_or_default());
        std::fs::write(&file, program.program.to_bytes())
            .map_err(|cause| Error::file(&file, cause))?;
    }
    println!(
        "{}",
        if args.json {
            json(&report)
        } else {
            text(&report, &board, args)
        }
    );
    if report.met {
        return Ok(Outcome::Ok);
    }
    Err(Error::ClockMissed {
        wanted: Mhz((report.clock_mhz * 1e6) as u32).to_string(),
        reached: format!("{:.1}", report.fmax_mhz),
        path: report.critical_path.as_ref().map_or(String::new(), path),
    })
}

/// The configuration that is named, else the board's own.
fn config(args: &cli::Synth, board: &Board) -> Result<Config, Error> {
    if let Some(path) = &args.config {
        return super::load_config(path);
    }
    let file = board.config_file();
    let text = board.config_text().ok_or_else(|| {
        Error::Input(format!(
            "{} names the configuration {file}, which is none of the embedded ones; give one with --config",
            board.id()
        ))
    })?;
    let checked = Config::from_yaml(text, &format!("configs/{file}"));
    Ok(checked.map_err(RunError::Config)?)
}

/// What has begun.
fn begun(step: Step) -> String {
    match step {
        Step::Tool(event) => describe(event),
        Step::Map => "Yosys maps the design to cells".into(),
        Step::Place { seed, seeds } => format!("nextpnr places and routes, seed {seed} of {seeds}"),
        Step::Pack => "packing the bitstream".into(),
        _ => "working".into(),
    }
}

fn text(report: &Report, board: &Board, args: &cli::Synth) -> String {
    let mut text = cell_table(report.device, &report.units, &report.total, Vec::new());
    let placed: Vec<String> = report
        .resources
        .iter()
        .map(|r| {
            format!(
                "{} {} of {}",
                r.name,
                thousands(r.used),
                thousands(r.available)
            )
        })
        .collect();
    text += &format!("\n\nplaced: {}", placed.join(", "));
    for run in &report.runs {
        text += &format!("\n{}", told(run));
    }
    if let Some(critical) = &report.critical_path {
        text += &format!("\nslowest path: {}", path(critical));
    }
    text += &format!(
        "\n{}: {} MHz wanted, {:.1} MHz reached, margin {}; {}",
        board.title(),
        report.clock_mhz,
        report.fmax_mhz,
        percent(report.margin),
        report.tools.join(", ")
    );
    if let Some(bitstream) = &report.bitstream {
        text += &format!("\n{}", args.output.join(bitstream).display());
    }
    if !board.note().is_empty() {
        text += &format!("\nnote: {}", board.note());
    }
    text
}

/// What came of a seed.
fn told(run: &Run) -> String {
    let reached = match run.fmax_mhz {
        Some(mhz) => format!("{mhz:.1} MHz"),
        None => format!("not routed ({})", run.fault.as_deref().unwrap_or_default()),
    };
    format!("seed {}: {reached}, in {:.0} s", run.seed, run.seconds)
}

/// A path in words.
fn path(path: &CriticalPath) -> String {
    let hops: Vec<String> = path
        .hops
        .iter()
        .map(|hop| format!("{} {:.1}", hop.unit, hop.ns))
        .collect();
    format!(
        "{:.1} ns from {} to {}, {} cells of logic, {:.1} ns on wires; ns by unit: {}",
        path.ns,
        path.from,
        path.to,
        path.levels,
        path.routing_ns,
        hops.join(", ")
    )
}
