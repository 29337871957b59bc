// SPDX-License-Identifier: MIT OR Apache-2.0
//! Verilator's lint over accelerators of configurations by chance: whatever the rules allow, for each family of FPGAs.
//!
//! `SEPSTREAM_CONFIGS=n` draws n new ones. A failure names the command that repeats it.

use super::verilog::{Text, lint};
use fastrand::Rng;
use sepstream_hdl::Technology;
use sepstream_spec::config::Config;
use sepstream_testkit::{seeds, tools_present};

/// Configurations that are always the same.
const FIXED: u64 = 4;
/// New ones of a run: with those about a minute on two processors.
const NEW: u64 = 12;

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
    let seeds = seeds!(FIXED, number("SEPSTREAM_CONFIGS").unwrap_or(NEW));
    seeds.for_all(|seed| {
        let (config, technology) = drawn(seed);
        println!("seed {seed}: {technology:?}, {:?}", config.values());
        let mut text = Text::accelerator(&config, technology);
        if text.verilog.len() > MOST_BYTES {
            text = Text::accelerator(&config, Technology::Generic);
        }
        let found = lint(&text, true);
        if found.is_empty() {
            return Vec::new();
        }
        println!("{found}");
        vec![format!("{technology:?}\n{found}")]
    });
}
