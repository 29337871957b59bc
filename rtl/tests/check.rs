// SPDX-License-Identifier: MIT OR Apache-2.0
//! Each rule for a finished module, broken: the message says what, and gives the line of the block.

use sepstream_rtl::{Array, Module, lit, verilog};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

/// The line on which this stands, and the value beside it.
macro_rules! here {
    ($value:expr) => {
        ($value, line!())
    };
}

/// A module with the ports that the tests use.
fn module() -> Module {
    Module::new("block", "A block.")
}

/// The module is refused with these words, and this line of this file.
#[track_caller]
fn refused(m: &Module, words: &str, line: u32) {
    let fault = m.check().expect_err("the rule is broken").to_string();
    let place = format!("rtl/tests/check.rs:{line}");
    assert!(fault.contains(words), "`{words}` is not in `{fault}`");
    assert!(fault.contains(&place), "`{place}` is not in `{fault}`");
    assert!(fault.starts_with(m.name()), "{fault}");
}

/// What is refused at the call stops with these words.
#[track_caller]
fn stops(words: &str, call: impl FnOnce()) {
    let stopped = catch_unwind(AssertUnwindSafe(call)).expect_err("the call stops");
    let text = stopped.downcast_ref::<String>().expect("a message");
    assert!(text.contains(words), "`{words}` is not in `{text}`");
}

#[test]
fn a_register_that_nothing_sets() {
    let mut m = module();
    let (never, line) = here!(m.reg("never", 3));
    m.output("m", &never);
    refused(&m, "nothing sets the register `never`", line);
}

#[test]
fn a_register_that_two_processes_set() {
    let mut m = module();
    let a = m.input("a", 1);
    let twice = m.reg("twice", 1);
    m.clocked(|s| {
        s.set(&twice, &lit(0, 1));
        s.when(&a, |s| s.set(&twice, &lit(1, 1))); // the same process: fine
    });
    m.output("m", &twice);
    assert!(m.check().is_ok());
    let ((), line) = here!(m.clocked(|s| s.when(&a, |s| s.set(&twice, &a))));
    refused(&m, "`twice` is set in another process, too", line);
    let mut m = module();
    let b = m.input("b", 1);
    let piped = m.pipe("piped", &b);
    let ((), line) = here!(m.clocked(|s| s.set(&piped, &b)));
    refused(&m, "`piped` is set in another process", line);
}

#[test]
fn what_is_no_register_is_set() {
    let mut m = module();
    let a = m.input("a", 2);
    let ((), line) = here!(m.clocked(|s| s.set(&a, &lit(0, 2))));
    refused(&m, "`a` is set, but is an input", line);
    let mut m = module();
    let a = m.input("a", 2);
    let w = m.wire("w", &a);
    let ((), line) = here!(m.clocked(|s| s.set(&w, &lit(0, 2))));
    refused(&m, "`w` is set, but is a wire that has its value", line);
    let mut m = module();
    let a = m.input("a", 2);
    let ((), line) = here!(m.clocked(|s| s.set(&(&a + &a), &lit(0, 2))));
    refused(&m, "`(a + a)` is set, but is an operator's value", line);
    let mut m = module();
    let r = m.reg("r", 2);
    m.clocked(|s| s.set(&r, &r));
    let ((), line) = here!(m.clocked(|s| s.set(&r.bit(0), &lit(0, 1))));
    refused(&m, "`r[0]` is set, but is bits of a register", line);
}

#[test]
fn a_value_of_another_module() {
    let mut other = module();
    let foreign = other.input("foreign", 4);
    let mut m = Module::new("taker", "Takes what is not its own.");
    let own = m.input("own", 4);
    let ((), line) = here!(m.output("m", &(&own + &foreign)));
    refused(&m, "`foreign` is of another module", line);
}

#[test]
fn a_loop_without_a_register() {
    let mut m = module();
    let a = m.input("a", 4);
    let (wire, _) = here!(m.forward("later", 4));
    let sum = m.wire("sum", &(&wire + &a));
    let ((), line) = here!(m.drive(&wire, &sum));
    m.output("m", &sum);
    refused(&m, "a loop without a register", line - 1);
    // with a register between there is none
    let mut m = module();
    let a = m.input("a", 4);
    let wire = m.forward("later", 4);
    let sum = m.pipe("sum", &(&wire + &a));
    m.drive(&wire, &sum);
    m.output("m", &sum);
    m.check().unwrap();
}

/// `m_now` follows `s` at once, `m_later` a cycle later.
fn inner() -> Rc<Module> {
    let mut m = Module::new("inner", "A way with a register and one without.");
    let [s, t] = ["s", "t"].map(|name| m.input(name, 1));
    m.output("m_now", &(&s & &t));
    let later = m.pipe("later", &s);
    m.output("m_later", &later);
    Rc::new(m)
}

