// SPDX-License-Identifier: MIT OR Apache-2.0
//! Modules: ports, wires, registers, instances.

use super::array::{Array, Declared, declared};
use super::cost::Cost;
use super::expr::Expr;
use crate::technology::Primitive;
use std::collections::BTreeSet;
use std::rc::Rc;

/// Direction of a port as its module sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Driven from outside.
    In,
    /// Driven by the module.
    Out,
}

/// A port.
#[derive(Clone, Debug)]
pub struct Port {
    /// Name.
    pub name: String,
    /// Width in bits.
    pub width: u32,
    /// Direction.
    pub direction: Direction,
}

/// A hardware block under construction or finished.
#[derive(Clone, Debug)]
pub struct Module {
    name: String,
    head: String,
    ports: Vec<Port>,
    body: String,
    children: Vec<(String, Rc<Module>)>,
    names: BTreeSet<String>,
    undriven: BTreeSet<String>,
    primitive: Option<Primitive>,
    cost: Cost,
    arrays: Vec<Array>,
}

/// An instance whose outputs can be read.
#[derive(Clone, Debug)]
pub struct Instance {
    name: String,
    module: Rc<Module>,
}

impl Instance {
    /// An output port's value.
    #[track_caller]
    pub fn out(&self, port: &str) -> Expr {
        let p = self.module.port(port, Direction::Out);
        Expr::named(format!("{}${port}", self.name), p.width)
    }
}

fn range(width: u32) -> String {
    if width == 1 {
        String::new()
    } else {
        format!("[{}:0] ", width - 1)
    }
}

impl Module {
    /// An empty module; `head` becomes the comment at its top.
    pub fn new(name: impl Into<String>, head: &str) -> Self {
        Module {
            name: name.into(),
            head: head.trim().to_string(),
            ports: Vec::new(),
            body: String::new(),
            children: Vec::new(),
            names: BTreeSet::new(),
            undriven: BTreeSet::new(),
            primitive: None,
            cost: Cost::default(),
            arrays: Vec::new(),
        }
    }
    /// Name of the module.
    pub fn name(&self) -> &str {
        &self.name
    }
    /// Comment at the top.
    pub fn head(&self) -> &str {
        &self.head
    }
    /// Ports in the order of their declaration.
    pub fn ports(&self) -> &[Port] {
        &self.ports
    }
    pub(super) fn body(&self) -> &str {
        &self.body
    }
    /// Says that a technology may have a block for this module.
    pub fn set_primitive(&mut self, primitive: Primitive) {
        self.primitive = Some(primitive);
    }
    /// What it does that a technology may have a block for.
    pub fn primitive(&self) -> Option<Primitive> {
        self.primitive
    }
    /// Operators and registers of this module without those of its children.
    pub fn cost(&self) -> Cost {
        self.cost
    }
    /// Memories that its own text declares.
    pub fn arrays(&self) -> &[Array] {
        &self.arrays
    }
    /// Blocks of an FPGA of this kind that its own text instantiates.
    pub fn blocks(&self, kind: &str) -> usize {
        let mark = format!("{kind} #(");
        self.body
            .lines()
            .filter(|line| line.trim_start().starts_with(&mark))
            .count()
    }
    /// Names and modules of its instances.
    pub fn children(&self) -> &[(String, Rc<Module>)] {
        &self.children
    }
    /// The same module around others of the same ports.
    pub(crate) fn with_children(&self, mut change: impl FnMut(&Rc<Module>) -> Rc<Module>) -> Self {
        let mut module = self.clone();
        for (_, child) in &mut module.children {
            *child = change(child);
        }
        module
    }
    #[track_caller]
    fn port(&self, name: &str, direction: Direction) -> &Port {
        let port = self
            .ports
            .iter()
            .find(|p| p.name == name && p.direction == direction);
        port.unwrap_or_else(|| panic!("{} has no {direction:?} port `{name}`", self.name))
    }
    #[track_caller]
    fn claim(&mut self, name: &str) {
        const KEYWORDS: [&str; 12] = [
            "begin",
            "end",
            "reg",
            "wire",
            "input",
            "output",
            "module",
            "case",
            "default",
            "if",
            "else",
            "first_match",
        ];
        assert!(
            !KEYWORDS.contains(&name),
            "{}: `{name}` is a Verilog keyword",
            self.name
        );
        assert!(
            self.names.insert(name.to_string()),
            "{}: `{name}` exists",
            self.name
        );
    }
    fn line(&mut self, text: &str) {
        self.body.push_str(text);
        self.body.push('\n');
    }

