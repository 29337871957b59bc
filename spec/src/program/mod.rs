// SPDX-License-Identifier: MIT OR Apache-2.0
//! The program image: what a host loads to run a network, and how its inputs and outputs lie in the activation memory.
//!
//! File format, little-endian 32-bit words: magic "SSPR", [`VERSION`], fingerprint of the configuration, word bytes, flags
//! (bit 0: input and output keep their places, so the next input may be loaded under a running frame; bit 1: there are tables), number
//! of inputs, number of outputs, then per map the nine numbers of [`MapPort`], then for each memory of [`LOADED`], without tables for
//! the first [`WITHOUT_TABLES`], its length in bytes and the bytes as the host stream takes them, and at the end the CRC-32 (IEEE) of
//! all before it.

mod map;
mod view;

pub use map::MapPort;
pub use view::{ImageView, Maps};

#[cfg(feature = "alloc")]
use crate::config::Config;
use crate::crc32;
use crate::regs::{Memory, VERSION};
#[cfg(feature = "alloc")]
use alloc::vec::Vec;

/// First word of an image: "SSPR" in the order of the bytes.
pub const MAGIC: u32 = u32::from_le_bytes(*b"SSPR");

/// Memories that an image fills, in the order of the file.
pub const LOADED: [Memory; 7] = [
    Memory::Program,
    Memory::Weight,
    Memory::DwWeight,
    Memory::PwParam,
    Memory::DwParam,
    Memory::PwTable,
    Memory::DwTable,
];

/// How many of them an image without tables has.
pub const WITHOUT_TABLES: usize = 5;

/// Flag of an image whose input and output maps keep their places.
const OVERLAPS: u32 = 1;
/// Flag of an image with tables.
const HAS_TABLES: u32 = 2;

/// Bytes of the widest activation word, and so of the widest beat of the host streams.
pub const MAX_WORD_BYTES: u32 = 64;

/// A program image.
#[cfg(feature = "alloc")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// Fingerprint of the configuration that it was compiled for.
    pub fingerprint: u32,
    /// Bytes of an activation word in that configuration.
    pub word_bytes: u32,
    /// Input and output maps keep their places for themselves: the next input may be loaded while a frame runs.
    pub overlap: bool,
    /// Input maps.
    pub inputs: Vec<MapPort>,
    /// Output maps.
    pub outputs: Vec<MapPort>,
    /// Contents of the memories of [`LOADED`], as the host stream takes them.
    pub contents: [Vec<u8>; LOADED.len()],
}

/// Why bytes are no program image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ImageError {
    /// It does not begin with [`MAGIC`].
    NotAProgram,
    /// Another version of the format.
    Version(u32),
    /// It ends too soon, goes on behind its end, or its checksum is wrong.
    Damaged,
    /// Its fingerprint is not the configuration's.
    OtherConfiguration,
}

impl core::fmt::Display for ImageError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            ImageError::NotAProgram => f.write_str("this is no sepstream program; make one with `sepstream compile`"),
            ImageError::Version(v) => {
                write!(f, "the program has format version {v}, this build reads {VERSION}; compile the model again")
            }
            ImageError::Damaged => f.write_str("the program is damaged or cut off; compile the model again"),
            ImageError::OtherConfiguration => {
                f.write_str("the program was compiled for another configuration; compile the model for this one")
            }
        }
    }
}

impl core::error::Error for ImageError {}

