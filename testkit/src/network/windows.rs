// SPDX-License-Identifier: MIT OR Apache-2.0
//! Random windows over a map.

use fastrand::Rng;
use sepstream_spec::graph::{Pads, Window};

use super::{Builder, ONE};

impl Builder<'_> {
    /// A window of odd size and stride 1 that keeps the size of a map.
    pub(super) fn same_window(&mut self, size: (usize, usize)) -> Window {
        let kernel = (2 * self.rng.usize(0..=2) + 1, 2 * self.rng.usize(0..=2) + 1);
        let reach =
            |kernel: usize, size: usize| (kernel / 2, (kernel / 2).min(size - 1 + kernel / 2));
        let ((top, bottom), (left, right)) = (reach(kernel.0, size.0), reach(kernel.1, size.1));
        Window {
            kernel,
            pads: Pads {
                top,
                left,
                bottom,
                right,
            },
            ..ONE
        }
    }
    /// A window over a map, and the rows and columns that it gives.
    pub(super) fn window(&mut self, size: (usize, usize)) -> (Window, (usize, usize)) {
        loop {
            let [kernel, stride, dilation] = self.steps();
            let (mode, rng) = (self.rng.u32(0..4), &mut *self.rng);
            let mut axis = |size: usize, kernel: usize, stride: usize, dilation: usize| {
                let extent = (kernel - 1) * dilation + 1;
                let (before, after) = match mode {
                    0 | 1 => {
                        let total =
                            ((size.div_ceil(stride) - 1) * stride + extent).saturating_sub(size);
                        (total / 2, total - total / 2)
                    }
                    2 => (0, 0),
                    _ => (rng.usize(0..extent), rng.usize(0..extent)),
                };
                let count = (size + before + after).checked_sub(extent)? / stride + 1;
                // the padding that a window reaches
                let after = ((count - 1) * stride + extent).saturating_sub(size + before);
                Some((count, before, after))
            };
            let rows = axis(size.0, kernel.0, stride.0, dilation.0);
            let cols = axis(size.1, kernel.1, stride.1, dilation.1);
            if let (Some((rows, top, bottom)), Some((cols, left, right))) = (rows, cols) {
                let pads = Pads {
                    top,
                    left,
                    bottom,
                    right,
                };
                let window = Window {
                    kernel,
                    stride,
                    dilation,
                    pads,
                };
                return (window, (rows, cols));
            }
        }
    }
    /// Kernel, stride and dilation: mostly 3x3 without the others, now and then large ones.
    fn steps(&mut self) -> [(usize, usize); 3] {
        let (large, far) = (self.one_in(16), self.one_in(8));
        let rng = &mut *self.rng;
        let most = if large { 15 } else { 7 };
        let kernel = match rng.u32(0..10) {
            0..=3 => (3, 3),
            4 => (1, 1),
            _ => (rng.usize(1..=most), rng.usize(1..=most)),
        };
        let pair = |rng: &mut Rng, plain: u32, most: (usize, usize)| match rng.u32(0..10) < plain {
            true => (1, 1),
            false => (rng.usize(1..=most.0), rng.usize(1..=most.1)),
        };
        // down the engines step by 4 at most, to the right by any number
        let stride = pair(rng, 5, (4, if far { 11 } else { 4 }));
        let dilation = pair(rng, 8, if far { (6, 6) } else { (3, 3) });
        [kernel, stride, dilation]
    }
}
