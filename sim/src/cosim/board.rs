// SPDX-License-Identifier: MIT OR Apache-2.0
//! The board's top, seen from the other end of its serial line.

use super::{Block, BuildOptions, Error, Port};
use sepstream_firmware::link;
use sepstream_hdl::Technology;
use sepstream_hdl::link::LinkOptions;
use sepstream_spec::config::Config;
use sepstream_spec::timing;
use sepstream_toolchain::Progress;
use std::collections::VecDeque;
use std::path::Path;

/// Bits of a byte on the line: start bit, data, stop bit.
const BITS: u64 = 10;

/// A running `sepstream_board` with a serial line, driven pin by pin.
pub struct Board {
    block: Block,
    clocks_per_bit: u64,
    /// Cycles between two looks at the pins: an eighth of a bit, so that bits are read in their third quarter at the latest.
    step: u64,
    patience: u64,
    cycle: u64,
    /// Towards the board.
    outgoing: VecDeque<u8>,
    /// The byte on its way there, with its first cycle.
    sending: Option<(u8, u64)>,
    /// The bits that have come of a byte from there, with the cycle of its start bit.
    receiving: Option<(Vec<bool>, u64)>,
    incoming: VecDeque<u8>,
    framing_errors: u64,
}

/// The board's lights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leds {
    /// A frame is running.
    pub busy: bool,
    /// A frame has finished.
    pub done: bool,
    /// A frame of the link was damaged.
    pub error: bool,
}

impl Board {
    /// Builds (or finds in the cache) and starts the board's top of a configuration, reset, with a UART of so many clock cycles
    /// per bit.
    ///
    /// # Errors
    /// When no such UART is possible, a tool is missing, or the design cannot be built.
    pub fn build(
        config: &Config,
        clocks_per_bit: u32,
        options: &BuildOptions,
        progress: &mut Progress,
    ) -> Result<Self, Error> {
        let verilog = sepstream_hdl::board(
            config,
            &LinkOptions::uart(clocks_per_bit, 1),
            Technology::Generic,
        )?;
        let ports = [
            Port::input("reset", 1),
            Port::input("uart_rx", 1),
            Port::output("uart_tx", 1),
            Port::output("led_busy", 1),
            Port::output("led_done", 1),
            Port::output("led_error", 1),
        ];
        let block = Block::build(&verilog, "sepstream_board", &ports, options, progress)?;
        let clocks_per_bit = u64::from(clocks_per_bit);
        let mut board = Board {
            block,
            clocks_per_bit,
            step: (clocks_per_bit / 8).max(1),
            // a frame of the link there and one back, and as much again for the accelerator's streams
            patience: 4 * link::MAX_WIRE as u64 * BITS * clocks_per_bit,
            cycle: 0,
            outgoing: VecDeque::new(),
            sending: None,
            receiving: None,
            incoming: VecDeque::new(),
            framing_errors: 0,
        };
        board.reset()?;
        Ok(board)
    }
    /// Power off and on, with registers and memories at random values that `seed` decides; then reset.
    ///
    /// # Errors
    /// When the simulation stops.
    pub fn restart(&mut self, seed: u64) -> Result<(), Error> {
        self.block.restart(seed)?;
        self.reset()
    }
    /// The reset button: holds `reset`, while the line goes on.
    ///
    /// # Errors
    /// When the simulation stops.
    pub fn reset(&mut self) -> Result<(), Error> {
        self.block.set("reset", 1);
        self.run(timing::RESET.into())?;
        self.block.set("reset", 0);
        Ok(())
    }
    /// Cycles of a bit on the line.
    pub fn clocks_per_bit(&self) -> u64 {
        self.clocks_per_bit
    }
    /// Puts bytes on the line, one behind the other.
    pub fn send(&mut self, bytes: &[u8]) {
        self.outgoing.extend(bytes);
    }
    /// The next byte that has come from the board.
    pub fn received(&mut self) -> Option<u8> {
        self.incoming.pop_front()
    }
    /// Bytes that are still to go to the board.
    pub fn pending(&self) -> usize {
        self.outgoing.len() + usize::from(self.sending.is_some())
    }
    /// Whether the board is sending a byte.
    pub fn receiving(&self) -> bool {
        self.receiving.is_some()
    }
    /// Bytes from the board without a stop bit: never, if it works.
    pub fn framing_errors(&self) -> u64 {
        self.framing_errors
    }
    /// The lights.
    pub fn leds(&self) -> Leds {
        let [busy, done, error] =
            ["led_busy", "led_done", "led_error"].map(|led| self.block.get(led) != 0);
        Leds { busy, done, error }
    }
    /// Clock cycles so far.
    pub fn cycle(&self) -> u64 {
        self.cycle
    }
    /// Lets the clock run, for so many cycles or a few more, with what is to be sent and what comes.
    ///
    /// # Errors
    /// When the simulation stops.
    pub fn run(&mut self, cycles: u64) -> Result<(), Error> {
        let end = self.cycle + cycles;
        while self.cycle < end {
            let level = self.line_out();
            self.block.set("uart_rx", level.into());
            self.block.ticks(self.step)?;
            self.cycle += self.step;
            self.line_in();
        }
        Ok(())
    }
    /// Writes a waveform from here on.
    ///
    /// # Errors
    /// When the design was built without, or the file cannot be written.
    pub fn open_trace(&mut self, path: &Path) -> Result<(), Error> {
        self.block.open_trace(path)
    }

    /// The line's level towards the board.
    fn line_out(&mut self) -> bool {
        let bit = |begin: u64| (self.cycle - begin) / self.clocks_per_bit;
        if self.sending.is_some_and(|(_, begin)| bit(begin) >= BITS) {
            self.sending = None;
        }
        if self.sending.is_none() {
            self.sending = self.outgoing.pop_front().map(|byte| (byte, self.cycle));
        }
        match self.sending {
            None => true,
            Some((byte, begin)) => match (self.cycle - begin) / self.clocks_per_bit {
                0 => false,
                n @ 1..=8 => byte >> (n - 1) & 1 != 0,
                _ => true,
            },
        }
    }
    /// Looks at the line from the board.
    fn line_in(&mut self) {
        let level = self.block.get("uart_tx") != 0;
        let Some((bits, begin)) = &mut self.receiving else {
            if !level {
                self.receiving = Some((Vec::new(), self.cycle));
            }
            return;
        };
        // the start bit began up to a step before it was seen, and a bit is looked at up to a step late
        let middle = (2 * bits.len() as u64 + 1) * self.clocks_per_bit / 2;
        if self.cycle - *begin < middle {
            return;
        }
        bits.push(level);
        if bits.len() as u64 == BITS {
            let data = bits[1..9].iter().rev();
            let byte = data.fold(0, |byte, bit| byte << 1 | u8::from(*bit));
            if bits[0] || !bits[9] {
                self.framing_errors += 1;
            } else {
                self.incoming.push_back(byte);
            }
            self.receiving = None;
        }
    }
}

impl link::Port for Board {
    type Error = Error;

    fn send(&mut self, bytes: &[u8]) -> Result<(), Error> {
        Board::send(self, bytes);
        Ok(())
    }
    /// Waits in simulated time.
    fn receive(&mut self) -> Result<Option<u8>, Error> {
        let end = self.cycle + self.patience;
        while self.incoming.is_empty() && self.cycle < end {
            self.run(self.clocks_per_bit)?;
        }
        Ok(self.received())
    }
}
