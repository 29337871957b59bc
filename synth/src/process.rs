// SPDX-License-Identifier: MIT OR Apache-2.0
//! Tools as processes, whose output goes to a file.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Command, ExitStatus};
use std::thread;
use std::time::{Duration, Instant};

use sepstream_toolchain as tools;

use crate::Error;

/// How often is asked whether a tool that may be stopped has ended.
const PERIOD: Duration = Duration::from_millis(50);

/// Runs a tool to its end; what it prints goes to a file, whose last lines an error shows.
pub(crate) fn run(mut command: Command, name: &str, log: &Path) -> Result<(), Error> {
    let status = begin(&mut command, log)?.wait();
    let status = status.map_err(Error::io(command.get_program()))?;
    judge(status, &command, name, log)
}

/// The same, until `is_enough` says of the time it takes that it be stopped: `false` then. What a tool has begun itself is not stopped with
/// it; neither a native nextpnr nor the wheel begins anything.
pub(crate) fn run_until(
    mut command: Command,
    name: &str,
    log: &Path,
    is_enough: impl Fn(Duration) -> bool,
) -> Result<bool, Error> {
    let start = Instant::now();
    let mut child = begin(&mut command, log)?;
    let io = || Error::io(command.get_program());
    loop {
        if let Some(status) = child.try_wait().map_err(io())? {
            return judge(status, &command, name, log).map(|()| true);
        }
        if is_enough(start.elapsed()) {
            child.kill().map_err(io())?;
            child.wait().map_err(io())?;
            return Ok(false);
        }
        thread::sleep(PERIOD);
    }
}

fn begin(command: &mut Command, log: &Path) -> Result<Child, Error> {
    let out = File::create(log).map_err(Error::io(log))?;
    let same = out.try_clone().map_err(Error::io(log))?;
    let child = command.stdout(out).stderr(same).spawn();
    child.map_err(Error::io(command.get_program()))
}

fn judge(status: ExitStatus, command: &Command, name: &str, log: &Path) -> Result<(), Error> {
    if status.success() {
        return Ok(());
    }
    let text = fs::read(log).map_err(Error::io(log))?;
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    let last = lines[lines.len().saturating_sub(20)..].join("\n");
    Err(Error::Tool(tools::Error::Failed {
        name: name.into(),
        command: format!("{command:?}"),
        log: last,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tool_is_stopped_when_it_is_enough() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        let shell = |text: &str| {
            let mut command = Command::new("sh");
            command.args(["-c", text]);
            command
        };
        let ended = |text: &str, is_enough: fn(Duration) -> bool| {
            run_until(shell(text), "sh", &log, is_enough)
        };
        assert!(ended("echo said", |_| false).unwrap());
        assert_eq!(fs::read_to_string(&log).unwrap(), "said\n");
        let start = Instant::now();
        assert!(!ended("exec sleep 600", |time| time > 2 * PERIOD).unwrap());
        assert!(start.elapsed() < Duration::from_secs(300));
        let error = ended("echo wrong; exit 3", |_| false).unwrap_err();
        assert!(error.to_string().ends_with("\nwrong"), "{error}");
    }
}
