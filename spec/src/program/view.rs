// SPDX-License-Identifier: MIT OR Apache-2.0
//! A program image without a copy of it.

use super::map::PORT_BYTES;
use super::segment::{ACCELERATOR, HOST, HostTensor, TENSOR_WORDS};
use super::{
    HAS_TABLES, ImageError, LOADED, MAGIC, MAX_WORD_BYTES, MapPort, OVERLAPS, VERSION,
    WITHOUT_TABLES, crc32,
};
use crate::regs::Memory;

/// Words of an image.
type Words<'a> = &'a [[u8; 4]];

/// A program image that stays where it is, for hosts without an allocator. The one place that reads
/// the format.
#[derive(Clone, Copy, Debug)]
pub struct ImageView<'a> {
    /// Fingerprint of the configuration that it was compiled for.
    pub fingerprint: u32,
    /// Bytes of an activation word in that configuration.
    pub word_bytes: u32,
    /// Input and output maps keep their places for themselves: the next input may be loaded while a
    /// frame runs.
    pub overlap: bool,
    /// The network's inputs, by their place in the list of tensors.
    pub inputs: Numbers<'a>,
    /// The network's outputs.
    pub outputs: Numbers<'a>,
    /// Contents of the memories of [`LOADED`], as the host stream takes them; of the program those
    /// of all runs.
    pub contents: [&'a [u8]; LOADED.len()],
    tensors: Words<'a>,
    segments: Words<'a>,
}

/// Numbers in an image.
#[derive(Clone, Copy, Debug)]
pub struct Numbers<'a>(Words<'a>);

/// Maps of an image.
#[derive(Clone, Copy, Debug)]
pub struct Maps<'a>(&'a [[u8; PORT_BYTES]]);

/// A segment of an image.
#[derive(Clone, Copy, Debug)]
pub struct SegmentView<'a> {
    /// The tensors that it reads, by their place in the list of tensors.
    pub reads: Numbers<'a>,
    /// The tensors that it writes.
    pub writes: Numbers<'a>,
    /// What it does.
    pub work: WorkView<'a>,
}

/// What a segment does.
#[derive(Clone, Copy, Debug)]
pub enum WorkView<'a> {
    /// The host runs these layers, by their indices in the model file.
    Host(Numbers<'a>),
    /// The accelerator runs commands.
    Accelerator(RunView<'a>),
}

/// A run of the accelerator.
#[derive(Clone, Copy, Debug)]
pub struct RunView<'a> {
    /// Which run of the image it is, from 0.
    pub index: u32,
    /// The maps of the tensors that the segment reads, in their order.
    pub inputs: Maps<'a>,
    /// The maps of the tensors that it writes.
    pub outputs: Maps<'a>,
    /// Its commands, as the host stream takes them.
    pub commands: &'a [u8],
}

impl<'a> ImageView<'a> {
    /// Reads an image. What it says is consistent then: every map's numbers are possible, every
    /// length is right.
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
        let [fingerprint, word_bytes, flags] = reader.numbers()?;
        let [tensors, inputs, outputs, segments] = reader.numbers()?;
        if !word_bytes.is_power_of_two() || word_bytes > MAX_WORD_BYTES {
            return Err(ImageError::Damaged);
        }
        let tensors = tensors
            .checked_mul(TENSOR_WORDS as u32)
            .ok_or(ImageError::Damaged)?;
        let tensors = reader.words(tensors)?;
        let (inputs, outputs) = (reader.words(inputs)?, reader.words(outputs)?);
        let segments = reader.words(segments)?;
        let mut contents = [&[][..]; LOADED.len()];
        let count = match flags & HAS_TABLES {
            0 => WITHOUT_TABLES,
            _ => LOADED.len(),
        };
        for content in &mut contents[..count] {
            let length = reader.word()?;
            *content = reader.bytes(length as usize)?;
        }
        let view = ImageView {
            fingerprint,
            word_bytes,
            overlap: flags & OVERLAPS != 0,
            inputs: Numbers(inputs),
            outputs: Numbers(outputs),
            contents,
            tensors,
            segments,
        };
        if reader.rest.is_empty() && view.is_sound() {
            Ok(view)
        } else {
            Err(ImageError::Damaged)
        }
    }
    /// The memories that the image fills, with their contents.
    pub fn memories(&self) -> impl Iterator<Item = (Memory, &'a [u8])> {
        LOADED.into_iter().zip(self.contents)
    }
    /// The tensors that segments read and write.
    pub fn tensors(&self) -> impl Iterator<Item = HostTensor> + 'a {
        self.tensors.as_chunks().0.iter().map(host_tensor)
    }
    /// A tensor by its place in the list.
    pub fn tensor(&self, number: u32) -> Option<HostTensor> {
        let tensors = self.tensors.as_chunks().0;
        tensors.get(number as usize).map(host_tensor)
    }
    /// Bytes of the host's arena.
    pub fn arena_bytes(&self) -> usize {
        let end = |tensor: HostTensor| tensor.offset as usize + tensor.bytes as usize;
        self.tensors().map(end).max().unwrap_or(0)
    }
    /// The segments in their order.
    pub fn segments(&self) -> Segments<'a> {
        Segments {
            rest: Reader {
                rest: self.segments.as_flattened(),
            },
            commands: self.contents[0],
            runs: 0,
        }
    }
    /// The runs of the accelerator in their order.
    pub fn runs(&self) -> impl Iterator<Item = RunView<'a>> + 'a {
        self.segments().filter_map(|segment| match segment.work {
            WorkView::Accelerator(run) => Some(run),
            WorkView::Host(_) => None,
        })
    }

    /// Whether segments name tensors that there are, with maps of their sizes, and all commands are
    /// some run's.
    fn is_sound(&self) -> bool {
        let count = (self.tensors.len() / TENSOR_WORDS) as u32;
        let known = |numbers: Numbers<'a>| numbers.iter().all(|number| number < count);
        let placed = |tensor: HostTensor| {
            tensor.offset.is_multiple_of(4) && tensor.offset.checked_add(tensor.bytes).is_some()
        };
        let mut segments = self.segments();
        let each = segments.by_ref().all(|segment| {
            let fits = |(number, map): (u32, MapPort)| {
                let bytes = self.tensor(number).map(|tensor| tensor.bytes as usize);
                map.is_sound(self.word_bytes) && bytes == Some(map.elements())
            };
            known(segment.reads)
                && known(segment.writes)
                && match segment.work {
                    WorkView::Host(_) => true,
                    WorkView::Accelerator(run) => {
                        let reads = segment.reads.iter().zip(run.inputs.iter());
                        reads
                            .chain(segment.writes.iter().zip(run.outputs.iter()))
                            .all(fits)
                    }
                }
        });
        let all_read = segments.rest.rest.is_empty() && segments.commands.is_empty();
        each && all_read && known(self.inputs) && known(self.outputs) && self.tensors().all(placed)
    }
}

