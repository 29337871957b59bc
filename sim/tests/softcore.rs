// SPDX-License-Identifier: MIT OR Apache-2.0
//! Soft cores in Verilator run networks byte for byte, and drive the accelerator.

use sepstream_compiler::processor::{Form, compile};
use sepstream_sim::reference::Runner;
use sepstream_sim::softcore::{
    Accelerated, AcceleratorOutcome, Beside, Core, Job, Rust, System, program,
};
use sepstream_spec::config::Config;
use sepstream_testkit::files::{self, Model};
use sepstream_testkit::{found, tools_present};
use std::path::Path;
use std::process::Command;

/// Cycles that no network here takes.
const LIMIT: u64 = 1_000_000_000;

/// The program of the soft cores, where Verilator and a Rust for RV32IM are or can be installed. With `REQUIRE_TOOLS=1` they
/// must be.
fn built() -> Option<Vec<u8>> {
    if !tools_present() {
        return None;
    }
    found(Rust::setup(&mut |_| {})).map(|rust| program(&rust).unwrap())
}

fn digits() -> Model {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models");
    files::load(&folder, "digits", "digits_test")
}

/// The program has a lock file of its own, which must follow the dependencies of the crates that it is made of.
#[test]
fn the_lock_file_of_the_program_is_current() {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../firmware/softcore/Cargo.toml");
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args([
        "metadata",
        "--locked",
        "--format-version",
        "1",
        "--manifest-path",
    ]);
    let output = cargo.arg(manifest).output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn both_cores_run_the_digits_byte_for_byte() {
    let Some(program) = built() else { return };
    let Model {
        graph,
        inputs,
        outputs,
    } = digits();
    for core in Core::ALL {
        let mut system = System::build(core, None, &mut |_| {}).unwrap();
        let mut totals = Vec::new();
        for form in [Form::Plain, Form::Fast] {
            let network = compile(&graph, form).unwrap();
            let job = Job {
                program: &program,
                network: &network.words(),
                input: inputs[0][0].bytes(),
                accelerator: None,
            };
            let outcome = system.execute(&job, LIMIT).unwrap();
            assert_eq!(outcome.output, outputs[0][0].bytes(), "{core:?}, {form:?}");
            assert_eq!(outcome.layer_cycles.len(), network.layers.len());
            totals.push(outcome.layer_cycles.iter().sum::<u64>());
        }
        println!("{core:?}: {totals:?} cycles");
        assert!(totals[1] < totals[0], "{core:?}: {totals:?}");
    }
}

/// A network by VexRiscv and by the accelerator beside it, in one run.
struct Both {
    core: u64,
    accelerator: AcceleratorOutcome,
}

/// Runs the first frame of a model on both, and compares their bytes with the reference and their cycles with the model.
fn on_both(program: &[u8], model: &Model, yaml: &str) -> Both {
    let Model {
        graph,
        inputs,
        outputs,
    } = model;
    let config = Config::from_yaml(yaml, "config").unwrap();
    let compiled = sepstream_compiler::compile(graph, &config).unwrap();
    let network = compile(graph, Form::Fast).unwrap();
    let trace = Runner::new(graph).unwrap().trace(&inputs[0]).unwrap();
    let bytes = |id| trace.get(id).unwrap().bytes();
    let beside = Beside {
        verilog: &sepstream_hdl::generate(&config),
        word_bytes: config.word_bytes(),
    };
    let mut system = System::build(Core::VexRiscv, Some(beside), &mut |_| {}).unwrap();
    let job = Job {
        program,
        network: &network.words(),
        input: inputs[0][0].bytes(),
        accelerator: Some(Accelerated {
            image: &compiled.program.to_bytes(),
            input: bytes(compiled.runs[0].inputs[0]),
            output_bytes: compiled.program.run(0).outputs[0].elements(),
        }),
    };
    let outcome = system.execute(&job, LIMIT).unwrap();
    assert_eq!(outcome.output, outputs[0][0].bytes());
    let accelerator = outcome.accelerator.unwrap();
    let commands = sepstream_sim::model::cycles(&compiled.program, &config);
    assert_eq!(
        accelerator.cycles,
        commands.iter().map(|command| command.total).sum::<u64>()
    );
    assert_eq!(accelerator.output, bytes(compiled.runs[0].outputs[0]));
    for (position, cycles) in network.layers.iter().zip(&outcome.layer_cycles) {
        let layer = &graph.layers[*position];
        println!(
            "{:2} {} {cycles} {:.2}",
            layer.index,
            layer.kind(),
            *cycles as f64 / graph.macs(layer) as f64
        );
    }
    let core = outcome.layer_cycles.iter().sum();
    println!("{}: core {core}, {accelerator:?}", graph.name);
    Both { core, accelerator }
}

#[test]
fn vexriscv_drives_the_accelerator() {
    let Some(program) = built() else { return };
    let both = on_both(
        &program,
        &digits(),
        include_str!("../../configs/small_4x4.yaml"),
    );
    assert!(both.core > 100 * both.accelerator.cycles);
}

/// The whole networks, a minute or two each.
#[test]
fn networks_of_mlperf_tiny_reach_their_cycles() {
    let (Some(program), Some(folder)) = (built(), files::shared_models()) else {
        return;
    };
    let kws = include_str!("../../configs/kws_16x8.yaml");
    let vww = include_str!("../../configs/vww_16x8.yaml");
    // cycles of the core at most, and how many times fewer the accelerator must take
    for (name, yaml, most, times) in [
        ("kws_dscnn_mlperf", kws, 22_000_000, 700),
        ("vww_mbv1_025_96", vww, 61_000_000, 700),
    ] {
        let both = on_both(&program, &files::load(&folder, name, name), yaml);
        assert!(both.core <= most, "{name}: {}", both.core);
        let found = both.core / both.accelerator.cycles;
        assert!(found >= times, "{name}: {found} times");
    }
}
