// SPDX-License-Identifier: MIT OR Apache-2.0
//! From a command to a [`Stage`].

use std::array::from_fn;

use sepstream_spec::config::Config;
use sepstream_spec::isa::{Command, Field, Param};
use sepstream_spec::program::Program;
use sepstream_spec::quant::{ADD_LEFT_SHIFT, Table};
use sepstream_spec::regs::Memory;

use super::maps::FLIP;
use super::pack::{OFFSET, byte, pack, range, uniform};
use super::simd::{LANES, Scale};
use super::stage::{Dense, Depthwise, Place, Residual, Window};
use crate::model::execute::{params, table};

/// What the fast path takes a command for, and why it cannot.
pub type Refused = &'static str;

/// A command with the memories that it reads.
pub struct Reader<'a> {
    pub command: &'a Command,
    pub program: &'a Program,
    pub config: &'a Config,
}

/// Where a command has what belongs to a dense layer.
struct DenseFields {
    outputs: Field,
    words: Field,
    groups: Field,
    weights: Field,
    params: Field,
    range: [Field; 3],
    table: Field,
}

/// The command's own.
const OWN: DenseFields = DenseFields {
    outputs: Field::OutBytes,
    words: Field::PixelWords,
    groups: Field::OutGroups,
    weights: Field::WeightBase,
    params: Field::ParamBase,
    range: [Field::OutZero, Field::OutLow, Field::OutHigh],
    table: Field::Table,
};

/// The expanding layer's.
const EXPAND: DenseFields = DenseFields {
    outputs: Field::ExpandOutBytes,
    words: Field::ExpandWords,
    groups: Field::ExpandGroups,
    weights: Field::ExpandWeightBase,
    params: Field::ExpandParamBase,
    range: [Field::ExpandZero, Field::ExpandLow, Field::ExpandHigh],
    table: Field::ExpandTable,
};

/// Bytes of a pixel's vector: those of the machine, and where each of them is here.
struct Inputs(Vec<usize>);

