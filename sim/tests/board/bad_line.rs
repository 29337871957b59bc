// SPDX-License-Identifier: MIT OR Apache-2.0
//! A line that damages bytes, and resets.

use super::digits::{Digits, run};
use sepstream_firmware::link::{Port, Session, SessionError};
use sepstream_firmware::{Driver, Error, ImageView};
use sepstream_sim::cosim::{self, Board};
use sepstream_testkit::{seeds, tools_present};

/// A line that changes, loses or invents a byte now and then, and a hand on the reset button.
struct Line<'a> {
    board: &'a mut Board,
    noise: fastrand::Rng,
    /// One byte in so many.
    damage: u32,
    /// The cycle of the next reset.
    reset: Option<u64>,
}

impl Line<'_> {
    fn carry(&mut self, byte: u8) -> Vec<u8> {
        if self.damage == 0 || self.noise.u32(0..self.damage) > 0 {
            return vec![byte];
        }
        match self.noise.u8(0..4) {
            0 => vec![],
            1 => vec![byte ^ (1 << self.noise.u8(0..8))],
            2 => vec![self.noise.u8(..)],
            _ => vec![byte, self.noise.u8(..)],
        }
    }
}

impl Port for Line<'_> {
    type Error = cosim::Error;

    fn send(&mut self, bytes: &[u8]) -> Result<(), cosim::Error> {
        for byte in bytes {
            let carried = self.carry(*byte);
            self.board.send(&carried);
        }
        Ok(())
    }
    fn receive(&mut self) -> Result<Option<u8>, cosim::Error> {
        let byte = self.board.receive()?;
        if self.reset.is_some_and(|cycle| self.board.cycle() >= cycle) {
            self.reset = None;
            self.board.reset()?;
        }
        match byte.map(|byte| self.carry(byte)).as_deref() {
            None => Ok(None),
            // what was invented counts as the damaged byte
            Some([.., last]) => Ok(Some(*last)),
            Some([]) => self.receive(),
        }
    }
}

#[test]
fn a_bad_line_costs_time_and_nothing_else() {
    if !tools_present() {
        return;
    }
    let digits = Digits::new();
    let image = ImageView::parse(&digits.image).unwrap();
    let mut board = digits.board();
    let (mut retries, mut errors, mut sessions) = (0, 0, 0);
    for seed in seeds!(2, 2).one_by_one() {
        sessions += 1;
        board.restart(seed + 1).unwrap();
        let line = Line {
            board: &mut board,
            noise: fastrand::Rng::with_seed(seed),
            damage: 700,
            reset: None,
        };
        let mut driver = Driver::new(Session::open(line, 50 * sessions).unwrap());
        driver.load(&image).unwrap();
        for frame in 0..2 {
            let (tensor, wanted) = digits.frame(frame);
            let result = run(&mut driver, &digits, &tensor).unwrap();
            assert_eq!(result, wanted, "seed {seed}, frame {frame}");
        }
        retries += driver.bus().statistics().retries;
        errors += u8::from(board.leds().error);
    }
    // the line was bad indeed
    assert!(
        retries > 5 * u32::from(sessions) && errors == sessions,
        "{retries} {errors}"
    );
}

/// A reset at any time, under a frame or in a transfer, is reported; after loading again all is well.
#[test]
fn resets_are_seen_wherever_they_come() {
    if !tools_present() {
        return;
    }
    let digits = Digits::new();
    let image = ImageView::parse(&digits.image).unwrap();
    let (tensor, wanted) = digits.frame(1);
    let mut board = digits.board();
    let seeds = seeds!(0, 1);
    let seed = seeds.iter().next().unwrap();
    println!("{}", seeds.repeat(seed)); // shown when it fails
    let mut rng = fastrand::Rng::with_seed(seed);
    let mut seen = [0; 2];
    // cycles of loading and of a frame, from the first round, which nothing disturbs
    let (mut loading, mut running) = (0, 0);
    for round in 0..12u8 {
        let line = Line {
            board: &mut board,
            noise: fastrand::Rng::new(),
            damage: 0,
            reset: None,
        };
        let mut driver = Driver::new(Session::open(line, 20 * round).unwrap());
        let under_load = round % 3 == 0;
        let begin = driver.bus().port().board.cycle();
        if round > 0 && under_load {
            driver.bus().port().reset = Some(begin + rng.u64(0..loading));
        }
        let mut outcome = driver.load(&image).and_then(|()| {
            let now = driver.bus().port().board.cycle();
            if round == 0 {
                loading = now - begin;
            } else if !under_load {
                driver.bus().port().reset = Some(now + rng.u64(0..running));
            }
            run(&mut driver, &digits, &tensor)
        });
        if round == 0 {
            running = driver.bus().port().board.cycle() - begin - loading;
        }
        if let Err(error) = &outcome {
            assert!(matches!(error, Error::Bus(SessionError::Closed)), "{error}");
            seen[usize::from(!under_load)] += 1;
            driver.bus().port().reset = None;
            driver.bus().reopen().unwrap();
            outcome = driver
                .load(&image)
                .and_then(|()| run(&mut driver, &digits, &tensor));
        }
        assert_eq!(outcome.unwrap(), wanted, "round {round}");
    }
    assert_eq!(seen, [3, 8]);
}
