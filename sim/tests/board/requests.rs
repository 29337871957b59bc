// SPDX-License-Identifier: MIT OR Apache-2.0
//! Single requests, in and out of order.

use super::digits::Digits;
use sepstream_firmware::link::{
    Decoder, FLAG, Frame, Kind, MAX_FRAME, Port, Refusal, Reply, Request,
};
use sepstream_sim::cosim::Board;
use sepstream_spec::regs;
use sepstream_testkit::tools_present;

/// Sends bytes and collects the replies.
fn replies(board: &mut Board, bytes: &[u8]) -> Vec<(u8, Kind, Vec<u8>)> {
    Port::send(board, bytes).unwrap();
    let mut buffer = [0; MAX_FRAME];
    let mut decoder = Decoder::new(&mut buffer);
    let mut found = Vec::new();
    while let Some(byte) = Port::receive(board).unwrap() {
        if let Some(frame) = decoder.push(byte) {
            let Frame {
                kind,
                sequence,
                payload,
            } = frame.unwrap();
            found.push((sequence, kind, payload.to_vec()));
        }
    }
    found
}

#[test]
fn requests_out_of_order_or_impossible_are_refused() {
    if !tools_present() {
        return;
    }
    let digits = Digits::new();
    let mut board = digits.board();
    let word = digits.config.word_bytes() as usize;
    let beats = [1, 2, 3, 4, 5];
    let load = |beats, last| Request::Load { beats, last };
    let read = |register| Request::Read { register };
    let refused = |reason, expected| (Kind::Refused, vec![reason as u8, expected]);
    let id = regs::ID.to_le_bytes().to_vec();
    let rows = [
        // closed, then open
        (read(0), 9, refused(Refusal::Closed, 0)),
        (Request::Open, 9, (Kind::Opened, vec![])),
        (read(0), 10, (Kind::Value, id.clone())),
        // again; then numbers that are neither
        (read(0), 10, (Kind::Value, id.clone())),
        (read(0), 12, refused(Refusal::Sequence, 11)),
        (read(0), 9, refused(Refusal::Sequence, 11)),
        // the kept reply is still there
        (read(0), 10, (Kind::Value, id.clone())),
        // impossible ones use up their number, and are refused again when they come again
        (read(11), 11, refused(Refusal::Request, 12)),
        (read(11), 11, refused(Refusal::Request, 12)),
        (load(&beats, false), 12, refused(Refusal::Request, 13)),
        (load(&beats[..1], false), 13, refused(Refusal::Request, 14)),
        (load(&beats[..word], false), 14, (Kind::Loaded, vec![])),
        (load(&beats, true), 15, (Kind::Loaded, vec![])),
        (load(&[], true), 16, (Kind::Loaded, vec![])),
        (
            Request::Fetch { bytes: 2 },
            17,
            refused(Refusal::Request, 18),
        ),
        (
            Request::Fetch { bytes: 256 },
            18,
            refused(Refusal::NoData, 19),
        ),
        (Request::Fetch { bytes: 0 }, 19, (Kind::Fetched, vec![])),
        (
            Request::Write {
                register: 11,
                value: 0,
            },
            20,
            refused(Refusal::Request, 21),
        ),
        (Request::Open, 255, (Kind::Opened, vec![])),
        (read(1), 0, (Kind::Value, vec![1, 0, 0, 0])),
        (read(1), 255, refused(Refusal::Sequence, 1)),
    ];
    for (n, (request, sequence, (kind, payload))) in rows.into_iter().enumerate() {
        let bytes: Vec<u8> = request.encode(sequence).unwrap().collect();
        assert_eq!(
            replies(&mut board, &bytes),
            [(sequence, kind, payload)],
            "row {n}: {request:?}"
        );
    }
    assert!(!board.leds().error);
    // what is no request is dropped, and the light goes on
    let reply: Vec<u8> = Reply::Opened.encode(1).unwrap().collect();
    assert_eq!(replies(&mut board, &reply), []);
    assert!(board.leds().error);
    board.reset().unwrap();
    assert!(!board.leds().error);
    assert_eq!(replies(&mut board, &[FLAG, FLAG, FLAG]), []);
    assert!(!board.leds().error);
    assert_eq!(replies(&mut board, &[FLAG, 0x10, FLAG]), []);
    assert!(board.leds().error);
}
