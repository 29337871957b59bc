// SPDX-License-Identifier: MIT OR Apache-2.0
//! Runs test programs, two at a time: many end with one long test, beside which another program uses the other processors.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, Sender};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use crate::binaries::Binary;
use crate::times::{self, Times};

/// Programs at once.
const AT_ONCE: usize = 2;

/// Tests that took longer than this are left out of a fast run.
const FAST_SECONDS: f64 = 4.0;

/// Rows of the table of slowest tests.
const SHOWN: usize = 15;

/// A program that has ended.
struct Ended {
    name: String,
    passed: bool,
    seconds: f64,
    /// What it printed.
    text: String,
}

/// Runs the programs, prints what each printed when it has ended, and then the slowest tests; true if all passed.
pub fn run(binaries: &[Binary], fast: bool) -> bool {
    let kept = times::kept();
    let left_out: Vec<&String> = kept
        .iter()
        .filter(|(_, seconds)| fast && **seconds > FAST_SECONDS)
        .map(|(name, _)| name)
        .collect();
    let queue = Mutex::new(longest_first(binaries, &kept));
    let (sender, ended) = mpsc::channel();
    let mut times = Times::new();
    let mut failed = Vec::new();
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            let (sender, queue, left_out) = (sender.clone(), &queue, &left_out);
            scope.spawn(move || work(queue, left_out, &sender));
        }
        drop(sender);
        for program in ended {
            println!("\n-- {} in {:.1} s", program.name, program.seconds);
            print!("{}", program.text);
            for (test, seconds) in program.text.lines().filter_map(times::timed) {
                times.insert(format!("{} {test}", program.name), seconds);
            }
            if !program.passed {
                failed.push(program.name);
            }
        }
    });
    times::keep(&times);
    println!("\nThe slowest of {} tests, in seconds:", times.len());
    print!("{}", times::slowest(&times, SHOWN));
    if !left_out.is_empty() {
        println!("Left out, for they took more than {FAST_SECONDS} s:");
        left_out.iter().for_each(|name| println!("         {name}"));
    }
    if !failed.is_empty() {
        println!("Tests failed in: {}", failed.join(", "));
    }
    failed.is_empty()
}

/// The programs in the order in which they begin: what takes longest comes first, so that no long one is left for the end.
fn longest_first<'a>(binaries: &'a [Binary], kept: &Times) -> VecDeque<&'a Binary> {
    let seconds = |binary: &&Binary| -> f64 {
        let own = |name: &str| name.split(' ').next() == Some(binary.name.as_str());
        kept.iter()
            .filter(|(name, _)| own(name))
            .map(|(_, s)| s)
            .sum()
    };
    let mut sorted: Vec<&Binary> = binaries.iter().collect();
    sorted.sort_by(|a, b| seconds(b).total_cmp(&seconds(a)));
    sorted.into()
}

fn work(queue: &Mutex<VecDeque<&Binary>>, left_out: &[&String], sender: &Sender<Ended>) {
    loop {
        let next = queue
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop_front();
        let Some(binary) = next else { return };
        let start = Instant::now();
        let (passed, text) = execute(binary, left_out);
        let ended = Ended {
            name: binary.name.clone(),
            passed,
            seconds: start.elapsed().as_secs_f64(),
            text,
        };
        if sender.send(ended).is_err() {
            return; // nobody prints any more
        }
    }
}

/// Runs a program to its end; whether it passed, and what it printed.
fn execute(binary: &Binary, left_out: &[&String]) -> (bool, String) {
    let mut command = Command::new(&binary.program);
    command
        .current_dir(&binary.folder)
        .env("CARGO_MANIFEST_DIR", &binary.folder)
        // a snapshot that differs is a failure, not a file to look at later
        .env("INSTA_UPDATE", "no")
        // tests tell their times on a stable toolchain only when asked so; nothing is compiled here
        .env("RUSTC_BOOTSTRAP", "1")
        .args(["-Z", "unstable-options", "--report-time"]);
    for name in left_out {
        if let Some((program, test)) = name.split_once(' ')
            && program == binary.name
        {
            command.args(["--exact", "--skip", test]);
        }
    }
    command.stdin(Stdio::null());
    match both_streams(command) {
        Ok((passed, text)) => (passed, text),
        Err(error) => (
            false,
            format!("cannot run {}: {error}\n", binary.program.display()),
        ),
    }
}

/// What a program prints to both streams, in order.
fn both_streams(mut command: Command) -> std::io::Result<(bool, String)> {
    let (reader, writer) = std::io::pipe()?;
    let mut child = command.stdout(writer.try_clone()?).stderr(writer).spawn()?;
    // the command holds the writing ends, and the pipe would never end
    drop(command);
    let mut text = Vec::new();
    let mut reader = BufReader::new(reader);
    while reader.read_until(b'\n', &mut text)? > 0 {}
    Ok((
        child.wait()?.success(),
        String::from_utf8_lossy(&text).into_owned(),
    ))
}
