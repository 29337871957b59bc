// SPDX-License-Identifier: MIT OR Apache-2.0
//! Pictures as inputs of a network.
//!
//! A picture is resized to the network's height and width (triangle filter, aspect not kept),
//! turned to grey for one channel or to RGB for three, and its range 0..=255 is laid onto the whole
//! stored range of the input: `stored = pixel` for uint8, `stored = pixel - 128` for int8. That is
//! what the input quantisation means for networks whose real input range is that of the picture:
//! scale 1/255 and zero point -128 stand for 0 to 1, scale 1/128 and zero point 0 for -1 to 1. A
//! network with another preparation (or with float inputs) takes arrays.

use std::path::Path;

use image::{DynamicImage, ImageReader, Limits, imageops::FilterType};
use sepstream_spec::graph::{DType, Tensor};

use super::Array;
use crate::Error;

/// Reads a PNG or JPEG picture for an input tensor.
pub fn read_image(path: &Path, input: &Tensor) -> Result<Array, Error> {
    let refuse = |what: String| Error::Input(format!("{}: {what}", path.display()));
    let shape = input.nhwc().unwrap_or_default();
    let ([1, height, width, 1 | 3], true) = (shape, input.dtype.is_quantised()) else {
        let (name, dtype) = (&input.name, input.dtype.name());
        return Err(refuse(format!(
            "a picture cannot be the input {name}, which is {dtype} {:?}; give an .npy or .npz array",
            input.shape
        )));
    };
    let mut reader = ImageReader::open(path)
        .and_then(ImageReader::with_guessed_format)
        .map_err(|cause| Error::file(path, cause))?;
    reader.limits(Limits::default());
    let picture = reader.decode().map_err(|cause| refuse(cause.to_string()))?;
    let pixels = prepare(&picture, height, width, shape[3]);
    let bytes = match input.dtype {
        DType::I8 => pixels.into_iter().map(|pixel| pixel ^ 0x80).collect(),
        _ => pixels,
    };
    Ok(Array {
        dtype: input.dtype,
        shape: input.shape.clone(),
        bytes,
    })
}

fn prepare(picture: &DynamicImage, height: usize, width: usize, channels: usize) -> Vec<u8> {
    let picture = picture.resize_exact(width as u32, height as u32, FilterType::Triangle);
    match channels {
        1 => picture.into_luma8().into_raw(),
        _ => picture.into_rgb8().into_raw(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input(shape: &[usize], dtype: DType) -> Tensor {
        Tensor {
            name: "image".into(),
            shape: shape.into(),
            dtype,
            quant: None,
            data: None,
        }
    }

    #[test]
    fn range_of_the_picture_is_the_range_of_the_type() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("three.png");
        let picture =
            image::RgbImage::from_vec(3, 1, vec![0, 0, 0, 128, 128, 128, 255, 255, 255]).unwrap();
        picture.save(&path).unwrap();
        let grey = read_image(&path, &input(&[1, 1, 3, 1], DType::I8)).unwrap();
        assert_eq!(grey.bytes, [-128i8 as u8, 0, 127]);
        let rgb = read_image(&path, &input(&[1, 1, 3, 3], DType::U8)).unwrap();
        assert_eq!(rgb.bytes, [0, 0, 0, 128, 128, 128, 255, 255, 255]);
        let large = read_image(&path, &input(&[1, 5, 7, 3], DType::U8)).unwrap();
        assert_eq!(large.bytes.len(), 5 * 7 * 3);
    }

    #[test]
    fn other_inputs_and_files_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("text.png");
        std::fs::write(&path, "not a picture").unwrap();
        for tensor in [
            input(&[1, 4, 4, 3], DType::I8),
            input(&[1, 4, 4, 2], DType::I8),
            input(&[1, 4, 4, 3], DType::F32),
            input(&[2, 4, 4, 3], DType::I8),
            input(&[1, 640], DType::I8),
        ] {
            assert!(read_image(&path, &tensor).is_err());
        }
    }
}
