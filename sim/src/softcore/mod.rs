// SPDX-License-Identifier: MIT OR Apache-2.0
//! # softcore — RISC-V soft cores in Verilator, with or without the accelerator beside them
//!
//! A system on chip of a core, 4 MiB of RAM that answers in the cycle after a request, and on demand the generated
//! accelerator on the core's data bus (`system.v`, addresses in `sepstream_firmware::soc`). The cores' Verilog comes from
//! their PyPI packages. [`program`] builds what runs on them, with the compiler that [`Rust`] finds or fetches.

mod job;
mod program;
mod rust;

pub use job::{Accelerated, AcceleratorOutcome, Job, Outcome};
pub use program::program;
pub use rust::Rust;

use crate::cosim::{self, Block, BuildOptions, Port};
use sepstream_firmware::soc::{MAILBOX, MAILBOX_WORDS, Mailbox, RAM_BYTES};
use sepstream_toolchain::{self as tools, Places, Progress, Wheel};
use std::fs;

/// A soft core.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Core {
    /// VexRiscv: five stages, RV32IM, two caches of 4 KiB, multiplier in one cycle.
    VexRiscv,
    /// PicoRV32: no pipeline, no caches, with its fast multiplier and barrel shifter.
    PicoRv32,
}

/// VexRiscv, MIT licence.
const VEXRISCV: Wheel = Wheel {
    name: "vexriscv",
    package: "pythondata-cpu-vexriscv",
    version: "1.0.1.post407",
    with_dependencies: false,
    program: "pythondata_cpu_vexriscv/verilog/VexRiscv.v",
};
/// PicoRV32, ISC licence.
const PICORV32: Wheel = Wheel {
    name: "picorv32",
    package: "pythondata-cpu-picorv32",
    version: "1.0.post218",
    with_dependencies: false,
    program: "pythondata_cpu_picorv32/verilog/picorv32.v",
};

impl Core {
    /// Both.
    pub const ALL: [Core; 2] = [Core::VexRiscv, Core::PicoRv32];
    /// What people call it.
    pub fn name(self) -> &'static str {
        match self {
            Core::VexRiscv => "VexRiscv",
            Core::PicoRv32 => "PicoRV32",
        }
    }
    fn wheel(self) -> &'static Wheel {
        match self {
            Core::VexRiscv => &VEXRISCV,
            Core::PicoRv32 => &PICORV32,
        }
    }
    fn top(self) -> &'static str {
        match self {
            Core::VexRiscv => include_str!("vexriscv.v"),
            Core::PicoRv32 => include_str!("picorv32.v"),
        }
    }
    /// Its Verilog, installed first if it is not there.
    ///
    /// # Errors
    /// When the package cannot be installed.
    pub fn verilog(self, progress: &mut Progress) -> Result<String, tools::Error> {
        let folder = tools::install(self.wheel(), &Places::locate()?, progress)?;
        let path = folder.join(self.wheel().program);
        fs::read_to_string(&path).map_err(tools::Error::io("cannot read", path))
    }
}

/// Why a program did not run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The simulation cannot be built or run.
    #[error(transparent)]
    Cosim(#[from] cosim::Error),
    /// Something does not fit the RAM.
    #[error(
        "{needed} bytes do not fit the {RAM_BYTES} bytes of the soft core's RAM; try a smaller network"
    )]
    Ram {
        /// Bytes needed.
        needed: u64,
    },
    /// The program did not finish.
    #[error("the program on {core} has not finished after {cycles} cycles")]
    Timeout {
        /// The core.
        core: &'static str,
        /// Cycles allowed.
        cycles: u64,
    },
    /// The network image is none, or its input has another size.
    #[error("{0}")]
    Network(sepstream_kernels::Error),
    /// The program ended with a failure.
    #[error(
        "the program on {core} failed with status {status} (firmware/softcore/src/main.rs lists them)"
    )]
    Failed {
        /// The core.
        core: &'static str,
        /// Its status.
        status: u32,
    },
}

/// An accelerator beside the core.
#[derive(Clone, Copy, Debug)]
pub struct Beside<'a> {
    /// Its Verilog, with the top module `sepstream`.
    pub verilog: &'a str,
    /// Bytes of a word of its streams.
    pub word_bytes: u32,
}

