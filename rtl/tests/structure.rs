// SPDX-License-Identifier: MIT OR Apache-2.0
//! The structure's number follows from what a netlist follows from, and from nothing else.

use sepstream_rtl::{Array, Expr, Module, cat, lit};
use std::rc::Rc;

/// What is changed in [`design`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Change {
    Nothing,
    // not seen
    Names,
    Order,
    Wires,
    Comments,
    Grouping,
    // seen
    Operator,
    Width,
    Constant,
    Register,
    Keep,
    Condition,
    Statements,
    Words,
    Attribute,
    Enable,
    ReadRegisters,
    Parameter,
    Pin,
    PinBit,
    Border,
    Inside,
    Connection,
    PortName,
    TwoAlike,
}
use Change::*;

const UNSEEN: [Change; 5] = [Names, Order, Wires, Comments, Grouping];
const SEEN: [Change; 19] = [
    Operator,
    Width,
    Constant,
    Register,
    Keep,
    Condition,
    Statements,
    Words,
    Attribute,
    Enable,
    ReadRegisters,
    Parameter,
    Pin,
    PinBit,
    Border,
    Inside,
    Connection,
    PortName,
    TwoAlike,
];

fn inner(change: Change) -> Rc<Module> {
    let mut m = Module::new(if change == Names { "other" } else { "inner" }, "Inside.");
    let [a, b] = ["a", "b"].map(|name| m.input(name, 8));
    let less = if change == Inside {
        a.lt_s(&b)
    } else {
        a.lt(&b)
    };
    m.output("m_less", &less);
    Rc::new(m)
}

fn registers(m: &mut Module, change: Change, [a, b, go]: [&Expr; 3]) -> Expr {
    let name = |name: &str| {
        if change == Names {
            format!("{name}_x")
        } else {
            name.into()
        }
    };
    let [first, second] = match change {
        Order => ["second", "first"]
            .map(|n| m.reg(n, 8))
            .into_iter()
            .rev()
            .collect(),
        _ => ["first", "second"].map(|n| m.reg(&name(n), 8)).to_vec(),
    }
    .try_into()
    .unwrap();
    let value = if change == Operator { a - b } else { a + b };
    let (first, second): (Expr, Expr) = (first, second);
    let constant = lit(if change == Constant { 4 } else { 3 }, 8);
    let go = &if change == Condition { !go } else { go.clone() };
    if change == Grouping {
        m.clocked(|s| s.when(go, |s| s.set(&second, &first)));
        m.clocked(|s| {
            s.set(&first, &value);
            s.when(go, |s| s.set(&first, &constant));
        });
    } else {
        m.clocked(|s| {
            if change != Statements {
                s.set(&first, &value);
            }
            s.when(go, |s| {
                s.set(&first, &constant);
                s.set(&second, &first);
            });
            if change == Statements {
                s.set(&first, &value);
            }
        });
    }
    match change {
        Connection => either(&second, &first),
        _ => either(&first, &second),
    }
}

/// One of two, by the lowest bit of the first.
fn either(first: &Expr, second: &Expr) -> Expr {
    first.bit(0).mux(first, second)
}

fn memory(m: &mut Module, change: Change, [go, a]: [&Expr; 2]) -> Expr {
    let array = Array {
        words: if change == Words { 15 } else { 16 },
        width: 8,
        in_luts: change == Attribute,
    };
    let enable = if change == Enable {
        lit(1, 1)
    } else {
        go.clone()
    };
    let registers: &[&str] = if change == ReadRegisters {
        &["q", "r"]
    } else {
        &["q"]
    };
    let memory = m.memory("words", array).write(&enable, &a.low(4), a);
    memory.read(registers, &a.slice(4, 4)).done()[0].clone()
}

fn cell(m: &mut Module, change: Change, [a, b]: [&Expr; 2]) -> Expr {
    let out = m.pins("out", 2);
    let mode = if change == Parameter { "1" } else { "0" };
    let pin = if change == Pin { "B" } else { "A" };
    let bits = if change == PinBit { [1, 0] } else { [0, 1] };
    m.cell("BLOCK", "block")
        .parameters(&[("MODE", mode)])
        .input(pin, a)
        .input("C", b)
        .output("O", &out.bit(bits[0]))
        .output("P", &out.bit(bits[1]))
        .done();
    out
}

fn design(change: Change) -> String {
    let mut m = Module::new("all", if change == Comments { "Other." } else { "One." });
    let width = if change == Width { 9 } else { 8 };
    let [a, b, wide] = match change {
        Order => {
            let wide = m.input("wide", width);
            let b = m.input("b", 8);
            [m.input("a", 8), b, wide]
        }
        _ => [("a", 8), ("b", 8), ("wide", width)].map(|(name, width)| m.input(name, width)),
    };
    let go = m.input("go", 1);
    if change == Comments {
        m.note("Something is said here.");
    }
    let sum = &a + &(&b ^ &a);
    let sum = if change == Wires {
        m.wire("sum", &sum)
    } else {
        sum
    };
    let chosen = registers(&mut m, change, [&sum, &b, &go]);
    let read = memory(&mut m, change, [&go, &a]);
    let cells = cell(&mut m, change, [&go, &go.mux(&a.bit(0), &b.bit(0))]);
    let unit = if change == Names { "unit_x" } else { "unit" };
    let less = match change {
        Border => a.lt(&b),
        _ => {
            let inputs = [("b", b.clone()), ("a", a.clone())];
            m.instance(unit, &inner(change), &inputs).out("m_less")
        }
    };
    let late = if change == Register {
        m.delay("late", &a, 2)
    } else {
        m.pipe("late", &a)
    };
    let copies = match change {
        Keep => (0..2).map(|i| m.pipe(&format!("copy_{i}"), &b)).collect(),
        _ => m.copies("copy", &b, 2),
    };
    // two registers of the same sort, which differ in what follows them only
    let [x, y] = [("x", &a), ("y", &b)].map(|(name, from)| m.pipe(name, &from.bit(0)));
    let apart = if change == TwoAlike {
        &x & &!&x
    } else {
        &x & &!&y
    };
    let parts = [chosen, read, cells, less, late, wide, apart, cat(&copies)];
    let port = if change == PortName {
        "m_other"
    } else {
        "m_all"
    };
    m.output(port, &cat(&parts));
    m.structure()
}

#[test]
fn what_makes_no_difference_is_not_seen() {
    for change in UNSEEN {
        assert_eq!(design(change), design(Nothing), "{change:?}");
    }
}

#[test]
fn what_makes_a_difference_is_seen() {
    let mut all = vec![design(Nothing)];
    for change in SEEN {
        let structure = design(change);
        assert!(!all.contains(&structure), "{change:?}");
        all.push(structure);
    }
}

/// The number is pinned in files: it may not change with a version of Rust or of this crate.
#[test]
fn the_number_stays() {
    assert_eq!(design(Nothing), "ee7357bac31537b7");
}

/// A ring of registers can be told from two smaller ones only by what lies far away.
#[test]
fn long_chains_are_followed_to_their_ends() {
    let chain = |at: u32| {
        let mut m = Module::new("chain", "A chain.");
        let a = m.input("a", 1);
        let mut value = a.clone();
        for i in 0..40 {
            let next = if i == at { !&value } else { value };
            value = m.pipe(&format!("stage_{i}"), &next);
        }
        m.output("m", &value);
        m.structure()
    };
    let all: std::collections::BTreeSet<String> = (0..41).map(chain).collect();
    assert_eq!(all.len(), 41);
}
