// SPDX-License-Identifier: MIT OR Apache-2.0
//! The parts of `README.md` that `sepstream bench` generates.

use sepstream_spec::config::Config;
use serde_json::Value;

use super::cases::{Case, Cases, Peer};
use super::judge::{Figures, number};
use crate::error::Error;
use crate::markers::replace;
use crate::report::{percent, thousands};

/// Name in the markers.
const COMMAND: &str = "sepstream bench";

/// `text` with its generated parts as they must be; figures in the order of the cases.
pub fn fill(
    text: &str,
    cases: &Cases,
    figures: &[Figures],
    digits: &Value,
) -> Result<String, Error> {
    let text = replace(text, "accuracy", COMMAND, &accuracy(digits)?).map_err(Error::Input)?;
    replace(&text, "results", COMMAND, &table(cases, figures)?).map_err(Error::Input)
}

/// The sentence about the accuracy of the embedded network, from `models/digits.json`.
fn accuracy(digits: &Value) -> Result<String, Error> {
    let number = |pointer: &str| {
        let value = digits.pointer(pointer).and_then(Value::as_f64);
        value.ok_or_else(|| Error::Input(format!("models/digits.json: no number at {pointer}")))
    };
    Ok(format!(
        "Of {} held-out images it recognises {:.2} % in floating point, and {:.2} % in INT8.\n",
        number("/split/test")?,
        number("/accuracy/float")? * 100.0,
        number("/accuracy/int8")? * 100.0,
    ))
}

/// The table of results, and where the peers' figures come from.
fn table(cases: &Cases, figures: &[Figures]) -> Result<String, Error> {
    let mut text = String::from(
        "| network | tn x tm + lanes x taps | multipliers | cycles | must reach, stretch | utilisation | \
         cycles between frames | output bytes equal | peers: cycles, utilisation |\n\
         |---|---|--:|--:|--:|--:|--:|--:|---|\n",
    );
    for (case, figures) in cases.cases.iter().zip(figures) {
        let get = |field: &str| required(case, figures, field);
        let (macs, cycles, multipliers) = (get("macs")?, get("cycles")?, get("multipliers")?);
        let (compared, mismatches) = (get("compared")?, get("mismatches")?);
        let limits = case.must_reach.into_iter().chain(case.stretch);
        let peers: Vec<_> = case.peers.iter().map(|peer| describe(peer, macs)).collect();
        text += &format!(
            "| {} | {} | {multipliers} | {} | {} | {} | {} | {} of {} | {} |\n",
            case.title,
            parallelism(case)?,
            thousands(cycles),
            limits.map(thousands).collect::<Vec<_>>().join(", "),
            own_share(case, figures, cycles * multipliers)?,
            thousands(get("interval")?),
            thousands(compared - mismatches),
            thousands(compared),
            peers.join("; "),
        );
    }
    text.push('\n');
    for line in cases.sources_by_peer() {
        text += &format!("- {line}\n");
    }
    Ok(text)
}

/// A number that every case has.
fn required(case: &Case, figures: &Figures, field: &str) -> Result<u64, Error> {
    number(figures, field).ok_or_else(|| {
        let file = case.committed();
        Error::Input(format!("{}: no number `{field}`", file.display()))
    })
}

/// Our utilisation by the MACs of the file, as that of peers; where dead channels are left out also by those that remain.
fn own_share(case: &Case, figures: &Figures, products: u64) -> Result<String, Error> {
    let get = |field: &str| required(case, figures, field);
    let of_file = share(get("macs")?, products);
    Ok(match get("dead_channels")? {
        0 => of_file,
        dead => format!(
            "{of_file}; {} of what remains without {} dead of {} channels",
            share(get("live_macs")?, products),
            thousands(dead),
            thousands(get("channels")?),
        ),
    })
}

/// A peer: its cycles, and what it needs for them.
pub fn describe(peer: &Peer, macs: u64) -> String {
    let cycles = thousands(peer.cycles);
    match (peer.multipliers, peer.dsps) {
        (Some(multipliers), _) => {
            let share = share(macs, peer.cycles * multipliers);
            format!("{} {cycles}, {share}", peer.name)
        }
        (None, Some(dsps)) => format!("{} {cycles} with {dsps} DSPs", peer.name),
        (None, None) => format!("{} {cycles}", peer.name),
    }
}

fn share(part: u64, whole: u64) -> String {
    percent(part as f64 / whole as f64)
}

/// A configuration as its numbers, linked.
fn parallelism(case: &Case) -> Result<String, Error> {
    let config: Config = crate::commands::load_config(case.config.as_ref())?;
    let v = config.values();
    let numbers = format!("{}x{} + {}x{}", v.tn, v.tm, v.lanes, v.taps);
    Ok(format!("[{numbers}]({})", case.config))
}
