// SPDX-License-Identifier: MIT OR Apache-2.0
//! Memories: words that are written at the clock edge and read into registers.

use super::cost::Cost;
use super::module::{Item, Module};
use super::node::{Expr, NetKind};

/// A memory's size, and what it is to be made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Array {
    /// Words.
    pub words: u32,
    /// Bits of a word.
    pub width: u32,
    /// Its attribute asks for LUTs.
    pub in_luts: bool,
}

/// A memory of a module.
#[derive(Clone, Debug)]
pub struct Memory {
    pub(crate) name: String,
    pub(crate) array: Array,
    pub(crate) writes: Vec<Write>,
    pub(crate) reads: Vec<Read>,
}

/// A write port.
#[derive(Clone, Debug)]
pub(crate) struct Write {
    /// A bit for the whole word, or one for each of so many parts of it.
    pub(crate) enable: Expr,
    pub(crate) address: Expr,
    pub(crate) data: Expr,
}

/// A read port.
#[derive(Clone, Debug)]
pub(crate) struct Read {
    pub(crate) address: Expr,
    /// The register that takes the word, and those behind it.
    pub(crate) registers: Vec<Expr>,
}

impl Memory {
    /// Its size.
    pub fn array(&self) -> Array {
        self.array
    }
    /// The values that its ports take.
    pub(crate) fn values(&self, see: &mut dyn FnMut(&Expr)) {
        for write in &self.writes {
            [&write.enable, &write.address, &write.data]
                .into_iter()
                .for_each(&mut *see);
        }
        self.reads.iter().for_each(|read| see(&read.address));
    }
    /// The registers of its read ports: the array itself is no operator.
    pub(crate) fn cost(&self) -> Cost {
        let registers = self.reads.iter().flat_map(|read| &read.registers);
        let moved =
            |net: &Expr| Cost::registers(net.width()) + Cost::default().assigned(net.width());
        registers.map(moved).sum()
    }
}

/// A memory whose ports are being added.
pub struct MemoryBuilder<'a> {
    module: &'a mut Module,
    memory: Memory,
}

impl Module {
    /// A memory, of the module's text where it is [done](MemoryBuilder::done).
    #[track_caller]
    pub fn memory(&mut self, name: &str, array: Array) -> MemoryBuilder<'_> {
        self.claim(name);
        MemoryBuilder {
            module: self,
            memory: Memory {
                name: name.into(),
                array,
                writes: Vec::new(),
                reads: Vec::new(),
            },
        }
    }
}

impl MemoryBuilder<'_> {
    /// An address has the bits that the number of words needs.
    #[track_caller]
    fn reaches(&self, address: &Expr) {
        let (name, words) = (&self.memory.name, self.memory.array.words);
        let bits = words.next_power_of_two().trailing_zeros().max(1);
        assert_eq!(
            address.width(),
            bits,
            "address of `{name}` for {words} words"
        );
    }
    /// A write port. Where `enable` has several bits, each is for an equal part of the word.
    #[track_caller]
    pub fn write(mut self, enable: &Expr, address: &Expr, data: &Expr) -> Self {
        let (name, width) = (&self.memory.name, self.memory.array.width);
        assert_eq!(data.width(), width, "width of what `{name}` takes");
        assert_eq!(width % enable.width(), 0, "parts of a word of `{name}`");
        self.reaches(address);
        self.memory.writes.push(Write {
            enable: enable.clone(),
            address: address.clone(),
            data: data.clone(),
        });
        self
    }
    /// A read port. The word is in the last of the registers as many cycles after the address as there are registers.
    #[track_caller]
    pub fn read(mut self, registers: &[&str], address: &Expr) -> Self {
        self.reaches(address);
        let width = self.memory.array.width;
        let registers = registers
            .iter()
            .map(|name| self.module.declare(name, NetKind::Read, width))
            .collect();
        self.memory.reads.push(Read {
            address: address.clone(),
            registers,
        });
        self
    }
    /// Puts it into the module; gives the last register of each read port.
    #[track_caller]
    pub fn done(self) -> Vec<Expr> {
        let last = |read: &Read| read.registers.last().cloned();
        let out = self.memory.reads.iter().filter_map(last).collect();
        self.module.clock();
        self.module.push(Item::Memory(self.memory));
        out
    }
}
