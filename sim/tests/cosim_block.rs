// SPDX-License-Identifier: MIT OR Apache-2.0
//! Single blocks by their bare ports, and the cache of builds.

use sepstream_sim::cosim::{Block, BuildOptions, Error, Optimise, Port};
use sepstream_testkit::tools_present;
use sepstream_toolchain::Event;

const OPTIONS: BuildOptions = BuildOptions {
    trace: None,
    optimise: Optimise::Build,
};

fn build(verilog: &str, top: &str, ports: &[Port]) -> Result<Block, Error> {
    Block::build(verilog, top, ports, &OPTIONS, &mut |_| {})
}

/// A register of `width` bits that keeps the inverse of its input.
fn inverter(width: u32) -> String {
    format!(
        "module inverter(input wire clk, input wire [{0}:0] d, output reg [{0}:0] q, output wire [{0}:0] passed__on);
             assign passed__on = d;
             always @(posedge clk) q <= ~d;
         endmodule\n",
        width - 1
    )
}

#[test]
fn ports_of_every_width_carry_values() {
    if !tools_present() {
        return;
    }
    for width in [1, 8, 9, 32, 33, 64, 65, 96, 128, 129, 512] {
        let ports = [
            Port::input("d", width),
            Port::output("q", width),
            Port::output("passed__on", width),
        ];
        let mut block = build(&inverter(width), "inverter", &ports).unwrap();
        let mut bytes: Vec<u8> = (0..width.div_ceil(8))
            .map(|i| (i * 37 + 11) as u8)
            .collect();
        let mask = 0xff >> (width.next_multiple_of(8) - width);
        *bytes.last_mut().unwrap() &= mask;
        let mut inverse: Vec<u8> = bytes.iter().map(|byte| !byte).collect();
        *inverse.last_mut().unwrap() &= mask;

        block.set_bytes("d", &bytes);
        block.eval().unwrap();
        assert_eq!(block.get_bytes("passed__on"), bytes, "{width} bits");
        block.tick().unwrap();
        assert_eq!(block.get_bytes("q"), inverse, "{width} bits");

        let words = block.get_words("q");
        block.set_words("d", &words);
        block.tick().unwrap();
        assert_eq!(block.get_bytes("q"), bytes, "{width} bits");
        if width <= 128 {
            let value = block.get("q");
            block.set("d", value);
            block.tick().unwrap();
            assert_eq!(block.get_bytes("q"), inverse, "{width} bits");
        }
    }
}

#[test]
fn values_too_wide_for_a_port_panic() {
    if !tools_present() {
        return;
    }
    for (width, value) in [(1, 2), (7, 0x80), (9, 0x200), (33, 1 << 33), (65, 1 << 65)] {
        let ports = [Port::input("d", width), Port::output("q", width)];
        let mut block = build(&inverter(width), "inverter", &ports).unwrap();
        block.set("d", value - 1);
        let attempt =
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| block.set("d", value)));
        assert!(attempt.is_err(), "{value:#x} in {width} bits");
    }
}

#[test]
fn a_block_without_clock_is_evaluated() {
    if !tools_present() {
        return;
    }
    let verilog = "module add(input wire [7:0] a, input wire [7:0] b, output wire [8:0] s); assign s = a + b; endmodule";
    let ports = [
        Port::input("a", 8),
        Port::input("b", 8),
        Port::output("s", 9),
    ];
    let mut block = build(verilog, "add", &ports).unwrap();
    block.set("a", 200);
    block.set("b", 100);
    block.eval().unwrap();
    assert_eq!(block.get("s"), 300);
}

#[test]
fn a_combinational_loop_is_an_error_and_no_hang() {
    if !tools_present() {
        return;
    }
    let verilog =
        "module ring(input wire enable, output wire y); assign y = enable & ~y; endmodule";
    let mut block = build(
        verilog,
        "ring",
        &[Port::input("enable", 1), Port::output("y", 1)],
    )
    .unwrap();
    block.eval().unwrap();
    block.set("enable", 1);
    let error = block.eval().unwrap_err().to_string();
    assert!(error.contains("converge"), "{error}");
    block.restart(0).unwrap();
    block.eval().unwrap();
}

