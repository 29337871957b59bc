// SPDX-License-Identifier: MIT OR Apache-2.0
//! Boards: what is soldered where. `boards/NAME.yaml` says what is not a pin, the constraint file that it names has the pins.
//!
//! Both are embedded, so that an installed program knows the boards; a file of the user's own works in the same way.

mod file;
mod pins;
mod yaml;

use std::fs;
use std::path::Path;

use sepstream_spec::config::{Violation, closest};

use crate::HostPins;
use crate::device::Part;

pub use file::hertz;

/// A board that passed every rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Board {
    id: String,
    title: String,
    part: &'static Part,
    package: String,
    speed: Option<u32>,
    clock_hz: u32,
    freq_hz: u32,
    pll_pad: bool,
    baud: Result<u32, String>,
    leds_active_low: bool,
    high: Vec<String>,
    config: String,
    loader: String,
    memory: String,
    note: String,
    constraints: Constraints,
}

/// A constraint file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Constraints {
    /// Its name.
    pub file: String,
    /// Its text.
    pub text: String,
    /// Ports that it gives pins to.
    ports: Vec<String>,
}

/// Why there is no such board.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BoardError {
    /// The name is not that of an embedded board.
    #[error(
        "there is no board `{name}`{hint}; the boards are {known}; or name a file that ends in .yaml"
    )]
    Unknown {
        /// What was asked for.
        name: String,
        /// What may have been meant.
        hint: String,
        /// All names.
        known: String,
    },
    /// A file could not be read.
    #[error("{}: {source}", .path.display())]
    Io {
        /// The file.
        path: std::path::PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// A file breaks rules.
    #[error("a board file with broken rules")]
    Rules(Vec<Violation>),
}

macro_rules! embedded {
    ($folder:literal, $($name:literal),* $(,)?) => {
        [$(($name, include_str!(concat!("../../../", $folder, "/", $name)))),*]
    };
}

const BOARDS: [(&str, &str); 14] = embedded!(
    "boards",
    "colorlight-i5.yaml",
    "colorlight-i9.yaml",
    "ecp5-evn.yaml",
    "fomu.yaml",
    "ice40-hx8k.yaml",
    "icebreaker.yaml",
    "icesugar-pro.yaml",
    "orangecrab-25f.yaml",
    "orangecrab-85f.yaml",
    "ulx3s-12f.yaml",
    "ulx3s-25f.yaml",
    "ulx3s-45f.yaml",
    "ulx3s-85f.yaml",
    "upduino.yaml",
);

const CONSTRAINTS: [(&str, &str); 10] = embedded!(
    "constraints",
    "colorlight-i5.lpf",
    "colorlight-i9.lpf",
    "ecp5-evn.lpf",
    "fomu.pcf",
    "ice40-hx8k.pcf",
    "icebreaker.pcf",
    "icesugar-pro.lpf",
    "orangecrab.lpf",
    "ulx3s.lpf",
    "upduino.pcf",
);

/// Configurations that boards name.
const CONFIGS: [(&str, &str); 4] = embedded!(
    "configs",
    "digits_2x1.yaml",
    "digits_2x1_plain.yaml",
    "kws_8x6.yaml",
    "vww_16x8.yaml"
);

