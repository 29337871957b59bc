// SPDX-License-Identifier: MIT OR Apache-2.0
//! A board behind a serial port: the driver over the host link, with a new start when the board was
//! reset.

use std::io;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use sepstream_firmware::link::{Port, Session, SessionError, Statistics};
use sepstream_firmware::{self as firmware, Driver};
use sepstream_spec::program::ImageView;
use serial2::SerialPort;

use crate::{BoardError, Error};

/// Resets of the board that a frame is started again after.
const RESETS: u32 = 3;

/// Options of the link.
#[derive(Clone, Debug)]
pub struct BoardOptions {
    /// The serial port.
    pub port: PathBuf,
    /// Bits per second.
    pub baud: u32,
    /// Time without a byte after which a request is sent again.
    pub retry_after: Duration,
    /// Time that a frame may take on the accelerator.
    pub timeout: Duration,
}

/// How far the loading of a program has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Load {
    /// A program of so many bytes begins.
    Begin(usize),
    /// So many bytes more were sent.
    Sent(usize),
    /// It ended.
    End,
}

/// A board with a program.
pub struct Board<'p> {
    driver: Driver<Session<SerialLine>>,
    image: ImageView<'p>,
    options: BoardOptions,
    loaded: bool,
    resets: u32,
    cycles: u32,
}

/// A serial port as the link takes it.
struct SerialLine {
    port: SerialPort,
    buffer: [u8; 512],
    /// What of the buffer is still to be taken.
    rest: std::ops::Range<usize>,
    /// A program is being loaded.
    loading: bool,
    progress: Box<dyn FnMut(Load)>,
}

impl SerialLine {
    fn open(options: &BoardOptions, progress: Box<dyn FnMut(Load)>) -> io::Result<Self> {
        let mut port = SerialPort::open(&options.port, options.baud)?;
        port.set_read_timeout(options.retry_after)?;
        // what came before is nobody's reply
        port.discard_input_buffer()?;
        Ok(SerialLine {
            port,
            buffer: [0; 512],
            rest: 0..0,
            loading: false,
            progress,
        })
    }
    /// Begins or ends the loading of a program.
    fn load(&mut self, what: Load) {
        self.loading = what != Load::End;
        (self.progress)(what);
    }
}

impl Port for SerialLine {
    type Error = io::Error;

    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.loading {
            (self.progress)(Load::Sent(bytes.len()));
        }
        self.port.write_all(bytes)
    }
    fn receive(&mut self) -> io::Result<Option<u8>> {
        while self.rest.is_empty() {
            match self.port.read(&mut self.buffer) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(count) => self.rest = 0..count,
                Err(error) if error.kind() == io::ErrorKind::TimedOut => return Ok(None),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(self.rest.next().and_then(|at| self.buffer.get(at).copied()))
    }
}

impl<'p> Board<'p> {
    /// Opens port and link, and checks that the program is for the accelerator there. `progress`
    /// follows each loading of the program.
    pub fn open(
        image: ImageView<'p>,
        options: BoardOptions,
        progress: impl FnMut(Load) + 'static,
    ) -> Result<Self, Error> {
        let path = &options.port;
        let line = SerialLine::open(&options, Box::new(progress))
            .map_err(|cause| Error::file(path, cause))?;
        let fault = |cause| Error::Board {
            port: path.clone(),
            cause: Box::new(cause),
        };
        let session = Session::open(line, fastrand::u8(..));
        let driver = Driver::new(session.map_err(|cause| fault(firmware::Error::Bus(cause)))?);
        let mut board = Board {
            driver,
            image,
            options,
            loaded: false,
            resets: 0,
            cycles: 0,
        };
        let expected = image.fingerprint;
        board.through_resets(|board| match board.driver.identify()? {
            found if found == expected => Ok(()),
            found => Err(firmware::Error::Configuration { expected, found }),
        })?;
        Ok(board)
    }
    /// One run of the program: dense input maps to dense output maps. Where the board is reset on
    /// the way, it is loaded anew and the run begins again.
    pub fn run(&mut self, run: usize, inputs: &[&[u8]]) -> Result<Vec<Vec<u8>>, Error> {
        self.through_resets(|board| board.attempt(run, inputs))
    }
    /// Cycles of the last run.
    pub fn cycles(&self) -> u32 {
        self.cycles
    }
    /// What the link went through.
    pub fn statistics(&mut self) -> Statistics {
        self.driver.bus().statistics()
    }
    /// Resets of the board that were seen.
    pub fn resets(&self) -> u32 {
        self.resets
    }

    /// Does something, again from its beginning when the board was reset.
    fn through_resets<T>(
        &mut self,
        mut what: impl FnMut(&mut Self) -> Result<T, BoardError>,
    ) -> Result<T, Error> {
        let mut resets = 0;
        loop {
            match what(self) {
                Err(firmware::Error::Bus(SessionError::Closed)) if resets < RESETS => {
                    resets += 1;
                    self.resets += 1;
                    self.loaded = false;
                    let reopened = self.driver.bus().reopen();
                    reopened.map_err(|cause| self.fault(firmware::Error::Bus(cause)))?;
                }
                Err(cause) => return Err(self.fault(cause)),
                Ok(done) => return Ok(done),
            }
        }
    }
    fn fault(&self, cause: BoardError) -> Error {
        Error::Board {
            port: self.options.port.clone(),
            cause: Box::new(cause),
        }
    }
    fn attempt(&mut self, run: usize, inputs: &[&[u8]]) -> Result<Vec<Vec<u8>>, BoardError> {
        if !self.loaded {
            self.load()?;
        }
        // one that there is not has no maps
        let Some(run) = self.image.runs().nth(run) else {
            return Ok(Vec::new());
        };
        self.driver.select(run.index, run.commands)?;
        for (map, tensor) in run.inputs.iter().zip(inputs) {
            self.driver.feed(&map, tensor)?;
        }
        self.driver.start()?;
        self.wait()?;
        self.cycles = self.driver.cycles()?;
        let fetch = |map: firmware::MapPort| {
            let mut tensor = vec![0; map.elements()];
            self.driver.fetch(&map, &mut tensor)?;
            Ok(tensor)
        };
        run.outputs.iter().map(fetch).collect()
    }
    fn load(&mut self) -> Result<(), BoardError> {
        let bytes: usize = self.image.memories().map(|(_, bytes)| bytes.len()).sum();
        self.driver.bus().port().load(Load::Begin(bytes));
        let loaded = self.driver.load(&self.image);
        self.driver.bus().port().load(Load::End);
        self.loaded = loaded.is_ok();
        loaded
    }
    fn wait(&mut self) -> Result<(), BoardError> {
        let (start, mut polls) = (Instant::now(), 0);
        loop {
            polls += 1;
            match self.driver.wait(1) {
                Err(firmware::Error::Timeout { .. }) if start.elapsed() < self.options.timeout => {}
                Err(firmware::Error::Timeout { .. }) => {
                    return Err(firmware::Error::Timeout { polls });
                }
                other => return other,
            }
        }
    }
}
