//! Expectations are what the compatibility target answered for the same bytes.

use super::sniff;

fn check(bytes: &[u8], mime: &str, extension: &str) {
    let found = sniff(bytes, true);
    let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(40)]).into_owned();
    assert_eq!(
        (found.mime, found.extension),
        (mime, extension),
        "{shown:?}"
    );
}

#[test]
fn texts() {
    let plain = "text/plain; charset=utf-8";
    let html = "text/html; charset=utf-8";
    for (text, mime, extension) in [
        ("", "text/plain", ".txt"),
        ("a", plain, ".txt"),
        ("hello file\n", plain, ".txt"),
        ("é a", plain, ".txt"),
        ("a\x1bb", plain, ".txt"),
        ("abc\x01def", "application/octet-stream", ""),
        ("abc\0def", "application/octet-stream", ""),
        (
            "<?xml version=\"1.0\"?><a/>",
            "text/xml; charset=utf-8",
            ".xml",
        ),
        (
            "<?xml version=\"1.0\"?>\n<svg xmlns=\"x\"></svg>",
            "image/svg+xml",
            ".svg",
        ),
        ("<svg xmlns=\"x\"></svg>", "image/svg+xml", ".svg"),
        ("<!-- c --><svg></svg>", html, ".html"),
        (
            "<?xml version=\"1.0\"?><rss version=\"2.0\"></rss>",
            "application/rss+xml",
            ".rss",
        ),
        ("  \n<HTML><body>", html, ".html"),
        ("<p>x</p>", html, ".html"),
        ("<div>x", html, ".html"),
        ("<!doctype html><p>hi</p>", html, ".html"),
        ("[1,2]", "application/json", ".json"),
        (
            " {\"a\": [1, 2, {\"b\": null}]} ",
            "application/json",
            ".json",
        ),
        ("{\"a\":1", plain, ".txt"),
        ("\"abc\"", plain, ".txt"),
        ("12", plain, ".txt"),
        ("{\"a\":1}\n{\"b\":2}\n", "application/x-ndjson", ".ndjson"),
        (
            "{\"type\":\"FeatureCollection\",\"features\":[]}",
            "application/geo+json",
            ".geojson",
        ),
        (
            "{\"log\":{\"version\":\"1.2\",\"creator\":{},\"entries\":[]}}",
            "application/json",
            ".har",
        ),
        (
            "{\"asset\":{\"version\":\"2.0\"}}",
            "model/gltf+json",
            ".gltf",
        ),
        ("a,b,c\n1,2,3\n4,5,6\n", "text/csv", ".csv"),
        ("a,b\n", plain, ".txt"),
        ("a,b\n1\n", plain, ".txt"),
        ("a\tb\n1\t2\n", "text/tab-separated-values", ".tsv"),
        ("\"a\",\"b\"\n\"x,y\",\"z\"\n", "text/csv", ".csv"),
        ("a;b\n1;2\n", plain, ".txt"),
        ("Hello, world\nThis is, a text\n", "text/csv", ".csv"),
        ("#!/bin/sh\necho", "text/x-shellscript", ".sh"),
        ("#!/usr/bin/env python\n", "text/x-python", ".py"),
        ("#!/usr/bin/lua\n", "text/x-lua", ".lua"),
        ("<?php echo 1;", "text/x-php", ".php"),
        ("{\\rtf1 a}", "text/rtf", ".rtf"),
        ("BEGIN:VCARD\nVERSION:3.0\nEND:VCARD", "text/vcard", ".vcf"),
        ("BEGIN:VCALENDAR\nVERSION:2.0", "text/calendar", ".ics"),
        (
            "1\n00:00:01,000 --> 00:00:02,000\nhi\n",
            "application/x-subrip",
            ".srt",
        ),
        ("WEBVTT\n\n", "text/vtt", ".vtt"),
        ("body{color:red}", plain, ".txt"),
        ("alert(1)", plain, ".txt"),
    ] {
        check(text.as_bytes(), mime, extension);
    }
    check(b"\xff\xfeh\0i\0", "text/plain; charset=utf-16le", ".txt");
    check(b"\xfe\xff\0h\0i", "text/plain; charset=utf-16be", ".txt");
    check(b"\xef\xbb\xbfhello", plain, ".txt");
    check(
        b"caf\xe9 and more text",
        "text/plain; charset=iso-8859-1",
        ".txt",
    );
}

#[test]
fn containers() {
    for (brand, mime, extension) in [
        ("isom", "video/mp4", ".mp4"),
        ("mp42", "video/mp4", ".mp4"),
        ("M4V ", "video/x-m4v", ".m4v"),
        ("M4A ", "audio/x-m4a", ".m4a"),
        ("qt  ", "video/quicktime", ".mov"),
        ("3gp4", "video/3gpp", ".3gp"),
        ("3g2a", "video/3gpp2", ".3g2"),
        ("heic", "image/heic", ".heic"),
        ("mif1", "image/heif", ".heif"),
        ("avif", "image/avif", ".avif"),
    ] {
        check(
            format!("\0\0\0\x18ftyp{brand}\0\0\x02\0").as_bytes(),
            mime,
            extension,
        );
    }
    let matroska = |kind: &str| {
        [
            b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01".as_slice(),
            kind.as_bytes(),
            &[0; 20],
        ]
        .concat()
    };
    check(&matroska("webm"), "video/webm", ".webm");
    check(&matroska("matroska"), "video/matroska", ".mkv");
    check(b"OggS\0\x02..\x01vorbis..", "audio/ogg", ".oga");
    check(b"OggS\0\x02..\x80theora..", "video/ogg", ".ogv");
    check(b"OggS\0\0\0\0", "application/ogg", ".ogg");
    check(b"RIFF....WAVEfmt ", "audio/wav", ".wav");
    check(b"RIFF....WEBPVP8L", "image/webp", ".webp");
    check(b"\xff\xfb\x90\x64\0\0", "audio/mpeg", ".mp3");
    check(
        b"PK\x03\x04\x0a\0\0\0\0\0................\x08\0\0\0mimetypeapplication/epub+zip",
        "application/epub+zip",
        ".epub",
    );
    check(
        b"PK\x03\x04....[Content_Types].xml....PK\x03\x04word/document.xml",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        ".docx",
    );
    check(b"PK\x03\x04....a.txt", "application/zip", ".zip");
    check(b"BM\0\0\0\0", "image/bmp", ".bmp");
    check(&[0; 40], "application/octet-stream", "");
}

#[test]
fn the_end_of_what_is_looked_at_may_cut_anything() {
    let long = format!("{{\"a\":\"{}\"}}", "é".repeat(4000));
    assert_eq!(sniff(long.as_bytes(), false).mime, "application/json");
    let rows = "a,b\n".repeat(2000);
    assert_eq!(sniff(&rows.as_bytes()[..3001], false).mime, "text/csv");
    for cut in 0..8 {
        sniff(&long.as_bytes()[..100 + cut], false);
    }
}
