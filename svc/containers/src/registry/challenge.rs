//! `WWW-Authenticate` headers (RFC 9110, 11.6.1), as far as registries use them.

/// How a registry wants to be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Challenge {
    /// With a name and a password in each request.
    Basic,
    /// With a token from a token service.
    Bearer {
        /// The token service.
        realm: String,
        /// Its name for the registry.
        service: Option<String>,
        /// What the token must allow.
        scope: Option<String>,
    },
}

impl Challenge {
    /// Reads a header's value. `None`: none of the schemes that we know.
    pub fn parse(header: &str) -> Option<Challenge> {
        let (scheme, rest) = header.trim().split_once(' ').unwrap_or((header.trim(), ""));
        if scheme.eq_ignore_ascii_case("basic") {
            return Some(Challenge::Basic);
        }
        if !scheme.eq_ignore_ascii_case("bearer") {
            return None;
        }
        let (mut realm, mut service, mut scope) = (None, None, None);
        for (key, value) in Params(rest) {
            match key.to_ascii_lowercase().as_str() {
                "realm" => realm = Some(value),
                "service" => service = Some(value),
                "scope" => scope = Some(value),
                _ => {}
            }
        }
        Some(Challenge::Bearer { realm: realm?, service, scope })
    }
}

/// `key=token` and `key="quoted \"text\""`, separated by commas.
struct Params<'a>(&'a str);

impl Iterator for Params<'_> {
    type Item = (String, String);

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.0.trim_start_matches([',', ' ', '\t']);
        let (key, rest) = rest.split_once('=')?;
        let mut value = String::new();
        let mut chars = rest.char_indices();
        if !rest.starts_with('"') {
            let end = rest.find(',').unwrap_or(rest.len());
            self.0 = &rest[end..];
            return Some((key.trim().to_owned(), rest[..end].trim().to_owned()));
        }
        chars.next();
        while let Some((at, char)) = chars.next() {
            match char {
                '"' => {
                    self.0 = &rest[at + 1..];
                    return Some((key.trim().to_owned(), value));
                }
                '\\' => value.extend(chars.next().map(|(_, escaped)| escaped)),
                _ => value.push(char),
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bearer_challenge_gives_realm_service_and_scope() {
        let header = r#"Bearer realm="https://auth.example/token",service="registry.example",scope="repository:a/b:pull,push""#;
        let expected = Challenge::Bearer {
            realm: "https://auth.example/token".into(),
            service: Some("registry.example".into()),
            scope: Some("repository:a/b:pull,push".into()),
        };
        assert_eq!(Challenge::parse(header), Some(expected));
    }

    #[test]
    fn odd_spellings_are_read_and_broken_ones_refused() {
        assert_eq!(Challenge::parse("basic realm=x"), Some(Challenge::Basic));
        assert_eq!(Challenge::parse("BASIC"), Some(Challenge::Basic));
        let bare =
            Challenge::Bearer { realm: "http://a/\"b\"".into(), service: Some("s".into()), scope: None };
        assert_eq!(Challenge::parse(r#"bearer  service=s , realm="http://a/\"b\"""#), Some(bare));
        for broken in
            ["", "Negotiate", "Bearer", "Bearer realm=\"unended", "Bearer service=\"s\"", "Bearer ="]
        {
            assert_eq!(Challenge::parse(broken), None, "{broken}");
        }
    }
}
