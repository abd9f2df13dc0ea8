use std::fmt::Write;

use hangar_core::{Error, Result};
use hmac::{Hmac, KeyInit, Mac};
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};
use subtle::ConstantTimeEq;
use tokio::runtime::{Handle, RuntimeFlavor};

/// From here on the work is worth telling the runtime about: about a millisecond.
const LARGE: usize = 512 << 10;

/// Lower-case hexadecimal digest.
pub(crate) fn hash(algorithm: &str, data: &[u8]) -> Result<String> {
    let digest: fn(&[u8]) -> String = match algorithm {
        "md5" => |d| hex(&Md5::digest(d)),
        "sha1" => |d| hex(&Sha1::digest(d)),
        "sha256" => |d| hex(&Sha256::digest(d)),
        "sha512" => |d| hex(&Sha512::digest(d)),
        _ => return Err(unknown(algorithm, "md5, sha1, sha256, sha512")),
    };
    Ok(off_the_hot_threads(data.len(), || digest(data)))
}

/// Lower-case hexadecimal HMAC.
pub(crate) fn hmac(algorithm: &str, key: &[u8], data: &[u8]) -> Result<String> {
    match algorithm {
        "sha256" => {
            let mac = Hmac::<Sha256>::new_from_slice(key).map_err(key_error)?;
            Ok(off_the_hot_threads(data.len(), || {
                hex(&mac.chain_update(data).finalize().into_bytes())
            }))
        }
        "sha512" => {
            let mac = Hmac::<Sha512>::new_from_slice(key).map_err(key_error)?;
            Ok(off_the_hot_threads(data.len(), || {
                hex(&mac.chain_update(data).finalize().into_bytes())
            }))
        }
        _ => Err(unknown(algorithm, "sha256, sha512")),
    }
}

/// Compares in constant time for texts of the same length; the length itself is no secret.
pub(crate) fn equal(a: &str, b: &str) -> bool {
    a.as_bytes().ct_eq(b.as_bytes()).into()
}

/// Runs large work so that a multi-threaded runtime moves its other tasks to another thread.
fn off_the_hot_threads<T>(bytes: usize, work: impl FnOnce() -> T) -> T {
    let can_move =
        || Handle::try_current().is_ok_and(|h| h.runtime_flavor() == RuntimeFlavor::MultiThread);
    if bytes >= LARGE && can_move() {
        tokio::task::block_in_place(work)
    } else {
        work()
    }
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

fn unknown(algorithm: &str, known: &str) -> Error {
    Error::bad_input(format!(
        "unknown algorithm \"{algorithm}\"; known are {known}"
    ))
}

fn key_error(error: hmac::digest::InvalidLength) -> Error {
    Error::bad_input(format!("this HMAC key cannot be used: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_of_abc() {
        let vectors = [
            ("md5", "900150983cd24fb0d6963f7d28e17f72"),
            ("sha1", "a9993e364706816aba3e25717850c26c9cd0d89d"),
            (
                "sha256",
                "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
            ),
            (
                "sha512",
                "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a\
                 2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
            ),
        ];
        for (algorithm, expected) in vectors {
            assert_eq!(hash(algorithm, b"abc").expect("known"), expected);
        }
        assert_eq!(
            hash("md5", b"").expect("known"),
            "d41d8cd98f00b204e9800998ecf8427e"
        );
    }

    /// RFC 4231, test case 2, and a key longer than a block (test case 6).
    #[test]
    fn hmacs() {
        let data = b"what do ya want for nothing?";
        assert_eq!(
            hmac("sha256", b"Jefe", data).expect("known"),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
        assert_eq!(
            hmac("sha512", b"Jefe", data).expect("known"),
            "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554\
             9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737"
        );
        let long = hmac(
            "sha256",
            &[0xaa; 131],
            b"Test Using Larger Than Block-Size Key - Hash Key First",
        );
        assert_eq!(
            long.expect("known"),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
        );
    }

    #[test]
    fn unknown_algorithms_say_what_is_known() {
        let error = hash("crc32", b"").expect_err("unknown");
        assert!(
            error.code == "bad_input" && error.message.contains("sha256"),
            "{error}"
        );
        assert!(hmac("md5", b"", b"").is_err());
    }

    #[test]
    fn equality() {
        assert!(equal("", "") && equal("token", "token"));
        assert!(!equal("token", "tokeN") && !equal("token", "token2"));
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn large_data_gives_the_same_digest_on_every_runtime() {
        let data = vec![7; LARGE];
        let outside = std::thread::spawn({
            let data = data.clone();
            move || hash("sha256", &data)
        });
        assert_eq!(hash("sha256", &data), outside.join().expect("no panic"));
    }
}
