// SPDX-License-Identifier: MIT OR Apache-2.0
//! The multipliers that are no plain `*`, over all their operands: a circuit around them counts through these and compares.

use super::bench::Bench;
use super::common::tools_present;
use sepstream_hdl::multiplier::{lut, packed};
use sepstream_hdl::rtl::{Expr, Module, all, lit, pack};
use sepstream_spec::timing::{LUT_PRODUCT, PACKED_PRODUCT};
use std::rc::Rc;

/// Multipliers side by side, each with its own value of the upper bits of `a`.
const SIDE: u32 = 32;
const SIDE_BITS: u32 = SIDE.trailing_zeros();

/// A circuit that counts through `counted` bits and remembers if `differs` was ever 1; that is asked for the operands of each
/// multiplier (of instance, value of `a`, counter) and gives its name.
fn exhaustive(
    cycles: u32,
    counted: u32,
    mut differs: impl FnMut(&mut Module, u32, &Expr, &Expr) -> Expr,
) -> Rc<Module> {
    let mut m = Module::new("exhaustive", "Counts through all operands.");
    let rst = m.reset();
    let count = m.reg("count", counted);
    m.clocked(|s| {
        s.set(&count, &(&count + &lit(1, counted)));
        s.when(&rst, |s| s.set(&count, &lit(0, counted)));
    });
    let any: Vec<Expr> = (0..SIDE)
        .map(|i| {
            let a = pack(&[count.low(8 - SIDE_BITS), lit(i.into(), SIDE_BITS)]);
            let a = m.wire(&format!("a_{i}"), &a);
            differs(&mut m, i, &a, &count)
        })
        .collect();
    let any = m.wire("any", &pack(&any));
    let busy = m.delay("busy", &!&rst, cycles + 1);
    let wrong = m.reg("wrong", 1);
    m.clocked(|s| {
        s.when(&all(&[busy, any.any()]), |s| s.set(&wrong, &lit(1, 1)));
        s.when(&rst, |s| s.set(&wrong, &lit(0, 1)));
    });
    m.output("m_wrong", &wrong);
    Rc::new(m)
}

/// 1 where a product is not what `*` gives, some cycles later.
fn compare(m: &mut Module, name: &str, got: &Expr, a: &Expr, b: &Expr, cycles: u32) -> Expr {
    let want = m.wire(&format!("{name}_now"), &a.mul_s(b));
    let want = m.delay(&format!("{name}_want"), &want, cycles);
    m.wire(&format!("{name}_differs"), &got.ne(&want))
}

fn run(module: &Rc<Module>, counted: u32, cycles: u32) -> bool {
    let mut bench = Bench::new(module);
    bench.restart(1);
    for _ in 0..(1 << counted) + cycles + 3 {
        bench.tick();
    }
    bench.settle();
    bench.bit("m_wrong")
}

#[test]
fn lut_products() {
    if !tools_present() {
        return;
    }
    let counted = 8 - SIDE_BITS + 8;
    // the second time a test of the test: one operand's product is taken for another's
    for fault in [false, true] {
        let multiplier = lut();
        let module = exhaustive(LUT_PRODUCT, counted, |m, i, a, count| {
            let b = m.wire(&format!("b_{i}"), &count.slice(8 - SIDE_BITS, 8));
            let inputs = [("a", a.clone()), ("b", b.clone())];
            let unit = m.instance(&format!("unit_{i}"), &multiplier, &inputs);
            let got = unit.out("m_product");
            let late = LUT_PRODUCT + u32::from(fault && i == SIDE - 1);
            compare(m, &format!("p_{i}"), &got, a, &b, late)
        });
        assert_eq!(run(&module, counted, LUT_PRODUCT), fault);
    }
}

#[test]
fn packed_products() {
    if !tools_present() {
        return;
    }
    let counted = 8 - SIDE_BITS + 16;
    let multiplier = packed();
    for with_128 in [false, true] {
        let module = exhaustive(PACKED_PRODUCT, counted, |m, i, a, count| {
            let w: Vec<Expr> = (0..2)
                .map(|n| {
                    let w = count.slice(8 - SIDE_BITS + 8 * n, 8);
                    m.wire(&format!("w_{n}_{i}"), &w)
                })
                .collect();
            let inputs = [
                ("a", a.clone()),
                ("w_0", w[0].clone()),
                ("w_1", w[1].clone()),
            ];
            let unit = m.instance(&format!("unit_{i}"), &multiplier, &inputs);
            let wrong: Vec<Expr> = (0..2)
                .map(|n| {
                    let got = unit.out(&format!("m_product_{n}"));
                    let name = format!("p_{n}_{i}");
                    compare(m, &name, &got, a, &w[n], PACKED_PRODUCT)
                })
                .collect();
            let fits = m.wire(&format!("fits_{i}"), &(&!&w[0].is(128) & &!&w[1].is(128)));
            let fits = m.delay(&format!("fits_{i}"), &fits, PACKED_PRODUCT);
            let differs = &wrong[0] | &wrong[1];
            if with_128 { differs } else { &differs & &fits }
        });
        // with a weight of -128 some products are wrong: the compiler refuses it
        assert_eq!(run(&module, counted, PACKED_PRODUCT), with_128);
    }
}
