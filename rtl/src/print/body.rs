// SPDX-License-Identifier: MIT OR Apache-2.0
//! A module's body as Verilog.

use super::fold::Folder;
use super::ports::sections;
use super::sharing::Uses;
use super::text::{Names, Text, range};
use super::wrap::wrap;
use crate::cell::{Cell, Pin};
use crate::memory::{Memory, Read, Write};
use crate::module::{Direction, Item, Module};
use crate::node::Expr;
use crate::process::Statement;
use std::collections::{BTreeSet, HashSet};

/// Lines of a body, at the depth of the module.
pub(super) struct Body<'a> {
    lines: Vec<String>,
    folder: Folder,
    uses: Uses,
    names: Names,
    /// Names of the module, and those that were made for wires here.
    taken: BTreeSet<String>,
    /// Nets that something in the module reads.
    read: HashSet<String>,
    /// Of its instances, in their order.
    kinds: std::slice::Iter<'a, String>,
}

impl<'a> Body<'a> {
    /// The body of a module whose instances are of modules of these names.
    pub(super) fn of(module: &Module, kinds: &'a [String]) -> Vec<String> {
        let mut body = Body {
            lines: Vec::new(),
            folder: Folder::default(),
            uses: Uses::default(),
            names: Names::new(),
            taken: module.names_taken().map(|(name, _)| name.into()).collect(),
            read: HashSet::new(),
            kinds: kinds.iter(),
        };
        for (item, _) in module.items() {
            item.reads(&mut |value| {
                let folded = body.folder.fold(value);
                body.uses.count(&folded);
                folded.each(&mut |node| {
                    body.read
                        .extend(node.as_net().map(|net| net.name.to_string()));
                });
            });
        }
        let mut is_note = false;
        for (item, _) in module.items() {
            // a note belongs to what follows
            if matches!(item, Item::Note(_)) && !is_note && !body.lines.is_empty() {
                body.line("");
            }
            is_note = matches!(item, Item::Note(_));
            body.item(item);
        }
        body.lines.iter().flat_map(|line| wrap(line)).collect()
    }

    fn line(&mut self, text: impl AsRef<str>) {
        let text = text.as_ref();
        self.lines.push(match text {
            "" => String::new(),
            _ => format!("    {text}"),
        });
    }

    fn text(&mut self, expr: &Expr) -> String {
        let folded = self.folder.fold(expr);
        Text { names: &self.names }.of(&folded)
    }

    fn alone(&mut self, expr: &Expr) -> String {
        let folded = self.folder.fold(expr);
        Text { names: &self.names }.alone(&folded)
    }

    /// The text of a value that stands alone, after the wires that it needs.
    fn value(&mut self, expr: &Expr) -> String {
        self.name_parts(expr);
        self.alone(expr)
    }

    /// Wires for the parts of a value that get one.
    fn name_parts(&mut self, expr: &Expr) {
        let folded = self.folder.fold(expr);
        for arg in folded.args() {
            self.name_below(arg);
        }
    }

    fn name_below(&mut self, part: &Expr) {
        if self.names.contains_key(&part.id()) {
            return;
        }
        for arg in part.args() {
            self.name_below(arg);
        }
        if self.uses.wants_wire(part, &self.names) {
            let name = self.new_name();
            let text = Text { names: &self.names }.alone(part);
            self.line(format!("wire {}{name} = {text};", range(part.width())));
            self.names.insert(part.id(), name);
        }
    }

    fn new_name(&mut self) -> String {
        let free = |n: &usize| !self.taken.contains(&format!("part_{n}"));
        let number = (0..).find(free).unwrap_or_default();
        let name = format!("part_{number}");
        self.taken.insert(name.clone());
        name
    }

    fn item(&mut self, item: &Item) {
        match item {
            Item::Note(text) => text
                .lines()
                .for_each(|line| self.line(format!("// {line}"))),
            Item::Output(name, value) => self.assign(name, value),
            Item::Wire(net, value) => {
                let text = self.value(value);
                self.line(format!("wire {}{net} = {text};", range(net.width())));
                let folded = self.folder.fold(value);
                if !folded.args().is_empty() {
                    self.names.entry(folded.id()).or_insert(net.to_string());
                }
            }
            Item::Declared(net) => self.line(format!("wire {}{net};", range(net.width()))),
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
            Item::Instance {
                name,
                module,
                inputs,
                outputs,
            } => self.instance(name, module, inputs, outputs),
        }
    }

    fn assign(&mut self, name: &str, value: &Expr) {
        let text = self.value(value);
        self.line(format!("assign {name} = {text};"));
    }

