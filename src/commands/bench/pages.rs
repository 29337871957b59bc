// SPDX-License-Identifier: MIT OR Apache-2.0
//! The parts of `README.md` and `docs/results.md` that `sepstream bench` generates.

use std::fs;
use std::path::Path;

use sepstream_spec::config::Config;
use serde_json::Value;

use super::cases::{Case, Cases, Peer};
use super::judge::{Figures, number};
use crate::error::Error;
use crate::report::{percent, thousands};
use sepstream_publish::markers::replace;

/// Name in the markers.
const COMMAND: &str = "sepstream bench";

const README: &str = "README.md";
const RESULTS: &str = "docs/results.md";

/// A page with generated parts.
pub struct Page {
    /// Its file.
    pub path: &'static str,
    /// Its text as it is.
    pub old: String,
    /// Its text as it must be.
    pub new: String,
}

/// The pages, for figures in the order of the cases.
///
/// # Errors
/// When a page cannot be read or lacks its markers, or a figure is missing.
pub fn pages(cases: &Cases, figures: &[Figures], digits: &Value) -> Result<[Page; 2], Error> {
    let readme = [
        ("accuracy", accuracy(digits)?),
        ("summary", summary(cases, figures)?),
    ];
    let results = [("results", table(cases, figures)?)];
    Ok([page(README, &readme)?, page(RESULTS, &results)?])
}

fn page(path: &'static str, parts: &[(&str, String)]) -> Result<Page, Error> {
    let old = fs::read_to_string(path).map_err(|cause| Error::file(Path::new(path), cause))?;
    let mut new = old.clone();
    for (part, content) in parts {
        new = replace(&new, part, COMMAND, content)
            .map_err(|fault| Error::Input(format!("{path}: {fault}")))?;
    }
    Ok(Page { path, old, new })
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

/// The short table: networks that others have figures for.
fn summary(cases: &Cases, figures: &[Figures]) -> Result<String, Error> {
    let mut text = String::from(
        "| network | multipliers | cycles | output bytes equal | peers: cycles |\n\
         |---|--:|--:|--:|---|\n",
    );
    let rows = cases.cases.iter().zip(figures);
    for (case, figures) in rows.filter(|(case, _)| !case.peers.is_empty()) {
        let get = |field: &str| required(case, figures, field);
        let (compared, mismatches) = (get("compared")?, get("mismatches")?);
        let peers: Vec<_> = case
            .peers
            .iter()
            .map(|peer| format!("{} {}", peer.name, thousands(peer.cycles)))
            .collect();
        text += &format!(
            "| {} | {} | {} | {} of {} | {} |\n",
            case.title,
            get("multipliers")?,
            thousands(get("cycles")?),
            thousands(compared - mismatches),
            thousands(compared),
            peers.join("; "),
        );
    }
    Ok(text)
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

/// A configuration as its numbers, linked from the page of results.
fn parallelism(case: &Case) -> Result<String, Error> {
    let config: Config = crate::commands::load_config(case.config.as_ref())?;
    let v = config.values();
    let numbers = format!("{}x{} + {}x{}", v.tn, v.tm, v.lanes, v.taps);
    Ok(format!("[{numbers}](../{})", case.config))
}
