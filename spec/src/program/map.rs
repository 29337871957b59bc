// SPDX-License-Identifier: MIT OR Apache-2.0
//! How feature maps lie in the activation memory.

#[cfg(feature = "alloc")]
use alloc::{vec, vec::Vec};

/// How a feature map lies in the activation memory: rows of whole words, pixels of `pixel_bytes`, channel c of a pixel at
/// byte `c / lanes * pitch + c % lanes`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MapPort {
    /// First word.
    pub base: u32,
    /// Rows.
    pub rows: u32,
    /// Columns.
    pub cols: u32,
    /// Channels.
    pub channels: u32,
    /// Words of a row.
    pub row_words: u32,
    /// Bytes of a pixel.
    pub pixel_bytes: u32,
    /// Channels of a lane group.
    pub lanes: u32,
    /// Bytes from one lane group to the next.
    pub pitch: u32,
    /// Command that reads the map last (inputs; the host may load the next one behind it) or writes it (outputs; the host
    /// must have fetched the one before by then).
    pub command: u32,
}

/// Bytes of a map's numbers in an image.
pub(super) const PORT_BYTES: usize = 9 * 4;

/// Words that a map may reach to, far above the largest memory: so small that no product of a checked map's numbers
/// overflows.
const MAX_WORDS: u64 = 1 << 24;

