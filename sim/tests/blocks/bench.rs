// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the tests of single blocks share.
//!
//! A test cycle is: set the inputs, [`Bench::settle`], compare the outputs, [`Bench::tick`]. A value that a block takes in one
//! cycle and gives `n` cycles later is predicted by a [`Later`] of `n`.

use sepstream_hdl::Technology;
use sepstream_hdl::rtl::{self, Direction, Module};
use sepstream_sim::cosim::{Block, BuildOptions, Optimise, Port};
use sepstream_spec::config::{Config, Values};
use sepstream_spec::isa::{Command, Field};
use sepstream_spec::timing::{MEMORY_READ, RESET};
use std::collections::VecDeque;
use std::fmt::{Debug, Display};
use std::rc::Rc;

/// A block in Verilator.
pub struct Bench {
    block: Block,
    cycle: u64,
    resets: bool,
}

impl Bench {
    /// Builds a block.
    pub fn new(module: &Rc<Module>) -> Self {
        Bench::of(module, Technology::Generic)
    }

    /// Builds a block out of what a family of FPGAs has, with the twins of that.
    pub fn of(module: &Rc<Module>, technology: Technology) -> Self {
        let ports = module.ports().iter().filter(|port| port.name != "clk");
        let ports: Vec<Port> = ports
            .map(|port| match port.direction {
                Direction::In => Port::input(&port.name, port.width),
                Direction::Out => Port::output(&port.name, port.width),
            })
            .collect();
        let options = BuildOptions {
            optimise: Optimise::Build,
            ..BuildOptions::default()
        };
        // Verilator takes no port with the name of the top module
        let mapped = technology.map(module);
        let head = format!("module {} (", mapped.name());
        let verilog = rtl::verilog(&mapped, "").replace(&head, "module dut (");
        let verilog = technology.cells().to_string() + &verilog;
        let block = Block::build(&verilog, "dut", &ports, &options, &mut |_| {});
        Bench {
            block: block.unwrap_or_else(|error| panic!("{}: {error}", module.name())),
            cycle: 0,
            resets: ports.iter().any(|port| port.name == "rst"),
        }
    }

    /// Power off and on with random registers and memories, then the time of a reset, also for blocks that have none.
    pub fn restart(&mut self, seed: u64) {
        self.block.restart(seed + 1).expect("the block starts");
        self.cycle = 0;
        if self.resets {
            self.set("rst", 1u32);
        }
        self.block.ticks(RESET.into()).expect("the block runs");
        if self.resets {
            self.set("rst", 0u32);
            // units have the reset in a register of their own
            self.block.ticks(1).expect("the block runs");
        }
    }

    pub fn set(&mut self, port: &str, value: impl Into<u128>) {
        self.block.set(port, value.into());
    }

    pub fn set_bytes(&mut self, port: &str, bytes: &[u8]) {
        self.block.set_bytes(port, bytes);
    }

    /// Drives the fields of a command that the block has ports for.
    pub fn set_fields(&mut self, module: &Module, command: &Command, config: &Config) {
        for field in Field::ALL {
            if module.ports().iter().any(|port| port.name == field.name()) {
                let (value, unused) = (command.get(*field), 32 - field.used_bits(config));
                let signed = matches!(field, Field::FirstRow | Field::FirstByte);
                let used = value << unused >> unused;
                let name = field.name();
                assert!(signed || used == value, "{name} has no bits for {value}");
                self.set(name, used);
            }
        }
    }

    /// The value of a port of up to 128 bits.
    pub fn get(&self, port: &str) -> u128 {
        self.block.get(port)
    }

    pub fn bit(&self, port: &str) -> bool {
        self.get(port) != 0
    }

    pub fn bytes(&self, port: &str) -> Vec<u8> {
        self.block.get_bytes(port)
    }

    pub fn words(&self, port: &str) -> Vec<u32> {
        self.block.get_words(port)
    }

    /// Fails with name and cycle unless the port has this value.
    #[track_caller]
    pub fn expect(&self, port: &str, want: impl Into<u128>) {
        let want = want.into();
        let got = self.get(port);
        assert!(
            got == want,
            "{port} is {got:#x}, not {want:#x}, in cycle {}",
            self.cycle
        );
    }

    /// Lets the inputs act on the outputs.
    pub fn settle(&mut self) {
        self.block.eval().expect("the block settles");
    }

    /// The clock edge.
    pub fn tick(&mut self) {
        self.block.tick().expect("the block runs");
        self.cycle += 1;
    }

