// SPDX-License-Identifier: MIT OR Apache-2.0
//! What stands in the Verilog of small modules.

use sepstream_rtl::{Array, Cost, Expr, Module, Printed, lit, verilog};
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
        "    wire [3:0] part_0 = a + b;
    assign m_top = part_0[3];
    assign m_wide = {{2{part_0[3]}}, part_0};
",
    );
    // one that is there has a wire already, and no name is there twice
    let mut m = module();
    let [a, b] = ["part_0", "b"].map(|name| m.input(name, 4));
    let sum = m.wire("sum", &(&a + &b));
    m.output("m_top", &(&a + &b).bit(3));
    m.output("m_other", &(&a ^ &sum).bit(3));
    has(
        m,
        "    wire [3:0] sum = part_0 + b;
    assign m_top = sum[3];
    wire [3:0] part_1 = part_0 ^ sum;
    assign m_other = part_1[3];
",
    );
}

/// What is long and used twice is there once.
#[test]
fn equal_values_are_one() {
    let mut m = module();
    let [a, b, c] =
        ["first_operand", "second_operand", "third_operand"].map(|name| m.input(name, 4));
    let long = |m: &mut Module, name: &str, top: &Expr| {
        let value = &(&(&a & &b) | &(&b ^ &c)) + &(&a | &c);
        m.output(name, &(&value - top));
    };
    long(&mut m, "m_0", &a);
    long(&mut m, "m_1", &b);
    has(
        m,
        "    wire [3:0] part_0 = ((first_operand & second_operand) | (second_operand ^ third_operand)) +
            (first_operand | third_operand);
    assign m_0 = part_0 - first_operand;
    assign m_1 = part_0 - second_operand;
",
    );
}

#[test]
fn constants_are_folded() {
    let mut m = module();
    let [a, b] = ["a", "b"].map(|name| m.input(name, 4));
    let bit = a.bit(0);
    let (zero, ones) = (lit(0, 4), lit(15, 4));
    let (no, yes) = (lit(0, 1), lit(1, 1));
    let is = |m: &mut Module, value: &Expr, text: &str| {
        let name = format!("m_{}", m.ports().len());
        m.output(&name, value);
        format!("    assign {name} = {text};\n")
    };
    let all: Vec<(Expr, &str)> = vec![
        (&a & &ones, "a"),
        (&zero & &a, "4'd0"),
        (&a | &zero, "a"),
        (&a | &ones, "4'd15"),
        (&a ^ &zero, "a"),
        (&zero + &a, "a"),
        (&a - &zero, "a"),
        (&zero - &a, "4'd0 - a"),
        (yes.mux(&a, &b), "a"),
        (no.mux(&a, &b), "b"),
        (bit.mux(&b, &b), "b"),
        (bit.mux(&yes, &no), "a[0]"),
        (bit.mux(&no, &yes), "~a[0]"),
        ((!&bit).mux(&no, &yes), "a[0]"),
        (bit.mux(&bit.mux(&zero, &zero), &zero), "4'd0"),
        (bit.mux(&b.bit(1), &no), "a[0] & b[1]"),
        (bit.mux(&b.bit(1), &yes), "(~a[0]) | b[1]"),
        (bit.mux(&yes, &b.bit(1)), "a[0] | b[1]"),
        (bit.mux(&no, &b.bit(1)), "(~a[0]) & b[1]"),
        (!&!&a, "a"),
        (!&lit(5, 4), "4'd10"),
        (bit.is(1), "a[0]"),
        (bit.is(0), "~a[0]"),
        (bit.ne(&no), "a[0]"),
        (zero.is(1), "1'd0"),
        (lit(3, 4).lt(&ones), "1'd1"),
        (lit(3, 4).zext(6), "6'd3"),
        (sepstream_rtl::cat(&[lit(2, 2), lit(1, 3)]), "5'd17"),
        (lit(2, 2).repeat(2), "4'd10"),
        (zero.any(), "1'd0"),
        // no constant: all bits of a comparison with 1 of several
        (a.is(1), "a == 4'd1"),
        (&a - &a, "a - a"),
    ];
    let lines: Vec<String> = all
        .iter()
        .map(|(value, text)| is(&mut m, value, text))
        .collect();
    has(m, &lines.concat());
}

