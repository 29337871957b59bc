// SPDX-License-Identifier: MIT OR Apache-2.0
//! Walking tensors of different shapes together, as numpy broadcasts.

/// Rows in which every operand either advances with each element or stands still.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Walk<const N: usize> {
    /// Elements in a row.
    pub length: usize,
    /// 1 for an operand that advances, 0 for one that stands still.
    pub step: [usize; N],
    /// Where each row starts in each operand. All rows together visit `shape` in row-major order.
    pub rows: Vec<[usize; N]>,
}

impl<const N: usize> Walk<N> {
    /// Rows over `shape`. Shapes of operands are aligned at the innermost axis; `None` if one does not broadcast.
    pub fn new(shape: &[usize], operands: [&[usize]; N]) -> Option<Self> {
        let mut axes: Vec<(usize, [bool; N])> = Vec::new();
        for (depth, &size) in shape.iter().rev().enumerate() {
            let mut advances = [false; N];
            for (advance, operand) in advances.iter_mut().zip(operands) {
                let own = operand.iter().rev().nth(depth).copied().unwrap_or(1);
                if own != size && own != 1 {
                    return None;
                }
                *advance = own == size;
            }
            match axes.last_mut() {
                _ if size == 1 => {}
                // Neighbouring axes along which everyone does the same are one longer axis.
                Some((length, same)) if *same == advances => *length *= size,
                _ => axes.push((size, advances)),
            }
        }
        if operands
            .iter()
            .any(|o| o.iter().rev().skip(shape.len()).any(|&n| n != 1))
        {
            return None;
        }
        let (length, advances) = if axes.is_empty() {
            (1, [true; N])
        } else {
            axes.remove(0)
        };
        let mut rows = vec![[0; N]];
        let mut strides = advances.map(|a| if a { length } else { 1 });
        for (size, advances) in axes {
            let step: [usize; N] =
                std::array::from_fn(|n| if advances[n] { strides[n] } else { 0 });
            let shifted = |i: usize| {
                rows.iter()
                    .map(move |row: &[usize; N]| std::array::from_fn(|n| row[n] + i * step[n]))
            };
            rows = (0..size).flat_map(shifted).collect();
            strides = std::array::from_fn(|n| {
                if advances[n] {
                    strides[n] * size
                } else {
                    strides[n]
                }
            });
        }
        Some(Walk {
            length,
            step: advances.map(usize::from),
            rows,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn visited<const N: usize>(walk: &Walk<N>) -> Vec<[usize; N]> {
        let element =
            |row: &[usize; N], i: usize| std::array::from_fn(|n| row[n] + i * walk.step[n]);
        walk.rows
            .iter()
            .flat_map(|row| (0..walk.length).map(move |i| element(row, i)))
            .collect()
    }

    #[test]
    fn same_shapes_are_one_row() {
        let walk = Walk::new(&[1, 4, 5, 6], [&[1, 4, 5, 6], &[4, 5, 6], &[]]).unwrap();
        assert_eq!(
            (walk.length, walk.step, walk.rows.len()),
            (120, [1, 1, 0], 1)
        );
    }

    #[test]
    fn visits_what_indices_say() {
        let walk = Walk::new(&[2, 3, 4], [&[2, 3, 4], &[2, 1, 4], &[3, 1]]).unwrap();
        let mut want = Vec::new();
        for a in 0..2 {
            for b in 0..3 {
                for c in 0..4 {
                    want.push([(a * 3 + b) * 4 + c, a * 4 + c, b]);
                }
            }
        }
        assert_eq!(visited(&walk), want);
    }

    #[test]
    fn odd_shapes() {
        assert_eq!(Walk::new(&[2, 3], [&[2]]), None);
        assert_eq!(Walk::new(&[3], [&[2, 3]]), None);
        assert!(visited(&Walk::new(&[0, 3], [&[0, 3]]).unwrap()).is_empty());
        assert_eq!(visited(&Walk::new(&[], [&[], &[1, 1]]).unwrap()), [[0, 0]]);
    }
}