#[cfg(feature = "alloc")]
impl Program {
    /// Contents of a memory.
    pub fn content(&self, memory: Memory) -> &[u8] {
        LOADED
            .iter()
            .position(|m| *m == memory)
            .map_or(&[], |at| &self.contents[at])
    }
    /// The image as a file.
    pub fn to_bytes(&self) -> Vec<u8> {
        let tables = self.contents[WITHOUT_TABLES..]
            .iter()
            .any(|content| !content.is_empty());
        let mut flags = 0;
        if self.overlap {
            flags |= OVERLAPS;
        }
        if tables {
            flags |= HAS_TABLES;
        }
        let mut out = Vec::new();
        let head = [
            MAGIC,
            VERSION,
            self.fingerprint,
            self.word_bytes,
            flags,
            self.inputs.len() as u32,
            self.outputs.len() as u32,
        ];
        head.into_iter().for_each(|w| out.extend(w.to_le_bytes()));
        for map in self.inputs.iter().chain(&self.outputs) {
            out.extend(map.to_bytes());
        }
        let count = if tables { LOADED.len() } else { WITHOUT_TABLES };
        for content in &self.contents[..count] {
            out.extend((content.len() as u32).to_le_bytes());
            out.extend(content);
        }
        out.extend(crc32(&[&out]).to_le_bytes());
        out
    }
    /// An image from a file.
    ///
    /// # Errors
    /// When the bytes are no image, of another version, or damaged.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ImageError> {
        let view = ImageView::parse(bytes)?;
        Ok(Program {
            fingerprint: view.fingerprint,
            word_bytes: view.word_bytes,
            overlap: view.overlap,
            inputs: view.inputs.iter().collect(),
            outputs: view.outputs.iter().collect(),
            contents: view.contents.map(<[u8]>::to_vec),
        })
    }
    /// The program as a driver takes it.
    pub fn view(&self) -> ImageView<'_> {
        ImageView {
            fingerprint: self.fingerprint,
            word_bytes: self.word_bytes,
            overlap: self.overlap,
            inputs: Maps::of(&self.inputs),
            outputs: Maps::of(&self.outputs),
            contents: self.contents.each_ref().map(Vec::as_slice),
        }
    }
    /// Checks that the image belongs to a configuration.
    ///
    /// # Errors
    /// When it was compiled for another.
    pub fn check(&self, config: &Config) -> Result<(), ImageError> {
        if self.fingerprint == config.fingerprint() {
            Ok(())
        } else {
            Err(ImageError::OtherConfiguration)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    fn image() -> Program {
        let port = MapPort {
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
        let contents = [
            vec![1; 32],
            vec![2; 16],
            vec![],
            vec![3; 8],
            vec![4],
            vec![5; 24],
            vec![],
        ];
        Program {
            fingerprint: 7,
            word_bytes: 8,
            overlap: true,
            inputs: vec![port],
            outputs: vec![port],
            contents,
        }
    }

    #[test]
    fn images_survive_their_bytes() {
        assert_eq!(Program::from_bytes(&image().to_bytes()), Ok(image()));
    }

    #[test]
    fn images_without_tables_say_nothing_of_them() {
        let mut without = image();
        let long = without.to_bytes().len();
        without.contents[WITHOUT_TABLES].clear();
        let bytes = without.to_bytes();
        assert_eq!(bytes.len(), long - 24 - 8);
        assert_eq!(Program::from_bytes(&bytes), Ok(without));
    }

    #[test]
    fn every_cut_and_every_flipped_bit_is_found() {
        let bytes = image().to_bytes();
        for length in 0..bytes.len() {
            assert!(Program::from_bytes(&bytes[..length]).is_err(), "{length}");
        }
        for bit in 0..bytes.len() * 8 {
            let mut bad = bytes.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert!(Program::from_bytes(&bad).is_err(), "{bit}");
        }
    }

    #[test]
    fn views_of_an_image_and_of_its_program_are_the_same() {
        let (program, bytes) = (image(), image().to_bytes());
        let view = ImageView::parse(&bytes).unwrap();
        assert!(view.memories().eq(program.view().memories()));
        assert!(view.inputs.iter().eq(program.view().inputs.iter()));
        assert_eq!(view.outputs.get(0), Some(program.outputs[0]));
        assert_eq!(view.outputs.get(1), None);
    }

    #[test]
    fn numbers_that_no_image_can_have_are_refused_whatever_the_checksum() {
        let mut bytes = image().to_bytes();
        let length = bytes.len() - 4;
        for word in 2..length / 4 {
            for value in [0, 1, 3, 0x7fff_ffff, 0x8000_0000, u32::MAX] {
                let mut bad = bytes.clone();
                bad[4 * word..][..4].copy_from_slice(&value.to_le_bytes());
                let sum = crc32(&[&bad[..length]]);
                bad[length..].copy_from_slice(&sum.to_le_bytes());
                if let Ok(program) = Program::from_bytes(&bad) {
                    // what is accepted can be used
                    for map in program.inputs.iter().chain(&program.outputs) {
                        assert!(map.bytes(program.word_bytes) < 1 << 30);
                    }
                }
            }
        }
        bytes[12] = 12; // bytes of a word
        let sum = crc32(&[&bytes[..length]]);
        bytes[length..].copy_from_slice(&sum.to_le_bytes());
        assert_eq!(Program::from_bytes(&bytes), Err(ImageError::Damaged));
    }
}
