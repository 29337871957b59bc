// SPDX-License-Identifier: MIT OR Apache-2.0
//! Verilator's lint over whole accelerators.

use super::bench::{config, configured};
use sepstream_hdl::Technology;
use sepstream_hdl::link::{Link, LinkOptions};
use sepstream_spec::config::{Config, Values};
use sepstream_testkit::tools_present;
use sepstream_toolchain as tools;
use std::fs;

/// Configurations of all sorts: odd, one of everything, as large as can be, other requantiser lanes, other memories.
fn configurations() -> Vec<Config> {
    vec![
        configured(16, 8, 8, 3, |v| (v.residual, v.gather_rows) = (0, 3)),
        config(16, 8, 8, 3),
        configured(3, 5, 1, 9, |v| v.expand_words = 1),
        configured(4, 12, 2, 1, |v| v.pw_requant = 5),
        config(1, 1, 1, 1),
        configured(64, 64, 32, 9, |v| (v.dw_requant, v.gather_rows) = (32, 3)),
        configured(5, 7, 3, 3, |v| (v.expand_words, v.gather_rows) = (9, 3)),
        configured(8, 8, 4, 3, |v| v.expand_words = 64),
        configured(4, 6, 4, 3, |v| (v.tp, v.pw_requant) = (2, 4)),
        configured(3, 2, 2, 9, |v| {
            (v.tp, v.residual, v.expand_words) = (4, 0, 5)
        }),
        configured(2, 16, 1, 1, |v| {
            (v.tp, v.pw_requant, v.expand_words) = (4, 16, 2)
        }),
        configured(2, 64, 32, 1, |v| v.pw_requant = 1),
        config(64, 1, 1, 3),
        configured(4, 4, 4, 3, |v| {
            (v.weight_kib, v.line_words, v.pixel_words, v.commands) = (1, 16, 4, 1);
            v.gather_rows = 3;
            (v.pointwise_channels, v.depthwise_channels) = (16, 16);
        }),
        configured(4, 5, 2, 3, |v| {
            (v.pw_multiplier, v.dw_multiplier) = (2, 1);
            (v.pw_sum_bits, v.dw_sum_bits) = (18, 23);
        }),
        configured(4, 5, 3, 3, |v| {
            (v.pw_multiplier, v.pw_lut_channels, v.dw_lut_lanes) = (2, 2, 1);
        }),
        configured(2, 5, 3, 1, |v| {
            (v.pw_requant, v.pw_sum_bits, v.pw_requant_cycles) = (2, 18, 8);
            (v.dw_requant, v.dw_sum_bits, v.dw_requant_cycles) = (1, 24, 4);
        }),
        configured(2, 1, 2, 1, |v| {
            (v.tp, v.residual, v.expand_words) = (5, 0, 0);
            (v.pw_sum_bits, v.pw_requant_cycles) = (18, 4);
            (v.dw_requant, v.dw_sum_bits, v.dw_requant_cycles) = (1, 19, 4);
        }),
        configured(3, 1, 1, 3, |v| {
            (v.tp, v.residual, v.expand_words) = (4, 0, 0);
            (v.pw_sum_bits, v.pw_requant_cycles) = (24, 8);
            (v.dw_sum_bits, v.dw_requant_cycles) = (18, 8);
        }),
        configured(2, 1, 2, 1, |v| {
            (v.tp, v.pw_sum_bits, v.pw_requant_cycles) = (4, 19, 4);
            (v.dw_requant, v.dw_sum_bits, v.dw_requant_cycles) = (1, 19, 4);
        }),
        // all pixels, in maps with no more columns
        configured(2, 3, 1, 1, |v| {
            (v.tp, v.pw_requant, v.residual, v.map_size) = (8, 1, 0, 4);
        }),
        configured(2, 1, 1, 1, |v| {
            (v.tp, v.residual, v.expand_words, v.map_size) = (8, 0, 0, 4);
            (v.pw_sum_bits, v.pw_requant_cycles) = (20, 4);
            (v.dw_sum_bits, v.dw_requant_cycles) = (20, 8);
        }),
        // spread arrays: sums of few bits, memories with few words; beats that leave one for the last part
        configured(16, 16, 16, 3, |v| {
            (v.pw_multiplier, v.dw_multiplier, v.weight_kib) = (2, 1, 64);
            (v.pw_requant, v.pw_sum_bits, v.dw_sum_bits) = (8, 20, 23);
            v.residual = 0;
        }),
        configured(13, 11, 4, 3, |v| (v.weight_kib, v.expand_words) = (64, 16)),
        configured(1, 3, 4, 3, largest_memories),
        configured(64, 3, 4, 9, largest_memories),
        configured(13, 2, 6, 9, |v| {
            (v.activation_kib, v.weight_kib, v.line_words) = (3, 5, 37);
            (v.pixel_words, v.expand_words) = (11, 1);
            (v.commands, v.pw_requant) = (5, 1);
        }),
    ]
}

fn largest_memories(v: &mut Values) {
    (v.activation_kib, v.weight_kib, v.depthwise_kib) = (4096, 16384, 1024);
    (v.pointwise_channels, v.depthwise_channels) = (65536, 65536);
    (v.line_words, v.pixel_words, v.expand_words, v.commands) = (8192, 8192, 8192, 4096);
}

