//! `apiclient certificates`

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use wire::query::encode;
use wire::types::{Certificate, CertificateIssued, CertificateList, CertificateWanted};

use crate::failure::Failure;
use crate::session::Session;
use crate::show::{Cell, Paint, Table, clean, utc};
use crate::transport::{Ask, Method};

/// What `--node` looks for in its folder.
const FILES: [&str; 3] = ["ca.pem", "client.pem", "client.key"];

/// List, issue and revoke client certificates for the remote API, where the host is its own authority
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  apiclient certificates
      Those that have not expired.
  apiclient certificates issue alice --role operator --into alice/
      Writes alice/ca.pem, client.pem and client.key: what `apiclient --node` looks for in $GANTRY_HOME.
  apiclient certificates revoke 3f9a...
      Its holder is out at once.")]
pub struct Certificates {
    #[command(subcommand)]
    verb: Option<Verb>,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Issue one. Its key is kept nowhere on the host
    #[command(after_help = "Examples:
  apiclient certificates issue alice --role operator --into alice/
  apiclient certificates issue ci --role reader --days 1 --json
      On standard output, for programs.")]
    Issue {
        /// Who will hold it; records of calls name its holder so
        name: String,
        /// What its holder may do: reader, operator, admin
        #[arg(long, value_parser = ["reader", "operator", "admin"])]
        role: String,
        /// How long it is valid; without it, what settings.api.certificate-days says
        #[arg(long, value_parser = clap::value_parser!(u16).range(1..))]
        days: Option<u16>,
        /// Write ca.pem, client.pem and client.key into this folder, instead of standard output
        #[arg(long, value_name = "FOLDER")]
        into: Option<PathBuf>,
    },
    /// Revoke one; connections with it end
    #[command(after_help = "Example:
  apiclient certificates revoke 3f9a...")]
    Revoke {
        /// Its serial number, as the list shows it
        serial: String,
    },
}

impl Certificates {
    pub async fn run(self, session: &mut Session<'_>) -> Result<(), Failure> {
        match self.verb {
            None => list(session).await,
            Some(Verb::Issue { name, role, days, into }) => {
                issue(&CertificateWanted { name, role, days }, into.as_deref(), session).await
            }
            Some(Verb::Revoke { serial }) => {
                let ask = Ask::new(Method::DELETE, format!("/v1/certificates/{}", encode(&serial)));
                let Some(revoked) = session.show::<Certificate>(ask).await? else { return Ok(()) };
                session.print(&format!("revoked {} of {}\n", clean(&revoked.serial), clean(&revoked.name)))
            }
        }
    }
}

async fn list(session: &mut Session<'_>) -> Result<(), Failure> {
    let Some(list) = session.show::<CertificateList>(Ask::get("/v1/certificates")).await? else {
        return Ok(());
    };
    let mut table = Table::new(["SERIAL", "NAME", "ROLE", "VALID UNTIL", ""]);
    for one in &list.certificates {
        let state = match one.revoked_s {
            Some(when) => Cell::painted(format!("revoked {}", utc(when)), Paint::Bad),
            None => "".into(),
        };
        table.row([
            (&one.serial).into(),
            (&one.name).into(),
            (&one.role).into(),
            utc(one.not_after_s).into(),
            state,
        ]);
    }
    let text = table.text(session.style);
    session.print(&text)
}

async fn issue(
    wanted: &CertificateWanted,
    into: Option<&Path>,
    session: &mut Session<'_>,
) -> Result<(), Failure> {
    if let Some(folder) = into {
        room(folder)?;
    }
    let body = serde_json::json!({ "name": wanted.name, "role": wanted.role, "days": wanted.days });
    let ask = Ask::new(Method::POST, "/v1/certificates").json(&body);
    let Some(folder) = into else {
        if let Some(issued) = session.show::<CertificateIssued>(ask).await? {
            let CertificateIssued { certificate, key, ca, .. } = issued;
            session.print_bytes(format!("{ca}{certificate}{key}").as_bytes())?;
        }
        return Ok(());
    };
    let issued: CertificateIssued = session.learn(ask).await?;
    let texts = [&issued.ca, &issued.certificate, &issued.key];
    for (name, text) in FILES.iter().zip(texts) {
        let path = folder.join(name);
        write(&path, text).map_err(|err| Failure::Unwritten {
            serial: clean(&issued.serial).into(),
            path,
            err,
        })?;
    }
    let (serial, until) = (clean(&issued.serial), utc(issued.not_after_s));
    session.print(&format!(
        "issued {serial}, valid until {until}; use it with: GANTRY_HOME={} apiclient --node HOST ...\n",
        folder.display()
    ))
}

/// Nothing is overwritten, and that is known before there is a key to be lost.
fn room(folder: &Path) -> Result<(), Failure> {
    if let Some(taken) = FILES.iter().map(|name| folder.join(name)).find(|path| path.exists()) {
        return Err(Failure::Usage(format!("{} is there already; name another folder", taken.display())));
    }
    std::fs::create_dir_all(folder).map_err(|err| Failure::File { path: folder.to_owned(), err })
}

/// The key is nobody else's to read; for certificates it does no harm.
fn write(path: &Path, text: &str) -> std::io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}
