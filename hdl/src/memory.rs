// SPDX-License-Identifier: MIT OR Apache-2.0
//! # memory — one write port, one read port
//! | port     | dir | data            | note                                  |
//! |----------|-----|-----------------|---------------------------------------|
//! | we       | in  | 1               | `by_bytes`: one for each byte         |
//! | w_addr   | in  | word address    |                                       |
//! | w_data   | in  | one word        |                                       |
//! | r_addr   | in  | word address    |                                       |
//! | r_data   | out | one word        | `timing::MEMORY_READ` cycles later, `direct` `DIRECT_READ` |
//!
//! Latency: array register and output register (both inside a block RAM), `direct` without that. Throughput: one read and one write per cycle.
//! No back-pressure. A word read in the cycle of its own write is the old one or the new one: no unit does that.

use crate::rtl::{Array, Expr, Module, pack};
use crate::technology::Primitive;
use sepstream_spec::config::Config;
use sepstream_spec::isa::address_bits;
use sepstream_spec::timing::{DIRECT_READ, FAR_READ, MEMORY_READ};
use std::rc::Rc;

/// A memory of `words` words of `width` bits. Words are written whole: block RAMs of 36 bits then lie side by side without gaps,
/// which a write enable for each beat of the host would make.
pub fn memory(words: u32, width: u32) -> Rc<Module> {
    either(words, width, false)
}

/// The memory of a configuration that comes after `timing::near_read` cycles; `is_stored` as in [`stored`].
pub fn near(config: &Config, words: u32, width: u32, is_stored: bool) -> Rc<Module> {
    match config.saves_cells() {
        true => direct(words, width, is_stored),
        false => either(words, width, is_stored),
    }
}

/// A memory whose data come in the cycle behind the address; `stored` as in [`stored`].
pub fn direct(words: u32, width: u32, stored: bool) -> Rc<Module> {
    let mut m = array(words, width, false, false);
    m.set_primitive(Primitive::Memory {
        words,
        width,
        stored,
        direct: true,
    });
    Rc::new(m)
}

/// The same where nobody looks at what is read in the cycle of a write, of any address: a memory of one port will do.
pub fn stored(words: u32, width: u32) -> Rc<Module> {
    either(words, width, true)
}

fn either(words: u32, width: u32, stored: bool) -> Rc<Module> {
    let mut m = described(words, width, false);
    m.set_primitive(Primitive::Memory {
        words,
        width,
        stored,
        direct: false,
    });
    Rc::new(m)
}

/// A memory whose blocks lie all over the chip, between registers for what comes in and goes out. Data come `timing::FAR_READ` cycles
/// after the address; a word written is there a cycle later than in others. `stored` as in [`stored`].
///
/// It lies in parts of so many bits side by side, the last one with what is left, each with registers of its own for addresses. The
/// read address takes `more` cycles more to get to them.
pub fn far(words: u32, width: u32, stored: bool, part: u32, more: u32) -> Rc<Module> {
    let kind = if stored { "stored" } else { "memory" };
    let name = format!("far_{kind}_{words}x{width}");
    let (mut m, ports) = empty(&name, words, width, FAR_READ + more, " between registers");
    let parts = width.div_ceil(part);
    let we = m.copies("we_q", &ports.we, parts);
    let w_addr = m.copies("w_addr_q", &ports.w_addr, parts);
    let w_data = m.pipe("w_data_q", &ports.w_data);
    let r_addr = m.delay("r_addr", &ports.r_addr, more);
    let r_addr = m.copies("r_addr_q", &r_addr, parts);
    let read: Vec<Expr> = (0..parts)
        .map(|p| {
            let name = match parts {
                1 => "words".into(),
                _ => format!("words_{p}"),
            };
            let bits = part.min(width - p * part);
            let inputs = [
                ("we", we[p as usize].clone()),
                ("w_addr", w_addr[p as usize].clone()),
                ("w_data", w_data.slice(p * part, bits)),
                ("r_addr", r_addr[p as usize].clone()),
            ];
            let unit = either(words, bits, stored);
            m.instance(&name, &unit, &inputs).out("r_data")
        })
        .collect();
    let read = m.pipe("r_data_q", &pack(&read));
    m.output("r_data", &read);
    Rc::new(m)
}

/// A [`direct`] memory of `words` words of so many bytes, which are written one by one: `we` has a bit for each.
pub fn by_bytes(words: u32, bytes: u32) -> Rc<Module> {
    let mut m = Module::new(
        format!("bytes_{words}x{}", bytes * 8),
        &format!("{words} words of {bytes} bytes that are written one by one."),
    );
    let address = address_bits(words);
    let we = m.input("we", bytes);
    let w_addr = m.input("w_addr", address);
    let w_data = m.input("w_data", bytes * 8);
    let r_addr = m.input("r_addr", address);
    let lane = direct(words, 8, false);
    let read: Vec<Expr> = (0..bytes)
        .map(|b| {
            let inputs = [
                ("we", we.bit(b)),
                ("w_addr", w_addr.clone()),
                ("w_data", w_data.byte(b)),
                ("r_addr", r_addr.clone()),
            ];
            m.instance(&format!("byte_{b}"), &lane, &inputs)
                .out("r_data")
        })
        .collect();
    m.output("r_data", &pack(&read));
    Rc::new(m)
}

/// Inputs of a memory.
pub(crate) struct Ports {
    pub(crate) we: Expr,
    pub(crate) w_addr: Expr,
    pub(crate) w_data: Expr,
    pub(crate) r_addr: Expr,
}

/// A memory without a body, and the cycles of a read; `blocks` says what it is made of, with a blank in front.
pub(crate) fn empty(
    name: &str,
    words: u32,
    width: u32,
    cycles: u32,
    blocks: &str,
) -> (Module, Ports) {
    let mut m = Module::new(
        name,
        &format!(
            "{words} words of {width} bits{blocks}; read data comes {cycles} cycles after the address."
        ),
    );
    let address = address_bits(words);
    let ports = Ports {
        we: m.input("we", 1),
        w_addr: m.input("w_addr", address),
        w_data: m.input("w_data", width),
        r_addr: m.input("r_addr", address),
    };
    (m, ports)
}

/// Its behaviour, `in_luts` or wherever the tools put it.
pub(crate) fn described(words: u32, width: u32, in_luts: bool) -> Module {
    array(words, width, in_luts, true)
}

fn array(words: u32, width: u32, in_luts: bool, registered: bool) -> Module {
    let (name, registers, cycles): (_, &[&str], _) = match registered {
        true => ("memory", &["read_q", "out_q"], MEMORY_READ),
        false => ("direct", &["read_q"], DIRECT_READ),
    };
    let name = format!("{name}_{words}x{width}");
    let (mut m, ports) = empty(&name, words, width, cycles, "");
    let array = Array {
        words,
        width,
        in_luts,
    };
    let read = m
        .memory("array", array)
        .write(&ports.we, &ports.w_addr, &ports.w_data)
        .read(registers, &ports.r_addr)
        .done();
    m.output("r_data", &read[0]);
    m
}
