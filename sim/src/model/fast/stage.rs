// SPDX-License-Identifier: MIT OR Apache-2.0
//! A prepared command: window, dense layer, residual map. Offsets are in bytes of dense maps (no gaps between rows).

use sepstream_spec::quant::Table;

use super::simd::{LANES, Range, Scale};

/// A command.
#[derive(Debug)]
pub struct Stage {
    /// Where the windows lie.
    pub place: Place,
    /// What a window makes of the map.
    pub window: Window,
    /// What the pointwise array makes of that.
    pub dense: Dense,
    /// Which map is read.
    pub source: usize,
    /// Which map is written.
    pub target: usize,
    /// From this byte on: that of a slice's first channel.
    pub first_byte: usize,
}

/// Where the windows lie in the ifm.
#[derive(Clone, Debug)]
pub struct Place {
    /// Rows of the ofm.
    pub rows: usize,
    /// Columns of the ofm.
    pub cols: usize,
    /// Rows of the ifm.
    pub in_rows: usize,
    /// Bytes of a row of the ifm.
    pub row_bytes: usize,
    /// Row of the first window, negative in the padding.
    pub top: isize,
    /// Rows from one window to the next.
    pub row_step: isize,
    /// Byte of the first window in its row, negative in the padding.
    pub left: isize,
    /// Bytes from one window to the next.
    pub step: isize,
}

/// What a window makes of the map.
#[derive(Debug)]
pub enum Window {
    /// Its bytes lie in the map one behind the other.
    Direct,
    /// Runs of bytes of several rows, one behind the other (im2col).
    Gather {
        /// Rows.
        rows: usize,
        /// Bytes of each.
        run: usize,
        /// Byte of the padding.
        pad: u8,
    },
    /// A sum of products for each channel.
    Depthwise(Depthwise),
}

/// A depthwise layer.
#[derive(Debug)]
pub struct Depthwise {
    /// Row and byte of each tap in the window; a multiple of four, the last ones without weight.
    pub taps: Vec<(isize, isize)>,
    /// The largest row and the largest byte of them.
    pub reach: (isize, isize),
    /// Sixteen channels each.
    pub blocks: Vec<Block>,
    /// For each block, for every four taps, their weights channel by channel.
    pub weights: Vec<[i8; 4 * LANES]>,
    /// The largest bytes in place of sums of products.
    pub largest: bool,
    /// A pixel of the padding, in blocks.
    pub pad: Vec<[u8; LANES]>,
    /// Of the results.
    pub range: Range,
    /// What the results become, as bytes of a map both.
    pub table: Option<Box<Table>>,
}

/// A dense layer on the bytes of a pixel.
#[derive(Debug)]
pub struct Dense {
    /// Bytes of a pixel of the ofm.
    pub outputs: usize,
    /// Inputs, four each.
    pub depth: usize,
    /// Sixteen outputs each.
    pub blocks: Vec<Block>,
    /// For each block, for every four inputs, their weights output by output.
    pub weights: Vec<[i8; 4 * LANES]>,
    /// Of the results.
    pub range: Range,
    /// What the results become, as bytes of a map both.
    pub table: Option<Box<Table>>,
    /// What is added to them.
    pub residual: Option<Residual>,
}

/// Sixteen channels of a layer.
#[derive(Clone, Debug, Default)]
pub struct Block {
    /// Where their sums begin.
    pub bias: [i32; LANES],
    /// Their requantisation.
    pub scale: Scale,
}

/// A map that is added to the ofm.
#[derive(Debug)]
pub struct Residual {
    /// Which map.
    pub map: usize,
    /// Zero point byte and scale of the requantised outputs.
    pub ours: (i32, Scale),
    /// Zero point byte and scale of the map.
    pub other: (i32, Scale),
    /// Scale of the sum.
    pub sum: Scale,
    /// Of the results.
    pub range: Range,
}

impl Place {
    /// Pixels of the ofm.
    pub fn pixels(&self) -> usize {
        self.rows * self.cols
    }
    /// Row and byte at which the window of a pixel begins.
    #[inline(always)]
    pub fn window(&self, pixel: usize) -> (isize, isize) {
        let (y, x) = ((pixel / self.cols) as isize, (pixel % self.cols) as isize);
        (self.top + y * self.row_step, self.left + x * self.step)
    }
    /// Whether no window of this height and width (in bytes) reaches into the padding.
    pub fn inside(&self, rows: usize, width: usize) -> bool {
        let (bottom, right) = match self.pixels().checked_sub(1) {
            Some(last) => self.window(last),
            None => return true,
        };
        self.top >= 0
            && self.left >= 0
            && bottom as usize + rows <= self.in_rows
            && right as usize + width <= self.row_bytes
    }
}

impl Window {
    /// Bytes of a pixel's vector; 0 where the map itself holds it.
    pub fn vector_bytes(&self) -> usize {
        match self {
            Window::Direct => 0,
            Window::Gather { rows, run, .. } => (rows * run).next_multiple_of(4),
            Window::Depthwise(layer) => layer.blocks.len() * LANES,
        }
    }
}
