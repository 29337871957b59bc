// SPDX-License-Identifier: MIT OR Apache-2.0
//! Yosys: from Verilog to the cells of a device. For an ECP5 the borders of units are kept; an iCE40 has few cells, and there the whole
//! takes fewer without them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use sepstream_toolchain::Yosys;
use serde_json::Value;

use crate::area::{Area, Unit};
use crate::cells::Cells;
use crate::floorplan::Fixed;
use crate::hierarchy::Placed;
use crate::origin::Origin;
use crate::yosys::Run;
use crate::{Device, Error, Family, flat};

/// A mapped design.
pub(crate) struct Mapped {
    pub(crate) units: Vec<Placed>,
    pub(crate) area: Area,
}

/// Maps the module `top` of `NAME.v` in a folder, which has these units, some of its cells for sites of their own; leaves `netlist.json` and `yosys.log` there.
pub(crate) fn map(
    yosys: &Yosys,
    folder: &Path,
    name: &str,
    top: &str,
    (device, origin): (&Device, Origin),
    (units, fixed): (Vec<Placed>, &[Fixed]),
) -> Result<Mapped, Error> {
    let kept = match device.family {
        Family::Ecp5 => kept(&units),
        Family::Ice40 => String::new(),
    };
    let script = script(device, (name, top), &kept, &sites(fixed, top));
    let run = Run {
        script: &script,
        inputs: &[&format!("{name}.v")],
        outputs: &["cells.json", "netlist.json"],
    };
    run.run(yosys, folder)?;
    let lacks = |what: String| Error::Statistics {
        tool: yosys.banner().into(),
        what,
    };
    let read = |name: &str| -> Result<Value, Error> {
        let file = folder.join(name);
        let text = fs::read_to_string(&file).map_err(Error::io(&file))?;
        serde_json::from_str(&text).map_err(|error| lacks(format!("valid JSON ({error})")))
    };
    let counted = match device.family {
        Family::Ecp5 => attribute(&units, top, &read("cells.json")?),
        Family::Ice40 => flat::attribute(&read("netlist.json")?, top, &units),
    };
    let area = Area {
        tool: yosys.banner().into(),
        origin,
        units: counted.map_err(lacks)?,
    };
    Ok(Mapped { units, area })
}

/// The commands of Yosys: `kept` keeps borders, `sites` gives cells their places.
fn script(device: &Device, (name, top): (&str, &str), kept: &str, sites: &str) -> String {
    format!(
        "read_verilog {name}.v\nhierarchy -top {top}\n{kept}{}\n\
         tee -q -o cells.json stat -json\n{sites}write_json netlist.json\n",
        device.family.mapping(device, top),
    )
}

/// The commands without the names of a design's modules and sites.
pub(crate) fn recipe(device: &Device) -> String {
    let kept = match device.family {
        Family::Ecp5 => kept(&[]),
        Family::Ice40 => String::new(),
    };
    script(device, ("design", "top"), &kept, "")
}

/// The command that keeps the units' borders.
fn kept(units: &[Placed]) -> String {
    let mut kept: Vec<&str> = units.iter().map(|unit| unit.module.as_str()).collect();
    kept.sort_unstable();
    kept.dedup();
    format!("setattr -mod -set keep_hierarchy 1 {}\n", kept.join(" "))
}

/// The commands that tell nextpnr the sites of cells: they have names of their own when no module is there twice.
fn sites(fixed: &[Fixed], top: &str) -> String {
    let count = fixed.len();
    if count == 0 {
        return String::new();
    }
    let places: String = fixed
        .iter()
        .map(|Fixed { cell, site }| format!("setattr -set BEL \"{site}\" {top}/{cell}\n"))
        .collect();
    format!(
        "setattr -mod -unset keep_hierarchy A:keep_hierarchy\nflatten\n{places}\
         select -assert-count {count} {top}/a:BEL\n"
    )
}

/// Cells of the units, from the statistics of the modules; the last is `top`, with what lies between them. Or what is not known.
fn attribute(units: &[Placed], top: &str, statistics: &Value) -> Result<Vec<Unit>, String> {
    let modules = statistics["modules"].as_object().ok_or("`modules`")?;
    let mut kinds: BTreeMap<&str, Vec<(&str, u32)>> = BTreeMap::new();
    for (name, module) in modules {
        let cells = module["num_cells_by_type"].as_object();
        let cells = cells.ok_or_else(|| format!("the cells of `{name}`"))?;
        let counted = cells.iter().map(|(kind, n)| {
            let n = n.as_u64().and_then(|n| u32::try_from(n).ok());
            let n = n.ok_or_else(|| format!("the number of `{kind}`"))?;
            Ok((plain(kind), n))
        });
        kinds.insert(plain(name), counted.collect::<Result<_, String>>()?);
    }
    let mut counted = Vec::new();
    for unit in units {
        counted.push(Unit {
            name: unit.name.clone(),
            cells: below(&unit.module, &kinds)?,
        });
    }
    let own = kinds.get(top).map_or(&[][..], Vec::as_slice);
    let mut between = Cells::default();
    for (kind, n) in own.iter().filter(|(kind, _)| !kinds.contains_key(kind)) {
        let cell = Cells::of(kind).ok_or_else(|| format!("a known cell `{kind}`"))?;
        between += cell.times(*n);
    }
    counted.push(Unit {
        name: "top".into(),
        cells: between,
    });
    Ok(counted)
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

    fn units(names: &[&str]) -> Vec<Placed> {
        let unit = |name: &&str| Placed {
            module: "leaf".into(),
            name: name.to_string(),
            path: name.to_string(),
        };
        names.iter().map(unit).collect()
    }

    #[test]
    fn cells_are_counted_once_per_instance() {
        let statistics = json!({ "modules": {
            "\\leaf": { "num_cells_by_type": { "LUT4": 3, "CCU2C": 2, "PFUMX": 9, "inner": 2 } },
            "\\inner": { "num_cells_by_type": { "DP16KD": 1, "TRELLIS_DPR16X4": 1 } },
            "\\sepstream": { "num_cells_by_type": { "leaf": 2, "TRELLIS_FF": 5, "MULT18X18D": 1 } },
        }});
        let counted = attribute(&units(&["a", "b"]), "sepstream", &statistics);
        let area = Area {
            tool: "t".into(),
            origin: Origin {
                design: String::new(),
                yosys: String::new(),
            },
            units: counted.unwrap(),
        };
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
            luts: 100,
            multipliers: 0,
            block_rams: 4,
            ..crate::DEVICES[0]
        };
        assert_eq!(area.excess(&small), ["1 MULT18X18D of 0"]);
    }

    #[test]
    fn an_unknown_cell_is_named() {
        let statistics =
            json!({ "modules": { "\\sepstream": { "num_cells_by_type": { "ALU54B": 1 } } } });
        let error = attribute(&[], "sepstream", &statistics).unwrap_err();
        assert!(error.contains("ALU54B"), "{error}");
    }
}
