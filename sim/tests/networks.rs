// SPDX-License-Identifier: MIT OR Apache-2.0
//! Whole networks on sixteen accelerators: every byte equal to TensorFlow Lite, every cycle equal in model and Verilator.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use sepstream_compiler::accelerate::Side;
use sepstream_compiler::{Error, compile, runnable, simplify, tflite};
use sepstream_runtime::engine::Host;
use sepstream_sim::cosim::Rtl;
use sepstream_sim::reference::Value;
use sepstream_spec::config::{Config, Values};
use sepstream_testkit::files::{Model, cases, load, names, shared_models};
use sepstream_testkit::tools_present;
use sepstream_testkit::{Accelerated, Difference, build, for_all};

/// The first is spread over the chip, and where it takes four pixels at once, the third.
const ARRAYS: [(u32, u32); 4] = [(13, 11), (16, 8), (4, 12), (3, 5)];
const LANES: [u32; 4] = [8, 4, 2, 1];
const TAPS: [u32; 3] = [1, 3, 9];

/// Every array with every number of lanes; taps and requantisation lanes vary so that each occurs with each.
fn configurations() -> Vec<Config> {
    let mut all = Vec::new();
    for (a, (tn, tm)) in ARRAYS.into_iter().enumerate() {
        for (l, lanes) in LANES.into_iter().enumerate() {
            let taps = TAPS[(a + l) % 3];
            // all, half, a third of them, one
            let share = |all: u32, n: usize| [all, all.div_ceil(2), all.div_ceil(3), 1][n % 4];
            let values = Values {
                tn,
                tm,
                tp: if lanes == 1 { [2, 1, 4, 2][a] } else { 1 },
                // of networks as converters make them: no weight of -128, sums of 24 bits
                pw_multiplier: [0, 2, 1][(a + 2 * l) % 3],
                pw_lut_channels: [0, tm.div_ceil(3)][(a + l) % 2],
                pw_requant: share(tm, a + l),
                pw_sum_bits: [24, 32, 23][(a + l) % 3],
                pw_requant_cycles: 1,
                pw_rounding: 1,
                // networks with functions and maxima run on every second one
                pw_tables: [0, 64][(a + l) % 2],
                residual: share(tm, a + l),
                lanes,
                taps,
                pairs: 0,
                gather_rows: [taps.min(3), 1][l % 2],
                dw_multiplier: l as u32 % 2,
                dw_lut_lanes: [lanes / 2, 0][l % 2],
                dw_requant: share(lanes.min(tn), a + l / 2 + 1),
                dw_sum_bits: [32, 24, 23][(a + l) % 3],
                dw_requant_cycles: 1,
                dw_max: [0, 1][(a + l) % 2],
                dw_tables: [0, 0, 0, 64][(a + l) % 4],
                activation_kib: 128,
                weight_kib: 512,
                depthwise_kib: 64,
                pointwise_channels: 4096,
                depthwise_channels: 4096,
                line_words: 1024,
                pixel_words: 512,
                expand_words: [64, 0, 8][(a + l) % 3],
                commands: 64,
                map_size: 512,
                commands_ahead: 0,
            };
            all.push(values.check().expect("the configuration is sound"));
        }
    }
    all
}

fn name(config: &Config) -> String {
    let v = config.values();
    format!(
        "{}x{}x{} requant {}, {} lanes x {} requant {}",
        v.tn, v.tm, v.tp, v.pw_requant, v.lanes, v.taps, v.dw_requant
    )
}

/// The network's outputs, from what each run of the accelerator gives: the host runs the other layers.
fn outputs(accelerated: &Accelerated, inputs: &[Value], maps: &[Vec<Vec<u8>>]) -> Vec<Vec<u8>> {
    let graph = accelerated.runner.graph();
    let host = Host::new(graph, &accelerated.compiled.cut).unwrap();
    let bytes = |value: &Value| value.bytes().to_vec();
    let inputs: Vec<_> = inputs.iter().map(bytes).collect();
    host.run(&inputs, |run, _| Ok(maps[run].clone())).unwrap()
}

/// Whether a network has functions that an accelerator has no tables for, or maxima that it does not take.
fn wants_more(error: &Error) -> bool {
    let Error::DoesNotFit(missing) = error else {
        return false;
    };
    let mut settings = missing.misfits.iter().filter_map(|m| m.setting.as_ref());
    settings.any(|setting| ["pointwise.tables", "depthwise.max"].contains(&setting.field))
}

