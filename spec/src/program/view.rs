// SPDX-License-Identifier: MIT OR Apache-2.0
//! A program image without a copy of it.

use super::map::PORT_BYTES;
use super::{
    HAS_TABLES, ImageError, LOADED, MAGIC, MAX_WORD_BYTES, MapPort, OVERLAPS, WITHOUT_TABLES, crc32,
};
use crate::regs::{Memory, VERSION};

/// A program image that stays where it is, for hosts without an allocator. The one place that reads the format.
#[derive(Clone, Copy, Debug)]
pub struct ImageView<'a> {
    /// Fingerprint of the configuration that it was compiled for.
    pub fingerprint: u32,
    /// Bytes of an activation word in that configuration.
    pub word_bytes: u32,
    /// Input and output maps keep their places for themselves: the next input may be loaded while a frame runs.
    pub overlap: bool,
    /// Input maps.
    pub inputs: Maps<'a>,
    /// Output maps.
    pub outputs: Maps<'a>,
    /// Contents of the memories of [`LOADED`], as the host stream takes them.
    pub contents: [&'a [u8]; LOADED.len()],
}

impl<'a> ImageView<'a> {
    /// Reads an image. What it says is consistent then: every map's numbers are possible, every length is right.
    ///
    /// # Errors
    /// When the bytes are no image, of another version, or damaged.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ImageError> {
        let mut head = Reader { rest: bytes };
        if head.word() != Ok(MAGIC) {
            return Err(ImageError::NotAProgram);
        }
        let version = head.word()?;
        if version != VERSION {
            return Err(ImageError::Version(version));
        }
        let (body, sum) = head
            .rest
            .split_last_chunk::<4>()
            .ok_or(ImageError::Damaged)?;
        if crc32(&[&bytes[..bytes.len() - sum.len()]]) != u32::from_le_bytes(*sum) {
            return Err(ImageError::Damaged);
        }
        let mut reader = Reader { rest: body };
        let [fingerprint, word_bytes, flags] = reader.words()?;
        let [inputs, outputs] = reader.words()?;
        if !word_bytes.is_power_of_two() || word_bytes > MAX_WORD_BYTES {
            return Err(ImageError::Damaged);
        }
        let inputs = reader.maps(inputs, word_bytes)?;
        let outputs = reader.maps(outputs, word_bytes)?;
        let mut contents = [&[][..]; LOADED.len()];
        let count = match flags & HAS_TABLES {
            0 => WITHOUT_TABLES,
            _ => LOADED.len(),
        };
        for content in &mut contents[..count] {
            let length = reader.word()?;
            *content = reader.bytes(length as usize)?;
        }
        if !reader.rest.is_empty() {
            return Err(ImageError::Damaged);
        }
        Ok(ImageView {
            fingerprint,
            word_bytes,
            overlap: flags & OVERLAPS != 0,
            inputs,
            outputs,
            contents,
        })
    }
    /// The memories that the image fills, with their contents.
    pub fn memories(&self) -> impl Iterator<Item = (Memory, &'a [u8])> {
        LOADED.into_iter().zip(self.contents)
    }
}

/// Maps of an image.
#[derive(Clone, Copy, Debug)]
pub struct Maps<'a>(Source<'a>);

#[derive(Clone, Copy, Debug)]
enum Source<'a> {
    Image(&'a [[u8; PORT_BYTES]]),
    Program(&'a [MapPort]),
}

impl<'a> Maps<'a> {
    /// Maps that lie elsewhere than in an image.
    pub fn of(maps: &'a [MapPort]) -> Self {
        Maps(Source::Program(maps))
    }
    /// Number of maps.
    pub fn len(&self) -> usize {
        match self.0 {
            Source::Image(maps) => maps.len(),
            Source::Program(maps) => maps.len(),
        }
    }
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// A map.
    pub fn get(&self, index: usize) -> Option<MapPort> {
        match self.0 {
            Source::Image(maps) => maps.get(index).map(MapPort::from_bytes),
            Source::Program(maps) => maps.get(index).copied(),
        }
    }
    /// All maps in order.
    pub fn iter(self) -> impl Iterator<Item = MapPort> + 'a {
        (0..self.len()).filter_map(move |index| self.get(index))
    }
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn bytes(&mut self, length: usize) -> Result<&'a [u8], ImageError> {
        let (now, rest) = self
            .rest
            .split_at_checked(length)
            .ok_or(ImageError::Damaged)?;
        self.rest = rest;
        Ok(now)
    }
    fn word(&mut self) -> Result<u32, ImageError> {
        let (word, rest) = self
            .rest
            .split_first_chunk::<4>()
            .ok_or(ImageError::Damaged)?;
        self.rest = rest;
        Ok(u32::from_le_bytes(*word))
    }
    fn words<const N: usize>(&mut self) -> Result<[u32; N], ImageError> {
        let mut out = [0; N];
        for word in &mut out {
            *word = self.word()?;
        }
        Ok(out)
    }
    fn maps(&mut self, count: u32, word_bytes: u32) -> Result<Maps<'a>, ImageError> {
        let length = (count as usize)
            .checked_mul(PORT_BYTES)
            .ok_or(ImageError::Damaged)?;
        let maps = Maps(Source::Image(self.bytes(length)?.as_chunks().0));
        if maps.iter().all(|map| map.is_sound(word_bytes)) {
            Ok(maps)
        } else {
            Err(ImageError::Damaged)
        }
    }
}
