// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is refused before any tool runs; bitstreams are built by the command line's tests.

use sepstream_spec::config::Config;
use sepstream_synth::flow::{self, Request};
use sepstream_synth::{Board, Error};

fn refusal(board: &str, freq_hz: u32) -> Error {
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
        board: &board,
        config: &config,
        freq_hz,
        seeds: 1,
        folder: folder.path(),
    };
    let error = flow::run(&request, &mut |step| panic!("{step:?}")).unwrap_err();
    // that of the other family is none of its own
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    error
}

#[test]
fn what_cannot_be_is_refused_first() {
    let error = refusal("fomu", 24_000_000);
    assert!(matches!(error, Error::NoLink { .. }) && error.is_input());
    assert!(error.to_string().contains("USB"), "{error}");
    let error = refusal("ulx3s-85f", 1_000_000);
    assert!(matches!(error, Error::Clock(_)) && error.is_input());
    assert!(
        error.to_string().contains("the nearest is 3.125 MHz"),
        "{error}"
    );
}
