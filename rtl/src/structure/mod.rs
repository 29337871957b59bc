// SPDX-License-Identifier: MIT OR Apache-2.0
//! A number for what a design is, whatever its text looks like.
//!
//! It follows from everything that a netlist follows from: ports with their names, operators, widths, constants, registers and which
//! are to be kept, memories, cells, and the borders of modules. It does not follow from names of modules and nets, from the order
//! of declarations, from comments, or from what has a wire of its own.
//!
//! Nets get colours. In the first round a register's says no more than its width; in each that follows it says what the register takes,
//! by the colours of the round before, until a round tells no more nets apart (the refinement of Weisfeiler and Leman).

mod digest;

use super::cell::{Cell, Pin};
use super::check::part;
use super::memory::Memory;
use super::module::{Item, Module};
use super::node::{Expr, NetKind, Node, Op};
use super::process::Statement;
use digest::Digest;
use std::collections::{BTreeMap, HashMap, HashSet};

/// Colours of nets by name.
type Colours<'a> = HashMap<&'a str, u64>;

impl Module {
    /// The structure of the module and all below it, in 16 hexadecimal digits.
    ///
    /// # Panics
    /// When the module breaks a rule of [`Module::check`].
    #[track_caller]
    pub fn structure(&self) -> String {
        self.must_be_valid();
        format!("{:016x}", self.structure_number())
    }
    pub(crate) fn structure_number(&self) -> u64 {
        self.structure_or(|| {
            let form = Form::of(self);
            let colours = form.refined();
            form.whole(&colours)
        })
    }
}

/// A module, so that its parts can be found by what they drive.
struct Form<'a> {
    module: &'a Module,
    /// Values of wires.
    wires: HashMap<&'a str, &'a Expr>,
    /// What each net of pins is driven by, from its lowest bit on: a value or a cell's pin.
    pins: BTreeMap<&'a str, Vec<(u32, Driver<'a>)>>,
}

enum Driver<'a> {
    Value(&'a Expr),
    Pin(&'a Cell, &'a str),
}

impl<'a> Form<'a> {
    fn of(module: &'a Module) -> Self {
        let mut form = Form {
            module,
            wires: HashMap::new(),
            pins: BTreeMap::new(),
        };
        for (item, _) in module.items() {
            match item {
                Item::Wire(net, value) => drop(form.wires.insert(net.name(), value)),
                Item::Drive(net, value) => match net.as_net().map(|net| net.kind) {
                    Some(NetKind::Forward) => drop(form.wires.insert(net.name(), value)),
                    _ => form.add(net, Driver::Value(value)),
                },
                Item::Cell(cell) => {
                    for (name, pin) in cell.pins() {
                        if let Pin::Out(net) = pin {
                            form.add(net, Driver::Pin(cell, name));
                        }
                    }
                }
                _ => (),
            }
        }
        form.pins
            .values_mut()
            .for_each(|list| list.sort_by_key(|part| part.0));
        form
    }
    fn add(&mut self, net: &'a Expr, driver: Driver<'a>) {
        if let Some((whole, low)) = part(net) {
            self.pins
                .entry(whole.name())
                .or_default()
                .push((low, driver));
        }
    }

    /// Colours that tell all nets apart that can be.
    fn refined(&self) -> Colours<'a> {
        let mut colours = Colours::new();
        let mut count = 0;
        loop {
            let round = Round::new(self, &colours);
            let next = round.nets();
            let distinct = next.values().collect::<HashSet<_>>().len();
            // a colour holds the one before, so that there are never fewer
            if distinct <= count {
                return next;
            }
            (colours, count) = (next, distinct);
        }
    }

    /// All that the module consists of, in no order.
    fn whole(&self, colours: &Colours<'a>) -> u64 {
        let mut round = Round::new(self, colours);
        let mut parts = Vec::new();
        for port in self.module.ports() {
            let port_of = Digest::new("port")
                .text(&port.name)
                .number(port.width.into());
            parts.push(port_of.end());
        }
        for (item, _) in self.module.items() {
            match item {
                Item::Output(name, value) => {
                    let value = round.value(value);
                    parts.push(Digest::new("output").text(name).number(value).end());
                }
                Item::Register(net) => parts.push(colours[net.name()]),
                Item::Memory(memory) => parts.push(round.memory(memory)),
                Item::Cell(cell) => parts.push(round.cell(cell)),
                Item::Instance { module, inputs, .. } => parts.push(round.instance(module, inputs)),
                _ => (),
            }
        }
        parts.sort_unstable();
        Digest::new("module").numbers(parts).end()
    }
}