#[test]
fn a_loop_through_an_instance() {
    for (out, loops) in [("m_now", true), ("m_later", false)] {
        let mut m = module();
        let back = m.forward("back", 1);
        let inputs = [("s", back.clone()), ("t", lit(1, 1))];
        let (inside, line) = here!(m.instance("unit", &inner(), &inputs));
        m.drive(&back, &inside.out(out));
        match loops {
            true => refused(&m, "a loop without a register: unit_m_now, back", line),
            false => m.check().unwrap(),
        }
    }
}

#[test]
fn a_wire_that_nothing_drives() {
    let mut m = module();
    let (open, line) = here!(m.forward("open", 2));
    m.output("m", &open);
    refused(&m, "nothing drives `open`", line);
    // the top as well as a module inside another
    let m = Rc::new(m);
    stops("nothing drives `open`", || drop(verilog(&m, "")));
    stops("nothing drives `open`", || {
        module().instance("unit", &m, &[]);
    });
}

#[test]
fn a_wire_that_is_driven_twice() {
    let mut m = module();
    let a = m.input("a", 2);
    let wire = m.forward("wire_1", 2);
    m.drive(&wire, &a);
    let ((), line) = here!(m.drive(&wire, &a));
    refused(&m, "`wire_1` is driven already", line);
    let mut m = module();
    let a = m.input("a", 2);
    let ((), line) = here!(m.drive(&a, &a));
    refused(&m, "`a` is driven, but is an input", line);
}

#[test]
fn pins_drive_each_bit_once() {
    let mut m = module();
    let (out, line) = here!(m.pins("out", 3));
    m.cell("CELL", "one").output("O", &out.low(2)).done();
    refused(&m, "nothing drives bit 2 of `out`", line);
    m.cell("CELL", "two").output("O", &out.bit(2)).done();
    m.check().unwrap();
    let ((), line) = here!(m.cell("CELL", "three").output("O", &out.bit(1)).done());
    refused(&m, "`out` is driven already", line);
}

#[test]
fn bits_of_pins_are_apart_in_loops() {
    let chain = |order: [u32; 2]| {
        let mut m = module();
        let carry = m.pins("carry", 2);
        for (i, from) in order.into_iter().enumerate() {
            m.cell("CARRY", &format!("cell_{i}"))
                .combinational()
                .input("CIN", &carry.bit(from))
                .output("COUT", &carry.bit(1 - from))
                .done();
        }
        m
    };
    let mut m = module();
    let carry = m.pins("carry", 2);
    let a = m.input("a", 1);
    m.drive(&carry.bit(0), &a);
    m.cell("CARRY", "top_cell")
        .combinational()
        .input("CIN", &carry.bit(0))
        .output("COUT", &carry.bit(1))
        .done();
    m.check().unwrap();
    let fault = chain([0, 1]).check().unwrap_err().to_string();
    assert!(
        fault.contains("a loop without a register: carry, carry"),
        "{fault}"
    );
}

#[test]
fn names_are_identifiers() {
    let (m, line) = here!(Module::new("9bad", "Of a wrong name."));
    refused(&m, "`9bad` is no Verilog identifier", line);
    for name in ["assign", "wait", "and", "table", "9bad", "a b", ""] {
        let mut m = module();
        let (_, line) = here!(m.input(name, 1));
        refused(&m, &format!("`{name}` is"), line);
        let mut m = module();
        let (_, line) = here!(m.instance(name, &inner(), &[("s", lit(0, 1)), ("t", lit(0, 1))]));
        refused(&m, &format!("`{name}` is"), line);
    }
}

#[test]
fn names_are_there_once() {
    let mut m = module();
    m.input("a", 1);
    stops("`a` exists, from rtl/tests/check.rs:", || {
        m.reg("a", 2);
    });
    m.input("unit_m_now", 1);
    stops("`unit_m_now` exists", || {
        m.instance("unit", &inner(), &[("s", lit(0, 1)), ("t", lit(0, 1))]);
    });
}

#[test]
fn widths_fit() {
    let mut m = module();
    let [a, b] = [("a", 2), ("b", 3)].map(|(name, width)| m.input(name, width));
    stops("widths of `a` + `b`", || drop(&a + &b));
    stops("bits 1+2 of `a`, which has 2", || drop(a.slice(1, 2)));
    stops("`b` has 3 bits, more than 2", || drop(b.zext(2)));
    stops("condition `a`", || drop(a.mux(&b, &b)));
    stops("4 does not fit 2 bits", || drop(a.is(4)));
    let r = m.reg("r", 2);
    stops("widths of `r` <= `b`", || m.clocked(|s| s.set(&r, &b)));
    stops("input `t` of unit is open", || {
        m.instance("unit", &inner(), &[("s", lit(0, 1))]);
    });
    stops("has no input [\"u\"]", || {
        let inputs = ["s", "t", "u"].map(|name| (name, lit(0, 1)));
        m.instance("unit_2", &inner(), &inputs);
    });
    let array = Array {
        words: 5,
        width: 2,
        in_luts: false,
    };
    stops("address of `memory` for 5 words", || {
        drop(m.memory("memory", array).read(&["read"], &a));
    });
}
