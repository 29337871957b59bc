// SPDX-License-Identifier: MIT OR Apache-2.0
//! Bytes: commands on the contents of the memories.

use sepstream_spec::config::Config;
use sepstream_spec::isa::{
    Command, Field, MAX_SHIFT, Param, TABLE_WORD_BYTES, TABLE_WORDS, param_parts,
};
use sepstream_spec::program::{ImageError, Program, Run};
use sepstream_spec::quant::{AddParams, Multiplier, Table};
use sepstream_spec::regs::Memory;

/// Why the model cannot run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The image is not for this configuration.
    #[error(transparent)]
    Image(#[from] ImageError),
    /// An input of another size than its map.
    #[error("input {index} has {got} bytes, the program's map takes {want}")]
    Input {
        /// Which input.
        index: usize,
        /// Bytes of the map.
        want: usize,
        /// Bytes given.
        got: usize,
    },
    /// A command that the fast path has no kernels for; the compiler makes none.
    #[error("command {index}: {reason}; compile the model again")]
    Command {
        /// Which command.
        index: usize,
        /// What is wrong with it.
        reason: &'static str,
    },
}

/// The accelerator with its memories filled, for one run of a program.
pub struct Machine<'a> {
    config: &'a Config,
    program: &'a Program,
    run: Run,
    commands: Vec<Command>,
    activation: Vec<u8>,
}

impl<'a> Machine<'a> {
    /// Loads a program for its first run, which is the only one where no layer of the host stands between the accelerator's.
    ///
    /// # Errors
    /// When it was compiled for another configuration.
    pub fn new(program: &'a Program, config: &'a Config) -> Result<Self, Error> {
        Machine::of_run(program, 0, config)
    }
    /// Loads a program for one of its runs.
    ///
    /// # Errors
    /// When it was compiled for another configuration.
    pub fn of_run(program: &'a Program, run: usize, config: &'a Config) -> Result<Self, Error> {
        program.check(config)?;
        let bytes = Memory::Activation.shape(config);
        let activation = vec![0; (bytes.words * bytes.bytes) as usize];
        Ok(Machine {
            config,
            program,
            run: program.run(run),
            commands: super::commands(program, run, config),
            activation,
        })
    }
    /// The run, once: dense input maps in, dense output maps out.
    ///
    /// # Errors
    /// When the inputs are not those of the program.
    pub fn run(&mut self, inputs: &[&[u8]]) -> Result<Vec<Vec<u8>>, Error> {
        self.load(inputs)?;
        for index in 0..self.commands.len() {
            self.step(index);
        }
        Ok(self.outputs())
    }
    /// Puts the inputs into the activation memory.
    ///
    /// # Errors
    /// When the inputs are not those of the program.
    pub fn load(&mut self, inputs: &[&[u8]]) -> Result<(), Error> {
        for (index, port) in self.run.inputs.iter().enumerate() {
            let given = inputs.get(index).copied().unwrap_or_default();
            let words = port.pack(given, self.program.word_bytes);
            let words = words.ok_or(Error::Input {
                index,
                want: port.elements(),
                got: given.len(),
            })?;
            let base = (port.base * self.program.word_bytes) as usize;
            self.activation[base..base + words.len()].copy_from_slice(&words);
        }
        Ok(())
    }
    /// The output maps as they are now.
    pub fn outputs(&self) -> Vec<Vec<u8>> {
        self.run.outputs.iter().map(|port| self.map(port)).collect()
    }
    /// A map of the activation memory, dense.
    pub fn map(&self, port: &sepstream_spec::program::MapPort) -> Vec<u8> {
        let base = (port.base * self.program.word_bytes) as usize;
        port.unpack(&self.activation[base..], self.program.word_bytes)
            .unwrap_or_default()
    }
    /// Executes one command.
    pub fn step(&mut self, index: usize) {
        let unit = Unit::new(&self.commands[index], self.program, self.config);
        let written = unit.run(&self.activation);
        let base = (unit.get(Field::OutBase) * self.program.word_bytes) as usize;
        self.activation[base..base + written.len()].copy_from_slice(&written);
    }
}

/// One command with what it reads.
struct Unit<'a> {
    command: &'a Command,
    config: &'a Config,
    dense: Dense<'a>,
    /// Of an expanding layer.
    expand: Option<Dense<'a>>,
    dw_weights: &'a [i8],
    dw_weight_word: usize,
    dw_params: Vec<Param>,
    dw_table: Option<Table>,
}

