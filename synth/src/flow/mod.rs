// SPDX-License-Identifier: MIT OR Apache-2.0
//! From a configuration to the bitstream of a board: Verilog, Yosys, nextpnr, packing.
//!
//! All work is done in a folder of its own inside the output folder; files get their final names when they are whole, the bitstream
//! only when the clock is reached.

mod path;
mod place;
mod report;
mod seeds;
mod workspace;

use std::fs;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use sepstream_hdl::Prefix;
use sepstream_hdl::link::{Link, LinkOptions};
use sepstream_spec::config::Config;
use sepstream_toolchain::{self as tools, Event};

pub use path::{CriticalPath, Hop};
pub use report::{Report, Resource};
pub use seeds::Run;

use crate::estimate::{Coefficients, Estimate};
use crate::floorplan::{self, Fixed};
use crate::hierarchy::{self, Placed};
use crate::mapping::{self, Mapped};
use crate::origin::{BoardOrigin, Origin};
use crate::pll::{self, Clock};
use crate::{Board, Error, Family, HostPins, top, yosys};

/// The log of nextpnr with the seed of the bitstream.
const LOG: &str = "nextpnr.log";

/// What to make.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The board.
    pub board: &'a Board,
    /// The configuration.
    pub config: &'a Config,
    /// Wanted frequency of the accelerator, in hertz.
    pub freq_hz: u32,
    /// Pins that the host reaches it over.
    pub pins: HostPins,
    /// Seeds of nextpnr, from 1, as many at once as there are cores: the best is taken. One that takes much longer than another did is
    /// stopped.
    pub seeds: u32,
    /// Folder for the files; it exists.
    pub folder: &'a Path,
}

impl<'a> Request<'a> {
    /// For the clock that the board is made for, one seed, over the UART.
    pub fn new(board: &'a Board, config: &'a Config, folder: &'a Path) -> Self {
        Request {
            board,
            config,
            freq_hz: board.freq_hz(),
            pins: HostPins::Uart,
            seeds: 1,
            folder,
        }
    }
}

/// A step of the work has begun, or nextpnr is done with a seed.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Step {
    /// About a tool.
    Tool(Event),
    /// Yosys maps the design to cells.
    Map,
    /// nextpnr places and routes.
    Place {
        /// The seed.
        seed: u32,
        /// All seeds.
        seeds: u32,
    },
    /// What came of a seed.
    Tried(Run),
    /// The bitstream is packed.
    Pack,
}

/// Makes the bitstream. A report whose `met` is false says that the clock was missed; there is no bitstream then.
///
/// # Errors
/// When the board has no link, the clock cannot be made, the design does not fit, or a tool fails.
pub fn run(request: &Request, progress: &mut (dyn FnMut(Step) + Send)) -> Result<Report, Error> {
    let Request { board, folder, .. } = *request;
    let bitstream = format!("{}.{}", board.id(), ending(board));
    // what an earlier run left must not pass for this one's
    remove(&folder.join(&bitstream))?;
    for log in logs(folder)? {
        remove(&folder.join(log))?;
    }
    let (work, _lock) = workspace::open(folder)?;
    let result = make(request, work.path(), &bitstream, progress);
    let published = logs(work.path()).and_then(|logs| {
        let mut logs = logs.iter();
        logs.try_for_each(|log| publish(work.path(), folder, log))
    });
    let report = result?;
    published?;
    for file in &report.files {
        publish(work.path(), folder, file)?;
    }
    Ok(report)
}

/// The logs in a folder: of Yosys, of nextpnr with the seed of the bitstream, and with the others.
fn logs(folder: &Path) -> Result<Vec<String>, Error> {
    let mut logs = Vec::new();
    for entry in fs::read_dir(folder).map_err(Error::io(folder))? {
        let name = entry.map_err(Error::io(folder))?.file_name();
        let name = name.to_string_lossy();
        let seed = name
            .strip_prefix("nextpnr-")
            .and_then(|name| name.strip_suffix(".log"));
        let is_seed = seed.is_some_and(|seed| seed.parse::<u32>().is_ok());
        if is_seed || [LOG, yosys::LOG].contains(&&*name) {
            logs.push(name.into_owned());
        }
    }
    Ok(logs)
}

fn make(
    request: &Request,
    work: &Path,
    bitstream: &str,
    progress: &mut (dyn FnMut(Step) + Send),
) -> Result<Report, Error> {
    let estimate = estimate(request)?;
    let design = generate(request)?;
    let mut report = build(request, &design, work, bitstream, progress)?;
    report.estimate = Some(estimate.total);
    Ok(report)
}

