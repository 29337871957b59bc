// SPDX-License-Identifier: MIT OR Apache-2.0
//! The memories that the host fills, and what is in front of them.
//!
//! Memories lie all over the chip: their write ports are registered, so that a word is there a cycle later than it came. To save cells
//! (`Config::saves_cells`) only that of the activation memory is, which several units write. Where the array is spread the load stream
//! takes `timing::load` cycles more to the others, which nothing reads so soon: a frame is started by a register write behind the load.

use crate::memory;
use crate::rtl::{Expr, Instance, Module, pack};
use sepstream_spec::config::Config;
use sepstream_spec::isa::address_bits;
use sepstream_spec::regs::Memory;
use sepstream_spec::timing;

/// Beats of a word of weights that are a part of their memory where they are spread.
const PART_BEATS: u32 = 4;

/// The load stream of the host.
pub(super) struct Store<'a> {
    config: &'a Config,
    host: &'a Instance,
    /// A beat, as the host has it.
    data: Expr,
    /// What the memories of weights, parameters and program see of the load stream: a beat, whether it is the last of its word, the
    /// memory's enable, the address.
    tail: Expr,
    last: Expr,
    enable: Expr,
    addr: Expr,
    /// Beats of a word before its last, which stay until that is there.
    earlier: Vec<Expr>,
}

/// Words that a unit writes, before the host's.
pub(super) struct Written<'a> {
    pub(super) valid: &'a Expr,
    /// Which bytes of the word, if not all.
    pub(super) bytes: Option<&'a Expr>,
    pub(super) addr: &'a Expr,
    pub(super) data: &'a Expr,
}

impl<'a> Store<'a> {
    pub(super) fn new(m: &mut Module, config: &'a Config, host: &'a Instance) -> Self {
        m.note("Beats of the load stream, until the last one of a word is there.");
        let data = host.out("load_data");
        let earlier = Memory::most_beats(config) - 1;
        let late = timing::load(config);
        let [last, enable, addr] = ["load_last", "load_we", "load_addr"]
            .map(|port| m.delay(&format!("far_{port}"), &host.out(port), late));
        // what is spread has a register on the way for a few beats each, and one for the last beats
        let (near, tail, beats) = match late {
            0 => (vec![data.clone()], data.clone(), earlier),
            _ => {
                let count = earlier.div_ceil(PART_BEATS) + 1;
                let mut near = m.delayed_copies("far_load_data", &data, late, count);
                let tail = near.remove(0);
                (near, tail, PART_BEATS)
            }
        };
        let earlier = (0..earlier)
            .map(|beat| {
                let held = m.reg(&format!("loaded_{beat}"), data.width());
                let here = host.out("load_slice").is(beat.into());
                let here = m.delay(&format!("here_{beat}"), &here, late);
                let data = &near[(beat / beats) as usize];
                m.clocked(|s| s.when(&here, |s| s.set(&held, data)));
                held
            })
            .collect();
        Store {
            config,
            host,
            data,
            tail,
            last,
            enable,
            addr,
            earlier,
        }
    }

    /// The activation memory.
    pub(super) fn shared(
        &self,
        m: &mut Module,
        name: &str,
        written: &Written,
        read: Expr,
    ) -> Instance {
        let shape = Memory::Activation.shape(self.config);
        let enable = self.host.out("load_we").bit(Memory::Activation as u32);
        let addr = self.host.out("load_addr").low(address_bits(shape.words));
        let Written {
            valid,
            bytes,
            addr: own,
            data,
        } = written;
        let we = match bytes {
            None => *valid | &enable,
            // the host's word waits
            Some(bytes) => valid.mux(bytes, &enable.repeat(shape.bytes)),
        };
        let inputs = [
            ("we", late(m, name, "we", &we)),
            ("w_addr", late(m, name, "w_addr", &valid.mux(own, &addr))),
            (
                "w_data",
                late(m, name, "w_data", &valid.mux(data, &self.data)),
            ),
            ("r_addr", read),
        ];
        let bits = shape.bytes * 8;
        let unit = match timing::far(self.config, Memory::Activation) {
            _ if bytes.is_some() => memory::by_bytes(shape.words, shape.bytes),
            true => memory::far(shape.words, bits, false, bits, 0),
            false => memory::near(self.config, shape.words, bits, false),
        };
        m.instance(name, &unit, &inputs)
    }

    /// Write port of a memory that is loaded between frames only: enable, address, word.
    pub(super) fn port(&self, m: &mut Module, memory: Memory, name: &str) -> [Expr; 3] {
        let shape = memory.shape(self.config);
        let enable = self.enable.bit(memory as u32);
        let addr = self.addr.low(address_bits(shape.words));
        let last = shape.beats - 1;
        let tail = self.tail.low(shape.bytes * 8 - last * self.data.width());
        let late = |m: &mut Module, part: &str, value: &Expr| match self.config.saves_cells() {
            true => value.clone(),
            false => late(m, name, part, value),
        };
        let tail = late(m, "tail", &tail);
        let word = [&self.earlier[..last as usize], &[tail]].concat();
        let we = late(m, "we", &(&enable & &self.last));
        [we, late(m, "w_addr", &addr), pack(&word)]
    }

    /// A memory that is loaded between frames only.
    pub(super) fn loaded(
        &self,
        m: &mut Module,
        memory: Memory,
        name: &str,
        read: Expr,
    ) -> Instance {
        let shape = memory.shape(self.config);
        let [we, addr, word] = self.port(m, memory, name);
        let inputs = [
            ("we", we),
            ("w_addr", addr),
            ("w_data", word),
            ("r_addr", read),
        ];
        // only the weights are ever that large among these
        let far = memory == Memory::Weight && timing::far(self.config, memory);
        // lanes of several cycles take the words of their parameters in the cycles of others
        let params = [Memory::PwParam, Memory::DwParam].contains(&memory);
        let direct = self.config.saves_cells() && !params;
        let bits = shape.bytes * 8;
        let unit = match far {
            true => {
                let part = match timing::spread(self.config) {
                    true => bits.min(PART_BEATS * self.data.width()),
                    false => bits,
                };
                let more = timing::spread_cycles(self.config);
                memory::far(shape.words, bits, true, part, more)
            }
            false if direct => memory::direct(shape.words, bits, true),
            false => memory::stored(shape.words, bits),
        };
        m.instance(name, &unit, &inputs)
    }
}

/// A register in front of a memory.
fn late(m: &mut Module, memory: &str, part: &str, value: &Expr) -> Expr {
    m.pipe(&format!("late_{memory}_{part}"), value)
}
