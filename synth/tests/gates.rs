// SPDX-License-Identifier: MIT OR Apache-2.0
//! Netlists of Yosys in Verilator: the digits network gives the model's bytes in the model's cycles, and no longer does when a
//! multiplier is missing.

use sepstream_compiler::{Compiled, compile, tflite};
use sepstream_hdl::generate_for;
use sepstream_sim::cosim::{self, BuildOptions, Device, Optimise, Rtl};
use sepstream_sim::model::{self, Machine};
use sepstream_spec::config::Config;
use sepstream_spec::quant::Semantics;
use sepstream_synth::{self as synth, gates};
use sepstream_testkit::found;
use sepstream_toolchain as tools;

/// Frames of each run.
const FRAMES: u8 = 3;

struct Digits {
    config: Config,
    compiled: Compiled,
}

impl Digits {
    /// In a configuration that it fits.
    fn new(file: &str) -> Self {
        let config = Config::from_yaml(file, "digits").expect("it passes every rule");
        let model = include_bytes!("../../models/digits.tflite");
        let mut graph = tflite::load(model, "digits").expect("a model of the repository");
        // a configuration for keyword spotting rounds twice, which this network does only by these rules
        if !config.pw_rounds_once() {
            graph.semantics = Semantics::Tflm;
        }
        let compiled = compile(&graph, &config).expect("the configuration is made for it");
        Digits { config, compiled }
    }

    /// The netlist for a device; `None` where the tools cannot be had, unless they are required.
    fn netlist(&self, device: &str) -> Option<String> {
        let device = synth::Device::named(device).expect("a device of the table");
        let technology = device.technology();
        let verilog = generate_for(&self.config, technology);
        found(tools::setup(&mut |_| ()))?;
        found(tools::yosys(&mut |_| ()))?;
        let netlist = gates(&verilog, "sepstream", device, technology, &mut |_| ());
        Some(netlist.unwrap_or_else(|error| panic!("{error}")))
    }

    /// Frames on a netlist that differ from the model's in a byte or a cycle.
    fn differing(&self, netlist: &str) -> Result<Vec<u8>, cosim::Error> {
        let (program, config) = (&self.compiled.program, &self.config);
        let options = BuildOptions {
            optimise: Optimise::Build,
            ..BuildOptions::default()
        };
        let mut rtl = Rtl::build(netlist, config.word_bytes(), &options, &mut |_| ())?;
        rtl.restart(7)?;
        let cycles: Vec<u64> = model::cycles(program, config)
            .iter()
            .map(|command| command.total)
            .collect();
        let mut machine = Machine::new(program, config).expect("the compiler made the program");
        let mut device = Device::load(&mut rtl, program, &cycles)?;
        let mut differing = Vec::new();
        for seed in 0..FRAMES {
            let elements = program.run(0).inputs[0].elements();
            let element = |n: usize| (n as u8).wrapping_mul(29 + 2 * seed).wrapping_add(seed);
            let tensor: Vec<u8> = (0..elements).map(element).collect();
            let want = machine.run(&[&tensor]).expect("one input of its size");
            let got = device.run(0, &[&tensor])?;
            if got.outputs != want || got.commands != cycles {
                differing.push(seed);
            }
        }
        Ok(differing)
    }
}

/// With multipliers in carry chains, requantisers in multiplier blocks.
const ECP5: &str = include_str!("../../configs/digits_4x2.yaml");
const ICE40: &str = include_str!("../../configs/digits_2x1.yaml");
/// With multiplier blocks and large memories of one port.
const ICE40_UP: &str = include_str!("../../configs/digits_2x1_plain.yaml");
/// The same with all that saves cells: several pixels to a requantiser, its lane and both adders in multiplier blocks.
const ICE40_UP_PIXELS: &str = include_str!("../../configs/kws_2x1x5.yaml");

fn check(device: &str, config: &str) {
    let digits = Digits::new(config);
    if let Some(netlist) = digits.netlist(device) {
        let own_value = |line: &&str| line.trim_start().starts_with("input") && line.contains('=');
        let own_value = netlist.lines().find(own_value);
        assert_eq!(own_value, None, "Verilator would drive the top's `rst` too");
        let differing = digits.differing(&netlist).expect("every frame ends");
        assert!(
            differing.is_empty(),
            "frames {differing:?} differ on {device}"
        );
    }
}

#[test]
fn digits_run_on_the_cells_of_an_ecp5() {
    check("ecp5-25", ECP5);
}

#[test]
fn two_products_of_a_block_beside_luts_run_on_the_cells_of_an_ecp5() {
    let packed = ECP5.replacen("multiplier: lut", "multiplier: packed", 1);
    let shared = packed.replacen("multiplier: lut", "multiplier: plain\n  lut_lanes: 1", 1);
    assert!(packed != ECP5 && shared != packed);
    check("ecp5-25", &shared);
}

#[test]
fn digits_run_on_the_cells_of_an_ice40() {
    check("ice40-hx8k", ICE40);
}

#[test]
fn digits_run_on_the_cells_of_an_ice40_ultraplus() {
    check("ice40-up5k", ICE40_UP);
}

#[test]
fn several_pixels_run_on_the_cells_of_an_ice40_ultraplus() {
    check("ice40-up5k", ICE40_UP_PIXELS);
}

#[test]
fn a_netlist_that_lacks_a_multiplier_is_found_out() {
    let digits = Digits::new(ECP5);
    let Some(netlist) = digits.netlist("ecp5-25") else {
        return;
    };
    // the whole of the first instance, from its name to its last port
    let begin = netlist.find("MULT18X18D #(").expect("it has multipliers");
    let end = begin + netlist[begin..].find(");\n").expect("an end") + 3;
    let broken = format!("{}{}", &netlist[..begin], &netlist[end..]);
    let differing = digits.differing(&broken).expect("every frame ends");
    assert!(!differing.is_empty(), "no frame differs");
}
