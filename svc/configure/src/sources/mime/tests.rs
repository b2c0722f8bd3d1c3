//! MIME documents, good and bad.

use super::*;

/// A part's number, type and text.
type Body = (String, String, Result<String, &'static str>);

fn bodies(text: &str) -> Option<Vec<Body>> {
    let parts = parts(text.as_bytes())?;
    let body = |part: Part| {
        let body = part.body.map(|body| String::from_utf8(body).unwrap());
        (part.number, part.kind, body)
    };
    Some(parts.into_iter().map(body).collect())
}

fn multipart(parts: &str) -> String {
    format!(
        "Content-Type: multipart/mixed; boundary=\"==b==\"\nMIME-Version: 1.0\n\nfor old readers\n{parts}"
    )
}

#[test]
fn toml_is_no_mime() {
    for text in [
        "",
        "\n",
        "[settings]\n",
        "settings.motd = 'Content-Type: multipart/mixed'\n",
        "# Content-Type: multipart/mixed; boundary=b\n",
        "MIME-Version: 1.0\n\nmotd\n",
        "a: b\n",
        "\u{fc}: x\n\n",
    ] {
        assert_eq!(bodies(text), None, "{text:?}");
    }
    assert_eq!(parts(b"Content-Type: \xff\n\n"), None);
    assert_eq!(parts("x: y\n".repeat(HEADER_LINES + 1).as_bytes()), None);
}

#[test]
fn parts_are_what_stands_between_boundaries() {
    let text = multipart(
        "--==b==\nContent-Type: text/x-gantry; charset=\"us-ascii\"\n\none\n\n--==b==\n\ntwo\n--==b== \n\
         content-TYPE: Text/Plain;\n\tname=x\nContent-Transfer-Encoding: Base64\n\ndGhy\n ZWU=\n--==b==--\nbehind\n--==b==\n\nnot read\n",
    );
    let wanted = Some(vec![
        ("1".into(), "text/x-gantry".into(), Ok("one\n".into())),
        ("2".into(), "text/plain".into(), Ok("two".into())),
        ("3".into(), "text/plain".into(), Ok("three".into())),
    ]);
    assert_eq!(bodies(&text), wanted);
    assert_eq!(bodies(&text.replace('\n', "\r\n").replace("one\r\n", "one\n")), wanted, "Windows' line ends");
    assert_eq!(bodies(&format!("From somebody Fri Nov 20\n{text}")), wanted, "as a mail box has it");
}

#[test]
fn a_document_of_one_type_is_one_part() {
    let text = "MIME-Version: 1.0\nContent-Type: text/x-gantry\n\n[settings]\n";
    assert_eq!(bodies(text).unwrap(), [("1".into(), "text/x-gantry".into(), Ok("[settings]\n".into()))]);
}

#[test]
fn what_is_wrong_with_a_part_is_said_and_the_others_stay() {
    let text = multipart(
        "--==b==\nContent-Transfer-Encoding: base64\n\n*\n--==b==\nContent-Transfer-Encoding: x-rot13\n\na\n\
         --==b==\nContent-Type: multipart/mixed\n\n--\n--==b==\n\ngood\n--==b==\n\ncut off",
    );
    let bodies = bodies(&text).unwrap();
    let why: Vec<_> = bodies
        .iter()
        .map(|(_, _, body)| body.as_deref().map_err(|why| why.split(' ').next().unwrap()))
        .collect();
    assert_eq!(why, [Err("not"), Err("a"), Err("a"), Ok("good"), Err("no")]);
}

#[test]
fn parts_in_parts_are_taken_so_deep_and_no_deeper() {
    let nested = |depth: usize| {
        (0..depth).fold("Content-Type: text/x-gantry\n\nx".to_owned(), |inner, level| {
            format!("Content-Type: multipart/mixed; boundary=b{level}\n\n--b{level}\n{inner}\n--b{level}--\n")
        })
    };
    let innermost = |depth| bodies(&nested(depth)).unwrap().remove(0);
    assert_eq!(innermost(DEPTH), ("1.1.1.1".into(), "text/x-gantry".into(), Ok("x".into())));
    assert!(innermost(DEPTH + 1).2.is_err());
    assert!(innermost(2000).2.is_err());
}

#[test]
fn a_flood_of_parts_ends() {
    let parts = bodies(&multipart(&"--==b==\n\nx\n".repeat(100_000))).unwrap();
    assert_eq!(parts.len(), PARTS + 1);
    assert!(parts[PARTS].2.clone().is_err_and(|why| why.starts_with("too many parts")));
    let inner = "--==b==\nContent-Type: multipart/mixed; boundary=c\n\n--c\n\nx\n--c--\n".repeat(10_000);
    assert_eq!(bodies(&multipart(&inner)).unwrap().len(), PARTS + 1);
}