/// Colours by those of the round before.
struct Round<'a, 'b> {
    form: &'b Form<'a>,
    before: &'b Colours<'a>,
    /// Of nodes that were asked for.
    values: HashMap<*const Node, u64>,
}

impl<'a, 'b> Round<'a, 'b> {
    fn new(form: &'b Form<'a>, before: &'b Colours<'a>) -> Self {
        Round {
            form,
            before,
            values: HashMap::new(),
        }
    }

    /// Colours of the nets that do not follow others in the same cycle, or come from outside the module's own operators.
    fn nets(mut self) -> Colours<'a> {
        let mut next = Colours::new();
        let registers = self.registers();
        for (item, _) in self.form.module.items() {
            match item {
                Item::Register(net) => {
                    let taken = registers.get(net.name()).copied().unwrap_or_default();
                    let colour = self.again(net.name(), "register", net.width(), taken);
                    next.insert(net.name(), colour);
                }
                Item::Memory(memory) => {
                    let colour = self.memory(memory);
                    for (port, read) in memory.reads.iter().enumerate() {
                        for (place, net) in read.registers.iter().enumerate() {
                            let which =
                                Digest::new("read").number(port as u64).number(place as u64);
                            let which = which.number(colour).end();
                            let colour = self.again(net.name(), "read", net.width(), which);
                            next.insert(net.name(), colour);
                        }
                    }
                }
                _ => (),
            }
        }
        let form = self.form;
        for (name, drivers) in &form.pins {
            let parts: Vec<u64> = drivers
                .iter()
                .map(|(low, one)| self.driver(*low, one))
                .collect();
            let all = Digest::new("parts").numbers(parts).end();
            next.insert(name, self.again(name, "pins", 0, all));
        }
        for (name, colour) in self.outputs() {
            let colour = self.again(name, "out", 0, colour);
            next.insert(name, colour);
        }
        next
    }

    /// A colour that holds the one before.
    fn again(&self, name: &str, kind: &str, width: u32, now: u64) -> u64 {
        let before = self.before.get(name).copied().unwrap_or_default();
        let digest = Digest::new(kind).number(width.into());
        digest.number(before).number(now).end()
    }

    fn driver(&mut self, low: u32, driver: &Driver<'a>) -> u64 {
        let digest = Digest::new("from").number(low.into());
        match driver {
            Driver::Value(value) => digest.number(self.value(value)).end(),
            Driver::Pin(cell, pin) => digest.number(self.cell(cell)).text(pin).end(),
        }
    }

    /// What instances give, by the names that nodes have for it.
    fn outputs(&mut self) -> Vec<(&'a str, u64)> {
        let form = self.form;
        let mut all = Vec::new();
        for (item, _) in form.module.items() {
            let Item::Instance {
                module,
                inputs,
                outputs,
                ..
            } = item
            else {
                continue;
            };
            let colour = self.instance(module, inputs);
            for (port, net) in outputs {
                let digest = Digest::new("of").text(port).number(colour);
                all.push((net.name(), digest.end()));
            }
        }
        all
    }

    fn instance(&mut self, module: &Module, inputs: &[(String, Expr)]) -> u64 {
        let mut ports: Vec<u64> = Vec::new();
        for (port, value) in inputs {
            let value = self.value(value);
            ports.push(Digest::new("in").text(port).number(value).end());
        }
        ports.sort_unstable();
        let digest = Digest::new("instance").number(module.structure_number());
        digest.numbers(ports).end()
    }

    fn memory(&mut self, memory: &Memory) -> u64 {
        let array = memory.array;
        let mut digest = Digest::new("memory")
            .number(array.words.into())
            .number(array.width.into())
            .number(array.in_luts.into());
        for write in &memory.writes {
            let values = [&write.enable, &write.address, &write.data].map(|v| self.value(v));
            digest = digest.text("write").numbers(values);
        }
        for read in &memory.reads {
            let address = self.value(&read.address);
            let registers = read.registers.len() as u64;
            digest = digest.text("read").number(address).number(registers);
        }
        digest.end()
    }

    fn cell(&mut self, cell: &Cell) -> u64 {
        let mut parts: Vec<u64> = cell
            .parameters
            .iter()
            .map(|(name, value)| Digest::new("parameter").text(name).text(value).end())
            .collect();
        for (name, pin) in cell.pins() {
            if let Pin::In(value) = pin {
                let value = self.value(value);
                parts.push(Digest::new("pin").text(name).number(value).end());
            }
        }
        parts.sort_unstable();
        Digest::new("cell").text(&cell.kind).numbers(parts).end()
    }

    /// What registers take.
    fn registers(&mut self) -> HashMap<&'a str, u64> {
        let form = self.form;
        let mut all = HashMap::new();
        for (item, _) in form.module.items() {
            match item {
                Item::Pipe {
                    register,
                    value,
                    keep,
                } => {
                    let taken = Digest::new("takes").numbers([self.set(value)]);
                    let taken = match keep {
                        true => taken.text("keep"),
                        false => taken,
                    };
                    all.insert(register.name(), taken.end());
                }
                Item::Process(statements) => {
                    for (name, parts) in self.statements(statements) {
                        all.insert(name, Digest::new("takes").numbers(parts).end());
                    }
                }
                _ => (),
            }
        }
        all
    }

    fn set(&mut self, value: &Expr) -> u64 {
        Digest::new("set").number(self.value(value)).end()
    }

    /// For each register the statements that are about it.
    fn statements(&mut self, statements: &'a [Statement]) -> BTreeMap<&'a str, Vec<u64>> {
        let mut all: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
        for statement in statements {
            match statement {
                Statement::Set { target, value, .. } => {
                    let set = self.set(value);
                    all.entry(target.name()).or_default().push(set);
                }
                Statement::When {
                    condition,
                    then,
                    otherwise,
                } => {
                    let condition = self.value(condition);
                    let mut branches = [then, otherwise].map(|branch| self.statements(branch));
                    let names: Vec<&str> =
                        branches.iter().flat_map(|b| b.keys().copied()).collect();
                    for name in names {
                        let [then, otherwise] = [0, 1].map(|i| branches[i].remove(name));
                        // a register of both branches comes twice, and is gone the second time
                        if then.is_none() && otherwise.is_none() {
                            continue;
                        }
                        let digest = Digest::new("when").number(condition);
                        let digest = digest.numbers(then.unwrap_or_default());
                        let digest = digest.numbers(otherwise.unwrap_or_default());
                        all.entry(name).or_default().push(digest.end());
                    }
                }
            }
        }
        all
    }

    fn value(&mut self, value: &Expr) -> u64 {
        if let Some(known) = self.values.get(&value.id()) {
            return *known;
        }
        let colour = self.node(value);
        self.values.insert(value.id(), colour);
        colour
    }

    fn node(&mut self, value: &Expr) -> u64 {
        let args = value.args();
        let kind = match value.op() {
            Op::Net(net) => return self.net(value, net.kind),
            Op::Slice(_) if args[0].width() == value.width() => return self.value(&args[0]),
            op => op.code(),
        };
        let mut digest = Digest::new(kind).number(value.width().into());
        digest = match value.op() {
            Op::Const(number) => digest.number(*number),
            Op::Slice(low) => digest.number((*low).into()),
            _ => digest,
        };
        for arg in args {
            digest = digest.number(self.value(arg));
        }
        digest.end()
    }

    fn net(&mut self, net: &Expr, kind: NetKind) -> u64 {
        let name = net.name();
        match kind {
            NetKind::Input => Digest::new("input").text(name).end(),
            NetKind::Wire | NetKind::Forward => match self.form.wires.get(name).copied() {
                Some(value) => self.value(value),
                None => 0,
            },
            _ => match self.before.get(name) {
                Some(colour) => *colour,
                None => Digest::new("net").number(net.width().into()).end(),
            },
        }
    }
}

impl Op {
    /// Its name in the digest.
    fn code(&self) -> &'static str {
        match self {
            Op::Net(_) => "net",
            Op::Const(_) => "constant",
            Op::Slice(_) => "slice",
            Op::Zext => "zext",
            Op::Sext => "sext",
            Op::Repeat(_) => "repeat",
            Op::Cat => "cat",
            Op::Not => "not",
            Op::Binary(super::node::Binary::LtSigned) => "less signed",
            Op::Binary(op) => op.symbol(),
            Op::Mux => "mux",
            Op::Shl => "shift left",
            Op::ShrSigned => "shift right",
            Op::MulSigned => "product",
            Op::Any => "any",
        }
    }
}
