// SPDX-License-Identifier: MIT OR Apache-2.0
//! nextpnr: place, route, and what its report says; the packer.

use std::fs;
use std::path::Path;

use sepstream_toolchain::Nextpnr;
use serde_json::Value;

use super::Resource;
use super::seeds::Patience;
use crate::area::Area;
use crate::{Board, Error, Family, process};

/// A placed and routed design.
pub(super) struct Placed {
    pub(super) seed: u32,
    /// Highest frequency, in MHz.
    pub(super) fmax_mhz: f64,
    pub(super) resources: Vec<Resource>,
    /// nextpnr's report.
    pub(super) details: Value,
}

/// The log with a seed.
pub(super) fn log(seed: u32) -> String {
    format!("nextpnr-{seed}.log")
}

/// nextpnr's report of a seed.
pub(super) fn timing(seed: u32) -> String {
    format!("nextpnr-{seed}.json")
}

fn design(seed: u32) -> String {
    format!("placed-{seed}.txt")
}

/// Options without files and seed.
pub(super) fn options(board: &Board, clock_hz: u32) -> Vec<String> {
    let part = board.part();
    let mut options = vec![part.option, "--package", board.package()];
    let speed = board.speed().map(|speed| speed.to_string());
    if let Some(speed) = &speed {
        options.extend(["--speed", speed]);
    }
    options.extend(placer(part.device().luts));
    let freq = (f64::from(clock_hz) / 1e6).to_string();
    // a missed clock is judged here, where it can be told in words
    options.extend(["--freq", &freq, "--timing-allow-fail"]);
    options.into_iter().map(String::from).collect()
}

/// Places and routes `netlist.json` with one seed, as long as there is patience.
pub(super) fn run(
    nextpnr: &Nextpnr,
    board: &Board,
    clock_hz: u32,
    (seed, patience): (u32, &Patience),
    area: &Area,
    work: &Path,
) -> Result<Placed, Error> {
    let (design_option, pins_option) = match board.part().device().family {
        Family::Ecp5 => ("--textcfg", "--lpf"),
        Family::Ice40 => ("--asc", "--pcf"),
    };
    let timing = timing(seed);
    let mut command = nextpnr.command();
    command.current_dir(work);
    command.args(["--seed", &seed.to_string()]);
    command.args(options(board, clock_hz));
    command.args(["--json", "netlist.json", "--report", &timing]);
    command.args([pins_option, &board.constraints().file]);
    command.args([design_option, &design(seed)]);
    let log = work.join(log(seed));
    let is_enough = |time| patience.is_over(time);
    match process::run_until(command, nextpnr.banner(), &log, is_enough) {
        Ok(true) => (),
        Ok(false) => return Err(Error::Unrouted),
        Err(error) => {
            let text = fs::read(&log).map_err(Error::io(&log))?;
            let text = String::from_utf8_lossy(&text);
            return Err(if let excess @ [_, ..] = &*excess(&text) {
                Error::too_big(board, &area.units, excess)
            } else if let crowded @ [_, ..] = &*crowded(&text) {
                Error::no_placement(board, &area.units, crowded)
            } else {
                error
            });
        }
    }
    let file = work.join(&timing);
    let text = fs::read_to_string(&file).map_err(Error::io(&file))?;
    let lacks = |what: &str| Error::Statistics {
        tool: nextpnr.banner().into(),
        what: what.into(),
    };
    let details: Value = serde_json::from_str(&text).map_err(|_| lacks("valid JSON"))?;
    let fmax_mhz = slowest(&details).ok_or_else(|| lacks("`fmax`"))?;
    let resources = resources(&details).ok_or_else(|| lacks("`utilization`"))?;
    Ok(Placed {
        seed,
        fmax_mhz,
        resources,
        details,
    })
}

/// What nextpnr finds too much of: more than there is.
fn excess(log: &str) -> Vec<String> {
    used(log, |used, has| used > has)
}

/// What there is little left of, more than nine in ten taken, where nextpnr found no place for all.
fn crowded(log: &str) -> Vec<String> {
    match log.contains("Unable to find legal placement") {
        true => used(log, |used, has| used * 10 > has * 9),
        false => Vec::new(),
    }
}

