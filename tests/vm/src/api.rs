//! The machine's remote API: keys for it, user data that turns it on, and its client.
//!
//! The keys are made at first use, beside the image's test keys, and used for every machine: an authority, a server's
//! certificate for `127.0.0.1` and an administrator's. The client is the image's own `apiclient`, which is static and so
//! runs here as well: what scenarios drive is what ships.

use std::fs::{self, DirBuilder};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use apiserver::authority::{Authority, Issued, Purpose};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use imager::cache::Cache;
use wire::Role;

use crate::error::{Error, Result};
use crate::guest::Guest;
use crate::lab::checkout;

/// The machine's port, unless its settings say otherwise.
pub const PORT: u16 = 7443;

/// How long the certificates of a checkout are valid, in days.
const DAYS: u16 = 397;

/// Keys that are valid for less than this are made anew: a machine that is started now must not outlive them.
const LEFT_S: u64 = 7 * 86_400;

/// Between two tries of an API that is not there yet.
const AGAIN: Duration = Duration::from_millis(500);

/// A folder of keys for the remote API: `ca.pem`, `client.pem`, `client.key`, as the client looks for them; `server.pem` and
/// `server.key` for machines; `authority.pem`, which can issue more.
#[derive(Debug, Clone)]
pub struct ApiKeys {
    dir: PathBuf,
}

impl ApiKeys {
    /// This checkout's, made if there are none or they have not long to live.
    pub fn ensure() -> Result<Self> {
        let cache = Cache::of_repository(&checkout()).map_err(Error::make("the folder of keys"))?;
        Self::ensure_in(&cache.root().join("api"), now_s())
    }

    /// Those in `dir`. Of two callers at once one makes them and both get the same.
    pub fn ensure_in(dir: &Path, now_s: u64) -> Result<Self> {
        let keys = ApiKeys { dir: dir.to_owned() };
        if keys.valid_until_s().is_some_and(|until_s| until_s >= now_s + LEFT_S) {
            return Ok(keys);
        }
        let aside = dir.with_extension(format!("new.{}", std::process::id()));
        let _ = fs::remove_dir_all(&aside);
        ApiKeys { dir: aside.clone() }.make(now_s)?;
        let _ = fs::remove_dir_all(dir);
        // Fails if somebody else's keys have appeared there: then those are the ones.
        let moved = fs::rename(&aside, dir);
        let _ = fs::remove_dir_all(&aside);
        match moved {
            Err(err) if keys.valid_until_s().is_none() => Err(Error::file("create", dir)(err)),
            _ => Ok(keys),
        }
    }

    fn make(&self, now_s: u64) -> Result<()> {
        let created = DirBuilder::new().recursive(true).mode(0o700).create(&self.dir);
        created.map_err(Error::file("create", &self.dir))?;
        let make = Error::make("keys for the remote API");
        let made = (|| {
            let authority = Authority::make("Gantry test API", now_s)?;
            let names = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
            let server = authority.issue(&Purpose::Server(&names), now_s, DAYS)?;
            let client = authority.issue(&Purpose::Client("developer", Role::Admin), now_s, DAYS)?;
            Ok::<_, apiserver::authority::MakeError>((authority, server, client))
        })();
        let (authority, server, client) = made.map_err(make)?;
        self.write("authority.pem", &authority.to_pem())?;
        self.write("ca.pem", &authority.certificate_pem())?;
        self.write("server.pem", &server.certificate)?;
        self.write("server.key", &server.key)?;
        self.write("client.pem", &client.certificate)?;
        self.write("client.key", &client.key)?;
        self.write("valid-until", &format!("{}\n", client.not_after_s))
    }

    /// Keys of another role, for scenarios that ask who may do what: a certificate and its key.
    pub fn issue(&self, name: &str, role: Role) -> Result<(PathBuf, PathBuf)> {
        let make = || Error::make("a client's certificate");
        let authority = Authority::open(&self.read("authority.pem")?).map_err(make())?;
        let issued: Issued = authority.issue(&Purpose::Client(name, role), now_s(), DAYS).map_err(make())?;
        let (certificate, key) = (format!("{name}.pem"), format!("{name}.key"));
        self.write(&certificate, &issued.certificate)?;
        self.write(&key, &issued.key)?;
        Ok((self.file(&certificate), self.file(&key)))
    }

    /// User data that turns the API on, for these keys.
    pub fn user_data(&self) -> Result<String> {
        let encoded = |name: &str| self.read(name).map(|text| STANDARD.encode(text));
        Ok(format!(
            "\n[settings.api]\nenabled = true\nport = {PORT}\nclient-ca = \"{}\"\ncertificate = \"{}\"\nkey = \"{}\"\n",
            encoded("ca.pem")?,
            encoded("server.pem")?,
            encoded("server.key")?
        ))
    }

    /// One of the files.
    pub fn file(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    fn valid_until_s(&self) -> Option<u64> {
        fs::read_to_string(self.file("valid-until")).ok()?.trim().parse().ok()
    }

    fn read(&self, name: &str) -> Result<String> {
        let path = self.file(name);
        fs::read_to_string(&path).map_err(Error::file("read", &path))
    }

    fn write(&self, name: &str, text: &str) -> Result<()> {
        let path = self.file(name);
        let open = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&path);
        open.and_then(|mut file| file.write_all(text.as_bytes())).map_err(Error::file("write", &path))
    }
}

/// A running machine's API, as somebody with a certificate sees it.
#[derive(Debug, Clone)]
pub struct Api {
    client: PathBuf,
    port: u16,
    ca: PathBuf,
    certificate: PathBuf,
    key: PathBuf,
}

