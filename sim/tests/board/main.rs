// SPDX-License-Identifier: MIT OR Apache-2.0
//! The board's top through its pins: the driver for boards, a line that damages and loses bytes, resets at any time. What comes
//! out is right or it is an error.

mod bad_line;
mod digits;
mod requests;
mod spi;

use digits::{Digits, run};
use sepstream_firmware::link::Session;
use sepstream_firmware::{Driver, Error, ImageView};
use sepstream_testkit::tools_present;

#[test]
fn a_network_runs_through_the_serial_pins() {
    if !tools_present() {
        return;
    }
    let digits = Digits::new();
    let image = ImageView::parse(&digits.image).unwrap();
    let mut board = digits.board();
    board.restart(3).unwrap();
    let session = Session::open(&mut board, 200).unwrap();
    let mut driver = Driver::new(session);
    let mut other = image;
    other.fingerprint = !image.fingerprint;
    let refused = driver.load(&other).unwrap_err();
    assert!(matches!(refused, Error::Configuration { .. }), "{refused}");
    driver.load(&image).unwrap();
    for seed in 0..3 {
        let (tensor, wanted) = digits.frame(seed);
        assert_eq!(
            run(&mut driver, &digits, &tensor).unwrap(),
            wanted,
            "{seed}"
        );
        assert_eq!(u64::from(driver.cycles().unwrap()), digits.cycles);
        let leds = driver.bus().port().leds();
        assert!(leds.done && !leds.busy && !leds.error, "{leds:?}");
    }
    driver.start().unwrap();
    let leds = driver.bus().port().leds();
    assert!(leds.busy && !leds.done, "{leds:?}");
    let statistics = driver.bus().statistics();
    assert_eq!((statistics.retries, statistics.damaged), (0, 0));
    assert_eq!(driver.bus().port().framing_errors(), 0);
}
