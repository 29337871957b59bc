// SPDX-License-Identifier: MIT OR Apache-2.0
//! Cells: blocks of an FPGA, by their vendor's name.

use super::expr::lit;
use super::module::{Item, Module};
use super::node::{Expr, NetKind};

/// A block of an FPGA.
#[derive(Clone, Debug)]
pub struct Cell {
    pub(crate) kind: String,
    pub(crate) name: String,
    /// Names and values as Verilog writes them.
    pub(crate) parameters: Vec<(String, String)>,
    pub(crate) pins: Vec<(String, Pin)>,
    /// Its outputs follow its inputs in the same cycle.
    pub(crate) combinational: bool,
}

/// What a pin is connected to.
#[derive(Clone, Debug)]
pub(crate) enum Pin {
    In(Expr),
    Out(Expr),
    Open,
}

impl Pin {
    /// What goes into it.
    pub(crate) fn value(&self) -> Option<&Expr> {
        match self {
            Pin::In(value) => Some(value),
            Pin::Out(_) | Pin::Open => None,
        }
    }
}

impl Cell {
    /// The vendor's name.
    pub fn kind(&self) -> &str {
        &self.kind
    }
    /// Its name in the module.
    pub fn name(&self) -> &str {
        &self.name
    }
    pub(crate) fn pins(&self) -> impl Iterator<Item = &(String, Pin)> {
        self.pins.iter()
    }
}

/// A cell whose pins are being connected.
pub struct CellBuilder<'a> {
    module: &'a mut Module,
    cell: Cell,
}

impl Module {
    /// A wire that pins of cells drive, whole or by parts.
    #[track_caller]
    pub fn pins(&mut self, name: &str, width: u32) -> Expr {
        let net = self.declare(name, NetKind::Pins, width);
        self.push(Item::Declared(net.clone()));
        net
    }
    /// A block of an FPGA, of the module's text where it is [done](CellBuilder::done).
    #[track_caller]
    pub fn cell(&mut self, kind: &str, name: &str) -> CellBuilder<'_> {
        self.claim(name);
        CellBuilder {
            module: self,
            cell: Cell {
                kind: kind.into(),
                name: name.into(),
                parameters: Vec::new(),
                pins: Vec::new(),
                combinational: false,
            },
        }
    }
}

impl CellBuilder<'_> {
    /// Parameters, their values as Verilog writes them.
    pub fn parameters<V: Into<String> + Clone>(mut self, parameters: &[(&str, V)]) -> Self {
        let owned = parameters
            .iter()
            .map(|(name, value)| (name.to_string(), value.clone().into()));
        self.cell.parameters.extend(owned);
        self
    }
    fn pin(&mut self, name: &str, pin: Pin) {
        self.cell.pins.push((name.into(), pin));
    }
    /// An input pin.
    pub fn input(mut self, pin: &str, value: &Expr) -> Self {
        self.pin(pin, Pin::In(value.clone()));
        self
    }
    /// Input pins of one bit that are 0.
    #[track_caller]
    pub fn low(mut self, pins: &[&str]) -> Self {
        for pin in pins {
            self.pin(pin, Pin::In(lit(0, 1)));
        }
        self
    }
    /// Input pins of one bit that are 1.
    #[track_caller]
    pub fn high(mut self, pins: &[&str]) -> Self {
        for pin in pins {
            self.pin(pin, Pin::In(lit(1, 1)));
        }
        self
    }
    /// The clock on a pin.
    #[track_caller]
    pub fn clock(mut self, pin: &str) -> Self {
        let clock = self.module.clock();
        self.pin(pin, Pin::In(clock));
        self
    }
    /// An output pin, and the wire of [`Module::pins`], or the part of one, that it drives.
    pub fn output(mut self, pin: &str, wire: &Expr) -> Self {
        self.pin(pin, Pin::Out(wire.clone()));
        self
    }
    /// Output pins that drive nothing.
    pub fn open(mut self, pins: &[&str]) -> Self {
        for pin in pins {
            self.pin(pin, Pin::Open);
        }
        self
    }
    /// Pins `<prefix><first>` and on, an input each, on the bits of a value.
    #[track_caller]
    pub fn input_bits(mut self, prefix: &str, first: u32, value: &Expr) -> Self {
        for bit in 0..value.width() {
            let pin = Pin::In(value.bit(bit));
            self.pin(&format!("{prefix}{}", first + bit), pin);
        }
        self
    }
    /// Pins `<prefix><first>` and on, an output each, on bits of a wire of [`Module::pins`], or of a part of one.
    #[track_caller]
    pub fn output_bits(mut self, prefix: &str, first: u32, wire: &Expr) -> Self {
        for bit in 0..wire.width() {
            let pin = Pin::Out(wire.bit(bit));
            self.pin(&format!("{prefix}{}", first + bit), pin);
        }
        self
    }
    /// Its outputs follow its inputs in the same cycle; those of others have registers between.
    pub fn combinational(mut self) -> Self {
        self.cell.combinational = true;
        self
    }
    /// Puts it into the module.
    #[track_caller]
    pub fn done(self) {
        self.module.push(Item::Cell(self.cell));
    }
}
