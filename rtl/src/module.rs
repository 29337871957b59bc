// SPDX-License-Identifier: MIT OR Apache-2.0
//! Modules: ports, wires, registers, instances.

use super::cell::Cell;
use super::check::{Fault, Paths};
use super::cost::Cost;
use super::memory::{Array, Memory};
use super::node::{Expr, NetKind, Place};
use super::process::{self, Statement, Statements};
use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::panic::Location;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};

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

/// What a module does that a family of FPGAs may have blocks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Primitive {
    /// A product in two's complement, with registers for operands and product.
    Multiplier {
        /// Bits of operand `a`.
        a_bits: u32,
        /// Bits of operand `b`.
        b_bits: u32,
    },
    /// Two products of 8 bits by 8.
    MultiplierPair,
    /// A product of 8 bits by 8 without multiplier blocks.
    LutMultiplier,
    /// The sum of two products of 8 bits by 8.
    AddingPair,
    /// A product of 16 bits by 16 to which something is added.
    Accumulating,
    /// A memory of one write port and one read port.
    Memory {
        /// Words.
        words: u32,
        /// Bits of a word.
        width: u32,
        /// Nobody looks at what is read in the cycle of a write.
        stored: bool,
        /// Without an output register.
        direct: bool,
    },
}

/// A hardware block under construction or finished.
#[derive(Clone, Debug)]
pub struct Module {
    /// What tells its nets from those of others. A copy with other children has the same.
    id: u64,
    name: String,
    head: String,
    ports: Vec<Port>,
    /// Each with the line that put it there.
    items: Vec<(Item, Place)>,
    /// Beginnings of the names of ports that belong together, and what they are.
    groups: Vec<(String, String)>,
    /// All names that are taken, with the line that took it, and the value of those that have one.
    names: BTreeMap<String, (Place, Option<Expr>)>,
    primitive: Option<Primitive>,
    place: Place,
    /// What the checks found, once they ran: a module that is part of another changes no more.
    checked: OnceCell<Result<Paths, Fault>>,
    structure: OnceCell<u64>,
}

/// What a module consists of, in the order of its Rust code.
#[derive(Clone, Debug)]
pub(crate) enum Item {
    /// A comment.
    Note(String),
    /// An output port's value.
    Output(String, Expr),
    /// A wire with its value.
    Wire(Expr, Expr),
    /// A wire that something else drives.
    Declared(Expr),
    /// The value of a declared wire.
    Drive(Expr, Expr),
    /// A register.
    Register(Expr),
    /// A register that takes a value in every cycle.
    Pipe {
        register: Expr,
        value: Expr,
        /// One of several equal ones, all of which are to stay.
        keep: bool,
    },
    /// Statements at the clock edge.
    Process(Vec<Statement>),
    Memory(Memory),
    Cell(Cell),
    Instance {
        name: String,
        module: Rc<Module>,
        /// By port, in the order of the module's ports.
        inputs: Vec<(String, Expr)>,
        outputs: Vec<(String, Expr)>,
    },
}

/// An instance whose outputs can be read.
#[derive(Clone, Debug)]
pub struct Instance {
    name: String,
    outputs: Vec<(String, Expr)>,
}

impl Instance {
    /// An output port's value.
    #[track_caller]
    pub fn out(&self, port: &str) -> Expr {
        match self.outputs.iter().find(|(name, _)| name == port) {
            Some((_, net)) => net.clone(),
            None => panic!("{} has no output `{port}`", self.name),
        }
    }
}

