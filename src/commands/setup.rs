// SPDX-License-Identifier: MIT OR Apache-2.0
//! `sepstream setup`: find the tools, install those that are missing.

use sepstream_sim::softcore::{Core, Rust};
use sepstream_toolchain as tools;
use serde::Serialize;

use crate::cli::Setup;
use crate::error::Error;
use crate::outcome::Outcome;
use crate::progress::{describe, spinner};
use crate::report::json;

#[derive(Serialize)]
struct Report {
    tools: Vec<String>,
}

/// Prints a line about each tool.
pub fn run(args: &Setup) -> Result<Outcome, Error> {
    let spinner = spinner();
    let mut progress = |event| spinner.set_message(describe(event));
    let mut report = Report {
        tools: tools::setup(&mut progress)?,
    };
    if args.synthesis {
        report.tools.extend(tools::setup_synthesis(&mut progress)?);
    }
    if args.peers {
        report.tools.extend(tools::setup_peers(&mut progress)?);
    }
    if args.softcores || args.peers {
        for core in Core::ALL {
            core.verilog(&mut progress)?;
            report.tools.push(format!("Verilog of {}", core.name()));
        }
        // machines without rustup and apt cannot have it, and can do all but this
        report.tools.push(match Rust::setup(&mut progress) {
            Ok(rust) => format!("Rust for RV32IM at {}", rust.program().display()),
            Err(error) => format!("MISSING: {error}"),
        });
    }
    spinner.finish_and_clear();
    println!(
        "{}",
        if args.json {
            json(&report)
        } else {
            report.tools.join("\n")
        }
    );
    Ok(Outcome::Ok)
}
