// SPDX-License-Identifier: MIT OR Apache-2.0
//! Modules as rust_hdl blocks, and the Verilog text that rust_hdl makes of them.
//!
//! rust_hdl walks the block tree, checks it and prints a module per instance path. What it prints is then made readable:
//! equal modules become one with the block's own name, `$` in names becomes `_`, nets between instances are wires.

use super::module::{Direction, Module, Port};
use rust_hdl_core::ast::{Verilog, VerilogLiteral};
use rust_hdl_core::atom::{Atom, AtomKind};
use rust_hdl_core::block::Block;
use rust_hdl_core::check_error::check_all;
use rust_hdl_core::constraint::PinConstraint;
use rust_hdl_core::logic::Logic;
use rust_hdl_core::module_defines::generate_verilog_unchecked;
use rust_hdl_core::probe::Probe;
use rust_hdl_core::synth::VCDValue;
use rust_hdl_core::type_descriptor::{TypeDescriptor, TypeKind};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::rc::Rc;

/// A port as rust_hdl sees it; the generic `Signal` types need widths at compile time.
struct PortAtom<'a>(&'a Port);

impl Atom for PortAtom<'_> {
    fn bits(&self) -> usize {
        self.0.width as usize
    }
    fn connected(&self) -> bool {
        true // Module::instance refuses open inputs
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

impl Logic for Module {
    fn update(&mut self) {} // Verilator executes the text; rust_hdl's event simulator is not used
    fn hdl(&self) -> Verilog {
        Verilog::Custom(self.body().to_string())
    }
}

impl Block for Module {
    fn connect_all(&mut self) {}
    fn update_all(&mut self) {}
    fn has_changed(&self) -> bool {
        false
    }
    fn accept(&self, name: &str, probe: &mut dyn Probe) {
        probe.visit_start_scope(name, self);
        for port in self.ports() {
            probe.visit_atom(&port.name, &PortAtom(port));
        }
        for (name, child) in self.children() {
            child.accept(name, probe);
        }
        probe.visit_end_scope(name, self);
    }
}

/// Verilog of a module and all below it; `banner` becomes the comment at the top of the text.
pub fn verilog(top: &Rc<Module>, banner: &str) -> String {
    check_all(top.as_ref()).expect("rust_hdl finds no fault in a tree whose inputs are all driven");
    let text = generate_verilog_unchecked(top.as_ref());
    let mut kinds = BTreeMap::new();
    collect("top", top, &mut kinds);
    let mut bodies: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut current: Option<(String, Vec<String>)> = None;
    for line in text.lines() {
        let trimmed = line.trim();
        if let Some(rest) = trimmed.strip_prefix("module ") {
            let path = rest.split('(').next().unwrap_or_default().to_string();
            current = Some((path, Vec::new()));
        } else if trimmed.starts_with("endmodule") {
            if let Some((path, lines)) = current.take() {
                bodies.insert(path, lines);
            }
        } else if let Some((_, lines)) = &mut current {
            lines.push(line.to_string());
        }
    }
    let mut printer = Printer {
        kinds: &kinds,
        bodies: &bodies,
        names: BTreeMap::new(),
        out: String::new(),
    };
    for line in banner.lines() {
        let _ = writeln!(printer.out, "// {line}");
    }
    printer.print("top");
    printer.out
}

/// Module by instance path, as rust_hdl names it.
fn collect(path: &str, module: &Rc<Module>, kinds: &mut BTreeMap<String, Rc<Module>>) {
    for (name, child) in module.children() {
        collect(&format!("{path}${name}"), child, kinds);
    }
    kinds.insert(path.to_string(), module.clone());
}

struct Printer<'a> {
    kinds: &'a BTreeMap<String, Rc<Module>>,
    bodies: &'a BTreeMap<String, Vec<String>>,
    /// Printed modules: final name by (name, text).
    names: BTreeMap<(String, String), String>,
    out: String,
}

impl Printer<'_> {
    /// Prints a module, its children first, unless an equal one was printed; gives its final name.
    fn print(&mut self, path: &str) -> String {
        let kinds = self.kinds;
        let bodies = self.bodies;
        let module = &kinds[path];
        let mut renamed = Vec::new();
        for (name, _) in module.children() {
            let child = format!("{path}${name}");
            let kind = self.print(&child);
            renamed.push((format!("{child} {name}("), format!("{kind} {name} (")));
        }
        let mut text = String::new();
        for port in module.ports() {
            let (direction, width) = (
                if port.direction == Direction::In {
                    "input"
                } else {
                    "output"
                },
                port.width,
            );
            let range = if width == 1 {
                String::new()
            } else {
                format!("[{}:0] ", width - 1)
            };
            let comma = if std::ptr::eq(port, &module.ports()[module.ports().len() - 1]) {
                ""
            } else {
                ","
            };
            let _ = writeln!(text, "    {direction} wire {range}{}{comma}", port.name);
        }
        text.push_str(");\n");
        let mut arguments = true;
        for line in &bodies[path] {
            let trimmed = line.trim_start();
            if trimmed == "// Module arguments" {
                continue;
            }
            // rust_hdl prints the ports' declarations first; they stand in the header already
            arguments &= trimmed.starts_with("input ")
                || trimmed.starts_with("output ")
                || trimmed.is_empty();
            if arguments || trimmed == "// Update code (custom)" {
                continue;
            }
            let mut line = line.clone();
            for (from, to) in &renamed {
                if line.trim_start() == from.as_str() {
                    line = line.replace(from.as_str(), to);
                }
            }
            // nets towards instances are driven by assign, so they are wires
            let line = match line.trim_start().strip_prefix("reg ") {
                Some(rest) if rest.contains('$') => format!("    wire {}", rest.trim_start()),
                _ => line,
            };
            text.push_str(squeeze(&plain_names(&line)).trim_end());
            text.push('\n');
        }
        let key = (module.name().to_string(), text);
        if let Some(name) = self.names.get(&key) {
            return name.clone();
        }
        let same = self.names.keys().filter(|k| k.0 == key.0).count();
        let name = if same == 0 {
            key.0.clone()
        } else {
            format!("{}_{}", key.0, same + 1)
        };
        self.out.push('\n');
        for line in module.head().lines() {
            let _ = writeln!(self.out, "// {line}");
        }
        let _ = writeln!(self.out, "module {name} (\n{}endmodule", key.1);
        self.names.insert(key, name.clone());
        name
    }
}

/// `a$b` becomes `a_b`; system functions such as `$signed` stay.
fn plain_names(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut before = ' ';
    for c in line.chars() {
        out.push(
            if c == '$' && (before.is_ascii_alphanumeric() || before == '_') {
                '_'
            } else {
                c
            },
        );
        before = c;
    }
    out
}

/// Double spaces inside a line (rust_hdl leaves one for an absent `signed`) become one.
fn squeeze(line: &str) -> String {
    let body = line.trim_start();
    let indent = &line[..line.len() - body.len()];
    format!("{indent}{}", body.replace("  ", " "))
}
