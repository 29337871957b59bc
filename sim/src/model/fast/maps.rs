// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which map every command reads and writes, and which of them may share a buffer.

use sepstream_spec::isa::Field;
use sepstream_spec::program::{MapPort, Run};

use super::prepare::{Reader, Refused};
use super::stage::Stage;

/// What is above the int8 value in a byte of a map, as a bit operation.
pub const FLIP: u8 = 0x80;

const UNWRITTEN: Refused = "what it reads is no map that was written";

/// A map from its write to its last read.
#[derive(Clone, Debug)]
struct Map {
    /// Words of the activation memory.
    words: std::ops::Range<u32>,
    rows: usize,
    row_bytes: usize,
    /// The stage that writes it, or its first slice; 0 for inputs.
    first: usize,
    /// The last stage that needs it; `usize::MAX` for outputs.
    last: usize,
}

/// What a stage reads of a map.
pub struct Source {
    /// Which map.
    pub map: usize,
    /// Byte of the stage's first pixel: of a slice, that of its first channel.
    pub first_byte: usize,
}

/// Maps of a run, in the order in which they are written; the inputs first.
pub struct Maps {
    all: Vec<Map>,
    /// Those whose bytes are in the activation memory now.
    live: Vec<usize>,
    word_bytes: u32,
    /// Stages so far.
    stages: usize,
}

/// A map that goes in or comes out.
#[derive(Debug)]
pub struct Port {
    /// Its buffer.
    pub buffer: usize,
    layout: MapPort,
}

impl Maps {
    /// The inputs of a run.
    pub fn new(run: &Run, word_bytes: u32) -> Self {
        let input = |port: &MapPort| Map {
            words: port.base..port.base + port.words(),
            rows: port.rows as usize,
            row_bytes: row_bytes(port),
            first: 0,
            last: 0,
        };
        Maps {
            all: run.inputs.iter().map(input).collect(),
            live: (0..run.inputs.len()).collect(),
            word_bytes,
            stages: 0,
        }
    }
    fn find(&mut self, base: u32, rows: usize, row_bytes: usize) -> Option<usize> {
        let is =
            |map: &Map| map.words.start == base && map.rows >= rows && map.row_bytes == row_bytes;
        self.find_that(is)
    }
    fn find_that(&mut self, is: impl Fn(&Map) -> bool) -> Option<usize> {
        let all = &mut self.all;
        let found = self.live.iter().copied().find(|&id| is(&all[id]))?;
        all[found].last = self.stages;
        Some(found)
    }
    /// A map of whole words without gaps, of so many pixels, that a slice of each is read of.
    fn find_sliced(&mut self, base: u32, pixels: usize, pixel_words: u32) -> Option<Source> {
        let word = self.word_bytes as usize;
        let bytes = pixels * pixel_words as usize * word;
        let map = self.find_that(|map| {
            let in_pixel = base.checked_sub(map.words.start);
            in_pixel.is_some_and(|ahead| ahead < pixel_words)
                && map.row_bytes.is_multiple_of(word)
                && map.rows * map.row_bytes == bytes
        })?;
        let first_byte = (base - self.all[map].words.start) as usize * word;
        Some(Source { map, first_byte })
    }
    /// The expanded map of the next command, which that keeps to itself: the map it is made of, and the map.
    pub fn expanded(&mut self, reader: &Reader) -> Result<[usize; 2], Refused> {
        let base = reader.command.get(Field::InBase);
        let row_bytes = reader.at(Field::ExpandCols) * reader.at(Field::ExpandBytes);
        let found = self.find(base, reader.at(Field::ExpandRows), row_bytes);
        let source = found.ok_or(UNWRITTEN)?;
        let first = self.stages;
        self.stages += 1;
        self.all.push(Map {
            words: 0..0,
            rows: reader.at(Field::InRows),
            row_bytes: reader.at(Field::RowBytes),
            first,
            last: self.stages,
        });
        Ok([source, self.all.len() - 1])
    }
    /// The map that the next command reads.
    pub fn source(&mut self, reader: &Reader) -> Result<Source, Refused> {
        let get = |field| reader.command.get(field);
        if get(Field::RowWords) != get(Field::RowBytes).div_ceil(self.word_bytes) {
            return Err("its input has gaps between the rows");
        }
        let (rows, bytes) = (reader.at(Field::InRows), reader.at(Field::RowBytes));
        let base = get(Field::InBase);
        if let Some(map) = self.find(base, rows, bytes) {
            let first_byte = 0;
            return Ok(Source { map, first_byte });
        }
        let pixel_words = get(Field::RowWords) + get(Field::RowSkip);
        self.find_sliced(base, rows, pixel_words).ok_or(UNWRITTEN)
    }
    /// The map that the next command adds.
    pub fn residual(&mut self, reader: &Reader) -> Result<Option<usize>, Refused> {
        if reader.at(Field::Residual) == 0 {
            return Ok(None);
        }
        let bytes = reader.at(Field::OutCols) * reader.at(Field::OutBytes);
        let base = reader.command.get(Field::ResidualBase);
        match self.find(base, reader.at(Field::OutRows), bytes) {
            Some(found) => Ok(Some(found)),
            None => Err("what it adds is no map that was written"),
        }
    }
    /// The map that the next command writes, over whatever was there, and the byte at which it begins: slices behind the first go on with
    /// the map of that.
    pub fn target(&mut self, reader: &Reader, sliced: bool) -> (usize, usize) {
        let (base, rows) = (
            reader.command.get(Field::OutBase),
            reader.at(Field::OutRows),
        );
        let row_bytes = reader.at(Field::OutCols) * reader.at(Field::OutBytes);
        let row_words = (row_bytes as u32).div_ceil(self.word_bytes);
        let words = base..base + rows as u32 * row_words;
        let all = &self.all;
        self.live.retain(|&id| {
            let old = &all[id].words;
            old.end <= words.start || words.end <= old.start
        });
        let now = self.stages;
        self.stages += 1;
        if let Some(map) = self
            .all
            .last_mut()
            .filter(|map| sliced && map.words.end == base)
        {
            let first_byte = map.row_bytes;
            map.words.end = words.end;
            map.row_bytes += row_bytes;
            map.last = now;
            return (self.all.len() - 1, first_byte);
        }
        self.live.push(self.all.len());
        self.all.push(Map {
            words,
            rows,
            row_bytes,
            first: now,
            last: now,
        });
        (self.all.len() - 1, 0)
    }
    /// Finds the outputs, which are needed to the end.
    pub fn outputs(&mut self, run: &Run) -> Option<Vec<Port>> {
        let ports = run.outputs.iter().map(|port| {
            let found = self.find(port.base, port.rows as usize, row_bytes(port))?;
            self.all[found].last = usize::MAX;
            Some(Port {
                buffer: found,
                layout: *port,
            })
        });
        ports.collect()
    }
    /// The inputs, in the order of the run.
    pub fn inputs(&self, run: &Run) -> Vec<Port> {
        let port = |(buffer, layout): (usize, &MapPort)| Port {
            buffer,
            layout: *layout,
        };
        run.inputs.iter().enumerate().map(port).collect()
    }
    /// Gives every map a buffer, the one that was used last and is free: the buffer of every map, and the bytes of every
    /// buffer.
    pub fn share(&self) -> (Vec<usize>, Vec<usize>) {
        let (mut sizes, mut free) = (Vec::<usize>::new(), Vec::new());
        let mut buffers = Vec::new();
        let mut ended = 0;
        for map in &self.all {
            // maps that the stages before read for the last time; all inputs are there before the first
            while ended < map.first {
                let over = |old: &usize| self.all[*old].last == ended;
                free.extend((0..buffers.len()).filter(over).map(|old| buffers[old]));
                ended += 1;
            }
            let bytes = map.rows * map.row_bytes;
            let buffer = free.pop().unwrap_or(sizes.len());
            if buffer == sizes.len() {
                sizes.push(bytes);
            }
            sizes[buffer] = sizes[buffer].max(bytes);
            buffers.push(buffer);
        }
        (buffers, sizes)
    }
}

