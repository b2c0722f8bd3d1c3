//! Colours: on a terminal that wants them, nowhere else.

use std::borrow::Cow;

/// Whether to paint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    coloured: bool,
}

/// What a colour means here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paint {
    /// Nothing in particular.
    Plain,
    /// Headings, things beside the point.
    Faint,
    /// As it should be; added.
    Good,
    /// Wants attention.
    Warn,
    /// Wrong; removed.
    Bad,
    /// Names.
    Strong,
}

impl Style {
    /// Without colours.
    pub fn plain() -> Self {
        Self { coloured: false }
    }

    /// With colours.
    pub fn coloured() -> Self {
        Self { coloured: true }
    }

    /// `text`, painted. The text is ours or cleaned already.
    pub fn paint<'t>(self, text: &'t str, paint: Paint) -> Cow<'t, str> {
        let code = match paint {
            Paint::Plain => return text.into(),
            _ if !self.coloured || text.is_empty() => return text.into(),
            Paint::Faint => "2",
            Paint::Good => "32",
            Paint::Warn => "33",
            Paint::Bad => "31",
            Paint::Strong => "1",
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m").into()
    }
}
