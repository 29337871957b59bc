// SPDX-License-Identifier: MIT OR Apache-2.0
//! # host — register bus, memory loader, result sender
//! | port           | dir | data   | note                                                                    |
//! |----------------|-----|--------|-------------------------------------------------------------------------|
//! | s_wb_*         |     | 32 bits| Wishbone B4 classic, word addresses of `spec::regs`; two wait states     |
//! | s_axis_*       | in  | a word | AXI4-Stream: beats fill the memory chosen by LoadTarget, from LoadAddress; tlast ends a transfer |
//! | m_axis_*       | out | a word | AXI4-Stream: SendWords words of activation memory from SendAddress      |
//! | load_*         | out |        | to the memories: data, word address, slice, if it is its word's last, which memory; to the activation memory it stays while busy_port is 1 |
//! | sending        | out | 1      | the result stream is not finished                                       |
//! | busy_port      | in  | 1      | the writer has the activation memory's write port                       |
//! | read_taken     | in  | 1      | the fill unit has its read port                                         |
//! | a_addr / a_data|     |        | activation memory read                                                  |
//!
//! Throughput: 1 beat per cycle where the units leave the port free; they always go first, so host traffic never costs a
//! running frame a cycle. Back-pressure: full on both streams.

use crate::packer::bits_for;
use crate::rtl::{Expr, Module, all, lit, pack};
use crate::select::choose;
use sepstream_spec::config::Config;
use sepstream_spec::isa::address_bits;
use sepstream_spec::regs::{self, Memory, Reg};
use sepstream_spec::timing::activation_read;
use std::rc::Rc;

/// Bits of a count of words to send, whatever the memory; of configurations that are to have few cells those of its addresses and one.
const SEND_BITS: u32 = 24;

/// The host interface.
pub fn host(config: &Config) -> Rc<Module> {
    let mut m = Module::new("host", "Register bus, memory loader and result sender.");
    let ports = Ports::new(&mut m, config);

    m.note("The beat on its way to a memory.");
    let target = m.reg("target", 3);
    let pending = m.reg("pending", 1);
    let is_activation = target.is(Memory::Activation as u64);
    let waits = &is_activation & &ports.busy_port;
    let fires = m.wire("fires", &(&pending & &!&waits));
    let beat = Beat {
        target,
        pending,
        fires,
    };
    let bus = Bus::new(&mut m, &ports, &beat);
    load(&mut m, config, &ports, &bus, &beat);
    let sending = send(&mut m, config, &ports, &bus);
    read(&mut m, config, &ports, &bus, sending);
    Rc::new(m)
}

/// Its inputs.
struct Ports {
    cyc: Expr,
    stb: Expr,
    we: Expr,
    adr: Expr,
    dat_w: Expr,
    t_data: Expr,
    t_valid: Expr,
    t_last: Expr,
    m_ready: Expr,
    busy_port: Expr,
    read_taken: Expr,
    a_data: Expr,
    busy: Expr,
    finished: Expr,
    cycles: Expr,
    index: Expr,
    rst: Expr,
}

impl Ports {
    fn new(m: &mut Module, config: &Config) -> Self {
        let word = config.word_bytes() * 8;
        Ports {
            cyc: m.input("s_wb_cyc", 1),
            stb: m.input("s_wb_stb", 1),
            we: m.input("s_wb_we", 1),
            adr: m.input("s_wb_adr", 8),
            dat_w: m.input("s_wb_dat_w", 32),
            t_data: m.input("s_axis_tdata", word),
            t_valid: m.input("s_axis_tvalid", 1),
            t_last: m.input("s_axis_tlast", 1),
            m_ready: m.input("m_axis_tready", 1),
            busy_port: m.input("busy_port", 1),
            read_taken: m.input("read_taken", 1),
            a_data: m.input("a_data", word),
            busy: m.input("busy", 1),
            finished: m.input("finished", 1),
            cycles: m.input("cycles", 32),
            index: m.input("layer_index", 16),
            rst: m.reset(),
        }
    }
}

/// The beat on its way to a memory.
struct Beat {
    target: Expr,
    pending: Expr,
    fires: Expr,
}

