//! Aligned columns.

use super::style::{Paint, Style};

/// Rows under a heading; the last column is never padded and never cut.
#[derive(Debug)]
pub struct Table {
    rows: Vec<Vec<Cell>>,
    columns: usize,
}

/// A piece of a row.
#[derive(Debug, Clone)]
pub struct Cell {
    text: String,
    paint: Paint,
}

impl Cell {
    /// Text from anywhere, painted.
    pub fn painted(text: impl AsRef<str>, paint: Paint) -> Self {
        Self { text: super::clean(text.as_ref()).into_owned(), paint }
    }
}

impl<T: AsRef<str>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self::painted(text, Paint::Plain)
    }
}

impl Table {
    /// An empty one.
    pub fn new<const N: usize>(heading: [&str; N]) -> Self {
        let heading = heading.map(|word| Cell::painted(word, Paint::Faint)).to_vec();
        Self { rows: vec![heading], columns: N }
    }

    /// Adds a row.
    pub fn row<const N: usize>(&mut self, cells: [Cell; N]) {
        debug_assert_eq!(N, self.columns, "rows are as wide as the heading");
        self.rows.push(cells.to_vec());
    }

    /// Holds nothing but its heading.
    pub fn is_empty(&self) -> bool {
        self.rows.len() == 1
    }

    /// As text. Widths count characters: what is shown here is keys, names and numbers.
    pub fn text(&self, style: Style) -> String {
        let width = |text: &str| text.chars().count();
        let widths: Vec<usize> = (0..self.columns)
            .map(|column| self.rows.iter().map(|row| width(&row[column].text)).max().unwrap_or_default())
            .collect();
        let mut text = String::new();
        for row in &self.rows {
            // Empty cells at the end of a row leave no blanks behind.
            let last = row.iter().rposition(|cell| !cell.text.is_empty()).unwrap_or_default();
            for (column, cell) in row.iter().enumerate().take(last + 1) {
                text.push_str(&style.paint(&cell.text, cell.paint));
                if column < last {
                    let blanks = widths[column] - width(&cell.text) + 2;
                    text.extend(std::iter::repeat_n(' ', blanks));
                }
            }
            text.push('\n');
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_lines_end_without_blanks() {
        let mut table = Table::new(["KEY", "VALUE", "LAYER"]);
        table.row(["settings.motd".into(), "\"hi\"".into(), "api".into()]);
        table.row(["ü".into(), "1".into(), "".into()]);
        assert_eq!(
            table.text(Style::plain()),
            "KEY            VALUE  LAYER\nsettings.motd  \"hi\"   api\nü              1\n"
        );
    }

    #[test]
    fn paint_takes_no_width_and_text_from_outside_cannot_paint() {
        let mut table = Table::new(["A", "B"]);
        table.row([Cell::painted("bad", Paint::Bad), "x\u{1b}[0m".into()]);
        assert_eq!(
            table.text(Style::coloured()),
            "\u{1b}[2mA\u{1b}[0m    \u{1b}[2mB\u{1b}[0m\n\u{1b}[31mbad\u{1b}[0m  x\\u{1b}[0m\n"
        );
    }
}
