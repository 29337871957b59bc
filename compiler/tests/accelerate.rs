// SPDX-License-Identifier: MIT OR Apache-2.0
//! What does not fit or is not supported, and what the messages say.

use sepstream_compiler::accelerate::RULES;
use sepstream_compiler::{Error, Misfit, Options, compile, compile_with};
use sepstream_spec::config::{Config, Multiplier, Values};
use sepstream_spec::graph::{DType, Graph, Op, Pads, Softmax, TensorId, Window};
use sepstream_spec::quant::Semantics;
use sepstream_testkit::small::{Network, window};

/// Room for every network of these tests.
const ROOMY: Values = Values {
    tn: 8,
    tm: 8,
    tp: 1,
    pw_multiplier: 0,
    pw_lut_channels: 0,
    pw_requant: 8,
    pw_sum_bits: 32,
    pw_requant_cycles: 1,
    pw_rounding: 1,
    pw_tables: 0,
    residual: 8,
    lanes: 8,
    taps: 3,
    pairs: 0,
    gather_rows: 3,
    dw_multiplier: 0,
    dw_lut_lanes: 0,
    dw_requant: 3,
    dw_sum_bits: 32,
    dw_requant_cycles: 1,
    dw_max: 0,
    dw_tables: 0,
    activation_kib: 4096,
    weight_kib: 1024,
    depthwise_kib: 256,
    pointwise_channels: 65536,
    depthwise_channels: 65536,
    line_words: 8192,
    pixel_words: 8192,
    expand_words: 0,
    commands: 64,
    map_size: 65535,
    commands_ahead: 0,
};

/// One run of the accelerator must do.
const STRICT: Options = Options {
    keep_dead: false,
    strict: true,
};

fn config(values: Values) -> Config {
    values.check().expect("the configuration is sound")
}

/// Two layers of 64 channels, named after what is too small for them.
fn separable(name: &str) -> Graph {
    let (mut network, input) = Network::new(name, &[1, 8, 8, 64]);
    let map = network.depthwise(input, window(5, 5));
    let map = network.conv(map, window(1, 1), 64);
    network.conv(map, window(3, 3), 40);
    network.graph
}

/// A network that adds its second map to its third.
fn residual(name: &str) -> Graph {
    let (mut network, input) = Network::new(name, &[1, 8, 8, 8]);
    let first = network.conv(input, window(1, 1), 8);
    let second = network.conv(first, window(1, 1), 8);
    network.add(first, second);
    network.graph
}

/// Far more padding than map.
fn wide_padding(name: &str) -> Graph {
    let (mut network, input) = Network::new(name, &[1, 4, 4, 8]);
    let pads = Pads {
        left: 250,
        ..Pads::default()
    };
    let window = Window {
        kernel: (1, 2),
        dilation: (1, 253),
        pads,
        ..window(1, 1)
    };
    network.conv(input, window, 8);
    network.graph
}

type Field = fn(&mut Values) -> &mut u32;

/// Every memory and its smallest size, with a network that is too large for it.
fn too_small() -> Vec<(Graph, Field, u32)> {
    let many_rows = |name| {
        let (mut network, input) = Network::new(name, &[1, 16, 10, 8]);
        network.conv(input, window(7, 1), 8);
        network.graph
    };
    let wide_pixels = |name| {
        let (mut network, input) = Network::new(name, &[1, 4, 4, 64]);
        network.conv(input, window(1, 1), 8);
        network.graph
    };
    let long_row = |name| {
        let (mut network, input) = Network::new(name, &[1, 2, 40, 8]);
        network.conv(input, window(1, 1), 8);
        network.graph
    };
    vec![
        (separable("activations"), |v| &mut v.activation_kib, 1),
        (separable("weights"), |v| &mut v.weight_kib, 1),
        (separable("depthwise weights"), |v| &mut v.depthwise_kib, 1),
        (separable("parameters"), |v| &mut v.pointwise_channels, 16),
        (
            separable("depthwise parameters"),
            |v| &mut v.depthwise_channels,
            16,
        ),
        (separable("commands"), |v| &mut v.commands, 1),
        (wide_pixels("pixels"), |v| &mut v.pixel_words, 4),
        (long_row("a row"), |v| &mut v.line_words, 16),
        (many_rows("rows"), |v| &mut v.line_words, 16),
        (wide_padding("offsets"), |v| &mut v.line_words, 16),
        (wide_padding("a padded map"), |v| &mut v.map_size, 4),
        (many_rows("a map"), |v| &mut v.map_size, 15),
        (residual("residual maps"), |v| &mut v.residual, 0),
    ]
}

