// SPDX-License-Identifier: MIT OR Apache-2.0
//! Operators as the file has them, with all options in one flat struct.

use sepstream_spec::graph::{Activation, TensorId};
use tract_tflite::tflite::{
    self, ActivationFunctionType, BuiltinOperator, FullyConnectedOptionsWeightsFormat, Model,
    Padding,
};

use crate::error::{BadModel, short};

/// An operator on its way into the graph; the indices in it exist.
#[derive(Clone, Debug)]
pub struct Operator {
    /// Index in the file.
    pub index: usize,
    /// Name of the kind; custom operators have their own.
    pub kind: String,
    /// Options.
    pub options: Options,
    /// Operands, `None` where an optional one is left out.
    pub inputs: Vec<Option<TensorId>>,
    /// Results.
    pub outputs: Vec<TensorId>,
}

/// The options of all supported operators. What an operator does not have keeps its default.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Fused activation.
    pub activation: ActivationFunctionType,
    /// SAME or VALID.
    pub padding: Padding,
    /// Vertical and horizontal step of the window.
    pub stride: (i32, i32),
    /// Vertical and horizontal distance of taps.
    pub dilation: (i32, i32),
    /// Size of a pooling window.
    pub pool: (i32, i32),
    /// Whether FULLY_CONNECTED keeps the outer dimensions, and MEAN, SUM and REDUCE_* the reduced ones.
    pub keep_dims: bool,
    /// Order of FULLY_CONNECTED weights.
    pub weights_format: FullyConnectedOptionsWeightsFormat,
    /// Axis of CONCATENATION, PACK, UNPACK and GATHER.
    pub axis: i32,
    /// Outer axes that the operands of GATHER share.
    pub batch_dims: i32,
    /// Factor of SOFTMAX.
    pub beta: f32,
    /// Shape that RESHAPE has as an option, axes of SQUEEZE.
    pub dims: Vec<i32>,
    /// Masks of STRIDED_SLICE: begin, end, shrink.
    pub masks: (i32, i32, i32),
    /// More masks of STRIDED_SLICE: ellipsis and new axis.
    pub other_masks: (i32, i32),
    /// Slope of LEAKY_RELU.
    pub alpha: f32,
    /// Whether GELU goes by the hyperbolic tangent.
    pub approximate: bool,
    /// Whether BATCH_MATMUL takes its operands transposed.
    pub adjoint: (bool, bool),
    /// Whether MIRROR_PAD repeats the outermost element.
    pub symmetric: bool,
    /// How RESIZE_NEAREST_NEIGHBOR and RESIZE_BILINEAR place pixels.
    pub align_corners: bool,
    /// How they place pixels, too.
    pub half_pixel_centers: bool,
    /// Side of a block of DEPTH_TO_SPACE and SPACE_TO_DEPTH.
    pub block: i32,
}

