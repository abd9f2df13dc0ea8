//! Tokens signed with a private key, checked with the public one as services publish it.

use hangar_core::{Error, Result};
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode_header};

use crate::jwt::{self, invalid};

/// Far above a key of 8192 bits with its certificates' names.
const MAX_KEY_BYTES: usize = 16 << 10;
/// Longest modulus of RSA, in base64: 8192 bits. Longer ones only cost time.
const MAX_MODULUS: usize = 1366;

/// The claims, if the signature fits the key and the token is in its time.
pub(crate) fn verify(token: &str, jwk: &str) -> Result<String> {
    jwt::check_token(token)?;
    if jwk.len() > MAX_KEY_BYTES {
        return Err(Error::bad_input(format!(
            "a key may have at most {MAX_KEY_BYTES} bytes, not {}",
            jwk.len()
        )));
    }
    let jwk: Jwk = serde_json::from_str(jwk)
        .map_err(|e| Error::bad_input(format!("a key is a JSON Web Key: {e}")))?;
    let header = decode_header(token).map_err(|_| invalid("its header cannot be read"))?;
    if !suits(header.alg, &jwk) {
        return Err(invalid("its algorithm is not the key's"));
    }
    let key = DecodingKey::from_jwk(&jwk)
        .map_err(|_| Error::bad_input("this JSON Web Key cannot be used"))?;
    let (claims, _) = jwt::checked(token, &key, Validation::new(header.alg))?;
    Ok(claims)
}

