use hangar_core::{Error, Result};
use hangar_wit::errors;
use wasmtime::component::{HasData, Linker};

use crate::{Crypto, Grant};

#[allow(missing_docs)]
mod generated {
    wasmtime::component::bindgen!({
        inline: "
            package hangar:crypto-host;
            world imports {
                import hangar:crypto/random@0.1.0;
                import hangar:crypto/digest@0.1.0;
                import hangar:crypto/password@0.1.0;
                import hangar:crypto/jwt@0.1.0;
            }
        ",
        path: ["../../wit/types", "../../wit/crypto"],
        imports: {
            "hangar:crypto/password@0.1.0.hash": async,
            "hangar:crypto/password@0.1.0.verify": async,
        },
        with: { "hangar:types/errors@0.1.0": hangar_wit::errors },
    });
}

use generated::hangar::crypto::{digest, jwt, password, random};

/// What a call needs.
pub struct View<'a> {
    /// Name of the calling plugin.
    pub plugin: &'a str,
    /// Missing if hangar.toml does not grant `crypto`.
    pub grant: Option<&'a Grant>,
    /// The host's state.
    pub crypto: &'a Crypto,
}

struct Has;

impl HasData for Has {
    type Data<'a> = View<'a>;
}

/// Links the four interfaces of `hangar:crypto`.
pub fn add_to_linker<T: Send + 'static>(
    linker: &mut Linker<T>,
    get: fn(&mut T) -> View<'_>,
) -> wasmtime::Result<()> {
    random::add_to_linker::<T, Has>(linker, get)?;
    digest::add_to_linker::<T, Has>(linker, get)?;
    password::add_to_linker::<T, Has>(linker, get)?;
    jwt::add_to_linker::<T, Has>(linker, get)
}

impl View<'_> {
    fn granted(&self) -> Result<()> {
        match self.grant {
            Some(Grant) => Ok(()),
            None => Err(Error::denied(self.plugin, "hangar:crypto", Grant::LINE)),
        }
    }
}

impl random::Host for View<'_> {
    fn bytes(&mut self, length: u32) -> Result<Vec<u8>, errors::Error> {
        self.granted()?;
        Ok(crate::random::bytes(length)?)
    }

    fn text(&mut self, length: u32, alphabet: String) -> Result<String, errors::Error> {
        self.granted()?;
        Ok(crate::random::text(length, &alphabet)?)
    }
}

impl digest::Host for View<'_> {
    fn hash(&mut self, algorithm: String, data: Vec<u8>) -> Result<String, errors::Error> {
        self.granted()?;
        Ok(crate::digest::hash(&algorithm, &data)?)
    }

    fn hmac(
        &mut self,
        algorithm: String,
        key: Vec<u8>,
        data: Vec<u8>,
    ) -> Result<String, errors::Error> {
        self.granted()?;
        Ok(crate::digest::hmac(&algorithm, &key, &data)?)
    }

    fn equal(&mut self, a: String, b: String) -> Result<bool, errors::Error> {
        self.granted()?;
        Ok(crate::digest::equal(&a, &b))
    }
}

impl password::Host for View<'_> {
    async fn hash(&mut self, password: String, cost: u8) -> Result<String, errors::Error> {
        self.granted()?;
        Ok(self.crypto.hash(password, cost).await?)
    }

    async fn verify(&mut self, password: String, hash: String) -> Result<bool, errors::Error> {
        self.granted()?;
        Ok(self.crypto.verify(password, hash).await?)
    }
}

impl jwt::Host for View<'_> {
    fn sign(&mut self, claims: String, secret: String) -> Result<String, errors::Error> {
        self.granted()?;
        Ok(crate::jwt::sign(&claims, &secret)?)
    }

    fn sign_with(
        &mut self,
        header: String,
        claims: String,
        key: String,
    ) -> Result<String, errors::Error> {
        self.granted()?;
        Ok(crate::jwt::sign_with(&header, &claims, &key)?)
    }

    fn verify(&mut self, token: String, secret: String) -> Result<String, errors::Error> {
        self.granted()?;
        Ok(crate::jwt::verify(&token, &secret)?)
    }

    fn verify_with_key(&mut self, token: String, jwk: String) -> Result<String, errors::Error> {
        self.granted()?;
        Ok(crate::jwk::verify(&token, &jwk)?)
    }

    fn unverified(&mut self, token: String) -> Result<String, errors::Error> {
        self.granted()?;
        Ok(crate::jwt::unverified(&token)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_interface_needs_the_grant() {
        let crypto = Crypto::default();
        let mut view = View {
            plugin: "shop",
            grant: None,
            crypto: &crypto,
        };
        let refusals = [
            random::Host::bytes(&mut view, 1).expect_err("denied"),
            random::Host::text(&mut view, 1, "a".into()).expect_err("denied"),
            digest::Host::hash(&mut view, "md5".into(), vec![]).expect_err("denied"),
            digest::Host::hmac(&mut view, "sha256".into(), vec![], vec![]).expect_err("denied"),
            digest::Host::equal(&mut view, "a".into(), "a".into()).expect_err("denied"),
            password::Host::hash(&mut view, "p".into(), 4)
                .await
                .expect_err("denied"),
            password::Host::verify(&mut view, "p".into(), "h".into())
                .await
                .expect_err("denied"),
            jwt::Host::sign(&mut view, "{}".into(), "s".into()).expect_err("denied"),
            jwt::Host::verify(&mut view, "t".into(), "s".into()).expect_err("denied"),
            jwt::Host::verify_with_key(&mut view, "t".into(), "{}".into()).expect_err("denied"),
            jwt::Host::unverified(&mut view, "t".into()).expect_err("denied"),
        ];
        for error in refusals {
            assert_eq!((error.code.as_str(), error.status), ("denied", 403));
            assert!(error.message.contains(Grant::LINE), "{}", error.message);
        }
        view.grant = Some(&Grant);
        assert!(digest::Host::equal(&mut view, "a".into(), "a".into()).expect("granted"));
        assert_eq!(random::Host::bytes(&mut view, 5).expect("granted").len(), 5);
    }

    #[test]
    fn links_once() {
        let mut linker: Linker<Crypto> = Linker::new(&wasmtime::Engine::default());
        add_to_linker(&mut linker, |crypto| View {
            plugin: "p",
            grant: Some(&Grant),
            crypto,
        })
        .expect("all four interfaces fit into one linker");
    }
}
