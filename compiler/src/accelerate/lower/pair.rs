// SPDX-License-Identifier: MIT OR Apache-2.0
//! Two pixels side by side that share the lanes of the depthwise engine (`depthwise.pairs`).
//!
//! Where a pixel has half as many channels as there are lanes, half of them would idle. Two pixels beside each other lie in the map
//! as one of all lanes does, and so do their outputs. So a command takes the pair for a pixel: the second half of the lanes has
//! the first half's weights, and of the array's weights those from a pixel to the other are zero. Only padding asks which half a
//! lane belongs to.

use super::walk::Walk;
use crate::accelerate::Stage;
use sepstream_spec::config::Config;
use sepstream_spec::program::MapPort;

/// An element of one of the pixels that a command takes for one.
#[derive(Clone, Copy)]
pub(super) struct Element {
    /// Which of the pixels.
    pub(super) pixel: u32,
    /// Which of its elements.
    pub(super) index: usize,
}

/// Pixels that a stage's command takes for one: two, or one.
pub(super) fn pixels_at_once(stage: &Stage, walk: &Walk, input: &MapPort, config: &Config) -> u32 {
    let half = config.pair_bytes();
    let shares = half > 0 && input.channels == half && input.pixel_bytes == half;
    // from a pixel to its neighbour all taps move by a pixel of the map
    let beside = walk.window.stride.1 == 1 && walk.cols.is_multiple_of(2);
    match stage.window.is_some() && stage.slice.is_none() && shares && beside {
        true => 2,
        false => 1,
    }
}

/// The elements of so many pixels, of each of which these are the bytes.
pub(super) fn side_by_side(bytes: &[Option<usize>], pixels: u32) -> Vec<Option<Element>> {
    let of_pixel = |pixel| {
        let element = move |index: &Option<usize>| index.map(|index| Element { pixel, index });
        bytes.iter().map(element)
    };
    (0..pixels).flat_map(of_pixel).collect()
}

/// A map and its columns, with so many pixels taken for one.
pub(super) fn together(map: &MapPort, cols: u32, pixels: u32) -> (MapPort, u32) {
    let map = MapPort {
        pixel_bytes: map.pixel_bytes * pixels,
        ..*map
    };
    (map, cols / pixels)
}
