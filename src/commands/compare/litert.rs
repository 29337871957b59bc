// SPDX-License-Identifier: MIT OR Apache-2.0
//! TensorFlow Lite on this machine, where its Python package is installed.

use std::fs;
use std::path::Path;

use sepstream_toolchain::{LITERT, Python};

use super::Subject;
use super::clock::{Clocks, Timing};
use super::host::{NETWORK, timed};
use super::report::{Bytes, How, Row};
use crate::error::Error;

/// Kernels of TensorFlow Lite: what the script calls them, and what people do.
const KERNELS: [(&str, &str); 2] = [
    ("reference", "this CPU, TensorFlow Lite reference kernels"),
    ("xnnpack", "this CPU, TensorFlow Lite with XNNPACK"),
];

/// A row for each.
pub fn rows(subject: &Subject, model: &Path) -> Result<Vec<Row>, Error> {
    let Some(python) = Python::with(&LITERT)? else {
        let row =
            |(_, peer): &(&str, &str)| Row::missing(*peer, How::WallClock, LITERT.way_to_install());
        return Ok(KERNELS.iter().map(row).collect());
    };
    let clocks = Clocks::measure();
    let row = |(kernels, peer): &(&str, &str)| run(subject, model, &python, kernels, peer, clocks);
    KERNELS.iter().map(row).collect()
}

fn run(
    subject: &Subject,
    model: &Path,
    python: &Python,
    kernels: &str,
    peer: &str,
    clocks: Clocks,
) -> Result<Row, Error> {
    let temporary = std::env::temp_dir();
    let folder = tempfile::tempdir().map_err(|cause| Error::file(&temporary, cause))?;
    let (source, target) = (folder.path().join("input"), folder.path().join("output"));
    fs::write(&source, subject.frame.concat()).map_err(|cause| Error::file(&source, cause))?;
    let mut command = python.command();
    command.args(["-c", include_str!("litert.py")]).arg(model);
    command
        .args([kernels, &NETWORK.as_secs_f64().to_string()])
        .arg(&source)
        .arg(&target);
    let failed = |why: String| {
        Row::missing(
            peer,
            How::WallClock,
            format!("{} does not run this model: {why}", LITERT.package),
        )
    };
    let output = match command.output() {
        Ok(output) if output.status.success() => output,
        Ok(output) => {
            let log = String::from_utf8_lossy(&output.stderr);
            return Ok(failed(log.lines().last().unwrap_or_default().to_owned()));
        }
        Err(error) => return Ok(failed(error.to_string())),
    };
    let text = String::from_utf8_lossy(&output.stdout);
    let mut numbers = text.split_whitespace();
    let seconds = numbers.next().and_then(|word| word.parse().ok());
    let runs = numbers.next().and_then(|word| word.parse().ok());
    let (Some(seconds), Some(runs)) = (seconds, runs) else {
        return Ok(failed(format!("it prints {text:?}")));
    };
    let timing = Timing {
        seconds,
        counted: None,
        runs,
    };
    let got = fs::read(&target).map_err(|cause| Error::file(&target, cause))?;
    let row = timed(peer, timing, clocks);
    Ok(Row {
        bytes: Some(Bytes::compare(&subject.wanted().concat(), &got)),
        note: format!("{} {}; {}", LITERT.package, LITERT.version, row.note),
        ..row
    })
}
