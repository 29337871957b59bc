// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the reference engine says to callers and models it cannot serve, and its way to run single layers.

use insta::assert_snapshot;
use sepstream_sim::reference::{Error, Runner, Value};
use sepstream_spec::graph::{
    Activation, Concatenation, Conv2d, DType, Elementwise, Graph, Layer, Op, Pad, Pads, Quant,
    Reduce, Tensor, TensorId, Window,
};

fn int8(name: &str, shape: &[usize], scale: f32, data: Option<Vec<u8>>) -> Tensor {
    let quant = Some(Quant {
        scale: vec![scale],
        zero_point: vec![0],
        axis: 0,
    });
    Tensor {
        name: name.into(),
        shape: shape.to_vec(),
        dtype: DType::I8,
        quant,
        data,
    }
}

/// One layer: the last tensor is the output, those without data are inputs.
fn graph(op: Op, tensors: Vec<Tensor>) -> Graph {
    let last = tensors.len() - 1;
    let inputs = (0..last)
        .filter(|&n| tensors[n].data.is_none())
        .map(TensorId)
        .collect();
    let layer = Layer {
        index: 7,
        op,
        inputs: (0..last).map(|n| Some(TensorId(n))).collect(),
        outputs: vec![TensorId(last)],
    };
    Graph {
        name: "small".into(),
        tensors,
        layers: vec![layer],
        inputs,
        outputs: vec![TensorId(last)],
        ..Graph::default()
    }
}

fn add(output_scale: f32, second: &[usize]) -> Graph {
    let activation = Elementwise {
        activation: Activation::None,
    };
    let operand = |name, shape| int8(name, shape, 0.5, None);
    let out = int8("sum", &[1, 2, 2, 3], output_scale, None);
    graph(
        Op::Add(activation),
        vec![operand("a", &[1, 2, 2, 3]), operand("b", second), out],
    )
}

fn refusal(graph: &Graph) -> String {
    Runner::new(graph).err().expect("refused").to_string()
}

#[test]
fn wrong_inputs() {
    let graph = add(0.5, &[3]);
    let runner = Runner::new(&graph).unwrap();
    let value =
        |shape: &[usize]| Value::from_i8(shape.to_vec(), &vec![1; shape.iter().product()]).unwrap();
    let a = value(&[1, 2, 2, 3]);
    let message = |inputs: &[Value]| runner.run(inputs).unwrap_err().to_string();
    assert_snapshot!(message(std::slice::from_ref(&a)), @"network `small` takes 2 tensors, got 1");
    assert_snapshot!(message(&[a.clone(), value(&[4])]), @"tensor `b` is int8 [3], got int8 [4]");
    let float = Value::from_f32(vec![3], &[0.0; 3]).unwrap();
    assert_snapshot!(message(&[a.clone(), float]), @"tensor `b` is int8 [3], got float32 [3]");
    assert_snapshot!(runner.eval(0, &[&a]).unwrap_err(), @"layer 7 (ADD) takes 2 tensors, got 1");
    let short = Value::from_i8(vec![2, 3], &[0; 5]).unwrap_err();
    assert_snapshot!(short, @"int8 [2, 3] needs 6 bytes, got 5");
    assert!(Value::from_i8(vec![usize::MAX, 2], &[]).is_err());
}

#[test]
fn one_layer_alone_equals_the_network() {
    let mut graph = add(0.7, &[3]);
    graph.tensors[1].data = Some(vec![1, 2, 0xfd]);
    graph.inputs = vec![TensorId(0)];
    let runner = Runner::new(&graph).unwrap();
    let a = Value::from_i8(
        vec![1, 2, 2, 3],
        &[-128, -7, -1, 0, 1, 2, 3, 50, 100, 125, 126, 127],
    )
    .unwrap();
    let alone = runner.eval(0, &[&a]).unwrap();
    // 0.5 (a + b) / 0.7, ties away from zero.
    assert_eq!(
        alone[0].as_i8().unwrap(),
        [-91, -4, -3, 1, 2, -1, 3, 37, 69, 90, 91, 89]
    );
    assert_eq!(runner.run(std::slice::from_ref(&a)).unwrap(), alone);
    let trace = runner.trace(std::slice::from_ref(&a)).unwrap();
    assert_eq!(
        (trace.get(TensorId(0)), trace.get(TensorId(2))),
        (Some(&a), Some(&alone[0]))
    );
    assert_eq!(
        (trace.get(TensorId(1)), trace.get(TensorId(99))),
        (None, None)
    );
}

