// SPDX-License-Identifier: MIT OR Apache-2.0
//! `sepstream serve-sim`: a simulated board on a pseudo-terminal.

use crate::cli::ServeSim;
use crate::error::Error;
use crate::outcome::Outcome;

/// Serves until it is stopped, or fails.
#[cfg(not(unix))]
pub fn run(_: &ServeSim) -> Result<Outcome, Error> {
    Err(Error::Input(
        "serve-sim needs the pseudo-terminals of Unix; run it in WSL".into(),
    ))
}

#[cfg(unix)]
pub use unix::run;

#[cfg(unix)]
mod unix {
    use std::fs::File;
    use std::io::{self, Read, Write};
    use std::os::unix::ffi::OsStrExt;
    use std::path::{Path, PathBuf};
    use std::sync::mpsc::{self, Receiver};
    use std::thread;

    use rustix::pty::{self, OpenptFlags};
    use rustix::termios::{self, OptionalActions};
    use sepstream_sim::cosim::{Board, BuildOptions};
    use serde::Serialize;

    use super::*;
    use crate::progress::{describe, spinner};
    use crate::report::json;

    /// Bits on the line between two looks at the pseudo-terminal.
    const BITS: u64 = 16;
    /// The clock stands still when so many cycles have passed without a byte and without a frame at work: longer than the link
    /// takes for any request.
    const QUIET: u64 = 100_000;

    #[derive(Serialize)]
    struct Report {
        config: String,
        port: String,
        link: Option<String>,
        clocks_per_bit: u32,
    }

    /// Serves until it is stopped, or fails.
    pub fn run(args: &ServeSim) -> Result<Outcome, Error> {
        let config = crate::commands::load_config(&args.config)?;
        let spinner = spinner();
        let mut progress = |event| spinner.set_message(describe(event));
        let board = Board::build(
            &config,
            args.clocks_per_bit,
            &BuildOptions::default(),
            &mut progress,
        )?;
        spinner.finish_and_clear();
        let fault = |cause: io::Error| Error::file(Path::new("pseudo-terminal"), cause);
        let terminal = Terminal::open().map_err(fault)?;
        if let Some(link) = &args.link {
            make_link(link, &terminal.path)?;
        }
        let report = Report {
            config: args.config.display().to_string(),
            port: terminal.path.display().to_string(),
            link: args.link.as_ref().map(|path| path.display().to_string()),
            clocks_per_bit: args.clocks_per_bit,
        };
        if args.json {
            println!("{}", json(&report));
        } else {
            let port = report.link.as_deref().unwrap_or(&report.port);
            println!("board on {port}; stop with Ctrl-C");
        }
        io::stdout().flush().map_err(fault)?;
        let line = Line {
            noise: fastrand::Rng::with_seed(args.seed),
            damage: args.damage.map_or(0, |n| n.get()),
        };
        serve(board, terminal, line, args.reset_at)
    }

    /// A pseudo-terminal in raw mode.
    struct Terminal {
        ours: File,
        path: PathBuf,
        /// Held open, so that the line stays up while no client is there.
        _theirs: File,
    }

    impl Terminal {
        fn open() -> io::Result<Self> {
            let ours = pty::openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY)?;
            pty::grantpt(&ours)?;
            pty::unlockpt(&ours)?;
            let name = pty::ptsname(&ours, Vec::new())?;
            let path = PathBuf::from(std::ffi::OsStr::from_bytes(name.as_bytes()));
            let theirs = File::options().read(true).write(true).open(&path)?;
            let mut settings = termios::tcgetattr(&theirs)?;
            settings.make_raw();
            termios::tcsetattr(&theirs, OptionalActions::Now, &settings)?;
            Ok(Terminal {
                ours: ours.into(),
                path,
                _theirs: theirs,
            })
        }
        /// What clients write.
        fn listen(&self) -> io::Result<Receiver<Vec<u8>>> {
            let mut from = self.ours.try_clone()?;
            let (sender, bytes) = mpsc::channel();
            thread::spawn(move || {
                let mut buffer = [0; 4096];
                while let Ok(count @ 1..) = from.read(&mut buffer) {
                    if sender.send(buffer[..count].to_vec()).is_err() {
                        break;
                    }
                }
            });
            Ok(bytes)
        }
    }

    /// Replaces a symbolic link, and nothing else.
    fn make_link(link: &Path, target: &Path) -> Result<(), Error> {
        if link.is_symlink() {
            std::fs::remove_file(link).map_err(|cause| Error::file(link, cause))?;
        }
        std::os::unix::fs::symlink(target, link).map_err(|cause| Error::file(link, cause))
    }

    /// A line that damages bytes.
    struct Line {
        noise: fastrand::Rng,
        /// One byte in so many; 0 for none.
        damage: u32,
    }

    impl Line {
        fn carry(&mut self, bytes: impl IntoIterator<Item = u8>) -> Vec<u8> {
            let mut out = Vec::new();
            for byte in bytes {
                if self.damage == 0 || self.noise.u32(0..self.damage) > 0 {
                    out.push(byte);
                    continue;
                }
                match self.noise.u8(0..3) {
                    0 => {}
                    1 => out.push(byte ^ (1 << self.noise.u8(0..8))),
                    _ => out.extend([byte, self.noise.u8(..)]),
                }
            }
            out
        }
    }

    fn serve(
        mut board: Board,
        terminal: Terminal,
        mut line: Line,
        mut reset_at: Option<u64>,
    ) -> Result<Outcome, Error> {
        let fault = |cause| Error::file(&terminal.path, cause);
        let bytes = terminal.listen().map_err(fault)?;
        let mut to_client = &terminal.ours;
        let mut active = board.cycle();
        loop {
            let works = board.pending() > 0 || board.receiving() || board.leds().busy;
            if works {
                active = board.cycle();
            }
            let come = if works || board.cycle() - active < QUIET {
                bytes.try_recv().ok()
            } else {
                match bytes.recv() {
                    Ok(come) => Some(come),
                    // the terminal is gone
                    Err(_) => return Ok(Outcome::Ok),
                }
            };
            if let Some(come) = come {
                active = board.cycle();
                board.send(&line.carry(come));
            }
            if reset_at.is_some_and(|cycle| board.cycle() >= cycle) {
                reset_at = None;
                board.reset()?;
            }
            board.run(BITS * board.clocks_per_bit())?;
            let left = std::iter::from_fn(|| board.received()).collect::<Vec<u8>>();
            if !left.is_empty() {
                active = board.cycle();
                to_client.write_all(&line.carry(left)).map_err(fault)?;
            }
        }
    }
}
