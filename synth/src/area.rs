// SPDX-License-Identifier: MIT OR Apache-2.0
//! Cells of every unit of an accelerator, as Yosys makes them for the ECP5.
//!
//! The modules that `top` instantiates keep their borders, so that each cell belongs to a unit; inside they are flattened. Without
//! borders the sum would be a little smaller.

use std::collections::BTreeMap;
use std::fs;
use std::ops::{Add, AddAssign};
use std::path::Path;

use sepstream_sim::tools::{self, Progress, Yosys};
use sepstream_spec::config::Config;
use serde::Serialize;
use serde_json::Value;

use crate::{Device, Error};

/// ECP5 cells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Cells {
    /// LUT sites taken: one by a LUT4, two by a CCU2C (two bits of a carry chain), six by a TRELLIS_DPR16X4 (16 words of 4 bits
    /// and their write port).
    pub luts: u32,
    /// Carry cells among them, CCU2C.
    pub carries: u32,
    /// LUT memories among them, TRELLIS_DPR16X4.
    pub lut_rams: u32,
    /// Flip-flops.
    pub flip_flops: u32,
    /// MULT18X18D.
    pub multipliers: u32,
    /// DP16KD.
    pub block_rams: u32,
}

impl Cells {
    /// A cell of Yosys' library; `None` for other modules.
    fn of(kind: &str) -> Option<Self> {
        let none = Cells::default();
        Some(match kind {
            "LUT4" => Cells { luts: 1, ..none },
            "CCU2C" => Cells {
                luts: 2,
                carries: 1,
                ..none
            },
            "TRELLIS_DPR16X4" => Cells {
                luts: 6,
                lut_rams: 1,
                ..none
            },
            "TRELLIS_FF" => Cells {
                flip_flops: 1,
                ..none
            },
            "MULT18X18D" => Cells {
                multipliers: 1,
                ..none
            },
            "DP16KD" | "PDPW16KD" => Cells {
                block_rams: 1,
                ..none
            },
            // multiplexers behind the LUTs, which take no site of their own, and notes of what was flattened
            "PFUMX" | "L6MUX21" | "$scopeinfo" => none,
            _ => return None,
        })
    }
    fn times(self, n: u32) -> Self {
        Cells {
            luts: self.luts * n,
            carries: self.carries * n,
            lut_rams: self.lut_rams * n,
            flip_flops: self.flip_flops * n,
            multipliers: self.multipliers * n,
            block_rams: self.block_rams * n,
        }
    }
}

impl Add for Cells {
    type Output = Cells;
    fn add(self, b: Cells) -> Cells {
        Cells {
            luts: self.luts + b.luts,
            carries: self.carries + b.carries,
            lut_rams: self.lut_rams + b.lut_rams,
            flip_flops: self.flip_flops + b.flip_flops,
            multipliers: self.multipliers + b.multipliers,
            block_rams: self.block_rams + b.block_rams,
        }
    }
}

impl AddAssign for Cells {
    fn add_assign(&mut self, b: Cells) {
        *self = *self + b;
    }
}

/// A unit and its cells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unit {
    /// Name of the instance in `top`; `top` itself for what lies between them.
    pub name: String,
    /// Its cells, and those of all below it.
    #[serde(flatten)]
    pub cells: Cells,
}

/// Cells of an accelerator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Area {
    /// Version of Yosys.
    pub tool: String,
    /// Units in the order of the Verilog.
    pub units: Vec<Unit>,
}

impl Area {
    /// Cells of all units.
    pub fn total(&self) -> Cells {
        self.units
            .iter()
            .fold(Cells::default(), |sum, unit| sum + unit.cells)
    }
    /// What is exceeded on a device, in words; nothing when the design fits.
    pub fn excess(&self, device: &Device) -> Vec<String> {
        let total = self.total();
        [
            ("usable LUTs", total.luts, device.usable_luts()),
            ("flip-flops", total.flip_flops, device.luts),
            ("MULT18X18D", total.multipliers, device.multipliers),
            ("block RAMs", total.block_rams, device.block_rams),
        ]
        .into_iter()
        .filter(|(_, used, has)| used > has)
        .map(|(what, used, has)| format!("{used} {what} of {has}"))
        .collect()
    }
}