/// What the client said.
#[derive(Debug, Clone)]
pub struct Said {
    /// Its exit status: 0 is good, docs/reference/apiclient.md has the others. None: it was killed.
    pub status: Option<i32>,
    /// Its output.
    pub stdout: String,
    /// Its complaints.
    pub stderr: String,
}

impl Api {
    /// The API of a machine that has the keys' user data and forwards [`PORT`], for the keys' administrator.
    pub fn of(guest: &Guest, keys: &ApiKeys) -> Result<Self> {
        Self::with(guest, ["ca.pem", "client.pem", "client.key"].map(|name| keys.file(name)))
    }

    /// The same, with an authority's certificate, a client's, and its key.
    pub fn with(guest: &Guest, [ca, certificate, key]: [PathBuf; 3]) -> Result<Self> {
        let port = guest.port(PORT);
        let port = port.ok_or_else(|| Error::make("a way to the API")("port 7443 is not forwarded"))?;
        Ok(Self { client: client()?, port, ca, certificate, key })
    }

    /// The same machine's, for the holder of another certificate.
    pub fn as_holder_of(&self, (certificate, key): (PathBuf, PathBuf)) -> Self {
        Self { certificate, key, ..self.clone() }
    }

    /// The command line of the client, up to its own words.
    pub fn command_line(&self) -> Vec<String> {
        let path = |path: &Path| path.display().to_string();
        vec![
            path(&self.client),
            "--node".into(),
            format!("127.0.0.1:{}", self.port),
            "--ca".into(),
            path(&self.ca),
            "--cert".into(),
            path(&self.certificate),
            "--key".into(),
            path(&self.key),
        ]
    }

    /// Runs the client with these words. Its own time limits hold: it ends.
    pub fn run(&self, words: &[&str]) -> Result<Said> {
        self.run_with(words, "")
    }

    /// The same, with something on its standard input.
    pub fn run_with(&self, words: &[&str], input: &str) -> Result<Said> {
        let line = self.command_line();
        let failed = |err| Error::Start { program: line[0].clone(), err };
        let mut command = Command::new(&line[0]);
        command.args(&line[1..]).args(words);
        // What this shell is set up for is not what the scenario means.
        ["GANTRY_NODE", "GANTRY_CA", "GANTRY_CERT", "GANTRY_KEY", "GANTRY_HOME"].iter().for_each(|name| {
            command.env_remove(name);
        });
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(failed)?;
        if let Some(mut stdin) = child.stdin.take() {
            // One that wants no input may be gone already.
            let _ = stdin.write_all(input.as_bytes());
        }
        let output = child.wait_with_output().map_err(failed)?;
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Ok(Said { status: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) })
    }

    /// Waits until the API answers.
    pub fn wait(&self, guest: &Guest, deadline: Duration) -> Result<Said> {
        let until = Instant::now() + deadline;
        loop {
            let said = self.run(&["status", "--timeout", "20s"])?;
            if said.status == Some(0) {
                return Ok(said);
            }
            if Instant::now() > until || guest.console().wait_end(AGAIN) {
                let (what, tail) =
                    (format!("answer of the API (last: {})", said.stderr.trim()), guest.console().tail());
                return Err(Error::Late { what, deadline, tail });
            }
        }
    }
}

/// The image's client: `$GANTRY_APICLIENT`, else where the image builder has put it.
fn client() -> Result<PathBuf> {
    if let Some(path) = std::env::var_os("GANTRY_APICLIENT") {
        return Ok(path.into());
    }
    let target = std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| checkout().join("target"), |dir| checkout().join(dir));
    let built = target.join("image-static").join(imager::programs::TARGET).join("image/apiclient");
    if built.exists() {
        return Ok(built);
    }
    let why = format!(
        "{} is missing: build the image (cargo xtask image), or set GANTRY_APICLIENT",
        built.display()
    );
    Err(Error::make("a client of the API")(why))
}

fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_made_once_and_anew_before_they_expire() {
        let dir = std::env::temp_dir().join(format!("vm-api-keys-{}", std::process::id())).join("api");
        let now = now_s();
        let first = ApiKeys::ensure_in(&dir, now).unwrap();
        let user_data = first.user_data().unwrap();
        assert_eq!(ApiKeys::ensure_in(&dir, now).unwrap().user_data().unwrap(), user_data);
        let late = now + u64::from(DAYS) * 86_400 - LEFT_S + 1;
        assert_ne!(ApiKeys::ensure_in(&dir, late).unwrap().user_data().unwrap(), user_data);
        fs::remove_dir_all(dir.parent().unwrap()).unwrap();
    }

    #[test]
    fn the_machine_understands_the_user_data_and_other_roles_can_be_issued() {
        let dir = std::env::temp_dir().join(format!("vm-api-data-{}", std::process::id())).join("api");
        let keys = ApiKeys::ensure_in(&dir, now_s()).unwrap();
        let text = keys.user_data().unwrap();
        let sources = [(settings::Layer::FwCfg, text.as_bytes())];
        let loaded = settings::load(&sources, &settings::LIMITS);
        assert!(loaded.problems.is_empty(), "{:?}", loaded.problems);
        assert_eq!((loaded.settings.api.enabled, loaded.settings.api.port()), (Some(true), PORT));
        let (certificate, key) = keys.issue("reader", Role::Reader).unwrap();
        assert!(certificate.exists() && key.exists());
        fs::remove_dir_all(dir.parent().unwrap()).unwrap();
    }
}
