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
mod serve_sim;
mod setup;
mod simulate;
mod synth;

use std::path::Path;

use sepstream_compiler::Live;
use sepstream_spec::config::Config;
use sepstream_spec::graph::Graph;

use crate::cli::{Cli, Command, Follow};
use crate::error::Error;
use crate::outcome::Outcome;

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

/// Reads a model; its name is the stem of the file name. What runs it checks that it can.
fn load_model(path: &Path, follow: &Follow) -> Result<Graph, Error> {
    let bytes = std::fs::read(path).map_err(|cause| Error::file(path, cause))?;
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    Ok(Graph {
        semantics: follow.semantics.into(),
        ..sepstream_compiler::tflite::load(&bytes, &name)?
    })
}

/// Reads a model as an accelerator and its host run it: without what converters write around layers.
fn load_network(path: &Path, follow: &Follow) -> Result<Graph, Error> {
    Ok(sepstream_compiler::simplify(&load_model(path, follow)?))
}

/// What an accelerator is to run of a network.
fn live(graph: &Graph, keep_dead: bool) -> Live {
    if keep_dead {
        Live::all(graph)
    } else {
        Live::of(graph)
    }
}

/// Reads and checks a configuration.
fn load_config(path: &Path) -> Result<Config, Error> {
    let text = std::fs::read_to_string(path).map_err(|cause| Error::file(path, cause))?;
    Config::from_yaml(&text, &path.display().to_string()).map_err(Error::Config)
}
