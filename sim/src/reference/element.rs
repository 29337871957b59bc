// SPDX-License-Identifier: MIT OR Apache-2.0
//! Element types, for kernels that do the same with all of them.

use num_traits::{AsPrimitive, Bounded, FromBytes, ToBytes, Zero};

/// A type whose elements kernels can read, compare, convert and store.
pub(super) trait Element:
    Copy
    + PartialOrd
    + Bounded
    + Zero
    + Send
    + Sync
    + FromBytes<Bytes: for<'a> TryFrom<&'a [u8]>>
    + ToBytes<Bytes: AsRef<[u8]>>
    + AsPrimitive<i8>
    + AsPrimitive<u8>
    + AsPrimitive<i32>
    + AsPrimitive<i64>
    + AsPrimitive<f32>
    + 'static
{
}

impl Element for i8 {}
impl Element for u8 {}
impl Element for i32 {}
impl Element for i64 {}
impl Element for f32 {}

/// The elements of a tensor, which are stored in little-endian order.
pub(super) fn elements<T: Element>(bytes: &[u8]) -> impl Iterator<Item = T> {
    let element = |bytes| <T as FromBytes>::Bytes::try_from(bytes).ok();
    bytes
        .chunks_exact(size_of::<T>())
        .filter_map(element)
        .map(|bytes| T::from_le_bytes(&bytes))
}

/// Stores elements as far as both go.
pub(super) fn store<T: Element>(to: &mut [u8], values: impl IntoIterator<Item = T>) {
    for (to, value) in to.chunks_exact_mut(size_of::<T>()).zip(values) {
        to.copy_from_slice(value.to_le_bytes().as_ref());
    }
}

/// An expression with the alias `$t` for the element type that `$dtype` is at run time; `$other` for the types that have no
/// numbers.
macro_rules! with_element {
    ($dtype:expr, $t:ident => $kernel:expr, _ => $other:expr) => {
        match $dtype {
            DType::I8 => {
                type $t = i8;
                $kernel
            }
            DType::U8 => {
                type $t = u8;
                $kernel
            }
            DType::I32 => {
                type $t = i32;
                $kernel
            }
            DType::I64 => {
                type $t = i64;
                $kernel
            }
            DType::F32 => {
                type $t = f32;
                $kernel
            }
            _ => $other,
        }
    };
}
pub(super) use with_element;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_go_to_bytes_and_back() {
        let mut bytes = [0; 8];
        store(&mut bytes, [-2i32, 1 << 20]);
        assert_eq!(bytes, [0xfe, 0xff, 0xff, 0xff, 0, 0, 0x10, 0]);
        assert_eq!(elements::<i32>(&bytes).collect::<Vec<_>>(), [-2, 1 << 20]);
        assert_eq!(
            elements::<u8>(&bytes[..2]).collect::<Vec<_>>(),
            [0xfe, 0xff]
        );
    }
}