/// Whether tokens of this algorithm may be checked with the key: it depends on the key, never on the token alone, else
/// a public key could be taken for the secret of an HMAC.
fn suits(algorithm: Algorithm, jwk: &Jwk) -> bool {
    use Algorithm::{ES256, ES384, EdDSA, PS256, PS384, PS512, RS256, RS384, RS512};
    let kind = match &jwk.algorithm {
        AlgorithmParameters::RSA(rsa) => {
            rsa.n.len() <= MAX_MODULUS
                && matches!(algorithm, RS256 | RS384 | RS512 | PS256 | PS384 | PS512)
        }
        AlgorithmParameters::EllipticCurve(ec) => match ec.curve {
            EllipticCurve::P256 => algorithm == ES256,
            EllipticCurve::P384 => algorithm == ES384,
            _ => false,
        },
        AlgorithmParameters::OctetKeyPair(pair) => {
            pair.curve == EllipticCurve::Ed25519 && algorithm == EdDSA
        }
        _ => false,
    };
    let named = jwk.common.key_algorithm.as_ref();
    kind && named.is_none_or(|named| named.to_string() == format!("{algorithm:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A public key, a token of 2099 and one of 2001. The private keys are gone.
    struct Vector {
        jwk: &'static str,
        good: &'static str,
        old: &'static str,
    }

    const VECTORS: [Vector; 3] = [
        Vector {
            jwk: "{\"kty\":\"RSA\",\"n\":\"s9I3IjujvMiKV91ls3Kdht87FPubGG1fdfptGjn0bTceoQsHvEKoqHeVqAGHQY-P-6mCEcZZTOGriYQliV0YtY\
            3zUxFHARRrQLZ0wC0hw2lOEGYAHkKp3VxDAuQxf_BoBULDQ8VQLO7QCdNkSCXYdHHvvEzY4TbtqF_dZzaVMfgnvrxZaL4Rp1K8gIfTnf\
            iXoizAtPssQPDqQTsHWY31HV6Xm2bAgfEBzgqcbckO3rqRUSsEbiaDESs8LCi1KihPn5I6dbcTbzWI0DyaEawcA6Vna_BrcnlqFjRcXB\
            NkaIBr03SfWZ2UNI6zWEeE7lmeTMxV7mOc5RbrCllKImNB4Q\",\"e\":\"AQAB\",\"alg\":\"RS256\"}",
            good: "eyJhbGciOiJSUzI1NiIsImtpZCI6IlJTMjU2In0.eyJzdWIiOiJhIiwiZXhwIjo0MTAyNDQ0ODAwfQ.d1AA8w9OqUqAcCz3Qt3nM9WtO\
            27d-q18kLwOR4lR3p0WG5sj_eReHpclWKka1JlJ3aqq7U9tuzy-1fov8_6q1RGk6uXh92SoL3lwWSwdsu856mNFR3Nj3m3RUOiBCvWwj\
            X1nPXbIuD98F7xu8cZbtUcbDZcPK8ow6bW8iUnYM2xqvcGyvStS8sT4uZZ5vzeVb7c4bXAxAszLYWNHtcXY3liJmc5hbFpJJPJom2No7\
            48HFjHNNWNu6F6S2nBFgMDC6dkLEby53qx1G4XL0afagieaG_Yw5mliFvmaeHmM_gTQZo589TwT9qfpTkLSeYDmU4nKaAZBRdhfvHQjG\
            tvivw",
            old: "eyJhbGciOiJSUzI1NiIsImtpZCI6IlJTMjU2In0.eyJzdWIiOiJhIiwiZXhwIjoxMDAwMDAwMDAwfQ.lZRsQjL6X60_hRH8GumZuq2R5\
            D5hEfle1W2FhiMgcVzYZsBbb8XnHMCKUIE7XLJMetXJ5Cx1z3L_8lJnDBF3PYCCk-s5NxKkPgWGZXusXHhQxyJ-5EX6tHMBU-hX12NPa\
            3EyZTg142A9I10x9qdGJXxrFIqSoArUTdjeXaxQu29S9CEqZTHD-UJqgzmU6Exvyt1R3V7fBuiR57Eexy5z24LCJChKX8SwOuvBnyWYp\
            J5sPM6_1zi0Ljd0vv25BFSgIBOjUiNgsT0lrtCuxyrar12k9LJzF_ubWP3HvQhLSdNWSc3tzgckIdG5PJysSX1qj-OaMmWewux9JlrUM\
            xMreA",
        },
        Vector {
            jwk: "{\"kty\":\"EC\",\"x\":\"6Jr8EFiJjDW5B-YIaOpAshzmlBHHBTkJKSQG3sKErOc\",\"y\":\"sTK9YURnc7dIxBYX46n8_sth4T6smNDcyrHED\
            GeOuaY\",\"crv\":\"P-256\",\"alg\":\"ES256\"}",
            good: "eyJhbGciOiJFUzI1NiIsImtpZCI6IkVTMjU2In0.eyJzdWIiOiJhIiwiZXhwIjo0MTAyNDQ0ODAwfQ.yxSRO5uT38HGWAh3tiW-A2Osm\
            XK8U7NFtC-NWB9KPeGCskDeOKMoA1iQ_0UbTOTyATDAVcUGsJhSMGsb6GC5WQ",
            old: "eyJhbGciOiJFUzI1NiIsImtpZCI6IkVTMjU2In0.eyJzdWIiOiJhIiwiZXhwIjoxMDAwMDAwMDAwfQ.jo1EpKDdG_c_0YazV0rSLTlWX\
            Tld8UYln1Jz48WNiFL2lDLSyqGhEFVIzc6jv3WtKcRgWpPbdXAaVrEaCSY-Ig",
        },
        Vector {
            jwk: "{\"crv\":\"Ed25519\",\"x\":\"weNwoyolSY-Sc6mBLgLCtcEPso3FhKmLnjVx-EFAX_o\",\"kty\":\"OKP\",\"alg\":\"EdDSA\"}",
            good: "eyJhbGciOiJFZERTQSIsImtpZCI6IkVkRFNBIn0.eyJzdWIiOiJhIiwiZXhwIjo0MTAyNDQ0ODAwfQ.wVACoLra9H4jGK72hi2nuRyCB\
            _2uiHnSUsWpNYv5jPZMm_Da5iBw1V8XJebVRENkI7rHVmQYD_UzQL3qQVBkDw",
            old: "eyJhbGciOiJFZERTQSIsImtpZCI6IkVkRFNBIn0.eyJzdWIiOiJhIiwiZXhwIjoxMDAwMDAwMDAwfQ._MDxlP9Wq_8zssu2cp4P4QO9d\
            YUOBVOJnys-wMXTYklKVRINHKi5k34jcSl7K0g8moh1xQm8AwenIW0H-dQVBg",
        },
    ];

    fn code(result: Result<String>) -> String {
        result.expect_err("refused").code.into_owned()
    }

    #[test]
    fn tokens_of_every_kind_of_key() {
        for (at, vector) in VECTORS.iter().enumerate() {
            let claims = verify(vector.good, vector.jwk).expect("valid");
            assert_eq!(claims, r#"{"sub":"a","exp":4102444800}"#);
            assert_eq!(code(verify(vector.old, vector.jwk)), "jwt_expired");
            let other = &VECTORS[(at + 1) % VECTORS.len()];
            assert_eq!(code(verify(vector.good, other.jwk)), "jwt_invalid");
            // The claims of one under the signature of the other.
            let (head, _) = vector.good.rsplit_once('.').expect("three parts");
            let (_, signature) = vector.old.rsplit_once('.').expect("three parts");
            let forged = format!("{head}.{signature}");
            assert_eq!(code(verify(&forged, vector.jwk)), "jwt_invalid");
            let unsigned = format!("{head}.");
            assert_eq!(code(verify(&unsigned, vector.jwk)), "jwt_invalid");
        }
    }

    #[test]
    fn the_key_decides_about_the_algorithm() {
        let rsa = &VECTORS[0];
        let nameless = rsa.jwk.replace(",\"alg\":\"RS256\"", "");
        assert!(verify(rsa.good, &nameless).is_ok());
        let stronger = rsa.jwk.replace("RS256", "RS512");
        assert_eq!(code(verify(rsa.good, &stronger)), "jwt_invalid");
        let unknown = rsa.jwk.replace("RS256", "XX");
        assert_eq!(code(verify(rsa.good, &unknown)), "jwt_invalid");
        let secret = r#"{"kty":"oct","k":"c2VjcmV0"}"#;
        let hs256 = jwt::sign("{}", "secret").expect("signs");
        assert_eq!(code(verify(&hs256, secret)), "jwt_invalid");
        for jwk in ["", "{}", "[]", r#"{"kty":"RSA"}"#] {
            assert!(verify(rsa.good, jwk).is_err(), "{jwk}");
        }
    }
}
