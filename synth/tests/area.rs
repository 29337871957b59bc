// SPDX-License-Identifier: MIT OR Apache-2.0
//! Yosys on generated Verilog: every multiplier is one that the configuration asks for.

use sepstream_spec::config::Config;
use sepstream_synth::{Area, Device, area};
use sepstream_testkit::found;
use sepstream_toolchain as tools;

/// `None` where Yosys cannot be had, unless tools are required.
fn measure(file: &str) -> Option<(Config, Area)> {
    let config = Config::from_yaml(file, "test.yaml").expect("the configuration passes every rule");
    let device = Device::named("ecp5-25").expect("a device of the table");
    found(tools::yosys(&mut |_| ()))?;
    let area = area(&config, device, &mut |_| ()).unwrap_or_else(|error| panic!("{error}"));
    Some((config, area))
}

#[test]
fn multipliers_are_those_of_the_engines() {
    let Some((config, area)) = measure(
        "pointwise: { tn: 3, tm: 2, requant: 1, residual: 0 }
depthwise: { lanes: 2, taps: 3, requant: 1 }
memory: { activation_kib: 2, weight_kib: 2, depthwise_kib: 1, line_words: 32, pixel_words: 16, commands: 4 }",
    ) else {
        return;
    };
    let v = config.values();
    for unit in &area.units {
        let want = match unit.name.as_str() {
            "pointwise" => v.tn * v.tm,
            "depthwise" => v.lanes * v.taps,
            "pointwise_requant" | "depthwise_requant" => 4,
            _ => 0,
        };
        assert_eq!(unit.cells.multipliers, want, "{}", unit.name);
    }
    let total = area.total();
    assert!(total.luts > 500 && total.flip_flops > 500, "{total:?}");
    assert!(total.block_rams >= 6, "{total:?}");
}