/// The clock, and the link that goes with it.
fn link(request: &Request) -> Result<(Clock, LinkOptions), Error> {
    let board = request.board;
    let no_link = |missing| Error::NoLink {
        board: board.title().into(),
        missing,
    };
    board.reach(request.pins).map_err(no_link)?;
    let clock = pll::solve(
        board.part().device().family,
        board.clock_hz(),
        request.freq_hz,
    )?;
    // a UART that can be reached has a baud rate
    let link = match (request.pins, board.baud()) {
        (HostPins::Uart, Ok(baud)) => Link::Uart {
            clock_hz: clock.hz,
            baud,
        },
        _ => Link::Spi,
    };
    let options = LinkOptions { link };
    options.check()?;
    Ok((clock, options))
}

/// A `sepstream_board`, and what goes with it.
struct Design {
    clock: Clock,
    /// What is mapped, and how.
    origin: Origin,
    /// Its units, as they are named below the wrapper.
    units: Vec<Placed>,
    /// Text of the module and of those in it.
    verilog: String,
    /// Sites that nextpnr does not choose.
    fixed: Vec<Fixed>,
}

fn generate(request: &Request) -> Result<Design, Error> {
    let (clock, options) = link(request)?;
    let device = request.board.part().device();
    let technology = device.technology();
    let board = sepstream_hdl::board_design(request.config, &options, technology);
    let printed = sepstream_hdl::print(&board, request.config, &Prefix::default());
    let origin = Origin::new(&board, device);
    let fixed = floorplan::multipliers(request.config, device);
    Ok(Design {
        clock,
        origin,
        units: hierarchy::units(&board, &printed, top::BOARD),
        verilog: printed.text,
        fixed,
    })
}

/// What the design will take of the board's FPGA, apart from the wrapper's few cells.
///
/// # Errors
/// When the board has no such link, the clock cannot be made, or the design cannot fit.
pub fn estimate(request: &Request) -> Result<Estimate, Error> {
    let (_, options) = link(request)?;
    let device = request.board.part().device();
    let technology = device.technology();
    let top = sepstream_hdl::board_design(request.config, &options, technology);
    let estimate = Coefficients::embedded()?.estimate(&top, device)?;
    if estimate.sure_excess(device).is_empty() {
        return Ok(estimate);
    }
    Err(Error::surely_too_big(request.board, &estimate))
}

/// What goes to Yosys: the generated board, and the wrapper with the board's clock and pins.
///
/// # Errors
/// When the board has no such link, or the clock cannot be made.
pub fn verilog(request: &Request) -> Result<String, Error> {
    Ok(wrapped(request, &generate(request)?))
}

/// What figures of today follow from.
///
/// # Errors
/// When the board has no such link, or the clock cannot be made.
pub fn origin(request: &Request) -> Result<BoardOrigin, Error> {
    Ok(generate(request)?.board_origin(request))
}

impl Design {
    fn board_origin(&self, request: &Request) -> BoardOrigin {
        let Request { board, pins, .. } = *request;
        let wrapper = top::verilog(board, &self.clock, pins);
        let constraints = board.constraints().for_pins(pins);
        BoardOrigin {
            origin: self.origin.clone(),
            wrapper_crc32: sepstream_spec::crc32(&[wrapper.as_bytes()]),
            constraints_crc32: sepstream_spec::crc32(&[constraints.as_bytes()]),
            floor_plan_crc32: floorplan::crc32(&self.fixed),
            nextpnr: place::options(board, self.clock.hz).join(" "),
        }
    }
}

fn wrapped(request: &Request, design: &Design) -> String {
    let wrapper = top::verilog(request.board, &design.clock, request.pins);
    format!("{}{wrapper}", design.verilog)
}

/// Maps, places and packs a generated `sepstream_board`.
fn build(
    request: &Request,
    design: &Design,
    work: &Path,
    bitstream: &str,
    progress: &mut (dyn FnMut(Step) + Send),
) -> Result<Report, Error> {
    let Request { board, config, .. } = *request;
    let Design { clock, fixed, .. } = design;
    let device = board.part().device();
    write(&work.join("sepstream_top.v"), &wrapped(request, design))?;
    write(&work.join("config.yaml"), &config.to_string())?;
    write(
        &work.join(&board.constraints().file),
        &board.constraints().for_pins(request.pins),
    )?;

    let yosys = tools::yosys(&mut |event| progress(Step::Tool(event)))?;
    let nextpnr = tools::nextpnr(device.family.nextpnr(), &mut |event| {
        progress(Step::Tool(event));
    })?;
    progress(Step::Map);
    let origin = (device, design.origin.clone());
    let parts = (design.units.clone(), fixed.as_slice());
    let start = Instant::now();
    let Mapped { units, area } =
        mapping::map(&yosys, work, "sepstream_top", top::NAME, origin, parts)?;
    let map_seconds = start.elapsed().as_secs_f64();
    let excess = area.excess(device);
    if !excess.is_empty() {
        return Err(Error::too_big(board, &area.units, &excess));
    }

    let progress = Mutex::new(progress);
    let tell = |step| progress.lock().unwrap_or_else(PoisonError::into_inner)(step);
    let place = |seed, patience: &_| {
        tell(Step::Place {
            seed,
            seeds: request.seeds,
        });
        place::run(&nextpnr, board, clock.hz, (seed, patience), &area, work)
    };
    let (runs, best) = seeds::all(request.seeds, place, |run| tell(Step::Tried(run)))?;
    rename(&work.join(place::log(best.seed)), &work.join(LOG))?;
    rename(
        &work.join(place::timing(best.seed)),
        &work.join("nextpnr.json"),
    )?;
    let mut report = Report::new(request, design, area, &best, runs, map_seconds);
    report.critical_path = path::critical(&best.details, &units);
    report.tools = vec![yosys.banner().into(), nextpnr.banner().into()];
    report.files.extend(
        [
            "sepstream_top.v",
            "config.yaml",
            "netlist.json",
            "nextpnr.json",
        ]
        .map(String::from),
    );
    if report.met {
        tell(Step::Pack);
        place::pack(&nextpnr, device.family, &best, bitstream, work)?;
        report.files.push(bitstream.into());
        report.bitstream = Some(bitstream.into());
    }
    Ok(report)
}