fn row_bytes(port: &MapPort) -> usize {
    (port.cols * port.pixel_bytes) as usize
}

impl Port {
    /// Elements of the tensor.
    pub fn elements(&self) -> usize {
        self.layout.elements()
    }
    /// Whether pixels are channels and nothing else.
    fn is_dense(&self) -> bool {
        let p = &self.layout;
        p.pixel_bytes == p.channels && (p.lanes == p.pitch || p.channels <= p.lanes)
    }
    fn positions(&self) -> Vec<usize> {
        let position = |channel| self.layout.position(channel) as usize;
        (0..self.layout.channels).map(position).collect()
    }
    /// Puts a dense tensor into the buffer.
    pub fn put(&self, tensor: &[u8], buffer: &mut [u8]) {
        if self.is_dense() {
            let pairs = buffer.iter_mut().zip(tensor);
            return pairs.for_each(|(to, from)| *to = from ^ FLIP);
        }
        let positions = self.positions();
        let pixels = buffer.chunks_exact_mut(self.layout.pixel_bytes as usize);
        for (to, from) in pixels.zip(tensor.chunks_exact(positions.len())) {
            for (&position, byte) in positions.iter().zip(from) {
                to[position] = byte ^ FLIP;
            }
        }
    }
    /// The dense tensor from the buffer.
    pub fn take(&self, buffer: &[u8]) -> Vec<u8> {
        let elements = self.elements();
        if self.is_dense() {
            return buffer[..elements].iter().map(|byte| byte ^ FLIP).collect();
        }
        let positions = self.positions();
        let mut tensor = Vec::with_capacity(elements);
        let pixels = buffer.chunks_exact(self.layout.pixel_bytes as usize);
        for pixel in pixels.take(elements / positions.len()) {
            tensor.extend(positions.iter().map(|&position| pixel[position] ^ FLIP));
        }
        tensor
    }
    /// A map of this layout in a buffer.
    pub fn new(layout: MapPort, buffer: usize) -> Self {
        Port { buffer, layout }
    }
}

/// Replaces the maps of stages and ports by their buffers.
pub fn resolve(buffers: &[usize], stages: &mut [Stage], ports: [&mut [Port]; 2]) {
    for stage in stages {
        let residual = stage.dense.residual.as_mut().map(|r| &mut r.map);
        for map in [&mut stage.source, &mut stage.target]
            .into_iter()
            .chain(residual)
        {
            *map = buffers[*map];
        }
    }
    for port in ports.into_iter().flatten() {
        port.buffer = buffers[port.buffer];
    }
}
