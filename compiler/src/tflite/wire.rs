// SPDX-License-Identifier: MIT OR Apache-2.0
//! Flatbuffers byte by byte, every access checked, for what the schema's generated reader refuses or does not know.
//!
//! TensorFlow Lite reads files that are not as the flatbuffers verifier wants them: vectors of 64-bit numbers that lie on
//! multiples of 4 only, and operators that name a type of options and have none (or the other way round). [`repaired`] turns both into their regular
//! form, in a copy. Field numbers are those of the schema, in its order.

use std::borrow::Cow;
use std::collections::BTreeSet;

/// A table. Its position may be anywhere: reading outside of the bytes gives `None`.
#[derive(Clone, Copy, Debug)]
pub struct Table<'a> {
    bytes: &'a [u8],
    at: usize,
}

/// `N` bytes at a position.
fn number<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at.checked_add(N)?)?.try_into().ok()
}

/// The position that an offset at a position leads to.
fn follow(bytes: &[u8], at: usize) -> Option<usize> {
    let offset = u32::from_le_bytes(number(bytes, at)?);
    at.checked_add(usize::try_from(offset).ok()?)
}

impl<'a> Table<'a> {
    /// The table that the file begins with, the model.
    pub fn root(bytes: &'a [u8]) -> Option<Self> {
        let at = follow(bytes, 0)?;
        Some(Table { bytes, at })
    }
    /// The list of its fields, which tables share: two bytes of length, two of size, then an offset for each field.
    fn list(&self) -> Option<&'a [u8]> {
        let back = i32::from_le_bytes(number(self.bytes, self.at)?);
        let list = i64::try_from(self.at).ok()?.checked_sub(back.into())?;
        let rest = self.bytes.get(usize::try_from(list).ok()?..)?;
        rest.get(..u16::from_le_bytes(number(rest, 0)?).into())
    }
    /// Position of a field, unless it is left out.
    pub fn field(&self, number_of_field: usize) -> Option<usize> {
        match u16::from_le_bytes(number(self.list()?, 4 + 2 * number_of_field)?) {
            0 => None,
            offset => self.at.checked_add(offset.into()),
        }
    }
    /// A field that is a table.
    pub fn table(&self, number_of_field: usize) -> Option<Self> {
        let at = follow(self.bytes, self.field(number_of_field)?)?;
        Some(Table { at, ..*self })
    }
    /// A field that is a vector: the position of its first element, and how many there are.
    pub fn vector(&self, number_of_field: usize) -> Option<(usize, usize)> {
        let at = follow(self.bytes, self.field(number_of_field)?)?;
        let count = u32::from_le_bytes(number(self.bytes, at)?);
        Some((at.checked_add(4)?, usize::try_from(count).ok()?))
    }
    /// Table `n` of a field that is a vector of tables.
    pub fn element(&self, number_of_field: usize, n: usize) -> Option<Self> {
        let (first, count) = self.vector(number_of_field)?;
        if n >= count {
            return None;
        }
        let at = follow(self.bytes, first.checked_add(n.checked_mul(4)?)?)?;
        Some(Table { at, ..*self })
    }
    /// All of them, as far as they lie within the bytes.
    pub fn tables(&self, number_of_field: usize) -> impl Iterator<Item = Self> {
        (0..).map_while(move |n| self.element(number_of_field, n))
    }
    /// A field that is an unsigned 64-bit number, 0 if it is left out.
    pub fn u64(&self, number_of_field: usize) -> Option<u64> {
        let at = self.field(number_of_field);
        at.map_or(Some(0), |at| {
            Some(u64::from_le_bytes(number(self.bytes, at)?))
        })
    }
}

/// Fields of the schema: those of `Model`, `SubGraph`, `Tensor`, `QuantizationParameters`, `Operator` and `Buffer`.
mod field {
    pub const SUBGRAPHS: usize = 2;
    pub const BUFFERS: usize = 4;
    pub const TENSORS: usize = 0;
    pub const OPERATORS: usize = 3;
    pub const QUANTIZATION: usize = 4;
    pub const ZERO_POINT: usize = 3;
    pub const OPTIONS_TYPE: usize = 3;
    pub const OPTIONS: usize = 4;
    pub const OFFSET: usize = 1;
    pub const SIZE: usize = 2;
}

