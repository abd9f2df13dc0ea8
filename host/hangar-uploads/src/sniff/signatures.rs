//! Formats that are known by some bytes at a fixed place.

use super::{Kind, from, kind};

/// Offset, bytes, type, ending; the first that fits counts.
const SIGNATURES: &[(usize, &[u8], &str, &str)] = &[
    // Pictures.
    (0, b"\xff\xd8\xff", "image/jpeg", ".jpg"),
    (0, b"GIF87a", "image/gif", ".gif"),
    (0, b"GIF89a", "image/gif", ".gif"),
    (0, b"II*\0", "image/tiff", ".tiff"),
    (0, b"MM\0*", "image/tiff", ".tiff"),
    (0, b"II\xbc\x01", "image/jxr", ".jxr"),
    (0, b"\0\0\x01\0", "image/x-icon", ".ico"),
    (0, b"\0\0\x02\0", "image/x-icon", ".ico"),
    (0, b"8BPS", "image/vnd.adobe.photoshop", ".psd"),
    (0, b"\xff\x0a", "image/jxl", ".jxl"),
    (0, b"\0\0\0\x0cJXL \r\n\x87\n", "image/jxl", ".jxl"),
    (0, b"\0\0\0\x0cJXS \r\n\x87\n", "image/jxs", ".jxs"),
    (0, b"#?RADIANCE\n", "image/vnd.radiance", ".hdr"),
    (0, b"icns", "image/x-icns", ".icns"),
    (0, b"gimp xcf", "image/x-xcf", ".xcf"),
    (0, b"BPG\xfb", "image/bpg", ".bpg"),
    // Sound and films.
    (0, b"fLaC\0\0\0\x22", "audio/flac", ".flac"),
    (0, b"MThd", "audio/midi", ".midi"),
    (0, b"#!AMR", "audio/amr", ".amr"),
    (0, b"\xff\xf1", "audio/aac", ".aac"),
    (0, b"\xff\xf9", "audio/aac", ".aac"),
    (0, b".snd", "audio/basic", ".au"),
    (
        0,
        b"MAC \x96\x0f\0\0\x34\0\0\0\x18\0\0\0\x90\xe3",
        "audio/ape",
        ".ape",
    ),
    (0, b"MPCK", "audio/musepack", ".mpc"),
    (0, b"Creative Voice File", "audio/x-unknown", ".voc"),
    (0, b".RMF", "application/vnd.rn-realmedia-vbr", ".rmvb"),
    (0, b"FLV\x01", "video/x-flv", ".flv"),
    (
        0,
        b"\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9\x00\xaa\x00\x62\xce\x6c",
        "video/x-ms-asf",
        ".asf",
    ),
    (0, b"#EXTM3U\n", "application/vnd.apple.mpegurl", ".m3u"),
    (0, b"#EXTM3U\r\n", "application/vnd.apple.mpegurl", ".m3u"),
    // Archives.
    (0, b"PK\x05\x06", "application/zip", ".zip"),
    (0, b"PK\x07\x08", "application/zip", ".zip"),
    (0, b"\x1f\x8b", "application/gzip", ".gz"),
    (
        0,
        b"7z\xbc\xaf\x27\x1c",
        "application/x-7z-compressed",
        ".7z",
    ),
    (0, b"Rar!\x1a\x07", "application/vnd.rar", ".rar"),
    (0, b"\xfd7zXZ\0", "application/x-xz", ".xz"),
    (0, b"BZh", "application/x-bzip2", ".bz2"),
    (0, b"LZIP", "application/lzip", ".lz"),
    (
        0,
        b"MSCF\0\0\0\0",
        "application/vnd.ms-cab-compressed",
        ".cab",
    ),
    (
        0,
        b"!<arch>\ndebian-binary",
        "application/vnd.debian.binary-package",
        ".deb",
    ),
    (0, b"!<arch>", "application/x-archive", ".a"),
    (0, b"\xed\xab\xee\xdb", "application/x-rpm", ".rpm"),
    (0, b"070707", "application/x-cpio", ".cpio"),
    (0, b"070701", "application/x-cpio", ".cpio"),
    (0, b"070702", "application/x-cpio", ".cpio"),
    (0, b"xar!", "application/x-xar", ".xar"),
    (0, b"d8:announce", "application/x-bittorrent", ".torrent"),
    // Fonts.
    (0, b"wOFF", "font/woff", ".woff"),
    (0, b"wOF2", "font/woff2", ".woff2"),
    (0, b"ttcf\0\x01\0\0", "font/collection", ".ttc"),
    (0, b"ttcf\0\x02\0\0", "font/collection", ".ttc"),
    // Programs.
    (
        0,
        b"MZ",
        "application/vnd.microsoft.portable-executable",
        ".exe",
    ),
    (0, b"\0asm", "application/wasm", ".wasm"),
    (
        0,
        b"\xfe\xed\xfa\xce",
        "application/x-mach-binary",
        ".macho",
    ),
    (
        0,
        b"\xfe\xed\xfa\xcf",
        "application/x-mach-binary",
        ".macho",
    ),
    (
        0,
        b"\xce\xfa\xed\xfe",
        "application/x-mach-binary",
        ".macho",
    ),
    (
        0,
        b"\xcf\xfa\xed\xfe",
        "application/x-mach-binary",
        ".macho",
    ),
    (
        0,
        b"L\0\0\0\x01\x14\x02\0",
        "application/x-ms-shortcut",
        ".lnk",
    ),
    (0, b"CWS", "application/x-shockwave-flash", ".swf"),
    (0, b"FWS", "application/x-shockwave-flash", ".swf"),
    (0, b"ZWS", "application/x-shockwave-flash", ".swf"),
    (0, b"NES\x1a", "application/vnd.nintendo.snes.rom", ".nes"),
    // Documents.
    (0, b"%FDF", "application/vnd.fdf", ".fdf"),
    (0, b"%!PS-Adobe-", "application/postscript", ".ps"),
    (
        0,
        b"ITSF\x03\0\0\0\x60\0\0\0",
        "application/vnd.ms-htmlhelp",
        ".chm",
    ),
    (60, b"BOOKMOBI", "application/x-mobipocket-ebook", ".mobi"),
    (0, b"ITOLITLS", "application/x-ms-reader", ".lit"),
    (
        0,
        b"\xe4\x52\x5c\x7b\x8c\xd8\xa7\x4d\xae\xb1\x53\x78\xd0\x29\x96\xd3",
        "application/onenote",
        ".one",
    ),
    (
        0,
        b"-----BEGIN PKCS7",
        "application/pkcs7-signature",
        ".p7s",
    ),
    (0, b"0\nSECTION\n", "image/vnd.dxf", ".dxf"),
    (0, b"0\r\nSECTION\r\n", "image/vnd.dxf", ".dxf"),
    (0, b"  0\nSECTION\n", "image/vnd.dxf", ".dxf"),
    (0, b"  0\r\nSECTION\r\n", "image/vnd.dxf", ".dxf"),
    // Data.
    (
        0,
        b"SQLite format 3\0",
        "application/vnd.sqlite3",
        ".sqlite",
    ),
    (4, b"Standard Jet DB", "application/x-msaccess", ".mdb"),
    (4, b"Standard ACE DB", "application/x-msaccess", ".accdb"),
    (128, b"DICM", "application/dicom", ".dcm"),
    (
        0,
        b"SIMPLE  =                    T",
        "application/fits",
        ".fits",
    ),
    (0, b"PAR1", "application/vnd.apache.parquet", ".parquet"),
    (0, b"\xd9\xd9\xf7", "application/cbor", ".cbor"),
    (0, b"glTF\x01\0\0\0", "model/gltf-binary", ".glb"),
    (0, b"glTF\x02\0\0\0", "model/gltf-binary", ".glb"),
    (
        0,
        b"\xa1\xb2\xc3\xd4",
        "application/vnd.tcpdump.pcap",
        ".pcap",
    ),
    (
        0,
        b"\xd4\xc3\xb2\xa1",
        "application/vnd.tcpdump.pcap",
        ".pcap",
    ),
    (0, b"\x03\xf3\r\n", "application/x-bytecode.python", ".pyc"),
];

