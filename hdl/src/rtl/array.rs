// SPDX-License-Identifier: MIT OR Apache-2.0
//! Memories and registers that a module declares in Verilog of its own ([`Module::raw`](super::Module::raw)).

/// A memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Array {
    /// Words.
    pub words: u32,
    /// Bits of a word.
    pub width: u32,
    /// Its attribute asks for LUTs.
    pub in_luts: bool,
}

/// What a line declares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Declared {
    /// A memory.
    Array(Array),
    /// A register of this width.
    Register(u32),
}

/// What a line like `reg [7:0] name;` or `(* attribute *) reg [7:0] name [0:511];` declares.
pub(super) fn declared(line: &str) -> Option<Declared> {
    let (attribute, rest) = match line.trim().split_once("*) ") {
        Some((attribute, rest)) => (attribute, rest),
        None => ("", line.trim()),
    };
    let rest = rest.strip_prefix("reg ")?;
    let range = rest.strip_prefix('[').and_then(|rest| rest.split_once(']'));
    let (width, name) = match range {
        Some((range, name)) => (range.split_once(':')?.0.parse::<u32>().ok()? + 1, name),
        None => (1, rest),
    };
    let Some((_, last)) = name.trim_end_matches("];").split_once("[0:") else {
        return Some(Declared::Register(width));
    };
    Some(Declared::Array(Array {
        words: last.parse::<u32>().ok()? + 1,
        width,
        in_luts: attribute.contains("distributed"),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn declarations_are_read() {
        let array = |words, width, in_luts| {
            Some(Declared::Array(Array {
                words,
                width,
                in_luts,
            }))
        };
        assert_eq!(declared("reg [7:0] a [0:511];"), array(512, 8, false));
        assert_eq!(
            declared("(* ram_style = \"distributed\" *) reg [0:0] a [0:0];"),
            array(1, 1, true)
        );
        assert_eq!(declared("reg [7:0] read_q;"), Some(Declared::Register(8)));
        assert_eq!(declared("reg one;"), Some(Declared::Register(1)));
        assert_eq!(declared("    if (we) array[w_addr] <= w_data;"), None);
    }
}
