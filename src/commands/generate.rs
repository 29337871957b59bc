// SPDX-License-Identifier: MIT OR Apache-2.0
//! `sepstream generate`: the Verilog of a configuration, and a manifest.

use std::path::{Path, PathBuf};

use sepstream_hdl::link::{Link, LinkOptions};
use sepstream_spec::config::Config;
use sepstream_spec::regs::VERSION;
use serde::Serialize;

use crate::cli::{Generate, Pins, Top};
use crate::error::Error;
use crate::outcome::Outcome;
use crate::report::{json, thousands};

/// What was generated, for tools that take it further.
#[derive(Serialize)]
struct Manifest {
    generator: &'static str,
    top: String,
    /// Version of register map, command format and program image.
    version: u32,
    fingerprint: u32,
    word_bytes: u32,
    multipliers: u32,
    verilog: String,
    verilog_lines: usize,
    config: String,
}

/// Writes `sepstream.v`, `config.yaml` with every field, and `manifest.json`.
pub fn run(args: &Generate) -> Result<Outcome, Error> {
    let config = super::load_config(&args.config)?;
    let technology = args.technology.into();
    let design = match args.top {
        Top::Bare => sepstream_hdl::design(&config, technology),
        Top::Board => {
            let link = link(args)?;
            let checked = link.check();
            checked.map_err(|error| Error::Input(error.to_string()))?;
            sepstream_hdl::board_design(&config, &link, technology)
        }
    };
    let verilog = sepstream_hdl::print(&design, &config, &args.prefix).text;
    let manifest = Manifest::new(&config, args.prefix.of(design.name()), &verilog);
    let folder = &args.output;
    std::fs::create_dir_all(folder).map_err(|cause| Error::file(folder, cause))?;
    write(folder.join(&manifest.verilog), &verilog)?;
    write(folder.join(&manifest.config), &config.to_string())?;
    write(folder.join("manifest.json"), &(json(&manifest) + "\n"))?;
    if args.json {
        println!("{}", json(&manifest));
    } else {
        let (lines, path) = (
            thousands(manifest.verilog_lines as u64),
            folder.join(&manifest.verilog),
        );
        println!(
            "{}: {lines} lines of Verilog, {} multipliers",
            path.display(),
            manifest.multipliers
        );
    }
    Ok(Outcome::Ok)
}

/// The host link asked for.
fn link(args: &Generate) -> Result<LinkOptions, Error> {
    match (args.link, args.clock_hz) {
        (Pins::Spi, _) => Ok(LinkOptions { link: Link::Spi }),
        (Pins::Uart, Some(clock_hz)) => Ok(LinkOptions::uart(clock_hz, args.baud)),
        (Pins::Uart, None) => Err(Error::Input(
            "a UART needs to know its clock; add for instance --clock-hz 50000000, or --link spi"
                .into(),
        )),
    }
}

impl Manifest {
    fn new(config: &Config, top: String, verilog: &str) -> Self {
        Manifest {
            generator: concat!("sepstream ", env!("CARGO_PKG_VERSION")),
            top,
            version: VERSION,
            fingerprint: config.fingerprint(),
            word_bytes: config.word_bytes(),
            multipliers: config.multipliers(),
            verilog: "sepstream.v".into(),
            verilog_lines: verilog.lines().count(),
            config: "config.yaml".into(),
        }
    }
}

fn write(path: PathBuf, text: &str) -> Result<(), Error> {
    let path: &Path = &path;
    std::fs::write(path, text).map_err(|cause| Error::file(path, cause))
}
