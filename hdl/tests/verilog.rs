// SPDX-License-Identifier: MIT OR Apache-2.0
//! The generated Verilog as a text: what a reader of it relies on.

use sepstream_hdl::Technology;
use sepstream_hdl::link::{Link, LinkOptions};
use sepstream_spec::config::{Config, Values};
use sepstream_testkit::seeds;
use std::collections::BTreeMap;

fn config(tn: u32, tm: u32, lanes: u32, taps: u32) -> Config {
    let values = Values {
        tn,
        tm,
        tp: 1,
        pw_multiplier: 0,
        pw_lut_channels: 0,
        pw_requant: tm,
        pw_sum_bits: 32,
        pw_requant_cycles: 1,
        pw_rounding: 1,
        pw_tables: 0,
        residual: tm,
        lanes,
        taps,
        pairs: 0,
        gather_rows: taps.min(3),
        dw_multiplier: 0,
        dw_lut_lanes: 0,
        dw_requant: lanes.div_ceil(taps).min(tn),
        dw_sum_bits: 32,
        dw_requant_cycles: 1,
        dw_max: 0,
        dw_tables: 0,
        activation_kib: 1,
        weight_kib: 1,
        depthwise_kib: 1,
        pointwise_channels: 16,
        depthwise_channels: 16,
        line_words: 16,
        pixel_words: 8,
        expand_words: 4,
        commands: 2,
        map_size: 65535,
        commands_ahead: 0,
    };
    values.check().expect("the configuration passes every rule")
}

/// Modules of all sorts, and two whose requantisers, packers and memories nearly coincide.
fn configurations() -> Vec<Config> {
    [
        (2, 2, 1, 1),
        (1, 1, 1, 1),
        (4, 4, 4, 1),
        (8, 8, 8, 9),
        (3, 5, 7, 3),
    ]
    .map(|(tn, tm, lanes, taps)| config(tn, tm, lanes, taps))
    .into()
}

/// Text of each module behind its name, and the line above it.
fn modules(verilog: &str) -> Vec<(&str, String, &str)> {
    let lines: Vec<&str> = verilog.lines().collect();
    let mut found = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        if let Some(rest) = line.strip_prefix("module ") {
            let name = rest.split_whitespace().next().expect("a name");
            let end = lines[at..]
                .iter()
                .position(|line| *line == "endmodule")
                .expect("an end");
            found.push((name, lines[at + 1..at + end].join("\n"), lines[at - 1]));
        }
    }
    found
}

#[test]
fn modules_differ_and_say_what_they_are() {
    for config in configurations() {
        let verilog = sepstream_hdl::generate(&config);
        let mut names = BTreeMap::new();
        let mut bodies = BTreeMap::new();
        for (name, body, above) in modules(&verilog) {
            assert!(
                above.starts_with("// ") && above.len() > 10,
                "{name} has no head comment, but `{above}`"
            );
            if let Some(other) = bodies.insert(body, name) {
                panic!("{name} and {other} are equal in\n{config}");
            }
            assert_eq!(
                names.insert(name, ()),
                None,
                "{name} is there twice in\n{config}"
            );
        }
        assert_eq!(names.len(), verilog.matches("endmodule").count());
        assert!(names.contains_key("sepstream"));
    }
}

#[test]
fn the_banner_states_the_configuration() {
    for config in configurations() {
        let verilog = sepstream_hdl::generate(&config);
        let banner: Vec<&str> = verilog
            .lines()
            .map_while(|line| line.strip_prefix("// "))
            .collect();
        let text = banner[1..].join("\n");
        assert_eq!(text.trim_end(), config.to_string().trim_end());
    }
}

#[test]
fn the_same_configuration_gives_the_same_text() {
    for config in configurations() {
        assert_eq!(
            sepstream_hdl::generate(&config),
            sepstream_hdl::generate(&config.clone())
        );
    }
}

/// Drawn configurations that are always the same, and new ones.
const FIXED: u64 = 4;
const NEW: u64 = 8;

/// Whatever the rules allow, for each family of FPGAs. Verilator's lint over such texts is in `sim/tests/blocks/drawn.rs`.
#[test]
fn every_configuration_gives_verilog() {
    for seed in seeds!(FIXED, NEW).one_by_one() {
        let mut rng = fastrand::Rng::with_seed(seed);
        let config = Config::drawn(|low, high| rng.u32(low..=high));
        let technology = *rng.choice(&Technology::ALL).expect("there are some");
        println!("seed {seed}: {technology:?}, {:?}", config.values()); // shown when it fails
        let verilog = sepstream_hdl::generate_for(&config, technology);
        assert!(verilog.contains("module sepstream ("));
    }
}

#[test]
fn generating_the_largest_takes_no_time_to_speak_of() {
    let mut values = config(64, 64, 32, 9).values().clone();
    values.dw_requant = 32;
    let config = values.check().expect("the configuration passes every rule");
    let start = std::time::Instant::now();
    let verilog = sepstream_hdl::generate(&config);
    let took = start.elapsed();
    println!("{} lines in {took:?}", verilog.lines().count());
    // a few seconds; many where text that is used twice doubles with every level
    assert!(took.as_secs() < 30, "{took:?}");
}

/// A reader of the text need not scroll sideways.
#[test]
fn no_line_is_long() {
    for config in configurations() {
        for technology in Technology::ALL {
            let verilog = sepstream_hdl::generate_for(&config, technology);
            for line in verilog.lines() {
                assert!(line.len() <= 200, "{technology:?}: {line}");
            }
        }
    }
}

/// Every change of the RTL shows here.
#[test]
fn verilog_of_a_tiny_accelerator() {
    insta::assert_snapshot!(sepstream_hdl::generate(&config(2, 2, 1, 1)));
}

/// The modules of the host link, and the board's top around them.
#[test]
fn verilog_of_the_host_link() {
    let config = config(2, 2, 1, 1);
    let bare = sepstream_hdl::generate(&config);
    let known = modules(&bare);
    let mut text = String::new();
    for (options, top) in [
        (LinkOptions::uart(12_000_000, 115_200), true),
        (LinkOptions { link: Link::Spi }, false),
    ] {
        let board = sepstream_hdl::board(&config, &options, Technology::Generic)
            .expect("the link can be built");
        for (name, body, above) in modules(&board) {
            let ours = known.iter().all(|(known, ..)| *known != name);
            // what both links have is shown once
            if ours && (top || name == "sepstream_spi") {
                assert!(above.starts_with("// ") && above.len() > 10, "{name}");
                text += &format!("{above}\nmodule {name} (\n{body}\nendmodule\n\n");
            }
        }
    }
    insta::assert_snapshot!(text);
}
