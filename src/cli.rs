// SPDX-License-Identifier: MIT OR Apache-2.0
//! Arguments of the command line.

use std::fmt;
use std::num::NonZeroUsize;
use std::ops::Range;
use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum};
use sepstream_compiler::Options;
use sepstream_spec::quant::Semantics;
use sepstream_synth::DEVICES;
use sepstream_synth::board::hertz;
use serde::Serialize;

mod link;

pub use link::{Generate, Pins, Run, ServeSim, Top};

/// Generator of INT8 accelerators for depthwise-separable networks on small FPGAs.
#[derive(Parser)]
#[command(version, about, after_help = EXIT_CODES)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

const EXIT_CODES: &str = "Exit codes: 0 done, or results equal; 1 results differ; 2 bad input or configuration; \
                          3 a tool or board is missing or failed.";

/// A half-open range as in `3..7`; either end may be left out.
fn parse_range(text: &str) -> Result<Range<usize>, String> {
    let wrong = || format!("`{text}` is no range of layers; write for instance 3..7, 3.. or ..7");
    let (start, end) = text.split_once("..").ok_or_else(wrong)?;
    let number = |text: &str, default| {
        if text.is_empty() {
            Ok(default)
        } else {
            text.parse().map_err(|_| wrong())
        }
    };
    let range = number(start, 0)?..number(end, usize::MAX)?;
    if range.is_empty() {
        Err(wrong())
    } else {
        Ok(range)
    }
}

/// What to do.
#[derive(Subcommand)]
pub enum Command {
    /// Generate the Verilog of a configuration
    Generate(Generate),
    /// Compile a model for a configuration, and report cycles, utilisation and memory
    Compile(Compile),
    /// Show layers, shapes, quantisation, products and parameters of a model
    Inspect(Inspect),
    /// Run a model in software, in the cycle-exact model or in the generated Verilog, and check its results
    Simulate(Simulate),
    /// Run a program on a board over its serial port, or on what `serve-sim` serves, and check its results
    Run(Run),
    /// Simulate a board down to the pins of its serial line, and serve that line on a pseudo-terminal
    ServeSim(ServeSim),
    /// Run the embedded digits network on its generated Verilog, and show what comes out
    Demo(Demo),
    /// Run the published networks, and compare with the committed figures, with what must be reached and with others
    Bench(Bench),
    /// Compare the accelerator with soft cores, this CPU, microcontrollers and Ethos-U on one network
    Compare(Compare),
    /// Synthesise a configuration for an FPGA, and report LUTs, multipliers and block RAMs of every unit
    Area(Area),
    /// Make the bitstream of a board, and report LUTs, multipliers, block RAMs and the clock it reaches
    Synth(Synth),
    /// List the boards that bitstreams can be made for
    Boards(Boards),
    /// Load a bitstream into a board with openFPGALoader
    Flash(Flash),
    /// Find the tools for Verilog simulation and install those that are missing into a project-local folder
    Setup(Setup),
}

/// Whose arithmetic a model follows.
#[derive(Args, Default)]
pub struct Follow {
    /// Whose FULLY_CONNECTED the outputs equal
    #[arg(long, value_enum, value_name = "WHOSE", default_value_t = SemanticsKind::default())]
    pub semantics: SemanticsKind,
}

/// What of a model goes onto the accelerator.
#[derive(Args, Clone, Copy, Default)]
pub struct Lower {
    /// Leave dead channels in: those that are constant for every input, or that nothing reads
    #[arg(long)]
    pub keep_dead: bool,
    /// Refuse a model of which the host would have to run layers between those of the accelerator
    #[arg(long)]
    pub strict: bool,
}

impl From<Lower> for Options {
    fn from(lower: Lower) -> Self {
        Options {
            keep_dead: lower.keep_dead,
            strict: lower.strict,
        }
    }
}