/// Synthesises a configuration; the tool is installed first where it is missing.
///
/// # Errors
/// When Yosys cannot be had, fails, or says something unexpected.
pub fn area(config: &Config, progress: &mut Progress) -> Result<Area, Error> {
    let yosys = tools::yosys(progress)?;
    let verilog = sepstream_hdl::generate(config);
    let folder = tempfile::tempdir().map_err(|source| Error::Io {
        path: std::env::temp_dir(),
        source,
    })?;
    let instances = instances(&verilog);
    let statistics = synthesise(&yosys, &verilog, &instances, folder.path())?;
    attribute(&instances, &statistics, yosys.banner())
}

/// Module and name of every instance in the top module, which is the last of the text.
fn instances(verilog: &str) -> Vec<(String, String)> {
    let top = verilog.rfind("\nmodule sepstream (").unwrap_or(0);
    let port = |line: &str| line.starts_with("module") || line.contains("//");
    verilog[top..]
        .lines()
        .filter(|line| !port(line))
        .filter_map(|line| line.strip_suffix(" ("))
        .filter_map(|line| {
            let (module, instance) = line.trim().split_once(' ')?;
            Some((module.to_string(), instance.to_string()))
        })
        .collect()
}

fn synthesise(
    yosys: &Yosys,
    verilog: &str,
    instances: &[(String, String)],
    folder: &Path,
) -> Result<Value, Error> {
    let at = |name: &str| folder.join(name);
    let io = |path: &Path| {
        let path = path.to_path_buf();
        move |source| Error::Io { path, source }
    };
    let source = at("sepstream.v");
    fs::write(&source, verilog).map_err(io(&source))?;
    let mut units: Vec<&str> = instances
        .iter()
        .map(|(module, _)| module.as_str())
        .collect();
    units.sort_unstable();
    units.dedup();
    let script = format!(
        "read_verilog sepstream.v\nhierarchy -top sepstream\nsetattr -mod -set keep_hierarchy 1 {}\n\
         synth_ecp5 -no-rw-check -top sepstream\ntee -q -o cells.json stat -json\n",
        units.join(" ")
    );
    let file = at("area.ys");
    fs::write(&file, script).map_err(io(&file))?;
    let mut command = yosys.command();
    command.current_dir(folder).args(["-q", "-s", "area.ys"]);
    let output = command.output().map_err(io(yosys.program()))?;
    if !output.status.success() {
        return Err(tools::Error::Failed {
            name: "yosys".into(),
            command: "yosys -q -s area.ys".into(),
            log: String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned(),
        }
        .into());
    }
    let cells = at("cells.json");
    let text = fs::read_to_string(&cells).map_err(io(&cells))?;
    serde_json::from_str(&text).map_err(|error| Error::Statistics {
        tool: yosys.banner().into(),
        what: format!("valid JSON ({error})"),
    })
}

