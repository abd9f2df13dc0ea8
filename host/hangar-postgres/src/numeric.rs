/// The decimal text of a binary `numeric`, or `None` if the bytes are not one.
pub fn to_text(bytes: &[u8]) -> Option<String> {
    let field = |at: usize| Some(i16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?));
    let (count, weight) = (field(0)?, field(2)?);
    let (sign, scale) = (field(4)? as u16, field(6)?.max(0) as usize);
    match sign {
        0xC000 => return Some("NaN".into()),
        0xD000 => return Some("Infinity".into()),
        0xF000 => return Some("-Infinity".into()),
        _ => {}
    }
    // Digits are groups of four; `weight` is the position of the first group before the point.
    let group = |position: i16| -> i16 {
        let index = weight - position;
        if (0..count).contains(&index) {
            field(8 + 2 * index as usize).unwrap_or(0)
        } else {
            0
        }
    };
    let mut text = String::new();
    if sign == 0x4000 {
        text.push('-');
    }
    text.push_str(&group(weight.max(0)).to_string());
    for position in (0..weight.max(0)).rev() {
        text.push_str(&format!("{:04}", group(position)));
    }
    if scale > 0 {
        let groups =
            (1..=scale.div_ceil(4) as i16).map(|position| format!("{:04}", group(-position)));
        let fraction: String = groups.collect();
        text.push('.');
        text.push_str(&fraction[..scale]);
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::to_text;

    fn encode(weight: i16, sign: u16, scale: u16, groups: &[u16]) -> Vec<u8> {
        let head = [groups.len() as u16, weight as u16, sign, scale];
        head.iter()
            .chain(groups)
            .flat_map(|field| field.to_be_bytes())
            .collect()
    }

    #[test]
    fn digits_signs_and_scales() {
        for (bytes, text) in [
            (encode(0, 0, 0, &[7]), "7"),
            (encode(1, 0, 2, &[1, 2345, 6700]), "12345.67"),
            (encode(-1, 0x4000, 3, &[50]), "-0.005"),
            (encode(2, 0, 0, &[1]), "100000000"),
            (encode(0, 0xC000, 0, &[]), "NaN"),
        ] {
            assert_eq!(to_text(&bytes).as_deref(), Some(text));
        }
        assert_eq!(to_text(&[0, 1]), None);
    }
}
