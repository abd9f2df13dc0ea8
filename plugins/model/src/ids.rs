//! Ids and randomness.

/// Where random text comes from. In a component the host supplies it.
pub trait Random {
    /// `length` characters drawn evenly from `alphabet` (ASCII, 1 to 128 characters).
    fn text(&mut self, length: usize, alphabet: &str) -> String;
}

/// Characters of a generated record id.
pub const ID_ALPHABET: &str = "abcdefghijklmnopqrstuvwxyz0123456789";
/// Length of a generated record id.
pub const ID_LENGTH: usize = 15;
/// Characters of token secrets and token keys.
pub const SECRET_ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
/// Length of a generated token secret and token key.
pub const SECRET_LENGTH: usize = 50;

/// A record id in PocketBase's default form: 15 of `[a-z0-9]`.
pub fn record_id(random: &mut dyn Random) -> String {
    random.text(ID_LENGTH, ID_ALPHABET)
}

/// A token secret or token key: 50 of `[a-zA-Z0-9]`.
pub fn secret(random: &mut dyn Random) -> String {
    random.text(SECRET_LENGTH, SECRET_ALPHABET)
}

/// CRC-32 (IEEE) of a text.
pub fn crc32(text: &str) -> u32 {
    let mut crc = !0_u32;
    for byte in text.bytes() {
        crc ^= u32::from(byte);
        for _ in 0..8 {
            let mask = (crc & 1).wrapping_neg();
            crc = (crc >> 1) ^ (0xEDB8_8320 & mask);
        }
    }
    !crc
}

/// The default id of a collection: `pbc_` and the checksum of type and name. The caller adds a suffix on a clash.
pub fn collection_id(kind: &str, name: &str) -> String {
    format!("pbc_{}", crc32(&format!("{kind}{name}")))
}

/// The default id of a field: its type and the checksum of its name. The caller adds a suffix on a clash.
pub fn field_id(kind: &str, name: &str) -> String {
    format!("{kind}{}", crc32(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_match_pocketbase() {
        assert_eq!(field_id("text", "id"), "text3208210256");
        assert_eq!(field_id("autodate", "created"), "autodate2990389176");
        assert_eq!(collection_id("auth", "_superusers"), "pbc_3142635823");
        assert_eq!(collection_id("base", "_otps"), "pbc_1638494021");
    }
}