#[test]
fn errors_in_verilog_and_port_lists_tell_the_place() {
    if !tools_present() {
        return;
    }
    let error = |verilog: &str, ports: &[Port]| match build(verilog, "inverter", ports) {
        Err(error) => error,
        Ok(_) => panic!("built: {verilog}"),
    };
    let broken = error("module inverter(input wire clk);\n  oops\nendmodule", &[]);
    assert!(
        matches!(&broken, Error::Build { name: "Verilator", log, .. } if log.contains("design.v:3")),
        "{broken}"
    );
    let absent = error(&inverter(8), &[Port::input("absent", 8)]);
    assert!(
        matches!(&absent, Error::Build { log, .. } if log.contains("absent")),
        "{absent}"
    );
    let narrow = error(&inverter(9), &[Port::input("d", 8)]);
    assert!(matches!(narrow, Error::Port { .. }), "{narrow}");
    for name in ["", "a b", "1a", "d); abort(", "_d"] {
        let refused = error(&inverter(8), &[Port::input(name, 8)]);
        assert!(matches!(refused, Error::Port { .. }), "{refused}");
    }
}

#[test]
fn changed_sources_are_built_anew_and_same_ones_are_not() {
    if !tools_present() {
        return;
    }
    let ports = [Port::output("value", 32)];
    // Different from run to run, so that the first build of each is not in the cache.
    let unique = std::process::id();
    let design = |constant: u32| {
        format!(
            "// {unique}\nmodule constant(output wire [31:0] value); assign value = {constant}; endmodule\n"
        )
    };
    let run = |constant: u32| {
        let mut events = Vec::new();
        let mut progress = |event| events.push(event);
        let mut block = Block::build(
            &design(constant),
            "constant",
            &ports,
            &OPTIONS,
            &mut progress,
        )
        .unwrap();
        block.eval().unwrap();
        (block.get("value"), events.contains(&Event::Verilate))
    };
    assert_eq!(run(17), (17, true));
    assert_eq!(run(17), (17, false));
    assert_eq!(
        run(18),
        (18, true),
        "a changed source of the same name and length"
    );
    assert_eq!(run(17), (17, false));
}

#[test]
fn builders_of_the_same_design_wait_for_each_other() {
    if !tools_present() {
        return;
    }
    let verilog = format!("// {} shared\n{}", std::process::id(), inverter(8));
    let ports = [Port::input("d", 8), Port::output("q", 8)];
    let verilated = std::sync::atomic::AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for value in 0..4 {
            let (verilog, ports, verilated) = (&verilog, &ports, &verilated);
            scope.spawn(move || {
                let mut progress = |event| {
                    if event == Event::Verilate {
                        verilated.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                    }
                };
                let mut block =
                    Block::build(verilog, "inverter", ports, &OPTIONS, &mut progress).unwrap();
                block.set("d", value);
                block.tick().unwrap();
                assert_eq!(block.get("q"), !value & 0xff);
            });
        }
    });
    assert_eq!(verilated.into_inner(), 1);
}

#[test]
fn a_tick_with_a_few_pokes_is_quick() {
    if !tools_present() {
        return;
    }
    let ports = [
        Port::input("d", 64),
        Port::output("q", 64),
        Port::output("passed__on", 64),
    ];
    let mut block = build(&inverter(64), "inverter", &ports).unwrap();
    let start = std::time::Instant::now();
    let ticks = 200_000;
    for i in 0..ticks {
        block.set("d", i);
        block.tick().unwrap();
        assert_eq!(block.get("q"), !i & u128::from(u64::MAX));
        assert_eq!(block.get("passed__on"), i);
    }
    assert_eq!(block.cycle(), ticks as u64);
    let rate = ticks as f64 / start.elapsed().as_secs_f64();
    println!(
        "{:.0} thousand ticks/s with three port accesses each",
        rate / 1e3
    );
}