/// The register bus: an access, and which register it is of.
struct Bus {
    access: Expr,
    target: Expr,
    address: Expr,
    send: Expr,
    words: Expr,
    readable: [Expr; 6],
}

impl Bus {
    fn new(m: &mut Module, ports: &Ports, beat: &Beat) -> Self {
        let Ports { adr, rst, .. } = ports;
        m.note("Register bus: a cycle to decode the address, one for the access. A new load target or address waits until no beat is");
        m.note("on its way to the old one.");
        let ack = m.reg("ack", 1);
        let asks = [ports.cyc.clone(), ports.stb.clone(), !&ack];
        let asks = m.wire("asks", &all(&asks));
        let asked = m.reg("asked", 1);
        let mut chosen = |name: &str, r: Reg, yes: &Expr| {
            m.pipe(&format!("{name}_chosen"), &(&adr.is(r as u64) & yes))
        };
        let [control, target, address, send, words] = [
            ("control", Reg::Control),
            ("target", Reg::LoadTarget),
            ("address", Reg::LoadAddress),
            ("send_address", Reg::SendAddress),
            ("send_words", Reg::SendWords),
        ]
        .map(|(name, r)| chosen(name, r, &ports.we));
        let readable = [
            ("id", Reg::Id),
            ("version", Reg::Version),
            ("fingerprint", Reg::Fingerprint),
            ("status", Reg::Status),
            ("cycles", Reg::Cycles),
            ("command", Reg::Command),
        ]
        .map(|(name, r)| chosen(name, r, &lit(1, 1)));
        let wait = &(&target | &address) & &beat.pending;
        let access = m.wire("access", &all(&[asks.clone(), asked.clone(), !&wait]));
        m.clocked(|s| {
            s.set(&asked, &(&asks & &!&access));
            s.set(&ack, &access);
            s.when(rst, |s| {
                s.set(&asked, &lit(0, 1));
                s.set(&ack, &lit(0, 1));
            });
        });
        m.output("s_wb_ack", &ack);
        let run = all(&[access.clone(), control, ports.dat_w.bit(0)]);
        let run = m.pipe("run_q", &run);
        m.output("run", &run);
        Bus {
            access,
            target,
            address,
            send,
            words,
            readable,
        }
    }
}

/// The loader of the memories.
fn load(m: &mut Module, config: &Config, ports: &Ports, bus: &Bus, beat: &Beat) {
    let Ports { dat_w, .. } = ports;
    let Beat {
        target,
        pending,
        fires,
    } = beat;
    // the load bus has an address for the largest memory
    let memories = Memory::all(config);
    let load_bits = memories
        .iter()
        .map(|memory| address_bits(memory.shape(config).words));
    let load_bits = load_bits.fold(1, u32::max);
    let beats = Memory::most_beats(config);
    m.note("Loader.");
    let load_addr = m.reg("load_addr_q", load_bits);
    let pending_data = m.reg("pending_data", config.word_bytes() * 8);
    let ready = m.wire("ready", &(&!pending | fires));
    let accept = m.wire("accept", &(&ports.t_valid & &ready));
    let target_now = m.wire("target_now", &(&bus.access & &bus.target));
    let address_now = m.wire("address_now", &(&bus.access & &bus.address));
    let slices = Slices {
        bits: bits_for(beats - 1),
        last: memories
            .iter()
            .map(|memory| memory.shape(config).beats - 1)
            .collect(),
        fires,
        accept: &accept,
        t_last: &ports.t_last,
        target: &dat_w.low(3),
        target_now: &target_now,
        address_now: &address_now,
    };
    let [slice, at_last, word_end] = match beats {
        1 => [lit(0, 1), lit(1, 1), lit(1, 1)],
        _ => slices.counted(m),
    };
    m.clocked(|s| {
        s.when(fires, |s| {
            s.set(pending, &lit(0, 1));
            s.when(&word_end, |s| {
                s.set(&load_addr, &(&load_addr + &lit(1, load_bits)))
            });
        });
        s.when(&accept, |s| {
            s.set(pending, &lit(1, 1));
            s.set(&pending_data, &ports.t_data);
        });
        s.when(&target_now, |s| s.set(target, &dat_w.low(3)));
        s.when(&address_now, |s| s.set(&load_addr, &dat_w.low(load_bits)));
        s.when(&ports.rst, |s| s.set(pending, &lit(0, 1)));
    });
    m.output("s_axis_tready", &ready);
    m.output("load_data", &pending_data);
    m.output("load_addr", &load_addr);
    m.output("load_slice", &slice);
    let enables: Vec<Expr> = memories
        .iter()
        .map(|memory| pending & &target.is(*memory as u64))
        .collect();
    m.output("load_we", &pack(&enables));
    m.output("load_last", &at_last);
}

