use std::io::Cursor;

use image::codecs::gif::GifEncoder;
use image::codecs::jpeg::JpegEncoder;
use image::imageops::{FilterType, crop_imm, resize};
use image::metadata::Orientation;
use image::{
    DynamicImage, ImageDecoder, ImageEncoder, ImageError, ImageFormat, ImageReader, Limits,
    RgbaImage,
};

use crate::size::{Keep, Size};

/// Memory a decoder may take, bytes. Together with the copies that follow it fits into an instance.
const MAX_DECODED: u64 = 96 << 20;
/// Largest side of a picture that is looked at.
const MAX_SIDE: u32 = 20_000;
/// Pixels of a thumb.
const MAX_PIXELS: u64 = 16 << 20;
/// Quality of JPEG thumbs, as PocketBase has it.
const QUALITY: u8 = 95;

/// A smaller picture and its content type: JPEG and GIF stay what they are, everything else becomes PNG.
///
/// # Errors
/// It is no picture, a broken one, or too large.
pub fn shrink(original: &[u8], size: Size) -> Result<(&'static str, Vec<u8>), ImageError> {
    let mut reader = ImageReader::new(Cursor::new(original)).with_guessed_format()?;
    let mut limits = Limits::default();
    limits.max_alloc = Some(MAX_DECODED);
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    reader.limits(limits);
    let format = reader.format();
    let mut decoder = reader.into_decoder()?;
    if decoder.total_bytes() > MAX_DECODED {
        return Err(too_large());
    }
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let mut picture = DynamicImage::from_decoder(decoder)?;
    picture.apply_orientation(orientation);
    let thumb = scaled(picture, size)?;
    encode(thumb, format)
}

fn too_large() -> ImageError {
    ImageError::Limits(image::error::LimitError::from_kind(
        image::error::LimitErrorKind::InsufficientMemory,
    ))
}

fn scaled(picture: DynamicImage, size: Size) -> Result<RgbaImage, ImageError> {
    let (width, height) = (picture.width(), picture.height());
    if width == 0 || height == 0 {
        return Err(too_large());
    }
    // At least one pixel; rounded, but where all of the picture must fit.
    let exact = |side: u32, numerator: u32, denominator: u32| {
        f64::from(side) * f64::from(numerator) / f64::from(denominator)
    };
    let part = |side, numerator, denominator| {
        (exact(side, numerator, denominator) + 0.5).floor().max(1.0) as u32
    };
    let within = |side, numerator, denominator| exact(side, numerator, denominator).max(1.0) as u32;
    let (wanted_width, wanted_height) = match (size.width, size.height, size.keep) {
        (0, wanted, _) => (part(width, wanted, height), wanted),
        (wanted, 0, _) => (wanted, part(height, wanted, width)),
        // What fits already stays as large as it is.
        (w, h, Keep::All) if width <= w && height <= h => (width, height),
        (w, h, Keep::All) => {
            let wide = u64::from(width) * u64::from(h) > u64::from(height) * u64::from(w);
            match wide {
                true => (w, within(height, w, width)),
                false => (within(width, h, height), h),
            }
        }
        (w, h, _) => (w, h),
    };
    if u64::from(wanted_width) * u64::from(wanted_height) > MAX_PIXELS {
        return Err(too_large());
    }
    let picture = picture.into_rgba8();
    let crops = size.width > 0 && size.height > 0 && size.keep != Keep::All;
    if !crops {
        return Ok(resize(
            &picture,
            wanted_width,
            wanted_height,
            FilterType::Triangle,
        ));
    }
    // The largest part of the right proportions.
    let (w, h) = (u64::from(wanted_width), u64::from(wanted_height));
    let wide = u64::from(width) * h > u64::from(height) * w;
    let (part_width, part_height) = match wide {
        true => (part(height, wanted_width, wanted_height).min(width), height),
        false => (width, part(width, wanted_height, wanted_width).min(height)),
    };
    let x = (width - part_width) / 2;
    let y = match size.keep {
        Keep::Top => 0,
        Keep::Bottom => height - part_height,
        _ => (height - part_height) / 2,
    };
    let part = crop_imm(&picture, x, y, part_width, part_height);
    Ok(resize(
        &*part,
        wanted_width,
        wanted_height,
        FilterType::Triangle,
    ))
}