fn lookup<'a>(table: &'a [(&str, &'a str)], name: &str) -> Option<&'a str> {
    let entry = table.iter().find(|(known, _)| *known == name)?;
    Some(entry.1)
}

impl Board {
    /// Names of the embedded boards.
    pub fn names() -> impl Iterator<Item = &'static str> {
        BOARDS.iter().map(|(file, _)| stem(file))
    }

    /// An embedded board by its name, or the board of a file that ends in `.yaml`; its constraint file lies beside it or in the folder
    /// `constraints` beside the file's folder.
    ///
    /// # Errors
    /// With the names that there are, or with every broken rule of the file.
    pub fn find(name: &str) -> Result<Board, BoardError> {
        let path = Path::new(name);
        if path.extension().is_some_and(|end| end == "yaml") {
            let text = fs::read_to_string(path).map_err(|source| BoardError::Io {
                path: path.into(),
                source,
            })?;
            let beside = path.parent().unwrap_or(Path::new("")).to_path_buf();
            let read = move |file: &str| {
                let places = [beside.join(file), beside.join("../constraints").join(file)];
                places
                    .iter()
                    .find_map(|place| fs::read_to_string(place).ok())
            };
            return Board::from_yaml(&text, name, &read).map_err(BoardError::Rules);
        }
        let file = format!("{name}.yaml");
        let Some(text) = lookup(&BOARDS, &file) else {
            let known: Vec<&str> = Board::names().collect();
            return Err(BoardError::Unknown {
                name: name.into(),
                hint: closest(name, &known)
                    .map_or(String::new(), |near| format!(", did you mean `{near}`?")),
                known: known.join(", "),
            });
        };
        let read = |file: &str| lookup(&CONSTRAINTS, file).map(String::from);
        Board::from_yaml(text, &format!("boards/{file}"), &read).map_err(BoardError::Rules)
    }

    /// Name: that of its file.
    pub fn id(&self) -> &str {
        &self.id
    }
    /// Name for people.
    pub fn title(&self) -> &str {
        &self.title
    }
    /// The FPGA.
    pub fn part(&self) -> &'static Part {
        self.part
    }
    /// Its package, as nextpnr names it.
    pub fn package(&self) -> &str {
        &self.package
    }
    /// Its speed grade, where its name has none.
    pub fn speed(&self) -> Option<u32> {
        self.speed
    }
    /// Frequency of the clock at the port `clk`, in hertz.
    pub fn clock_hz(&self) -> u32 {
        self.clock_hz
    }
    /// Frequency of the accelerator unless another is asked for, in hertz.
    pub fn freq_hz(&self) -> u32 {
        self.freq_hz
    }
    /// The clock comes in at the PLL's own pin.
    pub fn pll_pad(&self) -> bool {
        self.pll_pad
    }
    /// Baud rate of the UART; what is missing where there is none.
    pub fn baud(&self) -> Result<u32, &str> {
        self.baud.as_ref().copied().map_err(String::as_str)
    }
    /// Whether a host can reach it over such pins.
    ///
    /// # Errors
    /// With what is missing.
    pub fn reach(&self, pins: HostPins) -> Result<(), String> {
        match pins {
            HostPins::Uart => self.baud.as_ref().map(drop).map_err(Clone::clone),
            HostPins::Spi if pins.ports().iter().all(|port| self.connects(port)) => Ok(()),
            HostPins::Spi => Err(format!(
                "{} has no pins for {}; take --link uart, or a board file of your own",
                self.constraints.file,
                pins.ports().join(", ")
            )),
        }
    }
    /// The LEDs light up when their pins are low.
    pub fn leds_active_low(&self) -> bool {
        self.leds_active_low
    }
    /// Ports that are always high, so that what is connected there keeps quiet.
    pub fn high(&self) -> &[String] {
        &self.high
    }
    /// File name of the configuration that is made for it.
    pub fn config_file(&self) -> &str {
        &self.config
    }
    /// Text of that configuration.
    pub fn config_text(&self) -> Option<&'static str> {
        lookup(&CONFIGS, &self.config)
    }
    /// Options of openFPGALoader.
    pub fn loader(&self) -> impl Iterator<Item = &str> {
        self.loader.split_whitespace()
    }
    /// Memories beside the FPGA, none of which is used.
    pub fn memory(&self) -> &str {
        &self.memory
    }
    /// What its user has to know.
    pub fn note(&self) -> &str {
        &self.note
    }
    /// Its pins.
    pub fn constraints(&self) -> &Constraints {
        &self.constraints
    }
    /// A port of the top module has a pin.
    pub fn connects(&self, port: &str) -> bool {
        self.constraints.ports.iter().any(|known| known == port)
    }
}

impl Constraints {
    /// The text for a design with these pins of the host link: without those of the others.
    pub fn for_pins(&self, pins: HostPins) -> String {
        let others = HostPins::ALL.into_iter().filter(|other| *other != pins);
        let ports: Vec<&str> = others.flat_map(HostPins::ports).collect();
        pins::without(&self.text, &ports)
    }
}

fn stem(file: &str) -> &str {
    let name = file.rsplit('/').next().unwrap_or(file);
    name.strip_suffix(".yaml").unwrap_or(name)
}
