// SPDX-License-Identifier: MIT OR Apache-2.0
//! One case for each rule: a layer that breaks it and nothing else, with its message.

use sepstream_spec::graph::{Quant, TensorId};
use tract_tflite::tflite::{
    ActivationFunctionType, FullyConnectedOptionsWeightsFormat, Padding, TensorType,
};

use super::{RULES, check};
use crate::rule::{LayerRef, Violation};
use crate::tflite::candidate::Candidate;
use crate::tflite::operator::{Operator, Options, arity};
use crate::tflite::slot::Slot;

/// A layer that a case spoils.
struct Case {
    operator: Operator,
    slots: Vec<Slot>,
}

impl Case {
    /// A layer whose last tensor is its result.
    fn new(kind: &str, slots: Vec<Slot>) -> Self {
        let options = Options {
            stride: (1, 1),
            dilation: (1, 1),
            pool: (2, 2),
            beta: 1.0,
            ..Options::default()
        };
        let count = slots.len() - 1;
        let operator = Operator {
            index: 7,
            kind: kind.to_owned(),
            options,
            inputs: (0..count).map(|n| Some(TensorId(n))).collect(),
            outputs: vec![TensorId(count)],
        };
        Case { operator, slots }
    }
    fn options(mut self, change: impl FnOnce(&mut Options)) -> Self {
        change(&mut self.operator.options);
        self
    }
    fn slot(mut self, n: usize, change: impl FnOnce(&mut Slot)) -> Self {
        change(&mut self.slots[n]);
        self
    }
    fn violations(&self) -> Vec<Violation> {
        let Operator {
            index,
            kind,
            outputs,
            ..
        } = &self.operator;
        let layer = LayerRef {
            index: *index,
            operator: kind.clone(),
            output: self.slots[outputs[0].0].name.clone(),
        };
        let missing = check(&Candidate {
            operator: &self.operator,
            slots: &self.slots,
        });
        let violation = |missing| Violation::new(layer.clone(), missing);
        missing.into_iter().map(violation).collect()
    }
}

fn slot(name: &str, tensor_type: TensorType, shape: &[usize]) -> Slot {
    Slot {
        name: name.to_owned(),
        tensor_type,
        shape: Some(shape.to_vec()),
        stated: shape.to_vec(),
        open_batch: false,
        quant: None,
        data: None,
        folded: None,
        variable: false,
        sparse: false,
    }
}

fn quant(scale: f32, zero_point: i32) -> Option<Quant> {
    Some(Quant {
        scale: vec![scale],
        zero_point: vec![zero_point],
        axis: 0,
    })
}

fn map(name: &str, shape: &[usize]) -> Slot {
    Slot {
        quant: quant(0.5, 0),
        ..slot(name, TensorType::INT8, shape)
    }
}

/// Contents are made only as far as rules look at them.
fn weights(shape: &[usize]) -> Slot {
    Slot {
        data: Some(vec![0]),
        ..map("weights", shape)
    }
}

fn biases(n: usize) -> Slot {
    Slot {
        data: Some(vec![0; 4 * n]),
        ..slot("biases", TensorType::INT32, &[n])
    }
}

fn integers(values: &[i32], shape: &[usize]) -> Slot {
    Slot {
        data: Some(values.iter().flat_map(|v| v.to_le_bytes()).collect()),
        ..slot("integers", TensorType::INT32, shape)
    }
}

fn conv() -> Case {
    let slots = vec![
        map("x", &[1, 5, 6, 3]),
        weights(&[4, 3, 3, 3]),
        biases(4),
        map("y", &[]),
    ];
    Case::new("CONV_2D", slots)
}

fn depthwise() -> Case {
    let slots = vec![
        map("x", &[1, 5, 6, 3]),
        weights(&[1, 3, 3, 6]),
        biases(6),
        map("y", &[]),
    ];
    Case::new("DEPTHWISE_CONV_2D", slots)
}

