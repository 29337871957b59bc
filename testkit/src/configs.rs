// SPDX-License-Identifier: MIT OR Apache-2.0
//! Random configurations. What is drawn stays as it is; only memories grow, for networks that need larger ones.

use fastrand::Rng;
use sepstream_compiler::{Error, compile};
use sepstream_spec::config::{Config, REQUANT_CYCLES, SUM_BITS, Values, WIDE_SUM};
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
    let pw_rounding = rng.u32(0..2);
    // their number grows with the networks, as memories do
    let pw_tables = 2 * u32::from(rng.u32(0..3) == 0);
    let dw_tables = pw_tables * rng.u32(0..2);
    let dw_max = u32::from(rng.u32(0..3) == 0);
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
    let (lanes, pairs) = paired(lanes, rng.bool());
    let taps = *rng.choice(&[1, 3, 9]).unwrap();
    // mostly none, or some beside others
    let mut in_luts = |all: u32| rng.u32(0..=all) * u32::from(rng.u32(0..4) == 0);
    let (pw_lut_channels, dw_lut_lanes) = (in_luts(tm), in_luts(lanes));
    let gather_rows = if rng.bool() { taps.min(3) } else { 1 };
    let pw_requant = lanes_of(rng, tm.min(64 / tp));
    let dw_requant = lanes_of(rng, lanes.min(tn));
    // windows over whole maps are sliced where the rows of a slice, a pixel each, can be counted
    let few_cells = pw_requant_cycles > 1 && dw_requant_cycles > 1;
    let slices = tp > 1 && few_cells;
    Values {
        tn,
        tm,
        tp,
        residual: pw_requant * rng.u32(0..2),
        pw_multiplier,
        pw_lut_channels,
        pw_requant,
        pw_sum_bits,
        pw_requant_cycles,
        pw_rounding,
        pw_tables,
        lanes,
        taps,
        pairs,
        gather_rows,
        dw_multiplier,
        dw_lut_lanes,
        dw_requant,
        dw_sum_bits,
        dw_requant_cycles,
        dw_max,
        dw_tables,
        expand_words: rng.u32(1..=48) * rng.u32(0..2),
        map_size: if slices { 255 } else { 4 },
        commands_ahead: if few_cells { 0 } else { rng.u32(0..2) },
        ..least_memories()
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
        residual: 0,
        pw_lut_channels: values.pw_lut_channels.min(1),
        pw_requant: 1,
        pw_sum_bits,
        pw_requant_cycles,
        dw_requant: 1,
        dw_sum_bits,
        dw_requant_cycles,
        expand_words: 0,
        map_size: 255, // rows of slices
        commands_ahead: 0,
        ..values
    }
}

/// Lanes that two pixels can share, and 1, if they are to; else these and 0. Many lanes stay as many.
pub fn paired(lanes: u32, share: bool) -> (u32, u32) {
    match share && (2..=16).contains(&lanes) {
        true => (1 << lanes.ilog2(), 1),
        false => (lanes, 0),
    }
}

/// A number of requantisation lanes: often all, now and then one.
pub fn lanes_of(rng: &mut Rng, most: u32) -> u32 {
    match rng.u32(0..10) {
        0..=3 => most,
        4 => 1,
        _ => rng.u32(1..=most),
    }
}

/// The smallest memories of an accelerator of one product.
pub fn least_memories() -> Values {
    Values {
        tn: 1,
        tm: 1,
        tp: 1,
        residual: 0,
        pw_multiplier: 0,
        pw_lut_channels: 0,
        pw_requant: 1,
        pw_sum_bits: WIDE_SUM,
        pw_requant_cycles: 1,
        pw_rounding: 1,
        pw_tables: 0,
        lanes: 1,
        taps: 1,
        pairs: 0,
        gather_rows: 1,
        dw_multiplier: 0,
        dw_lut_lanes: 0,
        dw_requant: 1,
        dw_sum_bits: WIDE_SUM,
        dw_requant_cycles: 1,
        dw_max: 0,
        dw_tables: 0,
        activation_kib: 1,
        weight_kib: 1,
        depthwise_kib: 1,
        pointwise_channels: 16,
        depthwise_channels: 16,
        line_words: 16,
        pixel_words: 4,
        expand_words: 0,
        commands: 1,
        map_size: 4,
        commands_ahead: 0,
    }
}

/// Makes all memories that a network asks for; `None` if it wants more than a configuration may have, or anything but memory.
pub fn grow(values: &mut Values, graph: &Graph) -> Option<()> {
    let config = values.clone().check().expect("the configuration is sound");
    let missing = match compile(graph, &config) {
        Ok(_) => return Some(()),
        Err(Error::DoesNotFit(missing)) => missing,
        Err(error) if undefined(&error) => return None,
        Err(error) => panic!("a random network keeps the rules, but: {error}"),
    };
    let settings = || missing.misfits.iter().filter_map(|m| m.setting.as_ref());
    let grows = |setting: &sepstream_compiler::Setting| {
        let is_memory = setting.field.starts_with("memory.") || setting.field.ends_with(".tables");
        setting.beyond().is_none() && is_memory
    };
    if !settings().all(grows) || settings().count() < missing.misfits.len() {
        return None;
    }
    let config = settings().fold(config, |config, setting| setting.apply(&config));
    match compile(graph, &config) {
        Ok(_) => assert!(missing.fits_then, "settings that do not suffice: {missing}"),
        Err(error) if undefined(&error) => return None,
        Err(error) => panic!("{missing}\nis not all: {error}"),
    }
    *values = config.values().clone();
    Some(())
}

/// Sums and factors as large as random ones now and then are have outputs that LiteRT leaves undefined.
fn undefined(error: &Error) -> bool {
    let of_rule = |rule| rule == "requantisation-parameters";
    matches!(error, Error::Unsupported { violations, .. } if violations.iter().all(|v| of_rule(v.rule)))
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
    settle(values, graphs)
}

/// Grows until all networks fit: a larger buffer fuses stages that were apart, and their maps may need more of another memory.
pub fn settle(values: &mut Values, graphs: &[Graph]) -> Config {
    loop {
        let config = values.clone().check().expect("the configuration is sound");
        match graphs.iter().find(|graph| compile(graph, &config).is_err()) {
            Some(graph) => grow(values, graph).expect("it fitted before"),
            None => return config,
        }
    }
}