    /// A comment line in the body.
    pub fn note(&mut self, text: &str) {
        self.line(&format!("\n// {text}"));
    }
    /// An input port.
    #[track_caller]
    pub fn input(&mut self, name: &str, width: u32) -> Expr {
        self.claim(name);
        self.ports.push(Port {
            name: name.into(),
            width,
            direction: Direction::In,
        });
        Expr::named(name, width)
    }
    /// The clock, an input port of the first call.
    fn clock(&mut self) {
        if !self.names.contains("clk") {
            self.input("clk", 1);
        }
    }
    /// The synchronous reset, an input port from the first call on.
    pub fn reset(&mut self) -> Expr {
        if self.names.contains("rst") {
            Expr::named("rst", 1)
        } else {
            self.input("rst", 1)
        }
    }
    /// The reset in a register of the module's own: one wire need not reach all of the chip. It ends a cycle later than the port's,
    /// in all modules that take it so: units inside, which nobody starts as soon as that.
    pub fn unit_reset(&mut self) -> Expr {
        let reset = self.reset();
        match self.names.contains("rst_q") {
            true => Expr::named("rst_q", 1),
            false => self.pipe("rst_q", &reset),
        }
    }
    /// An output port with its value.
    #[track_caller]
    pub fn output(&mut self, name: &str, value: &Expr) {
        self.claim(name);
        self.ports.push(Port {
            name: name.into(),
            width: value.width(),
            direction: Direction::Out,
        });
        self.cost += value.cost();
        self.line(&format!("assign {name} = {};", value.text()));
    }
    /// A wire with its value.
    #[track_caller]
    pub fn wire(&mut self, name: &str, value: &Expr) -> Expr {
        self.claim(name);
        self.cost += value.cost();
        self.line(&format!(
            "wire {}{name} = {};",
            range(value.width()),
            value.text()
        ));
        Expr::named(name, value.width())
    }
    /// A wire that [`Module::drive`] gives its value later, for loops between instances.
    #[track_caller]
    pub fn forward(&mut self, name: &str, width: u32) -> Expr {
        self.claim(name);
        self.undriven.insert(name.to_string());
        self.line(&format!("wire {}{name};", range(width)));
        Expr::named(name, width)
    }
    /// The value of a forward wire.
    #[track_caller]
    pub fn drive(&mut self, wire: &Expr, value: &Expr) {
        assert!(
            self.undriven.remove(wire.text()),
            "{}: `{}` is driven already",
            self.name,
            wire.text()
        );
        assert_eq!(
            wire.width(),
            value.width(),
            "widths of `{}` = `{}`",
            wire.text(),
            value.text()
        );
        self.cost += value.cost();
        self.line(&format!("assign {} = {};", wire.text(), value.text()));
    }
    /// A register; [`Module::clocked`] gives it values.
    #[track_caller]
    pub fn reg(&mut self, name: &str, width: u32) -> Expr {
        self.claim(name);
        self.cost.registers += u64::from(width);
        self.line(&format!("reg {}{name};", range(width)));
        Expr::named(name, width)
    }
    /// A register that takes a value every cycle.
    #[track_caller]
    pub fn pipe(&mut self, name: &str, value: &Expr) -> Expr {
        let reg = self.reg(name, value.width());
        self.clock();
        self.cost += value.cost().assigned(value.width());
        self.line(&format!(
            "always @(posedge clk) {name} <= {};",
            value.text()
        ));
        reg
    }
    /// Registers of the same value, one for each place that it is needed in. Yosys makes one of equal registers but of those that are
    /// to be kept.
    #[track_caller]
    pub fn copies(&mut self, name: &str, value: &Expr, count: u32) -> Vec<Expr> {
        if count == 1 {
            return vec![self.pipe(name, value)];
        }
        self.clock();
        let copy = |i| {
            let name = format!("{name}_{i}");
            let reg = self.reg(&name, value.width());
            self.cost += value.cost().assigned(value.width());
            self.line(&format!(
                "(* keep *) always @(posedge clk) {name} <= {};",
                value.text()
            ));
            reg
        };
        (0..count).map(copy).collect()
    }
    /// A chain of registers; gives back the last, or the value itself for no cycles.
    #[track_caller]
    pub fn delay(&mut self, name: &str, value: &Expr, cycles: u32) -> Expr {
        (1..=cycles).fold(value.clone(), |v, i| self.pipe(&format!("{name}_d{i}"), &v))
    }
    /// A chain of registers, at least one, the last of which is there for each place.
    #[track_caller]
    pub fn delayed_copies(
        &mut self,
        name: &str,
        value: &Expr,
        cycles: u32,
        count: u32,
    ) -> Vec<Expr> {
        let before = self.delay(name, value, cycles - 1);
        self.copies(&format!("{name}_d{cycles}"), &before, count)
    }
    /// Statements at the rising clock edge.
    #[track_caller]
    pub fn clocked(&mut self, statements: impl FnOnce(&mut Statements)) {
        self.clock();
        let mut s = Statements {
            text: String::new(),
            depth: 1,
            cost: Cost::default(),
        };
        statements(&mut s);
        self.cost += s.cost;
        self.line("always @(posedge clk) begin");
        self.body.push_str(&s.text);
        self.line("end");
    }
    /// Verilog as it is: for memories, which need an array.
    pub fn raw(&mut self, text: &str) {
        self.clock();
        for line in text.lines() {
            match declared(line) {
                Some(Declared::Array(array)) => self.arrays.push(array),
                Some(Declared::Register(width)) => {
                    let moves = Cost::default().assigned(width);
                    self.cost += Cost {
                        registers: width.into(),
                        ..moves
                    };
                }
                None => (),
            }
        }
        self.line(text);
    }
    /// A name that [`Module::raw`] declares.
    #[track_caller]
    pub fn raw_name(&mut self, name: &str, width: u32) -> Expr {
        self.claim(name);
        Expr::named(name, width)
    }
    /// An instance of a finished module. Every input must be given; clock and reset are connected by themselves.
    #[track_caller]
    pub fn instance(
        &mut self,
        name: &str,
        module: &Rc<Module>,
        inputs: &[(&str, Expr)],
    ) -> Instance {
        assert!(
            module.undriven.is_empty(),
            "{}: undriven {:?}",
            module.name,
            module.undriven
        );
        self.claim(name);
        let mut given: Vec<(&str, Expr)> = inputs.to_vec();
        if module.ports.iter().any(|p| p.name == "clk") {
            self.clock();
            given.push(("clk", Expr::named("clk", 1)));
        }
        if module.ports.iter().any(|p| p.name == "rst") {
            given.push(("rst", self.reset()));
        }
        for port in module.ports.iter().filter(|p| p.direction == Direction::In) {
            let at = given.iter().position(|(n, _)| *n == port.name);
            let at = at.unwrap_or_else(|| {
                panic!("{}: input `{}` of {name} is open", self.name, port.name)
            });
            let (_, value) = given.swap_remove(at);
            assert_eq!(
                port.width,
                value.width(),
                "{}: width of {name}.{} = `{}`",
                self.name,
                port.name,
                value.text()
            );
            self.cost += value.cost();
            self.line(&format!("assign {name}${} = {};", port.name, value.text()));
        }
        assert!(
            given.is_empty(),
            "{name} has no input {:?}",
            given.iter().map(|g| g.0).collect::<Vec<_>>()
        );
        self.children.push((name.to_string(), module.clone()));
        Instance {
            name: name.to_string(),
            module: module.clone(),
        }
    }
}

