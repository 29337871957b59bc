// SPDX-License-Identifier: MIT OR Apache-2.0
//! Yosys on the host link alone: it must leave room for an accelerator on the smallest device.

use sepstream_hdl::link::LinkOptions;
use sepstream_spec::config::Config;
use sepstream_testkit::found;
use sepstream_toolchain as tools;
use serde_json::Value;

const CONFIG: &str = "pointwise: { tn: 4, tm: 4, requant: 1, residual: 0 }
depthwise: { lanes: 2, taps: 3, requant: 1 }
memory: { activation_kib: 4, weight_kib: 4 }";

/// docs/host-link.md says so.
const LUTS: u64 = 600;

#[test]
fn the_link_is_small_on_an_ice40() {
    let Some(yosys) = found(tools::yosys(&mut |_| ())) else {
        return;
    };
    let config =
        Config::from_yaml(CONFIG, "test.yaml").expect("the configuration passes every rule");
    let uart = LinkOptions::uart(12_000_000, 115_200);
    let verilog = sepstream_hdl::board(&config, &uart, sepstream_hdl::Technology::Generic)
        .expect("the link can be built");
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    std::fs::write(at("board.v"), verilog).expect("a file");
    let script = "read_verilog board.v\nblackbox sepstream\nsynth_ice40 -no-rw-check -top sepstream_board\n\
                  tee -q -o cells.json stat -json\n";
    std::fs::write(at("link.ys"), script).expect("a file");
    let mut command = yosys.command();
    command.current_dir(folder.path());
    let output = command.args(["-q", "-s", "link.ys"]).output();
    assert!(output.expect("Yosys runs").status.success());
    let text = std::fs::read_to_string(at("cells.json")).expect("statistics");
    let json: Value = serde_json::from_str(&text).expect("JSON");
    let cells = &json["modules"]["\\sepstream_board"]["num_cells_by_type"];
    let count = |cell: &str| cells[cell].as_u64().unwrap_or(0);
    println!("{cells:#}");
    assert_eq!(count("sepstream"), 1);
    let luts = count("SB_LUT4");
    assert!((200..=LUTS).contains(&luts), "{luts} LUTs");
    assert_eq!(count("SB_RAM40_4K"), 1);
    let documented = format!("at most {LUTS} LUT4 and one block RAM of an iCE40");
    assert!(include_str!("../../docs/host-link.md").contains(&documented));
}
