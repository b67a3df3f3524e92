//! Keys and signatures as `openssl` and `minisign` make them.

use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};

use super::*;

/// A P-256 key as cosign and openssl have it: the pair, and the PEM of its public half.
fn p256() -> (EcdsaKeyPair, String) {
    let random = SystemRandom::new();
    let private = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).unwrap();
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, private.as_ref(), &random).unwrap();
    let spki = [&P256_SPKI[..], pair.public_key().as_ref()].concat();
    let body = BASE64.encode(spki);
    let lines: Vec<&str> = body.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    (pair, format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", lines.join("\n")))
}

fn signed(pair: &EcdsaKeyPair, bytes: &[u8]) -> Vec<u8> {
    pair.sign(&SystemRandom::new(), bytes).unwrap().as_ref().to_vec()
}

fn policy(required: bool, keys: &[(&str, &str)]) -> SignaturePolicy {
    let keys = keys.iter().map(|(label, text)| TrustedKey::parse(label, text).unwrap());
    SignaturePolicy::new(required, keys.collect())
}

/// A key and a signature over the text `test` that minisign made: the example of the library that checks them.
const MINISIGN_KEY: &str =
    "untrusted comment: minisign public key\nRWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3\n";
const MINISIGN_MADE: &str = "untrusted comment: signature from minisign secret key\n\
RUQf6LRCGA9i559r3g7V1qNyJDApGip8MfqcadIgT9CuhV3EMhHoN1mGTkUidF/z7SrlQgXdy8ofjb7bNJJylDOocrCo8KLzZwo=\n\
trusted comment: timestamp:1633700835\tfile:test\tprehashed\n\
wLMDjy9FLAuxZ3q4NlEvkgtyhrr0gtTu6KC4KBJdITbbOeAi1zBIYo0v4iTgt8jJpIidRJnp94ABQkJAgAooBQ==\n";

#[test]
fn a_minisign_signature_is_good_for_its_bytes_and_key_only() {
    let signature = Signature::new(MINISIGN_MADE.as_bytes().to_vec()).unwrap();
    let policy = policy(true, &[("minisign.pub", MINISIGN_KEY)]);
    let by = policy.check(b"test", Some(&signature)).unwrap().unwrap();
    assert_eq!((by.format.as_str(), by.key.as_str()), (MINISIGN, "minisign.pub"));
    assert!(matches!(policy.check(b"Test", Some(&signature)), Err(SignatureError::Wrong { .. })));
    // The trusted comment is signed too.
    let forged = Signature::new(MINISIGN_MADE.replace("file:test", "file:best").into_bytes()).unwrap();
    assert!(matches!(policy.check(b"test", Some(&forged)), Err(SignatureError::Wrong { .. })));
}

#[test]
fn an_ecdsa_signature_is_taken_as_der_and_as_base64() {
    let (pair, pem) = p256();
    let policy = policy(true, &[("cosign.pub", &pem)]);
    let der = signed(&pair, b"component");
    for form in [der.clone(), format!("{}\n", BASE64.encode(&der)).into_bytes()] {
        let signature = Signature::new(form).unwrap();
        let by = policy.check(b"component", Some(&signature)).unwrap().unwrap();
        assert_eq!(by.format, ECDSA);
        assert!(policy.check(b"component!", Some(&signature)).is_err());
    }
}

#[test]
fn any_of_several_keys_will_do_and_the_record_names_it() {
    let ((one, first), (_, second)) = (p256(), p256());
    let keys = [("old.pub", second.as_str()), ("minisign.pub", MINISIGN_KEY), ("new.pub", first.as_str())];
    let signature = Signature::new(signed(&one, b"x")).unwrap();
    assert_eq!(policy(true, &keys).check(b"x", Some(&signature)).unwrap().unwrap().key, "new.pub");
    let error = policy(true, &keys[..2]).check(b"x", Some(&signature)).unwrap_err().to_string();
    assert!(error.contains("old.pub, minisign.pub"), "{error}");
}

#[test]
fn what_is_unsigned_passes_only_where_no_signature_is_asked_for() {
    let (pair, pem) = p256();
    let wrong = Signature::new(signed(&pair, b"other")).unwrap();
    assert!(matches!(policy(true, &[("k", &pem)]).check(b"x", None), Err(SignatureError::Missing { .. })));
    assert_eq!(policy(false, &[("k", &pem)]).check(b"x", None).unwrap(), None);
    // A wrong signature is worse than none.
    assert!(policy(false, &[("k", &pem)]).check(b"x", Some(&wrong)).is_err());
    assert_eq!(policy(false, &[]).check(b"x", Some(&wrong)).unwrap(), None);
    assert!(matches!(policy(true, &[]).check(b"x", Some(&wrong)), Err(SignatureError::NoKeys)));
}

#[test]
fn keys_of_other_kinds_are_refused_with_a_reason() {
    let (_, pem) = p256();
    let other_curve = {
        let body: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
        let mut der = BASE64.decode(body).unwrap();
        // The last byte of the curve's identifier.
        der[22] = 0x08;
        format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", BASE64.encode(der))
    };
    for (text, told) in [
        (other_curve.as_str(), "P-256"),
        (&pem.replace("PUBLIC", "PRIVATE"), "PUBLIC KEY"),
        (&pem.replace("MF", "M!"), "base64"),
        ("ssh-ed25519 AAAA", "minisign"),
        ("", "minisign"),
    ] {
        let error = TrustedKey::parse("k", text).unwrap_err();
        assert!(error.contains(told), "{text}: {error}");
    }
}

#[test]
fn signatures_lie_beside_their_component() {
    let folder = tempfile::tempdir().unwrap();
    let component = folder.path().join("aws-cur.wasm");
    assert_eq!(Signature::beside(&component).unwrap(), None);
    std::fs::write(folder.path().join("aws-cur.wasm.sig"), b"der").unwrap();
    assert_eq!(Signature::beside(&component).unwrap().unwrap().bytes(), b"der");
    std::fs::write(folder.path().join("aws-cur.wasm.minisig"), b"text").unwrap();
    assert_eq!(Signature::beside(&component).unwrap().unwrap().bytes(), b"text");
    std::fs::write(folder.path().join("aws-cur.wasm.minisig"), vec![0; 20_000]).unwrap();
    assert!(Signature::beside(&component).is_err());
}
