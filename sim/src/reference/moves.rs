// SPDX-License-Identifier: MIT OR Apache-2.0
//! The engine of all operators that move elements: for each axis of the result, where in the operand an index lies.

use super::Kernel;
use super::site::Site;

/// Offsets along one axis of the result, in elements of the operand; `None` lies outside of it.
pub(super) type Axis = Vec<Option<usize>>;

/// A block of results. An element comes from the sum of its axes' offsets, or is the filling if one of them has none.
#[derive(Debug)]
pub(super) struct Block {
    /// Outermost first.
    pub axes: Vec<Axis>,
    /// Added to all offsets.
    pub start: usize,
}

/// Kernel that moves elements: block behind block of the result.
pub(super) struct Moves {
    blocks: Vec<Block>,
    /// Bytes of an element.
    width: usize,
    /// An element outside of the operand.
    filling: Vec<u8>,
}

/// Elements between neighbours along each axis of a row-major tensor.
pub(super) fn strides(shape: &[usize]) -> Vec<usize> {
    let inner = |axis: usize| shape[axis + 1..].iter().product();
    (0..shape.len()).map(inner).collect()
}

/// An axis that counts up.
pub(super) fn counted(size: usize, stride: usize) -> Axis {
    (0..size).map(|n| Some(n * stride)).collect()
}

impl Moves {
    /// For results of `site`'s element type, filled with zero where nothing lies.
    pub fn kernel(site: &Site, blocks: Vec<Block>) -> Box<dyn Kernel> {
        Moves::filled(site, blocks, vec![0; site.output().dtype.bytes()])
    }
    /// The same with another filling.
    pub fn filled(site: &Site, blocks: Vec<Block>, filling: Vec<u8>) -> Box<dyn Kernel> {
        Box::new(Moves {
            blocks,
            width: site.output().dtype.bytes(),
            filling,
        })
    }
    /// One block without a shift.
    pub fn by_axes(site: &Site, axes: Vec<Axis>) -> Box<dyn Kernel> {
        Moves::kernel(site, vec![Block { axes, start: 0 }])
    }
}

/// Whether an axis is a run of neighbours, which can be copied at once.
fn is_run(axis: &Axis) -> bool {
    axis.iter()
        .enumerate()
        .all(|(n, offset)| *offset == Some(n))
}

impl Block {
    /// Offsets of the rows, and the axis that they run along.
    fn rows(&self) -> (Vec<Option<usize>>, &[Option<usize>]) {
        const SCALAR: &[Option<usize>] = &[Some(0)];
        let (inner, outer) = match self.axes.split_last() {
            Some((inner, outer)) => (&inner[..], outer),
            None => (SCALAR, &[][..]),
        };
        let mut rows = vec![Some(self.start)];
        for axis in outer {
            let shifted = |row: Option<usize>| axis.iter().map(move |&n| Some(row? + n?));
            rows = rows.into_iter().flat_map(shifted).collect();
        }
        (rows, inner)
    }
}

impl Kernel for Moves {
    fn eval(&self, operands: &[&[u8]], output: &mut [u8]) {
        let (from, width) = (operands[0], self.width);
        let mut rest = output;
        for block in &self.blocks {
            let (rows, inner) = block.rows();
            let run = block.axes.last().is_none_or(is_run);
            for row in rows {
                let (to, behind) = rest.split_at_mut(inner.len() * width);
                rest = behind;
                match row {
                    Some(row) if run => to.copy_from_slice(&from[row * width..][..to.len()]),
                    _ => {
                        for (to, offset) in to.chunks_exact_mut(width).zip(inner) {
                            let place = row.zip(*offset).map(|(row, n)| (row + n) * width);
                            to.copy_from_slice(match place {
                                Some(at) => &from[at..at + width],
                                None => &self.filling,
                            });
                        }
                    }
                }
            }
        }
    }
}
