//! Free text, by where it goes.

use alloc::string::String;

use super::{Invalid, text_scalar};

text_scalar! {
    /// Text of any number of lines, up to 64 KiB, without control characters except line feed and tab: it is
    /// shown on terminals.
    Text: "text", |text| {
        if text.len() > 64 << 10 {
            return Err(Invalid::new("longer than 65536 bytes"));
        }
        if text.chars().any(|c| c.is_control() && c != '\n' && c != '\t') {
            return Err(Invalid::new("holds a control character"));
        }
        Ok(())
    }
}

text_scalar! {
    /// One line of text, up to 4096 bytes (what one write to a file of /proc/sys may be).
    SingleLine: "one line of text", |text| {
        if text.len() > 4096 {
            return Err(Invalid::new("longer than 4096 bytes"));
        }
        if text.chars().any(char::is_control) {
            return Err(Invalid::new("not one line of text without control characters"));
        }
        Ok(())
    }
}

text_scalar! {
    /// One argument of a program: anything but NUL, up to 128 KiB (the kernel's MAX_ARG_STRLEN).
    Argument: "text", |text| exec_text(text)
}

text_scalar! {
    /// The value of an environment variable: anything but NUL, up to 128 KiB with its name.
    EnvValue: "text", |text| exec_text(text)
}

text_scalar! {
    /// The name of an environment variable: Kubernetes' rule, letters, digits, `_`, `-` and `.`, no digit first.
    EnvName: "a variable name", |text| {
        let word = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
        match text.as_bytes() {
            [first, ..] if !first.is_ascii_digit() && text.len() <= 256 && text.bytes().all(word) => Ok(()),
            _ => Err(Invalid::new("not a variable name: letters, digits, _ - and . with no digit first, up to 256")),
        }
    }
}

fn exec_text(text: &str) -> Result<(), Invalid> {
    if text.len() >= 128 << 10 {
        return Err(Invalid::new("longer than a program's argument may be (128 KiB)"));
    }
    if text.contains('\0') {
        return Err(Invalid::new("holds a NUL character"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scalar::tests::accepts;

    #[test]
    fn texts_at_their_edges() {
        let fits = "x".repeat(64 << 10);
        let over = "x".repeat((64 << 10) + 1);
        accepts::<Text>(&["", "a\nb\tc", "\u{1F680}", &fits], &["\0", "\x1b[31m", "a\rb", &over]);
        let (line, longer) = ("x".repeat(4096), "x".repeat(4097));
        accepts::<SingleLine>(&["", "4096\u{e9} 1 2", &line], &["a\nb", "a\tb", "\u{85}", &longer]);
        let (argument, longer) = ("x".repeat((128 << 10) - 1), "x".repeat(128 << 10));
        accepts::<Argument>(&["", "a\nb", "\x1b", &argument], &["a\0b", &longer]);
        accepts::<EnvValue>(&["", "a\nb"], &["\0"]);
        let (name, longer) = ("x".repeat(256), "x".repeat(257));
        accepts::<EnvName>(
            &["A", "_a", "a.b-c", ".x", &name],
            &["", "1A", "A=B", "A B", "\u{e9}", "A\0", &longer],
        );
    }
}
