//! Helpers for tests.

use crate::ids::Random;

/// Repeatable "randomness".
#[derive(Default)]
pub struct Counter(u64);

impl Random for Counter {
    fn text(&mut self, length: usize, alphabet: &str) -> String {
        let letters: Vec<char> = alphabet.chars().collect();
        (0..length)
            .map(|_| {
                self.0 = self
                    .0
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                letters[(self.0 >> 33) as usize % letters.len()]
            })
            .collect()
    }
}
