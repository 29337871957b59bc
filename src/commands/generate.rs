// SPDX-License-Identifier: MIT OR Apache-2.0
//! `sepstream generate`: the Verilog of a configuration, and a manifest.

use std::path::{Path, PathBuf};

use sepstream_spec::config::Config;
use sepstream_spec::regs::VERSION;
use serde::Serialize;

use crate::cli::Generate;
use crate::error::Error;
use crate::outcome::Outcome;
use crate::report::{json, thousands};

/// What was generated, for tools that take it further.
#[derive(Serialize)]
struct Manifest {
    generator: &'static str,
    top: &'static str,
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
    let verilog = sepstream_hdl::generate(&config);
    let manifest = Manifest::new(&config, &verilog);
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

impl Manifest {
    fn new(config: &Config, verilog: &str) -> Self {
        Manifest {
            generator: concat!("sepstream ", env!("CARGO_PKG_VERSION")),
            top: "sepstream",
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
