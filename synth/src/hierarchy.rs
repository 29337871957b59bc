// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which instances of a generated Verilog text are its units.

use std::collections::BTreeMap;

/// Modules that are no units, but consist of them: the board's wrapper, the accelerator with its link, the accelerator.
const OPEN: [&str; 3] = [crate::top::NAME, "sepstream_board", "sepstream"];

/// Whether a module is no unit, but consists of them.
pub(crate) fn is_open(module: &str) -> bool {
    OPEN.contains(&module)
}

/// An instance whose cells are known to be its.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Placed {
    /// Its module.
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

/// The units below the module `top`, in the order of the text.
pub(crate) fn units(verilog: &str, top: &str) -> Vec<Placed> {
    let modules = modules(verilog);
    let mut found = Vec::new();
    walk(&modules, top, "", &mut found);
    found
}

/// Module and name of every instance, by the module that holds them.
fn modules(verilog: &str) -> BTreeMap<&str, Vec<(&str, &str)>> {
    let mut modules = BTreeMap::new();
    let mut current = None;
    for line in verilog.lines() {
        let Some(words) = line.strip_suffix(" (") else {
            continue;
        };
        match words.trim().split_once(' ') {
            Some(("module", name)) => {
                modules.insert(name, Vec::new());
                current = Some(name);
            }
            Some((kind, name)) if !words.contains("//") => {
                let list = current.and_then(|module| modules.get_mut(module));
                list.into_iter().for_each(|list| list.push((kind, name)));
            }
            _ => (),
        }
    }
    modules
}

fn walk(
    modules: &BTreeMap<&str, Vec<(&str, &str)>>,
    module: &str,
    above: &str,
    found: &mut Vec<Placed>,
) {
    for (kind, name) in modules.get(module).into_iter().flatten() {
        let path = format!("{above}{name}");
        if is_open(kind) {
            walk(modules, kind, &format!("{path}."), found);
        } else if modules.contains_key(kind) {
            found.push(Placed {
                module: kind.to_string(),
                name: name.to_string(),
                path,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_the_instances_of_open_modules() {
        let text = "// head\n\nmodule leaf (\n    input wire a\n);\n    leaf_part inner (\n    );\nendmodule\n\n\
                    module leaf_part (\n);\nendmodule\n\n\
                    module sepstream (\n    input wire clk\n);\n    leaf first (\n        .a(x)\n    );\n    leaf second (\n    );\nendmodule\n\n\
                    module sepstream_board (\n);\n    // a leaf third (\n    SB_IO pin (\n    );\n    leaf link (\n    );\n    sepstream accelerator (\n    );\nendmodule\n";
        let placed = |top| -> Vec<_> {
            units(text, top)
                .into_iter()
                .map(|unit| (unit.name, unit.path))
                .collect()
        };
        let pair = |name: &str, path: &str| (name.to_string(), path.to_string());
        assert_eq!(
            placed("sepstream"),
            [pair("first", "first"), pair("second", "second")]
        );
        assert_eq!(
            placed("sepstream_board"),
            [
                pair("link", "link"),
                pair("first", "accelerator.first"),
                pair("second", "accelerator.second")
            ]
        );
    }
}