/// A network of a depthwise and a pointwise layer; weights of one, and scales from its output on, are changed.
fn changed(name: &str, layer: usize, weight: i8, scale: f32) -> Graph {
    let (mut network, input) = Network::new(name, &[1, 8, 8, 64]);
    let map = network.depthwise(input, window(5, 5));
    network.conv(map, window(1, 1), 40);
    let mut graph = network.graph;
    let weights = graph.layers[layer].inputs[1].unwrap();
    graph.tensors[weights.0]
        .data
        .as_mut()
        .unwrap()
        .fill(weight as u8);
    let outputs: Vec<TensorId> = graph.layers[layer..].iter().map(|l| l.outputs[0]).collect();
    for output in outputs {
        graph.tensors[output.0].quant.as_mut().unwrap().scale = vec![scale];
    }
    graph
}

/// What engines with limits do not take, and that they take all else.
#[test]
fn engines_with_limits_name_layer_and_channel() {
    let limited = Values {
        pw_multiplier: Multiplier::Packed as u32,
        pw_sum_bits: 18,
        pw_requant_cycles: 1,
        pw_rounding: 1,
        pw_tables: 0,
        dw_sum_bits: 18,
        dw_requant_cycles: 1,
        dw_max: 0,
        dw_tables: 0,
        ..ROOMY
    };
    let mut text = String::new();
    for (graph, field) in [
        (changed("least weight", 1, -128, 64.0), 0),
        (changed("long pointwise sums", 1, 127, 2048.0), 1),
        (changed("long depthwise sums", 0, 127, 2048.0), 2),
        (changed("pointwise left shift", 1, 127, 0.1), 1),
    ] {
        let error = compile(&graph, &config(limited.clone())).expect_err("it is beyond the limits");
        text += &format!("{error}\n");
        let mut values = limited.clone();
        match field {
            0 => values.pw_multiplier = Multiplier::Plain as u32,
            1 => values.pw_sum_bits = 32,
            _ => values.dw_sum_bits = 32,
        }
        compile(&graph, &config(values)).unwrap_or_else(|error| panic!("{error}"));
    }
    insta::assert_snapshot!(text);
}

/// A fully connected layer with all outputs, one of which is about `2^power` sums wide.
fn dense(power: i32) -> Graph {
    let (mut network, input) = Network::new("dense", &[1, 1 << (power - 7).max(2)]);
    let output = network.fully_connected(input, 8);
    let mut graph = network.graph;
    let weights = graph.layers[0].inputs[1].unwrap();
    graph.tensors[weights.0].data.as_mut().unwrap().fill(127);
    graph.tensors[output.0].quant.as_mut().unwrap().scale = vec![0.27 * 2f32.powi(power)];
    graph
}

/// What rounds once needs lanes that do; and sums that LiteRT leaves undefined, beyond 32 bits, are refused. Whose rounding is of
/// integers needs neither.
#[test]
fn one_rounding_is_asked_for_and_what_is_undefined_refused() {
    let twice = Values {
        pw_rounding: 0,
        pw_tables: 0,
        ..ROOMY
    };
    let mut text = String::new();
    for (values, powers) in [(&twice, 13..18), (&ROOMY, -20..-19)] {
        let refused = |power: i32| {
            Some((
                power,
                compile(&dense(power), &config(values.clone())).err()?,
            ))
        };
        let (power, error) = powers
            .into_iter()
            .find_map(refused)
            .unwrap_or_else(|| panic!("none is too small for rounding {}", values.pw_rounding));
        text += &format!("{error}\n");
        let setting = match &error {
            Error::DoesNotFit(missing) => missing.misfits[0].setting.clone(),
            _ => None,
        };
        if let Some(setting) = setting {
            let either = setting.apply(&config(values.clone()));
            compile(&dense(power), &either).unwrap_or_else(|error| panic!("{error}"));
        }
        let mut graph = dense(power);
        graph.semantics = Semantics::Tflm;
        compile(&graph, &config(twice.clone())).unwrap_or_else(|error| panic!("{error}"));
    }
    insta::assert_snapshot!(text);
}

#[test]
fn too_small_memories_are_named_with_need_and_way_out() {
    let mut text = String::new();
    for (graph, field, smallest) in too_small() {
        let mut values = ROOMY;
        compile(&graph, &config(values.clone())).expect("there is room");
        *field(&mut values) = smallest;
        let error = compile(&graph, &config(values)).expect_err("there is no room");
        assert!(matches!(error, Error::DoesNotFit(_)));
        text += &format!("{error}\n");
    }
    insta::assert_snapshot!(text);
}

