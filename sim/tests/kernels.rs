// SPDX-License-Identifier: MIT OR Apache-2.0
//! The kernels for processors against the reference, on the host: the source that a soft core runs.

use fastrand::Rng;
use sepstream_compiler::processor::{Form, Processor, compile};
use sepstream_kernels::{Error, FAST_LIMIT, FastChannel, Kernel, Network};
use sepstream_sim::reference::{Runner, Value};
use sepstream_spec::graph::Graph;
use sepstream_spec::quant::{Semantics, requant, requant_once};
use sepstream_testkit::{files, network, seeds};

/// Random networks; those with several inputs or outputs are left out.
const FIXED: u64 = 500;
/// New ones in every run.
const NEW: u64 = 1000;
/// How many of them must have run at least.
const LEAST: usize = 900;

/// Runs a network image layer by layer: the first layer whose bytes are not the reference's, and the output.
fn run(graph: &Graph, network: &Processor, inputs: &[Value]) -> (Option<usize>, Vec<u8>) {
    let trace = Runner::new(graph).unwrap().trace(inputs).unwrap();
    // words, so that the image lies where a cast needs it
    let words = network.words();
    let image = Network::parse(bytemuck::cast_slice(&words)).unwrap();
    let mut arena = vec![0x55; image.arena_bytes];
    let mut scratch = vec![0x55; image.scratch_bytes];
    let (at, bytes) = image.input;
    arena[at..at + bytes].copy_from_slice(trace.get(network.input).unwrap().bytes());
    for (layer, position) in network.layers.iter().enumerate() {
        image.run_layer(layer, &mut arena, &mut scratch).unwrap();
        let at = image.layer(layer).unwrap().output as usize;
        let wanted = trace.get(graph.layers[*position].output()).unwrap().bytes();
        if arena[at..at + wanted.len()] != *wanted {
            return (Some(*position), Vec::new());
        }
    }
    let (at, bytes) = image.output;
    (None, arena[at..at + bytes].to_vec())
}

/// Kernels of all layers.
fn kernels(network: &Processor) -> Vec<Kernel> {
    let words = network.words();
    let image = Network::parse(bytemuck::cast_slice(&words)).unwrap();
    let kernel = |layer| image.layer(layer).unwrap().kernel;
    (0..image.layers()).map(kernel).collect()
}

#[test]
fn random_networks_equal_the_reference() {
    let mut compiled = 0;
    let mut found = Vec::new();
    let seeds = seeds!(FIXED, NEW);
    for seed in seeds.iter() {
        let mut rng = Rng::with_seed(seed);
        let graph = network::network(&mut rng);
        let inputs = network::inputs(&graph, &mut rng);
        for form in [Form::Plain, Form::Fast] {
            let Ok(network) = compile(&graph, form) else {
                continue;
            };
            compiled += 1;
            let (difference, _) = run(&graph, &network, &inputs);
            assert_eq!(
                difference,
                None,
                "{form:?}, layer of the graph\n{}",
                seeds.repeat(seed)
            );
            found.extend(kernels(&network));
        }
    }
    assert!(compiled > LEAST || seeds.single, "{compiled} networks");
    for kernel in [
        Kernel::Conv,
        Kernel::ConvOnce,
        Kernel::Depthwise,
        Kernel::Dense,
        Kernel::DenseOnce,
        Kernel::Depthwise3x3,
        Kernel::AveragePool,
        Kernel::Mean,
        Kernel::Add,
    ] {
        let count = found.iter().filter(|found| **found == kernel).count();
        assert!(count > 20 || seeds.single, "{kernel:?} in {count} layers");
    }
}

#[test]
fn networks_of_mlperf_tiny_equal_the_reference() {
    let Some(folder) = files::shared_models() else {
        return;
    };
    for (name, semantics, frames) in [
        ("vww_mbv1_025_96", Semantics::LiteRt, "vww_mbv1_025_96"),
        ("kws_dscnn_mlperf", Semantics::LiteRt, "kws_dscnn_mlperf"),
        ("ic_resnet8_mlperf", Semantics::LiteRt, "ic_resnet8_mlperf"),
        (
            "ad01_fc_autoencoder",
            Semantics::LiteRt,
            "ad01_fc_autoencoder_litert23",
        ),
        (
            "ad01_fc_autoencoder",
            Semantics::Tflm,
            "ad01_fc_autoencoder",
        ),
    ] {
        let mut model = files::load(&folder, name, frames);
        model.graph.semantics = semantics;
        for form in [Form::Plain, Form::Fast] {
            let network = compile(&model.graph, form).unwrap();
            // unused channels, of which VWW has some, do not keep a layer from the fast kernels
            let plain = kernels(&network)
                .iter()
                .any(|k| [Kernel::Conv, Kernel::ConvOnce, Kernel::Depthwise].contains(k));
            assert_eq!(plain, form == Form::Plain, "{name}");
            for (inputs, wanted) in model.inputs.iter().zip(&model.outputs) {
                let (difference, output) = run(&model.graph, &network, inputs);
                assert_eq!(difference, None, "{name}, {form:?}");
                assert_eq!(output, wanted[0].bytes(), "{name}, {form:?}");
            }
        }
    }
}

/// Sums up to the limit, with every shift that one multiplication takes.
#[test]
fn one_multiplication_requantises() {
    let mut rng = Rng::with_seed(1);
    for _ in 0..2_000_000 {
        let acc = rng.i32(-FAST_LIMIT + 1..FAST_LIMIT) >> rng.u32(0..30);
        let (q, shift) = (rng.i32(1 << 30..=i32::MAX), rng.i32(-20..=-1));
        let zero = rng.i32(-128..=127);
        let wanted = requant(acc, q, shift).saturating_add(zero).clamp(-128, 127);
        let channel = FastChannel::new(0, q, shift, zero).unwrap();
        let once = requant_once(acc, q, shift)
            .saturating_add(zero)
            .clamp(-128, 127);
        let got = [
            channel.output(acc, -128, 127),
            channel.output_once(acc, -128, 127),
        ];
        assert_eq!(
            got.map(i32::from),
            [wanted, once],
            "{acc} {q} {shift} {zero}"
        );
    }
    for shift in [-21, 0, 1] {
        assert_eq!(FastChannel::new(0, 1 << 30, shift, 0), None);
    }
}

#[test]
fn no_image_makes_a_kernel_panic() {
    let (folder, _) = files::cases();
    let model = files::load(&folder, "separable_3x5", "separable_3x5");
    for form in [Form::Plain, Form::Fast] {
        let network = compile(&model.graph, form).unwrap();
        let words = network.words();
        for at in 0..words.len().min(200) {
            for value in [0, 1, 5, 127, 0x7fff_ffff, 0xffff_fffd, u32::MAX] {
                let mut bad = words.clone();
                bad[at] = value;
                let Ok(image) = Network::parse(bytemuck::cast_slice(&bad)) else {
                    continue;
                };
                if image.arena_bytes.max(image.scratch_bytes) > 1 << 24 {
                    continue;
                }
                let (mut arena, mut scratch) =
                    (vec![0; image.arena_bytes], vec![0; image.scratch_bytes]);
                let _ = image.run(&mut arena, &mut scratch);
            }
        }
        let image = Network::parse(bytemuck::cast_slice(&words)).unwrap();
        let given = image.arena_bytes - 1;
        let short = image.run(&mut vec![0; given], &mut vec![0; image.scratch_bytes]);
        let needed = image.arena_bytes;
        assert_eq!(short, Err(Error::Memory { needed, given }));
    }
}
