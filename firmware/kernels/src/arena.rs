// SPDX-License-Identifier: MIT OR Apache-2.0
//! The memory of all maps, while one of them is written.

/// The arena without the map that is written.
pub struct Arena<'a> {
    before: &'a [u8],
    /// Offset of what follows the written map.
    behind_at: usize,
    behind: &'a [u8],
}

impl<'a> Arena<'a> {
    /// Takes out the map that is written.
    pub fn split(arena: &'a mut [u8], offset: u32, bytes: usize) -> Option<(Self, &'a mut [i8])> {
        let (before, rest) = arena.split_at_mut_checked(offset as usize)?;
        let (written, behind) = rest.split_at_mut_checked(bytes)?;
        let arena = Arena {
            before,
            behind_at: offset as usize + bytes,
            behind,
        };
        Some((arena, bytemuck::cast_slice_mut(written)))
    }
    /// A map that is read; `None` where it overlaps the written one.
    pub fn map(&self, offset: u32, bytes: usize) -> Option<&'a [i8]> {
        let at = offset as usize;
        let map = match at.checked_sub(self.behind_at) {
            Some(at) => self.behind.get(at..at.checked_add(bytes)?),
            None => self.before.get(at..at.checked_add(bytes)?),
        };
        map.map(bytemuck::cast_slice)
    }
}
