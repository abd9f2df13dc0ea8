use hangar_core::{Error, Result};
use rand::TryRng;
use rand::rngs::SysRng;

const MAX_LENGTH: u32 = 65_536;
const MAX_ALPHABET: usize = 128;

/// Bytes from the operating system.
pub(crate) fn bytes(length: u32) -> Result<Vec<u8>> {
    check_length(length)?;
    let mut bytes = vec![0; length as usize];
    fill(&mut bytes)?;
    Ok(bytes)
}

/// Text whose every character is drawn evenly from `alphabet`.
pub(crate) fn text(length: u32, alphabet: &str) -> Result<String> {
    check_length(length)?;
    let letters = alphabet.as_bytes();
    if letters.is_empty() || letters.len() > MAX_ALPHABET || !alphabet.is_ascii() {
        return Err(Error::bad_input(format!(
            "an alphabet has 1 to {MAX_ALPHABET} ASCII characters"
        )));
    }
    // A remainder alone would favour the first letters: bytes past the last full round are thrown away.
    let fair = 256 - 256 % letters.len();
    let mut text = String::with_capacity(length as usize);
    let mut drawn = [0; 256];
    while text.len() < length as usize {
        // Fewer than half of all bytes are thrown away, so a short text needs few.
        let need = (2 * (length as usize - text.len()) + 8).min(drawn.len());
        fill(&mut drawn[..need])?;
        let rest = length as usize - text.len();
        let even = drawn[..need]
            .iter()
            .map(|b| usize::from(*b))
            .filter(|b| *b < fair);
        text.extend(
            even.take(rest)
                .map(|b| char::from(letters[b % letters.len()])),
        );
    }
    Ok(text)
}

fn fill(bytes: &mut [u8]) -> Result<()> {
    SysRng
        .try_fill_bytes(bytes)
        .map_err(|e| Error::internal(format!("the operating system gave no random bytes: {e}")))
}

fn check_length(length: u32) -> Result<()> {
    if length > MAX_LENGTH {
        return Err(Error::bad_input(format!(
            "at most {MAX_LENGTH} random bytes or characters at a time, not {length}"
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_hold_and_the_bound_is_named() {
        for length in [0, 1, 255, 65_536] {
            assert_eq!(bytes(length).expect("in bounds").len(), length as usize);
            assert_eq!(
                text(length, "ab").expect("in bounds").len(),
                length as usize
            );
        }
        for error in [bytes(65_537).err(), text(65_537, "ab").err()] {
            let error = error.expect("out of bounds");
            assert!(
                error.code == "bad_input" && error.message.contains("65536"),
                "{error}"
            );
        }
    }

    #[test]
    fn bytes_differ() {
        assert_ne!(bytes(32), bytes(32));
    }

    #[test]
    fn only_ascii_alphabets_of_1_to_128() {
        assert!(text(1, &"x".repeat(128)).is_ok());
        for alphabet in ["", "ä", &"x".repeat(129)] {
            assert_eq!(text(1, alphabet).expect_err("alphabet").code, "bad_input");
        }
    }

    /// With 100 letters the first 56 would come up 3 times in 256 draws and the others twice, were it not evened out.
    #[test]
    fn letters_are_drawn_evenly() {
        let alphabet: String = (27..127u8).map(char::from).collect();
        let drawn = text(65_536, &alphabet).expect("in bounds");
        let first = drawn.bytes().filter(|b| *b < 27 + 50).count();
        // Half of 65,536 with a standard deviation of 128: six of those either side.
        assert!(
            (32_000..33_536).contains(&first),
            "{first} of 65536 from the first half"
        );
        assert_eq!(
            drawn
                .bytes()
                .collect::<std::collections::HashSet<_>>()
                .len(),
            100
        );
    }
}