fn encode(
    thumb: RgbaImage,
    format: Option<ImageFormat>,
) -> Result<(&'static str, Vec<u8>), ImageError> {
    let mut out = Vec::new();
    match format {
        Some(ImageFormat::Jpeg) => {
            let opaque = DynamicImage::ImageRgba8(thumb).into_rgb8();
            JpegEncoder::new_with_quality(&mut out, QUALITY).encode_image(&opaque)?;
            Ok(("image/jpeg", out))
        }
        Some(ImageFormat::Gif) => {
            GifEncoder::new(&mut out).encode_frame(image::Frame::new(thumb))?;
            Ok(("image/gif", out))
        }
        _ => {
            let opaque = thumb.pixels().all(|pixel| pixel.0[3] == u8::MAX);
            let picture = DynamicImage::ImageRgba8(thumb);
            let picture = match opaque {
                true => DynamicImage::ImageRgb8(picture.into_rgb8()),
                false => picture,
            };
            let encoder = image::codecs::png::PngEncoder::new(&mut out);
            let (width, height, colour) = (picture.width(), picture.height(), picture.color());
            encoder.write_image(picture.as_bytes(), width, height, colour.into())?;
            Ok(("image/png", out))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From the folder of this package, in which cargo runs its tests.
    const FILES: &str = "../../tests/compat/files/";
    const RED: [u8; 3] = [255, 0, 0];
    const GREEN: [u8; 3] = [0, 255, 0];
    const BLUE: [u8; 3] = [0, 0, 255];

    /// File, size, content type, width, height, and the colours of the first, middle and last pixel, as PocketBase has
    /// them (three equal bars each).
    type Case = (
        &'static str,
        &'static str,
        &'static str,
        u32,
        u32,
        [[u8; 3]; 3],
    );
    const CASES: &[Case] = &[
        (
            "wide.png",
            "100x100",
            "image/png",
            100,
            100,
            [RED, GREEN, BLUE],
        ),
        ("wide.png", "20x0", "image/png", 20, 10, [RED, GREEN, BLUE]),
        ("wide.png", "0x15", "image/png", 30, 15, [RED, GREEN, BLUE]),
        (
            "wide.png",
            "20x20f",
            "image/png",
            20,
            10,
            [RED, GREEN, BLUE],
        ),
        ("tall.jpg", "20x0", "image/jpeg", 20, 40, [RED, GREEN, BLUE]),
        ("tall.jpg", "0x15", "image/jpeg", 8, 15, [RED, GREEN, BLUE]),
        (
            "tall.jpg",
            "20x20f",
            "image/jpeg",
            10,
            20,
            [RED, GREEN, BLUE],
        ),
        (
            "tall.jpg",
            "20x20t",
            "image/jpeg",
            20,
            20,
            [RED, RED, GREEN],
        ),
        (
            "tall.jpg",
            "20x20b",
            "image/jpeg",
            20,
            20,
            [GREEN, BLUE, BLUE],
        ),
        (
            "turned.jpg",
            "100x100",
            "image/jpeg",
            100,
            100,
            [RED, GREEN, BLUE],
        ),
        ("moving.gif", "10x10", "image/gif", 10, 10, [RED, RED, RED]),
        (
            "photo.webp",
            "10x10",
            "image/png",
            10,
            10,
            [RED, GREEN, BLUE],
        ),
    ];

    #[test]
    fn pictures_are_scaled_cropped_and_turned() {
        for (file, size, kind, width, height, colours) in CASES {
            let original = std::fs::read(format!("{FILES}{file}")).expect("a file");
            let size = Size::parse(size).expect("a size");
            let (found, thumb) = shrink(&original, size).expect("a thumb");
            let thumb = image::load_from_memory(&thumb)
                .expect("a picture")
                .into_rgb8();
            assert_eq!(
                (found, thumb.dimensions()),
                (*kind, (*width, *height)),
                "{file} {size:?}"
            );
            let places = [(0, 0), (width / 2, height / 2), (width - 1, height - 1)];
            for ((x, y), colour) in places.into_iter().zip(colours) {
                let pixel = thumb.get_pixel(x, y).0;
                let far = pixel.iter().zip(colour).any(|(a, b)| a.abs_diff(*b) > 80);
                assert!(
                    !far,
                    "{file} {size:?} at {x},{y}: {pixel:?} instead of {colour:?}"
                );
            }
        }
    }

    #[test]
    fn transparency_stays() {
        let original = std::fs::read(format!("{FILES}clear.png")).expect("a file");
        let (_, thumb) = shrink(&original, Size::parse("10x10").expect("a size")).expect("a thumb");
        let thumb = image::load_from_memory(&thumb)
            .expect("a picture")
            .into_rgba8();
        assert_eq!(thumb.get_pixel(0, 0).0[3], 0);
        assert_eq!(thumb.get_pixel(5, 5).0, [0, 0, 255, 128]);
    }

    /// The head of a PNG that announces a picture of this size.
    fn bomb(side: u32) -> Vec<u8> {
        let mut chunk = b"IHDR".to_vec();
        chunk.extend(side.to_be_bytes());
        chunk.extend(side.to_be_bytes());
        chunk.extend([8, 6, 0, 0, 0]);
        let mut crc = !0_u32;
        for byte in &chunk {
            crc ^= u32::from(*byte);
            for _ in 0..8 {
                crc = if crc & 1 == 1 {
                    crc >> 1 ^ 0xedb8_8320
                } else {
                    crc >> 1
                };
            }
        }
        let mut png = b"\x89PNG\r\n\x1a\n\0\0\0\x0d".to_vec();
        png.extend(chunk);
        png.extend((!crc).to_be_bytes());
        png.extend([0, 0, 0, 0]);
        png.extend(b"IDAT");
        png
    }

    #[test]
    fn what_is_too_large_or_broken_is_refused() {
        let size = Size::parse("10x10").expect("a size");
        for side in [6_000, 19_000, 30_000, 2_000_000_000] {
            assert!(shrink(&bomb(side), size).is_err(), "{side}");
        }
        let whole = std::fs::read(format!("{FILES}wide.png")).expect("a file");
        for length in [0, 1, 20, 60] {
            assert!(shrink(&whole[..length], size).is_err(), "{length}");
        }
        assert!(shrink(b"<svg/>", size).is_err());
        let huge = Size::parse("9000x9000").expect("a size");
        assert!(shrink(&whole, huge).is_err());
    }
}