#[test]
fn a_tensor_that_nobody_writes() {
    let mut graph = add(0.5, &[3]);
    graph.inputs.pop();
    let a = Value::from_i8(vec![1, 2, 2, 3], &[0; 12]).unwrap();
    let error = Runner::new(&graph).unwrap().run(&[a]).unwrap_err();
    assert_eq!(error, Error::Unwritten { name: "b".into() });
    assert_snapshot!(error, @"tensor `b` is read before any layer writes it");
}

#[test]
fn models_that_break_a_rule() {
    let mut messages = vec![refusal(&add(0.5, &[2])), refusal(&add(1e-9, &[3]))];

    let mut unquantised = add(0.5, &[3]);
    unquantised.tensors[1].quant = None;
    messages.push(refusal(&unquantised));

    let mut truncated = add(0.5, &[3]);
    truncated.tensors[1].data = Some(vec![1]);
    messages.push(refusal(&truncated));

    messages.push(refusal(&add(0.5, &[0])));

    let window = Window {
        kernel: (1, 1),
        stride: (1, 1),
        dilation: (1, 1),
        pads: Pads::default(),
    };
    let conv = Op::Conv2d(Conv2d {
        window,
        activation: Activation::None,
    });
    let map = |name, channels| int8(name, &[1, 2, 2, channels], 0.5, None);
    let grouped = int8("weights", &[4, 1, 1, 3], 0.5, Some(vec![0; 12]));
    messages.push(refusal(&graph(
        conv.clone(),
        vec![map("in", 4), grouped, map("out", 4)],
    )));
    let mut asymmetric = int8("weights", &[4, 1, 1, 4], 0.5, Some(vec![0; 16]));
    asymmetric.quant.as_mut().unwrap().zero_point = vec![3];
    messages.push(refusal(&graph(
        conv.clone(),
        vec![map("in", 4), asymmetric, map("out", 4)],
    )));
    messages.push(refusal(&graph(
        conv.clone(),
        vec![
            map("in", 4),
            int8("weights", &[4, 1, 1, 4], 0.5, None),
            map("out", 4),
        ],
    )));
    messages.push(refusal(&graph(conv, vec![map("in", 4)])));

    let mean = Op::Mean(Reduce {
        axes: vec![1, 5],
        keep_dims: true,
    });
    messages.push(refusal(&graph(
        mean,
        vec![map("in", 4), int8("out", &[4], 0.5, None)],
    )));
    let pad = Op::Pad(Pad {
        before: vec![0, 1, 0, 0],
        after: vec![0; 4],
        value: 0,
    });
    messages.push(refusal(&graph(pad, vec![map("in", 4), map("out", 4)])));
    messages.push(refusal(&graph(
        Op::Reshape,
        vec![map("in", 4), map("out", 2)],
    )));
    assert_snapshot!(messages.join("\n"));
}

#[test]
fn bytes_move_where_they_should() {
    let run = |graph: &Graph, inputs: &[Value]| {
        Runner::new(graph)
            .unwrap()
            .run(inputs)
            .unwrap()
            .remove(0)
            .into_bytes()
    };
    let value = |shape: &[usize], from: u8| {
        let count = shape.iter().product::<usize>() as u8;
        Value::new(DType::I8, shape.to_vec(), (from..from + count).collect()).unwrap()
    };
    let tensor = |name, shape: &[usize]| int8(name, shape, 0.5, None);

    let join = Op::Concatenation(Concatenation { axis: 1 });
    let joined = graph(
        join,
        vec![
            tensor("a", &[2, 1, 2]),
            tensor("b", &[2, 2, 2]),
            tensor("out", &[2, 3, 2]),
        ],
    );
    let bytes = run(&joined, &[value(&[2, 1, 2], 0), value(&[2, 2, 2], 10)]);
    assert_eq!(bytes, [0, 1, 10, 11, 12, 13, 2, 3, 14, 15, 16, 17]);

    let pad = Op::Pad(Pad {
        before: vec![1, 0, 1],
        after: vec![0, 1, 0],
        value: -1,
    });
    let padded = graph(
        pad,
        vec![tensor("a", &[1, 2, 2]), tensor("out", &[2, 3, 3])],
    );
    let bytes = run(&padded, &[value(&[1, 2, 2], 1)])
        .iter()
        .map(|&b| b as i8)
        .collect::<Vec<_>>();
    assert_eq!(
        bytes,
        [
            -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, 1, 2, -1, 3, 4, -1, -1, -1
        ]
    );
}