impl MapPort {
    /// Byte of a channel in its pixel.
    pub fn position(&self, channel: u32) -> u32 {
        channel / self.lanes * self.pitch + channel % self.lanes
    }
    /// Words that the map takes.
    pub fn words(&self) -> u32 {
        self.rows * self.row_words
    }
    /// Bytes that the map takes.
    pub fn bytes(&self, word_bytes: u32) -> usize {
        self.words() as usize * word_bytes as usize
    }
    /// Elements of the map.
    pub fn elements(&self) -> usize {
        self.rows as usize * self.cols as usize * self.channels as usize
    }
    /// The bytes of the map in runs, in the order of the memory: where a run begins in the tensor (`None`: it holds no element),
    /// and its bytes. What [`MapPort::layout`] says byte by byte, several times quicker on a small processor.
    ///
    /// # Errors
    /// The first that `each` has.
    pub fn try_runs<E>(
        &self,
        word_bytes: u32,
        mut each: impl FnMut(Option<usize>, usize) -> Result<(), E>,
    ) -> Result<(), E> {
        let numbers = [
            self.cols,
            self.channels,
            self.pixel_bytes,
            self.lanes,
            self.pitch,
        ];
        let [cols, channels, pixel_bytes, lanes, pitch] = numbers.map(|n| n as usize);
        let row_bytes = self.row_words as usize * word_bytes as usize;
        let gapless = pixel_bytes == channels && (pitch == lanes || channels <= lanes);
        for y in 0..self.rows as usize {
            let first = y * cols * channels;
            if gapless {
                each(Some(first), cols * channels)?;
            } else {
                for x in 0..cols {
                    let pixel = first + x * channels;
                    let mut at = 0;
                    for group in (0..channels).step_by(lanes) {
                        let here = lanes.min(channels - group);
                        each(Some(pixel + group), here)?;
                        at += here;
                        let gap = pitch
                            .saturating_sub(here)
                            .min(pixel_bytes.saturating_sub(at));
                        each(None, gap)?;
                        at += gap;
                    }
                    each(None, pixel_bytes.saturating_sub(at))?;
                }
            }
            each(None, row_bytes.saturating_sub(cols * pixel_bytes))?;
        }
        Ok(())
    }
    /// For every byte of the map, in the order of the memory: the element of the tensor (row, column, channel) that it holds.
    ///
    /// No divisions, for processors that have none.
    pub fn layout(self, word_bytes: u32) -> impl Iterator<Item = Option<usize>> {
        let row_bytes = self.row_words as usize * word_bytes as usize;
        let [rows, cols, channels] = [self.rows, self.cols, self.channels].map(|n| n as usize);
        (0..rows).flat_map(move |y| {
            let pixels = (0..cols).flat_map(move |x| {
                let first = (y * cols + x) * channels;
                self.pixel().map(move |channel| Some(first + channel?))
            });
            pixels.chain(core::iter::repeat(None)).take(row_bytes)
        })
    }
    /// For every byte of a pixel its channel.
    fn pixel(self) -> impl Iterator<Item = Option<usize>> {
        let [channels, lanes, pitch] = [self.channels, self.lanes, self.pitch].map(|n| n as usize);
        let groups = (0..channels).step_by(lanes).flat_map(move |first| {
            let here = lanes.min(channels - first);
            (0..pitch).map(move |lane| (lane < here).then_some(first + lane))
        });
        groups
            .chain(core::iter::repeat(None))
            .take(self.pixel_bytes as usize)
    }
    /// The bytes of the map's words from a dense tensor (row, column, channel); bytes that hold no element are 0.
    ///
    /// `None` when `tensor` has another size.
    pub fn packed(self, tensor: &[u8], word_bytes: u32) -> Option<impl Iterator<Item = u8>> {
        (tensor.len() == self.elements()).then(|| {
            self.layout(word_bytes)
                .map(|element| element.map_or(0, |at| tensor[at]))
        })
    }
    /// [`MapPort::packed`] as a vector.
    #[cfg(feature = "alloc")]
    pub fn pack(&self, tensor: &[u8], word_bytes: u32) -> Option<Vec<u8>> {
        let mut out = Vec::with_capacity(self.bytes(word_bytes));
        self.packed(tensor, word_bytes)?
            .for_each(|byte| out.push(byte));
        Some(out)
    }
    /// The dense tensor from the map's words.
    ///
    /// `None` when `words` is shorter than the map.
    #[cfg(feature = "alloc")]
    pub fn unpack(&self, words: &[u8], word_bytes: u32) -> Option<Vec<u8>> {
        let words = words.get(..self.bytes(word_bytes))?;
        let mut out = vec![0; self.elements()];
        for (element, byte) in self.layout(word_bytes).zip(words) {
            if let Some(at) = element {
                out[at] = *byte;
            }
        }
        Some(out)
    }
    /// Whether every element has a byte of its own within its pixel, every pixel within its row, and all of it fits a memory.
    pub(super) fn is_sound(&self, word_bytes: u32) -> bool {
        let wide = |n: u32| u64::from(n);
        let some = [self.rows, self.cols, self.channels, self.lanes];
        let reach = wide(self.base) + wide(self.rows) * wide(self.row_words);
        some.iter().all(|n| *n > 0)
            && self.pitch >= self.lanes
            && wide((self.channels - 1) / self.lanes) * wide(self.pitch)
                + wide((self.channels - 1) % self.lanes)
                < wide(self.pixel_bytes)
            && wide(self.cols) * wide(self.pixel_bytes) <= wide(self.row_words) * wide(word_bytes)
            && reach <= MAX_WORDS
    }
    #[cfg(feature = "alloc")]
    pub(super) fn to_bytes(self) -> [u8; PORT_BYTES] {
        let p = self;
        let numbers = [
            p.base,
            p.rows,
            p.cols,
            p.channels,
            p.row_words,
            p.pixel_bytes,
            p.lanes,
            p.pitch,
            p.command,
        ];
        let mut out = [0; PORT_BYTES];
        for (bytes, number) in out.as_chunks_mut().0.iter_mut().zip(numbers) {
            *bytes = number.to_le_bytes();
        }
        out
    }
    pub(super) fn from_bytes(bytes: &[u8; PORT_BYTES]) -> Self {
        let word = |n: usize| {
            let [a, b, c, d] = [0, 1, 2, 3].map(|i| bytes[4 * n + i]);
            u32::from_le_bytes([a, b, c, d])
        };
        let [
            base,
            rows,
            cols,
            channels,
            row_words,
            pixel_bytes,
            lanes,
            pitch,
            command,
        ] = core::array::from_fn(word);
        MapPort {
            base,
            rows,
            cols,
            channels,
            row_words,
            pixel_bytes,
            lanes,
            pitch,
            command,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PORT: MapPort = MapPort {
        base: 3,
        rows: 2,
        cols: 3,
        channels: 5,
        row_words: 4,
        pixel_bytes: 8,
        lanes: 3,
        pitch: 4,
        command: 0,
    };

    #[test]
    fn maps_survive_packing() {
        let tensor: Vec<u8> = (0..PORT.elements() as u8).collect();
        let words = PORT.pack(&tensor, 8).unwrap();
        assert_eq!(words.len(), 2 * 4 * 8);
        assert_eq!(words[..8], [0, 1, 2, 0, 3, 4, 0, 0]);
        assert_eq!(PORT.unpack(&words, 8).unwrap(), tensor);
        assert_eq!(PORT.pack(&tensor[1..], 8), None);
        assert_eq!(PORT.unpack(&words[..8], 8), None);
    }

    #[test]
    fn runs_are_the_layout() {
        let mut sound = 0;
        for (channels, lanes, pitch) in [
            (5, 3, 3),
            (5, 3, 4),
            (8, 8, 8),
            (3, 8, 8),
            (3, 8, 16),
            (16, 8, 8),
            (4, 4, 8),
        ] {
            for pixel_bytes in [3, 4, 5, 6, 8, 16] {
                for (cols, row_words) in [(2, 1), (2, 2), (2, 4), (8, 3), (8, 5), (1, 1)] {
                    let port = MapPort {
                        cols,
                        channels,
                        row_words,
                        pixel_bytes,
                        lanes,
                        pitch,
                        ..PORT
                    };
                    if !port.is_sound(8) {
                        continue;
                    }
                    let mut bytes = Vec::new();
                    let done = port.try_runs(8, |element, count| {
                        bytes.extend((0..count).map(|n| element.map(|first| first + n)));
                        Ok::<_, ()>(())
                    });
                    assert_eq!(done, Ok(()));
                    assert!(port.layout(8).eq(bytes), "{port:?}");
                    sound += 1;
                }
            }
        }
        assert!(sound > 30, "{sound}");
    }

    #[test]
    fn the_layout_puts_every_channel_at_its_position() {
        for (channels, lanes, pitch) in [(5, 3, 4), (1, 8, 8), (9, 1, 1), (16, 8, 8), (7, 7, 8)] {
            let pixel_bytes = u32::div_ceil(channels, lanes) * pitch;
            let port = MapPort {
                channels,
                lanes,
                pitch,
                pixel_bytes,
                row_words: (3 * pixel_bytes).div_ceil(8),
                ..PORT
            };
            assert!(port.is_sound(8));
            let layout: Vec<_> = port.layout(8).collect();
            assert_eq!(layout.len(), port.bytes(8));
            let mut element = 0;
            for y in 0..port.rows {
                for x in 0..port.cols {
                    for c in 0..channels {
                        let at = y * port.row_words * 8 + x * pixel_bytes + port.position(c);
                        assert_eq!(layout[at as usize], Some(element));
                        element += 1;
                    }
                }
            }
            assert_eq!(layout.iter().flatten().count(), port.elements());
        }
    }

    #[test]
    fn numbers_that_no_map_can_have_are_found() {
        assert!(PORT.is_sound(8));
        let bad = [
            MapPort { rows: 0, ..PORT },
            MapPort { cols: 0, ..PORT },
            MapPort {
                channels: 0,
                ..PORT
            },
            MapPort { lanes: 0, ..PORT },
            MapPort { lanes: 5, ..PORT },
            MapPort {
                pixel_bytes: 5,
                ..PORT
            },
            MapPort { cols: 5, ..PORT },
            MapPort {
                base: 1 << 24,
                ..PORT
            },
            MapPort {
                rows: u32::MAX,
                row_words: u32::MAX,
                ..PORT
            },
            MapPort {
                channels: u32::MAX,
                pitch: u32::MAX,
                ..PORT
            },
        ];
        for port in bad {
            assert!(!port.is_sound(8), "{port:?}");
        }
    }
}
