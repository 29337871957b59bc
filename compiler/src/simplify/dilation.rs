// SPDX-License-Identifier: MIT OR Apache-2.0
//! Dilated convolutions, which Keras writes as a plain one between SPACE_TO_BATCH_ND and BATCH_TO_SPACE_ND.
//!
//! The first deals the pixels of the padded map out to a map for each position in a block; a window there sees every n-th pixel.
//! The last puts the results together again, and crops them. All windows of all maps are those of one dilated window, which
//! begins as far above the map as the padding is larger than the crop.

use sepstream_spec::graph::{Conv2d, DepthwiseConv2d, Layer, Op, Pads, SpaceBatch, Window};

use super::{Rewrite, Work};

/// The three layers as one.
pub fn fold(work: &mut Work, layer: &Layer) -> Option<Rewrite> {
    let Op::BatchToSpaceNd(crop) = &layer.op else {
        return None;
    };
    let convolution = work.behind(layer, 0)?;
    let window = match &convolution.op {
        Op::Conv2d(conv) => conv.window,
        Op::DepthwiseConv2d(conv) => conv.window,
        _ => return None,
    };
    let spread = work.behind(convolution, 0)?;
    let Op::SpaceToBatchNd(pad) = &spread.op else {
        return None;
    };
    let plain = (window.stride, window.dilation, window.pads) == ((1, 1), (1, 1), Pads::default());
    let same = pad.block == crop.block && pad.block.len() == 2;
    let (input, output) = (spread.input(0)?, layer.output());
    let alike = work.alike(input, spread.output()) && work.alike(convolution.output(), output);
    if !(plain && same && alike) {
        return None;
    }
    let window = dilated(
        &window,
        [pad, crop],
        &work.tensor(input).shape,
        &work.tensor(output).shape,
    )?;
    let op = match &convolution.op {
        Op::Conv2d(conv) => Op::Conv2d(Conv2d { window, ..*conv }),
        Op::DepthwiseConv2d(conv) => Op::DepthwiseConv2d(DepthwiseConv2d { window, ..*conv }),
        _ => return None,
    };
    let mut inputs = convolution.inputs.clone();
    inputs[0] = Some(input);
    Some(Rewrite::Layers(vec![Layer {
        index: convolution.index,
        op,
        inputs,
        outputs: vec![output],
    }]))
}

/// The window over the whole map; `None` if the crop is larger than the padding.
fn dilated(
    window: &Window,
    [pad, crop]: [&SpaceBatch; 2],
    input: &[usize],
    output: &[usize],
) -> Option<Window> {
    let along = |n: usize, kernel: usize| {
        let first = pad.before[n].checked_sub(crop.before[n])?;
        let reach = output[n + 1] + (kernel - 1) * pad.block[n];
        Some((first, reach.saturating_sub(first + input[n + 1])))
    };
    let ((top, bottom), (left, right)) = (along(0, window.kernel.0)?, along(1, window.kernel.1)?);
    Some(Window {
        dilation: (pad.block[0], pad.block[1]),
        pads: Pads {
            top,
            left,
            bottom,
            right,
        },
        ..*window
    })
}
