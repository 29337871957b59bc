// SPDX-License-Identifier: MIT OR Apache-2.0
//! What drives each net.

use super::Fault;
use crate::cell::Pin;
use crate::module::{Item, Module};
use crate::node::{Expr, NetKind, Op, Place};
use crate::process::Statement;
use std::collections::BTreeMap;

/// Drivers of a net: for each the item's number, the lowest bit, the number of bits, and the line.
type Drivers<'a> = BTreeMap<&'a str, Vec<(usize, u32, u32, Place)>>;

/// The net, and the bits of it, that a driver names.
pub(crate) fn part(expr: &Expr) -> Option<(&Expr, u32)> {
    match expr.op() {
        Op::Net(_) => Some((expr, 0)),
        Op::Slice(low) => part(&expr.args()[0]).map(|(net, at)| (net, at + low)),
        _ => None,
    }
}

/// Each net has the drivers that its kind needs.
pub(super) fn check(module: &Module) -> Result<(), Fault> {
    let mut drivers = Drivers::new();
    for (number, (item, place)) in module.items().iter().enumerate() {
        match item {
            Item::Drive(net, _) => {
                let kinds = [NetKind::Forward, NetKind::Pins];
                add(module, &mut drivers, net, (number, place), &kinds, "driven")?;
            }
            Item::Cell(cell) => {
                for (_, pin) in cell.pins() {
                    if let Pin::Out(net) = pin {
                        let kinds = [NetKind::Pins];
                        add(module, &mut drivers, net, (number, place), &kinds, "driven")?;
                    }
                }
            }
            Item::Pipe { register, .. } => {
                let kinds = [NetKind::Register];
                add(
                    module,
                    &mut drivers,
                    register,
                    (number, place),
                    &kinds,
                    "set",
                )?;
            }
            Item::Process(statements) => set(module, &mut drivers, statements, number)?,
            _ => (),
        }
    }
    for (item, _) in module.items() {
        match item {
            Item::Declared(net) => covered(module, net, drivers.get(net.name()))?,
            Item::Register(net) => in_one_process(module, net, drivers.get(net.name()))?,
            _ => (),
        }
    }
    Ok(())
}

fn set<'a>(
    module: &Module,
    drivers: &mut Drivers<'a>,
    statements: &'a [Statement],
    number: usize,
) -> Result<(), Fault> {
    for statement in statements {
        match statement {
            Statement::Set { target, place, .. } => {
                let kinds = [NetKind::Register];
                add(module, drivers, target, (number, place), &kinds, "set")?;
            }
            Statement::When {
                then, otherwise, ..
            } => {
                set(module, drivers, then, number)?;
                set(module, drivers, otherwise, number)?;
            }
        }
    }
    Ok(())
}

fn add<'a>(
    module: &Module,
    drivers: &mut Drivers<'a>,
    target: &'a Expr,
    (number, place): (usize, Place),
    kinds: &[NetKind],
    verb: &str,
) -> Result<(), Fault> {
    let found = part(target);
    let kind = found.and_then(|(net, _)| net.as_net()).map(|net| net.kind);
    let is = match (found, kind) {
        (Some((net, _)), Some(NetKind::Register)) if target.width() < net.width() => {
            "bits of a register"
        }
        (_, kind) => kind.map_or("an operator's value", NetKind::noun),
    };
    let fits = kind.is_some_and(|kind| kinds.contains(&kind)) && is != "bits of a register";
    let Some((net, low)) = found.filter(|_| fits) else {
        return Err(module.fault(format!("`{target}` is {verb}, but is {is}"), place));
    };
    let list = drivers.entry(net.name()).or_default();
    list.push((number, low, target.width(), place));
    Ok(())
}

/// Every bit has one driver.
fn covered(
    module: &Module,
    net: &Expr,
    drivers: Option<&Vec<(usize, u32, u32, Place)>>,
) -> Result<(), Fault> {
    let mut parts = drivers.cloned().unwrap_or_default();
    parts.sort_by_key(|part| part.1);
    let mut end = 0;
    for (_, low, width, place) in parts {
        if low < end {
            return Err(module.fault(format!("`{net}` is driven already"), place));
        }
        if low > end {
            break;
        }
        end = low + width;
    }
    match end == net.width() {
        true => Ok(()),
        false if end == 0 => Err(module.fault(format!("nothing drives `{net}`"), net.place())),
        false => Err(module.fault(format!("nothing drives bit {end} of `{net}`"), net.place())),
    }
}

fn in_one_process(
    module: &Module,
    net: &Expr,
    drivers: Option<&Vec<(usize, u32, u32, Place)>>,
) -> Result<(), Fault> {
    let Some((first, others)) = drivers.and_then(|list| list.split_first()) else {
        return Err(module.fault(format!("nothing sets the register `{net}`"), net.place()));
    };
    match others.iter().find(|other| other.0 != first.0) {
        Some(other) => {
            let what = format!(
                "`{net}` is set in another process, too: line {}",
                first.3.line()
            );
            Err(module.fault(what, other.3))
        }
        None => Ok(()),
    }
}

impl NetKind {
    fn noun(self) -> &'static str {
        match self {
            NetKind::Input => "an input",
            NetKind::Wire => "a wire that has its value",
            NetKind::Forward => "a wire",
            NetKind::Register => "a register",
            NetKind::Read => "what a memory reads",
            NetKind::Pins => "a wire of pins",
            NetKind::Instance => "an output of an instance",
        }
    }
}
