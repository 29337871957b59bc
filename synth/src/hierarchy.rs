// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which instances of a design are its units.

use std::rc::Rc;

use sepstream_hdl::rtl::{Module, Printed};

/// Modules that are no units, but consist of them: the accelerator with its link, the accelerator.
const OPEN: [&str; 2] = ["sepstream_board", "sepstream"];

/// Whether a module is no unit, but consists of them.
pub(crate) fn is_open(module: &str) -> bool {
    OPEN.contains(&module)
}

/// An instance whose cells are known to be its.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Placed {
    /// Its module's name in the text.
    pub(crate) module: String,
    /// Its name, which is that of the unit.
    pub(crate) name: String,
    /// Names of the instances from the top module down to it, with points between them.
    pub(crate) path: String,
}

impl Placed {
    /// Whether a cell or a wire is its, by the name that it has where the hierarchy is flattened.
    pub(crate) fn holds(&self, name: &str) -> bool {
        let rest = name.strip_prefix(&self.path);
        rest.is_some_and(|rest| rest.starts_with('.'))
    }
}

/// The units of a design that lies below instances of this path, each with a point behind.
pub(crate) fn units(design: &Rc<Module>, printed: &Printed, above: &str) -> Vec<Placed> {
    let mut found = Vec::new();
    for (name, module) in design.children() {
        let path = format!("{above}{name}");
        if is_open(module.name()) {
            found.extend(units(module, printed, &format!("{path}.")));
        } else {
            found.push(Placed {
                module: printed.name_of(module).unwrap_or_default().into(),
                name: name.into(),
                path,
            });
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_the_instances_of_open_modules() {
        let leaf = |part: bool| {
            let mut m = Module::new("leaf", "A unit.");
            if part {
                m.instance("inner", &Rc::new(Module::new("part", "Of it.")), &[]);
            }
            Rc::new(m)
        };
        let open = |name, children: &[(&str, Rc<Module>)]| {
            let mut m = Module::new(name, "No unit.");
            for (name, child) in children {
                m.instance(name, child, &[]);
            }
            Rc::new(m)
        };
        let inner = open(
            "sepstream",
            &[("first", leaf(true)), ("second", leaf(false))],
        );
        let board = open(
            "sepstream_board",
            &[("link", leaf(true)), ("accelerator", inner)],
        );
        let printed = Printed::new(&board, "", &|name| format!("x_{name}"));
        let placed: Vec<_> = units(&board, &printed, "board.")
            .into_iter()
            .map(|unit| (unit.module, unit.name, unit.path))
            .collect();
        let unit = |module: &str, name: &str, path: &str| {
            (module.to_string(), name.to_string(), path.to_string())
        };
        // the two leaves are different modules of one name
        let expected = [
            unit("x_leaf", "link", "board.link"),
            unit("x_leaf", "first", "board.accelerator.first"),
            unit("x_leaf_2", "second", "board.accelerator.second"),
        ];
        assert_eq!(placed, expected);
    }
}