/// Clock and reset, groups, then what comes in and what goes out; connections stand at the ports, and none is made for nothing.
#[test]
fn ports_stand_in_sections() {
    let inner = |group: bool| {
        let mut m = Module::new("inner", "Adds.");
        if group {
            m.group("s_", "What comes");
        }
        let a = m.input("a", 2);
        let s = m.input("s_data", 2);
        let sum = m.pipe("sum", &(&a + &s));
        let reset = m.reset();
        m.output("m_sum", &sum);
        m.output("m_reset", &reset);
        m.output("s_ready", &lit(1, 1));
        Rc::new(m)
    };
    let head = "module inner (
    input wire clk,
    input wire rst,
    // What comes
    input wire [1:0] s_data,
    output wire s_ready,
    // Inputs
    input wire [1:0] a,
    // Outputs
    output wire [1:0] m_sum,
    output wire m_reset
);
";
    assert!(verilog(&inner(true), "").contains(head));
    let mut m = module();
    let a = m.input("a", 2);
    let inputs = [("a", a.clone()), ("s_data", &a ^ &lit(1, 2))];
    let unit = m.instance("unit", &inner(false), &inputs);
    m.output("m", &unit.out("m_sum"));
    has(
        m,
        "    wire [1:0] unit_m_sum;
    inner unit (
        .clk(clk),
        .rst(rst),
        .a(a),
        .s_data(a ^ 2'd1),
        .m_sum(unit_m_sum),
        .m_reset(),
        .s_ready()
    );
",
    );
}

#[test]
fn conditions_that_follow_each_other_stand_below_each_other() {
    let mut m = module();
    let [a, b] = ["a", "b"].map(|name| m.input(name, 1));
    let r = m.reg("r", 1);
    m.note("Two lines of\na comment.");
    m.clocked(|s| {
        s.when_else(
            &a,
            |s| s.set(&r, &b),
            |s| s.when_else(&b, |s| s.set(&r, &a), |s| s.set(&r, &!&r)),
        );
    });
    m.output("m", &r);
    has(
        m,
        "    reg r;

    // Two lines of
    // a comment.
    always @(posedge clk) begin
        if (a) begin
            r <= b;
        end else if (b) begin
            r <= a;
        end else begin
            r <= ~r;
        end
    end
",
    );
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

/// Equal modules are one in the text; those of one name that differ get a number, which gives no name that is there.
#[test]
fn equal_modules_are_one() {
    let inner = |name: &str, width| {
        let mut m = Module::new(name, "Inverts.");
        let a = m.input("a", width);
        m.output("m", &!&a);
        Rc::new(m)
    };
    let mut m = module();
    let a = m.input("a", 3);
    let mut outs: Vec<Expr> = Vec::new();
    for (name, kind, value) in [
        ("w", "inner_2", a.low(2)),
        ("x", "inner", a.bit(0)),
        ("y", "inner", a.bit(1)),
        ("z", "inner", a),
    ] {
        let module = inner(kind, value.width());
        outs.push(m.instance(name, &module, &[("a", value)]).out("m"));
    }
    m.output("m", &sepstream_rtl::pack(&outs));
    let m = Rc::new(m);
    let printed = Printed::new(&m, "", &|name| format!("x_{name}"));
    let text = &printed.text;
    assert_eq!(text.matches("\nmodule ").count(), 4);
    for line in [
        "x_inner_2 w (",
        "x_inner x (",
        "x_inner y (",
        "x_inner_3 z (",
        "module x_block (",
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
    let names: Vec<_> = m
        .children()
        .map(|(_, child)| printed.name_of(child).unwrap())
        .collect();
    assert_eq!(names, ["x_inner_2", "x_inner", "x_inner", "x_inner_3"]);
}