/// Verilog that can be linted.
pub struct Text {
    /// All modules that are generated.
    pub verilog: String,
    /// Twins of what the technology has: a file of their own, for what they say of themselves ends with it.
    cells: &'static str,
    top: &'static str,
}

impl Text {
    /// The accelerator alone, with the twins of what its technology uses.
    pub fn accelerator(config: &Config, technology: Technology) -> Self {
        Text {
            verilog: sepstream_hdl::generate_for(config, technology),
            cells: technology.cells(),
            top: "sepstream",
        }
    }

    /// With the link of a board.
    fn board((config, link): &(Config, LinkOptions)) -> Self {
        let board = sepstream_hdl::board(config, link, Technology::Generic);
        Text {
            verilog: board.expect("the link can be built"),
            cells: "",
            top: "sepstream_board",
        }
    }
}

/// What Verilator says about a design, with or without the waivers; it fails exactly when it says something.
pub fn lint(text: &Text, waivers: bool) -> String {
    let verilator = tools::verilator(&mut |_| {}).expect("Verilator is there");
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name, text: &str| fs::write(folder.path().join(name), text).expect("a file");
    write("sepstream.v", &text.verilog);
    write("cells.v", text.cells);
    write("sepstream.vlt", sepstream_hdl::LINT_WAIVERS);
    let mut command = verilator.command();
    command.current_dir(folder.path());
    command.args(["--lint-only", "-Wall", "--top-module", text.top]);
    command
        .args(waivers.then_some("sepstream.vlt"))
        .args((!text.cells.is_empty()).then_some("cells.v"))
        .arg("sepstream.v");
    let output = command.output().expect("Verilator runs");
    let found = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.success(), found.is_empty(), "{found}");
    found
}

/// Accelerators with all that a technology has blocks for: multipliers of every kind, memories of few and of many words.
fn own_blocks() -> Vec<Text> {
    let few = configured(4, 5, 3, 3, |v| {
        (v.pw_multiplier, v.pw_lut_channels, v.dw_lut_lanes) = (2, 2, 1);
        (v.line_words, v.expand_words) = (40, 0);
    });
    let many = configured(16, 8, 8, 3, |v| {
        (v.activation_kib, v.weight_kib, v.depthwise_kib) = (64, 64, 12);
    });
    let technologies = [Technology::Ecp5, Technology::Ice40Up];
    let all = technologies.map(|t| [&few, &many].map(|config| Text::accelerator(config, t)));
    all.into_iter().flatten().collect()
}

#[test]
fn lint_finds_nothing_in_what_technologies_have() {
    if !tools_present() {
        return;
    }
    for text in own_blocks() {
        let found = lint(&text, true);
        assert!(found.is_empty(), "{found}");
    }
}

#[test]
fn lint_finds_nothing_but_the_waivers() {
    if !tools_present() {
        return;
    }
    for config in configurations() {
        let found = lint(&Text::accelerator(&config, Technology::Generic), true);
        assert!(found.is_empty(), "{config}\n{found}");
    }
}

/// Words of all sizes, phases of few and many bits.
fn boards() -> Vec<(Config, LinkOptions)> {
    let uart = LinkOptions::uart;
    vec![
        (config(4, 4, 4, 3), uart(4, 1)),
        (config(1, 1, 1, 1), uart(12_000_000, 115_200)),
        (config(64, 1, 1, 3), uart(50_000_000, 3_000_000)),
        (config(16, 8, 8, 3), LinkOptions { link: Link::Spi }),
    ]
}

#[test]
fn lint_finds_nothing_in_boards() {
    if !tools_present() {
        return;
    }
    for board in boards() {
        let found = lint(&Text::board(&board), true);
        assert!(found.is_empty(), "{}\n{found}", board.0);
    }
}

/// A waiver that no configuration needs is removed.
#[test]
fn every_waiver_is_needed() {
    if !tools_present() {
        return;
    }
    let bare = configurations();
    let generic = |config| Text::accelerator(config, Technology::Generic);
    let texts = bare.iter().map(generic).chain(own_blocks());
    let boards = boards();
    let texts = texts.chain(boards.iter().map(Text::board));
    let all: String = texts.map(|text| lint(&text, false)).collect();
    for line in sepstream_hdl::LINT_WAIVERS.lines() {
        if let Some((_, pattern)) = line.split_once("-match \"*'") {
            let signal = pattern.trim_end_matches("'*\"");
            let (head, tail) = signal.split_once('*').unwrap_or((signal, ""));
            let of_signal = |name: &str| name.starts_with(head) && name.ends_with(tail);
            let mut named = all.lines().filter_map(|line| line.split('\'').nth(1));
            assert!(named.any(of_signal), "nothing needs the waiver of {signal}");
        } else if let Some(rule) = line.strip_prefix("lint_off -rule ") {
            let rule = rule.split(' ').next().unwrap_or(rule);
            assert!(
                all.contains(&format!("%Warning-{rule}: ")),
                "nothing needs the waiver of {rule}"
            );
        }
    }
}
