// SPDX-License-Identifier: MIT OR Apache-2.0
//! `.npy` and `.npz` files.

use std::fs::File;
use std::io::{Cursor, Read, Seek};
use std::path::Path;

use npyz::{NpyHeader, Order};
use sepstream_spec::graph::DType;

use super::Array;
use crate::Error;

/// Most bytes of one array, so that a small file cannot claim all memory.
const MAX_BYTES: u64 = 1 << 30;
/// Longest header: numpy writes about 100 bytes for plain arrays.
const MAX_HEADER: u64 = 1024;

/// Reads one `.npy` file.
pub fn read_npy(path: &Path) -> Result<Array, Error> {
    let file = File::open(path).map_err(|cause| Error::file(path, cause))?;
    parse(file).map_err(|what| Error::Input(format!("{}: {what}", path.display())))
}

/// Reads the arrays `{stem}0`, `{stem}1`, ... of an `.npz` file, as many as there are in a row.
pub fn read_npz(path: &Path, stem: &str) -> Result<Vec<Array>, Error> {
    let file = File::open(path).map_err(|cause| Error::file(path, cause))?;
    let mut archive = Archive::new(file, &path.display().to_string())?;
    let mut arrays = Vec::new();
    while let Some(array) = archive.array(&format!("{stem}{}", arrays.len()))? {
        arrays.push(array);
    }
    Ok(arrays)
}

/// An `.npz` file.
pub struct Archive<R> {
    name: String,
    zip: zip::ZipArchive<R>,
}

impl<R: Read + Seek> Archive<R> {
    /// Reads the directory; `name` is for messages.
    pub fn new(file: R, name: &str) -> Result<Self, Error> {
        let zip = zip::ZipArchive::new(file)
            .map_err(|cause| Error::Input(format!("{name}: not an .npz file: {cause}")))?;
        Ok(Archive {
            name: name.into(),
            zip,
        })
    }

    /// Reads an array, unless there is none of this name.
    pub fn array(&mut self, array: &str) -> Result<Option<Array>, Error> {
        let parsed = match self.zip.by_name(&format!("{array}.npy")) {
            Ok(entry) => parse(entry),
            Err(zip::result::ZipError::FileNotFound) => return Ok(None),
            Err(cause) => Err(cause.to_string()),
        };
        parsed
            .map(Some)
            .map_err(|what| Error::Input(format!("{}: {array}: {what}", self.name)))
    }
}

/// One array. The header goes through `npyz` once it is known to be small and flat; the contents
/// are taken as they are.
fn parse(mut file: impl Read) -> Result<Array, String> {
    let text = |cause: std::io::Error| cause.to_string();
    let mut head = Vec::new();
    (&mut file).take(12).read_to_end(&mut head).map_err(text)?;
    let (prefix, length) = match head[..] {
        [0x93, b'N', b'U', b'M', b'P', b'Y', 1, _, low, high, ..] => {
            (10, u64::from(u16::from_le_bytes([low, high])))
        }
        [0x93, b'N', b'U', b'M', b'P', b'Y', 2 | 3, _, a, b, c, d] => {
            (12, u64::from(u32::from_le_bytes([a, b, c, d])))
        }
        _ => return Err("not a numpy array".into()),
    };
    if length > MAX_HEADER {
        return Err(format!(
            "the header has {length} bytes, at most {MAX_HEADER} are accepted"
        ));
    }
    let rest = prefix + length - head.len() as u64;
    (&mut file)
        .take(rest)
        .read_to_end(&mut head)
        .map_err(text)?;
    if head.iter().filter(|byte| b"([{".contains(byte)).count() > 8 {
        return Err("elements are records or objects, not numbers".into());
    }
    let header = NpyHeader::from_reader(Cursor::new(&head))
        .map_err(|cause| format!("header: {}", cause.to_string().lines().next().unwrap_or("")))?;
    let dtype = element_type(&header)?;
    if header.order() == Order::Fortran && header.shape().len() > 1 {
        return Err(
            "elements are in Fortran order; write them with numpy.ascontiguousarray".into(),
        );
    }
    let shape = header.shape();
    let count = shape
        .iter()
        .try_fold(dtype.bytes() as u64, |product, &n| product.checked_mul(n));
    let Some(count) = count.filter(|&count| count <= MAX_BYTES) else {
        return Err(format!(
            "shape {shape:?} is larger than {} MiB",
            MAX_BYTES >> 20
        ));
    };
    let mut bytes = Vec::new();
    file.take(count).read_to_end(&mut bytes).map_err(text)?;
    if bytes.len() as u64 != count {
        return Err(format!(
            "the file ends after {} of {count} bytes",
            bytes.len()
        ));
    }
    Ok(Array {
        dtype,
        shape: shape.iter().map(|&n| n as usize).collect(),
        bytes,
    })
}