fn fully_connected() -> Case {
    let slots = vec![
        map("x", &[1, 2, 2, 3]),
        weights(&[10, 12]),
        biases(10),
        map("y", &[]),
    ];
    Case::new("FULLY_CONNECTED", slots)
}

fn unary(kind: &str, shape: &[usize]) -> Case {
    Case::new(kind, vec![map("x", shape), map("y", &[])])
}

fn pool() -> Case {
    unary("AVERAGE_POOL_2D", &[1, 4, 4, 8])
}

fn binary(kind: &str, a: &[usize], b: &[usize]) -> Case {
    Case::new(kind, vec![map("a", a), map("b", b), map("y", &[])])
}

fn mean() -> Case {
    Case::new(
        "MEAN",
        vec![
            map("x", &[1, 4, 4, 8]),
            integers(&[2, 1], &[2]),
            map("y", &[]),
        ],
    )
}

fn pad() -> Case {
    let table = integers(&[0, 0, 1, 1, 0, 1, 0, 0], &[4, 2]);
    Case::new("PAD", vec![map("x", &[1, 4, 4, 8]), table, map("y", &[])])
}

fn pad_value() -> Case {
    let mut case = pad();
    let value = Slot {
        data: Some(vec![5]),
        ..map("value", &[])
    };
    case.slots.insert(2, value);
    Case::new("PADV2", case.slots)
}

fn reshape() -> Case {
    Case::new(
        "RESHAPE",
        vec![
            map("x", &[1, 4, 4, 8]),
            integers(&[-1, 128], &[2]),
            map("y", &[]),
        ],
    )
}

/// An operator with one map, and integers that say what to do with it.
fn configured(kind: &str, shape: &[usize], values: &[i32], dims: &[usize]) -> Case {
    let slots = vec![map("x", shape), integers(values, dims), map("y", &[])];
    Case::new(kind, slots)
}

fn resize() -> Case {
    configured("RESIZE_BILINEAR", &[1, 4, 4, 8], &[8, 8], &[2])
}

fn gather() -> Case {
    configured("GATHER", &[3, 4], &[2, 0], &[2])
}

fn arg_max() -> Case {
    configured("ARG_MAX", &[1, 4, 4, 8], &[3], &[]).slot(2, |y| {
        y.tensor_type = TensorType::INT32;
        y.quant = None;
    })
}

fn slice() -> Case {
    let mut case = configured("SLICE", &[2, 3], &[0, 1], &[2]);
    case.slots.insert(2, integers(&[2, -1], &[2]));
    Case::new("SLICE", case.slots)
}

fn strided_slice() -> Case {
    let mut case = configured("STRIDED_SLICE", &[2, 3], &[0, -1], &[2]);
    case.slots.insert(2, integers(&[0, -4], &[2]));
    case.slots.insert(3, integers(&[1, -2], &[2]));
    Case::new("STRIDED_SLICE", case.slots).options(|o| o.masks = (0, 0, 1))
}

fn transpose_conv() -> Case {
    let slots = vec![
        integers(&[1, 8, 8, 4], &[4]),
        weights(&[4, 3, 3, 3]),
        map("x", &[1, 4, 4, 3]),
        biases(4),
        map("y", &[]),
    ];
    Case::new("TRANSPOSE_CONV", slots).options(|o| o.stride = (2, 2))
}

fn split() -> Case {
    let mut case = Case::new(
        "SPLIT",
        vec![
            integers(&[1], &[]),
            map("x", &[2, 6]),
            map("y", &[]),
            map("z", &[]),
        ],
    );
    case.operator.inputs.truncate(2);
    case.operator.outputs = vec![TensorId(2), TensorId(3)];
    case
}

fn softmax() -> Case {
    unary("SOFTMAX", &[1, 10]).slot(1, |y| y.quant = quant(1.0 / 256.0, -128))
}

