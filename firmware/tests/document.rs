// SPDX-License-Identifier: MIT OR Apache-2.0
//! The example in docs/host-link.md is what the encoder gives, the register map in docs/soc.md that of the hardware.

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

/// The register map in docs/soc.md is that of the hardware.
#[test]
fn registers_in_the_document_are_those_of_the_hardware() {
    let text = include_str!("../../docs/soc.md");
    let rows = [
        (Reg::Id, "Id"),
        (Reg::Version, "Version"),
        (Reg::Fingerprint, "Fingerprint"),
        (Reg::Control, "Control"),
        (Reg::Status, "Status"),
        (Reg::Cycles, "Cycles"),
        (Reg::LoadTarget, "LoadTarget"),
        (Reg::LoadAddress, "LoadAddress"),
        (Reg::SendAddress, "SendAddress"),
        (Reg::SendWords, "SendWords"),
        (Reg::Command, "Command"),
    ];
    for (register, name) in rows {
        let row = format!("| {} | {name} | ", register as u32);
        assert!(text.contains(&row), "{row}");
    }
    let flags = [
        (regs::STATUS_BUSY, "busy"),
        (regs::STATUS_DONE, "done"),
        (regs::STATUS_SENDING, "the result"),
    ];
    for (flag, name) in flags {
        let bit = format!("bit {} {name}", flag.trailing_zeros());
        assert!(text.contains(&bit), "{bit}");
    }
    assert!(text.contains(&format!("`{:#010x}`", regs::ID)));
    assert!(text.contains(&format!("| 1 | Version | read | {}:", regs::VERSION)));
}