/// What is chosen of what is taken, from lines such as `Info: ICESTORM_LC: 9844/ 7680 128%`.
fn used(log: &str, is_chosen: impl Fn(u64, u64) -> bool) -> Vec<String> {
    let line = |line: &str| {
        let (name, numbers) = line.strip_prefix("Info:")?.split_once(':')?;
        let (used, rest) = numbers.split_once('/')?;
        let used: u64 = used.trim().parse().ok()?;
        let has: u64 = rest.split_whitespace().next()?.parse().ok()?;
        is_chosen(used, has).then(|| format!("{used} {} of {has}", name.trim()))
    };
    log.lines().filter_map(line).collect()
}

/// The placer, for a device of so many LUTs. On large ones the analytic placer leaves block RAMs and what belongs to them far apart, so
/// that routing takes very long: the electrostatic one. Else the analytic one with twice its own weight of timing: more wire in all,
/// less on the slowest paths.
fn placer(luts: u32) -> [&'static str; 2] {
    const LARGE: u32 = 40_000;
    if luts > LARGE {
        ["--placer", "static"]
    } else {
        ["--placer-heap-timingweight", "20"]
    }
}

/// The lowest of the clocks' highest frequencies: there is one clock in the fabric, which a global buffer may give several names.
fn slowest(details: &Value) -> Option<f64> {
    let clocks = details["fmax"].as_object()?;
    let achieved = clocks
        .values()
        .filter_map(|clock| clock["achieved"].as_f64());
    achieved.min_by(f64::total_cmp)
}

/// What is taken of what the device has, of the kinds of which anything is.
fn resources(details: &Value) -> Option<Vec<Resource>> {
    let kinds = details["utilization"].as_object()?;
    let resource = |(name, numbers): (&String, &Value)| {
        Some(Resource {
            name: name.clone(),
            used: numbers["used"].as_u64()?,
            available: numbers["available"].as_u64()?,
        })
    };
    let all: Option<Vec<Resource>> = kinds.iter().map(resource).collect();
    Some(all?.into_iter().filter(|r| r.used > 0).collect())
}

/// Packs a placed design.
pub(super) fn pack(
    nextpnr: &Nextpnr,
    family: Family,
    placed: &Placed,
    bitstream: &str,
    work: &Path,
) -> Result<(), Error> {
    let mut command = nextpnr.packer();
    command.current_dir(work);
    if family == Family::Ecp5 {
        command.arg("--compress");
    }
    command.args([&design(placed.seed), bitstream]);
    process::run(command, "the packer", &work.join("pack.log"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_slowest_clock_counts() {
        let report = json!({ "fmax": { "a": { "achieved": 120.5 }, "b": { "achieved": 99.25 } } });
        assert_eq!(slowest(&report), Some(99.25));
        assert_eq!(slowest(&json!({ "fmax": {} })), None);
    }

    #[test]
    fn too_much_is_read_from_the_log() {
        let log = "Info: Device utilisation:\nInfo: \t         ICESTORM_LC:    9844/   7680   128%\n\
                   Info: \t        ICESTORM_RAM:      30/     32    93%\nERROR: Unable to place cell\n";
        assert_eq!(excess(log), ["9844 ICESTORM_LC of 7680"]);
        assert!(crowded(log).is_empty());
        let log = "Info: \t ICESTORM_LC: 5200/ 5280 98%\nInfo: \t SB_IO: 4/ 96 4%\nERROR: Unable to find legal placement for cell 'a'\n";
        assert!(excess(log).is_empty());
        assert_eq!(crowded(log), ["5200 ICESTORM_LC of 5280"]);
    }

    #[test]
    fn unused_kinds_are_left_out() {
        let report = json!({ "utilization": {
            "ICESTORM_LC": { "used": 100, "available": 7680 },
            "ICESTORM_DSP": { "used": 0, "available": 8 },
        }});
        let resources = resources(&report).unwrap();
        assert_eq!(resources.len(), 1);
        assert_eq!((resources[0].used, resources[0].available), (100, 7680));
    }
}
