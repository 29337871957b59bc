// SPDX-License-Identifier: MIT OR Apache-2.0
//! YAML values, told apart only as far as a configuration needs, with their source text.

use alloc::{
    string::{String, ToString},
    vec::Vec,
};
use core::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_yaml::Spanned;

/// Any YAML value.
pub(super) enum Node {
    Integer(i128),
    /// Entries in the order of the file.
    Map(Vec<(Spanned<String>, Spanned<Node>)>),
    Sequence,
    Null,
    /// Text, a fraction or a truth value.
    Other,
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NodeVisitor;
        impl<'de> Visitor<'de> for NodeVisitor {
            type Value = Node;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number or a mapping")
            }
            fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
                Ok(Node::Integer(value.into()))
            }
            fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
                Ok(Node::Integer(value.into()))
            }
            fn visit_i128<E>(self, value: i128) -> Result<Node, E> {
                Ok(Node::Integer(value))
            }
            fn visit_u128<E>(self, value: u128) -> Result<Node, E> {
                Ok(Node::Integer(i128::try_from(value).unwrap_or(i128::MAX)))
            }
            fn visit_f64<E>(self, _: f64) -> Result<Node, E> {
                Ok(Node::Other)
            }
            fn visit_bool<E>(self, _: bool) -> Result<Node, E> {
                Ok(Node::Other)
            }
            fn visit_str<E>(self, _: &str) -> Result<Node, E> {
                Ok(Node::Other)
            }
            fn visit_unit<E>(self) -> Result<Node, E> {
                Ok(Node::Null)
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Node, A::Error> {
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Node::Sequence)
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Node::Map(entries))
            }
        }
        deserializer.deserialize_any(NodeVisitor)
    }
}

/// The whole number of a node, if it is one, moved into `u32`: a number outside of it breaks every rule, and so does the end.
pub(super) fn whole(node: &Node, text: &str) -> Option<u32> {
    if let Node::Integer(value) = node {
        return Some((*value).clamp(0, i128::from(u32::MAX)) as u32);
    }
    // Too long for any integer type: the reader gives it as something else.
    let digits = text.trim_start_matches(['-', '+']).trim_end_matches("...");
    let long = matches!(node, Node::Other) && digits.len() > 18;
    (long && digits.bytes().all(|b| b.is_ascii_digit())).then_some(if text.starts_with('-') {
        0
    } else {
        u32::MAX
    })
}

/// The source text of a node, shortened.
pub(super) fn excerpt(text: &str, node: &Spanned<Node>) -> String {
    let kind = match node.value {
        Node::Integer(value) => return value.to_string(),
        Node::Map(_) => "a mapping",
        Node::Sequence => "a list",
        Node::Null => "nothing",
        Node::Other => "a value that is no whole number",
    };
    let span = node.defined.span();
    let source = span
        .byte_offset()
        .zip(span.byte_len())
        .and_then(|(start, length)| {
            let start = usize::try_from(start).ok()?;
            text.get(start..start.checked_add(usize::try_from(length).ok()?)?)
        });
    match (&node.value, source) {
        (Node::Other, Some(source)) if !source.trim().is_empty() => clip(source.trim()),
        _ => kind.into(),
    }
}

/// The first line of a text, without control characters and not too long.
pub(super) fn clip(text: &str) -> String {
    const LONGEST: usize = 40;
    let line = text.lines().next().unwrap_or("");
    let mut clipped: String = line
        .chars()
        .filter(|c| !c.is_control())
        .take(LONGEST)
        .collect();
    if clipped.len() < text.len() {
        clipped += "...";
    }
    clipped
}