impl Module {
    /// An empty module; `head` becomes the comment at its top.
    #[track_caller]
    pub fn new(name: impl Into<String>, head: &str) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Module {
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            name: name.into(),
            head: head.trim().to_string(),
            ports: Vec::new(),
            items: Vec::new(),
            groups: Vec::new(),
            names: BTreeMap::new(),
            primitive: None,
            place: Location::caller(),
            checked: OnceCell::new(),
            structure: OnceCell::new(),
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
    pub(crate) fn id(&self) -> u64 {
        self.id
    }
    /// What it consists of, and the lines that put it there.
    pub(crate) fn items(&self) -> &[(Item, Place)] {
        &self.items
    }
    /// All names, its own among them, and the lines that took them.
    pub(crate) fn names_taken(&self) -> impl Iterator<Item = (&str, Place)> {
        let own = std::iter::once((self.name.as_str(), self.place));
        own.chain(
            self.names
                .iter()
                .map(|(name, taken)| (name.as_str(), taken.0)),
        )
    }
    pub(crate) fn has_output(&self, name: &str) -> bool {
        let is_it = |port: &Port| port.direction == Direction::Out && port.name == name;
        self.ports.iter().any(is_it)
    }
    /// The ways from inputs to outputs, if the module breaks no rule.
    pub(crate) fn paths(&self) -> Result<&Paths, Fault> {
        let checked = self.checked.get_or_init(|| self.checked());
        checked.as_ref().map_err(Clone::clone)
    }
    /// Its structure's number, which is found once.
    pub(crate) fn structure_or(&self, find: impl FnOnce() -> u64) -> u64 {
        *self.structure.get_or_init(find)
    }
    /// Stops the program for a module that breaks a rule: a bug in a block, like a width that does not fit.
    #[track_caller]
    pub(crate) fn must_be_valid(&self) {
        if let Err(fault) = self.check() {
            panic!("{fault}");
        }
    }
    /// Ports whose names begin so stand together in the text, below a comment, in the order of these calls.
    pub fn group(&mut self, prefix: &str, title: &str) {
        self.groups.push((prefix.into(), title.into()));
    }
    pub(crate) fn groups(&self) -> impl Iterator<Item = (&str, &str)> {
        let groups = self.groups.iter();
        groups.map(|(prefix, title)| (prefix.as_str(), title.as_str()))
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
        self.items.iter().map(|(item, _)| item.cost()).sum()
    }
    /// Memories that it declares itself.
    pub fn arrays(&self) -> impl Iterator<Item = Array> {
        self.items.iter().filter_map(|(item, _)| match item {
            Item::Memory(memory) => Some(memory.array()),
            _ => None,
        })
    }
    /// Blocks of an FPGA that it has itself.
    pub fn cells(&self) -> impl Iterator<Item = &Cell> {
        self.items.iter().filter_map(|(item, _)| match item {
            Item::Cell(cell) => Some(cell),
            _ => None,
        })
    }
    /// Names and modules of its instances.
    pub fn children(&self) -> impl Iterator<Item = (&str, &Rc<Module>)> {
        self.items.iter().filter_map(|(item, _)| match item {
            Item::Instance { name, module, .. } => Some((name.as_str(), module)),
            _ => None,
        })
    }
    /// The same module around others of the same ports.
    pub fn with_children(&self, mut change: impl FnMut(&Rc<Module>) -> Rc<Module>) -> Self {
        let mut copy = self.clone();
        (copy.checked, copy.structure) = Default::default();
        for (item, _) in &mut copy.items {
            if let Item::Instance { module, .. } = item {
                *module = change(module);
            }
        }
        copy
    }
    #[track_caller]
    pub(crate) fn push(&mut self, item: Item) {
        self.items.push((item, Location::caller()));
        (self.checked, self.structure) = Default::default();
    }
    /// Takes a name.
    #[track_caller]
    pub(crate) fn claim(&mut self, name: &str) {
        if let Some((place, _)) = self.names.get(name) {
            let (file, line) = (place.file(), place.line());
            panic!("{}: `{name}` exists, from {file}:{line}", self.name);
        }
        self.names
            .insert(name.to_string(), (Location::caller(), None));
    }
    /// A net of a new name.
    #[track_caller]
    pub(crate) fn declare(&mut self, name: &str, kind: NetKind, width: u32) -> Expr {
        self.claim(name);
        let net = Expr::net(name, kind, self.id, width);
        let taken = (Location::caller(), Some(net.clone()));
        self.names.insert(name.to_string(), taken);
        net
    }
    /// A net of this name, if there is one.
    fn find(&self, name: &str) -> Option<Expr> {
        self.names.get(name).and_then(|taken| taken.1.clone())
    }

    /// A comment line in the body.
    #[track_caller]
    pub fn note(&mut self, text: &str) {
        self.push(Item::Note(text.to_string()));
    }
    /// An input port.
    #[track_caller]
    pub fn input(&mut self, name: &str, width: u32) -> Expr {
        let net = self.declare(name, NetKind::Input, width);
        self.ports.push(Port {
            name: name.into(),
            width,
            direction: Direction::In,
        });
        net
    }
    /// The clock, an input port from the first call on.
    #[track_caller]
    pub fn clock(&mut self) -> Expr {
        match self.find("clk") {
            Some(clock) => clock,
            None => self.input("clk", 1),
        }
    }
    /// The synchronous reset, an input port from the first call on.
    #[track_caller]
    pub fn reset(&mut self) -> Expr {
        match self.find("rst") {
            Some(reset) => reset,
            None => self.input("rst", 1),
        }
    }
    /// The reset in a register of the module's own: one wire need not reach all of the chip. It ends a cycle later than the port's,
    /// in all modules that take it so: units inside, which nobody starts as soon as that.
    #[track_caller]
    pub fn unit_reset(&mut self) -> Expr {
        let reset = self.reset();
        match self.find("rst_q") {
            Some(register) => register,
            None => self.pipe("rst_q", &reset),
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
        self.push(Item::Output(name.into(), value.clone()));
    }
    /// A wire with its value.
    #[track_caller]
    pub fn wire(&mut self, name: &str, value: &Expr) -> Expr {
        let net = self.declare(name, NetKind::Wire, value.width());
        self.push(Item::Wire(net.clone(), value.clone()));
        net
    }
    /// A wire that [`Module::drive`] gives its value later, for loops between instances.
    #[track_caller]
    pub fn forward(&mut self, name: &str, width: u32) -> Expr {
        let net = self.declare(name, NetKind::Forward, width);
        self.push(Item::Declared(net.clone()));
        net
    }
    /// The value of a forward wire.
    #[track_caller]
    pub fn drive(&mut self, wire: &Expr, value: &Expr) {
        assert_eq!(
            wire.width(),
            value.width(),
            "widths of `{wire}` = `{value}`"
        );
        self.push(Item::Drive(wire.clone(), value.clone()));
    }
    /// A register; [`Module::clocked`] gives it values.
    #[track_caller]
    pub fn reg(&mut self, name: &str, width: u32) -> Expr {
        let net = self.declare(name, NetKind::Register, width);
        self.push(Item::Register(net.clone()));
        net
    }
    #[track_caller]
    fn always(&mut self, name: &str, value: &Expr, keep: bool) -> Expr {
        let register = self.reg(name, value.width());
        self.clock();
        self.push(Item::Pipe {
            register: register.clone(),
            value: value.clone(),
            keep,
        });
        register
    }
    /// A register that takes a value every cycle.
    #[track_caller]
    pub fn pipe(&mut self, name: &str, value: &Expr) -> Expr {
        self.always(name, value, false)
    }
    /// Registers of the same value, one for each place that it is needed in. Yosys makes one of equal registers but of those that are
    /// to be kept.
    #[track_caller]
    pub fn copies(&mut self, name: &str, value: &Expr, count: u32) -> Vec<Expr> {
        if count == 1 {
            return vec![self.pipe(name, value)];
        }
        let mut copies = Vec::new();
        for i in 0..count {
            copies.push(self.always(&format!("{name}_{i}"), value, true));
        }
        copies
    }
    /// A chain of registers; gives back the last, or the value itself for no cycles.
    #[track_caller]
    pub fn delay(&mut self, name: &str, value: &Expr, cycles: u32) -> Expr {
        let mut last = value.clone();
        for i in 1..=cycles {
            last = self.pipe(&format!("{name}_d{i}"), &last);
        }
        last
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
        self.push(Item::Process(process::inner(statements)));
    }
    /// An instance of a finished module. Every input must be given; clock and reset are connected by themselves.
    #[track_caller]
    pub fn instance(
        &mut self,
        name: &str,
        module: &Rc<Module>,
        inputs: &[(&str, Expr)],
    ) -> Instance {
        module.must_be_valid();
        self.claim(name);
        let mut outputs = Vec::new();
        for port in module
            .ports
            .iter()
            .filter(|p| p.direction == Direction::Out)
        {
            let net = format!("{name}_{}", port.name);
            let net = self.declare(&net, NetKind::Instance, port.width);
            outputs.push((port.name.clone(), net));
        }
        let mut given: Vec<(&str, Expr)> = inputs.to_vec();
        if module.ports.iter().any(|p| p.name == "clk") {
            given.push(("clk", self.clock()));
        }
        if module.ports.iter().any(|p| p.name == "rst") {
            given.push(("rst", self.reset()));
        }
        let mut connected = Vec::new();
        for port in module.ports.iter().filter(|p| p.direction == Direction::In) {
            let at = given.iter().position(|(n, _)| *n == port.name);
            let at = at.unwrap_or_else(|| {
                panic!("{}: input `{}` of {name} is open", self.name, port.name)
            });
            let (_, value) = given.swap_remove(at);
            assert_eq!(
                port.width,
                value.width(),
                "{}: width of {name}.{} = `{value}`",
                self.name,
                port.name
            );
            connected.push((port.name.clone(), value));
        }
        let unknown: Vec<&str> = given.iter().map(|g| g.0).collect();
        assert!(unknown.is_empty(), "{name} has no input {unknown:?}");
        self.push(Item::Instance {
            name: name.to_string(),
            module: module.clone(),
            inputs: connected,
            outputs: outputs.clone(),
        });
        Instance {
            name: name.to_string(),
            outputs,
        }
    }
}

impl Item {
    fn cost(&self) -> Cost {
        match self {
            Item::Note(_) | Item::Declared(_) | Item::Cell(_) => Cost::default(),
            Item::Output(_, value) | Item::Wire(_, value) | Item::Drive(_, value) => value.cost(),
            Item::Register(net) => Cost::registers(net.width()),
            Item::Pipe { value, .. } => value.cost().assigned(value.width()),
            Item::Process(statements) => process::cost(statements, false),
            Item::Memory(memory) => memory.cost(),
            Item::Instance { inputs, .. } => inputs.iter().map(|(_, value)| value.cost()).sum(),
        }
    }
}
