// SPDX-License-Identifier: MIT OR Apache-2.0
//! What stands in the Verilog of small modules.

use sepstream_rtl::{Array, Cost, Expr, Module, lit, verilog};
use std::rc::Rc;

fn module() -> Module {
    Module::new("block", "A block.")
}

/// The text has these lines one behind the other.
#[track_caller]
fn has(m: Module, lines: &str) {
    let text = verilog(&Rc::new(m), "");
    assert!(text.contains(lines), "no\n{lines}\nin\n{text}");
}

#[test]
fn a_name_with_zeros_above_can_be_sliced() {
    let wide = module().input("x", 4).zext(9);
    let slice = |low, width| wide.slice(low, width).to_string();
    assert_eq!(slice(0, 9), "{5'd0, x}");
    assert_eq!(slice(1, 2), "x[2:1]");
    assert_eq!(slice(3, 1), "x[3]");
    assert_eq!(slice(2, 5), "{3'd0, x[3:2]}");
    assert_eq!(slice(4, 3), lit(0, 3).to_string());
    assert_eq!(wide.slice(1, 6).slice(1, 4).to_string(), "{2'd0, x[3:2]}");
    let bit = module().input("y", 1).zext(3);
    assert_eq!(bit.slice(0, 2).to_string(), "{1'd0, y}");
    assert_eq!(bit.bit(0).to_string(), "y");
    assert_eq!(lit(0b1101, 4).slice(1, 3).to_string(), "3'd6");
}

#[test]
fn bits_of_an_operators_value_get_a_wire() {
    let mut m = module();
    let [a, b] = ["a", "b"].map(|name| m.input(name, 4));
    let sum = &a + &b;
    m.output("m_top", &sum.bit(3));
    m.output("m_wide", &sum.sext(6));
    has(
        m,
        "    wire [3:0] part_0 = (a + b);\n    assign m_top = part_0[3];\n",
    );
    let mut m = module();
    let [a, b] = ["a", "b"].map(|name| m.input(name, 4));
    m.output("m", &(&a + &b).sext(6));
    has(m, "assign m = {{2{part_0[3]}}, part_0};");
}

#[test]
fn memories_with_an_enable_for_each_part() {
    let mut m = module();
    let [we, at] = [("we", 2), ("at", 3)].map(|(name, width)| m.input(name, width));
    let data = m.input("data", 16);
    let array = Array {
        words: 6,
        width: 16,
        in_luts: true,
    };
    let read = m
        .memory("words", array)
        .write(&we, &at, &data)
        .read(&["first", "second"], &at)
        .done();
    m.output("m", &read[0]);
    assert_eq!(m.arrays().collect::<Vec<_>>(), [array]);
    let registers = Cost {
        registers: 32,
        moves: 32,
        ..Cost::default()
    };
    assert_eq!(m.cost(), registers);
    has(
        m,
        "    (* ram_style = \"distributed\" *) reg [15:0] words [0:5];
    reg [15:0] first;
    reg [15:0] second;
    always @(posedge clk) begin
        if (we[0]) words[at][7:0] <= data[7:0];
        if (we[1]) words[at][15:8] <= data[15:8];
        first <= words[at];
        second <= first;
    end
    assign m = second;
",
    );
}

#[test]
fn cells_with_their_pins() {
    let mut m = module();
    let a = m.input("a", 2);
    let out = m.pins("out", 2);
    m.cell("BLOCK", "block")
        .parameters(&[("MODE", "\"FAST\"")])
        .clock("CLK")
        .input_bits("A", 4, &a)
        .high(&["CE"])
        .output("O", &out)
        .open(&["CO"])
        .done();
    assert_eq!(
        m.cells().map(|cell| cell.kind()).collect::<Vec<_>>(),
        ["BLOCK"]
    );
    m.output("m", &out);
    has(
        m,
        "    BLOCK #(
        .MODE(\"FAST\")
    ) block (
        .CLK(clk), .A4(a[0]), .A5(a[1]), .CE(1'b1), .O(out), .CO()
    );
",
    );
}

/// Equal modules are one in the text; those of one name that differ get a number.
#[test]
fn equal_modules_are_one() {
    let inner = |width| {
        let mut m = Module::new("inner", "Inverts.");
        let a = m.input("a", width);
        m.output("m", &!&a);
        Rc::new(m)
    };
    let mut m = module();
    let a = m.input("a", 2);
    let mut outs: Vec<Expr> = Vec::new();
    for (name, value) in [("x", a.bit(0)), ("y", a.bit(1)), ("z", a)] {
        let module = inner(value.width());
        outs.push(m.instance(name, &module, &[("a", value)]).out("m"));
    }
    m.output("m", &sepstream_rtl::pack(&outs));
    let text = verilog(&Rc::new(m), "");
    assert_eq!(text.matches("module inner (").count(), 1);
    assert_eq!(text.matches("module inner_2 (").count(), 1);
    assert_eq!(text.matches("\nmodule ").count(), 3);
    for instance in ["inner x (", "inner y (", "inner_2 z ("] {
        assert!(text.contains(instance), "{instance} is not in\n{text}");
    }
}
