// SPDX-License-Identifier: MIT OR Apache-2.0
//! The pins that a host reaches a board over.

use serde::Serialize;

/// Kind of pins of the host link.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum HostPins {
    /// Two wires, with the board's own chip for USB in most cases.
    #[default]
    Uart,
    /// A peripheral of mode 0, for a microcontroller at a connector of the board.
    Spi,
}

impl HostPins {
    /// Both.
    pub const ALL: [HostPins; 2] = [HostPins::Uart, HostPins::Spi];

    /// Inputs of the top module, as the generated board names them.
    pub const fn inputs(self) -> &'static [&'static str] {
        match self {
            HostPins::Uart => &["uart_rx"],
            HostPins::Spi => &["spi_sck", "spi_cs_n", "spi_copi"],
        }
    }

    /// Its output.
    pub const fn output(self) -> &'static str {
        match self {
            HostPins::Uart => "uart_tx",
            HostPins::Spi => "spi_cipo",
        }
    }

    /// All of them.
    pub fn ports(self) -> Vec<&'static str> {
        [self.inputs(), &[self.output()]].concat()
    }
}