/// A matrix on the pointwise array.
struct Dense<'a> {
    /// From its first word.
    weights: &'a [i8],
    weight_word: usize,
    /// Words of a pixel.
    words: usize,
    params: Vec<Param>,
    /// Zero point, smallest and largest output.
    range: [i32; 3],
    table: Option<Table>,
    tn: usize,
    tm: usize,
}

/// Parameters of a requantiser, one per channel in the order of the groups.
pub(super) fn params(
    program: &Program,
    config: &Config,
    memory: Memory,
    base: u32,
    groups: u32,
    channels: u32,
    lanes: u32,
) -> Vec<Param> {
    let bytes = program.content(memory);
    let shape = memory.shape(config);
    let word = (shape.beats * config.word_bytes()) as usize;
    // a word holds so many bytes of each lane, from that of lane 0 on
    let part = shape.bytes / lanes;
    let v = config.values();
    let cycles = match memory {
        Memory::DwParam => v.dw_requant_cycles,
        _ => v.pw_requant_cycles,
    };
    let parts = param_parts(cycles);
    let beats = channels.div_ceil(lanes);
    (0..groups * channels)
        .map(|i| {
            let (group, lane) = (i / channels, i % channels);
            let row = base + (group * beats + lane / lanes) * parts;
            let byte = |n: usize| {
                let n = n as u32;
                let at =
                    (row + n / part) as usize * word + (lane % lanes * part + n % part) as usize;
                bytes.get(at).copied().unwrap_or_default()
            };
            match cycles {
                1 => Param::from_bytes(std::array::from_fn(byte)),
                _ => Param::from_serial_bytes(std::array::from_fn(byte)),
            }
        })
        .collect()
}

/// A table of a memory, in configurations that have tables.
pub(super) fn table(
    program: &Program,
    config: &Config,
    memory: Memory,
    number: u32,
) -> Option<Table> {
    let shape = memory.shape(config);
    let word = (shape.beats * config.word_bytes()) as usize;
    let first = (number * TABLE_WORDS) as usize * word;
    let content = program.content(memory).get(first..).unwrap_or_default();
    let bytes = content
        .chunks(word)
        .flat_map(|word| word.iter().take(TABLE_WORD_BYTES as usize));
    let mut table = [0; 256];
    table
        .iter_mut()
        .zip(bytes)
        .for_each(|(to, from)| *to = *from);
    (shape.words > 0).then_some(table)
}

/// What a byte becomes.
fn look_up(table: &Option<Table>, byte: i8) -> i8 {
    table.map_or(byte, |table| table[usize::from(byte as u8)] as i8)
}

