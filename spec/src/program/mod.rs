// SPDX-License-Identifier: MIT OR Apache-2.0
//! The program image: what a host loads to run a network, and how its inputs and outputs lie in the
//! activation memory.
//!
//! A network is cut into segments, of the accelerator and of the host ([`Segment`]). The
//! accelerator's memories of weights and parameters are filled once; before each run the host loads
//! the commands of that run, if they are not there already, and the maps that it reads. A network
//! with one run has all its commands loaded with the rest.
//!
//! File format, little-endian 32-bit words: magic "SSPR", [`VERSION`], fingerprint of the
//! configuration, word bytes, flags (bit 0: input and output keep their places, so the next input
//! may be loaded under a running frame; bit 1: there are tables), number of tensors, of inputs, of
//! outputs, words of all segments; the numbers of each [`HostTensor`]; the network's inputs and its
//! outputs, by their place in the list of tensors; the segments. Then for each memory of
//! [`LOADED`], without tables for the first [`WITHOUT_TABLES`], its length in bytes and the bytes
//! as the host stream takes them, and at the end the CRC-32 (IEEE) of all before it.
//!
//! A segment: kind (0 host, 1 accelerator), number of tensors that it reads, of those that it
//! writes, number of layers (host) or bytes of commands (accelerator); the tensors read and
//! written; then its layers, or the nine numbers of [`MapPort`] of each tensor, in the same order.

mod map;
mod segment;
mod view;

pub use map::MapPort;
pub use segment::HostTensor;
#[cfg(feature = "alloc")]
pub use segment::{Run, Segment, Work};
pub use view::{ImageView, Maps, Numbers, RunView, SegmentView, Segments, WorkView};

#[cfg(feature = "alloc")]
use crate::config::Config;
use crate::crc32;
use crate::regs::Memory;
#[cfg(feature = "alloc")]
use alloc::vec::Vec;
#[cfg(feature = "alloc")]
use segment::{ACCELERATOR, HOST};

/// First word of an image: "SSPR" in the order of the bytes.
pub const MAGIC: u32 = u32::from_le_bytes(*b"SSPR");

/// Version of the image, the commands in it included.
pub const VERSION: u32 = 2;

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
    /// Input and output maps keep their places for themselves: the next input may be loaded while a
    /// frame runs.
    pub overlap: bool,
    /// The tensors that segments read and write.
    pub tensors: Vec<HostTensor>,
    /// The network's inputs, by their place in `tensors`.
    pub inputs: Vec<u32>,
    /// The network's outputs.
    pub outputs: Vec<u32>,
    /// Host and accelerator in turn, in the order of execution.
    pub segments: Vec<Segment>,
    /// Contents of the memories of [`LOADED`], as the host stream takes them; of the program those
    /// of all runs.
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
    /// The runs of the accelerator in their order.
    pub fn runs(&self) -> impl Iterator<Item = &Run> {
        self.segments
            .iter()
            .filter_map(|segment| match &segment.work {
                Work::Accelerator(run) => Some(run),
                Work::Host(_) => None,
            })
    }
    /// A run of the accelerator; one that there is not has no maps.
    pub fn run(&self, index: usize) -> Run {
        self.runs().nth(index).cloned().unwrap_or_default()
    }
    /// The commands of a run, as the host stream takes them.
    pub fn commands(&self, index: usize) -> &[u8] {
        let bytes = |run: &Run| run.command_bytes as usize;
        let first: usize = self.runs().take(index).map(bytes).sum();
        let length = self.runs().nth(index).map_or(0, bytes);
        let all = self.content(Memory::Program);
        all.get(first..first + length).unwrap_or_default()
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
        let segments: Vec<u8> = self.segments.iter().flat_map(Segment::to_bytes).collect();
        let head = [
            MAGIC,
            VERSION,
            self.fingerprint,
            self.word_bytes,
            flags,
            self.tensors.len() as u32,
            self.inputs.len() as u32,
            self.outputs.len() as u32,
            (segments.len() / 4) as u32,
        ];
        let tensors = self.tensors.iter();
        let tensors = tensors.flat_map(|tensor| [tensor.index, tensor.offset, tensor.bytes]);
        let ends = self.inputs.iter().chain(&self.outputs).copied();
        let words = head.into_iter().chain(tensors).chain(ends);
        let mut out: Vec<u8> = words.flat_map(u32::to_le_bytes).collect();
        out.extend(segments);
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
        Ok(Program::from(&ImageView::parse(bytes)?))
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

#[cfg(feature = "alloc")]
impl From<&ImageView<'_>> for Program {
    fn from(view: &ImageView<'_>) -> Self {
        let segment = |segment: SegmentView<'_>| Segment {
            reads: segment.reads.iter().collect(),
            writes: segment.writes.iter().collect(),
            work: match segment.work {
                WorkView::Host(layers) => Work::Host(layers.iter().collect()),
                WorkView::Accelerator(run) => Work::Accelerator(Run {
                    inputs: run.inputs.iter().collect(),
                    outputs: run.outputs.iter().collect(),
                    command_bytes: run.commands.len() as u32,
                }),
            },
        };
        Program {
            fingerprint: view.fingerprint,
            word_bytes: view.word_bytes,
            overlap: view.overlap,
            tensors: view.tensors().collect(),
            inputs: view.inputs.iter().collect(),
            outputs: view.outputs.iter().collect(),
            segments: view.segments().map(segment).collect(),
            contents: view.contents.map(<[u8]>::to_vec),
        }
    }
}