/// The bytes with every vector of zero points on a multiple of 8, and no type of options without options. Where the
/// file is damaged nothing is changed: the verifier has the last word.
pub fn repaired(bytes: &[u8]) -> Cow<'_, [u8]> {
    let mut fixed = Cow::Borrowed(bytes);
    let mut moved = BTreeSet::new();
    let Some(model) = Table::root(bytes) else {
        return fixed;
    };
    // A hostile file shares long vectors and lists of fields: copies of them at most double it.
    let small = |fixed: &[u8]| fixed.len() <= 2 * bytes.len();
    for graph in model.tables(field::SUBGRAPHS) {
        for operator in graph.tables(field::OPERATORS) {
            let present = |field: &&usize| operator.field(**field).is_some();
            let pair = [field::OPTIONS_TYPE, field::OPTIONS];
            let mut alone = pair.iter().filter(present);
            if let (Some(&only), None, true) = (alone.next(), alone.next(), small(&fixed)) {
                leave_out(fixed.to_mut(), operator, only);
            }
        }
        for tensor in graph.tables(field::TENSORS) {
            let parameters = tensor.table(field::QUANTIZATION);
            if let Some((at, vector)) = parameters.filter(|_| small(&fixed)).and_then(misaligned)
                && moved.insert(at)
            {
                append(fixed.to_mut(), at, vector);
            }
        }
    }
    fixed
}

/// Where the offset to a vector of zero points lies, and that vector with its length, if it is not on a multiple of 8.
fn misaligned(parameters: Table<'_>) -> Option<(usize, &[u8])> {
    let (first, count) = parameters.vector(field::ZERO_POINT)?;
    let end = first.checked_add(count.checked_mul(8)?)?;
    let vector = parameters.bytes.get(first - 4..end)?;
    let at = parameters.field(field::ZERO_POINT)?;
    (first % 8 != 0).then_some((at, vector))
}

/// Leaves out a field of a table: others may share its list of fields, so it gets one of its own behind the file.
fn leave_out(bytes: &mut Vec<u8>, table: Table<'_>, number_of_field: usize) {
    let Some(list) = table.list() else { return };
    bytes.resize(bytes.len().next_multiple_of(8), 0);
    let back = i64::try_from(table.at)
        .ok()
        .zip(i64::try_from(bytes.len()).ok())
        .and_then(|(table, list)| i32::try_from(table - list).ok());
    let entry = bytes.len() + 4 + 2 * number_of_field;
    if let (Some(back), Some(place)) = (back, bytes.get_mut(table.at..table.at + 4)) {
        place.copy_from_slice(&back.to_le_bytes());
        bytes.extend_from_slice(list);
        bytes[entry..entry + 2].fill(0);
    }
}

/// Puts a vector behind the file, its elements on a multiple of 8, and lets the offset at a position lead to it.
fn append(bytes: &mut Vec<u8>, at: usize, vector: &[u8]) {
    bytes.resize(bytes.len().next_multiple_of(8) + 4, 0);
    let offset = u32::try_from(bytes.len() - at);
    if let (Ok(offset), Some(place)) = (offset, bytes.get_mut(at..at + 4)) {
        place.copy_from_slice(&offset.to_le_bytes());
        bytes.extend_from_slice(vector);
    }
}

/// Where the contents of a buffer lie that are not in the flatbuffer but elsewhere in the file, as writers of models beyond
/// 2 GB put them: offset from the begin of the file, and size. 0 and 1 are no offsets: writers fill them in late.
pub fn outside(bytes: &[u8], buffer: usize) -> Option<(u64, u64)> {
    let buffer = Table::root(bytes)?.element(field::BUFFERS, buffer)?;
    let (offset, size) = (buffer.u64(field::OFFSET)?, buffer.u64(field::SIZE)?);
    (offset > 1 && size > 0).then_some((offset, size))
}
