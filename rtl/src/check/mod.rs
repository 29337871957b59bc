// SPDX-License-Identifier: MIT OR Apache-2.0
//! What must hold for a finished module: checked once, before anything is made of it.
//!
//! - Names are Verilog identifiers, and no keywords.
//! - Every value is of the module itself.
//! - Every wire, and each bit of a wire that pins drive, has one driver. A register takes its values in one process, and in some.
//!   Nothing else is driven or set.
//! - No value depends on itself without a register between, instances included.
//!
//! Widths are checked where an operator is made.

mod drivers;
mod names;
mod paths;

use super::cell::Pin;
use super::module::{Item, Module};
use super::node::{Expr, Place};
use super::process;
use std::fmt;

pub(crate) use drivers::part;
pub use names::name_fault;
pub(crate) use paths::Paths;

/// A rule that a module breaks.
#[derive(Clone, Debug)]
pub struct Fault {
    module: String,
    what: String,
    place: Place,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Fault {
            module,
            what,
            place,
        } = self;
        write!(f, "{module}: {what} ({}:{})", place.file(), place.line())
    }
}

impl std::error::Error for Fault {}

impl Module {
    pub(crate) fn fault(&self, what: String, place: Place) -> Fault {
        Fault {
            module: self.name().into(),
            what,
            place,
        }
    }
    /// Whether the rules for a finished module hold. Those of the modules inside it were asked when they became instances.
    ///
    /// # Errors
    /// The first rule that it breaks, with the line of the block's Rust code.
    pub fn check(&self) -> Result<(), Fault> {
        self.paths().map(|_| ())
    }
    /// All rules; the last of them finds the ways from inputs to outputs.
    pub(crate) fn checked(&self) -> Result<Paths, Fault> {
        self.names_are_valid()?;
        self.owns_all()?;
        drivers::check(self)?;
        paths::find(self)
    }

    fn names_are_valid(&self) -> Result<(), Fault> {
        for (name, place) in self.names_taken() {
            if let Some(fault) = name_fault(name) {
                return Err(self.fault(format!("`{name}` {fault}"), place));
            }
        }
        Ok(())
    }

    fn owns_all(&self) -> Result<(), Fault> {
        for (item, place) in self.items() {
            let mut foreign = None;
            item.values(&mut |value| {
                value.each(&mut |node| {
                    let is_foreign = node.as_net().is_some_and(|net| net.owner != self.id());
                    if is_foreign && foreign.is_none() {
                        foreign = Some(node.clone());
                    }
                });
            });
            if let Some(net) = foreign {
                let made = net.place();
                let what = format!(
                    "`{net}` is of another module, where {}:{} declares it",
                    made.file(),
                    made.line()
                );
                return Err(self.fault(what, place));
            }
        }
        Ok(())
    }
}

impl Expr {
    /// Itself and all nodes below, each once.
    pub(crate) fn each(&self, see: &mut impl FnMut(&Expr)) {
        let mut seen = std::collections::HashSet::new();
        let mut left = vec![self];
        while let Some(node) = left.pop() {
            if seen.insert(node.id()) {
                see(node);
                left.extend(node.args());
            }
        }
    }
}

impl Item {
    /// The values that it reads, and the nets that it drives.
    pub(crate) fn values(&self, see: &mut dyn FnMut(&Expr)) {
        self.reads(see);
        match self {
            Item::Wire(net, _) | Item::Drive(net, _) => see(net),
            Item::Pipe { register, .. } => see(register),
            Item::Process(statements) => process::targets(statements, see),
            Item::Cell(cell) => cell.pins().for_each(|(_, pin)| match pin {
                Pin::Out(net) => see(net),
                Pin::In(_) | Pin::Open => (),
            }),
            _ => (),
        }
    }
    /// The values that it reads.
    pub(crate) fn reads(&self, see: &mut dyn FnMut(&Expr)) {
        match self {
            Item::Note(_) | Item::Declared(_) | Item::Register(_) => (),
            Item::Output(_, value) | Item::Wire(_, value) | Item::Drive(_, value) => see(value),
            Item::Pipe { value, .. } => see(value),
            Item::Process(statements) => process::reads(statements, see),
            Item::Memory(memory) => memory.values(see),
            Item::Cell(cell) => cell.pins().filter_map(|(_, pin)| pin.value()).for_each(see),
            Item::Instance { inputs, .. } => inputs.iter().for_each(|(_, value)| see(value)),
        }
    }
}