/// The sender of results; gives what says that words are still to come.
fn send(m: &mut Module, config: &Config, ports: &Ports, bus: &Bus) -> Expr {
    let Ports { dat_w, rst, .. } = ports;
    let word = config.word_bytes() * 8;
    let address = address_bits(config.activation_words());
    let (send_bits, count, places) = match config.saves_cells() {
        true => (address + 1, 2, "places"),
        false => (SEND_BITS, 3, "four places"),
    };
    m.note(&format!(
        "Sender: reads as long as the {places} of its queue are not all spoken for."
    ));
    let send_addr = m.reg("send_addr", address);
    let send_left = m.reg("send_left", send_bits);
    let spoken = m.reg("spoken", count);
    // some words are left
    let reading = m.reg("reading", 1);
    let may = [reading.clone(), !&ports.read_taken, !&spoken.bit(count - 1)];
    let read = m.wire("read", &all(&may));
    let arrives = m.delay("read", &read, activation_read(config));
    let is_end = send_left.is(1);
    let end_arrives = m.delay("read_end", &is_end, activation_read(config));
    let held = m.reg("held", count);
    let m_valid = m.wire("m_valid", &held.any());
    let taken = m.wire("taken", &(&m_valid & &ports.m_ready));
    let entry = pack(&[ports.a_data.clone(), end_arrives]);
    let queue = Queue {
        held: &held,
        arrives: &arrives,
        entry: &entry,
        taken: &taken,
    };
    let front = match config.saves_cells() {
        true => queue.moving(m),
        false => queue.resting(m, rst),
    };
    m.clocked(|s| {
        s.when(&read, |s| {
            s.set(&send_addr, &(&send_addr + &lit(1, address)));
            s.set(&send_left, &(&send_left - &lit(1, send_bits)));
            s.set(&reading, &!&is_end);
        });
        s.set(
            &spoken,
            &(&(&spoken + &read.zext(count)) - &taken.zext(count)),
        );
        s.set(
            &held,
            &(&(&held + &arrives.zext(count)) - &taken.zext(count)),
        );
        s.when(&(&bus.access & &bus.send), |s| {
            s.set(&send_addr, &dat_w.low(address))
        });
        s.when(&(&bus.access & &bus.words), |s| {
            let words = dat_w.low(send_bits);
            s.set(&send_left, &words);
            s.set(&reading, &words.any());
        });
        s.when(rst, |s| {
            for reg in [&reading, &spoken, &held] {
                s.set(reg, &lit(0, reg.width()));
            }
        });
    });
    m.output("a_addr", &send_addr);
    m.output("m_axis_tdata", &front.low(word));
    m.output("m_axis_tlast", &front.bit(word));
    m.output("m_axis_tvalid", &m_valid);
    &reading | &spoken.any()
}

/// Register reads.
fn read(m: &mut Module, config: &Config, ports: &Ports, bus: &Bus, sending: Expr) {
    m.note("Register reads.");
    let sending = m.wire("is_sending", &sending);
    m.output("sending", &sending);
    let status = pack(&[ports.busy.clone(), ports.finished.clone(), sending]);
    let values = [
        lit(regs::ID.into(), 32),
        lit(regs::VERSION.into(), 32),
        lit(config.fingerprint().into(), 32),
        status.zext(32),
        ports.cycles.clone(),
        ports.index.zext(32),
    ];
    let read = bus
        .readable
        .iter()
        .zip(&values)
        .fold(lit(0, 32), |rest, (chosen, value)| {
            &rest | &(&chosen.repeat(32) & value)
        });
    let read = m.pipe("dat_r", &read);
    m.output("s_wb_dat_r", &read);
}

