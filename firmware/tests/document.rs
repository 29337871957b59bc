// SPDX-License-Identifier: MIT OR Apache-2.0
//! The example in docs/host-link.md is what the encoder gives.

use sepstream_firmware::link::{Encoder, Reply, Request};
use sepstream_spec::regs::{self, Reg};
use std::fmt::Write;

fn line(text: &mut String, name: &str, encoder: Encoder) {
    let bytes: Vec<String> = encoder.map(|byte| format!("{byte:02x}")).collect();
    writeln!(text, "{name:<10}{}", bytes.join(" ")).unwrap();
}

#[test]
fn the_exchange_in_the_document() {
    let value = regs::ID;
    let words: Vec<u8> = (0x70..0x80).collect();
    let words = words.as_slice();
    let [id, address, count] = [Reg::Id, Reg::SendAddress, Reg::SendWords].map(|r| r as u8);
    let requests = [
        ("open", Request::Open, Reply::Opened),
        (
            "read",
            Request::Read { register: id },
            Reply::Value { value },
        ),
        (
            "write",
            Request::Write {
                register: address,
                value: 3,
            },
            Reply::Written,
        ),
        (
            "write",
            Request::Write {
                register: count,
                value: 1,
            },
            Reply::Written,
        ),
        (
            "fetch",
            Request::Fetch { bytes: 16 },
            Reply::Fetched { words },
        ),
    ];
    let mut text = String::new();
    for (sequence, (name, request, reply)) in (0x7c..).zip(requests) {
        line(&mut text, name, request.encode(sequence).unwrap());
        line(&mut text, "  reply", reply.encode(sequence).unwrap());
    }
    let document = include_str!("../../docs/host-link.md");
    assert!(
        document.contains(&format!("```\n{text}```")),
        "should be:\n{text}"
    );
}
