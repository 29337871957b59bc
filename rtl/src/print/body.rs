// SPDX-License-Identifier: MIT OR Apache-2.0
//! A module's body as Verilog.

use super::text::{Names, Text, can_be_sliced, range};
use crate::cell::{Cell, Pin};
use crate::memory::{Memory, Read, Write};
use crate::module::{Direction, Item, Module};
use crate::node::{Expr, Op};
use crate::process::Statement;

/// Lines of a body, at the depth of the module.
pub(super) struct Body {
    pub(super) lines: Vec<String>,
    names: Names,
}

impl Body {
    /// The body of a module whose instances are of modules of these names.
    pub(super) fn of(module: &Module, kinds: &[String]) -> Self {
        let mut body = Body {
            lines: Vec::new(),
            names: Names::new(),
        };
        body.instances(module, kinds);
        for (item, _) in module.items() {
            body.item(item);
        }
        body
    }

    fn line(&mut self, text: impl Into<String>) {
        self.lines.push(text.into());
    }

    fn text(&self, expr: &Expr) -> String {
        Text { names: &self.names }.of(expr)
    }

    /// The text of a value, after the wires that it needs.
    fn value(&mut self, expr: &Expr) -> String {
        self.name_parts(expr);
        self.text(expr)
    }

    /// Wires for what bits are selected of and has no name.
    fn name_parts(&mut self, expr: &Expr) {
        for arg in expr.args() {
            self.name_parts(arg);
        }
        let sliced = match expr.op() {
            Op::Slice(_) | Op::Sext => &expr.args()[..1],
            Op::MulSigned => expr.args(),
            _ => &[],
        };
        for arg in sliced {
            if arg.width() > 1 && !can_be_sliced(arg) && !self.names.contains_key(&arg.id()) {
                let (name, text) = (format!("part_{}", self.names.len()), self.text(arg));
                self.line(format!("wire {}{name} = {text};", range(arg.width())));
                self.names.insert(arg.id(), name);
            }
        }
    }

    fn instances(&mut self, module: &Module, kinds: &[String]) {
        if kinds.is_empty() {
            return;
        }
        self.line("// Stub signals");
        for (name, child) in module.children() {
            for port in child.ports() {
                self.line(format!("wire {}{name}_{};", range(port.width), port.name));
            }
        }
        self.line("");
        self.line("// Sub module instances");
        for ((name, child), kind) in module.children().zip(kinds) {
            self.line(format!("{kind} {name} ("));
            let ports: Vec<String> = child
                .ports()
                .iter()
                .map(|port| format!("    .{0}({name}_{0})", port.name))
                .collect();
            self.line(ports.join(",\n"));
            self.line(");");
        }
        self.line("");
    }

    fn item(&mut self, item: &Item) {
        match item {
            Item::Note(text) => self.line(format!("\n// {text}")),
            Item::Output(name, value) => self.assign(name, value),
            Item::Wire(net, value) => {
                let text = self.value(value);
                self.line(format!("wire {}{net} = {text};", range(net.width())));
            }
            Item::Declared(net) => self.line(format!("wire {}{net};", range(net.width()))),
            Item::Drive(net, value) if net.as_net().is_none() => {
                let text = self.pin(&Pin::In(value.clone()));
                self.line(format!("assign {net} = {text};"));
            }
            Item::Drive(net, value) => self.assign(&net.to_string(), value),
            Item::Register(net) => self.line(format!("reg {}{net};", range(net.width()))),
            Item::Pipe {
                register,
                value,
                keep,
            } => {
                let text = self.value(value);
                let attribute = if *keep { "(* keep *) " } else { "" };
                self.line(format!(
                    "{attribute}always @(posedge clk) {register} <= {text};"
                ));
            }
            Item::Process(statements) => {
                self.name_statements(statements);
                self.line("always @(posedge clk) begin");
                self.statements(statements, 1);
                self.line("end");
            }
            Item::Memory(memory) => self.memory(memory),
            Item::Cell(cell) => self.cell(cell),
            Item::Instance { name, inputs, .. } => {
                for (port, value) in inputs {
                    self.assign(&format!("{name}_{port}"), value);
                }
            }
        }
    }

    fn assign(&mut self, name: &str, value: &Expr) {
        let text = self.value(value);
        self.line(format!("assign {name} = {text};"));
    }

    fn name_statements(&mut self, statements: &[Statement]) {
        for statement in statements {
            match statement {
                Statement::Set { value, .. } => self.name_parts(value),
                Statement::When {
                    condition,
                    then,
                    otherwise,
                } => {
                    self.name_parts(condition);
                    self.name_statements(then);
                    self.name_statements(otherwise);
                }
            }
        }
    }

