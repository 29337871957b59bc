// SPDX-License-Identifier: MIT OR Apache-2.0
//! A program on the Verilated accelerator, driven by the driver that boards use: registers and
//! streams, nothing else.

use super::{Error, LayerEvent, Rtl, RtlBus};
use sepstream_firmware::{self as firmware, Driver};
use sepstream_spec::program::{self, ImageView, MapPort, Program};
use sepstream_spec::regs::Memory;

/// An accelerator with a program loaded.
pub struct Device<'a> {
    driver: Driver<RtlBus<'a>>,
    program: &'a Program,
    /// The run at hand.
    run: program::Run,
    /// Bytes of a command.
    command_bytes: usize,
    limit: u64,
}

/// Dense output maps of a run.
pub type Outputs = Vec<Vec<u8>>;

/// One run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Run {
    /// Dense output maps.
    pub outputs: Outputs,
    /// Cycles of every command.
    pub commands: Vec<u64>,
    /// Cycles of the run, as the accelerator's own counter has them.
    pub cycles: u64,
    /// Cycles of loading commands and inputs, and of reading the outputs.
    pub io_cycles: u64,
}

impl<'a> Device<'a> {
    /// Loads a program whose commands take about so many cycles, by the model; one that takes far
    /// more is given up as hanging.
    ///
    /// # Errors
    /// When the design is not the one that the program was compiled for, or does not answer.
    pub fn load(rtl: &'a mut Rtl, program: &'a Program, cycles: &[u64]) -> Result<Self, Error> {
        let mut driver = Driver::new(RtlBus::new(rtl, program.word_bytes));
        let bytes = program.to_bytes();
        let image = ImageView::parse(&bytes).map_err(|error| Error::Driver {
            reason: error.to_string(),
        })?;
        driver.load(&image).map_err(fault)?;
        driver.bus().rtl().finish_input()?;
        Ok(Device {
            driver,
            program,
            run: program.run(0),
            command_bytes: program.content(Memory::Program).len() / cycles.len().max(1),
            limit: 2 * cycles.iter().sum::<u64>() + SPARE_CYCLES,
        })
    }
    /// One run: load its commands, if they are not there, and the inputs, start, wait, read the
    /// outputs.
    ///
    /// # Errors
    /// When the accelerator does not finish, or an input has the wrong size.
    pub fn run(&mut self, run: usize, inputs: &[&[u8]]) -> Result<Run, Error> {
        let begin = self.rtl().cycle();
        let commands = self.program.commands(run);
        self.driver.select(run as u32, commands).map_err(fault)?;
        self.run = self.program.run(run);
        self.feed(inputs)?;
        self.rtl().finish_input()?;
        let mut io_cycles = self.rtl().cycle() - begin;
        let mut frame = self.compute()?;
        let begin = self.rtl().cycle();
        frame.outputs = self.receive()?;
        io_cycles += self.rtl().cycle() - begin;
        frame.io_cycles = io_cycles;
        Ok(frame)
    }
    /// Of a program of one run: cycles from one frame's end to the next one's in steady state, the
    /// outputs of every frame in their order: each input is loaded under the frame before it as
    /// soon as its map is free, each output read under the frame behind it if that is certain to
    /// end before the frame writes the map again; one after the other where the maps do not keep
    /// their places.
    ///
    /// # Errors
    /// As [`Device::run`].
    pub fn stream(&mut self, frames: &[Vec<&[u8]>]) -> Result<(u64, Vec<Outputs>), Error> {
        let overlap = self.program.overlap;
        let last_reader = self.run.inputs.iter().map(|map| map.command).max();
        let first_writer = self.run.outputs.iter().map(|map| map.command).min();
        let mut outputs = Vec::new();
        let mut ends = Vec::new();
        // cycles of reading the outputs, as measured last, and of a frame before it writes the
        // first of them
        let (mut reading, mut untouched) = (None, 0);
        for (n, inputs) in frames.iter().enumerate() {
            let next = frames.get(n + 1).filter(|_| overlap);
            if n == 0 || !overlap {
                self.feed(inputs)?;
            }
            let waiting = n > 0 && overlap;
            let in_time = reading.is_some_and(|cycles| 4 * cycles + SAFE_CYCLES < untouched);
            if waiting && !in_time {
                let begin = self.rtl().cycle();
                outputs.push(self.receive()?);
                reading = Some(self.rtl().cycle() - begin);
            }
            self.driver.start().map_err(fault)?;
            let started = self.rtl().cycle();
            if waiting && in_time {
                outputs.push(self.receive()?);
            }
            if let Some(next) = next {
                while self.driver.command().map_err(fault)? <= last_reader.unwrap_or(0)
                    && self.driver.status().map_err(fault)?.busy
                {}
                self.feed(next)?;
            }
            // the interrupt alone, without a look at the status register: that would count
            let events = self.interrupt()?;
            ends.push(self.rtl().irq_cycle());
            let before =
                first_writer.and_then(|command| events.get(command.checked_sub(1)? as usize));
            untouched = before.map_or(0, |event| event.cycle.saturating_sub(started));
            if !overlap || n + 1 == frames.len() {
                outputs.push(self.receive()?);
            }
        }
        let interval = ends.windows(2).last().map_or(0, |pair| pair[1] - pair[0]);
        Ok((interval, outputs))
    }

