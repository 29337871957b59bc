// SPDX-License-Identifier: MIT OR Apache-2.0
//! Shapes of the memories that the host fills.

use crate::config::Config;
use crate::isa::{TABLE_WORD_BYTES, TABLE_WORDS, command_bytes, param_bytes, param_parts};
use crate::regs::Memory;

/// Size of a memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Number of words.
    pub words: u32,
    /// Bytes of a word as its reader sees it.
    pub bytes: u32,
    /// Beats of the host stream that fill a word, each of `Config::word_bytes`; bytes behind `bytes` are dropped.
    pub beats: u32,
}

impl Memory {
    /// The memories of a configuration by their numbers, those without a word between them included.
    pub fn all(config: &Config) -> &'static [Memory] {
        let is_there = |memory: &Memory| memory.shape(config).words > 0;
        let last = Memory::ALL.iter().rposition(is_there);
        &Memory::ALL[..=last.unwrap_or(0)]
    }
    /// Beats of the word that takes most of them, of any memory.
    pub fn most_beats(config: &Config) -> u32 {
        let beats = Memory::ALL.map(|memory| memory.shape(config).beats);
        beats.into_iter().fold(1, u32::max)
    }
    /// Size of the memory in a configuration.
    pub fn shape(self, config: &Config) -> Shape {
        let v = config.values();
        let word = config.word_bytes();
        let (words, bytes) = match self {
            Memory::Activation => (config.activation_words(), word),
            Memory::Program => (v.commands * command_bytes(config) / word, word),
            Memory::Weight => (config.weight_words(), v.tn * v.tm),
            Memory::DwWeight => (config.depthwise_words(), v.lanes * v.taps),
            Memory::PwParam => (
                config.pw_param_words(),
                v.pw_requant * param_bytes(v.pw_requant_cycles) / param_parts(v.pw_requant_cycles),
            ),
            Memory::DwParam => (
                config.dw_param_words(),
                v.dw_requant * param_bytes(v.dw_requant_cycles) / param_parts(v.dw_requant_cycles),
            ),
            Memory::PwTable => (v.pw_tables * TABLE_WORDS, TABLE_WORD_BYTES),
            Memory::DwTable => (v.dw_tables * TABLE_WORDS, TABLE_WORD_BYTES),
        };
        Shape {
            words,
            bytes,
            beats: bytes.div_ceil(word),
        }
    }
}
