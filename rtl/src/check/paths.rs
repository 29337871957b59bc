// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which values follow which others in the same cycle: no loops, and the ways from inputs to outputs.

use super::Fault;
use super::drivers::part;
use crate::cell::Pin;
use crate::module::{Item, Module};
use crate::node::{Expr, NetKind, Op, Place};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// For each output port the inputs that it follows in the same cycle.
pub(crate) type Paths = BTreeMap<String, BTreeSet<String>>;

/// Something that is driven: a wire, bits of one, or a port of an instance or of the module.
struct Driven<'a> {
    name: String,
    low: u32,
    width: u32,
    sources: Vec<&'a Expr>,
    place: Place,
}

/// The ways from inputs to outputs.
pub(super) fn find(module: &Module) -> Result<Paths, Fault> {
    let driven = driven(module)?;
    let mut by_name: HashMap<&str, Vec<usize>> = HashMap::new();
    for (number, one) in driven.iter().enumerate() {
        by_name.entry(&one.name).or_default().push(number);
    }
    let mut search = Search {
        module,
        driven: &driven,
        by_name,
        found: vec![None; driven.len()],
        way: Vec::new(),
    };
    let mut paths = Paths::new();
    for (number, one) in driven.iter().enumerate() {
        let inputs = search.inputs(number)?;
        if module.has_output(&one.name) {
            paths.insert(one.name.clone(), inputs);
        }
    }
    Ok(paths)
}

fn driven(module: &Module) -> Result<Vec<Driven<'_>>, Fault> {
    let mut all = Vec::new();
    for (item, place) in module.items() {
        let whole = |name: &str, width, sources| Driven {
            name: name.into(),
            low: 0,
            width,
            sources,
            place,
        };
        match item {
            Item::Output(name, value) => all.push(whole(name, value.width(), vec![value])),
            Item::Wire(net, value) => all.push(whole(net.name(), net.width(), vec![value])),
            Item::Drive(net, value) => all.extend(part(net).map(|(whole, low)| Driven {
                name: whole.name().into(),
                low,
                width: net.width(),
                sources: vec![value],
                place,
            })),
            Item::Cell(cell) if cell.combinational => {
                let inputs: Vec<&Expr> = cell.pins().filter_map(|(_, pin)| pin.value()).collect();
                for (_, pin) in cell.pins() {
                    let Pin::Out(net) = pin else { continue };
                    all.extend(part(net).map(|(whole, low)| Driven {
                        name: whole.name().into(),
                        low,
                        width: net.width(),
                        sources: inputs.clone(),
                        place,
                    }));
                }
            }
            Item::Instance {
                module: child,
                inputs,
                outputs,
                ..
            } => {
                let paths = child.paths()?;
                for (port, net) in outputs {
                    let from = &paths[port];
                    let sources = inputs.iter().filter(|(port, _)| from.contains(port));
                    let sources = sources.map(|(_, value)| value).collect();
                    all.push(whole(net.name(), net.width(), sources));
                }
            }
            _ => (),
        }
    }
    Ok(all)
}

struct Search<'a> {
    module: &'a Module,
    driven: &'a [Driven<'a>],
    by_name: HashMap<&'a str, Vec<usize>>,
    /// The inputs behind each, once they are known.
    found: Vec<Option<BTreeSet<String>>>,
    /// What is being looked at.
    way: Vec<usize>,
}

impl Search<'_> {
    fn inputs(&mut self, number: usize) -> Result<BTreeSet<String>, Fault> {
        if let Some(known) = &self.found[number] {
            return Ok(known.clone());
        }
        let driven = self.driven;
        let one = &driven[number];
        if let Some(at) = self.way.iter().position(|&on| on == number) {
            let names: Vec<&str> = self.way[at..].iter().map(|&n| &*driven[n].name).collect();
            let what = format!("a loop without a register: {}", names.join(", "));
            return Err(self.module.fault(what, one.place));
        }
        self.way.push(number);
        let mut inputs = BTreeSet::new();
        for (net, low, width) in one.sources.iter().flat_map(|source| read(source)) {
            match net.as_net().map(|net| net.kind) {
                Some(NetKind::Input) => {
                    inputs.insert(net.name().to_string());
                }
                Some(NetKind::Register | NetKind::Read) | None => (),
                Some(_) => {
                    for before in self.by_name.get(net.name()).cloned().unwrap_or_default() {
                        let other = &driven[before];
                        let apart = low + width <= other.low || other.low + other.width <= low;
                        if !apart {
                            inputs.extend(self.inputs(before)?);
                        }
                    }
                }
            }
        }
        self.way.pop();
        self.found[number] = Some(inputs.clone());
        Ok(inputs)
    }
}

/// The nets in a value, each with the bits that it takes.
fn read(value: &Expr) -> Vec<(Expr, u32, u32)> {
    let mut nets = Vec::new();
    let mut seen = std::collections::HashSet::new();
    let mut left = vec![value];
    while let Some(node) = left.pop() {
        if !seen.insert(node.id()) {
            continue;
        }
        match node.op() {
            Op::Net(_) => nets.push((node.clone(), 0, node.width())),
            Op::Slice(low) if node.args()[0].as_net().is_some() => {
                nets.push((node.args()[0].clone(), *low, node.width()));
            }
            _ => left.extend(node.args()),
        }
    }
    nets
}
