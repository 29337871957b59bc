// SPDX-License-Identifier: MIT OR Apache-2.0
//! Flip-flops of an iCE40 that take a logic cell of their own.
//!
//! A logic cell is a LUT and a flip-flop behind it: a flip-flop shares a cell with the LUT that drives it, if that drives nothing else.
//! All others take the LUT's place, too. An ECP5's flip-flops have an input of their own.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// Names of such flip-flops in a module of a netlist as Yosys writes it; `None` if it is something else.
pub(crate) fn flip_flops(module: &Value) -> Option<BTreeSet<&str>> {
    let mut readers: BTreeMap<u64, u32> = BTreeMap::new();
    let mut from_lut: BTreeMap<u64, bool> = BTreeMap::new();
    let mut inputs = Vec::new();
    let wires = |bits: &Value| -> Vec<u64> {
        let bits = bits.as_array().into_iter().flatten();
        // constants are texts
        bits.filter_map(Value::as_u64).collect()
    };
    for (name, cell) in module["cells"].as_object()? {
        let kind = cell["type"].as_str()?;
        for (port, bits) in cell["connections"].as_object()? {
            let drives = cell["port_directions"][port] == "output";
            for wire in wires(bits) {
                if drives {
                    from_lut.insert(wire, kind == "SB_LUT4");
                } else {
                    *readers.entry(wire).or_default() += 1;
                }
            }
            if port == "D" && kind.starts_with("SB_DFF") {
                inputs.push((name.as_str(), wires(bits).first().copied()));
            }
        }
    }
    for port in module["ports"].as_object()?.values() {
        for wire in wires(&port["bits"]) {
            *readers.entry(wire).or_default() += 1;
        }
    }
    let shares = |input: Option<u64>| {
        input.is_some_and(|wire| {
            from_lut.get(&wire) == Some(&true) && readers.get(&wire) == Some(&1)
        })
    };
    let lone = inputs.into_iter().filter(|(_, input)| !shares(*input));
    Some(lone.map(|(name, _)| name).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_flip_flop_shares_the_cell_of_its_own_lut() {
        let out = json!({ "O": "output", "Q": "output", "D": "input", "I0": "input" });
        let cell = |kind: &str, connections: Value| json!({ "type": kind, "port_directions": out, "connections": connections });
        let module = json!({
            "ports": { "a": { "direction": "input", "bits": [2] }, "y": { "direction": "output", "bits": [9] } },
            "cells": {
                "own": cell("SB_LUT4", json!({ "I0": [2], "O": [3] })),
                "shares": cell("SB_DFFE", json!({ "D": [3], "Q": [4] })),
                "shared": cell("SB_LUT4", json!({ "I0": [4], "O": [5] })),
                "of_shared": cell("SB_DFF", json!({ "D": [5], "Q": [6] })),
                "other": cell("SB_LUT4", json!({ "I0": [5], "O": [9] })),
                "of_port": cell("SB_DFF", json!({ "D": [2], "Q": [7] })),
                "of_constant": cell("SB_DFF", json!({ "D": ["1"], "Q": [8] })),
                "of_output": cell("SB_DFF", json!({ "D": [9], "Q": [10] })),
            },
        });
        let lone: Vec<&str> = flip_flops(&module).unwrap().into_iter().collect();
        assert_eq!(lone, ["of_constant", "of_output", "of_port", "of_shared"]);
    }
}