    fn instance(
        &mut self,
        name: &str,
        module: &Module,
        inputs: &[(String, Expr)],
        outputs: &[(String, Expr)],
    ) {
        inputs.iter().for_each(|(_, value)| self.name_parts(value));
        let mut ports = Vec::new();
        for port in sections(module).into_iter().flat_map(|section| section.1) {
            let of = |list: &[(String, Expr)]| {
                let found = list.iter().find(|(name, _)| *name == port.name);
                found.map(|(_, value)| value.clone())
            };
            let text = match port.direction {
                Direction::In => of(inputs).map(|value| self.alone(&value)),
                Direction::Out => of(outputs)
                    .filter(|net| self.read.contains(net.name()))
                    .map(|net| {
                        self.line(format!("wire {}{net};", range(net.width())));
                        net.to_string()
                    }),
            };
            ports.push(format!("    .{}({})", port.name, text.unwrap_or_default()));
        }
        let kind = self.kinds.next().cloned().unwrap_or_default();
        self.line(format!("{kind} {name} ("));
        let last = ports.len().saturating_sub(1);
        for (i, port) in ports.into_iter().enumerate() {
            self.line(port + if i == last { "" } else { "," });
        }
        self.line(");");
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
                    let text = self.alone(value);
                    self.line(format!("{indent}{target} <= {text};"));
                }
                Statement::When {
                    condition,
                    then,
                    otherwise,
                } => {
                    let condition = self.alone(condition);
                    self.line(format!("{indent}if ({condition}) begin"));
                    self.statements(then, depth + 1);
                    self.otherwise(otherwise, depth);
                }
            }
        }
    }

    /// What follows the statements under a condition: another condition stands on the same line.
    fn otherwise(&mut self, statements: &[Statement], depth: usize) {
        let indent = "    ".repeat(depth);
        match statements {
            [] => self.line(format!("{indent}end")),
            [
                Statement::When {
                    condition,
                    then,
                    otherwise,
                },
            ] => {
                let condition = self.alone(condition);
                self.line(format!("{indent}end else if ({condition}) begin"));
                self.statements(then, depth + 1);
                self.otherwise(otherwise, depth);
            }
            _ => {
                self.line(format!("{indent}end else begin"));
                self.statements(statements, depth + 1);
                self.line(format!("{indent}end"));
            }
        }
    }

    fn memory(&mut self, memory: &Memory) {
        let Memory { name, array, .. } = memory;
        memory.values(&mut |value| self.name_parts(value));
        let attribute = match array.in_luts {
            true => "(* ram_style = \"distributed\" *) ",
            false => "",
        };
        let range = range(array.width);
        let last = array.words - 1;
        self.line(format!("{attribute}reg {range}{name} [0:{last}];"));
        for register in memory.reads.iter().flat_map(|read| &read.registers) {
            self.line(format!("reg {range}{register};"));
        }
        self.line("always @(posedge clk) begin");
        memory
            .writes
            .iter()
            .for_each(|write| self.write(name, write));
        memory.reads.iter().for_each(|read| self.read(name, read));
        self.line("end");
    }

    fn write(&mut self, name: &str, write: &Write) {
        let (address, parts) = (self.alone(&write.address), write.enable.width());
        let bits = write.data.width() / parts;
        for part in 0..parts {
            let enable = self.alone(&write.enable.bit(part));
            let low = part * bits;
            let data = self.alone(&write.data.slice(low, bits));
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
        let address = self.alone(&read.address);
        let mut from = format!("{name}[{address}]");
        for register in &read.registers {
            self.line(format!("    {register} <= {from};"));
            from = register.to_string();
        }
    }

    fn cell(&mut self, cell: &Cell) {
        let inputs = cell.pins().filter_map(|(_, pin)| pin.value());
        inputs.for_each(|value| self.name_parts(value));
        let parameters = cell.parameters.iter();
        let parameters: Vec<String> = parameters
            .map(|(name, value)| format!(".{name}({value})"))
            .collect();
        let pins: Vec<String> = cell
            .pins()
            .map(|(name, pin)| format!(".{name}({})", self.pin(pin)))
            .collect();
        let Cell { kind, name, .. } = cell;
        match parameters.is_empty() {
            true => self.line(format!("{kind} {name} (")),
            false => {
                self.line(format!("{kind} #("));
                self.line(format!("    {}", parameters.join(", ")));
                self.line(format!(") {name} ("));
            }
        }
        self.line(format!("    {}", pins.join(", ")));
        self.line(");");
    }

    fn pin(&mut self, pin: &Pin) -> String {
        match pin {
            Pin::In(value) => match value.as_const() {
                Some(bits) if value.width() <= 4 => {
                    format!("{0}'b{bits:01$b}", value.width(), value.width() as usize)
                }
                _ => self.alone(value),
            },
            Pin::Out(net) => self.text(net),
            Pin::Open => String::new(),
        }
    }
}