    fn rtl(&mut self) -> &mut Rtl {
        self.driver.bus().rtl()
    }
    fn interrupt(&mut self) -> Result<Vec<LayerEvent>, Error> {
        let limit = self.limit;
        self.rtl().run_until_irq(limit)
    }
    fn compute(&mut self) -> Result<Run, Error> {
        self.driver.start().map_err(fault)?;
        let events = self.interrupt()?;
        self.driver.wait(1).map_err(fault)?;
        let cycles = u64::from(self.driver.cycles().map_err(fault)?);
        let commands = self.run.command_bytes as usize / self.command_bytes.max(1);
        if events.len() != commands {
            return Err(Error::WrongDevice {
                what: "number of commands run",
                want: commands as u32,
                got: events.len() as u32,
            });
        }
        let mut commands: Vec<u64> = events
            .windows(2)
            .map(|pair| pair[1].cycle - pair[0].cycle)
            .collect();
        // the first command began with the frame
        commands.insert(0, cycles.saturating_sub(commands.iter().sum()));
        Ok(Run {
            commands,
            cycles,
            ..Run::default()
        })
    }
    fn feed(&mut self, inputs: &[&[u8]]) -> Result<(), Error> {
        for (index, map) in self.run.inputs.iter().enumerate() {
            let given = inputs.get(index).copied().unwrap_or_default();
            self.driver.feed(map, given).map_err(|error| match error {
                firmware::Error::TensorSize { expected, found } => Error::InputSize {
                    index,
                    want: expected,
                    got: found,
                },
                other => fault(other),
            })?;
        }
        Ok(())
    }
    fn receive(&mut self) -> Result<Outputs, Error> {
        let mut fetch = |map: &MapPort| {
            let mut tensor = vec![0; map.elements()];
            self.driver.fetch(map, &mut tensor).map_err(fault)?;
            Ok(tensor)
        };
        self.run.outputs.iter().map(&mut fetch).collect()
    }
}

/// Cycles that reading the outputs under a frame must have in reserve, besides four times what it
/// took without; a host with random stalls does not take them up.
const SAFE_CYCLES: u64 = 64;
/// A frame that takes this much more than twice its cycles hangs.
const SPARE_CYCLES: u64 = 100_000;

/// The driver's errors in this crate's terms.
fn fault(error: firmware::Error<Error>) -> Error {
    let wrong = |what, want, got| Error::WrongDevice { what, want, got };
    match error {
        firmware::Error::Bus(error) => error,
        firmware::Error::Identification { expected, found } => {
            wrong("identification", expected, found)
        }
        firmware::Error::Version { expected, found } => wrong("version", expected, found),
        firmware::Error::Configuration { expected, found } => {
            wrong("configuration fingerprint", expected, found)
        }
        other => Error::Driver {
            reason: other.to_string(),
        },
    }
}
