// SPDX-License-Identifier: MIT OR Apache-2.0
//! Arguments of what has to do with the host link.

use std::num::{NonZeroU32, NonZeroUsize};
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use sepstream_hdl::Prefix;
use sepstream_synth::HostPins;

use super::{EXIT_CODES, Follow};

/// Baud rate where none is given.
const BAUD: u32 = 115_200;

/// Arguments of `generate`.
#[derive(Args)]
pub struct Generate {
    /// Configuration of the accelerator
    #[arg(value_name = "CONFIG.yaml")]
    pub config: PathBuf,
    /// Folder for the files, made if absent
    #[arg(short, long, value_name = "DIR")]
    pub output: PathBuf,
    /// What to generate
    #[arg(long, value_enum, default_value_t = Top::default())]
    pub top: Top,
    /// Multipliers and memories
    #[arg(long, value_enum, default_value_t = Technology::default())]
    pub technology: Technology,
    /// Pins of the host link (top board)
    #[arg(long, value_enum, default_value_t = Pins::default())]
    pub link: Pins,
    /// Frequency of the clock, which a UART is made for (top board)
    #[arg(long, value_name = "HZ")]
    pub clock_hz: Option<u32>,
    /// Bits per second of a UART (top board)
    #[arg(long, value_name = "BAUD", default_value_t = BAUD)]
    pub baud: u32,
    /// What all names of modules begin with; the top is the prefix alone
    #[arg(long, default_value_t = Prefix::default(), value_parser = Prefix::new)]
    pub prefix: Prefix,
    /// Print JSON instead of text
    #[arg(long)]
    pub json: bool,
}

/// A top module.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Top {
    /// `sepstream`: Wishbone registers and AXI4-Streams, for a system of one's own
    #[default]
    Bare,
    /// `sepstream_board`: the same behind a UART or SPI link, for `sepstream run`
    Board,
}

/// What multipliers and memories are made of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Technology {
    /// Described by their behaviour: for simulation, and for any FPGA
    #[default]
    Generic,
    /// MULT18X18D and DP16KD with their registers, CCU2C
    Ecp5,
    /// iCE40 UltraPlus: SB_MAC16 and SB_SPRAM256KA
    Ice40Up,
}

impl From<Technology> for sepstream_hdl::Technology {
    fn from(technology: Technology) -> Self {
        match technology {
            Technology::Generic => Self::Generic,
            Technology::Ecp5 => Self::Ecp5,
            Technology::Ice40Up => Self::Ice40Up,
        }
    }
}

/// Pins of a host link.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Pins {
    /// Two wires, 8N1
    #[default]
    Uart,
    /// A peripheral of mode 0
    Spi,
}

impl From<Pins> for HostPins {
    fn from(pins: Pins) -> Self {
        match pins {
            Pins::Uart => Self::Uart,
            Pins::Spi => Self::Spi,
        }
    }
}

/// Arguments of `run`.
#[derive(Args)]
#[command(after_help = EXIT_CODES)]
pub struct Run {
    /// Serial port of the board, such as /dev/ttyUSB0
    #[arg(long, value_name = "PATH")]
    pub port: PathBuf,
    /// Program image, made by `compile` for the board's configuration
    #[arg(long, value_name = "PROGRAM")]
    pub program: PathBuf,
    /// Inputs: array in0 (in1, ...) of an .npz with frames on the first axis, one .npy, or with --model a PNG or JPEG image
    #[arg(long, value_name = "FILE")]
    pub input: PathBuf,
    /// The model that the program was compiled from: for the layers that the host runs, such as a softmax
    #[arg(long, value_name = "MODEL")]
    pub model: Option<PathBuf>,
    #[command(flatten)]
    pub follow: Follow,
    /// Wanted results: array out0 (out1, ...) of an .npz with frames on the first axis. Default: with --model those of the
    /// reference
    #[arg(long, value_name = "GOLDEN.npz")]
    pub check: Option<PathBuf>,
    /// Run only the first N frames of the input
    #[arg(long, value_name = "N")]
    pub frames: Option<NonZeroUsize>,
    /// Bits per second
    #[arg(long, value_name = "BAUD", default_value_t = BAUD)]
    pub baud: u32,
    /// Send a request again after so many milliseconds without a byte
    #[arg(long, value_name = "MS", default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..))]
    pub retry_after: u32,
    /// Seconds that a frame may take on the accelerator
    #[arg(long, value_name = "S", default_value_t = 60)]
    pub timeout: u32,
    /// Print JSON instead of text; docs/json.md lists the fields
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `serve-sim`.
#[derive(Args)]
pub struct ServeSim {
    /// Configuration of the accelerator
    #[arg(long, value_name = "CONFIG.yaml")]
    pub config: PathBuf,
    /// Make a symbolic link to the pseudo-terminal under this name; one that is there is replaced
    #[arg(long, value_name = "PATH")]
    pub link: Option<PathBuf>,
    /// Clock cycles of a bit on the line
    #[arg(long, value_name = "N", default_value_t = 4)]
    pub clocks_per_bit: u32,
    /// Change, lose or add one byte in N, at random, in both directions
    #[arg(long, value_name = "N")]
    pub damage: Option<NonZeroU32>,
    /// Press the reset button once, so many clock cycles after power-up
    #[arg(long, value_name = "CYCLE")]
    pub reset_at: Option<u64>,
    /// Seed of the damage
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// Print JSON instead of text
    #[arg(long)]
    pub json: bool,
}
