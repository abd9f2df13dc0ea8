//! Formats that tell what they are behind a common beginning.

use super::{Kind, from, has, kind, zip};

const MATROSKA: &[u8] = b"\x1a\x45\xdf\xa3";
const AUDIO_FRAMES: [u8; 10] = [0xe2, 0xe3, 0xf2, 0xf3, 0xf4, 0xf5, 0xfa, 0xfb, 0xfc, 0xfd];

/// Brands of the ISO base media format; the first that fits counts.
const BRANDS: &[(&[u8], &str, &str)] = &[
    (b"avif", "image/avif", ".avif"),
    (b"avis", "image/avif", ".avif"),
    (b"3gp", "video/3gpp", ".3gp"),
    (b"3ge", "video/3gpp", ".3gp"),
    (b"3gg", "video/3gpp", ".3gp"),
    (b"3g2", "video/3gpp2", ".3g2"),
    (b"KDDI", "video/3gpp2", ".3g2"),
    (b"M4A ", "audio/x-m4a", ".m4a"),
    (b"M4B ", "audio/mp4", ".mp4"),
    (b"M4P ", "audio/mp4", ".mp4"),
    (b"MSNV", "audio/mp4", ".mp4"),
    (b"F4A ", "audio/mp4", ".mp4"),
    (b"F4B ", "audio/mp4", ".mp4"),
    (b"M4V ", "video/x-m4v", ".m4v"),
    (b"M4VH", "video/x-m4v", ".m4v"),
    (b"M4VP", "video/x-m4v", ".m4v"),
    (b"mj2s", "video/mj2", ".mj2"),
    (b"mjp2", "video/mj2", ".mj2"),
    (b"dby1", "video/vnd.dvb.file", ".dvb"),
    (b"dvr1", "video/vnd.dvb.file", ".dvb"),
    (b"heic", "image/heic", ".heic"),
    (b"heix", "image/heic", ".heic"),
    (b"hevc", "image/heic-sequence", ".heic"),
    (b"hevx", "image/heic-sequence", ".heic"),
    (b"mif1", "image/heif", ".heif"),
    (b"heim", "image/heif", ".heif"),
    (b"heis", "image/heif", ".heif"),
    (b"msf1", "image/heif-sequence", ".heif"),
    (b"hevm", "image/heif-sequence", ".heif"),
    (b"hevs", "image/heif-sequence", ".heif"),
    (b"qt  ", "video/quicktime", ".mov"),
    (b"", "video/mp4", ".mp4"),
];

/// Tables that a TrueType font may begin with.
const TABLES: &[&[u8]] = &[
    b"BASE", b"CBDT", b"CBLC", b"CFF ", b"CFF2", b"COLR", b"CPAL", b"DSIG", b"EBDT", b"EBLC",
    b"EBSC", b"GDEF", b"GPOS", b"GSUB", b"HVAR", b"JSTF", b"LTSH", b"MATH", b"MVAR", b"OS/2",
    b"PCLT", b"STAT", b"SVG ", b"VDMX", b"VORG", b"VVAR", b"avar", b"cmap", b"cvar", b"cvt ",
    b"fpgm", b"fvar", b"gasp", b"glyf", b"gvar", b"hdmx", b"head", b"hhea", b"hmtx", b"kern",
    b"loca", b"maxp", b"meta", b"name", b"post", b"prep", b"sbix", b"vhea", b"vmtx",
];

/// Sizes of the header in a bitmap.
const BITMAP_HEADERS: [u32; 7] = [16, 40, 52, 56, 64, 108, 124];

pub(super) fn find(bytes: &[u8]) -> Option<Kind> {
    picture(bytes)
        .or_else(|| chunks(bytes))
        .or_else(|| media(bytes))
        .or_else(|| audio(bytes))
        .or_else(|| font(bytes))
        .or_else(|| program(bytes))
        .or_else(|| zip::find(bytes))
        .or_else(|| tape_archive(bytes))
}

fn picture(bytes: &[u8]) -> Option<Kind> {
    if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
        return Some(match has(bytes, b"acTL") {
            true => kind("image/apng", ".apng"),
            false => kind("image/png", ".png"),
        });
    }
    if from(bytes, 4).starts_with(b"jP  \r\n\x87\n") {
        return match bytes.get(20..24)? {
            b"jp2 " => Some(kind("image/jp2", ".jp2")),
            b"jpx " => Some(kind("image/jpx", ".jpf")),
            b"jpm " => Some(kind("image/jpm", ".jpm")),
            _ => None,
        };
    }
    let header = little(bytes, 14)?;
    let bitmap = bytes.starts_with(b"BM") && BITMAP_HEADERS.contains(&header);
    bitmap.then_some(kind("image/bmp", ".bmp"))
}

/// Files of chunks with names: RIFF, IFF, DjVu.
fn chunks(bytes: &[u8]) -> Option<Kind> {
    let is = |start: &[u8], at: usize, name: &[u8]| {
        bytes.starts_with(start)
            && from(bytes, at).starts_with(name)
            && bytes.len() > at + name.len()
    };
    if bytes.starts_with(b"AT&TFORM") {
        let known = matches!(bytes.get(12..16)?, b"DJVU" | b"DJVM" | b"DJVI" | b"THUM");
        return known.then_some(kind("image/vnd.djvu", ".djvu"));
    }
    let found = if bytes.get(8..15) == Some(b"WEBPVP8") {
        kind("image/webp", ".webp")
    } else if is(b"RIFF", 8, b"WAVE") {
        kind("audio/wav", ".wav")
    } else if is(b"RIFF", 8, b"AVI LIST") {
        kind("video/x-msvideo", ".avi")
    } else if is(b"RIFF", 8, b"QLCM") {
        kind("audio/qcelp", ".qcp")
    } else if is(b"FORM", 8, b"AIFF") {
        kind("audio/aiff", ".aiff")
    } else {
        return None;
    };
    Some(found)
}