/// Arguments of `inspect`.
#[derive(Args)]
pub struct Inspect {
    /// Model file, INT8 .tflite
    pub model: PathBuf,
    #[command(flatten)]
    pub follow: Follow,
    /// Print JSON instead of tables
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `simulate`.
#[derive(Args)]
#[command(after_help = EXIT_CODES)]
pub struct Simulate {
    /// Model file, INT8 .tflite
    pub model: PathBuf,
    #[command(flatten)]
    pub follow: Follow,
    /// Configuration of the accelerator; needed by every engine but the reference
    #[arg(long, value_name = "CONFIG.yaml")]
    pub config: Option<PathBuf>,
    /// What executes the model
    #[arg(long, value_enum, default_value_t = EngineKind::default())]
    pub engine: EngineKind,
    /// Inputs: array in0 (in1, ...) of an .npz with frames on the first axis, one .npy, or a PNG or JPEG image.
    /// Default: those of the file to check against, else one frame of noise
    #[arg(long, value_name = "FILE")]
    pub input: Option<PathBuf>,
    /// Wanted results: array out0 (out1, ...) of an .npz with frames on the first axis. Default: those of the reference
    #[arg(long, value_name = "GOLDEN.npz")]
    pub check: Option<PathBuf>,
    /// Run only the first N frames of the input
    #[arg(long, value_name = "N")]
    pub frames: Option<NonZeroUsize>,
    /// Run all frames N times over, for instance to measure the time per frame
    #[arg(long, value_name = "N")]
    pub repeat: Option<NonZeroUsize>,
    /// Threads that share the frames (engine model). Default: as many as there are processors
    #[arg(long, value_name = "N")]
    pub threads: Option<NonZeroUsize>,
    /// Run only the layers A to B - 1 (as `inspect` numbers them) on what the reference gives them, and compare with it
    #[arg(long, value_name = "A..B", value_parser = parse_range)]
    pub layers: Option<Range<usize>>,
    /// Write a waveform, .vcd or .fst (engine verilator)
    #[arg(long, value_name = "FILE")]
    pub trace: Option<PathBuf>,
    /// Stall the host streams at random, in PERCENT of the cycles (engine verilator)
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u32).range(1..=99))]
    pub stalls: Option<u32>,
    /// Seed of the noise and of the random stalls; the report names it where it was used
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    #[command(flatten)]
    pub lower: Lower,
    /// Print JSON instead of tables; docs/json.md lists the fields
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `compile`.
#[derive(Args)]
pub struct Compile {
    /// Model file, INT8 .tflite
    pub model: PathBuf,
    #[command(flatten)]
    pub follow: Follow,
    /// Configuration of the accelerator
    #[arg(long, value_name = "CONFIG.yaml")]
    pub config: PathBuf,
    /// File for the program image; without it there is only the report
    #[arg(short, long, value_name = "PROGRAM")]
    pub output: Option<PathBuf>,
    #[command(flatten)]
    pub lower: Lower,
    /// Print JSON instead of tables
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `demo`.
#[derive(Args)]
pub struct Demo {
    /// Test images to run, at most 360
    #[arg(long, value_name = "N", default_value = "10")]
    pub frames: NonZeroUsize,
    /// Print JSON instead of pictures and tables
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `bench`.
#[derive(Args)]
#[command(after_help = BENCH_HELP)]
pub struct Bench {
    /// Folder of the shared models, with NAME.tflite and NAME.npz
    #[arg(
        long,
        value_name = "DIR",
        env = "SEPSTREAM_MODELS",
        hide_env_values = true,
        default_value = "../shared/models"
    )]
    pub models: PathBuf,
    /// What counts the cycles: the generated Verilog, or the model, which is quick
    #[arg(long, default_value = "verilator", value_parser = bench_engine())]
    pub engine: EngineKind,
    /// Fail also when a committed figure, README.md or docs/results.md is not exactly what comes out, better ones included
    #[arg(long, conflicts_with = "write")]
    pub check: bool,
    /// Write docs/results, docs/results.md and README.md with the figures of this run, also worse ones, if all else is well
    #[arg(long)]
    pub write: bool,
    /// Print JSON instead of a table; docs/json.md lists the fields
    #[arg(long)]
    pub json: bool,
}

const BENCH_HELP: &str = "Exit codes: 0 all is well; 1 a figure is worse than the committed one, misses what must be reached, or \
                          output bytes differ; 2 bad input or configuration; 3 a tool is missing or failed.";

/// The engines that count cycles.
fn bench_engine() -> impl TypedValueParser<Value = EngineKind> {
    PossibleValuesParser::new(["model", "verilator"]).map(|name| match name.as_str() {
        "model" => EngineKind::Model,
        _ => EngineKind::Verilator,
    })
}

/// Arguments of `compare`.
#[derive(Args)]
#[command(after_help = EXIT_CODES)]
pub struct Compare {
    /// Model file, INT8 .tflite
    pub model: PathBuf,
    #[command(flatten)]
    pub follow: Follow,
    /// Configuration of the accelerator
    #[arg(long, value_name = "CONFIG.yaml")]
    pub config: PathBuf,
    /// Input, as for `simulate`; its first frame counts. Default: noise
    #[arg(long, value_name = "FILE")]
    pub input: Option<PathBuf>,
    /// Run the accelerator in Verilator, too
    #[arg(long)]
    pub verify: bool,
    /// Leave out the soft cores, which take minutes
    #[arg(long)]
    pub no_softcore: bool,
    /// Clock of the accelerator and of the soft cores beside it, for milliseconds
    #[arg(long, value_name = "MHZ", value_parser = parse_clock)]
    pub clock_mhz: Option<f64>,
    /// Take that clock from the report.json of `sepstream synth`
    #[arg(long, value_name = "FILE", conflicts_with = "clock_mhz")]
    pub synth_report: Option<PathBuf>,
    /// Write a report with a chart
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// Seed of the noise
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    #[command(flatten)]
    pub lower: Lower,
    /// Print JSON instead of tables; docs/json.md lists the fields
    #[arg(long)]
    pub json: bool,
}

