// SPDX-License-Identifier: MIT OR Apache-2.0
//! The critical path, told in terms of units.

use serde::Serialize;
use serde_json::Value;

use crate::hierarchy::Placed;

/// The slowest way from register to register.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CriticalPath {
    /// Nanoseconds from clock edge to clock edge.
    pub ns: f64,
    /// Nanoseconds of it on wires.
    pub routing_ns: f64,
    /// Cells of logic that it passes, LUTs and carries.
    pub levels: u32,
    /// Unit and name of the register, memory or multiplier that it starts from.
    pub from: String,
    /// The same of its end.
    pub to: String,
    /// The units that it passes, in order.
    pub hops: Vec<Hop>,
}

/// A part of the path inside one unit.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Hop {
    /// Name of the unit; `top` for what lies between units.
    pub unit: String,
    /// Nanoseconds of cells and of the wires that end here.
    pub ns: f64,
}

/// The slowest path between registers in nextpnr's report; `None` if it has none.
pub(super) fn critical(details: &Value, units: &[Placed]) -> Option<CriticalPath> {
    let paths = details["critical_paths"].as_array()?;
    let told = |path| tell(path, units);
    let is_inside = |path: &&Value| {
        [&path["from"], &path["to"]]
            .iter()
            .all(|end| end.as_str().is_some_and(|end| !end.contains("<async>")))
    };
    paths
        .iter()
        .filter(is_inside)
        .filter_map(told)
        .max_by(|a, b| a.ns.total_cmp(&b.ns))
}

fn tell(path: &Value, units: &[Placed]) -> Option<CriticalPath> {
    let segments = path["path"].as_array()?;
    let mut told = CriticalPath {
        ns: 0.0,
        routing_ns: 0.0,
        levels: 0,
        from: place(&segments.first()?["from"]["cell"], units)?.1,
        to: place(&segments.last()?["to"]["cell"], units)?.1,
        hops: Vec::new(),
    };
    for segment in segments {
        let ns = segment["delay"].as_f64()?;
        let (unit, _) = place(&segment["to"]["cell"], units)?;
        told.ns += ns;
        match segment["type"].as_str()? {
            "routing" => told.routing_ns += ns,
            "logic" => told.levels += 1,
            _ => (),
        }
        match told.hops.last_mut() {
            Some(hop) if hop.unit == unit => hop.ns += ns,
            _ => told.hops.push(Hop { unit, ns }),
        }
    }
    Some(told)
}

/// Unit of a cell; unit and name of what the cell makes, as a reader of the Verilog knows it.
fn place(cell: &Value, units: &[Placed]) -> Option<(String, String)> {
    let cell = cell.as_str()?;
    let (unit, rest) = match units.iter().find(|unit| unit.holds(cell)) {
        Some(unit) => (unit.name.as_str(), &cell[unit.path.len() + 1..]),
        None => ("top", cell),
    };
    let ends = ["_TRELLIS_FF", "_SB_DFF", "_LUT4", "_SB_LUT4", "_CCU2C", "$"];
    let end = ends.iter().filter_map(|end| rest.find(end)).min();
    let name = &rest[..end.unwrap_or(rest.len())];
    let name = if name.is_empty() { "(unnamed)" } else { name };
    Some((unit.into(), format!("{unit}: {name}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn cells_become_units() {
        let unit = |name: &str| Placed {
            module: name.into(),
            name: name.into(),
            path: format!("board.accelerator.{name}"),
        };
        let units = [unit("window"), unit("window_2")];
        let at = |cell: &str| json!({ "cell": format!("board.accelerator.{cell}") });
        let segment = |kind: &str, delay: f64, from: &str, to: &str| json!({ "type": kind, "delay": delay, "from": at(from), "to": at(to) });
        let path = json!([
            segment(
                "clk-to-q",
                0.5,
                "window.x_q_TRELLIS_FF_Q_3",
                "window.x_q_TRELLIS_FF_Q_3"
            ),
            segment(
                "routing",
                1.0,
                "window.x_q_TRELLIS_FF_Q_3",
                "window.sum_LUT4_Z"
            ),
            segment("logic", 0.25, "window.sum_LUT4_Z", "window.sum_LUT4_Z"),
            segment(
                "routing",
                2.0,
                "window.sum_LUT4_Z",
                "window_2.y_q_TRELLIS_FF_Q"
            ),
            segment(
                "setup",
                0.25,
                "window_2.y_q_TRELLIS_FF_Q",
                "window_2.y_q_TRELLIS_FF_Q"
            ),
        ]);
        let slow = json!([segment("routing", 50.0, "window.a$pad", "window.b$pad")]);
        let report = json!({ "critical_paths": [
            { "from": "posedge clock", "to": "posedge clock", "path": path },
            { "from": "<async>", "to": "posedge clock", "path": slow },
        ]});
        let told = critical(&report, &units).unwrap();
        assert_eq!((told.ns, told.routing_ns, told.levels), (4.0, 3.0, 1));
        assert_eq!(
            (told.from.as_str(), told.to.as_str()),
            ("window: x_q", "window_2: y_q")
        );
        let hops: Vec<_> = told
            .hops
            .iter()
            .map(|hop| (hop.unit.as_str(), hop.ns))
            .collect();
        assert_eq!(hops, [("window", 1.75), ("window_2", 2.25)]);
    }
}
