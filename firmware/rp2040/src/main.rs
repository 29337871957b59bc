// SPDX-License-Identifier: MIT OR Apache-2.0
//! A Raspberry Pi Pico has an accelerator recognise a frame: SPI0 on GP16 (CIPO), GP17 (CS), GP18 (SCK), GP19 (COPI). The LED on GP25
//! stays on when the frame has run, and blinks when something failed.
#![no_std]
#![no_main]

use embedded_hal::delay::DelayNs;
use embedded_hal::digital::OutputPin;
use embedded_hal_bus::spi::ExclusiveDevice;
use panic_halt as _;
use rp2040_hal as hal;
use rp2040_hal::Clock;
use rp2040_hal::fugit::RateExtU32;
use rp2040_hal::gpio::{FunctionSio, FunctionSpi, PullDown, SioOutput};
use sepstream_firmware::link::{Session, SpiPort};
use sepstream_firmware::{Bus, Driver, Error, ImageView};

/// The boot loader's second stage, for the flash of the Pico.
#[unsafe(link_section = ".boot2")]
#[used]
static BOOT2: [u8; 256] = rp2040_boot2::BOOT_LOADER_W25Q080;

/// Of the board.
const CRYSTAL_HZ: u32 = 12_000_000;
/// Half a period is 4 cycles of the accelerator and more, for one of 12 MHz and more.
const SPI_HZ: u32 = 1_500_000;
/// Polls of the status register; each takes a request over SPI.
const POLLS: u32 = 10_000;
/// Bytes of the largest output.
const SCORES: usize = 64;

static PROGRAM: &[u8] = include_bytes!(env!("SEPSTREAM_PROGRAM"));
static INPUT: &[u8] = include_bytes!(env!("SEPSTREAM_INPUT"));

/// Runs a frame; the index of the largest output, which is the class.
fn classify<B: Bus>(
    driver: &mut Driver<B>,
    image: &ImageView,
) -> Result<Option<usize>, Error<B::Error>> {
    driver.load(image)?;
    let Some(run) = image.runs().next() else {
        return Ok(None);
    };
    for map in run.inputs.iter() {
        driver.feed(&map, INPUT)?;
    }
    driver.start()?;
    driver.wait(POLLS)?;
    let mut scores = [0; SCORES];
    let Some(map) = run.outputs.get(0).filter(|map| map.elements() <= SCORES) else {
        return Ok(None);
    };
    let scores = &mut scores[..map.elements()];
    driver.fetch(&map, scores)?;
    let best = scores
        .iter()
        .enumerate()
        .max_by_key(|(_, score)| **score as i8);
    Ok(best.map(|(class, _)| class))
}

#[hal::entry]
fn main() -> ! {
    let Some(mut pac) = hal::pac::Peripherals::take() else {
        loop {}
    };
    let mut watchdog = hal::Watchdog::new(pac.WATCHDOG);
    let clocks = hal::clocks::init_clocks_and_plls(
        CRYSTAL_HZ,
        pac.XOSC,
        pac.CLOCKS,
        pac.PLL_SYS,
        pac.PLL_USB,
        &mut pac.RESETS,
        &mut watchdog,
    );
    let Ok(clocks) = clocks else { loop {} };
    let sio = hal::Sio::new(pac.SIO);
    let pins = hal::gpio::Pins::new(
        pac.IO_BANK0,
        pac.PADS_BANK0,
        sio.gpio_bank0,
        &mut pac.RESETS,
    );
    let mut led: hal::gpio::Pin<_, FunctionSio<SioOutput>, PullDown> =
        pins.gpio25.into_push_pull_output();
    let mut timer = hal::Timer::new(pac.TIMER, &mut pac.RESETS, &clocks);

    let spi_pins = (
        pins.gpio19.into_function::<FunctionSpi>(),
        pins.gpio16.into_function::<FunctionSpi>(),
        pins.gpio18.into_function::<FunctionSpi>(),
    );
    let bus = hal::Spi::<_, _, _, 8>::new(pac.SPI0, spi_pins).init(
        &mut pac.RESETS,
        clocks.peripheral_clock.freq(),
        SPI_HZ.Hz(),
        hal::spi::FrameFormat::MotorolaSpi(embedded_hal::spi::MODE_0),
    );
    let select = pins.gpio17.into_push_pull_output();
    let Ok(device) = ExclusiveDevice::new(bus, select, timer);

    // a number of its own for each session: the microseconds since power-up
    let first = timer.get_counter().ticks() as u8;
    let answer = Session::open(SpiPort::new(device), first)
        .ok()
        .zip(ImageView::parse(PROGRAM).ok())
        .and_then(|(session, image)| classify(&mut Driver::new(session), &image).ok());
    loop {
        // pins of this chip cannot fail
        let _ = led.set_high();
        timer.delay_ms(250);
        if answer.is_none() {
            let _ = led.set_low();
            timer.delay_ms(250);
        }
    }
}
