// SPDX-License-Identifier: MIT OR Apache-2.0
//! STRIDED_SLICE with all its masks, which are those of an index expression in Python.

use sepstream_spec::graph::Slice;

use super::candidate::Candidate;

/// The part of one axis: first element, step, number of elements.
fn range(
    size: usize,
    begin: Option<i64>,
    end: Option<i64>,
    step: i64,
) -> Option<(usize, i64, usize)> {
    let size = i64::try_from(size).ok()?;
    // Bounds may count from the back, and are clamped to just outside of the axis, as in Python.
    let (lowest, highest) = if step > 0 { (0, size) } else { (-1, size - 1) };
    let bound = |n: i64| (if n < 0 { n.saturating_add(size) } else { n }).clamp(lowest, highest);
    let (front, back) = if step > 0 { (0, size) } else { (size - 1, -1) };
    let (first, last) = (begin.map_or(front, bound), end.map_or(back, bound));
    let distance = if step > 0 { last - first } else { first - last };
    let count = distance
        .max(0)
        .checked_add(step.checked_abs()? - 1)?
        .checked_div(step.abs())?;
    let first = usize::try_from(first).ok().filter(|_| count > 0)?;
    Some((first, step, usize::try_from(count).ok()?))
}

impl Candidate<'_> {
    /// What STRIDED_SLICE takes of its operand, and the shape of the result. `None` if that is nothing or not possible.
    pub fn strided_slice(&self) -> Option<(Slice, Vec<usize>)> {
        let input = self.shape(0)?;
        let integers = |n: usize| self.input(n)?.integers();
        let (begin, end, step) = (integers(1)?, integers(2)?, integers(3)?);
        let entries = begin.len();
        if [end.len(), step.len()] != [entries; 2] || entries > 31 {
            return None;
        }
        let (begin_mask, end_mask, shrink_mask) = self.options().masks;
        let (ellipsis_mask, new_mask) = self.options().other_masks;
        let set = |mask: i32, n: usize| mask >> n & 1 == 1;
        let ellipsis = (0..entries).find(|&n| set(ellipsis_mask, n));
        let named = (0..entries)
            .filter(|&n| Some(n) != ellipsis && !set(new_mask, n))
            .count();
        let open = input.len().checked_sub(named)?;
        let mut slice = Slice {
            begin: vec![],
            step: vec![],
            size: vec![],
        };
        let mut shape = Vec::new();
        let mut axes = input.iter();
        for n in 0..entries {
            if ellipsis == Some(n) {
                axes.by_ref()
                    .take(open)
                    .for_each(|&size| whole(size, &mut slice, &mut shape));
            } else if set(new_mask, n) {
                shape.push(1);
            } else {
                let &size = axes.next()?;
                let shrink = set(shrink_mask, n);
                let first = Some(begin[n]).filter(|_| shrink || !set(begin_mask, n));
                let last = Some(end[n]).filter(|_| !set(end_mask, n));
                let (first, step, count) = if shrink {
                    let at = Self::axis(begin[n], size)?;
                    (at, 1, 1)
                } else {
                    range(size, first, last, step[n]).filter(|_| step[n] != 0)?
                };
                slice.begin.push(first);
                slice.step.push(isize::try_from(step).ok()?);
                slice.size.push(count);
                if !shrink {
                    shape.push(count);
                }
            }
        }
        axes.for_each(|&size| whole(size, &mut slice, &mut shape));
        Some((slice, shape))
    }
}

/// All of an axis.
fn whole(size: usize, slice: &mut Slice, shape: &mut Vec<usize>) {
    slice.begin.push(0);
    slice.step.push(1);
    slice.size.push(size);
    shape.push(size);
}
