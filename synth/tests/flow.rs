// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is refused before any tool runs; bitstreams are built by the command line's tests.

use std::path::Path;

use sepstream_spec::config::Config;
use sepstream_synth::flow::{self, Request};
use sepstream_synth::{Board, Error, HostPins};

fn refusal(board: &str, freq_hz: u32, pins: HostPins) -> Error {
    let board = Board::find(board).unwrap();
    let text = board.config_text().unwrap();
    let config = Config::from_yaml(text, board.config_file()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    // a bitstream of an earlier run must not stay
    for end in ["bit", "bin"] {
        let old = folder.path().join(format!("{}.{end}", board.id()));
        std::fs::write(&old, "old").unwrap();
    }
    let request = Request {
        freq_hz,
        pins,
        ..Request::new(&board, &config, folder.path())
    };
    let error = flow::run(&request, &mut |step| panic!("{step:?}")).unwrap_err();
    // that of the other family is none of its own
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    error
}

#[test]
fn what_cannot_be_is_refused_first() {
    let error = refusal("fomu", 24_000_000, HostPins::Uart);
    assert!(matches!(error, Error::NoLink { .. }) && error.is_input());
    assert!(error.to_string().contains("USB"), "{error}");
    let error = refusal("ulx3s-85f", 1_000_000, HostPins::Uart);
    assert!(matches!(error, Error::Clock(_)) && error.is_input());
    assert!(
        error.to_string().contains("the nearest is 3.125 MHz"),
        "{error}"
    );
    let error = refusal("upduino", 24_000_000, HostPins::Spi);
    assert!(matches!(error, Error::NoLink { .. }) && error.is_input());
    assert!(
        error
            .to_string()
            .contains("upduino.pcf has no pins for spi_sck, spi_cs_n, spi_copi, spi_cipo"),
        "{error}"
    );
}

/// Wrapper and constraints have the pins of the link that was asked for, and no others.
#[test]
fn the_pins_are_those_of_the_link() {
    let board = Board::find("ulx3s-25f").unwrap();
    let config = Config::from_yaml(board.config_text().unwrap(), board.config_file()).unwrap();
    for (pins, others) in [
        (HostPins::Uart, HostPins::Spi),
        (HostPins::Spi, HostPins::Uart),
    ] {
        let request = Request {
            pins,
            ..Request::new(&board, &config, Path::new(""))
        };
        let verilog = flow::verilog(&request).unwrap();
        let wrapper = &verilog[verilog.find("module sepstream_top").unwrap()..];
        let constraints = board.constraints().for_pins(pins);
        for port in pins.ports() {
            assert!(wrapper.contains(&format!(".{port}({port})")), "{wrapper}");
            assert!(constraints.contains(&format!("LOCATE COMP \"{port}\" SITE")));
        }
        for port in others.ports() {
            assert!(!wrapper.contains(port) && !constraints.contains(&format!("\"{port}\"")));
        }
        assert!(constraints.contains("LOCATE COMP \"clk\" SITE \"G2\";"));
    }
}
