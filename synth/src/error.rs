// SPDX-License-Identifier: MIT OR Apache-2.0
//! What can go wrong in synthesis.

use std::path::PathBuf;

use sepstream_hdl::link::LinkError;
use sepstream_toolchain as tools;

use crate::area::Unit;
use crate::board::{Board, BoardError};
use crate::estimate::{Estimate, EstimateError};
use crate::pll::Impossible;

/// Synthesis could not be done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A tool is missing or failed.
    #[error(transparent)]
    Tool(#[from] tools::Error),
    /// A file of the run could not be read or written.
    #[error("{}: {source}", .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// There is no such board, or its file is wrong.
    #[error(transparent)]
    Board(#[from] BoardError),
    /// The board has no link that the accelerator could talk over.
    #[error("no bitstream for {board}: {missing}")]
    NoLink {
        /// The board.
        board: String,
        /// What is missing.
        missing: String,
    },
    /// No PLL makes the clock.
    #[error("{0}; ask for that with --freq")]
    Clock(Impossible),
    /// The link does not work with this clock.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// The device has too little of something.
    #[error(
        "the design does not fit {board}: {excess}\n  the largest units are {largest}\n  take fewer lanes or less memory, or a larger board"
    )]
    TooBig {
        /// The board.
        board: String,
        /// What there is too little of.
        excess: String,
        /// Units and their cells.
        largest: String,
    },
    /// nextpnr found no place for everything, of which there is hardly too much.
    #[error(
        "nextpnr finds no legal placement on {board} for {crowded}\n  the largest units are {largest}\n  take more --seeds, fewer lanes or \
         less memory, or a larger board"
    )]
    NoPlacement {
        /// The board.
        board: String,
        /// What there is little left of.
        crowded: String,
        /// Units and their cells.
        largest: String,
    },
    /// The device has too little of something, by the estimate.
    #[error(
        "by the estimate before synthesis the design does not fit {board}: {excess}\n  the largest units are {largest}\n  take fewer lanes \
         or less memory, or a larger board"
    )]
    SurelyTooBig {
        /// The board.
        board: String,
        /// What there is too little of.
        excess: String,
        /// Units and their cells.
        largest: String,
    },
    /// There is no estimate.
    #[error(transparent)]
    Estimate(#[from] EstimateError),
    /// Nothing was asked of nextpnr.
    #[error("at least one seed is needed")]
    NoSeeds,
    /// nextpnr had not routed everything with a seed when another was done long before.
    #[error("stopped: it took much longer than the slowest seed that is done")]
    Unrouted,
    /// A tool wrote statistics that are not what this program reads.
    #[error(
        "the statistics of {tool} lack {what}; the wheels that `sepstream setup --synthesis` installs write them"
    )]
    Statistics {
        /// Its version.
        tool: String,
        /// What was looked for.
        what: String,
    },
}

impl From<Impossible> for Error {
    fn from(impossible: Impossible) -> Self {
        Error::Clock(impossible)
    }
}

impl Error {
    /// The fault lies in what was asked for, not in a tool.
    pub fn is_input(&self) -> bool {
        !matches!(
            self,
            Error::Tool(_)
                | Error::Unrouted
                | Error::Io { .. }
                | Error::Statistics { .. }
                | Error::Estimate(_)
        )
    }

    /// It is the fault of nextpnr with one seed: another may do.
    pub(crate) fn is_of_seed(&self) -> bool {
        matches!(
            self,
            Error::Unrouted | Error::NoPlacement { .. } | Error::Tool(tools::Error::Failed { .. })
        )
    }

    /// One line: of a tool that failed the last error that it printed, else the last line.
    pub(crate) fn in_short(&self) -> String {
        if let Error::Tool(tools::Error::Failed { name, log, .. }) = self {
            let error = log.lines().rfind(|line| line.starts_with("ERROR: "));
            let last = log.lines().rfind(|line| !line.trim().is_empty());
            let line = error.or(last).map(str::trim);
            return line.map_or_else(|| format!("{name} failed"), String::from);
        }
        let text = self.to_string();
        text.lines().next().unwrap_or_default().into()
    }

    /// A mapped design for which nextpnr finds no place.
    pub(crate) fn no_placement(board: &Board, units: &[Unit], crowded: &[String]) -> Self {
        Error::NoPlacement {
            board: title(board),
            crowded: crowded.join(", "),
            largest: largest(units),
        }
    }

    /// A mapped design that a board's FPGA cannot hold.
    pub(crate) fn too_big(board: &Board, units: &[Unit], excess: &[String]) -> Self {
        Error::TooBig {
            board: title(board),
            excess: excess.join(", "),
            largest: largest(units),
        }
    }

    /// A design that it cannot hold, whatever Yosys makes of it.
    pub(crate) fn surely_too_big(board: &Board, estimate: &Estimate) -> Self {
        Error::SurelyTooBig {
            board: title(board),
            excess: estimate.excess(board.part().device()).join(", "),
            largest: largest(&estimate.units),
        }
    }

    /// For `map_err`: names the file of an input or output error.
    pub(crate) fn io(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { path, source }
    }
}

fn title(board: &Board) -> String {
    format!("{} ({})", board.title(), board.part().name)
}

/// The four largest units, with their LUTs.
fn largest(units: &[Unit]) -> String {
    let mut units: Vec<&Unit> = units.iter().collect();
    units.sort_by_key(|unit| std::cmp::Reverse(unit.cells.sites()));
    let told = |unit: &&Unit| format!("{} ({} LUTs)", unit.name, unit.cells.sites());
    let told: Vec<String> = units.iter().take(4).map(told).collect();
    told.join(", ")
}
