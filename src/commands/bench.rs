// SPDX-License-Identifier: MIT OR Apache-2.0
//! `sepstream bench`: the published networks, against what is committed, what must be reached, and what others need.

mod cases;
mod judge;
mod pages;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use self::cases::{Case, Cases, Peer};
use self::judge::{Figures, number};
use super::simulate;
use crate::cli::{Bench, EngineKind, Follow, Lower, Simulate};
use crate::error::Error;
use crate::outcome::Outcome;
use crate::progress::bar;
use crate::report::{Column, json, or_dash, table, thousands};

/// Folder of the committed figures.
const RESULTS: &str = "docs/results";
/// What other tasks keep there.
const OTHER_RESULTS: [&str; 4] = ["area_", "board_", "compare", "speed"];
/// Other on every run, or on every processor.
const NOT_COMMITTED: [&str; 2] = ["seconds_per_frame", "kernels"];

/// Results of all cases.
#[derive(Serialize)]
struct Report {
    engine: EngineKind,
    cases: Vec<Row>,
    /// Where the peers' figures come from.
    sources: BTreeMap<String, String>,
    /// What is wrong besides the cases.
    problems: Vec<String>,
}

/// A case and how it went.
#[derive(Serialize)]
struct Row {
    id: String,
    title: String,
    config: String,
    multipliers: Option<u64>,
    cycles: Option<u64>,
    interval: Option<u64>,
    committed_cycles: Option<u64>,
    must_reach: Option<u64>,
    stretch: Option<u64>,
    compared: Option<u64>,
    mismatches: Option<u64>,
    peers: Vec<Peer>,
    /// Its model is not there.
    skipped: bool,
    problems: Vec<String>,
}

/// Runs all cases, judges them, and writes the figures where that is wanted.
pub fn run(args: &Bench) -> Result<Outcome, Error> {
    let cases = Cases::load()?;
    if args.write && args.engine != EngineKind::Verilator {
        return Err(Error::Input(
            "--write publishes what the Verilog does; use --engine verilator with it".into(),
        ));
    }
    let bar = bar("cases", cases.cases.len());
    let (mut rows, mut current) = (Vec::new(), Vec::new());
    for case in &cases.cases {
        let committed: Option<Figures> = read_json(&case.committed())?;
        let now = match case.files(&args.models) {
            Ok((model, golden)) => Some(measure(args, case, model, golden)?),
            Err(missing) => skip(args, case, &missing)?,
        };
        let mut problems = Vec::new();
        if let Some(now) = &now {
            problems = judge::failures(case, now);
            if !args.write {
                problems.extend(judge::worse(now, committed.as_ref()));
            }
            if args.check {
                problems.extend(judge::outdated(now, committed.as_ref()));
            }
        }
        rows.push(row(case, now.as_ref(), committed.as_ref(), problems));
        current.push(if args.write { now } else { committed });
        bar.inc(1);
    }
    bar.finish_and_clear();

    let fine = rows.iter().all(|row| row.problems.is_empty());
    let mut report = Report {
        engine: args.engine,
        cases: rows,
        sources: cases.sources.clone(),
        problems: Vec::new(),
    };
    // with the figures of every case, those of this run or the committed ones
    let figures: Option<Vec<Figures>> = current.into_iter().collect();
    match figures {
        Some(figures) if args.write && fine => write(&cases, &figures)?,
        Some(figures) if args.check => report.problems = check_files(&cases, &figures)?,
        _ => {}
    }
    let fine = fine && report.problems.is_empty();
    println!(
        "{}",
        if args.json {
            json(&report)
        } else {
            text(&report, &cases)
        }
    );
    Ok(if fine { Outcome::Ok } else { Outcome::Differs })
}

/// Runs a case; its figures as they are committed.
fn measure(args: &Bench, case: &Case, model: PathBuf, golden: PathBuf) -> Result<Figures, Error> {
    let report = simulate::execute(&Simulate {
        model,
        follow: Follow::default(),
        config: Some(case.config.clone().into()),
        engine: args.engine,
        input: None,
        check: Some(golden),
        frames: None,
        repeat: None,
        threads: None,
        layers: None,
        trace: None,
        stalls: None,
        lower: Lower::default(),
        seed: 1,
        json: true,
    })?;
    // through text, as committed figures went: numbers are then equal where their text is
    let mut figures: Figures = serde_json::from_str(&json(&report))
        .map_err(|error| Error::Input(format!("case {}: {error}", case.id)))?;
    NOT_COMMITTED
        .iter()
        .for_each(|field| drop(figures.remove(*field)));
    Ok(figures)
}

