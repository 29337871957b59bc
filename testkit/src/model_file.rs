// SPDX-License-Identifier: MIT OR Apache-2.0
//! Writes small model files for tests, sound or not.

use flatbuffers::{FlatBufferBuilder, UnionWIPOffset, WIPOffset};
use tract_tflite::tflite::*;

/// Makes the option table of an operator.
pub type MakeOptions =
    fn(&mut FlatBufferBuilder<'_>) -> (BuiltinOptions, WIPOffset<UnionWIPOffset>);

/// A tensor of a file.
#[derive(Clone)]
pub struct FileTensor {
    /// Its name.
    pub name: String,
    /// Type of its elements.
    pub tensor_type: TensorType,
    /// Its shape, where the file has one.
    pub shape: Option<Vec<i32>>,
    /// Its bytes, of a constant.
    pub data: Option<Vec<u8>>,
    /// Scales; without any it is not quantised.
    pub scale: Vec<f32>,
    /// Zero points.
    pub zero_point: Vec<i64>,
    /// The axis that scales lie on.
    pub axis: i32,
}

/// An operator of a file.
#[derive(Clone)]
pub struct FileOperator {
    /// What it does.
    pub code: BuiltinOperator,
    /// Tensors that are read.
    pub inputs: Vec<i32>,
    /// Tensors that are written.
    pub outputs: Vec<i32>,
    /// Its options.
    pub options: Option<MakeOptions>,
}

/// A file.
#[derive(Clone)]
pub struct FileModel {
    /// Version of the format.
    pub version: u32,
    /// How many subgraphs, all alike.
    pub subgraphs: usize,
    /// All tensors.
    pub tensors: Vec<FileTensor>,
    /// All operators, in their order.
    pub operators: Vec<FileOperator>,
    /// Tensors that are read.
    pub inputs: Vec<i32>,
    /// Tensors that are written.
    pub outputs: Vec<i32>,
    /// Write operator codes only in the newer, wider field.
    pub new_codes_only: bool,
    /// Let all constants name one buffer.
    pub one_buffer: bool,
    /// Give operators without options a type of options all the same.
    pub dangling_options: bool,
    /// Put constants behind the flatbuffer, from this byte on.
    pub outside: Option<usize>,
}

/// An int8 feature map; a shape of `None` is left out of the file.
pub fn map(name: &str, shape: Option<&[i32]>) -> FileTensor {
    FileTensor {
        name: name.to_owned(),
        tensor_type: TensorType::INT8,
        shape: shape.map(<[i32]>::to_vec),
        data: None,
        scale: vec![0.5],
        zero_point: vec![0],
        axis: 0,
    }
}

/// A tensor without quantisation that is computed.
pub fn plain(name: &str, tensor_type: TensorType, shape: Option<&[i32]>) -> FileTensor {
    FileTensor {
        tensor_type,
        scale: vec![],
        zero_point: vec![],
        ..map(name, shape)
    }
}

/// An int32 constant.
pub fn integers(name: &str, values: &[i32], shape: Option<&[i32]>) -> FileTensor {
    let data = values.iter().flat_map(|v| v.to_le_bytes()).collect();
    FileTensor {
        data: Some(data),
        ..plain(name, TensorType::INT32, shape)
    }
}

/// An int8 constant of zeros.
pub fn weights(name: &str, shape: &[i32]) -> FileTensor {
    let count: i32 = shape.iter().product();
    FileTensor {
        data: Some(vec![0; count as usize]),
        ..map(name, Some(shape))
    }
}

/// An operator.
pub fn operator(
    code: BuiltinOperator,
    inputs: &[i32],
    output: i32,
    options: Option<MakeOptions>,
) -> FileOperator {
    FileOperator {
        code,
        inputs: inputs.to_vec(),
        outputs: vec![output],
        options,
    }
}

/// Options of a CONV_2D with padding SAME.
pub fn conv_options(
    fbb: &mut FlatBufferBuilder<'_>,
) -> (BuiltinOptions, WIPOffset<UnionWIPOffset>) {
    let args = Conv2DOptionsArgs {
        stride_h: 1,
        stride_w: 1,
        ..Default::default()
    };
    (
        BuiltinOptions::Conv2DOptions,
        Conv2DOptions::create(fbb, &args).as_union_value(),
    )
}

/// Options of an ADD.
pub fn add_options(fbb: &mut FlatBufferBuilder<'_>) -> (BuiltinOptions, WIPOffset<UnionWIPOffset>) {
    (
        BuiltinOptions::AddOptions,
        AddOptions::create(fbb, &Default::default()).as_union_value(),
    )
}

/// Two convolutions, the shape of the tensor between them left out.
pub fn two_convolutions() -> FileModel {
    FileModel {
        version: 3,
        subgraphs: 1,
        tensors: vec![
            map("input", Some(&[1, 4, 5, 3])),
            weights("first/kernel", &[8, 3, 3, 3]),
            integers("first/bias", &[1, -2, 3, -4, 5, -6, 7, -8], Some(&[8])),
            map("first", None),
            weights("second/kernel", &[2, 1, 1, 8]),
            map("second", Some(&[1, 4, 5, 2])),
        ],
        operators: vec![
            operator(BuiltinOperator::CONV_2D, &[0, 1, 2], 3, Some(conv_options)),
            operator(BuiltinOperator::CONV_2D, &[3, 4, -1], 5, Some(conv_options)),
        ],
        inputs: vec![0],
        outputs: vec![5],
        new_codes_only: false,
        one_buffer: false,
        dangling_options: false,
        outside: None,
    }
}

/// The bytes of the file.
pub fn write(model: &FileModel) -> Vec<u8> {
    let mut fbb = FlatBufferBuilder::new();
    let mut buffers = vec![Buffer::create(&mut fbb, &BufferArgs::default())];
    let (mut tensors, mut outside) = (Vec::new(), Vec::new());
    for tensor in &model.tensors {
        let mut buffer = 0;
        if let Some(data) = &tensor.data {
            if let Some(start) = model.outside {
                buffers.push(outside_buffer(&mut fbb, start + outside.len(), data.len()));
                outside.extend_from_slice(data);
            } else if !model.one_buffer || buffers.len() == 1 {
                let data = Some(fbb.create_vector(data));
                buffers.push(Buffer::create(&mut fbb, &BufferArgs { data }));
            }
            buffer = buffers.len() as u32 - 1;
        }
        let shape = tensor.shape.as_ref().map(|shape| fbb.create_vector(shape));
        let scale = Some(fbb.create_vector(&tensor.scale));
        let zero_point = Some(fbb.create_vector(&tensor.zero_point));
        let args = QuantizationParametersArgs {
            scale,
            zero_point,
            quantized_dimension: tensor.axis,
            ..Default::default()
        };
        let quantization = Some(QuantizationParameters::create(&mut fbb, &args));
        let name = Some(fbb.create_string(&tensor.name));
        let args = TensorArgs {
            shape,
            type_: tensor.tensor_type,
            buffer,
            name,
            quantization,
            ..Default::default()
        };
        tensors.push(Tensor::create(&mut fbb, &args));
    }
    let without = if model.dangling_options {
        BuiltinOptions::AddOptions
    } else {
        BuiltinOptions::NONE
    };
    let (mut codes, mut operators) = (Vec::new(), Vec::new());
    for operator in &model.operators {
        let narrow = if model.new_codes_only {
            0
        } else {
            operator.code.0.min(127) as i8
        };
        let args = OperatorCodeArgs {
            deprecated_builtin_code: narrow,
            builtin_code: operator.code,
            ..Default::default()
        };
        codes.push(OperatorCode::create(&mut fbb, &args));
        let inputs = Some(fbb.create_vector(&operator.inputs));
        let outputs = Some(fbb.create_vector(&operator.outputs));
        let options = operator.options.map(|make| make(&mut fbb));
        let args = OperatorArgs {
            opcode_index: operators.len() as u32,
            inputs,
            outputs,
            builtin_options_type: options.map_or(without, |o| o.0),
            builtin_options: options.map(|o| o.1),
            ..Default::default()
        };
        operators.push(Operator::create(&mut fbb, &args));
    }
    let args = SubGraphArgs {
        tensors: Some(fbb.create_vector(&tensors)),
        inputs: Some(fbb.create_vector(&model.inputs)),
        outputs: Some(fbb.create_vector(&model.outputs)),
        operators: Some(fbb.create_vector(&operators)),
        name: None,
    };
    let graphs = vec![SubGraph::create(&mut fbb, &args); model.subgraphs];
    let args = ModelArgs {
        version: model.version,
        operator_codes: Some(fbb.create_vector(&codes)),
        subgraphs: Some(fbb.create_vector(&graphs)),
        buffers: Some(fbb.create_vector(&buffers)),
        ..Default::default()
    };
    let root = Model::create(&mut fbb, &args);
    finish_model_buffer(&mut fbb, root);
    let mut file = fbb.finished_data().to_vec();
    if let Some(start) = model.outside {
        assert!(file.len() <= start);
        file.resize(start, 0);
        file.extend(outside);
    }
    file
}

/// A buffer that names bytes of the file; the schema of the library is older than these fields.
fn outside_buffer<'f>(
    fbb: &mut FlatBufferBuilder<'f>,
    offset: usize,
    size: usize,
) -> WIPOffset<Buffer<'f>> {
    let table = fbb.start_table();
    fbb.push_slot::<u64>(6, offset as u64, 0);
    fbb.push_slot::<u64>(8, size as u64, 0);
    WIPOffset::new(fbb.end_table(table).value())
}

/// The same file with everything 4 bytes later, so that vectors of 64-bit numbers lie between multiples of 8.
pub fn shifted(file: &[u8]) -> Vec<u8> {
    let mut shifted = file.to_vec();
    shifted.splice(8..8, [0; 4]);
    let root = u32::from_le_bytes([file[0], file[1], file[2], file[3]]) + 4;
    shifted[..4].copy_from_slice(&root.to_le_bytes());
    shifted
}
