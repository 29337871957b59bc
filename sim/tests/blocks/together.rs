// SPDX-License-Identifier: MIT OR Apache-2.0
//! Accelerators of different configurations in one design, beside modules of the user's own.

use super::bench::configured;
use sepstream_hdl::{Prefix, Technology};
use sepstream_sim::cosim::{Block, BuildOptions, Optimise, Port};
use sepstream_spec::config::Config;
use sepstream_spec::regs::Reg;
use sepstream_testkit::tools_present;

/// The text of an accelerator whose modules have a prefix.
fn accelerator(config: &Config, prefix: &str) -> String {
    let prefix = Prefix::new(prefix).expect("the prefix gives names");
    let design = sepstream_hdl::design(config, Technology::Generic);
    sepstream_hdl::print(&design, config, &prefix).text
}

/// An instance of an accelerator that only its registers are used of.
fn instance(name: &str) -> String {
    format!(
        "    wire [31:0] {name}_data;
    {name} {name}_unit (
        .clk(clk), .rst(rst), .s_wb_cyc(strobe), .s_wb_stb(strobe), .s_wb_we(1'b0), .s_wb_adr(address),
        .s_wb_dat_w(32'd0), .s_wb_ack(), .s_wb_dat_r({name}_data), .s_axis_tvalid(1'b0), .s_axis_tlast(1'b0),
        .s_axis_tdata('0), .s_axis_tready(), .m_axis_tready(1'b1), .m_axis_tdata(), .m_axis_tvalid(),
        .m_axis_tlast(), .layer_done(), .layer_index(), .irq(), .busy(), .sending()
    );\n"
    )
}

/// A design of the user's with modules of the names that the accelerator's have without a prefix.
fn design() -> String {
    format!(
        "module host (input wire clk, input wire strobe, output reg [31:0] reads);
    initial reads = 0;
    always @(posedge clk) if (strobe) reads <= reads + 1;
endmodule
module fill (output wire [31:0] number);
    assign number = 32'd42;
endmodule
module system (
    input wire clk, input wire rst, input wire strobe, input wire [7:0] address,
    output wire [31:0] left, output wire [31:0] right, output wire [31:0] reads, output wire [31:0] number
);
    host host (.clk(clk), .strobe(strobe), .reads(reads));
    fill fill (.number(number));
{}{}    assign left = left_data;
    assign right = right_data;
endmodule\n",
        instance("left"),
        instance("right"),
    )
}

#[test]
fn two_accelerators_and_a_host_of_the_users_own() {
    if !tools_present() {
        return;
    }
    let left = configured(2, 2, 1, 1, |_| {});
    let right = configured(4, 2, 2, 3, |v| v.commands = 5);
    let mut verilog = accelerator(&left, "left_");
    verilog += &accelerator(&right, "right_");
    verilog += &design();
    let mut ports: Vec<Port> = [("rst", 1), ("strobe", 1), ("address", 8)]
        .map(|(name, width)| Port::input(name, width))
        .into();
    ports.extend(["left", "right", "reads", "number"].map(|name| Port::output(name, 32)));
    let options = BuildOptions {
        optimise: Optimise::Build,
        ..BuildOptions::default()
    };
    let mut block = Block::build(&verilog, "system", &ports, &options, &mut |_| {})
        .expect("no name is there twice");
    block.set("rst", 1);
    block.ticks(200).unwrap();
    block.set("rst", 0);
    block.set("address", (Reg::Fingerprint as u32).into());
    block.set("strobe", 1);
    block.ticks(4).unwrap();
    block.eval().unwrap();
    let got = ["left", "right", "number"].map(|port| block.get(port) as u32);
    assert_eq!(got, [left.fingerprint(), right.fingerprint(), 42]);
    assert_eq!(block.get("reads"), 4);
}
