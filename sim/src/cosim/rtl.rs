// SPDX-License-Identifier: MIT OR Apache-2.0
//! The whole accelerator, seen from its host.
//!
//! Every call advances the clock until what it waits for has happened, or until the cycles allowed are used up. "Cycle `n`" is
//! the n-th rising edge since power-up, and a signal is high in cycle `n` when that edge sees it high.

use super::build::{self, BuildOptions, Source};
use super::ffi::{Halt, RtlModel};
use super::{Error, Limit};
use sepstream_spec::timing;
use sepstream_toolchain::Progress;
use std::path::{Path, PathBuf};

/// Cycles that one call may take unless [`Rtl::limit`] says otherwise.
const DEFAULT_LIMIT: u64 = 10_000_000;

/// The end of a command, as `layer_done` and `layer_index` told it.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LayerEvent {
    /// The cycle in which `layer_done` was high.
    pub cycle: u64,
    /// Index of the command.
    pub index: u32,
    reserved: u32,
}

/// Cycles of the first and the last beat of a transfer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// Cycle of the first beat.
    pub first: u64,
    /// Cycle of the last beat.
    pub last: u64,
}

/// What came out of the output stream, up to `last`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// When they came.
    pub span: Span,
}

/// A running accelerator. A host that is quicker than the design and never idle, unless [`stalls`](Self::stalls) are on.
pub struct Rtl {
    model: RtlModel,
    path: PathBuf,
    word_bytes: usize,
    limit: u64,
}

impl Rtl {
    /// Builds (or finds in the cache) and starts a design with top module `sepstream`, whose streams are `word_bytes` wide. It
    /// is reset, with every register that has no reset at 0.
    pub fn build(
        verilog: &str,
        word_bytes: u32,
        options: &BuildOptions,
        progress: &mut Progress,
    ) -> Result<Self, Error> {
        if !(4..=64).contains(&word_bytes) || !word_bytes.is_power_of_two() {
            return Err(Error::WordBytes { got: word_bytes });
        }
        let source = Source {
            top: "sepstream",
            verilog,
            shim: ("rtl.cpp", include_str!("shim/rtl.cpp")),
            defines: vec![
                ("WORD_BYTES", word_bytes.to_string()),
                ("RESET_CYCLES", timing::RESET.to_string()),
            ],
            options: *options,
        };
        let path = build::build(&source, progress)?;
        let model = RtlModel::load(&path, 0)?;
        let mut rtl = Self {
            model,
            path,
            word_bytes: word_bytes as usize,
            limit: DEFAULT_LIMIT,
        };
        rtl.reset()?;
        Ok(rtl)
    }

    /// Power off and on, then reset. With a `seed` other than 0 all registers and memories start at random values, so that a
    /// design that relies on what reset does not set is found out. Stalls are off, and the cycle count begins again.
    pub fn restart(&mut self, seed: u64) -> Result<(), Error> {
        self.model = RtlModel::load(&self.path, seed)?;
        self.reset()
    }

    /// Holds `rst` for [`timing::RESET`] cycles; forgets what was queued, expected, received and not fetched.
    pub fn reset(&mut self) -> Result<(), Error> {
        let result = self.model.reset();
        self.waited(result, Limit::Interrupt, 0)
    }

    /// The cycles that a call may take before it returns [`Error::Timeout`].
    pub fn limit(&mut self, max_cycles: u64) {
        self.limit = max_cycles;
    }

    /// Random gaps: in `percent` of the cycles (0 to 99) the host does not start a beat, or does not take one. Data that is not
    /// valid is then noise.
    pub fn stalls(&mut self, seed: u64, percent: u32) {
        self.model.stalls(seed, percent.min(99));
    }

    /// Rising edges since power-up.
    pub fn cycle(&self) -> u64 {
        self.model.cycle()
    }

    /// Writes a register; the cycle of the acknowledge.
    pub fn write_reg(&mut self, address: u32, value: u32) -> Result<u64, Error> {
        let result = self.model.bus(address, Some(value), self.limit);
        self.waited(result, Limit::Acknowledge, self.limit)
            .map(|(cycle, _)| cycle)
    }

    /// Reads a register.
    pub fn read_reg(&mut self, address: u32) -> Result<u32, Error> {
        let result = self.model.bus(address, None, self.limit);
        self.waited(result, Limit::Acknowledge, self.limit)
            .map(|(_, value)| value)
    }

    /// Sends one packet and waits until all of it is in the design.
    pub fn send(&mut self, bytes: &[u8]) -> Result<Span, Error> {
        self.queue_input(bytes);
        self.finish_input()
    }

    /// Queues one packet, which goes in during the calls that follow. A part of a word at the end is filled with zeros.
    pub fn queue_input(&mut self, bytes: &[u8]) {
        self.model.queue(bytes);
    }

    /// Waits until all queued packets are in the design; their span.
    pub fn finish_input(&mut self) -> Result<Span, Error> {
        let result = self.model.run(false, true, 0, self.limit);
        self.waited(result, Limit::Input, self.limit)?;
        let [first, last] = self.model.input_span();
        Ok(Span { first, last })
    }

    /// Takes up to `bytes` bytes out of the design during the calls that follow, for a later [`recv`](Self::recv).
    pub fn expect_output(&mut self, bytes: usize) {
        self.model.expect(bytes.div_ceil(self.word_bytes) as u64);
    }

    /// Waits for one packet of exactly `bytes` bytes (the last word may be filled up).
    pub fn recv(&mut self, bytes: usize) -> Result<Packet, Error> {
        let beats = bytes.div_ceil(self.word_bytes);
        let result = self.model.receive(beats, self.word_bytes, self.limit);
        let (mut data, [first, last], wrong) = self.waited(result, Limit::Output, self.limit)?;
        if wrong != beats as u64 {
            return Err(Error::PacketEnd {
                beat: wrong,
                beats: beats as u64,
            });
        }
        data.truncate(bytes);
        Ok(Packet {
            bytes: data,
            span: Span { first, last },
        })
    }

    /// Runs until `irq` is high, with queued input and expected output going on meanwhile, and returns the ends of commands
    /// since the last such call.
    pub fn run_until_irq(&mut self, max_cycles: u64) -> Result<Vec<LayerEvent>, Error> {
        let result = self.model.run(true, false, 0, max_cycles);
        self.waited(result, Limit::Interrupt, max_cycles)?;
        Ok(self.model.take_events())
    }

    /// The cycle in which `irq` last went high.
    pub fn irq_cycle(&self) -> u64 {
        self.model.irq_cycle()
    }

    /// Lets the clock run.
    pub fn idle(&mut self, cycles: u64) -> Result<(), Error> {
        let result = self.model.idle(cycles);
        self.waited(result, Limit::Interrupt, cycles)
    }

    /// Writes a waveform from here on; the design must be built with the [`TraceFormat`](super::TraceFormat) of the file.
    pub fn open_trace(&mut self, path: &Path) -> Result<(), Error> {
        self.model.open_trace(path)
    }

    /// Ends the waveform.
    pub fn close_trace(&mut self) {
        self.model.close_trace();
    }

    fn waited<T>(&self, result: Result<T, Halt>, limit: Limit, cycles: u64) -> Result<T, Error> {
        result.map_err(|halt| match halt {
            Halt::Error(error) => error,
            Halt::Timeout => Error::Timeout {
                limit,
                cycles,
                cycle: self.cycle(),
            },
        })
    }
}