fn softmax_with_two_operands() -> Case {
    let mut case = softmax();
    case.operator.inputs.push(Some(TensorId(0)));
    case
}

fn quantize() -> Case {
    unary("QUANTIZE", &[1, 10]).slot(0, |x| {
        x.tensor_type = TensorType::FLOAT32;
        x.quant = None;
    })
}

fn dequantize() -> Case {
    unary("DEQUANTIZE", &[1, 10]).slot(1, |y| {
        y.tensor_type = TensorType::FLOAT32;
        y.quant = None;
    })
}

fn uint8(case: Case, slots: &[usize]) -> Case {
    slots.iter().fold(case, |case, &n| {
        case.slot(n, |s| s.tensor_type = TensorType::UINT8)
    })
}

/// Layers that keep to every rule.
fn sound() -> Vec<Case> {
    vec![
        conv(),
        depthwise(),
        fully_connected(),
        fully_connected().options(|o| {
            o.keep_dims = false;
            o.activation = ActivationFunctionType::RELU_N1_TO_1;
        }),
        uint8(conv(), &[0, 1, 3]),
        pool().options(|o| o.padding = Padding::VALID),
        binary("ADD", &[1, 4, 4, 8], &[1, 4, 4, 8]),
        binary("MUL", &[1, 4, 4, 8], &[1, 1, 1, 8]),
        binary("SUB", &[1, 4, 4, 8], &[]),
        binary("CONCATENATION", &[1, 4, 4, 8], &[1, 4, 4, 3]).options(|o| o.axis = -1),
        mean(),
        pad(),
        pad_value(),
        reshape(),
        unary("SQUEEZE", &[1, 1, 1, 8]).options(|o| o.dims = vec![1, -2]),
        softmax(),
        unary("HARD_SWISH", &[1, 4, 4, 8]),
        unary("RELU6", &[8]),
        quantize(),
        dequantize(),
        uint8(unary("QUANTIZE", &[1, 10]), &[0]),
        // two groups
        conv().slot(0, |x| x.shape = Some(vec![1, 5, 6, 6])),
        transpose_conv(),
        split(),
        slice(),
        strided_slice(),
        gather(),
        arg_max(),
        resize(),
        uint8(mean(), &[0, 2]),
        configured("TRANSPOSE", &[2, 3], &[1, 0], &[2]),
        binary("BATCH_MATMUL", &[2, 3], &[4, 3]).options(|o| o.adjoint = (false, true)),
        binary("PACK", &[2, 3], &[2, 3]).options(|o| o.axis = -1),
        unary("DEPTH_TO_SPACE", &[1, 4, 4, 8]).options(|o| o.block = 2),
    ]
}

