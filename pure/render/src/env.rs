//! Files of environment variables: `NAME=VALUE` by line, the value as it is up to the line's end, without quotes.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use settings::model::Network;

use crate::Error;

/// Variables, in the order in which they are written.
#[derive(Default)]
pub(crate) struct Env(Vec<(&'static str, String)>);

impl Env {
    /// A variable.
    pub(crate) fn set(&mut self, name: &'static str, value: impl Into<String>) {
        self.0.push((name, value.into()));
    }

    /// A variable, if there is a value for it.
    pub(crate) fn maybe(&mut self, name: &'static str, value: Option<impl Into<String>>) {
        if let Some(value) = value {
            self.set(name, value);
        }
    }

    /// The proxy, if there is one, and what is reached without it: what is set, `own`, the host itself, and the instance's
    /// metadata, which are another machine's behind a proxy.
    pub(crate) fn proxy(&mut self, network: &Network, own: &[String]) {
        let Some(proxy) = &network.https_proxy else { return };
        self.set("HTTPS_PROXY", proxy.expose());
        let written = network.no_proxy.iter().flatten().map(ToString::to_string);
        let always = ["localhost", "127.0.0.1", "169.254.169.254"].into_iter().map(String::from);
        let names: Vec<String> = written.chain(own.iter().cloned()).chain(always).collect();
        self.set("NO_PROXY", names.join(","));
    }

    /// The file.
    pub(crate) fn bytes(&self, path: &str) -> Result<Vec<u8>, Error> {
        let mut text = String::new();
        for (name, value) in &self.0 {
            if value.chars().any(char::is_control) {
                return Err(Error::Line { path: path.into(), name });
            }
            text += &format!("{name}={value}\n");
        }
        Ok(text.into_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_of_two_lines_is_refused() {
        let mut env = Env::default();
        env.set("A", "b=c \"d\"");
        env.maybe("B", None::<String>);
        assert_eq!(env.bytes("/x").unwrap(), b"A=b=c \"d\"\n");
        env.set("C", "a\nD=e");
        assert!(env.bytes("/x").is_err());
    }
}