fn host_tensor(numbers: &[[u8; 4]; TENSOR_WORDS]) -> HostTensor {
    let [index, offset, bytes] = numbers.map(u32::from_le_bytes);
    HostTensor {
        index,
        offset,
        bytes,
    }
}

/// The segments of an image.
#[derive(Clone, Debug)]
pub struct Segments<'a> {
    rest: Reader<'a>,
    commands: &'a [u8],
    runs: u32,
}

impl<'a> Iterator for Segments<'a> {
    type Item = SegmentView<'a>;

    fn next(&mut self) -> Option<SegmentView<'a>> {
        // what cannot be read stays, and `ImageView::parse` refuses it
        let mut reader = self.rest.clone();
        let [kind, reads, writes, length] = reader.numbers().ok()?;
        let read = Numbers(reader.words(reads).ok()?);
        let written = Numbers(reader.words(writes).ok()?);
        let work = match kind {
            HOST => WorkView::Host(Numbers(reader.words(length).ok()?)),
            ACCELERATOR => {
                let (inputs, outputs) = (reader.maps(reads).ok()?, reader.maps(writes).ok()?);
                let (commands, rest) = self.commands.split_at_checked(length as usize)?;
                self.commands = rest;
                let index = self.runs;
                self.runs += 1;
                WorkView::Accelerator(RunView {
                    index,
                    inputs,
                    outputs,
                    commands,
                })
            }
            _ => return None,
        };
        self.rest = reader;
        Some(SegmentView {
            reads: read,
            writes: written,
            work,
        })
    }
}

impl<'a> Numbers<'a> {
    /// How many.
    pub fn len(&self) -> usize {
        self.0.len()
    }
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
    /// All of them in order.
    pub fn iter(self) -> impl Iterator<Item = u32> + 'a {
        self.0.iter().map(|word| u32::from_le_bytes(*word))
    }
}

impl<'a> Maps<'a> {
    /// Number of maps.
    pub fn len(&self) -> usize {
        self.0.len()
    }
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
    /// A map.
    pub fn get(&self, index: usize) -> Option<MapPort> {
        self.0.get(index).map(MapPort::from_bytes)
    }
    /// All maps in order.
    pub fn iter(self) -> impl Iterator<Item = MapPort> + 'a {
        self.0.iter().map(MapPort::from_bytes)
    }
}

#[derive(Clone, Debug)]
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
        let [word] = self.numbers()?;
        Ok(word)
    }
    fn numbers<const N: usize>(&mut self) -> Result<[u32; N], ImageError> {
        let words = self.words(N as u32)?;
        Ok(core::array::from_fn(|n| u32::from_le_bytes(words[n])))
    }
    fn words(&mut self, count: u32) -> Result<Words<'a>, ImageError> {
        let length = (count as usize).checked_mul(4).ok_or(ImageError::Damaged)?;
        Ok(self.bytes(length)?.as_chunks().0)
    }
    fn maps(&mut self, count: u32) -> Result<Maps<'a>, ImageError> {
        let length = (count as usize)
            .checked_mul(PORT_BYTES)
            .ok_or(ImageError::Damaged)?;
        Ok(Maps(self.bytes(length)?.as_chunks().0))
    }
}