/// Statements of a clocked process. A later assignment wins over an earlier one, as in Verilog.
pub struct Statements {
    text: String,
    depth: usize,
    cost: Cost,
}

impl Statements {
    fn line(&mut self, text: &str) {
        self.text.push_str(&"    ".repeat(self.depth));
        self.text.push_str(text);
        self.text.push('\n');
    }
    /// The register's next value.
    #[track_caller]
    pub fn set(&mut self, reg: &Expr, value: &Expr) {
        assert!(reg.is_name(), "`{}` is no register", reg.text());
        assert_eq!(
            reg.width(),
            value.width(),
            "widths of `{}` <= `{}`",
            reg.text(),
            value.text()
        );
        self.cost += value.cost().assigned(value.width());
        if self.depth > 1 {
            self.cost.enables += u64::from(reg.width());
        }
        self.line(&format!("{} <= {};", reg.text(), value.text()));
    }
    /// Statements under a condition.
    #[track_caller]
    pub fn when(&mut self, condition: &Expr, then: impl FnOnce(&mut Statements)) {
        assert_eq!(condition.width(), 1, "condition `{}`", condition.text());
        self.cost += condition.cost();
        self.line(&format!("if ({}) begin", condition.text()));
        self.depth += 1;
        then(self);
        self.depth -= 1;
        self.line("end");
    }
    /// Statements under a condition, and others where it does not hold.
    #[track_caller]
    pub fn when_else(
        &mut self,
        condition: &Expr,
        then: impl FnOnce(&mut Statements),
        otherwise: impl FnOnce(&mut Statements),
    ) {
        self.when(condition, then);
        // "end" and "else" share a line: the usual Verilog layout.
        let end = self.text.trim_end().len();
        self.text.truncate(end);
        self.text.push_str(" else begin\n");
        self.depth += 1;
        otherwise(self);
        self.depth -= 1;
        self.line("end");
    }
}