/// A case without its model: left out with a line for a person, a failure where everything must be there or be written.
fn skip(args: &Bench, case: &Case, missing: &Path) -> Result<Option<Figures>, Error> {
    let message = format!(
        "{}: no file {}; {}",
        case.id,
        missing.display(),
        case.way_to_files()
    );
    if args.write || std::env::var("REQUIRE_TOOLS").is_ok_and(|value| value == "1") {
        return Err(Error::Input(message));
    }
    eprintln!("SKIPPED: {message}");
    Ok(None)
}

fn row(
    case: &Case,
    now: Option<&Figures>,
    committed: Option<&Figures>,
    problems: Vec<String>,
) -> Row {
    let get = |field| number(now?, field);
    Row {
        id: case.id.clone(),
        title: case.title.clone(),
        config: case.config.clone(),
        multipliers: get("multipliers"),
        cycles: get("cycles"),
        interval: get("interval"),
        committed_cycles: committed.and_then(|figures| number(figures, "cycles")),
        must_reach: case.must_reach,
        stretch: case.stretch,
        compared: get("compared"),
        mismatches: get("mismatches"),
        peers: case.peers.clone(),
        skipped: now.is_none(),
        problems,
    }
}

/// Writes the figures and the generated parts of the pages.
fn write(cases: &Cases, figures: &[Figures]) -> Result<(), Error> {
    let save =
        |path: &Path, text: String| fs::write(path, text).map_err(|cause| Error::file(path, cause));
    fs::create_dir_all(RESULTS).map_err(|cause| Error::file(Path::new(RESULTS), cause))?;
    for (case, figures) in cases.cases.iter().zip(figures) {
        save(&case.committed(), json(figures) + "\n")?;
    }
    for page in pages(cases, figures)? {
        if page.old != page.new {
            save(Path::new(page.path), page.new)?;
        }
    }
    Ok(())
}

fn pages(cases: &Cases, figures: &[Figures]) -> Result<[pages::Page; 2], Error> {
    let path = Path::new("models/digits.json");
    let digits = read_json(path)?.unwrap_or(serde_json::Value::Null);
    pages::pages(cases, figures, &digits)
}

/// What is wrong with the files as a whole.
fn check_files(cases: &Cases, figures: &[Figures]) -> Result<Vec<String>, Error> {
    let mut problems = Vec::new();
    let pages = pages(cases, figures)?;
    for page in pages.iter().filter(|page| page.old != page.new) {
        let path = page.path;
        problems.push(format!("{path} is not what the committed figures give"));
    }
    let failed = |cause| Error::file(Path::new(RESULTS), cause);
    for entry in fs::read_dir(RESULTS).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let stem = path.file_stem().unwrap_or_default().to_string_lossy();
        let known = cases.cases.iter().any(|case| case.id == stem)
            || OTHER_RESULTS.iter().any(|head| stem.starts_with(head));
        if path.extension().is_some_and(|end| end == "json") && !known {
            problems.push(format!("{}: no case gives it", path.display()));
        }
    }
    problems.sort();
    Ok(problems)
}

/// A JSON file; `None` when there is none.
fn read_json<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, Error> {
    match fs::read_to_string(path) {
        Ok(text) => serde_json::from_str(&text)
            .map(Some)
            .map_err(|error| Error::Input(format!("{}: {error}", path.display()))),
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(cause) => Err(Error::file(path, cause)),
    }
}

/// The report for people.
fn text(report: &Report, cases: &Cases) -> String {
    use Column::{Number, Text};
    let number = |number: Option<u64>| or_dash(number.map(thousands));
    let rows = report.cases.iter().map(|row| {
        let peers = row.peers.iter();
        let peers = peers.map(|peer| format!("{} {}", peer.name, thousands(peer.cycles)));
        let verdict = match (row.skipped, row.problems.is_empty()) {
            (true, _) => "skipped",
            (false, true) => "ok",
            (false, false) => "FAILED",
        };
        vec![
            row.id.clone(),
            number(row.multipliers),
            number(row.cycles),
            number(row.committed_cycles),
            number(row.must_reach),
            number(row.stretch),
            peers.collect::<Vec<_>>().join(", "),
            verdict.into(),
        ]
    });
    let columns = [
        Text("case"),
        Number("multipliers"),
        Number("cycles"),
        Number("committed"),
        Number("must reach"),
        Number("stretch"),
        Text("peers' cycles"),
        Text("verdict"),
    ];
    let mut text = table(&columns, rows);
    for line in cases.sources_by_peer() {
        text += &format!("\n{line}");
    }
    let of_cases = report.cases.iter().flat_map(|row| {
        let line = |problem: &String| format!("{}: {problem}", row.id);
        row.problems.iter().map(line).collect::<Vec<_>>()
    });
    for problem in of_cases.chain(report.problems.iter().cloned()) {
        text += &format!("\nFAILED: {problem}");
    }
    text
}
