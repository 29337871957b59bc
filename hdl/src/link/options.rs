// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the pins of the host link are.

use super::rate::{MAX_CLOCKS_PER_BIT, MIN_CLOCKS_PER_BIT};

/// The host link of a board.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkOptions {
    /// Its pins.
    pub link: Link,
}

/// A kind of link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// Two wires, 8 data bits, no parity, 1 stop bit.
    Uart {
        /// Frequency of `clk`.
        clock_hz: u32,
        /// Bits per second.
        baud: u32,
    },
    /// A peripheral of mode 0, most significant bit first; its clock is at most an eighth of `clk`.
    Spi,
}

/// Why a link cannot be built.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// A bit would take too few or too many clock cycles.
    #[error(
        "{baud} baud with a clock of {clock_hz} Hz: a bit takes {MIN_CLOCKS_PER_BIT} to {MAX_CLOCKS_PER_BIT} clock cycles, which is \
         {lowest} to {highest} baud; choose another baud rate or clock"
    )]
    Baud {
        /// Frequency of the clock.
        clock_hz: u32,
        /// The rate asked for.
        baud: u32,
        /// The lowest one possible.
        lowest: u32,
        /// The highest one possible.
        highest: u32,
    },
}

impl LinkOptions {
    /// A UART.
    pub fn uart(clock_hz: u32, baud: u32) -> Self {
        LinkOptions {
            link: Link::Uart { clock_hz, baud },
        }
    }
    /// Checks that the link can be built.
    ///
    /// # Errors
    /// When the baud rate does not fit the clock.
    pub fn check(&self) -> Result<(), LinkError> {
        let Link::Uart { clock_hz, baud } = self.link else {
            return Ok(());
        };
        let lowest = clock_hz.div_ceil(MAX_CLOCKS_PER_BIT).max(1);
        let highest = clock_hz / MIN_CLOCKS_PER_BIT;
        if (lowest..=highest).contains(&baud) {
            return Ok(());
        }
        Err(LinkError::Baud {
            clock_hz,
            baud,
            lowest,
            highest,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn baud_rates_fit_the_clock_or_are_refused() {
        for (clock, baud) in [(4, 1), (12_000_000, 3_000_000), (100_000_000, 1526)] {
            assert_eq!(LinkOptions::uart(clock, baud).check(), Ok(()));
        }
        for (clock, baud) in [
            (3, 1),
            (12_000_000, 3_000_001),
            (100_000_000, 1525),
            (100_000_000, 0),
            (0, 0),
        ] {
            assert!(LinkOptions::uart(clock, baud).check().is_err(), "{baud}");
        }
        assert_eq!(LinkOptions { link: Link::Spi }.check(), Ok(()));
        let error = LinkOptions::uart(12_000_000, 4_000_000)
            .check()
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "4000000 baud with a clock of 12000000 Hz: a bit takes 4 to 65536 clock cycles, which is 184 to 3000000 baud; \
             choose another baud rate or clock"
        );
    }
}
