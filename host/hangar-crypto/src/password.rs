use std::sync::Arc;

use bcrypt::{BcryptError, HashParts};
use hangar_core::{Error, Result};
use tokio::sync::Semaphore;

const MIN_COST: u32 = 4;
/// One hash of cost 15 takes about three seconds; each step more doubles it.
const MAX_COST: u32 = 15;
const MAX_PASSWORD_BYTES: usize = 4096;

/// The state behind `hangar:crypto`: the turns for hashing passwords, as many as the machine has cores.
///
/// Those who wait are plugin instances, whose number is bounded by `limits.instances`.
#[derive(Clone)]
pub struct Crypto {
    turns: Arc<Semaphore>,
}

impl Default for Crypto {
    fn default() -> Self {
        Self::new(std::thread::available_parallelism().map_or(1, usize::from))
    }
}

impl Crypto {
    /// With so many hashes at once, at least one.
    pub fn new(parallel: usize) -> Self {
        Self {
            turns: Arc::new(Semaphore::new(parallel.max(1))),
        }
    }

    pub(crate) async fn hash(&self, password: String, cost: u8) -> Result<String> {
        let cost = u32::from(cost);
        check_password(&password)?;
        if !(MIN_COST..=MAX_COST).contains(&cost) {
            return Err(bad_cost(cost));
        }
        self.run(move || bcrypt::hash(&password, cost))
            .await?
            .map_err(failed)
    }

    pub(crate) async fn verify(&self, password: String, hash: String) -> Result<bool> {
        check_password(&password)?;
        // A hash from elsewhere must not be able to keep a core busy for hours.
        let Ok(parts) = hash.parse::<HashParts>() else {
            return Ok(false);
        };
        if !(MIN_COST..=MAX_COST).contains(&parts.get_cost()) {
            return Err(bad_cost(parts.get_cost()));
        }
        self.run(move || bcrypt::verify(&password, &hash))
            .await?
            .map_err(failed)
    }

    /// Runs on a thread for blocking work, when its turn has come. The turn belongs to the work, not to the caller: if
    /// the caller is cancelled the core stays taken until the hash is done.
    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
        let stopped = || Error::internal("the host is stopping; no password was checked");
        let turn = self
            .turns
            .clone()
            .acquire_owned()
            .await
            .map_err(|_| stopped())?;
        let done = tokio::task::spawn_blocking(move || {
            let result = work();
            drop(turn);
            result
        });
        done.await.map_err(|_| stopped())
    }
}

fn check_password(password: &str) -> Result<()> {
    if password.len() > MAX_PASSWORD_BYTES {
        return Err(Error::bad_input(format!(
            "a password has at most {MAX_PASSWORD_BYTES} bytes, not {}",
            password.len()
        )));
    }
    Ok(())
}

fn bad_cost(cost: u32) -> Error {
    Error::bad_input(format!(
        "bcrypt cost {cost} is not between {MIN_COST} and {MAX_COST}"
    ))
}

fn failed(error: BcryptError) -> Error {
    Error::internal(format!("bcrypt failed: {error}"))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    async fn verify(password: &str, hash: &str) -> Result<bool> {
        Crypto::new(1).verify(password.into(), hash.into()).await
    }

    /// Made by the system's own `crypt`, in the spellings that are in use.
    #[tokio::test]
    async fn known_hashes() {
        let longest = "x".repeat(71);
        let vectors = [
            (
                "",
                "$2b$06$DCq7YPn5Rq63x1Lad4cll.TV4S6ytwfsfvkgY8jIucDrjc8deX1s.",
            ),
            (
                "abc",
                "$2a$06$If6bvum7DFjUnE9p2uDeDu0YHzrHM6tf.iqN8.yx.jNN1ILEf7h0i",
            ),
            (
                "U*U",
                "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
            ),
            (
                "pässwörd",
                "$2y$04$abcdefghijklmnopqrstuuyx2n0Zzopyr9QuYTMCfOJJOj526QVoC",
            ),
            (
                &longest,
                "$2a$04$abcdefghijklmnopqrstuu.gc7UY/21CSNJGJg21jJzx9QiOpJ9bO",
            ),
        ];
        for (password, hash) in vectors {
            assert_eq!(verify(password, hash).await, Ok(true), "{password}");
            assert_eq!(verify("wrong", hash).await, Ok(false), "{password}");
        }
    }

    #[tokio::test]
    async fn what_is_hashed_verifies_and_salts_differ() {
        let crypto = Crypto::default();
        let password = "ü".repeat(20) + &"x".repeat(31);
        assert_eq!(password.len(), 71);
        let hash = crypto.hash(password.clone(), 4).await.expect("hashes");
        assert!(hash.len() == 60 && hash.starts_with("$2"), "{hash}");
        assert_ne!(
            crypto.hash(password.clone(), 4).await.expect("hashes"),
            hash
        );
        assert_eq!(
            crypto.verify(password.clone(), hash.clone()).await,
            Ok(true)
        );
        let shorter = password[..70].to_owned();
        assert_eq!(crypto.verify(shorter, hash).await, Ok(false));
    }

    #[tokio::test]
    async fn bytes_past_the_72nd_do_not_count() {
        let crypto = Crypto::default();
        let hash = crypto.hash("x".repeat(80), 4).await.expect("hashes");
        assert_eq!(
            crypto.verify("x".repeat(72) + "else", hash.clone()).await,
            Ok(true)
        );
        assert_eq!(crypto.verify("x".repeat(71), hash).await, Ok(false));
    }

    #[tokio::test]
    async fn bounds_are_named_and_no_hash_is_no_match() {
        let crypto = Crypto::default();
        for cost in [3, 16] {
            let error = crypto.hash("p".into(), cost).await.expect_err("cost");
            assert!(
                error.code == "bad_input" && error.message.contains("4 and 15"),
                "{error}"
            );
        }
        let error = crypto.hash("p".repeat(4097), 4).await.expect_err("long");
        assert!(error.message.contains("4096"), "{error}");
        for hash in ["", "plain", "$argon2id$v=19$m=1,t=1,p=1$x$y", "$2a$06$é"] {
            assert_eq!(verify("p", hash).await, Ok(false), "{hash}");
        }
        let endless = "$2a$31$DCq7YPn5Rq63x1Lad4cll.TV4S6ytwfsfvkgY8jIucDrjc8deX1s.";
        assert_eq!(
            verify("p", endless).await.expect_err("cost").code,
            "bad_input"
        );
    }

    #[tokio::test]
    async fn a_hash_waits_for_its_turn() {
        let crypto = Crypto::new(1);
        let turn = crypto.turns.clone().acquire_owned().await.expect("open");
        let waiting = crypto.hash("p".into(), 4);
        tokio::pin!(waiting);
        let early = tokio::time::timeout(Duration::from_millis(100), &mut waiting).await;
        assert!(early.is_err(), "ran without a turn");
        drop(turn);
        assert!(waiting.await.is_ok());
        assert_eq!(crypto.turns.available_permits(), 1);
    }
}
