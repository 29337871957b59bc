// SPDX-License-Identifier: MIT OR Apache-2.0
//! Modules as rust_hdl blocks: somebody's rust_hdl design can hold one, and rust_hdl prints both.
//!
//! rust_hdl sees the ports, and takes the Verilog of the module and all below it as a core that it does not look into.

use super::module::{Direction, Module, Port};
use super::print::Printed;
use rust_hdl_core::ast::{Verilog, VerilogLiteral, Wrapper};
use rust_hdl_core::atom::{Atom, AtomKind};
use rust_hdl_core::block::Block;
use rust_hdl_core::constraint::PinConstraint;
use rust_hdl_core::logic::Logic;
use rust_hdl_core::probe::Probe;
use rust_hdl_core::synth::VCDValue;
use rust_hdl_core::type_descriptor::{TypeDescriptor, TypeKind};
use std::rc::Rc;

/// A port as rust_hdl sees it; the generic `Signal` types need widths at compile time.
struct PortAtom<'a>(&'a Port);

impl Atom for PortAtom<'_> {
    fn bits(&self) -> usize {
        self.0.width as usize
    }
    fn connected(&self) -> bool {
        true
    }
    fn changed(&self) -> bool {
        false
    }
    fn kind(&self) -> AtomKind {
        match self.0.direction {
            Direction::In => AtomKind::InputParameter,
            Direction::Out => AtomKind::OutputPassthrough,
        }
    }
    fn descriptor(&self) -> TypeDescriptor {
        TypeDescriptor {
            name: self.0.name.clone(),
            kind: TypeKind::Bits(self.bits()),
        }
    }
    fn vcd(&self) -> VCDValue {
        VCDValue::from(false)
    }
    fn id(&self) -> usize {
        0
    }
    fn verilog(&self) -> VerilogLiteral {
        false.into()
    }
    fn constraints(&self) -> Vec<PinConstraint> {
        Vec::new()
    }
}

/// A finished module as a rust_hdl block, and its text.
pub struct HdlBlock {
    module: Rc<Module>,
    printed: Printed,
}

impl HdlBlock {
    /// Of a module as it was printed.
    pub fn new(module: Rc<Module>, printed: Printed) -> Self {
        HdlBlock { module, printed }
    }
    /// What `Logic::hdl` gives for a rust_hdl block with ports of the same names: an instance of the module, and the module's text behind.
    pub fn wrapper(&self) -> Wrapper {
        let name = self.printed.name_of(&self.module).unwrap_or_default();
        let ports: Vec<String> = self
            .module
            .ports()
            .iter()
            .map(|port| format!("    .{0}({0})", port.name))
            .collect();
        Wrapper {
            code: format!("{name} unit (\n{}\n);", ports.join(",\n")),
            cores: self.printed.text.clone(),
        }
    }
}

impl Logic for HdlBlock {
    fn update(&mut self) {} // the text is what counts; rust_hdl's event simulator is not used
    fn hdl(&self) -> Verilog {
        Verilog::Wrapper(self.wrapper())
    }
}

impl Block for HdlBlock {
    fn connect_all(&mut self) {}
    fn update_all(&mut self) {}
    fn has_changed(&self) -> bool {
        false
    }
    fn accept(&self, name: &str, probe: &mut dyn Probe) {
        probe.visit_start_scope(name, self);
        for port in self.module.ports() {
            probe.visit_atom(&port.name, &PortAtom(port));
        }
        probe.visit_end_scope(name, self);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rust_hdl_core::module_defines::generate_verilog_unchecked;

    #[test]
    fn rust_hdl_prints_a_module() {
        let mut m = Module::new("inverter", "The other bit.");
        let a = m.input("a", 1);
        m.output("m_a", &!&a);
        let m = Rc::new(m);
        let printed = Printed::new(&m, "", &|name| format!("x_{name}"));
        let text = generate_verilog_unchecked(&HdlBlock::new(m, printed));
        for part in [
            "module top(a,m_a)",
            "x_inverter unit (",
            "module x_inverter (",
        ] {
            assert!(text.contains(part), "{part} is not in\n{text}");
        }
    }
}
