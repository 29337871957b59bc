// SPDX-License-Identifier: MIT OR Apache-2.0
//! Import of files made for the purpose: what converters leave out, and every error message.

use flatbuffers::{FlatBufferBuilder, UnionWIPOffset, WIPOffset};
use sepstream_compiler::tflite::load;
use sepstream_compiler::{BadModel, Error, runnable};
use sepstream_spec::graph::{DType, Graph, Op};
use sepstream_testkit::model_file::*;
use tract_tflite::tflite::{
    BuiltinOperator, BuiltinOptions, PackOptions, PackOptionsArgs, StridedSliceOptions,
    StridedSliceOptionsArgs, TensorType,
};

fn import(model: &FileModel) -> Graph {
    load(&write(model), "test").unwrap_or_else(|e| panic!("{e}"))
}

fn changed(change: impl FnOnce(&mut FileModel)) -> Vec<u8> {
    let mut model = two_convolutions();
    change(&mut model);
    write(&model)
}

/// The error of a damaged file.
fn refuse(change: impl FnOnce(&mut FileModel)) -> Error {
    load(&changed(change), "test").unwrap_err()
}

/// A sound file that cannot run.
fn opaque(change: impl FnOnce(&mut FileModel)) -> Graph {
    load(&changed(change), "test").unwrap_or_else(|e| panic!("{e}"))
}

/// Why it cannot.
fn blockers(change: impl FnOnce(&mut FileModel)) -> Error {
    runnable(&opaque(change)).unwrap_err()
}

#[test]
fn missing_shapes_are_inferred() {
    let graph = import(&two_convolutions());
    assert_eq!(graph.tensors[3].shape, [1, 4, 5, 8]);
    assert_eq!(graph.layers[1].inputs.len(), 3);
    assert_eq!(graph.layers[1].input(2), None);
}

#[test]
fn operator_codes_may_stand_in_the_new_field_only() {
    let old = import(&two_convolutions());
    let new = import(&FileModel {
        new_codes_only: true,
        ..two_convolutions()
    });
    assert_eq!(old, new);
}

#[test]
fn numbers_of_64_bits_may_lie_on_multiples_of_4() {
    let file = write(&two_convolutions());
    let moved = load(&shifted(&file), "test").unwrap();
    assert_eq!(moved, load(&file, "test").unwrap());
    // Bytes behind the file, a zip of labels for instance, are nobody's.
    let longer = [shifted(&file), vec![0x55; 999]].concat();
    assert_eq!(load(&longer, "test").unwrap(), moved);
}

#[test]
fn options_may_have_a_type_and_no_contents() {
    let mut model = shape_chain();
    model.operators = vec![operator(BuiltinOperator::RESHAPE, &[0, 6], 7, None)];
    model.tensors[6] = integers("new_shape", &[1, -1], Some(&[2]));
    let regular = import(&model);
    model.dangling_options = true;
    assert_eq!(import(&model), regular);
}

#[test]
fn constants_may_lie_behind_the_flatbuffer() {
    let model = two_convolutions();
    let outside = FileModel {
        outside: Some(4096),
        ..two_convolutions()
    };
    assert_eq!(import(&outside), import(&model));
    let file = write(&outside);
    let error = load(&file[..file.len() - 1], "test").unwrap_err();
    insta::assert_snapshot!(error);
}

#[test]
fn a_scale_of_0_is_refused_only_where_it_is_used() {
    let mut model = two_convolutions();
    model.tensors[1].scale = vec![0.5, 0.0, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5];
    model.tensors[1].zero_point = vec![0];
    model.tensors[2].scale = vec![0.0];
    runnable(&import(&model)).unwrap();
    model.tensors[3].scale = vec![0.0];
    assert!(runnable(&import(&model)).is_err());
}

#[test]
fn tensors_that_no_layer_uses_may_be_anything() {
    let mut model = two_convolutions();
    model
        .tensors
        .push(plain("strings", TensorType::STRING, None));
    assert_eq!(import(&model).tensors[6].shape, [0]);
}

fn slice_first(fbb: &mut FlatBufferBuilder<'_>) -> (BuiltinOptions, WIPOffset<UnionWIPOffset>) {
    let args = StridedSliceOptionsArgs {
        shrink_axis_mask: 1,
        ..Default::default()
    };
    (
        BuiltinOptions::StridedSliceOptions,
        StridedSliceOptions::create(fbb, &args).as_union_value(),
    )
}

fn pack_two(fbb: &mut FlatBufferBuilder<'_>) -> (BuiltinOptions, WIPOffset<UnionWIPOffset>) {
    let args = PackOptionsArgs {
        values_count: 2,
        ..Default::default()
    };
    (
        BuiltinOptions::PackOptions,
        PackOptions::create(fbb, &args).as_union_value(),
    )
}