/// Operators that can be imported: name, least and largest number of operands.
pub const KINDS: &[(&str, usize, usize)] = &[
    ("ABS", 1, 1),
    ("ADD", 2, 2),
    ("ARG_MAX", 2, 2),
    ("ARG_MIN", 2, 2),
    ("AVERAGE_POOL_2D", 1, 1),
    ("BATCH_MATMUL", 2, 2),
    ("BATCH_TO_SPACE_ND", 3, 3),
    ("BROADCAST_TO", 2, 2),
    ("CAST", 1, 1),
    ("CEIL", 1, 1),
    ("CONCATENATION", 1, usize::MAX),
    ("CONV_2D", 2, 3),
    ("DEPTHWISE_CONV_2D", 2, 3),
    ("DEPTH_TO_SPACE", 1, 1),
    ("DEQUANTIZE", 1, 1),
    ("DIV", 2, 2),
    ("ELU", 1, 1),
    ("EXP", 1, 1),
    ("EXPAND_DIMS", 2, 2),
    ("FLOOR", 1, 1),
    ("FULLY_CONNECTED", 2, 3),
    ("GATHER", 2, 2),
    ("GELU", 1, 1),
    ("HARD_SWISH", 1, 1),
    ("LEAKY_RELU", 1, 1),
    ("LOG", 1, 1),
    ("LOGISTIC", 1, 1),
    ("LOG_SOFTMAX", 1, 1),
    ("MAXIMUM", 2, 2),
    ("MAX_POOL_2D", 1, 1),
    ("MEAN", 2, 2),
    ("MINIMUM", 2, 2),
    ("MIRROR_PAD", 2, 2),
    ("MUL", 2, 2),
    ("NEG", 1, 1),
    ("PACK", 1, usize::MAX),
    ("PAD", 2, 2),
    ("PADV2", 3, 3),
    ("PRELU", 2, 2),
    ("QUANTIZE", 1, 1),
    ("REDUCE_MAX", 2, 2),
    ("REDUCE_MIN", 2, 2),
    ("REDUCE_PROD", 2, 2),
    ("RELU", 1, 1),
    ("RELU6", 1, 1),
    ("RELU_N1_TO_1", 1, 1),
    ("RESHAPE", 1, 2),
    ("RESIZE_BILINEAR", 2, 2),
    ("RESIZE_NEAREST_NEIGHBOR", 2, 2),
    ("REVERSE_V2", 2, 2),
    ("ROUND", 1, 1),
    ("RSQRT", 1, 1),
    ("SHAPE", 1, 1),
    ("SLICE", 3, 3),
    ("SOFTMAX", 1, 1),
    ("SPACE_TO_BATCH_ND", 3, 3),
    ("SPACE_TO_DEPTH", 1, 1),
    ("SPLIT", 2, 2),
    ("SPLIT_V", 3, 3),
    ("SQRT", 1, 1),
    ("SQUARE", 1, 1),
    ("SQUARED_DIFFERENCE", 2, 2),
    ("SQUEEZE", 1, 1),
    ("STRIDED_SLICE", 4, 4),
    ("SUB", 2, 2),
    ("SUM", 2, 2),
    ("TANH", 1, 1),
    ("TILE", 2, 2),
    ("TRANSPOSE", 2, 2),
    ("TRANSPOSE_CONV", 3, 4),
    ("UNPACK", 1, 1),
];

/// The row of [`KINDS`] for a name.
pub fn arity(kind: &str) -> Option<(usize, usize)> {
    KINDS
        .iter()
        .find(|row| row.0 == kind)
        .map(|row| (row.1, row.2))
}

/// Whether an operator may have several results; what it needs is a rule. All others have one.
pub fn gives_many(kind: &str) -> bool {
    matches!(kind, "SPLIT" | "SPLIT_V" | "UNPACK")
}

impl Options {
    /// What TensorFlow Lite's kernels see where the file has no options: zeros.
    fn absent() -> Self {
        Options {
            padding: Padding(-1),
            ..Options::default()
        }
    }
    /// Fused activation, if supported.
    pub fn activation(&self) -> Option<Activation> {
        match self.activation {
            ActivationFunctionType::NONE => Some(Activation::None),
            ActivationFunctionType::RELU => Some(Activation::Relu),
            ActivationFunctionType::RELU_N1_TO_1 => Some(Activation::ReluN1To1),
            ActivationFunctionType::RELU6 => Some(Activation::Relu6),
            _ => None,
        }
    }
}

impl Operator {
    /// Reads one operator and checks its indices.
    pub fn read(
        model: &Model<'_>,
        index: usize,
        raw: &tflite::Operator<'_>,
        tensors: usize,
    ) -> Result<Self, BadModel> {
        let code = raw.opcode_index() as usize;
        let kind = kind(model, code).ok_or_else(|| BadModel::Operator {
            index,
            operator: "?".to_owned(),
            what: format!("operator code {code} does not exist"),
        })?;
        let bad = |what: String| BadModel::Operator {
            index,
            operator: kind.clone(),
            what,
        };
        let exists = |n: i32| match usize::try_from(n) {
            Ok(n) if n < tensors => Ok(TensorId(n)),
            _ => Err(bad(format!("tensor {n} does not exist"))),
        };
        // -1 marks an optional operand that is left out.
        let inputs = raw.inputs().into_iter().flatten().map(|n| {
            if n == -1 {
                Ok(None)
            } else {
                exists(n).map(Some)
            }
        });
        let inputs: Vec<Option<TensorId>> = inputs.collect::<Result<_, _>>()?;
        let outputs: Vec<TensorId> = raw
            .outputs()
            .into_iter()
            .flatten()
            .map(exists)
            .collect::<Result<_, _>>()?;
        let options = options(raw, &kind).unwrap_or_else(Options::absent);
        Ok(Operator {
            index,
            options,
            inputs,
            outputs,
            kind,
        })
    }
}