    /// Cycles since the start, for messages.
    pub fn cycle(&self) -> u64 {
        self.cycle
    }
}

/// A chain of registers: what was put in comes out some cycles later.
pub struct Later<T> {
    line: VecDeque<T>,
}

impl<T: Clone + Default> Later<T> {
    pub fn new(cycles: u32) -> Self {
        Later {
            line: VecDeque::from(vec![T::default(); cycles as usize]),
        }
    }

    /// Takes this cycle's value, gives the one of `cycles` ago.
    pub fn put(&mut self, value: T) -> T {
        self.line.push_back(value);
        self.line.pop_front().expect("just pushed")
    }
}

/// The read port of a memory outside the block.
pub struct ReadPort(Later<Vec<u8>>);

impl ReadPort {
    pub fn new() -> Self {
        ReadPort::after(MEMORY_READ)
    }

    /// Of a memory that takes other cycles.
    pub fn after(cycles: u32) -> Self {
        ReadPort(Later::new(cycles - 1))
    }

    /// Takes the word addressed in this cycle, gives the one on the data port in the next.
    pub fn next(&mut self, word: Vec<u8>) -> Vec<u8> {
        self.0.put(word)
    }
}

/// Prints its text when the test fails while it is alive: put configuration and seed in it.
pub struct Case(String);

impl Case {
    pub fn new(text: impl Display) -> Self {
        Case(text.to_string())
    }
}

impl Drop for Case {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("failed in case: {}", self.0);
        }
    }
}

/// A configuration with memories that are small, so that addresses reach their ends.
pub fn config(tn: u32, tm: u32, lanes: u32, taps: u32) -> Config {
    configured(tn, tm, lanes, taps, |_| {})
}

/// The same, changed.
pub fn configured(
    tn: u32,
    tm: u32,
    lanes: u32,
    taps: u32,
    change: impl FnOnce(&mut Values),
) -> Config {
    let mut values = Values {
        tn,
        tm,
        tp: 1,
        pw_multiplier: 0,
        pw_lut_channels: 0,
        pw_requant: tm,
        pw_sum_bits: 32,
        pw_requant_cycles: 1,
        pw_rounding: 1,
        pw_tables: 0,
        residual: tm,
        lanes,
        taps,
        pairs: 0,
        gather_rows: 1,
        dw_multiplier: 0,
        dw_lut_lanes: 0,
        dw_requant: lanes.div_ceil(taps).min(tn),
        dw_sum_bits: 32,
        dw_requant_cycles: 1,
        dw_max: 0,
        dw_tables: 0,
        activation_kib: 1,
        weight_kib: 4,
        depthwise_kib: 1,
        pointwise_channels: 64,
        depthwise_channels: 64,
        line_words: 32,
        pixel_words: 24,
        expand_words: 0,
        commands: 3,
        map_size: 65535,
        commands_ahead: 0,
    };
    change(&mut values);
    if values.residual > 0 {
        values.residual = values.pw_requant;
    }
    values.check().expect("the configuration passes every rule")
}

/// A command from unsigned fields.
pub fn command(fields: &[(Field, u32)]) -> Command {
    let mut command = Command::default();
    for (field, value) in fields {
        command
            .set(*field, *value)
            .unwrap_or_else(|f| panic!("{value} does not fit {}", f.name()));
    }
    command
}

/// Random bytes.
pub fn random_bytes(rng: &mut fastrand::Rng, count: u32) -> Vec<u8> {
    (0..count).map(|_| rng.u8(..)).collect()
}

/// `width` bits of `bytes` from bit `low`.
pub fn bits(bytes: &[u8], low: u32, width: u32) -> u32 {
    let bit = |i: u32| u32::from(bytes[(i / 8) as usize] >> (i % 8) & 1);
    (0..width).map(|i| bit(low + i) << i).sum()
}

/// Numbers side by side, `width` bits each, the first lowest.
pub fn packed(values: &[u32], width: u32) -> Vec<u8> {
    let mut out = vec![0; (values.len() as u32 * width).div_ceil(8) as usize];
    for (n, value) in values.iter().enumerate() {
        for i in 0..width {
            let at = n as u32 * width + i;
            out[(at / 8) as usize] |= ((value >> i & 1) as u8) << (at % 8);
        }
    }
    out
}

/// Fails with the cycle unless equal.
#[track_caller]
pub fn same<T: PartialEq + Debug>(bench: &Bench, what: &str, got: T, want: T) {
    assert!(
        got == want,
        "{what} is {got:?}, not {want:?}, in cycle {}",
        bench.cycle()
    );
}