/// Flatten as converters write it: batch = shape(x)[0]; reshape(x, [batch, -1]).
fn shape_chain() -> FileModel {
    let int32 = |name| plain(name, TensorType::INT32, None);
    FileModel {
        tensors: vec![
            map("input", Some(&[1, 4, 5, 3])),
            int32("shape"),
            integers("zero", &[0], Some(&[1])),
            integers("one", &[1], Some(&[1])),
            int32("batch"),
            integers("rest", &[-1], None),
            int32("new_shape"),
            map("flat", None),
        ],
        operators: vec![
            operator(BuiltinOperator::SHAPE, &[0], 1, None),
            operator(
                BuiltinOperator::STRIDED_SLICE,
                &[1, 2, 3, 3],
                4,
                Some(slice_first),
            ),
            operator(BuiltinOperator::PACK, &[4, 5], 6, Some(pack_two)),
            operator(BuiltinOperator::RESHAPE, &[0, 6], 7, None),
        ],
        outputs: vec![7],
        ..two_convolutions()
    }
}

#[test]
fn shape_chains_vanish() {
    let graph = import(&shape_chain());
    assert_eq!(graph.layers.len(), 1);
    assert_eq!(
        (graph.layers[0].index, &graph.layers[0].op),
        (3, &Op::Reshape)
    );
    assert_eq!(graph.layers[0].inputs.len(), 1);
    assert_eq!(graph.output(&graph.layers[0]).shape, [1, 60]);
}

/// Rows of a dense layer as Keras writes them: reshape(x, [prod(shape[0..2]), prod(shape[2..3])]), and back.
#[test]
fn shape_arithmetic_vanishes() {
    let int32 = |name| plain(name, TensorType::INT32, None);
    let numbers = |name, values: &[i32]| integers(name, values, Some(&[values.len() as i32]));
    let op = |code, inputs: &[i32], output| operator(code, inputs, output, None);
    let graph = import(&FileModel {
        tensors: vec![
            map("input", Some(&[1, 5, 4])),
            int32("shape"),
            numbers("outer axes", &[0, 1]),
            int32("outer"),
            numbers("axis", &[0]),
            int32("rows"),
            numbers("inner axes", &[2]),
            int32("inner"),
            int32("columns"),
            int32("flat"),
            map("matrix", None),
            numbers("width", &[4]),
            int32("back"),
            int32("sum"),
            int32("wide"),
            map("result", None),
        ],
        operators: vec![
            op(BuiltinOperator::SHAPE, &[0], 1),
            op(BuiltinOperator::GATHER, &[1, 2], 3),
            op(BuiltinOperator::REDUCE_PROD, &[3, 4], 5),
            op(BuiltinOperator::GATHER, &[1, 6], 7),
            op(BuiltinOperator::REDUCE_PROD, &[7, 4], 8),
            op(BuiltinOperator::PACK, &[5, 8], 9),
            op(BuiltinOperator::RESHAPE, &[0, 9], 10),
            op(BuiltinOperator::CONCATENATION, &[3, 11], 12),
            op(BuiltinOperator::MUL, &[12, 2], 13),
            op(BuiltinOperator::CAST, &[12], 14),
            op(BuiltinOperator::RESHAPE, &[10, 14], 15),
        ],
        outputs: vec![15],
        ..two_convolutions()
    });
    let shapes = [10, 15].map(|id: usize| graph.tensors[id].shape.clone());
    assert_eq!(shapes, [vec![5, 4], vec![1, 5, 4]]);
    assert_eq!(graph.tensors[5].to_i32(), Some(vec![5]));
    // What does not fit is left to a layer, which refuses it.
    let kinds: Vec<&str> = graph.layers.iter().map(|layer| layer.kind()).collect();
    assert_eq!(kinds, ["RESHAPE", "MUL", "RESHAPE"]);
}

/// Every message of every kind of error that `load` gives; those of single rules are beside the rules.
#[test]
fn messages() {
    let mut tagged = write(&two_convolutions());
    tagged[4] = b'X';
    let whole = write(&two_convolutions());
    let errors = [
        load(b"", "empty").unwrap_err(),
        load(&tagged, "tagged").unwrap_err(),
        load(&whole[..whole.len() / 2], "half").unwrap_err(),
        refuse(|m| m.version = 2),
        refuse(|m| m.subgraphs = 0),
        refuse(|m| m.operators.clear()),
        refuse(|m| {
            m.tensors = vec![weights("again", &[100, 100]); 12];
            m.one_buffer = true;
        }),
        refuse(|m| m.tensors[1].shape = Some(vec![8, 3, 3, 4])),
        refuse(|m| m.tensors[1].scale = vec![f32::NAN]),
        refuse(|m| m.tensors[0].zero_point = vec![200]),
        refuse(|m| m.tensors[0].zero_point = vec![1, 2]),
        refuse(|m| {
            m.tensors[1].scale = vec![0.5; 3];
            m.tensors[1].zero_point = vec![];
        }),
        refuse(|m| {
            m.tensors[1].scale = vec![0.5; 8];
            m.tensors[1].zero_point = vec![];
            m.tensors[1].axis = 4;
        }),
        refuse(|m| m.inputs = vec![1]),
        refuse(|m| m.inputs = vec![99]),
        refuse(|m| m.outputs = vec![]),
        refuse(|m| {
            m.tensors.push(map("unwritten", Some(&[1])));
            m.outputs = vec![6];
        }),
        refuse(|m| m.operators[0].inputs[1] = 99),
        refuse(|m| m.operators[1].inputs[0] = 5),
        refuse(|m| m.operators[1].outputs[0] = 3),
    ];
    let messages: Vec<String> = errors.iter().map(Error::to_string).collect();
    insta::assert_snapshot!(messages.join("\n\n"));
}

