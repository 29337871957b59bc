// SPDX-License-Identifier: MIT OR Apache-2.0
//! Random configurations whose memories just suffice.

use fastrand::Rng;
use sepstream_compiler::{DoesNotFit, Error, compile};
use sepstream_spec::config::{Config, Multiplier, REQUANT_CYCLES, SUM_BITS, Values, WIDE_SUM};
use sepstream_spec::graph::Graph;

/// Random parallelism of at most `products` products in the array; every memory as small as can be.
pub fn values(rng: &mut Rng, products: u32) -> Values {
    let cycles = |rng: &mut Rng, sum_bits: u32| match sum_bits {
        WIDE_SUM => 1,
        _ => *rng.choice(&REQUANT_CYCLES).unwrap(),
    };
    let (pw_multiplier, dw_multiplier) = (rng.u32(0..3), rng.u32(0..2));
    let [pw_sum_bits, dw_sum_bits] = [(); 2].map(|()| *rng.choice(&SUM_BITS).unwrap());
    let pw_requant_cycles = cycles(rng, pw_sum_bits);
    let dw_requant_cycles = cycles(rng, dw_sum_bits);
    let mut size = |most: u32| match rng.u32(0..5) {
        0..=1 => rng.u32(1..=8.min(most)),
        2..=3 => rng.u32(1..=24.min(most)),
        _ => rng.u32(1..=most),
    };
    let (tn, tm, tp) = loop {
        let (tn, tm, tp) = (size(64), size(64), [1, 1, 1, size(8)][size(4) as usize - 1]);
        if tn * tm * tp <= products {
            break (tn, tm, tp);
        }
    };
    let lanes = size(32);
    let taps = *rng.choice(&[1, 3, 9]).unwrap();
    // mostly none, or some beside others
    let mut in_luts = |all: u32| rng.u32(0..=all) * u32::from(rng.u32(0..4) == 0);
    let (pw_lut_channels, dw_lut_lanes) = (in_luts(tm), in_luts(lanes));
    let gather_rows = if rng.bool() { taps.min(3) } else { 1 };
    let mut requant = |most: u32| match rng.u32(0..10) {
        0..=3 => most,
        4 => 1,
        _ => rng.u32(1..=most),
    };
    // windows over whole maps are sliced where the rows of a slice, a pixel each, can be counted
    let slices = tp > 1 && pw_requant_cycles > 1 && dw_requant_cycles > 1;
    Values {
        tn,
        tm,
        tp,
        residual: 0,
        pw_multiplier,
        pw_lut_channels,
        pw_requant: requant(tm.min(64 / tp)),
        pw_sum_bits,
        pw_requant_cycles,
        lanes,
        taps,
        gather_rows,
        dw_multiplier,
        dw_lut_lanes,
        dw_requant: requant(lanes.min(tn)),
        dw_sum_bits,
        dw_requant_cycles,
        activation_kib: 1,
        weight_kib: 1,
        depthwise_kib: 1,
        pointwise_channels: 16,
        depthwise_channels: 16,
        line_words: 16,
        pixel_words: 4,
        expand_words: if rng.bool() { rng.u32(1..=48) } else { 0 },
        commands: 1,
        map_size: if slices { 255 } else { 4 },
    }
}

/// The same with few cells: all requantisers take several cycles, and that of the array takes the sums of all pixels.
pub fn values_of_few_cells(rng: &mut Rng) -> Values {
    let values = values(rng, 64);
    let [pw_sum_bits, dw_sum_bits] = [(); 2].map(|()| rng.u32(18..=24));
    let [pw_requant_cycles, dw_requant_cycles] = [(); 2].map(|()| *rng.choice(&[4, 8]).unwrap());
    Values {
        tn: rng.u32(1..=8),
        tm: 1,
        tp: rng.u32(2..=8),
        pw_requant: 1,
        pw_sum_bits,
        pw_requant_cycles,
        dw_requant: 1,
        dw_sum_bits,
        dw_requant_cycles,
        expand_words: 0,
        map_size: 255, // rows of slices
        ..values
    }
}

/// Follows the advice of [`DoesNotFit`] until the network fits; `None` if it wants more than a configuration may have.
pub fn grow(values: &mut Values, graph: &Graph) -> Option<()> {
    loop {
        let config = values.clone().check().ok()?;
        let missing = match compile(graph, &config) {
            Ok(_) => return Some(()),
            Err(Error::DoesNotFit(missing)) => missing,
            Err(error) => panic!("a random network keeps the rules, but: {error}"),
        };
        follow(values, &missing);
    }
}

/// Does what the message says.
fn follow(values: &mut Values, missing: &DoesNotFit) {
    let quoted = missing.way_out.strip_prefix("set `");
    let (field, rest) = quoted
        .and_then(|advice| advice.split_once("` to "))
        .unwrap_or_else(|| panic!("no advice to follow: {missing}"));
    if field == "pointwise.multiplier" {
        let number = Multiplier::NAMES.iter().position(|name| *name == rest);
        let number = number.unwrap_or_else(|| panic!("no such multiplier: {missing}")) as u32;
        assert!(number != values.pw_multiplier, "{missing}");
        values.pw_multiplier = number;
        return;
    }
    let digits = rest.split(|c: char| !c.is_ascii_digit()).next();
    let wanted: u32 = digits.unwrap().parse().unwrap();
    let slot = match field {
        "memory.activation_kib" => &mut values.activation_kib,
        "memory.weight_kib" => &mut values.weight_kib,
        "memory.depthwise_kib" => &mut values.depthwise_kib,
        "memory.pointwise_channels" => &mut values.pointwise_channels,
        "memory.depthwise_channels" => &mut values.depthwise_channels,
        "memory.line_words" => &mut values.line_words,
        "memory.pixel_words" => &mut values.pixel_words,
        "memory.commands" => &mut values.commands,
        "memory.map_size" => &mut values.map_size,
        "pointwise.sum_bits" => &mut values.pw_sum_bits,
        "depthwise.sum_bits" => &mut values.dw_sum_bits,
        "pointwise.residual" => &mut values.residual,
        other => panic!("advice about {other}: {missing}"),
    };
    assert!(wanted > *slot, "advice that changes nothing: {missing}");
    *slot = wanted;
    // such lanes take a sum in every cycle
    for (sum_bits, cycles) in [
        (values.pw_sum_bits, &mut values.pw_requant_cycles),
        (values.dw_sum_bits, &mut values.dw_requant_cycles),
    ] {
        if sum_bits == WIDE_SUM {
            *cycles = 1;
        }
    }
}

/// Makes some memories larger than they need be: other addresses, other rings, inputs and outputs with places of their own.
pub fn relax(values: &mut Values, graphs: &[Graph], rng: &mut Rng) -> Config {
    let fields = [
        (&mut values.activation_kib, 4096),
        (&mut values.line_words, 8192),
        (&mut values.pixel_words, 8192),
        (&mut values.map_size, 65535),
    ];
    for (field, most) in fields {
        if rng.bool() {
            *field = (*field + rng.u32(0..=*field + 1)).min(most);
        }
    }
    // a larger buffer fuses stages that were apart, and their maps may need more of another memory
    loop {
        let config = values.clone().check().expect("the configuration is sound");
        match graphs.iter().find(|graph| compile(graph, &config).is_err()) {
            Some(graph) => grow(values, graph).expect("it fitted before"),
            None => return config,
        }
    }
}
