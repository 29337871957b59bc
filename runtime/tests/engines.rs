// SPDX-License-Identifier: MIT OR Apache-2.0
//! A network through the library alone, on every engine, without the command line.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use sepstream_compiler::Options;
use sepstream_runtime::compare::compare;
use sepstream_runtime::engine::{
    Accelerator, Engine, Model, Reference, Run, Verilator, VerilatorOptions,
};
use sepstream_runtime::{files, input};
use sepstream_spec::quant::Semantics;
use sepstream_testkit::tools_present;

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name)
}

/// Bytes of every output and cycles of every layer.
fn told(run: Run) -> (input::Frames, Vec<Option<u64>>) {
    (run.outputs, run.cycles.map_or(Vec::new(), |c| c.layers))
}

#[test]
fn every_engine_gives_the_golden_outputs() {
    let network = file("models/digits.tflite");
    let network = files::read_network(&network, Semantics::default()).unwrap();
    let config = files::read_config(&file("configs/small_4x4.yaml")).unwrap();
    let golden = file("models/digits_test.npz");
    let mut frames = input::read_inputs(&golden, &network).unwrap();
    let mut wanted = input::read_wanted(&golden, &network).unwrap();
    frames.truncate(2);
    wanted.truncate(2);
    let fresh = || Accelerator::new(&network, config.clone(), &Options::default()).unwrap();

    let mut counted = 0;
    let mut run = |engine: &mut dyn Engine| {
        let run = engine.run(&frames, &mut || counted += 1).unwrap();
        let found = compare(&network, &wanted, &run.outputs);
        assert_eq!(found.first_difference, None);
        told(run)
    };
    let (reference, _) = run(&mut Reference::new(&network).unwrap());
    let two = NonZeroUsize::new(2).unwrap();
    let model = run(&mut Model::new(fresh(), two).unwrap());
    assert_eq!(model.0, reference);
    if tools_present() {
        let options = VerilatorOptions::default();
        let verilog = Verilator::new(fresh(), &options, &mut |_| {});
        assert_eq!(run(&mut verilog.unwrap()), model);
        assert_eq!(counted, 6);
    }
}

#[test]
fn files_that_are_not_there_are_named() {
    let path = Path::new("no/such.tflite");
    let error = files::read_model(path, Semantics::default()).unwrap_err();
    assert!(error.to_string().starts_with("no/such.tflite: "), "{error}");
}
