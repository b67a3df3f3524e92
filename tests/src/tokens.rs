//! A token server, as registries of the large providers have one: it signs what a client may do, after a look at who it is.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};

use crate::oci::{PASSWORD, USER};

const ISSUER: &str = "test-issuer";
const SERVICE: &str = "test-registry";

/// A running server. Its thread ends with the test's process.
#[derive(Debug)]
pub struct TokenServer {
    address: String,
    certificate: PathBuf,
}

impl TokenServer {
    /// Starts a server whose key and certificate lie in a folder.
    pub fn start(folder: &Path) -> Self {
        let (key, certificate) = (folder.join("token.key"), folder.join("token.crt"));
        let private = folder.join("token.p8");
        openssl(&["ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out"], &key, &[]);
        openssl(
            &["req", "-x509", "-new", "-subj", "/CN=test", "-days", "2", "-key"],
            &key,
            &["-out", text(&certificate)],
        );
        openssl(&["pkcs8", "-topk8", "-nocrypt", "-outform", "DER", "-in"], &key, &["-out", text(&private)]);
        let pem = std::fs::read_to_string(&certificate).expect("the certificate");
        let signer = Signer {
            private: std::fs::read(&private).expect("the key"),
            certificate: pem.lines().filter(|line| !line.starts_with('-')).collect(),
        };
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("its address").to_string();
        std::thread::spawn(move || listener.incoming().flatten().for_each(|stream| signer.answer(stream)));
        Self { address, certificate }
    }

    /// What makes a registry send its clients here.
    pub fn configuration(&self) -> String {
        format!(
            "auth: {{token: {{realm: \"http://{}/token\", service: {SERVICE}, issuer: {ISSUER}, rootcertbundle: {}}}}}\n",
            self.address,
            self.certificate.display()
        )
    }
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a plain path")
}

fn openssl(before: &[&str], file: &Path, after: &[&str]) {
    let output = Command::new("openssl").args(before).arg(file).args(after).output().expect("openssl");
    assert!(output.status.success(), "openssl {before:?}: {}", String::from_utf8_lossy(&output.stderr));
}

struct Signer {
    /// PKCS #8.
    private: Vec<u8>,
    /// DER in base64.
    certificate: String,
}

impl Signer {
    /// One request, one answer.
    fn answer(&self, mut stream: TcpStream) {
        let mut lines = BufReader::new(stream.try_clone().expect("a socket")).lines().map_while(Result::ok);
        let request = lines.next().unwrap_or_default();
        let login = format!("basic {}", STANDARD.encode(format!("{USER}:{PASSWORD}")));
        let headers: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
        let known = headers.iter().any(|line| {
            line.split_once(": ").is_some_and(|(name, value)| {
                name.eq_ignore_ascii_case("authorization") && value.replacen("Basic", "basic", 1) == login
            })
        });
        let (status, body) = match known {
            true => ("200 OK", format!("{{\"token\":\"{}\"}}", self.token(&request))),
            false => ("401 Unauthorized", "{}".to_owned()),
        };
        let length = body.len();
        // A client that is gone needs no answer.
        let _ = write!(stream, "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}");
    }

    /// Allows just what the request's scope asks for: `GET /token?service=..&scope=repository:NAME:ACTION,ACTION HTTP/1.1`.
    fn token(&self, request: &str) -> String {
        let query = request.split([' ', '?']).find(|part| part.contains("scope=")).unwrap_or_default();
        let scope = query.split('&').find_map(|pair| pair.strip_prefix("scope=")).unwrap_or_default();
        let scope = scope.replace("%3A", ":").replace("%2F", "/").replace("%2C", ",");
        let mut parts = scope.split(':');
        let mut next = || parts.next().unwrap_or_default().to_owned();
        let (kind, name, actions) = (next(), next(), next());
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("a clock").as_secs();
        let header = serde_json::json!({"typ": "JWT", "alg": "ES256", "x5c": [self.certificate]});
        let claims = serde_json::json!({
            "iss": ISSUER, "aud": SERVICE, "sub": USER, "iat": now, "nbf": now - 10, "exp": now + 300, "jti": "1",
            "access": [{"type": kind, "name": name, "actions": actions.split(',').collect::<Vec<_>>()}],
        });
        let encoded = |value: serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", encoded(header), encoded(claims));
        let random = SystemRandom::new();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &self.private, &random).expect("the key");
        let signature = pair.sign(&random, signed.as_bytes()).expect("a signature");
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref()))
    }
}
