// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which taps of a sliding window lie inside the feature map.

use std::ops::Range;

use sepstream_spec::graph::Window;

/// One position of a window along one axis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reach {
    /// Taps inside the map.
    pub taps: Range<usize>,
    /// Where the first of them lies.
    pub origin: usize,
}

/// All positions of a window over a map, and its dilation.
pub(super) struct Reaches {
    pub rows: Vec<Reach>,
    pub columns: Vec<Reach>,
    pub dilation: (usize, usize),
}

impl Reaches {
    /// Positions of `window` over `input` (height, width) that make `output`.
    pub fn new(window: &Window, input: (usize, usize), output: (usize, usize)) -> Self {
        let dilation = (window.dilation.0.max(1), window.dilation.1.max(1));
        let axis = |kernel, stride: usize, dilation, pad, size, positions| {
            (0..positions)
                .map(|n: usize| reach(kernel, dilation, n.saturating_mul(stride), pad, size))
                .collect()
        };
        Reaches {
            rows: axis(
                window.kernel.0,
                window.stride.0,
                dilation.0,
                window.pads.top,
                input.0,
                output.0,
            ),
            columns: axis(
                window.kernel.1,
                window.stride.1,
                dilation.1,
                window.pads.left,
                input.1,
                output.1,
            ),
            dilation,
        }
    }
}

/// `start` counts from the first padded element.
fn reach(kernel: usize, dilation: usize, start: usize, pad: usize, size: usize) -> Reach {
    let first = pad.saturating_sub(start).div_ceil(dilation);
    let end = pad
        .saturating_add(size)
        .saturating_sub(start)
        .div_ceil(dilation)
        .min(kernel);
    if first >= end {
        return Reach {
            taps: 0..0,
            origin: 0,
        };
    }
    Reach {
        taps: first..end,
        origin: start + first * dilation - pad,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equals_a_search_over_all_taps() {
        for kernel in 1..6 {
            for dilation in 1..4 {
                for pad in 0..5 {
                    for size in 1..8 {
                        for start in 0..12 {
                            let at = |k: usize| {
                                (start + k * dilation)
                                    .checked_sub(pad)
                                    .filter(|&p| p < size)
                            };
                            let inside: Vec<_> = (0..kernel).filter(|&k| at(k).is_some()).collect();
                            let got = reach(kernel, dilation, start, pad, size);
                            assert_eq!(got.taps.clone().collect::<Vec<_>>(), inside);
                            assert!(got.taps.is_empty() || at(got.taps.start) == Some(got.origin));
                        }
                    }
                }
            }
        }
    }
}
