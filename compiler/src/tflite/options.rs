// SPDX-License-Identifier: MIT OR Apache-2.0
//! Reading the options of operators that stand between convolutions: activations, reductions, and whatever moves elements.

use tract_tflite::tflite::{self, MirrorPadMode};

use super::operator::Options;

/// Adds the options of one operator to `o`; `None` if it needs some and has none.
pub fn read(raw: &tflite::Operator<'_>, kind: &str, o: &mut Options) -> Option<()> {
    match kind {
        "DIV" => {
            let from = raw.builtin_options_as_div_options()?;
            o.activation = from.fused_activation_function();
        }
        "MEAN" | "SUM" | "REDUCE_MAX" | "REDUCE_MIN" | "REDUCE_PROD" => {
            o.keep_dims = raw.builtin_options_as_reducer_options()?.keep_dims();
        }
        "LEAKY_RELU" => o.alpha = raw.builtin_options_as_leaky_relu_options()?.alpha(),
        "GELU" => o.approximate = raw.builtin_options_as_gelu_options()?.approximate(),
        "BATCH_MATMUL" => {
            let from = raw.builtin_options_as_batch_mat_mul_options()?;
            o.adjoint = (from.adj_x(), from.adj_y());
        }
        "TRANSPOSE_CONV" => {
            let from = raw.builtin_options_as_transpose_conv_options()?;
            (o.activation, o.padding) = (from.fused_activation_function(), from.padding());
            o.stride = (from.stride_h(), from.stride_w());
        }
        _ => return read_moves(raw, kind, o),
    }
    Some(())
}

/// Options of operators that move elements.
fn read_moves(raw: &tflite::Operator<'_>, kind: &str, o: &mut Options) -> Option<()> {
    match kind {
        "PACK" => o.axis = raw.builtin_options_as_pack_options()?.axis(),
        "UNPACK" => o.axis = raw.builtin_options_as_unpack_options()?.axis(),
        "GATHER" => {
            let from = raw.builtin_options_as_gather_options()?;
            (o.axis, o.batch_dims) = (from.axis(), from.batch_dims());
        }
        "STRIDED_SLICE" => {
            let from = raw.builtin_options_as_strided_slice_options()?;
            o.masks = (from.begin_mask(), from.end_mask(), from.shrink_axis_mask());
            o.other_masks = (from.ellipsis_mask(), from.new_axis_mask());
        }
        "MIRROR_PAD" => {
            let from = raw.builtin_options_as_mirror_pad_options()?;
            o.symmetric = from.mode() == MirrorPadMode::SYMMETRIC;
        }
        "RESIZE_NEAREST_NEIGHBOR" => {
            let from = raw.builtin_options_as_resize_nearest_neighbor_options()?;
            (o.align_corners, o.half_pixel_centers) =
                (from.align_corners(), from.half_pixel_centers());
        }
        "RESIZE_BILINEAR" => {
            let from = raw.builtin_options_as_resize_bilinear_options()?;
            (o.align_corners, o.half_pixel_centers) =
                (from.align_corners(), from.half_pixel_centers());
        }
        "DEPTH_TO_SPACE" => {
            o.block = raw
                .builtin_options_as_depth_to_space_options()?
                .block_size()
        }
        "SPACE_TO_DEPTH" => {
            o.block = raw
                .builtin_options_as_space_to_depth_options()?
                .block_size()
        }
        _ => {}
    }
    Some(())
}