/// Name of an operator code. Files keep it in a field of 8 bits (old), of 32 bits (new), or in both: the larger counts.
fn kind(model: &Model<'_>, index: usize) -> Option<String> {
    let codes = model.operator_codes().filter(|codes| index < codes.len())?;
    let code = codes.get(index);
    let number = code
        .builtin_code()
        .0
        .max(code.deprecated_builtin_code().into());
    let builtin = BuiltinOperator(number);
    Some(match (builtin, builtin.variant_name()) {
        (BuiltinOperator::CUSTOM, _) => {
            format!(
                "CUSTOM {}",
                short(code.custom_code().unwrap_or("without name"))
            )
        }
        (_, Some(name)) => name.to_owned(),
        (_, None) => format!("operator code {number}"),
    })
}

/// Options of an operator; `None` if it needs some and has none.
fn options(raw: &tflite::Operator<'_>, kind: &str) -> Option<Options> {
    let mut o = Options {
        stride: (1, 1),
        dilation: (1, 1),
        beta: 1.0,
        ..Options::default()
    };
    match kind {
        "CONV_2D" => {
            let from = raw.builtin_options_as_conv_2_doptions()?;
            (o.activation, o.padding) = (from.fused_activation_function(), from.padding());
            o.stride = (from.stride_h(), from.stride_w());
            o.dilation = (from.dilation_h_factor(), from.dilation_w_factor());
        }
        "DEPTHWISE_CONV_2D" => {
            // The depth multiplier follows from the shapes; kernels ignore the option.
            let from = raw.builtin_options_as_depthwise_conv_2_doptions()?;
            (o.activation, o.padding) = (from.fused_activation_function(), from.padding());
            o.stride = (from.stride_h(), from.stride_w());
            o.dilation = (from.dilation_h_factor(), from.dilation_w_factor());
        }
        "AVERAGE_POOL_2D" | "MAX_POOL_2D" => {
            let from = raw.builtin_options_as_pool_2_doptions()?;
            (o.activation, o.padding) = (from.fused_activation_function(), from.padding());
            o.stride = (from.stride_h(), from.stride_w());
            o.pool = (from.filter_height(), from.filter_width());
        }
        "FULLY_CONNECTED" => {
            let from = raw.builtin_options_as_fully_connected_options()?;
            o.activation = from.fused_activation_function();
            o.keep_dims = from.keep_num_dims();
            o.weights_format = from.weights_format();
        }
        "ADD" => {
            o.activation = raw
                .builtin_options_as_add_options()?
                .fused_activation_function()
        }
        "SUB" => {
            o.activation = raw
                .builtin_options_as_sub_options()?
                .fused_activation_function()
        }
        "MUL" => {
            o.activation = raw
                .builtin_options_as_mul_options()?
                .fused_activation_function()
        }
        "CONCATENATION" => {
            let from = raw.builtin_options_as_concatenation_options()?;
            (o.activation, o.axis) = (from.fused_activation_function(), from.axis());
        }
        "SOFTMAX" => o.beta = raw.builtin_options_as_softmax_options()?.beta(),
        "RESHAPE" => {
            let from = raw.builtin_options_as_reshape_options();
            o.dims = from
                .and_then(|from| from.new_shape())
                .into_iter()
                .flatten()
                .collect();
        }
        "SQUEEZE" => {
            let from = raw.builtin_options_as_squeeze_options();
            o.dims = from
                .and_then(|from| from.squeeze_dims())
                .into_iter()
                .flatten()
                .collect();
        }
        _ => super::options::read(raw, kind, &mut o)?,
    }
    Some(o)
}