#[cfg(feature = "alloc")]
impl Segment {
    /// The segment in an image.
    fn to_bytes(&self) -> Vec<u8> {
        let (kind, length) = match &self.work {
            Work::Host(layers) => (HOST, layers.len() as u32),
            Work::Accelerator(run) => (ACCELERATOR, run.command_bytes),
        };
        let counts = [&self.reads, &self.writes].map(|tensors| tensors.len() as u32);
        let head = [kind, counts[0], counts[1], length];
        let tensors = self.reads.iter().chain(&self.writes).copied();
        let words = head.into_iter().chain(tensors);
        let mut out: Vec<u8> = words.flat_map(u32::to_le_bytes).collect();
        match &self.work {
            Work::Host(layers) => out.extend(layers.iter().flat_map(|layer| layer.to_le_bytes())),
            Work::Accelerator(run) => {
                let maps = run.inputs.iter().chain(&run.outputs);
                out.extend(maps.flat_map(|map| map.to_bytes()));
            }
        }
        out
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
            vec![1; 48],
            vec![2; 16],
            vec![],
            vec![3; 8],
            vec![4],
            vec![5; 24],
            vec![],
        ];
        let tensor = |index, offset| HostTensor {
            index,
            offset,
            bytes: 30,
        };
        let run = |read, write, command_bytes| Segment {
            reads: vec![read],
            writes: vec![write],
            work: Work::Accelerator(Run {
                inputs: vec![port],
                outputs: vec![port],
                command_bytes,
            }),
        };
        let host = Segment {
            reads: vec![1],
            writes: vec![2],
            work: Work::Host(vec![4, 7]),
        };
        Program {
            fingerprint: 7,
            word_bytes: 8,
            overlap: false,
            tensors: vec![tensor(0, 0), tensor(9, 32), tensor(11, 0)],
            inputs: vec![0],
            outputs: vec![1],
            segments: vec![run(0, 1, 32), host, run(2, 1, 16)],
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
    fn a_view_has_the_segments_of_its_program() {
        let (program, bytes) = (image(), image().to_bytes());
        let view = ImageView::parse(&bytes).unwrap();
        assert_eq!(Program::from(&view), program);
        assert_eq!(view.arena_bytes(), 62);
        assert_eq!(view.tensor(1), Some(program.tensors[1]));
        assert_eq!(view.tensor(3), None);
        let runs: Vec<RunView<'_>> = view.runs().collect();
        assert_eq!(runs.len(), program.runs().count());
        for (n, run) in runs.iter().enumerate() {
            assert_eq!(run.index, n as u32);
            assert_eq!(run.commands, program.commands(n));
            assert!(run.inputs.iter().eq(program.run(n).inputs));
            assert_eq!(run.outputs.get(0), Some(program.run(n).outputs[0]));
            assert_eq!(run.outputs.get(1), None);
        }
        assert_eq!(
            [program.commands(0).len(), program.commands(1).len()],
            [32, 16]
        );
        assert!(program.commands(2).is_empty());
    }

    #[test]
    fn segments_that_do_not_hold_together_are_refused() {
        let refused = |change: fn(&mut Program)| {
            let mut program = image();
            change(&mut program);
            let read = Program::from_bytes(&program.to_bytes());
            assert_eq!(read, Err(ImageError::Damaged));
        };
        refused(|p| p.inputs[0] = 3);
        refused(|p| p.outputs.push(9));
        refused(|p| p.segments[1].writes[0] = 3);
        refused(|p| p.tensors[1].offset = 33);
        refused(|p| p.tensors[1].offset = u32::MAX - 3);
        refused(|p| p.tensors[1].bytes = 29); // its map has 30 elements
        refused(|p| p.contents[0].truncate(47)); // commands that are not there
        refused(|p| p.contents[0].push(0)); // and some that are no run's
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
                    for run in program.runs() {
                        for map in run.inputs.iter().chain(&run.outputs) {
                            assert!(map.bytes(program.word_bytes) < 1 << 30);
                        }
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
