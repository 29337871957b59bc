// SPDX-License-Identifier: MIT OR Apache-2.0
//! The multipliers that are no plain `*`, over all their operands: a circuit around them counts through these and compares.

use super::bench::{Bench, Later};
use sepstream_hdl::Technology;
use sepstream_hdl::multiplier::{accumulating, adding, block, lut, packed, pair};
use sepstream_hdl::rtl::{Expr, Module, all, lit, pack};
use sepstream_spec::timing::{BLOCK_PRODUCT, LUT_PRODUCT, PACKED_PRODUCT};
use sepstream_testkit::{seeds, tools_present};
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

fn run(module: &Rc<Module>, technology: Technology, counted: u32, cycles: u32) -> bool {
    let mut bench = Bench::of(module, technology);
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
    for (technology, fault) in [
        (Technology::Generic, false),
        (Technology::Generic, true),
        (Technology::Ecp5, false),
    ] {
        let multiplier = lut();
        let module = exhaustive(LUT_PRODUCT, counted, |m, i, a, count| {
            let b = m.wire(&format!("b_{i}"), &count.slice(8 - SIDE_BITS, 8));
            let inputs = [("a", a.clone()), ("b", b.clone())];
            let unit = m.instance(&format!("unit_{i}"), &multiplier, &inputs);
            let got = unit.out("m_product");
            let late = LUT_PRODUCT + u32::from(fault && i == SIDE - 1);
            compare(m, &format!("p_{i}"), &got, a, &b, late)
        });
        let wrong = run(&module, technology, counted, LUT_PRODUCT);
        assert_eq!(wrong, fault);
    }
}

#[test]
fn packed_products() {
    if !tools_present() {
        return;
    }
    let counted = 8 - SIDE_BITS + 16;
    let multiplier = packed();
    // with a weight of -128 some products are wrong: the compiler refuses it
    for (technology, with_128) in [
        (Technology::Generic, false),
        (Technology::Generic, true),
        (Technology::Ecp5, false),
    ] {
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
        let wrong = run(&module, technology, counted, PACKED_PRODUCT);
        assert_eq!(wrong, with_128);
    }
}

#[test]
fn products_of_blocks() {
    if !tools_present() {
        return;
    }
    for technology in Technology::ALL {
        random_products(&block(8, 8), technology, &[("", 8, 8)]);
        random_products(&block(18, 18), technology, &[("", 18, 18)]);
        random_products(&block(9, 18), technology, &[("", 9, 18)]);
        random_products(&pair(), technology, &[("_0", 8, 8), ("_1", 8, 8)]);
    }
}

/// Products with these suffixes and operands of these bits, the ends of their ranges among them.
fn random_products(module: &Rc<Module>, technology: Technology, products: &[(&str, u32, u32)]) {
    let mut bench = Bench::of(module, technology);
    for seed in seeds!(1, 1).one_by_one() {
        bench.restart(seed + 1);
        let mut rng = fastrand::Rng::with_seed(seed);
        let mut later: Vec<_> = products.iter().map(|_| Later::new(BLOCK_PRODUCT)).collect();
        let mut operand = |bits: u32| {
            let ends = [-(1i64 << (bits - 1)), (1 << (bits - 1)) - 1, 0, -1];
            let other = rng.i64(ends[0]..=ends[1]);
            *rng.choice(&ends)
                .filter(|_| rng.u8(..4) == 0)
                .unwrap_or(&other)
        };
        let mask = |value: i64, bits: u32| value as u64 as u128 & (u128::MAX >> (128 - bits));
        for _ in 0..4000 {
            let mut wanted = Vec::new();
            for ((suffix, a_bits, b_bits), later) in products.iter().zip(&mut later) {
                let (a, b) = (operand(*a_bits), operand(*b_bits));
                bench.set(&format!("a{suffix}"), mask(a, *a_bits));
                bench.set(&format!("b{suffix}"), mask(b, *b_bits));
                wanted.push(later.put(Some(mask(a * b, a_bits + b_bits))));
            }
            bench.settle();
            for ((suffix, ..), want) in products.iter().zip(wanted) {
                if let Some(want) = want {
                    bench.expect(&format!("m_product{suffix}"), want);
                }
            }
            bench.tick();
        }
    }
}

#[test]
fn sums_of_two_products() {
    if !tools_present() {
        return;
    }
    for technology in Technology::ALL {
        let mut bench = Bench::of(&adding(), technology);
        for seed in seeds!(1, 1).one_by_one() {
            bench.restart(seed + 1);
            let mut rng = fastrand::Rng::with_seed(seed);
            let mut sums = Later::new(BLOCK_PRODUCT + 1);
            for _ in 0..4000 {
                let mut sum = 0i32;
                for suffix in ["_0", "_1"] {
                    let (a, b) = (rng.i8(..), rng.i8(-127..));
                    let a = *rng.choice(&[i8::MIN, i8::MAX, a, a]).unwrap();
                    let b = *rng.choice(&[-127, i8::MAX, b, b]).unwrap();
                    bench.set(&format!("a{suffix}"), a as u8);
                    bench.set(&format!("b{suffix}"), b as u8);
                    sum += i32::from(a) * i32::from(b);
                }
                bench.settle();
                if let Some(want) = sums.put(Some(i16::try_from(sum).expect("16 bits") as u16)) {
                    bench.expect("m_sum", want);
                }
                bench.tick();
            }
        }
    }
}

#[test]
fn products_with_a_third_operand() {
    if !tools_present() {
        return;
    }
    for technology in Technology::ALL {
        let mut bench = Bench::of(&accumulating(), technology);
        for seed in seeds!(1, 1).one_by_one() {
            bench.restart(seed + 1);
            let mut rng = fastrand::Rng::with_seed(seed);
            let mut products = Later::new(BLOCK_PRODUCT);
            let mut sums = Later::new(1);
            let mut kept = 0;
            for cycle in 0..4000 {
                let hold = cycle > 0 && rng.bool();
                let (a, b) = (rng.i16(..), rng.u16(..));
                let a = *rng.choice(&[i16::MIN, i16::MAX, a, a]).unwrap();
                let b = *rng.choice(&[u16::MAX, b, b]).unwrap();
                let c = rng.u32(..);
                bench.set("a", a as u16);
                bench.set("b", b);
                bench.set("hold", hold);
                bench.set("c", c);
                kept = if hold { kept } else { b };
                let product = i32::from(a).wrapping_mul(i32::from(kept)) as u32;
                let sum = products.put(Some(product)).map(|p| p.wrapping_add(c));
                bench.settle();
                if let Some(want) = sums.put(sum) {
                    bench.expect("m_sum", want);
                }
                bench.tick();
            }
        }
    }
}