/// Releases of AutoCAD whose drawings are known, after `AC`.
const DRAWINGS: &[&[u8]] = &[
    b"1.40", b"1.50", b"2.10", b"1002", b"1003", b"1004", b"1006", b"1009", b"1012", b"1014",
    b"1015", b"1018", b"1021", b"1024", b"1032",
];

/// The format whose signature the bytes have.
pub(super) fn find(bytes: &[u8]) -> Option<Kind> {
    let fits = |at: usize, magic: &[u8]| from(bytes, at).starts_with(magic);
    let found = SIGNATURES.iter().find(|(at, magic, ..)| fits(*at, magic));
    if let Some((_, _, mime, extension)) = found {
        return Some(kind(mime, extension));
    }
    if let Some(rest) = bytes.strip_prefix(b"AC")
        && DRAWINGS.iter().any(|release| rest.starts_with(release))
    {
        return Some(kind("image/vnd.dwg", ".dwg"));
    }
    Some(match bytes {
        // Streams of packs or of elementary streams.
        [0, 0, 1, 0xb0..=0xbf, ..] => kind("video/mpeg", ".mpeg"),
        // Frames of compressed data, and frames to be skipped.
        [0x22..=0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => {
            kind("application/zstd", ".zst")
        }
        [0xc7, 0x71, _, ..] => kind("application/x-cpio", ".cpio"),
        [_, 0x0d, 0x0d, 0x0a, 0..=3, 0, 0, 0, ..] => kind("application/x-bytecode.python", ".pyc"),
        _ => return None,
    })
}
