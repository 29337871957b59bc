// SPDX-License-Identifier: MIT OR Apache-2.0
//! Functions of one byte: where they are made, and what they need.

use sepstream_compiler::accelerate::{Side, Stage};
use sepstream_compiler::{Compiled, Error, compile};
use sepstream_spec::config::{Config, Field};
use sepstream_spec::graph::{Activation, Elementwise, Graph, Op, Pool2d, TensorId, Window};
use sepstream_spec::regs::Memory;
use sepstream_testkit::small::{Network, window};

/// A configuration with so many tables behind the array, behind the depthwise engine, and room for expanding layers or not.
fn config(tables: [u32; 2], expand_words: u32) -> Config {
    let file = "
pointwise: { tn: 8, tm: 8 }
depthwise: { lanes: 8, taps: 3 }
memory: { activation_kib: 64, weight_kib: 64 }
";
    let config = Config::from_yaml(file, "test.yaml").expect("the file is sound");
    let fields = [
        ("pointwise.tables", tables[0]),
        ("depthwise.tables", tables[1]),
        ("memory.expand_words", expand_words),
    ];
    fields.iter().fold(config, |config, (name, value)| {
        config.with(Field::find(name).expect("a field"), *value)
    })
}

/// A layer that keeps the shape of a map.
fn like(network: &mut Network, op: Op, operands: &[TensorId]) -> TensorId {
    let shape = network.graph[operands[0]].shape.clone();
    network.layer(op, operands, &shape)
}

/// What MUL and ADD do with what they compute.
const PLAIN: Elementwise = Elementwise {
    activation: Activation::None,
};

/// An inverted residual whose three layers have an activation each: a function of one operator, of several, of none for the last.
fn inverted(network: &mut Network, input: TensorId) {
    let map = network.conv(input, window(1, 1), 16);
    let map = like(network, Op::HardSwish, &[map]);
    let map = network.depthwise(map, window(3, 3));
    let gate = like(network, Op::Logistic, &[map]);
    let map = like(network, Op::Mul(PLAIN), &[map, gate]);
    let map = network.conv(map, window(1, 1), 8);
    let map = like(network, Op::Tanh, &[map]);
    network.conv(map, window(3, 3), 4);
}

fn network(build: impl Fn(&mut Network, TensorId)) -> Graph {
    let (mut network, input) = Network::new("functions", &[1, 8, 8, 8]);
    build(&mut network, input);
    network.graph
}

/// Layers of each stage.
fn stages(compiled: &Compiled) -> Vec<Vec<usize>> {
    let stages = compiled.stages();
    stages.map(|stage| stage.layers().collect()).collect()
}

fn tables(compiled: &Compiled, memory: Memory) -> u32 {
    let used = compiled.memories.iter().find(|m| m.memory == memory);
    used.map_or(0, |m| m.used / 64)
}

#[test]
fn functions_are_made_behind_the_layers_in_front_of_them() {
    let graph = network(inverted);
    let compiled = compile(&graph, &config([4, 2], 64)).expect("it fits");
    assert_eq!(stages(&compiled), [vec![0, 1, 2, 3, 4, 5, 6], vec![7]]);
    let Stage {
        expand,
        window_function,
        function,
        ..
    } = &compiled.runs[0].stages[0];
    let layers = |f: &Option<sepstream_compiler::accelerate::Function>| {
        f.as_ref().map(|f| f.layers.clone()).unwrap_or_default()
    };
    assert_eq!(layers(&expand.as_ref().unwrap().function), [1]);
    assert_eq!(layers(window_function), [3, 4]);
    assert_eq!(layers(function), [6]);
    // with the identity, which is number 0
    assert_eq!(tables(&compiled, Memory::PwTable), 3);
    assert_eq!(tables(&compiled, Memory::DwTable), 2);
}

#[test]
fn without_tables_behind_the_engine_the_array_makes_them() {
    let graph = network(inverted);
    let compiled = compile(&graph, &config([4, 0], 0)).expect("it fits");
    assert_eq!(
        stages(&compiled),
        [vec![0, 1], vec![2, 3, 4], vec![5, 6], vec![7]]
    );
}

#[test]
fn equal_functions_share_a_table() {
    let graph = network(|n, input| {
        let mut map = input;
        for _ in 0..3 {
            map = n.conv(map, window(1, 1), 8);
            map = like(n, Op::Tanh, &[map]);
        }
        n.conv(map, window(1, 1), 8);
    });
    let compiled = compile(&graph, &config([2, 0], 0)).expect("it fits");
    assert_eq!(tables(&compiled, Memory::PwTable), 2);
}

#[test]
fn a_map_that_others_read_too_stays() {
    let graph = network(|n, input| {
        let map = n.conv(input, window(1, 1), 8);
        let function = like(n, Op::Tanh, &[map]);
        let other = n.conv(function, window(1, 1), 8);
        let sum = n.add(map, other);
        n.conv(sum, window(1, 1), 8);
    });
    let compiled = compile(&graph, &config([2, 0], 0)).expect("it fits");
    assert_eq!(stages(&compiled), [vec![0], vec![1], vec![2, 3], vec![4]]);
}

#[test]
fn behind_the_last_layer_the_host_makes_them() {
    let graph = network(|n, input| {
        let map = n.conv(input, window(1, 1), 8);
        like(n, Op::Logistic, &[map]);
    });
    let compiled = compile(&graph, &config([0, 0], 0)).expect("it fits");
    let last = compiled.cut.segments.last().unwrap();
    assert_eq!((last.side, &last.layers[..]), (Side::Host, &[1][..]));
}

#[test]
fn maxima_join_the_stages_of_windows() {
    let graph = network(|n, input| {
        let map = n.conv(input, window(1, 1), 8);
        let activation = Activation::None;
        let pool = Pool2d {
            window: Window {
                stride: (2, 2),
                ..window(2, 2)
            },
            activation,
        };
        let map = n.layer(Op::MaxPool2d(pool), &[map], &[1, 4, 4, 8]);
        n.conv(map, window(1, 1), 8);
    });
    let field = Field::find("depthwise.max").expect("a field");
    let with = config([0, 0], 0).with(field, 1);
    let compiled = compile(&graph, &with).expect("it fits");
    assert_eq!(stages(&compiled), [vec![0], vec![1, 2]]);
    let Err(error) = compile(&graph, &config([0, 0], 0)) else {
        panic!("no maxima without the hardware");
    };
    insta::assert_snapshot!("maxima_missing", format!("{error}\n"));
}

#[test]
fn a_function_alone_is_a_network() {
    let graph = network(|n, input| {
        like(n, Op::HardSwish, &[input]);
    });
    let compiled = compile(&graph, &config([2, 0], 0)).expect("it fits");
    assert_eq!(stages(&compiled), [vec![0]]);
}

#[test]
fn what_is_missing_is_said() {
    let graph = network(inverted);
    let refused = |config| match compile(&graph, &config) {
        Err(Error::DoesNotFit(missing)) => missing.to_string(),
        other => panic!("{other:?}"),
    };
    let text = format!(
        "{}\n{}\n",
        refused(config([0, 0], 64)),
        refused(config([2, 2], 64))
    );
    insta::assert_snapshot!("tables_missing", text);
}