/// A system in Verilator.
pub struct System {
    core: Core,
    block: Block,
}

/// Cycles between two looks at the end of the program.
const STEP: u64 = 100_000;

impl System {
    /// Builds a system, or finds it in the cache.
    ///
    /// # Errors
    /// When the core's Verilog or a tool is missing and cannot be installed.
    pub fn build(
        core: Core,
        beside: Option<Beside>,
        progress: &mut Progress,
    ) -> Result<Self, Error> {
        let verilog = core.verilog(progress).map_err(cosim::Error::from)?;
        let (define, accelerator, beat) = match beside {
            Some(beside) => (
                "`define ACCELERATOR\n",
                beside.verilog,
                beside.word_bytes / 4,
            ),
            None => ("", "", 1),
        };
        let system = include_str!("system.v");
        let text = format!(
            "{define}`define BEAT_WORDS {beat}\n{}{system}{accelerator}\n{verilog}",
            core.top()
        );
        let ports = [
            Port::input("rst", 1),
            Port::input("load", 1),
            Port::input("load_address", 32),
            Port::input("load_data", 32),
            Port::output("read_data", 32),
            Port::output("finished", 1),
            Port::output("status", 32),
        ];
        let block = Block::build(
            &text,
            "softcore",
            &ports,
            &BuildOptions::default(),
            progress,
        )?;
        Ok(System { core, block })
    }
    /// Resets the core with a program and other contents in the RAM, and runs to the program's end: what it tells.
    fn run(
        &mut self,
        program: &[u8],
        mailbox: &Mailbox,
        contents: &[(u32, &[u8])],
        limit: u64,
    ) -> Result<Mailbox, Error> {
        let core = self.core.name();
        self.block.set("rst", 1);
        self.write(0, program)?;
        let words = mailbox.to_words().map(u32::to_le_bytes);
        self.write(MAILBOX, words.as_flattened())?;
        contents
            .iter()
            .try_for_each(|(at, bytes)| self.write(*at, bytes))?;
        self.block.ticks(4)?;
        self.block.set("rst", 0);
        let start = self.block.cycle();
        while self.block.get("finished") == 0 {
            let cycles = self.block.cycle() - start;
            if cycles > limit {
                return Err(Error::Timeout {
                    core,
                    cycles: limit,
                });
            }
            self.block.ticks(STEP)?;
        }
        match self.block.get("status") as u32 {
            0 => {
                let words = self.read_words(MAILBOX, MAILBOX_WORDS)?;
                let told = words.first_chunk().map(|words| Mailbox::from_words(*words));
                Ok(told.unwrap_or_default())
            }
            status => Err(Error::Failed { core, status }),
        }
    }
    /// Bytes of the RAM from an address that is a multiple of four.
    fn read(&mut self, address: u32, length: usize) -> Result<Vec<u8>, Error> {
        let words = self.read_words(address, length.div_ceil(4))?;
        let mut bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        bytes.truncate(length);
        Ok(bytes)
    }
    fn read_words(&mut self, address: u32, count: usize) -> Result<Vec<u32>, Error> {
        let word = |at: usize| {
            self.block
                .set("load_address", u128::from(address) / 4 + at as u128);
            self.block.tick()?;
            Ok(self.block.get("read_data") as u32)
        };
        (0..count).map(word).collect()
    }
    fn write(&mut self, address: u32, bytes: &[u8]) -> Result<(), Error> {
        let needed = u64::from(address) + bytes.len() as u64;
        if needed > u64::from(RAM_BYTES) {
            return Err(Error::Ram { needed });
        }
        self.block.set("load", 1);
        for (at, chunk) in bytes.chunks(4).enumerate() {
            let mut word = [0; 4];
            word[..chunk.len()].copy_from_slice(chunk);
            self.block
                .set("load_address", u128::from(address) / 4 + at as u128);
            self.block.set("load_data", u32::from_le_bytes(word).into());
            self.block.tick()?;
        }
        self.block.set("load", 0);
        Ok(())
    }
}
