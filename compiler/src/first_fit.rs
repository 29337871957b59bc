// SPDX-License-Identifier: MIT OR Apache-2.0
//! Places in an arena for what lives a while: first fit, the largest first, so that the small ones
//! find room between them.

/// Something that needs a place.
#[derive(Clone, Copy, Debug)]
pub struct Life {
    /// Its bytes.
    pub bytes: u32,
    /// The step from which on it is there.
    pub from: usize,
    /// The last step in which it is.
    pub to: usize,
}

/// The offset of each, in their order, and the bytes of the arena. Two that are there in one step
/// do not overlap.
pub fn first_fit(lives: &[Life]) -> (Vec<u32>, u32) {
    let mut order: Vec<usize> = (0..lives.len()).collect();
    order.sort_by_key(|n| std::cmp::Reverse(lives[*n].bytes));
    let mut offsets: Vec<Option<u32>> = vec![None; lives.len()];
    for n in order {
        let life = lives[n];
        let alive = |other: &Life| other.from <= life.to && life.from <= other.to;
        let placed = lives.iter().zip(&offsets).filter(|(other, _)| alive(other));
        let mut taken: Vec<(u32, u32)> = placed
            .filter_map(|(other, offset)| Some(((*offset)?, (*offset)? + other.bytes)))
            .collect();
        taken.sort_unstable();
        let mut at = 0;
        for (start, end) in taken {
            if at + life.bytes <= start {
                break;
            }
            at = at.max(end);
        }
        offsets[n] = Some(at);
    }
    let offsets: Vec<u32> = offsets.into_iter().map(Option::unwrap_or_default).collect();
    let ends = lives.iter().zip(&offsets).map(|(life, at)| life.bytes + at);
    let bytes = ends.max().unwrap_or(0);
    (offsets, bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lives_together_lies_apart() {
        let life = |bytes, from, to| Life { bytes, from, to };
        let lives = [life(4, 0, 1), life(8, 1, 2), life(4, 2, 3), life(12, 3, 3)];
        let (offsets, bytes) = first_fit(&lives);
        assert_eq!((offsets, bytes), (vec![8, 0, 12, 0], 16));
        assert_eq!(first_fit(&[]), (vec![], 0));
    }
}
