// SPDX-License-Identifier: MIT OR Apache-2.0
//! An accelerator in a rust_hdl design: rust_hdl prints both, Verilator runs them.
//!
//! `cargo run -p sepstream-sim --example rust_hdl_top`

use rust_hdl_core::prelude::*;
use sepstream_hdl::rtl::HdlBlock;
use sepstream_hdl::{Prefix, Technology};
use sepstream_sim::cosim::{self, BuildOptions, Port};
use sepstream_spec::config::Config;
use sepstream_spec::regs::{ID, Reg};

/// The accelerator's configuration: words of 4 bytes.
fn config() -> Config {
    let file = "pointwise: { tn: 4, tm: 2 }
depthwise: { lanes: 2, taps: 3 }
memory: { activation_kib: 2, weight_kib: 2 }";
    Config::from_yaml(file, "config").expect("the configuration passes every rule")
}

/// The accelerator as rust_hdl sees it: its ports, with the widths of the configuration.
#[allow(missing_docs)]
#[derive(LogicBlock, Default)]
pub struct Accelerator {
    pub clk: Signal<In, Clock>,
    pub rst: Signal<In, Bit>,
    pub s_wb_cyc: Signal<In, Bit>,
    pub s_wb_stb: Signal<In, Bit>,
    pub s_wb_we: Signal<In, Bit>,
    pub s_wb_adr: Signal<In, Bits<8>>,
    pub s_wb_dat_w: Signal<In, Bits<32>>,
    pub s_wb_ack: Signal<Out, Bit>,
    pub s_wb_dat_r: Signal<Out, Bits<32>>,
    pub s_axis_tvalid: Signal<In, Bit>,
    pub s_axis_tlast: Signal<In, Bit>,
    pub s_axis_tdata: Signal<In, Bits<32>>,
    pub s_axis_tready: Signal<Out, Bit>,
    pub m_axis_tready: Signal<In, Bit>,
    pub m_axis_tdata: Signal<Out, Bits<32>>,
    pub m_axis_tvalid: Signal<Out, Bit>,
    pub m_axis_tlast: Signal<Out, Bit>,
    pub layer_done: Signal<Out, Bit>,
    pub layer_index: Signal<Out, Bits<16>>,
    pub irq: Signal<Out, Bit>,
    pub busy: Signal<Out, Bit>,
    pub sending: Signal<Out, Bit>,
}

impl Logic for Accelerator {
    fn update(&mut self) {} // Verilator runs it, not rust_hdl's simulator
    fn connect(&mut self) {
        self.s_wb_ack.connect();
        self.s_wb_dat_r.connect();
        self.s_axis_tready.connect();
        self.m_axis_tdata.connect();
        self.m_axis_tvalid.connect();
        self.m_axis_tlast.connect();
        self.layer_done.connect();
        self.layer_index.connect();
        self.irq.connect();
        self.busy.connect();
        self.sending.connect();
    }
    fn hdl(&self) -> Verilog {
        let (config, prefix) = (config(), Prefix::default());
        let design = sepstream_hdl::design(&config, Technology::Generic);
        let printed = sepstream_hdl::print(&design, &config, &prefix);
        Verilog::Wrapper(HdlBlock::new(design, printed).wrapper())
    }
}

/// A rust_hdl design that reads registers of the accelerator.
#[allow(missing_docs)]
#[derive(LogicBlock, Default)]
pub struct Reader {
    pub clk: Signal<In, Clock>,
    pub rst: Signal<In, Bit>,
    pub strobe: Signal<In, Bit>,
    pub address: Signal<In, Bits<8>>,
    pub ack: Signal<Out, Bit>,
    pub data: Signal<Out, Bits<32>>,
    accelerator: Accelerator,
}

impl Logic for Reader {
    #[hdl_gen]
    fn update(&mut self) {
        self.accelerator.clk.next = self.clk.val();
        self.accelerator.rst.next = self.rst.val();
        self.accelerator.s_wb_cyc.next = self.strobe.val();
        self.accelerator.s_wb_stb.next = self.strobe.val();
        self.accelerator.s_wb_we.next = false;
        self.accelerator.s_wb_adr.next = self.address.val();
        self.accelerator.s_wb_dat_w.next = 0.into();
        self.accelerator.s_axis_tvalid.next = false;
        self.accelerator.s_axis_tlast.next = false;
        self.accelerator.s_axis_tdata.next = 0.into();
        self.accelerator.m_axis_tready.next = true;
        self.ack.next = self.accelerator.s_wb_ack.val();
        self.data.next = self.accelerator.s_wb_dat_r.val();
    }
}

/// The Verilog of both by rust_hdl, after its checks.
fn verilog() -> String {
    let mut reader = Reader::default();
    reader.connect_all();
    generate_verilog(&reader)
}

/// What the accelerator's registers say through the rust_hdl design, in Verilator.
fn read(registers: &[Reg]) -> Result<Vec<u32>, cosim::Error> {
    let ports = [
        Port::input("rst", 1),
        Port::input("strobe", 1),
        Port::input("address", 8),
        Port::output("ack", 1),
        Port::output("data", 32),
    ];
    let options = BuildOptions::default();
    let mut block = cosim::Block::build(&verilog(), "top", &ports, &options, &mut |_| {})?;
    block.set("rst", 1);
    block.ticks(200)?;
    block.set("rst", 0);
    block.ticks(2)?;
    let mut values = Vec::new();
    for register in registers {
        block.set("address", (*register as u32).into());
        block.set("strobe", 1);
        block.eval()?;
        while block.get("ack") == 0 {
            block.tick()?;
            block.eval()?;
        }
        values.push(block.get("data") as u32);
        block.tick()?;
        block.set("strobe", 0);
        block.tick()?;
    }
    Ok(values)
}

fn main() -> Result<(), cosim::Error> {
    let values = read(&[Reg::Id, Reg::Fingerprint])?;
    println!(
        "id {:#x}, fingerprint of the configuration {:#x}",
        values[0], values[1]
    );
    assert_eq!(values, [ID, config().fingerprint()]);
    Ok(())
}

#[cfg(test)]
mod tests {
    use sepstream_toolchain as tools;

    #[test]
    fn a_rust_hdl_design_holds_an_accelerator() {
        match tools::setup(&mut |_| {}) {
            Ok(_) => super::main().expect("the design runs"),
            Err(error) if std::env::var_os("REQUIRE_TOOLS").is_none() => {
                println!("SKIPPED: verilator: {error}");
            }
            Err(error) => panic!("{error}"),
        }
    }
}
