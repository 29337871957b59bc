// SPDX-License-Identifier: MIT OR Apache-2.0
//! The kernel of each operator.

use sepstream_spec::graph::{Activation, DType, Graph, Layer, Op};
use sepstream_spec::quant::{is_unary, unary_table};

use super::site::Site;
use super::{
    Error, Kernel, arg, cast, conv, data, dense, depthwise, elementwise, float, float_unary,
    layout, matmul, mean, pairs, pool, reduce, resize, softmax, space, transpose_conv, unary,
};

/// A kernel for each result of a layer.
pub(super) fn kernels(graph: &Graph, layer: &Layer) -> Result<Vec<Box<dyn Kernel>>, Error> {
    let site = |number| Site {
        graph,
        layer,
        number,
    };
    if let Some(missing) = layer.missing().first() {
        return Err(site(0).unsupported(format!("{} [{}]", missing.found, missing.rule)));
    }
    site(0).check()?;
    (0..layer.outputs.len()).map(|n| kernel(&site(n))).collect()
}

fn kernel(site: &Site) -> Result<Box<dyn Kernel>, Error> {
    // Float operators stand between DEQUANTIZE and QUANTIZE; those that only move or compare take any type.
    if site.input(0)?.dtype == DType::F32
        && let Some(kernel) = float_kernel(site)
    {
        return kernel;
    }
    match &site.layer.op {
        Op::Conv2d(options) => conv::kernel(site, options),
        Op::DepthwiseConv2d(options) => depthwise::kernel(site, options),
        Op::TransposeConv(options) => transpose_conv::kernel(site, options),
        Op::FullyConnected(_) => dense::kernel(site),
        Op::BatchMatmul(options) => matmul::kernel(site, options),
        Op::AveragePool2d(options) => pool::average_kernel(site, options),
        Op::MaxPool2d(options) => pool::max_kernel(site, options),
        Op::Add(options) => elementwise::add_kernel(site, options),
        Op::Sub(options) => elementwise::sub_kernel(site, options),
        Op::Mul(options) => elementwise::mul_kernel(site, options),
        Op::SquaredDifference => elementwise::squared_difference_kernel(site),
        Op::Prelu => elementwise::prelu_kernel(site),
        Op::Mean(options) => mean::mean_kernel(site, options),
        Op::Sum(options) => mean::sum_kernel(site, options),
        Op::ReduceProd(options) => reduce::prod_kernel(site, options),
        Op::Softmax(options) => softmax::kernel(site, options),
        Op::ResizeBilinear(options) => resize::bilinear_kernel(site, options),
        _ => any_type_kernel(site),
    }
}

/// Operators that take elements of any type, and functions of one byte.
fn any_type_kernel(site: &Site) -> Result<Box<dyn Kernel>, Error> {
    match &site.layer.op {
        Op::Maximum => pairs::maximum_kernel(site),
        Op::Minimum => pairs::minimum_kernel(site),
        Op::ReduceMax(options) => reduce::max_kernel(site, options),
        Op::ReduceMin(options) => reduce::min_kernel(site, options),
        Op::ArgMax(options) => arg::max_kernel(site, options),
        Op::ArgMin(options) => arg::min_kernel(site, options),
        Op::Cast => cast::kernel(site),
        Op::Reshape => data::reshape_kernel(site),
        Op::Concatenation(options) => data::concatenation_kernel(site, options),
        Op::Pack(options) => data::pack_kernel(site, options),
        Op::Pad(options) => layout::pad_kernel(site, options),
        Op::MirrorPad(options) => layout::mirror_kernel(site, options),
        Op::Slice(options) | Op::StridedSlice(options) => layout::slice_kernel(site, options),
        Op::Split(options) | Op::SplitV(options) => layout::split_kernel(site, options),
        Op::Unpack(options) => layout::unpack_kernel(site, options),
        Op::Transpose(options) => layout::transpose_kernel(site, options),
        Op::ReverseV2(options) => layout::reverse_kernel(site, options),
        Op::Gather(options) => layout::gather_kernel(site, options),
        Op::Tile | Op::BroadcastTo => layout::repeat_kernel(site),
        Op::ResizeNearestNeighbor(options) => space::nearest_kernel(site, options),
        Op::DepthToSpace(options) => space::to_space_kernel(site, options),
        Op::SpaceToDepth(options) => space::to_depth_kernel(site, options),
        Op::SpaceToBatchNd(options) => space::to_batch_kernel(site, options),
        Op::BatchToSpaceNd(options) => space::from_batch_kernel(site, options),
        Op::Dequantize => float::dequantize_kernel(site),
        _ => table_kernel(site),
    }
}

/// Functions of one byte.
fn table_kernel(site: &Site) -> Result<Box<dyn Kernel>, Error> {
    let op = &site.layer.op;
    if is_unary(op) {
        return unary::kernel(site, |input, output| unary_table(op, input, output));
    }
    let dtype = site.input(0)?.dtype.name();
    Err(site.unsupported(format!("has no kernel for {dtype}")))
}

/// Operators that have a float kernel of their own.
fn float_kernel(site: &Site) -> Option<Result<Box<dyn Kernel>, Error>> {
    let clamp = |low: f32, high: f32| float_unary::kernel(site, move |x| x.max(low).min(high));
    Some(match site.layer.op {
        Op::Quantize => float::quantize_kernel(site),
        Op::Add(o) => pairs::float_kernel(site, o.activation, |a, b| a + b),
        Op::Sub(o) => pairs::float_kernel(site, o.activation, |a, b| a - b),
        Op::Mul(o) => pairs::float_kernel(site, o.activation, |a, b| a * b),
        Op::Div(o) => pairs::float_kernel(site, o.activation, |a, b| a / b),
        Op::SquaredDifference => {
            pairs::float_kernel(site, Activation::None, |a, b| (a - b) * (a - b))
        }
        Op::Prelu => {
            pairs::float_kernel(
                site,
                Activation::None,
                |x, slope| {
                    if x >= 0.0 { x } else { x * slope }
                },
            )
        }
        Op::Elu => float_unary::kernel(site, |x| if x < 0.0 { x.exp_m1() } else { x }),
        Op::LeakyRelu(leaky) => {
            float_unary::kernel(site, move |x| if x > 0.0 { x } else { x * leaky.alpha })
        }
        Op::Relu => clamp(0.0, f32::INFINITY),
        Op::Relu6 => clamp(0.0, 6.0),
        Op::ReluN1To1 => clamp(-1.0, 1.0),
        Op::Logistic => float_unary::kernel(site, float_unary::logistic),
        Op::LogSoftmax => float_unary::log_softmax_kernel(site),
        Op::Function(function) => float_unary::kernel(site, float_unary::function(function)),
        _ => return None,
    })
}
