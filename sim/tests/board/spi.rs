// SPDX-License-Identifier: MIT OR Apache-2.0
//! The SPI pins.

use super::digits::{Digits, run};
use sepstream_firmware::link::{FLAG, Port, Session};
use sepstream_firmware::{Driver, ImageView};
use sepstream_hdl::Technology;
use sepstream_hdl::link::{Link, LinkOptions};
use sepstream_sim::cosim::{self, Block, BuildOptions, Optimise};
use sepstream_spec::config::Config;
use sepstream_spec::timing;
use sepstream_testkit::tools_present;
use std::collections::VecDeque;

/// A controller on the SPI pins.
struct Spi {
    block: Block,
    /// What has come while the host was sending.
    came: VecDeque<u8>,
}

impl Spi {
    fn build(config: &Config) -> Self {
        let options = LinkOptions { link: Link::Spi };
        let verilog = sepstream_hdl::board(config, &options, Technology::Generic).unwrap();
        let ports = [
            cosim::Port::input("reset", 1),
            cosim::Port::input("spi_sck", 1),
            cosim::Port::input("spi_cs_n", 1),
            cosim::Port::input("spi_copi", 1),
            cosim::Port::output("spi_cipo", 1),
            cosim::Port::output("led_error", 1),
        ];
        let options = BuildOptions {
            optimise: Optimise::Build,
            ..BuildOptions::default()
        };
        let block = Block::build(&verilog, "sepstream_board", &ports, &options, &mut |_| {});
        let mut block = block.unwrap();
        block.set("spi_cs_n", 1);
        block.set("reset", 1);
        block.ticks(timing::RESET.into()).unwrap();
        block.set("reset", 0);
        block.ticks(4).unwrap();
        Spi {
            block,
            came: VecDeque::new(),
        }
    }
    /// A byte there and one back, with the quickest clock that is allowed.
    fn exchange(&mut self, byte: u8) -> Result<(), cosim::Error> {
        let mut back = 0;
        self.block.set("spi_cs_n", 0);
        for n in (0..8).rev() {
            self.block.set("spi_copi", (byte >> n & 1).into());
            self.block.ticks(4)?;
            back = back << 1 | self.block.get("spi_cipo") as u8;
            self.block.set("spi_sck", 1);
            self.block.ticks(4)?;
            self.block.set("spi_sck", 0);
        }
        self.came.push_back(back);
        Ok(())
    }
}

impl Port for Spi {
    type Error = cosim::Error;

    fn send(&mut self, bytes: &[u8]) -> Result<(), cosim::Error> {
        bytes.iter().try_for_each(|byte| self.exchange(*byte))?;
        self.block.set("spi_cs_n", 1);
        self.block.ticks(8)?;
        Ok(())
    }
    fn receive(&mut self) -> Result<Option<u8>, cosim::Error> {
        if self.came.is_empty() {
            self.exchange(FLAG)?;
        }
        Ok(self.came.pop_front())
    }
}

#[test]
fn a_network_runs_through_the_spi_pins() {
    if !tools_present() {
        return;
    }
    let digits = Digits::new();
    let image = ImageView::parse(&digits.image).unwrap();
    let mut driver = Driver::new(Session::open(Spi::build(&digits.config), 77).unwrap());
    driver.load(&image).unwrap();
    for seed in 0..2 {
        let (tensor, wanted) = digits.frame(seed);
        assert_eq!(run(&mut driver, &digits, &tensor).unwrap(), wanted);
    }
    assert_eq!(driver.bus().statistics().retries, 0);
    assert_eq!(driver.bus().port().block.get("led_error"), 0);
}
