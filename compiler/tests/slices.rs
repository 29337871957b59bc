// SPDX-License-Identifier: MIT OR Apache-2.0
//! Windows over whole maps a slice of the channels at a time: when, and what the commands say.

use sepstream_compiler::accelerate::Slice;
use sepstream_compiler::{Compiled, compile};
use sepstream_spec::config::{Config, Values};
use sepstream_spec::graph::{Graph, TensorId};
use sepstream_spec::isa::{Command, Field, command_bytes};
use sepstream_spec::regs::Memory;
use sepstream_testkit::small::{Network, window};

/// Words of 4 bytes. A bank holds 32 rows of a slice of 16 channels.
const SMALL: Values = Values {
    tn: 2,
    tm: 1,
    tp: 4,
    pw_multiplier: 0,
    pw_lut_channels: 0,
    pw_requant: 1,
    pw_sum_bits: 24,
    pw_requant_cycles: 4,
    pw_rounding: 1,
    pw_tables: 0,
    residual: 1,
    lanes: 2,
    taps: 1,
    pairs: 0,
    gather_rows: 1,
    dw_multiplier: 0,
    dw_lut_lanes: 0,
    dw_requant: 1,
    dw_sum_bits: 24,
    dw_requant_cycles: 4,
    dw_max: 0,
    dw_tables: 0,
    activation_kib: 16,
    weight_kib: 32,
    depthwise_kib: 32,
    pointwise_channels: 512,
    depthwise_channels: 512,
    line_words: 128,
    pixel_words: 64,
    expand_words: 0,
    commands: 16,
    map_size: 127,
    commands_ahead: 0,
};

type Change = fn(&mut Values);

fn changed(change: impl FnOnce(&mut Values)) -> Config {
    let mut values = SMALL;
    change(&mut values);
    values.check().expect("the configuration is sound")
}

/// A map, what `pool` makes of it, and a fully connected layer.
fn pooled(shape: &[usize], pool: impl FnOnce(&mut Network, TensorId) -> TensorId) -> Graph {
    let (mut network, input) = Network::new("pooled", shape);
    let map = pool(&mut network, input);
    network.fully_connected(map, 12);
    network.graph
}

/// The pool of the keyword-spotting network.
fn pool(channels: usize) -> Graph {
    pooled(&[1, 25, 5, channels], |n, map| n.pool(map, window(25, 5)))
}

fn commands(compiled: &Compiled, config: &Config) -> Vec<Command> {
    let program = compiled.program.content(Memory::Program);
    let chunks = program.chunks_exact(command_bytes(config) as usize);
    chunks.map(Command::from_bytes).collect()
}

fn slices(compiled: &Compiled) -> Vec<(u32, u32)> {
    let slices = compiled.stages().filter_map(|stage| stage.slice);
    slices
        .map(|Slice { first, channels }| (first, channels))
        .collect()
}

#[test]
fn slices_read_and_write_their_channels() {
    let config = changed(|_| {});
    let compiled = compile(&pool(64), &config).expect("slices fit");
    assert_eq!(slices(&compiled), [(0, 16), (16, 16), (32, 16), (48, 16)]);
    let commands = commands(&compiled, &config);
    assert_eq!(commands.len(), 5);
    let (first, dense) = (&commands[0], &commands[4]);
    for (n, command) in (0..).zip(&commands[..4]) {
        for (field, value) in [
            (Field::FillRows, 125),
            (Field::InRows, 125),
            (Field::KernelRows, 125),
            (Field::RowWords, 4),
            (Field::RowSkip, 12),
            (Field::RowBytes, 16),
            (Field::LineRows, 128),
            (Field::OutRows, 1),
            (Field::OutCols, 1),
            (Field::OutBytes, 16),
            (Field::LaneGroups, 8),
            (Field::InBase, first.get(Field::InBase) + 4 * n),
            (Field::OutBase, first.get(Field::OutBase) + 4 * n),
            // all have the weights and parameters of the first
            (Field::DwWeightBase, 0),
            (Field::DwParamBase, 0),
            (Field::WeightBase, 0),
            (Field::ParamBase, 0),
        ] {
            assert_eq!(command.get(field), value, "{} of slice {n}", field.name());
        }
    }
    // all of the pooled map, behind weights and parameters of one slice: 16 by 16, 16 sums of 4 words
    for (field, value) in [
        (Field::Gather, 1),
        (Field::InBase, first.get(Field::OutBase)),
        (Field::RowBytes, 64),
        (Field::RowSkip, 0),
        (Field::WeightBase, 16 * 16 / 2),
        (Field::ParamBase, 16 * 4),
    ] {
        assert_eq!(dense.get(field), value, "{}", field.name());
    }
}