/// The number in the advice is the smallest that helps, in the steps in which the memory grows.
#[test]
fn advice_is_enough_and_no_more() {
    for (graph, field, smallest) in too_small() {
        let mut values = ROOMY;
        *field(&mut values) = smallest;
        let Err(Error::DoesNotFit(missing)) = compile(&graph, &config(values.clone())) else {
            panic!("`{}` fits", graph.name)
        };
        let [misfit] = &missing.misfits[..] else {
            panic!("more than one thing: {missing}")
        };
        let setting = misfit.setting.as_ref().expect("there is a way out");
        values = setting.apply(&config(values)).values().clone();
        let advised = *field(&mut values);
        assert_eq!(advised, setting.value, "{missing}");
        compile(&graph, &config(values.clone())).unwrap_or_else(|error| panic!("{error}"));
        // a parameter word holds a channel per lane; there are either all residual lanes or none
        let step = match &graph.name[..] {
            "parameters" => values.pw_requant,
            "depthwise parameters" => values.dw_requant,
            "residual maps" => continue,
            _ => 1,
        };
        *field(&mut values) = advised - step;
        assert!(
            compile(&graph, &config(values)).is_err(),
            "`{}`",
            graph.name
        );
    }
}

/// A network that needs more of everything than the smallest configuration has.
fn large() -> Graph {
    let (mut network, input) = Network::new("large", &[1, 40, 40, 64]);
    let map = network.depthwise(input, window(5, 5));
    let first = network.conv(map, window(1, 1), 64);
    let second = network.conv(first, window(1, 1), 64);
    network.add(first, second);
    let mut graph = network.graph;
    // the weight that blocks with two products do not take
    let weights = graph.layers[1].inputs[1].unwrap();
    graph.tensors[weights.0].data.as_mut().unwrap()[0] = -128_i8 as u8;
    graph
}

const SMALLEST: Values = Values {
    pw_multiplier: Multiplier::Packed as u32,
    pw_sum_bits: 18,
    dw_sum_bits: 18,
    residual: 0,
    activation_kib: 1,
    weight_kib: 1,
    depthwise_kib: 1,
    pointwise_channels: 16,
    depthwise_channels: 16,
    line_words: 16,
    pixel_words: 4,
    commands: 1,
    map_size: 4,
    commands_ahead: 0,
    ..ROOMY
};

/// One run tells every field that has to change, and with all of them changed the network fits.
#[test]
fn all_that_is_too_small_is_told_at_once() {
    let graph = large();
    let Err(Error::DoesNotFit(missing)) = compile(&graph, &config(SMALLEST)) else {
        panic!("it fits")
    };
    assert!(missing.fits_then, "{missing}");
    let settings = missing.misfits.iter().map(|m| m.setting.as_ref().unwrap());
    let grown = settings.fold(config(SMALLEST), |config, setting| setting.apply(&config));
    compile(&graph, &grown).unwrap_or_else(|error| panic!("{error}"));
    insta::assert_snapshot!(missing.to_string());
}

/// What no configuration holds is said to be so, beside what can be changed.
#[test]
fn needs_beyond_every_configuration_are_no_advice() {
    let (mut network, input) = Network::new("huge maps", &[1, 1400, 1400, 3]);
    let map = network.conv(input, window(3, 3), 8);
    network.conv(map, window(1, 1), 8);
    let (mut long, input) = Network::new("huge rows", &[1, 2, 30_000, 8]);
    long.conv(input, window(1, 1), 8);
    let mut text = String::new();
    for graph in [network.graph, long.graph] {
        let Err(Error::DoesNotFit(missing)) = compile(&graph, &config(SMALLEST)) else {
            panic!("it fits")
        };
        assert!(!missing.fits_then, "{missing}");
        let beyond = |m: &&Misfit| m.setting.as_ref().is_some_and(|s| s.beyond().is_some());
        assert!(missing.misfits.iter().any(|m| beyond(&m)), "{missing}");
        text += &format!("{missing}\n");
    }
    insta::assert_snapshot!(text);
}

