// SPDX-License-Identifier: MIT OR Apache-2.0
//! The driver: load a program, feed, start, wait, fetch.

use crate::{Bus, Error, ImageView, MapPort};
use sepstream_spec::link::MAX_DATA;
use sepstream_spec::regs::{self, Memory, Reg};

/// Bytes that go over the bus at a time: what a frame of the byte link carries, a multiple of every word size.
const CHUNK: usize = MAX_DATA;

/// An accelerator behind a bus. [`Driver::frame`] runs a network with all its segments; these are the steps of one run:
///
/// ```
/// use sepstream_firmware::{Bus, Driver, Error, ImageView};
///
/// fn classify<B: Bus>(
///     driver: &mut Driver<B>,
///     image: &ImageView,
///     picture: &[u8],
///     scores: &mut [u8],
/// ) -> Result<u32, Error<B::Error>> {
///     driver.load(image)?; // once
///     for run in image.runs() {
///         driver.select(run.index, run.commands)?;
///         for map in run.inputs.iter() {
///             driver.feed(&map, picture)?;
///         }
///         driver.start()?;
///         driver.wait(1_000_000)?;
///         for map in run.outputs.iter() {
///             driver.fetch(&map, scores)?;
///         }
///     }
///     driver.cycles()
/// }
/// ```
#[derive(Debug)]
pub struct Driver<B> {
    bus: B,
    /// Of the loaded program.
    word_bytes: Option<u32>,
    /// The run of it whose commands are loaded.
    run: u32,
}

/// The status register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status {
    /// A frame is running.
    pub busy: bool,
    /// A frame has finished since the last start.
    pub done: bool,
    /// The result stream is not finished.
    pub sending: bool,
}

impl<B: Bus> Driver<B> {
    /// A driver of what is behind the bus.
    pub fn new(bus: B) -> Self {
        Driver {
            bus,
            word_bytes: None,
            run: 0,
        }
    }
    /// The bus, for what the driver does not do.
    pub fn bus(&mut self) -> &mut B {
        &mut self.bus
    }
    /// Checks that there is an accelerator that this driver knows; the fingerprint of its configuration.
    ///
    /// # Errors
    /// When there is none, or one of another version.
    pub fn identify(&mut self) -> Result<u32, Error<B::Error>> {
        let (expected, found) = (regs::ID, self.read(Reg::Id)?);
        if found != expected {
            return Err(Error::Identification { expected, found });
        }
        let (expected, found) = (regs::VERSION, self.read(Reg::Version)?);
        if found != expected {
            return Err(Error::Version { expected, found });
        }
        self.read(Reg::Fingerprint)
    }
    /// Loads a program: all memories that it fills. Of the commands, those of its first run.
    ///
    /// # Errors
    /// When the accelerator is not the one that the program was compiled for, or a frame is running.
    pub fn load(&mut self, image: &ImageView) -> Result<(), Error<B::Error>> {
        let (expected, found) = (image.fingerprint, self.identify()?);
        if found != expected {
            return Err(Error::Configuration { expected, found });
        }
        if self.status()?.busy {
            return Err(Error::Busy);
        }
        self.word_bytes = None;
        for (memory, content) in image.memories() {
            let first = image.runs().next().map_or(&[][..], |run| run.commands);
            let content = match memory {
                Memory::Program => first,
                _ => content,
            };
            if !content.is_empty() {
                self.target(memory, 0)?;
                self.bus.send(content, true).map_err(Error::Bus)?;
            }
        }
        self.word_bytes = Some(image.word_bytes);
        self.run = 0;
        Ok(())
    }
    /// Loads the commands of a run, by its number in the image, unless they are those that are loaded.
    ///
    /// # Errors
    /// When no program is loaded, or a frame is running.
    pub fn select(&mut self, run: u32, commands: &[u8]) -> Result<(), Error<B::Error>> {
        self.word_bytes.ok_or(Error::NoProgram)?;
        if run == self.run {
            return Ok(());
        }
        if self.status()?.busy {
            return Err(Error::Busy);
        }
        self.target(Memory::Program, 0)?;
        self.bus.send(commands, true).map_err(Error::Bus)?;
        self.run = run;
        Ok(())
    }
    /// Loads a dense tensor (row, column, channel) into an input map.
    ///
    /// Under a running frame only behind the command that reads the map last ([`MapPort::command`], [`Driver::command`]), and
    /// only in programs whose maps keep their places ([`ImageView::overlap`]).
    ///
    /// # Errors
    /// When the tensor has another size.
    pub fn feed(&mut self, map: &MapPort, tensor: &[u8]) -> Result<(), Error<B::Error>> {
        let word_bytes = self.word_bytes(map, tensor.len())?;
        self.target(Memory::Activation, map.base)?;
        let mut chunk = Chunk::new(map.bytes(word_bytes));
        map.try_runs(word_bytes, |element, mut count| {
            let mut from = element.map(|first| &tensor[first..first + count]);
            while chunk.room(count) > 0 {
                let now = chunk.room(count);
                match &mut from {
                    Some(elements) => {
                        let (head, rest) = elements.split_at(now);
                        chunk.space(now).copy_from_slice(head);
                        *elements = rest;
                    }
                    None => chunk.space(now).fill(0),
                }
                count -= now;
                if let Some((bytes, last)) = chunk.full() {
                    self.bus.send(bytes, last).map_err(Error::Bus)?;
                }
            }
            Ok(())
        })
    }
    /// Starts a frame; ignored while one is running.
    ///
    /// # Errors
    /// When no program is loaded.
    pub fn start(&mut self) -> Result<(), Error<B::Error>> {
        self.word_bytes.ok_or(Error::NoProgram)?;
        self.write(Reg::Control, regs::CONTROL_START)
    }
    /// What the accelerator does.
    ///
    /// # Errors
    /// When the bus fails.
    pub fn status(&mut self) -> Result<Status, Error<B::Error>> {
        let status = self.read(Reg::Status)?;
        Ok(Status {
            busy: status & regs::STATUS_BUSY != 0,
            done: status & regs::STATUS_DONE != 0,
            sending: status & regs::STATUS_SENDING != 0,
        })
    }
    /// Index of the command at work; after a frame, the number of commands.
    ///
    /// # Errors
    /// When the bus fails.
    pub fn command(&mut self) -> Result<u32, Error<B::Error>> {
        self.read(Reg::Command)
    }
    /// Waits for the end of the frame. Hosts with the interrupt line wait for that and poll once.
    ///
    /// # Errors
    /// When the frame is not finished after so many polls of the status register, or there is none.
    pub fn wait(&mut self, polls: u32) -> Result<(), Error<B::Error>> {
        for _ in 0..polls {
            let status = self.status()?;
            match (status.busy, status.done) {
                (true, _) => {}
                (false, true) => return Ok(()),
                (false, false) => return Err(Error::Idle),
            }
        }
        Err(Error::Timeout { polls })
    }
    /// Cycles of the last frame.
    ///
    /// # Errors
    /// When the bus fails.
    pub fn cycles(&mut self) -> Result<u32, Error<B::Error>> {
        self.read(Reg::Cycles)
    }
    /// Reads an output map as a dense tensor (row, column, channel).
    ///
    /// # Errors
    /// When the tensor has another size.
    pub fn fetch(&mut self, map: &MapPort, tensor: &mut [u8]) -> Result<(), Error<B::Error>> {
        let word_bytes = self.word_bytes(map, tensor.len())?;
        self.write(Reg::SendAddress, map.base)?;
        self.write(Reg::SendWords, map.words())?;
        let mut chunk = Chunk::new(map.bytes(word_bytes));
        map.try_runs(word_bytes, |element, mut count| {
            let mut to = element.map_or(&mut [][..], |first| &mut tensor[first..first + count]);
            while chunk.room(count) > 0 {
                if chunk.used == 0 {
                    self.bus.receive(chunk.next()).map_err(Error::Bus)?;
                }
                let now = chunk.room(count);
                let bytes = chunk.space(now);
                if !to.is_empty() {
                    let (head, rest) = to.split_at_mut(now);
                    head.copy_from_slice(bytes);
                    to = rest;
                }
                count -= now;
                chunk.full();
            }
            Ok(())
        })
    }

