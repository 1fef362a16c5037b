//! A page to be printed, and the same as a table: one file each, no script, nothing from elsewhere.

/// A page.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Page {
    /// Its title.
    pub title: String,
    /// What it is about, each with its label.
    pub facts: Vec<(&'static str, String)>,
    /// Paragraphs before the sections.
    pub notes: Vec<String>,
    /// Its sections.
    pub sections: Vec<Section>,
}

/// One thing that a page tells of, row by row. All sections of a page have the same labels.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Section {
    /// Its heading.
    pub heading: String,
    /// Its rows, each with its label.
    pub rows: Vec<(&'static str, String)>,
}

/// Prints well on A4 in black and white, and is read on a screen as well.
const STYLE: &str = "@page{size:A4;margin:18mm 16mm}\
    body{font:11pt/1.45 'Liberation Sans',Arial,sans-serif;color:#111;max-width:178mm;margin:0 auto;padding:6mm}\
    h1{font-size:18pt;margin:0 0 4mm}h2{font-size:12.5pt;margin:7mm 0 2mm;break-after:avoid}\
    table{width:100%;border-collapse:collapse;break-inside:avoid}\
    th,td{text-align:left;vertical-align:top;padding:1.3mm 2mm;border-bottom:.2mm solid #999;overflow-wrap:anywhere}\
    th{width:48mm;font-weight:600;color:#333}p{margin:2mm 0}\
    @media print{body{padding:0;max-width:none}}";

impl Page {
    /// Writes the page.
    pub fn to_html(&self) -> String {
        let title = escaped(&self.title);
        let mut html = format!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
             <meta name=\"viewport\" content=\"width=device-width\">\n\
             <title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n"
        );
        html.push_str(&rows(&self.facts));
        for note in &self.notes {
            html.extend(["<p>", &escaped(note), "</p>\n"]);
        }
        for section in &self.sections {
            html.extend(["<h2>", &escaped(&section.heading), "</h2>\n"]);
            html.push_str(&rows(&section.rows));
        }
        html.push_str("</body>\n</html>\n");
        html
    }

    /// Writes the sections as a table, a row for each, the labels first.
    ///
    /// # Errors
    ///
    /// `csv`'s, where memory ends.
    pub fn to_csv(&self) -> Result<String, csv::Error> {
        let mut table = csv::Writer::from_writer(Vec::new());
        if let Some(first) = self.sections.first() {
            table.write_record(first.rows.iter().map(|(label, _)| *label))?;
        }
        for section in &self.sections {
            table.write_record(section.rows.iter().map(|(_, value)| plain(value)))?;
        }
        let bytes = table.into_inner().map_err(csv::IntoInnerError::into_error)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}

fn rows(rows: &[(&'static str, String)]) -> String {
    let row = |(label, value): &(&str, String)| {
        format!("<tr><th scope=\"row\">{}</th><td>{}</td></tr>\n", escaped(label), escaped(value))
    };
    let rows: String = rows.iter().map(row).collect();
    if rows.is_empty() { rows } else { format!("<table>\n{rows}</table>\n") }
}

/// Writes text so that it is text in HTML, between tags and in attributes.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            letter => out.push(letter),
        }
    }
    out
}

/// Writes a cell that no spreadsheet takes for a formula.
fn plain(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        format!("'{text}")
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page() -> Page {
        Page {
            title: "A <b>&\"page\"".to_owned(),
            facts: vec![("Agency", "police".to_owned())],
            notes: vec!["It's <script>alert(1)</script>".to_owned()],
            sections: vec![Section {
                heading: "1".to_owned(),
                rows: vec![("What", "=1+1".to_owned()), ("Why", "a, \"b\"".to_owned())],
            }],
        }
    }

    #[test]
    fn a_page_is_whole_escaped_and_without_script() {
        let html = page().to_html();
        assert!(html.contains("A &lt;b&gt;&amp;&quot;page&quot;"), "{html}");
        assert!(html.contains("It&#39;s &lt;script&gt;"), "{html}");
        for never in ["<script", "<img", "http://", "https://", "src=", "href=", "@import", "url("]
        {
            assert!(!html.contains(never), "{never}");
        }
        assert!(html.contains("default-src 'none'"), "{html}");
    }

    #[test]
    fn a_table_has_a_row_for_each_section_and_no_formula() {
        assert_eq!(page().to_csv().unwrap(), "What,Why\n'=1+1,\"a, \"\"b\"\"\"\n");
        assert_eq!(Page::default().to_csv().unwrap(), "");
    }
}