impl<'a> Unit<'a> {
    fn new(command: &'a Command, program: &'a Program, config: &'a Config) -> Self {
        let v = config.values();
        let word_of = |memory: Memory| (memory.shape(config).beats * config.word_bytes()) as usize;
        let from = |memory: Memory, base: u32| -> &'a [i8] {
            let bytes = program.content(memory);
            bytemuck::cast_slice(
                bytes
                    .get(base as usize * word_of(memory)..)
                    .unwrap_or_default(),
            )
        };
        let lane_groups = if command.get(Field::Gather) == 1 {
            0
        } else {
            command.get(Field::LaneGroups)
        };
        // weight base, words, groups, parameter base, table, zero point, smallest, largest
        let dense = |fields: [Field; 8]| {
            let [weights, words, groups, base, number, range @ ..] = fields;
            Dense {
                weights: from(Memory::Weight, command.get(weights)),
                weight_word: word_of(Memory::Weight),
                words: command.get(words) as usize,
                params: params(
                    program,
                    config,
                    Memory::PwParam,
                    command.get(base),
                    command.get(groups),
                    v.tm,
                    v.pw_requant,
                ),
                range: range.map(|f| command.get_signed(f)),
                table: table(program, config, Memory::PwTable, command.get(number)),
                tn: v.tn as usize,
                tm: v.tm as usize,
            }
        };
        Unit {
            dense: dense([
                Field::WeightBase,
                Field::PixelWords,
                Field::OutGroups,
                Field::ParamBase,
                Field::Table,
                Field::OutZero,
                Field::OutLow,
                Field::OutHigh,
            ]),
            expand: (command.get(Field::ExpandRows) > 0).then(|| {
                dense([
                    Field::ExpandWeightBase,
                    Field::ExpandWords,
                    Field::ExpandGroups,
                    Field::ExpandParamBase,
                    Field::ExpandTable,
                    Field::ExpandZero,
                    Field::ExpandLow,
                    Field::ExpandHigh,
                ])
            }),
            dw_weights: from(Memory::DwWeight, command.get(Field::DwWeightBase)),
            dw_weight_word: word_of(Memory::DwWeight),
            dw_params: params(
                program,
                config,
                Memory::DwParam,
                command.get(Field::DwParamBase),
                lane_groups,
                v.lanes,
                v.dw_requant,
            ),
            dw_table: table(
                program,
                config,
                Memory::DwTable,
                command.get(Field::DwTable),
            ),
            command,
            config,
        }
    }
    fn get(&self, field: Field) -> u32 {
        self.command.get(field)
    }
    fn at(&self, field: Field) -> usize {
        self.command.get(field) as usize
    }
    fn byte(&self, field: Field) -> i32 {
        self.command.get_signed(field)
    }

    /// The ofm as it is written: rows of whole words.
    fn run(&self, activation: &[u8]) -> Vec<u8> {
        let word = self.config.word_bytes() as usize;
        let pixel = self.at(Field::OutBytes);
        let row = (self.at(Field::OutCols) * pixel).div_ceil(word) * word;
        let residual = self.at(Field::ResidualBase) * word;
        let stored = activation
            .get(self.at(Field::InBase) * word..)
            .unwrap_or_default();
        let made = self.expand.as_ref().map(|dense| self.expand(dense, stored));
        let ifm = made.as_deref().unwrap_or(stored);
        let mut out = vec![0; self.at(Field::OutRows) * row];
        let mut vector = vec![0i8; self.at(Field::PixelWords) * self.config.values().tn as usize];
        let mut sums = Vec::new();
        for y in 0..self.at(Field::OutRows) {
            for x in 0..self.at(Field::OutCols) {
                if self.get(Field::Gather) == 1 {
                    self.gather(ifm, y, x, &mut vector);
                } else {
                    self.depthwise(ifm, y, x, &mut vector, &mut sums);
                }
                let place = y * row + x * pixel;
                let to = &mut out[place..][..pixel];
                self.dense.pixel(&vector, to);
                if self.get(Field::Residual) == 1 {
                    self.add(to, &activation[residual + place..][..pixel]);
                }
            }
        }
        out
    }
    /// The expanded map, rows of whole words, from the map in front of it.
    fn expand(&self, dense: &Dense<'_>, stored: &[u8]) -> Vec<u8> {
        let word = self.config.word_bytes() as usize;
        let (rows, cols) = (self.at(Field::ExpandRows), self.at(Field::ExpandCols));
        let (pixel, made) = (self.at(Field::ExpandBytes), self.at(Field::ExpandOutBytes));
        let in_row = (cols * pixel).next_multiple_of(word);
        let out_row = self.at(Field::RowWords) * word;
        let mut out = vec![0; rows * out_row];
        let mut vector = vec![0i8; dense.words * dense.tn];
        for y in 0..rows {
            for x in 0..cols {
                let from = &stored[y * in_row + x * pixel..][..pixel];
                vector[..pixel].copy_from_slice(bytemuck::cast_slice(from));
                dense.pixel(&vector, &mut out[y * out_row + x * made..][..made]);
            }
        }
        out
    }
    /// Bytes of an ifm row; `None` for a row in the padding.
    fn row<'m>(&self, ifm: &'m [u8], row: i64) -> Option<&'m [u8]> {
        let row = u32::try_from(row)
            .ok()
            .filter(|r| *r < self.get(Field::InRows))?;
        let word = self.config.word_bytes();
        let from = row * (self.get(Field::RowWords) + self.get(Field::RowSkip)) * word;
        ifm.get(from as usize..)?.get(..self.at(Field::RowBytes))
    }
    fn place(&self, y: usize, x: usize) -> (i64, i64) {
        let top = i64::from(self.command.get_signed(Field::FirstRow))
            + (y * self.at(Field::StrideRows)) as i64;
        let left = i64::from(self.command.get_signed(Field::FirstByte))
            + (x * self.at(Field::WindowStep)) as i64;
        (top, left)
    }
    /// Kernel rows side by side, each a run of bytes.
    fn gather(&self, ifm: &[u8], y: usize, x: usize, vector: &mut [i8]) {
        let (top, left) = self.place(y, x);
        let run = self.at(Field::RunBytes);
        for ky in 0..self.at(Field::KernelRows) {
            let to = &mut vector[ky * run..][..run];
            to.fill(self.byte(Field::PadValue) as i8);
            let Some(row) = self.row(ifm, top + ky as i64) else {
                continue;
            };
            let from = left.max(0) as usize;
            let skip = (-left).max(0) as usize;
            let length = row.len().saturating_sub(from).min(run.saturating_sub(skip));
            to[skip..skip + length]
                .copy_from_slice(bytemuck::cast_slice(&row[from..from + length]));
        }
    }
    fn depthwise(&self, ifm: &[u8], y: usize, x: usize, vector: &mut [i8], sums: &mut Vec<i32>) {
        let (top, left) = self.place(y, x);
        let c = self.config;
        let (lanes, taps) = (c.values().lanes as usize, c.values().taps as usize);
        let (row_taps, column_taps) = (c.row_taps() as usize, c.column_taps() as usize);
        let (pixel, pitch) = (self.at(Field::PixelBytes), c.lane_pitch() as usize);
        let groups = self.at(Field::LaneGroups);
        // lanes of a pixel
        let share = match self.get(Field::Pairs) {
            0 => lanes,
            _ => c.pair_bytes() as usize,
        };
        let largest = self.get(Field::DwMax) == 1;
        sums.clear();
        sums.resize(groups * lanes, if largest { i8::MIN.into() } else { 0 });
        let passes = (self.at(Field::RowPasses), self.at(Field::ColumnPasses));
        for ky in 0..passes.0 * row_taps {
            let row = self.row(ifm, top + ky as i64);
            for kx in 0..passes.1 * column_taps {
                let at = left + (kx * pixel) as i64;
                let step = ky / row_taps * passes.1 + kx / column_taps;
                let tap = ky % row_taps * column_taps + kx % column_taps;
                for g in 0..groups {
                    let words = (g * passes.0 * passes.1 + step) * self.dw_weight_word;
                    for lane in 0..lanes {
                        let weight = i32::from(self.dw_weights[words + lane * taps + tap]);
                        // the pixel that the lane is for
                        let own = at + (lane / share * share) as i64;
                        let inside = row.filter(|r| own >= 0 && (own as usize) < r.len());
                        let value = inside.map_or(self.byte(Field::PadValue), |r| {
                            r.get((at + (g * pitch + lane) as i64) as usize)
                                .map_or(0, |b| i32::from(*b as i8))
                        });
                        let sum = &mut sums[g * lanes + lane];
                        *sum = match largest {
                            true if weight == 0 => *sum,
                            true => value.max(*sum),
                            false => sum.wrapping_add(weight * value),
                        };
                    }
                }
            }
        }
        if largest {
            sums.iter_mut().for_each(|sum| *sum <<= MAX_SHIFT);
        }
        let range = [Field::DwZero, Field::DwLow, Field::DwHigh].map(|f| self.byte(f));
        for ((to, sum), param) in vector.iter_mut().zip(&*sums).zip(&self.dw_params) {
            *to = look_up(&self.dw_table, requantise(*sum, param, range));
        }
    }
    /// Adds a pixel of the residual map.
    fn add(&self, to: &mut [u8], other: &[u8]) {
        let multiplier = |q: Field, shift: Field| Multiplier {
            q: self.get(q) as i32,
            shift: -(self.get(shift) as i32),
        };
        let add = AddParams {
            input1: multiplier(Field::AddMulA, Field::AddShiftA),
            input2: multiplier(Field::AddMulB, Field::AddShiftB),
            output: multiplier(Field::AddMul, Field::AddShift),
        };
        let [a, b, zero, low, high] = [
            Field::AddZeroA,
            Field::AddZeroB,
            Field::AddZero,
            Field::AddLow,
            Field::AddHigh,
        ]
        .map(|f| self.byte(f));
        for (to, other) in to.iter_mut().zip(other) {
            let sum = add.eval(i32::from(*to as i8) - a, i32::from(*other as i8) - b);
            *to = (sum + zero).clamp(low, high) as u8;
        }
    }
}

impl Dense<'_> {
    /// A pixel's outputs.
    fn pixel(&self, vector: &[i8], out: &mut [u8]) {
        let (tn, tm) = (self.tn, self.tm);
        for (p, to) in out.iter_mut().enumerate() {
            let (group, lane) = (p / tm, p % tm);
            let mut sum = 0i32;
            for (k, inputs) in vector.chunks_exact(tn).enumerate() {
                let weights =
                    &self.weights[(group * self.words + k) * self.weight_word + lane * tn..][..tn];
                let dot: i32 = inputs
                    .iter()
                    .zip(weights)
                    .map(|(a, w)| i32::from(*a) * i32::from(*w))
                    .sum();
                sum = sum.wrapping_add(dot);
            }
            *to = look_up(&self.table, requantise(sum, &self.params[p], self.range)) as u8;
        }
    }
}

fn requantise(sum: i32, p: &Param, [zero, low, high]: [i32; 3]) -> i8 {
    let scaled = p.steps(sum.wrapping_add(p.bias));
    zero.saturating_add(scaled).clamp(low, high) as i8
}
