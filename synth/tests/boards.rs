// SPDX-License-Identifier: MIT OR Apache-2.0
//! Board files: those of the folder, and every message about wrong ones.

use std::collections::BTreeSet;
use std::path::Path;

use sepstream_spec::config::{Config, Violation};
use sepstream_synth::board::BoardError;
use sepstream_synth::{Board, HostPins, pll, top};

const GOOD: &str = "\
title: A board
part: LFE5U-25F
package: CABGA381
speed: 6
clock_mhz: 25
freq_mhz: 50
baud: 1000000
leds: active-low
high: enable
constraints: a.lpf
config: small_4x4.yaml
flash: --board ulx3s
";

const PINS: &str = "\
LOCATE COMP \"clk\" SITE \"G2\";
LOCATE COMP \"uart_rx\" SITE \"M1\";
LOCATE COMP \"uart_tx\" SITE \"L4\";
LOCATE COMP \"enable\" SITE \"L2\";
";

fn parse(text: &str, pins: &str) -> Result<Board, Vec<Violation>> {
    let read = |file: &str| (file == "a.lpf").then(|| pins.to_string());
    Board::from_yaml(text, "my/board.yaml", &read)
}

/// The messages for a file that must be refused.
fn refusal(text: &str, pins: &str) -> String {
    let violations = parse(text, pins).expect_err("this file must be refused");
    let messages: Vec<_> = violations.iter().map(Violation::to_string).collect();
    messages.join("\n")
}

#[test]
fn embedded_boards_are_those_of_the_folder() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let files = |folder: &str| -> BTreeSet<String> {
        let entries = std::fs::read_dir(root.join(folder)).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name != "README.md").collect()
    };
    let named: BTreeSet<_> = Board::names().map(|name| format!("{name}.yaml")).collect();
    assert_eq!(named, files("boards"));
    let boards: Vec<_> = Board::names()
        .map(|name| Board::find(name).unwrap_or_else(|error| panic!("{name}: {error:?}")))
        .collect();
    let used: BTreeSet<_> = boards
        .iter()
        .map(|b| b.constraints().file.clone())
        .collect();
    assert_eq!(used, files("constraints"));
    for board in &boards {
        let text = board.config_text().expect("its configuration is embedded");
        Config::from_yaml(text, board.config_file()).expect("and passes every rule");
        assert!(
            board.connects("clk") && board.loader().count() > 0,
            "{}",
            board.id()
        );
    }
}

#[test]
fn a_file_of_the_users_own_is_read_from_disk() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let path = root.join("boards/ulx3s-85f.yaml");
    let board = Board::find(path.to_str().unwrap()).unwrap();
    assert_eq!(board, Board::find("ulx3s-85f").unwrap());
    assert_eq!(board.clock_hz(), 25_000_000);
    assert_eq!(board.baud(), Ok(1_000_000));
    assert!(top::LED_PORTS.iter().all(|led| board.connects(led)));
}

#[test]
fn an_unknown_board_is_told_with_a_hint() {
    let error = Board::find("ulx3s-85").unwrap_err();
    assert!(matches!(error, BoardError::Unknown { .. }));
    let text = error.to_string();
    assert!(
        text.contains("did you mean `ulx3s-85f`?") && text.contains("icebreaker"),
        "{text}"
    );
}

#[test]
fn the_good_file_is_good() {
    let board = parse(GOOD, PINS).unwrap();
    assert_eq!((board.id(), board.title()), ("board", "A board"));
    assert_eq!(board.high(), ["enable"]);
    assert!(board.leds_active_low() && !board.connects("led_busy"));
}

#[test]
fn every_broken_rule_is_told_at_once() {
    let wrong = GOOD
        .replace("speed: 6", "speed: 5")
        .replace("clock_mhz: 25", "clock_mhz: fast")
        .replace("leds: active-low", "led: active-low")
        .replace("package: CABGA381", "package: [1, 2]");
    insta::assert_snapshot!(refusal(&wrong, &PINS.replace("uart_tx", "uart_xt")));
}

#[test]
fn a_link_is_there_or_what_it_lacks() {
    let neither = GOOD.replace("baud: 1000000\n", "");
    let both = GOOD.replace("leds:", "missing: a UART\nleds:");
    let no_pins = PINS.replace("uart_rx", "clk");
    insta::assert_snapshot!(
        [
            refusal(&neither, PINS),
            refusal(&both, PINS),
            refusal(GOOD, &no_pins)
        ]
        .join("\n\n")
    );
    let missing = neither + "missing: a UART\n";
    assert_eq!(parse(&missing, PINS).unwrap().baud(), Err("a UART"));
}

#[test]
fn an_spi_has_all_of_its_pins_or_none() {
    let spi: String = HostPins::Spi
        .ports()
        .iter()
        .zip(["A1", "A2", "A3", "A4"])
        .map(|(port, pin)| format!("LOCATE COMP \"{port}\" SITE \"{pin}\";\n"))
        .collect();
    let board = parse(GOOD, &(PINS.to_owned() + &spi)).unwrap();
    assert_eq!(board.reach(HostPins::Spi), Ok(()));
    let without = parse(GOOD, PINS).unwrap();
    assert!(without.reach(HostPins::Spi).is_err() && without.reach(HostPins::Uart).is_ok());
    let partly = PINS.to_owned() + &spi.replace("spi_cs_n", "led_busy");
    assert!(refusal(GOOD, &partly).contains("no pin for `spi_cs_n`"));
    // a board without a UART may have an SPI
    let neither = GOOD.replace("baud: 1000000", "missing: a UART");
    let board = parse(&neither, &(PINS.to_owned() + &spi)).unwrap();
    assert!(board.reach(HostPins::Spi).is_ok() && board.reach(HostPins::Uart).is_err());
}

#[test]
fn what_is_no_board_file_is_refused() {
    let texts = [
        "",
        "- 1\n- 2\n",
        "title: [",
        "title: a\ntitle: b\n",
        "part: LFE5U-26F\n",
    ];
    for text in texts {
        refusal(text, PINS);
    }
    refusal(&format!("{GOOD}note: {}\n", "x".repeat(70_000)), PINS);
    refusal(&GOOD.replace("a.lpf", "../a.lpf"), PINS);
    // an iCE40 has no speed grade
    let ice = GOOD
        .replace("LFE5U-25F", "iCE40UP5K")
        .replace("CABGA381", "sg48");
    assert!(refusal(&ice, PINS).contains("has its speed in its name"));
    parse(&ice.replace("speed: 6\n", ""), PINS).unwrap();
}

#[test]
fn the_clocks_of_the_boards_can_be_made() {
    for name in Board::names() {
        let board = Board::find(name).unwrap();
        let family = board.part().device().family;
        let clock = pll::solve(family, board.clock_hz(), board.freq_hz());
        assert_eq!(clock.map(|clock| clock.hz), Ok(board.freq_hz()), "{name}");
    }
}