/// Words on their way out: four places, two to save cells, of which `held` are taken.
struct Queue<'a> {
    held: &'a Expr,
    arrives: &'a Expr,
    entry: &'a Expr,
    taken: &'a Expr,
}

impl Queue<'_> {
    fn places(&self, m: &mut Module) -> Vec<Expr> {
        (0..1 << (self.held.width() - 1))
            .map(|i| m.reg(&format!("queue_{i}"), self.entry.width()))
            .collect()
    }
    /// Each word rests where it came to: little hangs on `taken`.
    fn resting(&self, m: &mut Module, rst: &Expr) -> Expr {
        let places = self.places(m);
        let (head, tail) = (m.reg("head", 2), m.reg("tail", 2));
        m.clocked(|s| {
            s.when(self.arrives, |s| {
                s.set(&tail, &(&tail + &lit(1, 2)));
                for (i, place) in (0..).zip(&places) {
                    s.when(&tail.is(i), |s| s.set(place, self.entry));
                }
            });
            s.when(self.taken, |s| s.set(&head, &(&head + &lit(1, 2))));
            s.when(rst, |s| {
                for reg in [&head, &tail] {
                    s.set(reg, &lit(0, 2));
                }
            });
        });
        m.wire("front", &choose(&places, &head, 1))
    }
    /// Words move up to the first place: no multiplexer at the front. Behind the last word there is anything.
    fn moving(&self, m: &mut Module) -> Expr {
        let places = self.places(m);
        m.clocked(|s| {
            for (i, place) in (0..).zip(&places) {
                let ends = self.held.is(i);
                let comes = match places.get(i as usize + 1) {
                    None => self.entry.clone(),
                    Some(next) => {
                        let stays = &!self.taken & &ends;
                        let moves = self.taken & &self.held.is(i + 1);
                        (&stays | &moves).mux(self.entry, next)
                    }
                };
                s.when(&(self.taken | &ends), |s| s.set(place, &comes));
            }
        });
        places[0].clone()
    }
}

/// Which beat of its word the one on its way is.
struct Slices<'a> {
    bits: u32,
    /// Number of the last beat of a word, by memory.
    last: Vec<u32>,
    fires: &'a Expr,
    accept: &'a Expr,
    t_last: &'a Expr,
    target: &'a Expr,
    target_now: &'a Expr,
    address_now: &'a Expr,
}

impl Slices<'_> {
    /// Its number, if it is the last of its word, if the next one is of another word.
    fn counted(&self, m: &mut Module) -> [Expr; 3] {
        let (none, one) = (lit(0, self.bits), lit(1, self.bits));
        let slice = m.reg("slice", self.bits);
        let ends = m.reg("ends", 1);
        let last = m.reg("last_slice", self.bits);
        let last_of_new = (0..)
            .zip(&self.last)
            .fold(none.clone(), |rest, (at, last)| {
                let chosen = self.target.is(at);
                chosen.mux(&lit((*last).into(), self.bits), &rest)
            });
        // the slice is the last of its word, which a register knows
        let at_last = m.reg("at_last", 1);
        let single = m.wire("single", &!&last.any());
        let before_last = m.pipe("before_last", &(&last - &one));
        let word_end = m.wire("word_end", &(&at_last | &ends));
        m.clocked(|s| {
            s.when(self.fires, |s| {
                s.set(&slice, &word_end.mux(&none, &(&slice + &one)));
                s.set(&at_last, &slice.eq(&before_last));
                s.when(&word_end, |s| s.set(&at_last, &single));
            });
            s.when(self.accept, |s| s.set(&ends, self.t_last));
            s.when(self.target_now, |s| {
                s.set(&last, &last_of_new);
                s.set(&slice, &none);
                s.set(&at_last, &!&last_of_new.any());
            });
            s.when(self.address_now, |s| {
                s.set(&slice, &none);
                s.set(&at_last, &single);
            });
        });
        [slice, at_last, word_end]
    }
}