    fn statements(&mut self, statements: &[Statement], depth: usize) {
        let indent = "    ".repeat(depth);
        for statement in statements {
            match statement {
                Statement::Set { target, value, .. } => {
                    let text = self.text(value);
                    self.line(format!("{indent}{target} <= {text};"));
                }
                Statement::When {
                    condition,
                    then,
                    otherwise,
                } => {
                    let condition = self.text(condition);
                    self.line(format!("{indent}if ({condition}) begin"));
                    self.statements(then, depth + 1);
                    if !otherwise.is_empty() {
                        self.line(format!("{indent}end else begin"));
                        self.statements(otherwise, depth + 1);
                    }
                    self.line(format!("{indent}end"));
                }
            }
        }
    }

    fn memory(&mut self, memory: &Memory) {
        let Memory { name, array, .. } = memory;
        let attribute = match array.in_luts {
            true => "(* ram_style = \"distributed\" *) ",
            false => "",
        };
        // a range of one bit makes no difference to tools
        let range = format!("[{}:0]", array.width - 1);
        self.line(format!(
            "{attribute}reg {range} {name} [0:{}];",
            array.words - 1
        ));
        for register in memory.reads.iter().flat_map(|read| &read.registers) {
            self.line(format!("reg {range} {register};"));
        }
        for write in &memory.writes {
            for expr in [&write.enable, &write.address, &write.data] {
                self.name_parts(expr);
            }
        }
        memory
            .reads
            .iter()
            .for_each(|read| self.name_parts(&read.address));
        self.line("always @(posedge clk) begin");
        memory
            .writes
            .iter()
            .for_each(|write| self.write(name, write));
        memory.reads.iter().for_each(|read| self.read(name, read));
        self.line("end");
    }

    fn write(&mut self, name: &str, write: &Write) {
        let (address, parts) = (self.text(&write.address), write.enable.width());
        let bits = write.data.width() / parts;
        for part in 0..parts {
            let enable = self.text(&write.enable.bit(part));
            let low = part * bits;
            let data = self.text(&write.data.slice(low, bits));
            let select = match parts {
                1 => String::new(),
                _ => format!("[{}:{low}]", low + bits - 1),
            };
            self.line(format!(
                "    if ({enable}) {name}[{address}]{select} <= {data};"
            ));
        }
    }

    fn read(&mut self, name: &str, read: &Read) {
        let address = self.text(&read.address);
        let mut from = format!("{name}[{address}]");
        for register in &read.registers {
            self.line(format!("    {register} <= {from};"));
            from = register.to_string();
        }
    }

    fn cell(&mut self, cell: &Cell) {
        for (_, pin) in cell.pins() {
            if let Pin::In(value) = pin {
                self.name_parts(value);
            }
        }
        let parameters = lines(&cell.parameters, |value| value.clone());
        let pins = lines(&cell.pins, |pin| self.pin(pin));
        let Cell { kind, name, .. } = cell;
        self.line(match cell.parameters.is_empty() {
            true => format!("{kind} #() {name} ("),
            false => format!("{kind} #(\n    {parameters}\n) {name} ("),
        });
        self.line(format!("    {pins}"));
        self.line(");");
    }

    fn pin(&self, pin: &Pin) -> String {
        match pin {
            Pin::In(value) => match value.as_const() {
                Some(bits) if value.width() <= 4 => {
                    format!("{0}'b{bits:01$b}", value.width(), value.width() as usize)
                }
                _ => self.text(value),
            },
            Pin::Out(net) => self.text(net),
            Pin::Open => String::new(),
        }
    }
}

/// `.name(value)` of a list, by lines of at most eight.
fn lines<T>(rows: &[Vec<(String, T)>], text: impl Fn(&T) -> String) -> String {
    let row = |row: &[(String, T)]| -> String {
        let items: Vec<String> = row
            .iter()
            .map(|(name, value)| format!(".{name}({})", text(value)))
            .collect();
        items.join(", ")
    };
    let rows: Vec<String> = rows.iter().flat_map(|row| row.chunks(8)).map(row).collect();
    rows.join(",\n    ")
}

/// The ports of a module, as they stand in its head.
pub(super) fn ports(module: &Module) -> String {
    let port = |port: &crate::Port| {
        let direction = match port.direction {
            Direction::In => "input",
            Direction::Out => "output",
        };
        format!("    {direction} wire {}{}", range(port.width), port.name)
    };
    let ports: Vec<String> = module.ports().iter().map(port).collect();
    ports.join(",\n")
}
