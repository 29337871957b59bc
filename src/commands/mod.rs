// SPDX-License-Identifier: MIT OR Apache-2.0
//! One file per command, and what they share: reading files.

mod area;
mod bench;
mod boards;
mod cells;
mod compare;
mod compile;
mod demo;
mod flash;
mod generate;
mod inspect;
mod run;
mod run_report;
mod segments;
mod serve_sim;
mod setup;
mod simulate;
mod synth;

use std::path::Path;

use sepstream_runtime::engine::{Accelerator, Verilator, VerilatorOptions};
use sepstream_runtime::files;
use sepstream_spec::config::Config;
use sepstream_spec::graph::Graph;

use crate::cli::{Cli, Command, Follow};
use crate::error::Error;
use crate::outcome::Outcome;
use crate::progress::{describe, spinner};

/// Runs the command of the command line.
pub fn run(cli: Cli) -> Result<Outcome, Error> {
    match cli.command {
        Command::Generate(args) => generate::run(&args),
        Command::Compile(args) => compile::run(&args),
        Command::Inspect(args) => inspect::run(&args),
        Command::Simulate(args) => simulate::run(&args),
        Command::Run(args) => run::run(&args),
        Command::ServeSim(args) => serve_sim::run(&args),
        Command::Demo(args) => demo::run(&args),
        Command::Bench(args) => bench::run(&args),
        Command::Compare(args) => compare::run(&args),
        Command::Area(args) => area::run(&args),
        Command::Synth(args) => synth::run(&args),
        Command::Boards(args) => boards::run(&args),
        Command::Flash(args) => flash::run(&args),
        Command::Setup(args) => setup::run(&args),
    }
}

/// Reads a model as it is in its file.
fn load_model(path: &Path, follow: &Follow) -> Result<Graph, Error> {
    Ok(files::read_model(path, follow.semantics.into())?)
}

/// Reads a model as an accelerator and its host run it.
fn load_network(path: &Path, follow: &Follow) -> Result<Graph, Error> {
    Ok(files::read_network(path, follow.semantics.into())?)
}

/// Generates and builds an accelerator's Verilog; what is done shows on the terminal.
fn verilator<'g>(
    accelerator: Accelerator<'g>,
    options: &VerilatorOptions,
) -> Result<Verilator<'g>, Error> {
    let spinner = spinner();
    let mut progress = |event| spinner.set_message(describe(event));
    let built = Verilator::new(accelerator, options, &mut progress)?;
    spinner.finish_and_clear();
    Ok(built)
}

/// Reads and checks a configuration.
fn load_config(path: &Path) -> Result<Config, Error> {
    Ok(files::read_config(path)?)
}
