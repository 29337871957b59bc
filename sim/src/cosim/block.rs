// SPDX-License-Identifier: MIT OR Apache-2.0
//! Any module with its bare ports, for tests of single blocks.

use super::build::{self, BuildOptions, Source};
use super::ffi::{BlockModel, Halt};
use super::{Error, Limit};
use sepstream_toolchain::Progress;
use std::path::{Path, PathBuf};

/// Direction of a port, seen from the module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Driven by the test.
    In,
    /// Driven by the module.
    Out,
}

/// A port of a module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Port {
    /// Its name in the Verilog.
    pub name: String,
    /// Its width in bits.
    pub width: u32,
    /// Its direction.
    pub direction: Direction,
}

impl Port {
    /// An input of the module.
    pub fn input(name: &str, width: u32) -> Self {
        Self {
            name: name.into(),
            width,
            direction: Direction::In,
        }
    }

    /// An output of the module.
    pub fn output(name: &str, width: u32) -> Self {
        Self {
            name: name.into(),
            width,
            direction: Direction::Out,
        }
    }

    /// Bytes in which Verilator keeps it.
    fn storage(&self) -> usize {
        match self.width {
            0..=8 => 1,
            9..=16 => 2,
            17..=32 => 4,
            33..=64 => 8,
            _ => self.width.div_ceil(32) as usize * 4,
        }
    }
}

/// A running module with a clock `clk`.
///
/// Ports go by name. A name that is not in the port list, an output given to a setter and a value that is wider than its port
/// are mistakes in the test, and panic as an index out of range does.
pub struct Block {
    model: BlockModel,
    path: PathBuf,
    ports: Vec<Port>,
}

impl Block {
    /// Builds (or finds in the cache) and starts a module. `ports` are those that the test wants to reach; `clk` may be left out.
    pub fn build(
        verilog: &str,
        top: &str,
        ports: &[Port],
        options: &BuildOptions,
        progress: &mut Progress,
    ) -> Result<Self, Error> {
        let mut table = String::new();
        for port in ports {
            let reason = match port.width {
                0 => Some("its width is 0"),
                _ if !is_identifier(&port.name) => {
                    Some("its name is not a plain Verilog identifier")
                }
                _ => None,
            };
            if let Some(reason) = reason {
                return Err(Error::Port {
                    top: top.into(),
                    name: port.name.clone(),
                    reason,
                });
            }
            table += &format!("port(dut->{}),", port.name.replace("__", "___05F"));
        }
        let source = Source {
            top,
            verilog,
            shim: ("block.cpp", include_str!("shim/block.cpp")),
            defines: vec![("PORT_TABLE", table)],
            options: *options,
        };
        let path = build::build(&source, progress)?;
        let model = BlockModel::load(&path, 0, ports.len())?;
        let block = Self {
            model,
            path,
            ports: ports.to_vec(),
        };
        for (index, port) in ports.iter().enumerate() {
            if block.model.port(index).len() != port.storage() {
                let reason = "its width in the Verilog is not the one given";
                return Err(Error::Port {
                    top: top.into(),
                    name: port.name.clone(),
                    reason,
                });
            }
        }
        Ok(block)
    }

    /// Power off and on, with all inputs 0. With a `seed` other than 0 all registers and memories start at random values.
    pub fn restart(&mut self, seed: u64) -> Result<(), Error> {
        self.model = BlockModel::load(&self.path, seed, self.ports.len())?;
        for index in 0..self.ports.len() {
            if self.ports[index].direction == Direction::In {
                self.model.port_mut(index).fill(0);
            }
        }
        Ok(())
    }

    /// The value of a port of up to 128 bits.
    pub fn get(&self, name: &str) -> u128 {
        let mut bytes = [0; 16];
        let port = self.model.port(self.index(name));
        assert!(
            port.len() <= 16,
            "port `{name}` is wider than 128 bits: use get_bytes or get_words"
        );
        bytes[..port.len()].copy_from_slice(port);
        u128::from_le_bytes(bytes)
    }

    /// Drives an input of up to 128 bits.
    pub fn set(&mut self, name: &str, value: u128) {
        self.set_bytes(name, &value.to_le_bytes());
    }

    /// The value of a port, low byte first, in `width / 8` bytes, rounded up.
    pub fn get_bytes(&self, name: &str) -> Vec<u8> {
        let index = self.index(name);
        self.model.port(index)[..self.ports[index].width.div_ceil(8) as usize].to_vec()
    }

    /// Drives an input, low byte first; missing high bytes are 0.
    pub fn set_bytes(&mut self, name: &str, bytes: &[u8]) {
        let index = self.index(name);
        let Port {
            width, direction, ..
        } = self.ports[index];
        assert_eq!(direction, Direction::In, "port `{name}` is an output");
        let top = (width / 8) as usize;
        let beyond = bytes.iter().enumerate().skip(top);
        let fits = beyond.fold(true, |fits, (i, &byte)| {
            fits && (byte >> if i == top { width % 8 } else { 0 }) == 0
        });
        assert!(
            fits,
            "{bytes:x?} does not fit the {width} bits of port `{name}`"
        );
        let port = self.model.port_mut(index);
        let length = bytes.len().min(port.len());
        port[..length].copy_from_slice(&bytes[..length]);
        port[length..].fill(0);
    }

    /// The value of a port in 32-bit words, low word first.
    pub fn get_words(&self, name: &str) -> Vec<u32> {
        let word = |chunk: &[u8]| {
            chunk
                .iter()
                .rev()
                .fold(0, |word, &byte| word << 8 | u32::from(byte))
        };
        self.model
            .port(self.index(name))
            .chunks(4)
            .map(word)
            .collect()
    }

    /// Drives an input with 32-bit words, low word first.
    pub fn set_words(&mut self, name: &str, words: &[u32]) {
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        self.set_bytes(name, &bytes);
    }

    /// Lets changed inputs act on outputs, without a clock edge.
    pub fn eval(&mut self) -> Result<(), Error> {
        let result = self.model.eval();
        self.done(result)
    }

    /// One rising edge of `clk`, which sees the inputs as they are; afterwards the outputs show the new state.
    pub fn tick(&mut self) -> Result<(), Error> {
        self.ticks(1)
    }

    /// Several clock cycles with inputs that stay.
    pub fn ticks(&mut self, cycles: u64) -> Result<(), Error> {
        let result = self.model.tick(cycles);
        self.done(result)
    }

    /// Rising edges since power-up.
    pub fn cycle(&self) -> u64 {
        self.model.cycle()
    }

    /// Writes a waveform from here on; the module must be built with the [`TraceFormat`](super::TraceFormat) of the file.
    pub fn open_trace(&mut self, path: &Path) -> Result<(), Error> {
        self.model.open_trace(path)
    }

    /// Ends the waveform.
    pub fn close_trace(&mut self) {
        self.model.close_trace();
    }

    fn index(&self, name: &str) -> usize {
        let found = self.ports.iter().position(|port| port.name == name);
        found.unwrap_or_else(|| panic!("the block has no port `{name}`"))
    }

    fn done(&self, result: Result<(), Halt>) -> Result<(), Error> {
        result.map_err(|halt| match halt {
            Halt::Error(error) => error,
            // A block is never waited for.
            Halt::Timeout => Error::Timeout {
                limit: Limit::Interrupt,
                cycles: 0,
                cycle: self.cycle(),
            },
        })
    }
}

/// A name that C++ and Verilog write alike.
fn is_identifier(name: &str) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    name.starts_with(|c: char| c.is_ascii_alphabetic()) && name.chars().all(word)
}