/// Some frames of a model on one design; `None` without Verilator.
fn check(model: &Model, config: &Config, rtl: Option<&mut Rtl>) -> Result<(), Difference> {
    let accelerated = match Accelerated::new(&model.graph, config) {
        Err(error) if config.values().pw_tables == 0 && wants_more(&error) => return Ok(()),
        accelerated => accelerated.map_err(|error| error.to_string())?,
    };
    let frames: Vec<_> = model
        .inputs
        .iter()
        .map(|inputs| accelerated.frame(inputs))
        .collect();
    frames
        .iter()
        .try_for_each(|frame| accelerated.check_model(frame))?;
    let Some(rtl) = rtl else { return Ok(()) };
    let found = accelerated.check_rtl(rtl, &frames)?;
    // All frames gave the reference's maps; that those lead to the golden outputs is shown for the first.
    let got = outputs(&accelerated, &model.inputs[0], &found.outputs);
    if !got.iter().eq(model.outputs[0].iter().map(Value::bytes)) {
        return Err("the outputs behind the host's layers are not TensorFlow Lite's".into());
    }
    println!(
        "{} on {}: {} cycles, interval {:?}",
        model.graph.name,
        name(config),
        accelerated.total_cycles(),
        found.interval
    );
    Ok(())
}

fn check_all(models: &[Model], configs: &[Config]) {
    let tools = tools_present();
    for_all(
        configs,
        |_| String::new(),
        |config| {
            let mut rtl = tools.then(|| build(config));
            let each = |model: &Model| {
                let result = check(model, config, rtl.as_mut());
                result
                    .err()
                    .map(|found| format!("{} on {}: {found}", model.graph.name, name(config)))
            };
            models.iter().filter_map(each).collect()
        },
    );
}

/// The project's own models that the accelerator can run.
fn own_models(config: &Config) -> Vec<Model> {
    let (folder, names) = cases();
    let mut models: Vec<Model> = names.iter().map(|name| load(&folder, name, name)).collect();
    models.push(digits());
    models.retain(|model| {
        !matches!(
            Accelerated::new(&model.graph, config),
            Err(Error::Unsupported { .. })
        )
    });
    models
}

/// The digits model with the first images of its test set.
fn digits() -> Model {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models");
    let mut model = load(&folder, "digits", "digits_test");
    model.inputs.truncate(4);
    model.outputs.truncate(4);
    model
}

#[test]
fn networks_on_every_accelerator() {
    let configs = configurations();
    let mut models = own_models(&configs[0]);
    if let Some(folder) = shared_models() {
        for name in [
            "vww_mbv1_025_96",
            "kws_dscnn_mlperf",
            "person_detect",
            "ic_resnet8_mlperf",
        ] {
            models.push(load(&folder, name, name));
        }
    }
    check_all(&models, &configs);
}

/// Networks that fit no small FPGA: the model and its fast path, in the configuration made for that.
#[test]
fn large_networks_on_the_model() {
    let Some(folder) = shared_models() else {
        return;
    };
    let name = "configs/model_large.yaml";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name);
    let config = Config::from_yaml(&std::fs::read_to_string(path).unwrap(), name).unwrap();
    for name in ["mbv2_035_160_cfu", "mbv2_100_224_tf2ptq"] {
        let mut model = load(&folder, name, name);
        model.inputs.truncate(1);
        check(&model, &config, None).unwrap();
    }
}

/// Every shared file that compiles, on one accelerator: what the host runs of it gives TensorFlow Lite's outputs.
#[test]
fn shared_files_on_an_accelerator() {
    let Some(models) = shared_models() else {
        return;
    };
    let config = Values {
        activation_kib: 512,
        depthwise_channels: 8192,
        ..configurations()[1].values().clone()
    };
    let config = config.check().expect("the configuration is sound");
    let mut found = Vec::new();
    for folder in [models.with_file_name("cases"), models] {
        for name in names(&folder) {
            let frames = match name.as_str() {
                "ad01_fc_autoencoder" => "ad01_fc_autoencoder_litert23",
                _ => &name,
            };
            let bytes = fs::read(folder.join(format!("{name}.tflite"))).unwrap();
            let graph = simplify(&tflite::load(&bytes, &name).unwrap());
            let fits = runnable(&graph).is_ok() && compile(&graph, &config).is_ok();
            if fits && folder.join(format!("{frames}.npz")).is_file() {
                let mut model = load(&folder, &name, frames);
                model.graph = graph;
                model.inputs.truncate(2);
                model.outputs.truncate(2);
                found.push(model);
            }
        }
    }
    println!("{} of the shared files", found.len());
    assert!(found.len() >= 60, "only {} compile", found.len());
    check_all(&found, &[config]);
}

/// Which of the project's cases the accelerator runs, and what it says about the others.
#[test]
fn operator_cases_compile_or_say_why_not() {
    let (folder, names) = cases();
    let config = &configurations()[1];
    let mut text = String::new();
    for name in names {
        let model = load(&folder, &name, &name);
        match Accelerated::new(&model.graph, config) {
            Ok(accelerated) => {
                let cut = &accelerated.compiled.cut;
                let told = cut.segments.iter().map(|segment| match segment.side {
                    Side::Host => format!("{} on the host", segment.layers.len()),
                    Side::Accelerator => segment.layers.len().to_string(),
                });
                let told = told.collect::<Vec<_>>().join(", ");
                let commands = accelerated.compiled.commands.len();
                writeln!(text, "{name}: {commands} commands; layers: {told}")
            }
            Err(error) => writeln!(text, "{error}"),
        }
        .unwrap();
    }
    insta::assert_snapshot!(text);
}