/// ISO base media and QuickTime, Matroska, Ogg.
fn media(bytes: &[u8]) -> Option<Kind> {
    if bytes[0] == 0 && from(bytes, 4).starts_with(b"ftyp") {
        let brand = bytes.get(8..12)?;
        let (_, mime, extension) = BRANDS
            .iter()
            // `3gp` alone is none; a letter or number says which.
            .find(|(name, ..)| {
                brand.starts_with(name) && (name.len() != 3 || brand[3].is_ascii_alphanumeric())
            })?;
        return Some(kind(mime, extension));
    }
    // Files without that first box: the size of the next one, or what lies in this one, begins with a zero.
    let atom = bytes.get(4..8).unwrap_or_default();
    let loose = matches!(atom, b"moov" | b"mdat" | b"free" | b"skip" | b"pnot");
    if loose && bytes.get(8) == Some(&0) && bytes.len() >= 12
        || bytes.starts_with(b"\0\0\0\x08wide")
    {
        return Some(kind("video/quicktime", ".mov"));
    }
    if bytes.starts_with(MATROSKA) {
        let at = memchr::memmem::find(bytes, b"\x42\x82")?;
        // The type of the document, behind its length.
        let name = from(bytes, at + 3);
        return match () {
            () if name.starts_with(b"webm") => Some(kind("video/webm", ".webm")),
            () if name.starts_with(b"matroska") => Some(kind("video/matroska", ".mkv")),
            () => None,
        };
    }
    if bytes.starts_with(b"OggS\0") {
        let is = |codecs: &[&[u8]]| {
            codecs
                .iter()
                .any(|codec| from(bytes, 28).starts_with(codec))
        };
        return Some(if is(&[b"\x80theora", b"fishead\0", b"\x01video\0\0\0"]) {
            kind("video/ogg", ".ogv")
        } else if is(&[b"\x01vorbis", b"OpusHead", b"\x7fFLAC", b"Speex   "]) {
            kind("audio/ogg", ".oga")
        } else {
            kind("application/ogg", ".ogg")
        });
    }
    None
}

/// MPEG audio: a frame, or a tag before it.
fn audio(bytes: &[u8]) -> Option<Kind> {
    let found = match bytes {
        [0xff, frame, ..] => AUDIO_FRAMES.contains(frame),
        // Version, revision, flags, and a length in four times seven bits: some bytes, less than 8 MB.
        [b'I', b'D', b'3', 2..=4, 0, flags, a, b, c, d, ..] => {
            let length = [a, b, c, d];
            flags & 0x0f == 0
                && *a < 4
                && length.iter().all(|byte| **byte < 0x80)
                && length.iter().any(|byte| **byte != 0)
        }
        _ => false,
    };
    found.then_some(kind("audio/mpeg", ".mp3"))
}

fn font(bytes: &[u8]) -> Option<Kind> {
    let table = bytes.get(12..16)?;
    if bytes.starts_with(b"\0\x01\0\0") && TABLES.contains(&table) {
        return Some(kind("font/ttf", ".ttf"));
    }
    if bytes.starts_with(b"OTTO") && table == b"CFF " {
        return Some(kind("font/otf", ".otf"));
    }
    let version = bytes.get(8..11)?;
    let embedded =
        from(bytes, 34).starts_with(b"LP") && matches!(version, [2, 0, 1] | [1, 0, 0] | [2, 0, 2]);
    embedded.then_some(kind("application/vnd.ms-fontobject", ".eot"))
}

fn program(bytes: &[u8]) -> Option<Kind> {
    if bytes.starts_with(b"\x7fELF") {
        // Its kind is a number of two bytes in the order that the file says it has.
        let number = match (bytes.get(5), bytes.get(16..18)) {
            (Some(2), Some(&[high, low])) => u16::from_be_bytes([high, low]),
            (_, Some(&[low, high])) => u16::from_le_bytes([low, high]),
            _ => 0,
        };
        return Some(match number {
            1 => kind("application/x-object", ""),
            2 => kind("application/x-executable", ""),
            3 => kind("application/x-sharedlib", ".so"),
            4 => kind("application/x-coredump", ""),
            _ => kind("application/x-elf", ""),
        });
    }
    if bytes.starts_with(b"\xca\xfe\xba\xbe") {
        // The number of architectures, or the version of a class.
        let number = u32::from_be_bytes(bytes.get(4..8)?.try_into().ok()?);
        return match number {
            ..20 => Some(kind("application/x-mach-binary", ".macho")),
            31.. => Some(kind("application/x-java-applet", ".class")),
            _ => None,
        };
    }
    None
}

/// A header whose checksum is right.
fn tape_archive(bytes: &[u8]) -> Option<Kind> {
    let header = bytes.get(..512)?;
    let text = str::from_utf8(&header[148..156]).ok()?;
    let told = u32::from_str_radix(text.trim_matches([' ', '\0']), 8).ok()?;
    let sum: u32 = header
        .iter()
        .enumerate()
        .map(|(at, byte)| match at {
            148..156 => u32::from(b' '),
            _ => u32::from(*byte),
        })
        .sum();
    (sum == told).then_some(kind("application/x-tar", ".tar"))
}

pub(super) fn little(bytes: &[u8], at: usize) -> Option<u32> {
    let four = bytes.get(at..at + 4)?;
    Some(u32::from_le_bytes(four.try_into().ok()?))
}
