//! A client that says every byte it sends, over TLS.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{
    ClientConfig, ClientConnection, HandshakeKind, RootCertStore, StreamOwned, SupportedProtocolVersion,
};

use crate::http::{Answer, Request};
use crate::server::PATIENCE;

pub type Connection = StreamOwned<ClientConnection, TcpStream>;

/// Somebody with or without a certificate.
pub struct Client {
    port: u16,
    config: Arc<ClientConfig>,
}

impl Client {
    /// Believes `ca`; shows a certificate with its key, if there is one.
    pub fn new(port: u16, ca: &str, identity: Option<(&str, &str)>) -> Self {
        Client::of(port, ca, identity, &[&rustls::version::TLS13])
    }

    /// The same, of these versions of TLS.
    pub fn of(
        port: u16,
        ca: &str,
        identity: Option<(&str, &str)>,
        versions: &[&'static SupportedProtocolVersion],
    ) -> Self {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(ca.as_bytes()).unwrap()).unwrap();
        let builder = ClientConfig::builder_with_provider(provider).with_protocol_versions(versions).unwrap();
        let builder = builder.with_root_certificates(roots);
        let config = match identity {
            None => builder.with_no_client_auth(),
            Some((certificate, key)) => {
                let chain =
                    CertificateDer::pem_slice_iter(certificate.as_bytes()).collect::<Result<_, _>>().unwrap();
                let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
                builder.with_client_auth_cert(chain, key).unwrap()
            }
        };
        Client { port, config: Arc::new(config) }
    }

    /// A connection whose handshake is done, as far as we can tell: TLS 1.3 tells a client of a refusal when it reads.
    pub fn connect(&self) -> io::Result<Connection> {
        let stream = TcpStream::connect(("127.0.0.1", self.port))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let name = ServerName::try_from("127.0.0.1").unwrap();
        let connection = ClientConnection::new(self.config.clone(), name).map_err(io::Error::other)?;
        let mut stream = StreamOwned::new(connection, stream);
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock)?;
        }
        Ok(stream)
    }

    /// Asks over a connection of its own and takes the whole answer.
    pub fn ask(&self, request: &Request) -> io::Result<Answer> {
        let mut connection = self.connect()?;
        connection.write_all(&request.bytes())?;
        let mut bytes = Vec::new();
        match connection.read_to_end(&mut bytes) {
            // Some close without TLS's farewell; what came before is an answer, if it is one.
            Err(_) if bytes.windows(4).any(|window| window == b"\r\n\r\n") => {}
            Err(err) => return Err(err),
            Ok(_) if bytes.is_empty() => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(_) => {}
        }
        Ok(Answer::parse(&bytes))
    }

    pub fn get(&self, target: &str) -> io::Result<Answer> {
        self.ask(&Request::new("GET", target))
    }

    /// The status of an answer that may have no end.
    pub fn status(&self, request: &Request) -> io::Result<u16> {
        let mut connection = self.connect()?;
        connection.write_all(&request.bytes())?;
        let mut head = [0; 12];
        connection.read_exact(&mut head)?;
        Ok(str::from_utf8(&head[9..]).unwrap().parse().unwrap())
    }

    /// How the handshake of a second connection went.
    pub fn second_handshake(&self) -> io::Result<Option<HandshakeKind>> {
        self.get("/v1/status")?;
        Ok(self.connect()?.conn.handshake_kind())
    }
}

/// One request on a connection that stays.
pub fn ask(connection: &mut Connection, target: &str) -> io::Result<u16> {
    write!(connection, "GET {target} HTTP/1.1\r\nHost: h\r\n\r\n")?;
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        connection.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap().to_lowercase();
    let length = head.split("content-length: ").nth(1).and_then(|rest| rest.lines().next()).unwrap();
    let mut body = vec![0; length.parse().unwrap()];
    connection.read_exact(&mut body)?;
    Ok(head[9..12].parse().unwrap())
}
