// SPDX-License-Identifier: MIT OR Apache-2.0
//! The driver: load a program, feed, start, wait, fetch.

use crate::{Bus, Error, ImageView, MapPort};
use sepstream_spec::link::MAX_DATA;
use sepstream_spec::regs::{self, Memory, Reg};

/// Bytes that go over the bus at a time: what a frame of the byte link carries, a multiple of every word size.
const CHUNK: usize = MAX_DATA;

/// An accelerator behind a bus.
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
///     for map in image.inputs.iter() {
///         driver.feed(&map, picture)?;
///     }
///     driver.start()?;
///     driver.wait(1_000_000)?;
///     for map in image.outputs.iter() {
///         driver.fetch(&map, scores)?;
///     }
///     driver.cycles()
/// }
/// ```
#[derive(Debug)]
pub struct Driver<B> {
    bus: B,
    /// Of the loaded program.
    word_bytes: Option<u32>,
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
    /// Loads a program: all memories that it fills.
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
            if !content.is_empty() {
                self.target(memory, 0)?;
                self.bus.send(content, true).map_err(Error::Bus)?;
            }
        }
        self.word_bytes = Some(image.word_bytes);
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
        if map.is_dense(word_bytes) {
            // as it is: several times quicker on a small processor
            let mut chunks = tensor.chunks(CHUNK).peekable();
            while let Some(chunk) = chunks.next() {
                let last = chunks.peek().is_none();
                self.bus.send(chunk, last).map_err(Error::Bus)?;
            }
            return Ok(());
        }
        // the size is checked: there are bytes
        let mut bytes = map.packed(tensor, word_bytes).into_iter().flatten();
        let mut left = map.bytes(word_bytes);
        let mut chunk = [0; CHUNK];
        while left > 0 {
            let now = &mut chunk[..left.min(CHUNK)];
            left -= now.len();
            now.iter_mut()
                .zip(&mut bytes)
                .for_each(|(to, byte)| *to = byte);
            self.bus.send(now, left == 0).map_err(Error::Bus)?;
        }
        Ok(())
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
        if map.is_dense(word_bytes) {
            let mut chunks = tensor.chunks_mut(CHUNK);
            return chunks.try_for_each(|chunk| self.bus.receive(chunk).map_err(Error::Bus));
        }
        let mut layout = map.layout(word_bytes);
        let mut left = map.bytes(word_bytes);
        let mut chunk = [0; CHUNK];
        while left > 0 {
            let now = &mut chunk[..left.min(CHUNK)];
            left -= now.len();
            self.bus.receive(now).map_err(Error::Bus)?;
            for (byte, element) in now.iter().zip(&mut layout) {
                if let Some(to) = element.and_then(|at| tensor.get_mut(at)) {
                    *to = *byte;
                }
            }
        }
        Ok(())
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