/// A tensor of floats for one of int8.
fn float(tensor: &mut FileTensor) {
    (tensor.tensor_type, tensor.scale) = (TensorType::FLOAT32, vec![]);
    tensor.data = tensor.data.take().map(|data| data.repeat(4));
}

/// Every message of networks that are imported and cannot run; those of single rules are beside the rules.
#[test]
fn messages_of_blockers() {
    let errors = [
        blockers(|m| m.subgraphs = 2),
        blockers(|m| m.tensors[0].shape = Some(vec![1, -1, -1, 3])),
        blockers(|m| {
            m.tensors
                .iter_mut()
                .filter(|t| !t.scale.is_empty())
                .for_each(float)
        }),
        blockers(|m| {
            let maps = m.tensors.iter_mut().filter(|t| t.data.is_none());
            maps.for_each(float);
        }),
        blockers(|m| m.tensors[0].shape = Some(vec![4, 4, 5, 3])),
        blockers(|m| m.operators[0].inputs.truncate(1)),
        blockers(|m| {
            m.tensors.push(map("more", None));
            m.operators[0].outputs.push(6);
        }),
        blockers(|m| m.operators[0].options = None),
        // All unsupported layers at once, of which the first also hides the shape that the second needs.
        blockers(|m| {
            m.operators[0].code = BuiltinOperator::COS;
            m.operators[1].code = BuiltinOperator::ADD;
            m.operators[1].options = Some(add_options);
            m.operators[1].inputs.truncate(2);
            m.tensors[5].name = "long;name;".repeat(20) + "\n";
            m.tensors[5].scale.clear();
        }),
        blockers(|m| {
            m.outputs = vec![6];
            m.tensors.extend(vec![map("cosine", None); 30]);
            m.operators = (0..30)
                .map(|n| operator(BuiltinOperator::COS, &[0], n + 6, None))
                .collect();
        }),
        blockers(|m| {
            *m = shape_chain();
            m.operators[1].inputs[0] = 0;
        }),
    ];
    let messages: Vec<String> = errors.iter().map(Error::to_string).collect();
    insta::assert_snapshot!(messages.join("\n\n"));
}

#[test]
fn unsupported_layers_are_structured() {
    let Error::Unsupported { violations, .. } =
        blockers(|m| m.operators[0].code = BuiltinOperator::COS)
    else {
        panic!("another kind of error");
    };
    assert_eq!(violations.len(), 1);
    assert_eq!(
        (violations[0].rule, violations[0].layer.index),
        ("operator", 0)
    );
    assert_eq!(
        (
            violations[0].layer.operator.as_str(),
            violations[0].layer.output.as_str()
        ),
        ("COS", "first")
    );
}

#[test]
fn more_operators_than_any_network_has() {
    let error = refuse(|m| m.operators = vec![m.operators[0].clone(); 10_001]);
    assert!(matches!(
        error,
        Error::Input {
            what: BadModel::Operators(10_001),
            ..
        }
    ));
}

#[test]
fn opaque_layers_keep_their_place() {
    let graph = opaque(|m| {
        m.operators[0].code = BuiltinOperator::COS;
        m.operators[0].outputs.push(6);
        m.tensors[3].shape = Some(vec![1, 4, 5, 8]);
        m.tensors
            .push(plain("text", TensorType::STRING, Some(&[-1])));
    });
    let [cosine, convolution] = &graph.layers[..] else {
        panic!("{:?}", graph.layers)
    };
    assert_eq!(
        (cosine.kind(), cosine.missing()[0].rule),
        ("COS", "operator")
    );
    assert_eq!((cosine.inputs.len(), cosine.outputs.len()), (3, 2));
    // The shape that the file states serves the layer behind.
    assert!(convolution.missing().is_empty());
    let text = &graph.tensors[6];
    assert_eq!(
        (text.dtype, &text.shape[..]),
        (DType::Other("string"), &[0][..])
    );
}

#[test]
fn a_computed_shape_may_be_an_output() {
    let graph = opaque(|m| {
        *m = shape_chain();
        m.outputs = vec![6, 7];
    });
    let shape = &graph.tensors[6];
    assert_eq!(shape.to_i32(), Some(vec![1, -1]));
    runnable(&graph).unwrap();
}