impl Reader<'_> {
    pub fn at(&self, field: Field) -> usize {
        self.command.get(field) as usize
    }
    fn signed(&self, field: Field) -> i32 {
        self.command.get_signed(field)
    }
    fn range(&self, fields: [Field; 3]) -> super::simd::Range {
        range(fields.map(|field| self.signed(field)))
    }

    /// From one row of the ifm to the next: a slice leaves bytes out.
    fn row_bytes(&self) -> usize {
        match self.at(Field::RowSkip) {
            0 => self.at(Field::RowBytes),
            skip => (self.at(Field::RowWords) + skip) * self.config.word_bytes() as usize,
        }
    }
    /// Where the windows lie.
    pub fn place(&self) -> Place {
        let (cols, step) = match self.at(Field::Pairs) {
            0 => (self.at(Field::OutCols), self.at(Field::WindowStep)),
            _ => (2 * self.at(Field::OutCols), self.at(Field::PixelBytes)),
        };
        Place {
            rows: self.at(Field::OutRows),
            cols,
            in_rows: self.at(Field::InRows),
            row_bytes: self.row_bytes(),
            top: self.signed(Field::FirstRow) as isize,
            row_step: self.at(Field::StrideRows) as isize,
            left: self.signed(Field::FirstByte) as isize,
            step: step as isize,
        }
    }

    /// The expanding layer in front of the windows, if there is one.
    pub fn expand(&self) -> Result<Option<(Place, Dense)>, Refused> {
        if self.at(Field::ExpandRows) == 0 {
            return Ok(None);
        }
        let (rows, cols) = (self.at(Field::ExpandRows), self.at(Field::ExpandCols));
        let pixel = self.at(Field::ExpandBytes);
        let place = Place {
            rows,
            cols,
            in_rows: rows,
            row_bytes: cols * pixel,
            top: 0,
            row_step: 1,
            left: 0,
            step: pixel as isize,
        };
        let dense = self.dense(&EXPAND, &Inputs((0..pixel).collect()), None)?;
        if cols * dense.outputs != self.at(Field::RowBytes) {
            return Err("its expanded rows are not those that its windows move over");
        }
        Ok(Some((place, dense)))
    }

    /// Window and dense layer; `residual` is the map that is added.
    pub fn layers(
        &self,
        place: &Place,
        residual: Option<usize>,
    ) -> Result<(Window, Dense), Refused> {
        let (window, inputs) = if self.at(Field::Gather) == 1 {
            self.gather(place)
        } else {
            self.depthwise()?
        };
        let dense = self.dense(&OWN, &inputs, residual)?;
        Ok((window, dense))
    }

    fn gather(&self, place: &Place) -> (Window, Inputs) {
        let (rows, run) = (self.at(Field::KernelRows), self.at(Field::RunBytes));
        let in_one = rows == 1 || run == place.row_bytes;
        let window = if in_one && place.inside(rows, run) {
            Window::Direct
        } else {
            let pad = byte(self.signed(Field::PadValue));
            Window::Gather { rows, run, pad }
        };
        (window, Inputs((0..rows * run).collect()))
    }

    /// Lane groups lie in the map with gaps where `lanes` is no power of two; here results lie as the map does, so that
    /// sixteen channels are sixteen bytes of it.
    fn depthwise(&self) -> Result<(Window, Inputs), Refused> {
        let (v, c) = (self.config.values(), self.config);
        let (pixel, all_taps) = (self.at(Field::PixelBytes), v.taps as usize);
        // of lanes that two pixels may share, those of the first: the second's have the same weights, or none
        let half = c.pair_bytes() as usize;
        let (lanes, pitch) = match pixel == half {
            true => (half, half),
            false => (v.lanes as usize, c.lane_pitch() as usize),
        };
        let (row_taps, column_taps) = (c.row_taps() as usize, c.column_taps() as usize);
        let groups = self.at(Field::LaneGroups);
        let (row_passes, column_passes) = (self.at(Field::RowPasses), self.at(Field::ColumnPasses));
        let whole = |bytes: i64| bytes % pixel.max(1) as i64 == 0;
        let step = self.command.get(Field::WindowStep);
        if groups * pitch > pixel
            || !whole(step.into())
            || !whole(self.signed(Field::FirstByte).into())
        {
            return Err("its depthwise windows do not begin at pixels");
        }
        let memory = self.memory(Memory::DwWeight, Field::DwWeightBase)?;
        let word = self.word(Memory::DwWeight);
        let steps = row_passes * column_passes;
        let weight = |q: usize, ky: usize, kx: usize| {
            let step = ky / row_taps * column_passes + kx / column_taps;
            let tap = ky % row_taps * column_taps + kx % column_taps;
            memory.get((q / lanes * steps + step) * word + q % lanes * all_taps + tap)
        };
        // taps behind the kernel, and between dilated ones, have no weight in any channel
        let mut taps = Vec::new();
        for ky in 0..row_passes * row_taps {
            for kx in 0..column_passes * column_taps {
                let mut column = Vec::new();
                for q in 0..groups * lanes {
                    column.push(*weight(q, ky, kx).ok_or(OUTSIDE)?);
                }
                if column.iter().any(|w| *w != 0) {
                    taps.push(((ky as isize, (kx * pixel) as isize), column));
                }
            }
        }
        if taps.is_empty() {
            taps.push(((0, 0), vec![0; groups * lanes]));
        }
        let of_machine = params(
            self.program,
            self.config,
            Memory::DwParam,
            self.command.get(Field::DwParamBase),
            groups as u32,
            v.lanes,
            v.dw_requant,
        );
        let channel = |position: usize| {
            let lane = position % pitch;
            (lane < lanes).then_some(position / pitch * lanes + lane)
        };
        let param = |position| channel(position).map_or(Param::default(), |q| of_machine[q]);
        let params: Vec<Param> = (0..groups * pitch).map(param).collect();
        let (blocks, weights) = pack(&params, taps.len(), |position, tap| {
            channel(position).map_or(0, |q| taps[tap].1[q])
        });
        let mut places: Vec<_> = taps.into_iter().map(|(place, _)| place).collect();
        let last = places.last().copied().unwrap_or_default();
        places.resize(places.len().next_multiple_of(4), last);
        let last = |of: fn(&(isize, isize)) -> isize| places.iter().map(of).max().unwrap_or(0);
        let layer = Depthwise {
            reach: (last(|tap| tap.0), last(|tap| tap.1)),
            taps: places,
            largest: self.at(Field::DwMax) == 1,
            pad: vec![[byte(self.signed(Field::PadValue)); LANES]; blocks.len()],
            blocks,
            weights,
            range: self.range([Field::DwZero, Field::DwLow, Field::DwHigh]),
            table: self.table(Memory::DwTable, Field::DwTable),
        };
        let position = |q: usize| q / lanes * pitch + q % lanes;
        let inputs = Inputs((0..groups * lanes).map(position).collect());
        Ok((Window::Depthwise(layer), inputs))
    }

    fn dense(
        &self,
        fields: &DenseFields,
        inputs: &Inputs,
        residual: Option<usize>,
    ) -> Result<Dense, Refused> {
        let v = self.config.values();
        let (tn, tm) = (v.tn as usize, v.tm as usize);
        // of a pair's outputs, those of its first pixel: the second's have the same weights
        let outputs = match fields.outputs {
            Field::OutBytes => self.at(Field::OutBytes) / (1 + self.at(Field::Pairs)),
            other => self.at(other),
        };
        let words = self.at(fields.words);
        if inputs.0.len() > words * tn || outputs > self.at(fields.groups) * tm {
            return Err("its array takes or gives fewer bytes than a pixel has");
        }
        let mut params = params(
            self.program,
            self.config,
            Memory::PwParam,
            self.command.get(fields.params),
            self.command.get(fields.groups),
            v.tm,
            v.pw_requant,
        );
        params.truncate(outputs);
        let memory = self.memory(Memory::Weight, fields.weights)?;
        let word = self.word(Memory::Weight);
        if memory.len() < outputs.div_ceil(tm) * words * word {
            return Err(OUTSIDE);
        }
        // byte of the machine's vector at each place of ours
        let mut source = vec![None; inputs.0.iter().max().map_or(0, |last| last + 1)];
        inputs
            .0
            .iter()
            .enumerate()
            .for_each(|(k, at)| source[*at] = Some(k));
        let (blocks, weights) = pack(&params, source.len(), |p, at| {
            source[at].map_or(0, |k| {
                memory[(p / tm * words + k / tn) * word + p % tm * tn + k % tn]
            })
        });
        Ok(Dense {
            outputs,
            depth: source.len().div_ceil(4),
            blocks,
            weights,
            range: self.range(fields.range),
            table: self.table(Memory::PwTable, fields.table),
            residual: residual.map(|map| self.residual(map)),
        })
    }

    fn residual(&self, map: usize) -> Residual {
        let scale = |multiplier, shift, left: u32| -> Scale {
            let mut scale = uniform(
                self.command.get(multiplier) as i32,
                -(self.command.get(shift) as i32),
            );
            scale.left = [left as i32; LANES];
            scale
        };
        let zero = |field| self.signed(field) + OFFSET;
        Residual {
            map,
            ours: (
                zero(Field::AddZeroA),
                scale(Field::AddMulA, Field::AddShiftA, ADD_LEFT_SHIFT),
            ),
            other: (
                zero(Field::AddZeroB),
                scale(Field::AddMulB, Field::AddShiftB, ADD_LEFT_SHIFT),
            ),
            sum: scale(Field::AddMul, Field::AddShift, 0),
            range: self.range([Field::AddZero, Field::AddLow, Field::AddHigh]),
        }
    }

    /// The function behind a layer, from byte of a map to byte of a map.
    fn table(&self, memory: Memory, number: Field) -> Option<Box<Table>> {
        let stored = table(self.program, self.config, memory, self.command.get(number))?;
        let table: Table = from_fn(|at| stored[usize::from(at as u8 ^ FLIP)] ^ FLIP);
        Some(Box::new(table))
    }

    fn word(&self, memory: Memory) -> usize {
        (memory.shape(self.config).beats * self.config.word_bytes()) as usize
    }
    /// A memory from a word on.
    fn memory(&self, memory: Memory, base: Field) -> Result<&[i8], Refused> {
        let from = self.at(base) * self.word(memory);
        let bytes = self.program.content(memory).get(from..).ok_or(OUTSIDE)?;
        Ok(bytemuck::cast_slice(bytes))
    }
}

const OUTSIDE: Refused = "its weights are not in the image";