/// Ending of a bitstream's file name, as the family's tools have it.
fn ending(board: &Board) -> &'static str {
    match board.part().device().family {
        Family::Ecp5 => "bit",
        Family::Ice40 => "bin",
    }
}

fn write(path: &Path, text: &str) -> Result<(), Error> {
    fs::write(path, text).map_err(Error::io(path))
}

fn rename(from: &Path, to: &Path) -> Result<(), Error> {
    fs::rename(from, to).map_err(Error::io(to))
}

fn publish(work: &Path, folder: &Path, name: &str) -> Result<(), Error> {
    rename(&work.join(name), &folder.join(name))
}

fn remove(path: &Path) -> Result<(), Error> {
    match fs::remove_file(path) {
        Err(source) if source.kind() != std::io::ErrorKind::NotFound => Err(Error::Io {
            path: path.into(),
            source,
        }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sepstream_testkit::found;

    /// Has the ports of the generated one with a UART, and little in it.
    const STUB: &str = "
module sepstream_board (
    input wire clk,
    input wire reset,
    input wire uart_rx,
    output wire uart_tx,
    output wire led_busy,
    output wire led_done,
    output wire led_error
);
    reg [2:0] shift;
    always @(posedge clk) shift <= reset ? 3'b111 : {shift[1:0], uart_rx};
    assign uart_tx = shift[2];
    assign {led_error, led_done, led_busy} = shift;
endmodule
";

    /// PLL, reset and pins of every sort of board go through the tools, and a bitstream comes out.
    #[test]
    fn wrappers_become_bitstreams() {
        let spi = STUB
            .replace(
                "    input wire uart_rx,",
                "    input wire spi_sck,\n    input wire spi_cs_n,\n    input wire spi_copi,",
            )
            .replace(
                "{shift[1:0], uart_rx}",
                "{shift[0] ^ spi_sck, shift[1] ^ spi_cs_n, spi_copi}",
            )
            .replace("uart_tx", "spi_cipo");
        if found(tools::setup_synthesis(&mut |_| ())).is_none() {
            return;
        }
        let all = Board::names().flat_map(|name| HostPins::ALL.map(|pins| (name, pins)));
        for (name, pins) in all {
            let board = Board::find(name).unwrap();
            // those that differ from others in the size of the FPGA only
            let is_twin = ["ulx3s-25f", "ulx3s-45f", "ulx3s-85f", "orangecrab-85f"].contains(&name);
            if board.reach(pins).is_err() || is_twin {
                continue;
            }
            let stub = match pins {
                HostPins::Uart => STUB,
                HostPins::Spi => &spi,
            };
            let config = Config::from_yaml(board.config_text().unwrap(), name).unwrap();
            let folder = tempfile::tempdir().unwrap();
            let request = Request {
                pins,
                ..Request::new(&board, &config, folder.path())
            };
            let family = board.part().device().family;
            let design = Design {
                clock: pll::solve(family, board.clock_hz(), board.freq_hz()).unwrap(),
                origin: Origin {
                    design: String::new(),
                    yosys: String::new(),
                },
                units: Vec::new(),
                verilog: stub.to_string(),
                fixed: Vec::new(),
            };
            let work = folder.path();
            let report = build(&request, &design, work, "bits", &mut |_| ())
                .unwrap_or_else(|error| panic!("{name}: {error}"));
            assert!(report.met && report.fmax_mhz > report.clock_mhz, "{name}");
            let bytes = fs::metadata(work.join("bits")).unwrap().len();
            assert!(bytes > 10_000, "{name}: {bytes}");
        }
    }
}