fn element_type(header: &NpyHeader) -> Result<DType, String> {
    let name = header.dtype().descr();
    match name.trim_matches('\'') {
        "|i1" => Ok(DType::I8),
        "|u1" => Ok(DType::U8),
        "|b1" => Ok(DType::Bool),
        "<i4" => Ok(DType::I32),
        "<i8" => Ok(DType::I64),
        "<f4" => Ok(DType::F32),
        _ => Err(format!(
            "element type {name}; int8, uint8, bool, int32, int64 and float32 are accepted"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(header: &str, data: &[u8]) -> Vec<u8> {
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend((header.len() as u16).to_le_bytes());
        bytes.extend(header.as_bytes());
        bytes.extend(data);
        bytes
    }

    #[test]
    fn plain_array() {
        let bytes = file(
            "{'descr': '|i1', 'fortran_order': False, 'shape': (2, 3), }\n",
            &[1, 2, 3, 4, 5, 255],
        );
        let want = Array {
            dtype: DType::I8,
            shape: vec![2, 3],
            bytes: vec![1, 2, 3, 4, 5, 255],
        };
        assert_eq!(parse(&bytes[..]), Ok(want));
    }

    #[test]
    fn refused_arrays() {
        let deep = format!(
            "{{'descr': '|i1', 'fortran_order': False, 'shape': {}",
            "(".repeat(900)
        );
        let cases: Vec<(&str, Vec<u8>)> = vec![
            ("empty", vec![]),
            ("text", b"hello, world, this is text".to_vec()),
            ("long header", b"\x93NUMPY\x02\x00\xff\xff\xff\xff".to_vec()),
            (
                "short",
                file(
                    "{'descr': '|i1', 'fortran_order': False, 'shape': (2, 3), }\n",
                    &[1, 2],
                ),
            ),
            (
                "big endian",
                file(
                    "{'descr': '>f4', 'fortran_order': False, 'shape': (1,), }\n",
                    &[0; 4],
                ),
            ),
            (
                "double",
                file(
                    "{'descr': '<f8', 'fortran_order': False, 'shape': (1,), }\n",
                    &[0; 8],
                ),
            ),
            (
                "object",
                file(
                    "{'descr': '|O', 'fortran_order': False, 'shape': (1,), }\n",
                    &[0; 8],
                ),
            ),
            (
                "fortran",
                file(
                    "{'descr': '|i1', 'fortran_order': True, 'shape': (2, 1), }\n",
                    &[0; 2],
                ),
            ),
            (
                "huge",
                file(
                    "{'descr': '|i1', 'fortran_order': False, 'shape': (99999999999, 99999999999), }\n",
                    &[],
                ),
            ),
            ("deep", file(&deep, &[])),
            ("no python", file("{'descr': \n", &[])),
        ];
        let messages: Vec<_> = cases
            .iter()
            .map(|(name, bytes)| format!("{name}: {}", parse(&bytes[..]).unwrap_err()))
            .collect();
        insta::assert_snapshot!(messages.join("\n"));
    }

    #[test]
    fn damaged_files_never_panic() {
        let good = file(
            "{'descr': '|i1', 'fortran_order': False, 'shape': (2, 3), }\n",
            &[1, 2, 3, 4, 5, 6],
        );
        for cut in 0..good.len() {
            assert!(parse(&good[..cut]).is_err());
        }
        for at in 0..good.len() {
            for bit in 0..8 {
                let mut bytes = good.clone();
                bytes[at] ^= 1 << bit;
                let _ = parse(&bytes[..]);
            }
        }
    }
}
