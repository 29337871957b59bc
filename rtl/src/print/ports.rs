// SPDX-License-Identifier: MIT OR Apache-2.0
//! Ports in the order of the text: clock and reset, the module's groups, then what comes in and what goes out.

use super::text::range;
use super::wrap::wrap;
use crate::module::{Direction, Module, Port};

/// Ports below a comment, or below none.
type Section<'a> = (&'a str, Vec<&'a Port>);

/// The ports of a module by sections, none of which is empty.
pub(super) fn sections(module: &Module) -> Vec<Section<'_>> {
    let mut left: Vec<&Port> = module.ports().iter().collect();
    let mut take = |title, is_in: &dyn Fn(&Port) -> bool| {
        let (taken, rest) = left.iter().partition(|port| is_in(port));
        left = rest;
        (title, taken)
    };
    let mut all = Vec::new();
    for name in ["clk", "rst"] {
        all.push(take("", &|port: &Port| port.name == name));
    }
    for (prefix, title) in module.groups() {
        all.push(take(title, &|port: &Port| port.name.starts_with(prefix)));
    }
    all.push(take("Inputs", &|port: &Port| {
        port.direction == Direction::In
    }));
    all.push(take("Outputs", &|_: &Port| true));
    all.retain(|section: &Section| !section.1.is_empty());
    all
}

/// The ports as they stand in the module's head, a line each.
pub(super) fn head(module: &Module) -> String {
    let mut lines = Vec::new();
    let last = sections(module)
        .last()
        .and_then(|section| section.1.last().copied());
    for (title, ports) in sections(module) {
        if !title.is_empty() {
            lines.extend(wrap(&format!("    // {title}")));
        }
        for port in ports {
            let direction = match port.direction {
                Direction::In => "input",
                Direction::Out => "output",
            };
            let comma = if last.is_some_and(|last| std::ptr::eq(last, port)) {
                ""
            } else {
                ","
            };
            let range = range(port.width);
            lines.push(format!("    {direction} wire {range}{}{comma}", port.name));
        }
    }
    lines.join("\n")
}