/// Cells of the instances, from the statistics of the modules.
fn attribute(
    instances: &[(String, String)],
    statistics: &Value,
    tool: &str,
) -> Result<Area, Error> {
    let lacks = |what: String| Error::Statistics {
        tool: tool.into(),
        what,
    };
    let modules = statistics["modules"].as_object();
    let modules = modules.ok_or_else(|| lacks("`modules`".into()))?;
    let mut kinds: BTreeMap<&str, Vec<(&str, u32)>> = BTreeMap::new();
    for (name, module) in modules {
        let cells = module["num_cells_by_type"].as_object();
        let cells = cells.ok_or_else(|| lacks(format!("the cells of `{name}`")))?;
        let counted = cells.iter().map(|(kind, n)| {
            let n = n.as_u64().and_then(|n| u32::try_from(n).ok());
            Ok((
                plain(kind),
                n.ok_or_else(|| lacks(format!("the number of `{kind}`")))?,
            ))
        });
        kinds.insert(plain(name), counted.collect::<Result<_, Error>>()?);
    }
    let mut units = Vec::new();
    for (module, name) in instances {
        units.push(Unit {
            name: name.clone(),
            cells: below(module, &kinds).map_err(lacks)?,
        });
    }
    let own = kinds.get("sepstream").map_or(&[][..], Vec::as_slice);
    let mut between = Cells::default();
    for (kind, n) in own.iter().filter(|(kind, _)| !kinds.contains_key(kind)) {
        let cell = Cells::of(kind).ok_or_else(|| lacks(format!("a known cell `{kind}`")))?;
        between += cell.times(*n);
    }
    units.push(Unit {
        name: "top".into(),
        cells: between,
    });
    Ok(Area {
        tool: tool.into(),
        units,
    })
}

/// Cells of a module and of all below it, or what is not known.
fn below(module: &str, kinds: &BTreeMap<&str, Vec<(&str, u32)>>) -> Result<Cells, String> {
    let cells = kinds
        .get(module)
        .ok_or_else(|| format!("module `{module}`"))?;
    let mut sum = Cells::default();
    for (kind, n) in cells {
        let cell = match Cells::of(kind) {
            Some(cell) => cell,
            None => below(kind, kinds)?,
        };
        sum += cell.times(*n);
    }
    Ok(sum)
}

/// Yosys puts a backslash before names that stand in the source.
fn plain(name: &str) -> &str {
    name.strip_prefix('\\').unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
        list.iter()
            .map(|(a, b)| (a.to_string(), b.to_string()))
            .collect()
    }

    #[test]
    fn instances_are_those_of_the_top_module() {
        let text = "// head\n\nmodule leaf (\n    input wire a\n);\n    deep inner (\n    );\nendmodule\n\n\
                    module sepstream (\n    input wire clk\n);\n    leaf first (\n        .a(x)\n    );\n    leaf second (\n    );\nendmodule\n";
        assert_eq!(
            instances(text),
            pairs(&[("leaf", "first"), ("leaf", "second")])
        );
    }

    #[test]
    fn cells_are_counted_once_per_instance() {
        let statistics = json!({ "modules": {
            "\\leaf": { "num_cells_by_type": { "LUT4": 3, "CCU2C": 2, "PFUMX": 9, "inner": 2 } },
            "\\inner": { "num_cells_by_type": { "DP16KD": 1, "TRELLIS_DPR16X4": 1 } },
            "\\sepstream": { "num_cells_by_type": { "leaf": 2, "TRELLIS_FF": 5, "MULT18X18D": 1 } },
        }});
        let area = attribute(&pairs(&[("leaf", "a"), ("leaf", "b")]), &statistics, "t").unwrap();
        assert_eq!(area.units.len(), 3);
        let leaf = Cells {
            luts: 3 + 4 + 12,
            carries: 2,
            lut_rams: 2,
            block_rams: 2,
            ..Cells::default()
        };
        assert_eq!(area.units[0].cells, leaf);
        let total = Cells {
            flip_flops: 5,
            multipliers: 1,
            ..leaf + leaf
        };
        assert_eq!(area.total(), total);
        let small = Device {
            name: "",
            luts: 100,
            multipliers: 0,
            block_rams: 4,
        };
        assert_eq!(area.excess(&small), ["1 MULT18X18D of 0"]);
    }

    #[test]
    fn an_unknown_cell_is_named() {
        let statistics =
            json!({ "modules": { "\\sepstream": { "num_cells_by_type": { "ALU54B": 1 } } } });
        let error = attribute(&[], &statistics, "t").unwrap_err().to_string();
        assert!(error.contains("ALU54B"), "{error}");
    }
}
