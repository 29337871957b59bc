// SPDX-License-Identifier: MIT OR Apache-2.0
//! Verilator's lint over accelerators of configurations by chance: whatever the rules allow, for each family of FPGAs.
//!
//! `SEPSTREAM_CONFIGS=n` draws n of them, `SEPSTREAM_SEED=n` begins with that seed (each has one of its own, which a failure names).

use super::common::tools_present;
use super::verilog::{Text, lint};
use fastrand::Rng;
use sepstream_hdl::Technology;
use sepstream_spec::config::Config;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

/// Configurations of a run: about a minute on two processors.
const DRAWN: u64 = 16;

/// Of a longer text Verilator lints the form without an FPGA's own blocks: thousands of them, each with 150 pins, take it minutes and
/// gigabytes.
const MOST_BYTES: usize = 1_500_000;

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    let number = text.parse();
    Some(number.unwrap_or_else(|_| panic!("{variable} is a number, not {text}")))
}

/// One seed of so many gives a design of any size, the others one that is linted in seconds.
const ANY_SIZE: u64 = 16;

/// The design of a seed.
fn drawn(seed: u64) -> (Config, Technology) {
    let mut rng = Rng::with_seed(seed);
    let technology = *rng.choice(&Technology::ALL).expect("there are some");
    loop {
        let config = Config::drawn(|low, high| rng.u32(low..=high));
        let quick = config.multipliers() <= 512 && config.word_bytes() <= 32;
        if quick || seed.is_multiple_of(ANY_SIZE) {
            return (config, technology);
        }
    }
}

#[test]
fn lint_finds_nothing_in_any_configuration() {
    if !tools_present() {
        return;
    }
    let first = number("SEPSTREAM_SEED").unwrap_or_else(|| fastrand::u64(..1 << 32));
    let end = first + number("SEPSTREAM_CONFIGS").unwrap_or(DRAWN);
    println!("seeds {first} to {}", end - 1);
    let next = AtomicU64::new(first);
    let faults = Mutex::new(Vec::new());
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= end {
                return;
            }
            let (config, technology) = drawn(seed);
            println!("seed {seed}: {technology:?}, {:?}", config.values());
            let mut text = Text::accelerator(&config, technology);
            if text.verilog.len() > MOST_BYTES {
                text = Text::accelerator(&config, Technology::Generic);
            }
            let found = lint(&text, true);
            if !found.is_empty() {
                let fault = format!("seed {seed}: {technology:?}\n{found}");
                println!("{fault}");
                faults.lock().expect("no thread has panicked").push(fault);
            }
        }
    };
    thread::scope(|scope| {
        let threads = thread::available_parallelism().map_or(1, usize::from);
        for _ in 0..threads {
            scope.spawn(work);
        }
    });
    let faults = faults.into_inner().expect("no thread has panicked");
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
