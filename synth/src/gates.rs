// SPDX-License-Identifier: MIT OR Apache-2.0
//! The netlist that Yosys makes of a design, as Verilog that a simulator runs: what goes into the FPGA, not what went into Yosys.
//!
//! Cells behave as Yosys' own models say, those of CCU2C, SB_MAC16 and SB_SPRAM256KA among them; the blocks that it has no model for
//! (MULT18X18D, DP16KD) as their twins in `hdl/src/technology`.

use std::collections::BTreeSet;
use std::fs;

use sepstream_hdl::Technology;
use sepstream_toolchain::{self as tools, Progress};

use crate::yosys::Run;
use crate::{Device, Error};

/// Maps the module `top` of a design to the cells of a device, as `synth` does but without borders between units, and gives the
/// netlist with the models of its cells. `technology` is the one that the design was generated for. Ports keep their names.
///
/// # Errors
/// When Yosys cannot be had, fails, or does not show its models.
pub fn gates(
    verilog: &str,
    top: &str,
    device: &Device,
    technology: Technology,
    progress: &mut Progress,
) -> Result<String, Error> {
    let yosys = tools::yosys(progress)?;
    let folder = tempfile::tempdir().map_err(Error::io(std::env::temp_dir()))?;
    let folder = folder.path();
    let write = |name: &str, text: &str| {
        let path = folder.join(name);
        fs::write(&path, text).map_err(Error::io(&path))
    };
    let read = |name: &str| {
        let path = folder.join(name);
        fs::read_to_string(&path).map_err(Error::io(&path))
    };
    // wires of one bit and short names: a simulator orders bits, not buses, and half of the text would be names
    let script = format!(
        "read_verilog design.v\nhierarchy -top {top}\n{}\ndelete t:$scopeinfo\n\
         splitnets\nopt_clean -purge\nrename -hide\nrename -enumerate -pattern n%\n\
         write_verilog -noattr -noexpr gates.v\n\
         design -reset\ntee -q -o models.txt read_verilog -nooverwrite -ppdump {}\n",
        device.family.mapping(device, top),
        device.family.models(),
    );
    write("design.v", verilog)?;
    let run = Run {
        script: &script,
        inputs: &["design.v"],
        outputs: &["gates.v", "models.txt"],
    };
    run.run(&yosys, folder)?;

    let mut text = read("gates.v")?;
    let dump = read("models.txt")?;
    let models = preprocessed(&dump).ok_or_else(|| Error::Statistics {
        tool: yosys.banner().into(),
        what: "the models of its cells".into(),
    })?;
    // of two models of a cell Yosys' own is the one to be held to
    let models = [modules(models), modules(technology.cells())].concat();
    for model in needed(&text, &models) {
        text += model;
        text.push('\n');
    }
    Ok(text)
}

/// What Yosys shows of a file behind its preprocessor.
fn preprocessed(dump: &str) -> Option<&str> {
    let (_, rest) = dump.split_once("-- Verilog code after preprocessor --\n")?;
    Some(rest.split_once("-- END OF DUMP --")?.0)
}

/// Names and texts of the modules in a Verilog text, without those that say of themselves that they are ports only.
fn modules(text: &str) -> Vec<(&str, &str)> {
    const END: &str = "endmodule";
    const NO_MODEL: &str = "(* blackbox *)";
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(begin) = start(rest) {
        let is_model = !rest[..begin].trim_end().ends_with(NO_MODEL);
        let module = &rest[begin..];
        let Some(end) = module.find(END) else {
            break;
        };
        let (module, behind) = module.split_at(end + END.len());
        let name = module["module ".len()..].trim_start();
        let name = name.split(|c: char| !is_letter(c)).next().unwrap_or(name);
        if is_model {
            found.push((name, module));
        }
        rest = behind;
    }
    found
}

/// Where the first line that begins a module does.
fn start(text: &str) -> Option<usize> {
    if text.starts_with("module ") {
        return Some(0);
    }
    text.find("\nmodule ").map(|at| at + 1)
}

fn is_letter(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// The first module of each name that a text, or one of those modules, may instantiate.
fn needed<'a>(text: &str, models: &[(&'a str, &'a str)]) -> Vec<&'a str> {
    let mut done: BTreeSet<&str> = BTreeSet::new();
    let mut words: BTreeSet<&str> = text.split(|c: char| !is_letter(c)).collect();
    let mut taken = Vec::new();
    loop {
        let next = models
            .iter()
            .find(|(name, _)| words.contains(name) && !done.contains(name));
        let Some((name, module)) = next else {
            return taken;
        };
        done.insert(name);
        words.extend(module.split(|c: char| !is_letter(c)));
        taken.push(*module);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_are_those_that_the_netlist_needs() {
        let models = "`file_push \"x\"\nmodule LUT2(input A, output Z); endmodule\n(* whitebox *)\nmodule CCU2C(\n  input A\n);\n\
                      LUT2 l (.A(A));\nendmodule\nmodule LUT2(input TWICE); endmodule\nmodule MULT(input A);\nendmodule\n(* blackbox *)\nmodule RAM(input A);\nendmodule\nmodule IO(); endmodule\n";
        let modules = modules(models);
        let names: Vec<&str> = modules.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, ["LUT2", "CCU2C", "LUT2", "MULT", "IO"]);
        let netlist = "module top(input a);\nCCU2C c (.A(a));\nMULT m (.A(a));\nendmodule\n";
        let taken = needed(netlist, &modules);
        assert_eq!(taken, [modules[1].1, modules[0].1, modules[3].1]);
        assert!(needed("module top(); endmodule", &modules).is_empty());
    }

    #[test]
    fn a_dump_without_text_is_noticed() {
        assert_eq!(preprocessed("Parsing"), None);
        let dump = "1.\n-- Verilog code after preprocessor --\nmodule a;\n-- END OF DUMP --\n";
        assert_eq!(preprocessed(dump), Some("module a;\n"));
    }
}