/// The id of each rule, with a layer that breaks only it.
fn broken() -> Vec<(&'static str, Case)> {
    let per_channel = |axis| {
        move |w: &mut Slot| {
            let n = 4;
            w.quant = Some(Quant {
                scale: vec![0.5; n],
                zero_point: vec![0; n],
                axis,
            });
        }
    };
    vec![
        ("operator", unary("CUSTOM MyDetector", &[1, 4])),
        ("operands", softmax_with_two_operands()),
        (
            "fused-activation",
            conv().options(|o| o.activation = ActivationFunctionType::TANH),
        ),
        (
            "concatenation-activation",
            binary("CONCATENATION", &[1, 8], &[1, 8])
                .options(|o| o.activation = ActivationFunctionType::RELU),
        ),
        ("padding", conv().options(|o| o.padding = Padding(2))),
        ("window-steps", pool().options(|o| o.stride = (1, 0))),
        (
            "weights-format",
            fully_connected().options(|o| {
                o.weights_format = FullyConnectedOptionsWeightsFormat::SHUFFLED4x16INT8;
            }),
        ),
        ("softmax-beta", softmax().options(|o| o.beta = -1.0)),
        (
            "resize-options",
            resize().options(|o| (o.align_corners, o.half_pixel_centers) = (true, true)),
        ),
        ("constant-options", mean().slot(1, |axes| axes.data = None)),
        ("stateless", pool().slot(0, |x| x.variable = true)),
        ("dense", conv().slot(1, |w| w.sparse = true)),
        (
            "map-type",
            pool().slot(1, |y| y.tensor_type = TensorType::INT16),
        ),
        (
            "number-type",
            unary("RELU", &[4]).slot(1, |y| y.tensor_type = TensorType::INT32),
        ),
        ("signed-type", uint8(unary("ABS", &[4]), &[0, 1])),
        (
            "int8-type",
            uint8(binary("BATCH_MATMUL", &[2, 3], &[3, 4]), &[0, 1, 2]),
        ),
        ("float-type", unary("SQRT", &[4])),
        (
            "moved-type",
            reshape().slot(2, |y| y.tensor_type = TensorType::UINT8),
        ),
        (
            "index-type",
            gather().slot(1, |n| n.tensor_type = TensorType::INT16),
        ),
        (
            "arg-type",
            arg_max().slot(2, |y| y.tensor_type = TensorType::INT16),
        ),
        (
            "cast-type",
            unary("CAST", &[4]).slot(1, |y| y.tensor_type = TensorType::FLOAT16),
        ),
        (
            "quantize-type",
            quantize().slot(0, |x| x.tensor_type = TensorType::FLOAT16),
        ),
        (
            "dequantize-type",
            dequantize().slot(0, |x| x.tensor_type = TensorType::INT16),
        ),
        (
            "live-operand",
            dequantize().slot(0, |x| x.data = Some(vec![0; 10])),
        ),
        ("constant-weights", conv().slot(1, |w| w.data = None)),
        (
            "weight-type",
            conv().slot(2, |b| b.tensor_type = TensorType::INT64),
        ),
        (
            "known-shape",
            unary("RELU", &[1]).slot(0, |x| x.shape = None),
        ),
        (
            "not-empty",
            unary("RELU", &[1]).slot(0, |x| x.shape = Some(vec![1, 0])),
        ),
        (
            "tensor-size",
            binary("ADD", &[1, 8192, 1, 1], &[1, 1, 8193, 1]),
        ),
        (
            "map-shape",
            pool().slot(0, |x| x.shape = Some(vec![4, 4, 8])),
        ),
        (
            "window-fits",
            conv().options(|o| {
                o.padding = Padding::VALID;
                o.dilation = (2, 3);
            }),
        ),
        (
            "conv-weights",
            conv().slot(1, |w| w.shape = Some(vec![4, 3, 3, 1])),
        ),
        (
            "depthwise-weights",
            depthwise().slot(0, |x| x.shape = Some(vec![1, 5, 6, 4])),
        ),
        (
            "fully-connected-weights",
            fully_connected().slot(0, |x| x.shape = Some(vec![1, 2, 2, 4])),
        ),
        ("bias-shape", conv().slot(2, |b| b.shape = Some(vec![5]))),
        (
            "sum-length",
            fully_connected()
                .slot(0, |x| x.shape = Some(vec![1, 32_769]))
                .slot(1, |w| w.shape = Some(vec![10, 32_769])),
        ),
        ("broadcast", binary("MUL", &[1, 4, 4, 8], &[3])),
        (
            "reduced-axes",
            mean().slot(1, |axes| *axes = integers(&[4], &[1])),
        ),
        (
            "paddings",
            pad().slot(1, |t| *t = integers(&[0, 0, 1, -1, 0, 1, 0, 0], &[4, 2])),
        ),
        (
            "same-elements",
            reshape().slot(1, |t| *t = integers(&[-1, 100], &[2])),
        ),
        (
            "concatenation-shapes",
            binary("CONCATENATION", &[1, 4, 4, 8], &[1, 4, 5, 8]).options(|o| o.axis = 3),
        ),
        (
            "softmax-rows",
            softmax().slot(0, |x| x.shape = Some(Vec::new())),
        ),
        (
            "axis",
            arg_max().slot(1, |axis| *axis = integers(&[4], &[1])),
        ),
        (
            "permutation",
            configured("TRANSPOSE", &[2, 3], &[0, 0], &[2]),
        ),
        (
            "slice",
            slice().slot(2, |size| *size = integers(&[2, 4], &[2])),
        ),
        ("parts", unary("UNPACK", &[2, 3])),
        ("pack", binary("PACK", &[2, 3], &[3])),
        ("gather", gather().slot(1, |n| *n = integers(&[0, 3], &[2]))),
        ("repeats", configured("TILE", &[2, 3], &[2], &[1])),
        (
            "mirror",
            configured("MIRROR_PAD", &[2, 3], &[2, 0, 0, 0], &[2, 2]),
        ),
        (
            "resize",
            resize().slot(1, |size| *size = integers(&[4, 0], &[2])),
        ),
        (
            "blocks",
            unary("DEPTH_TO_SPACE", &[1, 4, 4, 6]).options(|o| o.block = 2),
        ),
        ("matrices", binary("BATCH_MATMUL", &[2, 3], &[4, 5])),
        (
            "turned-window",
            transpose_conv().slot(1, |w| w.shape = Some(vec![4, 3, 3, 2])),
        ),
        ("map-quantisation", pool().slot(1, |y| y.quant = None)),
        ("weight-quantisation", conv().slot(1, per_channel(1))),
        (
            "weights-symmetric",
            conv().slot(1, |w| w.quant = quant(0.5, -3)),
        ),
        (
            "multiplier-range",
            binary("MUL", &[4], &[4]).slot(2, |y| y.quant = quant(1e-12, 0)),
        ),
        (
            "sum-scale",
            binary("ADD", &[4], &[4]).slot(2, |y| y.quant = quant(1e-7, 0)),
        ),
        (
            "same-quantisation",
            pool().slot(1, |y| y.quant = quant(0.5, 1)),
        ),
        (
            "equal-quantisation",
            Case::new(
                "REDUCE_MAX",
                vec![map("x", &[4, 4]), integers(&[1], &[1]), map("y", &[])],
            )
            .slot(2, |y| y.quant = quant(0.25, 0)),
        ),
        (
            "square-scale",
            binary("SQUARED_DIFFERENCE", &[4], &[4]).slot(2, |y| y.quant = quant(1e-5, 0)),
        ),
        (
            "fixed-scale",
            softmax().slot(1, |y| y.quant = quant(1.0 / 128.0, -128)),
        ),
        (
            "hard-swish-scale",
            unary("HARD_SWISH", &[4]).slot(1, |y| y.quant = quant(1e-3, 0)),
        ),
    ]
}

#[test]
fn sound_layers_pass() {
    for case in sound() {
        assert_eq!(case.violations(), [], "{}", case.operator.kind);
    }
}

#[test]
fn each_rule_refuses_what_breaks_it() {
    let cases = broken();
    let covered: Vec<&str> = cases.iter().map(|(id, _)| *id).collect();
    let ids: Vec<&str> = RULES
        .iter()
        .copied()
        .flatten()
        .map(|rule| rule.id)
        .collect();
    assert_eq!(covered, ids, "one case for each rule, in their order");
    let mut messages = String::new();
    for (id, case) in cases {
        let violations = case.violations();
        let rules: Vec<&str> = violations.iter().map(|v| v.rule).collect();
        assert_eq!(rules, [id]);
        messages += &format!("{}\n", violations[0]);
    }
    insta::assert_snapshot!(messages);
}

/// A misspelt operator would switch a rule off.
#[test]
fn rules_name_operators_that_exist() {
    for rule in RULES.iter().copied().flatten() {
        assert!(
            rule.operators.iter().all(|kind| arity(kind).is_some()),
            "{}",
            rule.id
        );
    }
}