/// Memories may be larger than what a command can name of them.
#[test]
fn more_groups_than_a_command_names_are_refused() {
    let (mut outputs, input) = Network::new("many groups", &[1, 1, 1, 8]);
    outputs.conv(input, window(1, 1), 4096);
    let (mut lanes, input) = Network::new("many lane groups", &[1, 3, 3, 4096]);
    let map = lanes.depthwise(input, window(3, 3));
    lanes.conv(map, window(1, 1), 8);
    let one_output = Values {
        tm: 1,
        pw_requant: 1,
        residual: 0,
        ..ROOMY
    };
    let one_lane = Values {
        lanes: 1,
        dw_requant: 1,
        ..ROOMY
    };
    let tm: Field = |v| &mut v.tm;
    for (graph, mut values, field, size, name) in [
        (outputs.graph, one_output, "out_groups", tm, "pointwise.tm"),
        (
            lanes.graph,
            one_lane,
            "lane_groups",
            |v| &mut v.lanes,
            "depthwise.lanes",
        ),
    ] {
        let error = compile(&graph, &config(values.clone())).expect_err("4,096 groups");
        let (text, way_out) = (error.to_string(), format!("set `{name}` to 2 or more"));
        assert!(text.contains(field) && text.contains(&way_out), "{text}");
        *size(&mut values) = 2;
        compile(&graph, &config(values)).expect("2,048 groups");
    }
}

/// For each rule at least one network that breaks it.
fn unsupported() -> Vec<(&'static str, Graph)> {
    let make = |rule: &'static str, shape: &[usize], add: &dyn Fn(&mut Network, TensorId)| {
        let (mut network, input) = Network::new(rule, shape);
        add(&mut network, input);
        (rule, network.graph)
    };
    let strided = |rows| Window {
        stride: (rows, 1),
        ..window(3, 3)
    };
    let padded = |top| Window {
        pads: Pads {
            top,
            ..Pads::default()
        },
        ..window(3, 3)
    };
    vec![
        make("accelerator-operator", &[1, 8, 8, 4], &|n, input| {
            let map = n.conv(input, window(1, 1), 4);
            let map = n.layer(Op::Softmax(Softmax { beta: 1.0 }), &[map], &[1, 8, 8, 4]);
            n.conv(map, window(1, 1), 4);
        }),
        make("accelerator-operator", &[1, 8], &|n, input| {
            n.layer(Op::Softmax(Softmax { beta: 1.0 }), &[input], &[1, 8]);
        }),
        make("accelerator-int8", &[1, 8, 8, 4], &|n, input| {
            n.conv(input, window(1, 1), 4);
            n.graph.tensors[input.0].dtype = DType::U8;
        }),
        make("accelerator-window", &[1, 16, 8, 4], &|n, input| {
            n.conv(input, strided(5), 4);
        }),
        make("accelerator-window", &[1, 1, 300, 4], &|n, input| {
            n.depthwise(input, window(1, 256));
        }),
        make("accelerator-padding", &[1, 8, 8, 4], &|n, input| {
            n.conv(input, padded(3), 4);
        }),
        make("accelerator-pool-padding", &[1, 8, 8, 4], &|n, input| {
            n.pool(input, padded(1));
        }),
        make("accelerator-mean", &[1, 256, 2, 4], &|n, input| {
            n.mean(input);
        }),
        make("accelerator-one-row", &[3, 8], &|n, input| {
            n.fully_connected(input, 4);
        }),
        make("accelerator-map", &[1, 40_000, 1, 1], &|n, input| {
            n.conv(input, window(1, 1), 4);
        }),
        make("accelerator-factor", &[1, 8, 8, 4], &|n, input| {
            let map = n.conv(input, window(1, 1), 4);
            n.graph.tensors[map.0].quant.as_mut().unwrap().scale = vec![1e-30];
        }),
        make("accelerator-arithmetic", &[1, 8, 8, 4], &|n, input| {
            let map = n.mean(input);
            n.graph.tensors[map.0].quant.as_mut().unwrap().scale = vec![1e-30];
        }),
    ]
}

#[test]
fn every_rule_has_its_message() {
    let cases = unsupported();
    for rule in RULES {
        assert!(cases.iter().any(|(id, _)| *id == rule.id), "{}", rule.id);
    }
    let mut text = String::new();
    for (rule, graph) in cases {
        let error = compile_with(&graph, &config(ROOMY), &STRICT).expect_err(rule);
        let Error::Unsupported { violations, .. } = &error else {
            panic!("{rule}: {error}")
        };
        assert!(violations.iter().any(|v| v.rule == rule), "{rule}: {error}");
        text += &format!("{error}\n");
    }
    insta::assert_snapshot!(text);
}