/// A clock in MHz.
fn parse_clock(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(clock) if clock > 0.0 && clock < 100_000.0 => Ok(clock),
        _ => Err(format!(
            "`{text}` is no clock in MHz; write for instance 50 or 62.5"
        )),
    }
}

/// Arguments of `area`.
#[derive(Args)]
pub struct Area {
    /// Configuration of the accelerator
    #[arg(value_name = "CONFIG.yaml")]
    pub config: PathBuf,
    /// The FPGA that it is for
    #[arg(long, default_value = "ecp5-85", value_parser = device_names())]
    pub device: String,
    /// Print JSON instead of a table
    #[arg(long)]
    pub json: bool,
}

fn device_names() -> PossibleValuesParser {
    DEVICES.iter().map(|device| device.name).into()
}

/// Arguments of `synth`.
#[derive(Args)]
#[command(after_help = SYNTH_HELP)]
pub struct Synth {
    /// Name of a board (`sepstream boards`), or a board file that ends in .yaml
    #[arg(long, value_name = "BOARD")]
    pub board: String,
    /// Configuration of the accelerator. Default: that of the board
    #[arg(long, value_name = "CONFIG.yaml")]
    pub config: Option<PathBuf>,
    /// Model that must run on it; its program is written beside the bitstream
    #[arg(long, value_name = "MODEL.tflite")]
    pub model: Option<PathBuf>,
    #[command(flatten)]
    pub follow: Follow,
    /// Frequency of the accelerator. Default: that of the board
    #[arg(long, value_name = "MHZ", value_parser = parse_hertz)]
    pub freq: Option<u32>,
    /// Pins of the host link
    #[arg(long, value_enum, default_value_t = Pins::default())]
    pub link: Pins,
    /// Seeds of placement to try, as many at once as there are cores; the fastest result is taken. One that takes much longer than
    /// another did is given up
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub seeds: u32,
    /// Folder for the files, made if absent
    #[arg(short, long, value_name = "DIR")]
    pub output: PathBuf,
    #[command(flatten)]
    pub lower: Lower,
    /// Print JSON instead of tables; docs/json.md lists the fields
    #[arg(long)]
    pub json: bool,
}

const SYNTH_HELP: &str = "Exit codes: 0 the bitstream is there; 1 the clock is missed, no bitstream is written; 2 bad input, a configuration that \
                          does not fit or a clock that cannot be made; 3 a tool is missing or failed.";

fn parse_hertz(text: &str) -> Result<u32, String> {
    hertz(text).ok_or_else(|| format!("`{text}` is no frequency from 1 to 400 in MHz"))
}

/// Arguments of `boards`.
#[derive(Args)]
pub struct Boards {
    /// Print JSON instead of a table
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `flash`.
#[derive(Args)]
pub struct Flash {
    /// Name of a board (`sepstream boards`), or a board file that ends in .yaml
    #[arg(long, value_name = "BOARD")]
    pub board: String,
    /// The bitstream
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Write it to the flash memory, where it stays without power, instead of into the FPGA
    #[arg(long)]
    pub keep: bool,
    /// Print JSON; what openFPGALoader prints goes to standard error
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `setup`.
#[derive(Args)]
pub struct Setup {
    /// Install the tools of synthesis, too
    #[arg(long)]
    pub synthesis: bool,
    /// Install what soft cores need, too: the Verilog of two, a Rust compiler for them
    #[arg(long)]
    pub softcores: bool,
    /// Install all that `compare` compares with, too: TensorFlow Lite, Vela, soft cores
    #[arg(long)]
    pub peers: bool,
    /// Print JSON instead of text
    #[arg(long)]
    pub json: bool,
}

/// Whose arithmetic a model follows where implementations differ.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum SemanticsKind {
    /// LiteRT 2.x: one rounding, in double precision
    #[default]
    Litert,
    /// TensorFlow Lite Micro and TensorFlow Lite before: two roundings, in integers
    Tflm,
}

impl From<SemanticsKind> for Semantics {
    fn from(kind: SemanticsKind) -> Self {
        match kind {
            SemanticsKind::Litert => Semantics::LiteRt,
            SemanticsKind::Tflm => Semantics::Tflm,
        }
    }
}

/// What executes a model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum EngineKind {
    /// TensorFlow Lite's operators in software
    Reference,
    /// The cycle-exact model of the accelerator
    #[default]
    Model,
    /// The generated Verilog in Verilator
    Verilator,
}

impl fmt::Display for EngineKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            EngineKind::Reference => "reference",
            EngineKind::Model => "model",
            EngineKind::Verilator => "verilator",
        })
    }
}
