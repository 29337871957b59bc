// SPDX-License-Identifier: MIT OR Apache-2.0
//! Command line of sepstream: parses, calls the crates, prints, and gives the exit code.

mod cli;
mod commands;
mod error;
mod outcome;
mod progress;
mod report;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    match commands::run(cli::Cli::parse()) {
        Ok(outcome) => outcome.exit_code(),
        Err(error) => {
            eprintln!("{error}");
            error.exit_code()
        }
    }
}
