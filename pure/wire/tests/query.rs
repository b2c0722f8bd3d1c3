//! Query strings, percent encoding and lists of keys.

use wire::query::{Malformed, Query, decode, encode, list};

/// Seeded, so that a failure can be seen again.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    fn text(&mut self) -> String {
        let letters: Vec<char> = "abz09-_.~ %+&=?,\"/\\üß€\u{1f980}".chars().collect();
        (0..self.below(12)).map(|_| letters[self.below(letters.len() as u64) as usize]).collect()
    }
}

#[test]
fn what_is_encoded_is_decoded_to_itself_wherever_it_stands() {
    let mut random = Random(7);
    for _ in 0..20_000 {
        let (name, value) = (random.text(), random.text());
        for in_query in [false, true] {
            assert_eq!(decode(&encode(&value), in_query).as_ref(), Ok(&value));
        }
        let query = format!("{}={}", encode(&name), encode(&value));
        assert_eq!(Query::parse(Some(&query)).unwrap().get(&name), Some(value.as_str()), "{query}");
    }
}

#[test]
fn no_bytes_make_reading_fail_otherwise_than_with_a_reason() {
    let mut random = Random(11);
    for _ in 0..20_000 {
        let bytes: Vec<u8> = (0..random.below(24))
            .map(|_| b"%%%4fFgG&&==++,\"\x00\xc3\xbc"[random.below(19) as usize])
            .collect();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Ok(query) = Query::parse(Some(&text)) {
            assert!(query.names().all(|name| query.get(name).is_some()));
        }
        if let Ok(decoded) = decode(&text, true) {
            assert!(!decoded.chars().any(char::is_control));
        }
        assert_eq!(list(&text).join(","), text);
    }
}

#[test]
fn a_query_is_read_as_forms_write_it_and_refused_where_it_is_ambiguous() {
    let query = Query::parse(Some("a=1+2&b=%2B&&c&d==")).unwrap();
    assert_eq!(
        (query.get("a"), query.get("b"), query.get("c"), query.get("d")),
        (Some("1 2"), Some("+"), Some(""), Some("="))
    );
    assert_eq!(Query::parse(None), Query::parse(Some("")));
    assert_eq!(Query::parse(Some("a=1&%61=2")), Err(Malformed::Twice("a".into())));
    for (text, why) in [
        ("a=%", Malformed::Percent),
        ("a=%4", Malformed::Percent),
        ("%g0=1", Malformed::Percent),
        ("a=%ff", Malformed::Encoding),
        ("a=%00", Malformed::Control),
    ] {
        assert_eq!(Query::parse(Some(text)), Err(why), "{text}");
    }
    let many: String = (0..17).map(|number| format!("p{number}=1&")).collect();
    assert_eq!(Query::parse(Some(&many)), Err(Malformed::TooMany));
}

#[test]
fn commas_within_quotes_do_not_separate_keys() {
    assert_eq!(list("a,b"), ["a", "b"]);
    assert_eq!(list("a.\"x,y\".z,b"), ["a.\"x,y\".z", "b"]);
    assert_eq!(list(r#"a."x\",y",b"#), [r#"a."x\",y""#, "b"]);
    assert_eq!(list(""), [""]);
    assert_eq!(list(",,"), ["", "", ""]);
}
