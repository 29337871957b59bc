// SPDX-License-Identifier: MIT OR Apache-2.0
//! Cells of the units of a design that was mapped as a whole.
//!
//! Yosys names a cell after the wire that it makes, and that after where it stands in the hierarchy, as does nextpnr in its paths. A
//! cell that works for two units, as logic does that Yosys moves over their border, is counted once, for one of them.

use serde_json::Value;

use crate::area::Unit;
use crate::cells::Cells;
use crate::hierarchy::Placed;
use crate::lone;

/// Cells of the units, from the netlist of the one module; the last is `top`, with what lies between them.
///
/// # Errors
/// What the netlist should have.
pub(crate) fn attribute(netlist: &Value, top: &str, units: &[Placed]) -> Result<Vec<Unit>, String> {
    let module = &netlist["modules"][top];
    let cells = module["cells"].as_object();
    let cells = cells.ok_or_else(|| format!("the cells of `{top}`"))?;
    let lone = lone::flip_flops(module).ok_or("a netlist with cells and ports")?;
    let mut counted: Vec<Unit> = units
        .iter()
        .map(|unit| unit.name.clone())
        .chain(["top".into()])
        .map(|name| Unit {
            name,
            cells: Cells::default(),
        })
        .collect();
    for (name, cell) in cells {
        let kind = cell["type"].as_str().unwrap_or_default();
        let mut cell = Cells::of(kind).ok_or_else(|| format!("a known cell `{kind}`"))?;
        cell.lone_flip_flops = lone.contains(name.as_str()).into();
        let unit = units.iter().position(|unit| unit.holds(name));
        counted[unit.unwrap_or(units.len())].cells += cell;
    }
    Ok(counted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn cells_are_their_units_by_name() {
        let unit = |name: &str, path: &str| Placed {
            module: "leaf".into(),
            name: name.into(),
            path: path.into(),
        };
        let units = [unit("link", "board.link"), unit("win", "board.a.win")];
        let cell = |kind: &str| json!({ "type": kind, "connections": { "D": ["1"] }, "port_directions": {} });
        let mut netlist = json!({ "modules": { "t": { "ports": {}, "cells": {
            "board.link.q_SB_DFF_Q": cell("SB_DFFE"),
            "board.link.q_SB_LUT4_O": cell("SB_LUT4"),
            "board.a.win.walk.x_SB_CARRY_CO": cell("SB_CARRY"),
            "board.a.window_SB_LUT4_O": cell("SB_LUT4"),
            "board.a": cell("$scopeinfo"),
        } } } });
        let counted = attribute(&netlist, "t", &units).unwrap();
        let numbers = counted.iter().map(|unit| {
            let Cells {
                luts,
                carries,
                flip_flops,
                lone_flip_flops,
                ..
            } = unit.cells;
            (
                unit.name.as_str(),
                [luts, carries, flip_flops, lone_flip_flops],
            )
        });
        let numbers: Vec<_> = numbers.collect();
        assert_eq!(
            numbers,
            [
                ("link", [1, 0, 1, 1]),
                ("win", [0, 1, 0, 0]),
                ("top", [1, 0, 0, 0])
            ]
        );
        netlist["modules"]["t"]["cells"]["x"] = cell("ALU54B");
        let error = attribute(&netlist, "t", &units).unwrap_err();
        assert!(error.contains("ALU54B"), "{error}");
        assert!(attribute(&netlist, "other", &units).is_err());
    }
}