    /// Bytes of a word, when a program is loaded and a tensor fits its map.
    fn word_bytes(&self, map: &MapPort, found: usize) -> Result<u32, Error<B::Error>> {
        let expected = map.elements();
        if found != expected {
            return Err(Error::TensorSize { expected, found });
        }
        self.word_bytes.ok_or(Error::NoProgram)
    }
    /// Chooses what the load stream fills.
    fn target(&mut self, memory: Memory, address: u32) -> Result<(), Error<B::Error>> {
        self.write(Reg::LoadTarget, memory as u32)?;
        self.write(Reg::LoadAddress, address)
    }
    fn read(&mut self, register: Reg) -> Result<u32, Error<B::Error>> {
        self.bus.read_register(register).map_err(Error::Bus)
    }
    fn write(&mut self, register: Reg, value: u32) -> Result<(), Error<B::Error>> {
        self.bus.write_register(register, value).map_err(Error::Bus)
    }
}

/// The part of a map that is on its way over the bus.
struct Chunk {
    bytes: [u8; CHUNK],
    /// Bytes of the map from the begin of this chunk on.
    left: usize,
    /// Bytes of this chunk that are filled, or taken.
    used: usize,
}

impl Chunk {
    fn new(left: usize) -> Self {
        Chunk {
            bytes: [0; CHUNK],
            left,
            used: 0,
        }
    }
    /// Bytes of this chunk.
    fn size(&self) -> usize {
        self.left.min(CHUNK)
    }
    /// How many of `count` bytes still go into this chunk: none only behind the end of the map, where no run of a sound one leads.
    fn room(&self, count: usize) -> usize {
        count.min(self.size() - self.used)
    }
    /// The next bytes of this chunk, as many as there is room.
    fn space(&mut self, count: usize) -> &mut [u8] {
        let start = self.used;
        self.used += count;
        &mut self.bytes[start..self.used]
    }
    /// All bytes of this chunk, to be received.
    fn next(&mut self) -> &mut [u8] {
        let size = self.size();
        &mut self.bytes[..size]
    }
    /// This chunk when it is full, and whether it is the last; the next one begins then.
    fn full(&mut self) -> Option<(&[u8], bool)> {
        let size = self.size();
        if self.used < size {
            return None;
        }
        self.used = 0;
        self.left -= size;
        Some((&self.bytes[..size], self.left == 0))
    }
}