/// As few as fit, of channels as equal as words allow.
#[test]
fn the_last_slice_may_have_fewer_channels() {
    let compiled = compile(&pool(63), &changed(|_| {})).expect("slices fit");
    assert_eq!(slices(&compiled), [(0, 16), (16, 16), (32, 16), (48, 15)]);
    let config = changed(|v| v.line_words = 192);
    let compiled = compile(&pool(64), &config).expect("slices fit");
    assert_eq!(slices(&compiled), [(0, 24), (24, 24), (48, 16)]);
    let commands = commands(&compiled, &config);
    assert_eq!(commands[2].get(Field::RowSkip), 12);
    assert_eq!(
        commands[1].get(Field::WeightBase),
        commands[0].get(Field::WeightBase)
    );
    assert_ne!(
        commands[2].get(Field::WeightBase),
        commands[0].get(Field::WeightBase)
    );
}

/// Rows of single pixels may fit where longer ones do not; the dense layer then stays in the stage.
#[test]
fn one_slice_may_be_all() {
    let config = changed(|v| v.line_words = 512);
    let compiled = compile(&pool(64), &config).expect("it fits");
    assert_eq!(slices(&compiled), [(0, 64)]);
    assert_eq!(compiled.stages().count(), 1);
    assert_eq!(commands(&compiled, &config)[0].get(Field::RowSkip), 0);
}

#[test]
fn what_fits_is_not_sliced() {
    let compiled = compile(&pool(64), &changed(|v| v.line_words = 560)).expect("it fits");
    assert_eq!(slices(&compiled), []);
    assert_eq!(compiled.stages().count(), 1);
}

#[test]
fn means_and_depthwise_convolutions_are_sliced_too() {
    let shape = [1, 11, 11, 32];
    for graph in [
        pooled(&shape, |n, map| n.mean(map)),
        pooled(&shape, |n, map| n.depthwise(map, window(11, 11))),
    ] {
        let compiled = compile(&graph, &changed(|_| {})).expect("slices fit");
        assert_eq!(slices(&compiled), [(0, 16), (16, 16)]);
    }
}

/// What follows the window in its stage is left to a stage behind the slices.
#[test]
fn a_sum_behind_slices_has_its_own_stage() {
    let (mut network, input) = Network::new("sum", &[1, 25, 5, 32]);
    let map = network.pool(input, window(25, 5));
    let map = network.conv(map, window(1, 1), 32);
    let other = network.depthwise(input, window(25, 5));
    network.add(map, other);
    let compiled = compile(&network.graph, &changed(|_| {})).expect("slices fit");
    let stages = compiled.stages();
    let stages: Vec<_> = stages.map(|s| (s.window, s.dense, s.add)).collect();
    let (pool, depthwise) = ((Some(0), None, None), (Some(2), None, None));
    let (conv, add) = ((None, Some(1), None), (None, None, Some(3)));
    assert_eq!(stages, [pool, pool, conv, depthwise, depthwise, add]);
}

/// Rows that are longer than a bank do not matter where only slices are read.
#[test]
fn rows_may_be_longer_than_the_line_buffer() {
    let graph = pooled(&[1, 5, 25, 64], |n, map| n.pool(map, window(5, 25)));
    let compiled = compile(&graph, &changed(|_| {})).expect("slices fit");
    assert_eq!(slices(&compiled).len(), 4);
}

/// Products are counted once.
#[test]
fn every_slice_has_its_share_of_the_products() {
    let shape = [1, 25, 5, 63];
    let graph = pooled(&shape, |n, map| n.depthwise(map, window(25, 5)));
    let compiled = compile(&graph, &changed(|_| {})).expect("slices fit");
    let macs: Vec<u64> = compiled.commands.iter().map(|c| c.macs).collect();
    assert_eq!(macs[..4], [16, 16, 16, 15].map(|channels| 125 * channels));
    assert_eq!(macs.iter().sum::<u64>(), graph.total_macs());
    assert!(compiled.commands.iter().all(|c| c.macs <= c.slots));
}

/// Where slices do not help, what the whole window needs is said.
#[test]
fn what_cannot_be_sliced_is_refused() {
    let change: [(&str, usize, Change); 6] = [
        ("no slices with one pixel at a time", 64, |v| v.tp = 1),
        ("nor with quick requantisers", 64, |v| {
            (v.pw_requant_cycles, v.dw_requant_cycles) = (1, 1);
        }),
        ("pixels are not whole words", 61, |_| {}),
        ("pixels are more than the rows that are counted", 64, |v| {
            v.map_size = 124;
        }),
        ("lane groups have gaps", 64, |v| v.lanes = 3),
        ("a slice of one word is too large", 64, |v| {
            v.line_words = 31
        }),
    ];
    for (why, channels, change) in change {
        let config = changed(change);
        match compile(&pool(channels), &config) {
            Err(error) => {
                let text = error.to_string();
                assert!(
                    text.contains("line buffer") && text.contains("memory.line_words"),
                    "{why}: {text}"
                );
            }
            Ok(compiled) => panic!("{why}: {:?}", slices(&compiled)),
        }
    }
    // a window that is not all of the map
    let (mut network, input) = Network::new("two rows", &[1, 26, 5, 64]);
    network.pool(input, window(25, 5));
    let text = compile(&network.graph, &changed(|_| {}))
        .expect_err("two windows")
        .to_string();
    assert!(text.contains("560 words in a bank"), "{text}");
}
