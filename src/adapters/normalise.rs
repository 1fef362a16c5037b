//! One spelling for what agencies write in many: the canonical parts that a subject token is made of.
//! A part that cannot be trusted is missing, and a missing part makes no token. What these functions
//! return identifies a person: it goes into `token` and nowhere else.

use time::{Date, Month};
use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

use crate::domain::Timestamp;

/// Forms of address, which some systems keep in the name.
const TITLES: [&str; 9] = ["DR", "MASTER", "MISS", "MR", "MRS", "MS", "MX", "PROF", "REV"];

/// Returns a surname or forename in capitals A to Z without marks, spaces, hyphens or title; none
/// where no letter is left, such as in a name of another script.
pub fn name(written: &str) -> Option<String> {
    let capitals: String =
        written.nfkd().filter(|c| !is_combining_mark(*c)).flat_map(char::to_uppercase).collect();
    let words: Vec<String> = fold(&capitals)
        .split(|c: char| c.is_whitespace() || matches!(c, '.' | ',' | '-'))
        .map(|word| word.chars().filter(char::is_ascii_uppercase).collect())
        .filter(|word: &String| !word.is_empty())
        .collect();
    let is_title = |word: &String| TITLES.contains(&word.as_str());
    // Where nothing else is there, the title is the name.
    let name = if words.iter().all(is_title) {
        words.concat()
    } else {
        words.into_iter().filter(|word| !is_title(word)).collect()
    };
    (!name.is_empty()).then_some(name)
}

/// Spells out the Latin capitals that have no decomposition (Unicode Standard Annex 15).
fn fold(capitals: &str) -> String {
    let mut folded = String::with_capacity(capitals.len());
    for letter in capitals.chars() {
        match letter {
            'Æ' => folded.push_str("AE"),
            'Œ' => folded.push_str("OE"),
            'Þ' => folded.push_str("TH"),
            'ẞ' => folded.push_str("SS"),
            'Ø' => folded.push('O'),
            'Ł' => folded.push('L'),
            'Đ' | 'Ð' => folded.push('D'),
            'Ħ' => folded.push('H'),
            'Ŧ' => folded.push('T'),
            other => folded.push(other),
        }
    }
    folded
}

/// Returns the ten digits of a valid NHS number: modulus 11 holds, and not all digits are the same.
pub fn nhs_number(written: &str) -> Option<String> {
    let number: String = written.chars().filter(|c| !matches!(c, ' ' | '-')).collect();
    let digits: Vec<u32> = number.chars().map(|c| c.to_digit(10)).collect::<Option<_>>()?;
    let (check, body) = digits.split_last()?;
    let sum: u32 = body.iter().zip((2..=10).rev()).map(|(digit, weight)| digit * weight).sum();
    // NHS Data Dictionary: 11 less the remainder; 11 stands for 0, and 10 is never issued.
    let holds = digits.len() == 10 && (11 - sum % 11) % 11 == *check;
    let varies = body.iter().any(|digit| digit != check);
    (holds && varies).then_some(number)
}

/// A date of birth that is no date, before 1900, or after the day it was recorded.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("not a possible date of birth")]
pub struct InvalidBirth;

/// Returns a date of birth, written `yyyy-mm-dd` or `dd/mm/yyyy`, as `yyyy-mm-dd`.
///
/// Nothing where it is blank, and nothing for 1 January, which systems put in for an unknown day: a
/// token made of it would take strangers for one person.
///
/// # Errors
///
/// `InvalidBirth`: the row is wrong at its source.
pub fn date_of_birth(written: &str, recorded: Timestamp) -> Result<Option<String>, InvalidBirth> {
    let written = written.trim();
    if written.is_empty() {
        return Ok(None);
    }
    let mut parts: Vec<&str> = written.split('/').collect();
    parts.reverse();
    if parts.len() == 1 {
        parts = written.split('-').collect();
    }
    let [year, month, day] = parts.as_slice() else { return Err(InvalidBirth) };
    let two_digits = month.len() == 2 && day.len() == 2;
    let digits = parts.concat().bytes().all(|b| b.is_ascii_digit());
    if year.len() != 4 || !two_digits || !digits {
        return Err(InvalidBirth);
    }
    let month: u8 = month.parse().map_err(|_| InvalidBirth)?;
    let date = Date::from_calendar_date(
        year.parse().map_err(|_| InvalidBirth)?,
        Month::try_from(month).map_err(|_| InvalidBirth)?,
        day.parse().map_err(|_| InvalidBirth)?,
    )
    .map_err(|_| InvalidBirth)?;
    let born = format!("{:04}-{:02}-{:02}", date.year(), month, date.day());
    if date.year() < 1900 || born.as_str() > recorded.to_string().get(..10).unwrap_or_default() {
        return Err(InvalidBirth);
    }
    Ok((date.ordinal() != 1).then_some(born))
}

/// A postcode in its one form.
#[derive(Clone, Eq, PartialEq)]
pub struct Postcode {
    outward: String,
    inward: String,
}

/// A postcode can name a household: it stands in no log line and no error.
impl std::fmt::Debug for Postcode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Postcode(withheld)")
    }
}

impl Postcode {
    /// Reads a postcode; nothing where it has not the form of one, or is a pseudo-postcode (`ZZ99`:
    /// no fixed abode, not known, abroad).
    pub fn read(written: &str) -> Option<Self> {
        let code: String = written.split_whitespace().collect::<String>().to_ascii_uppercase();
        let (outward, inward) = code.split_at_checked(code.len().checked_sub(3)?)?;
        let form = |part: &str| -> String {
            part.chars()
                .map(|c| match c {
                    'A'..='Z' => 'a',
                    '0'..='9' => '9',
                    _ => '?',
                })
                .collect()
        };
        let outward_fits =
            matches!(form(outward).as_str(), "a9" | "a99" | "a9a" | "aa9" | "aa99" | "aa9a");
        let is_real = !outward.starts_with("ZZ");
        (outward_fits && is_real && form(inward) == "9aa")
            .then(|| Self { outward: outward.to_owned(), inward: inward.to_owned() })
    }

    /// Returns the outward part, the district: some thousand households.
    pub fn outward(&self) -> &str {
        &self.outward
    }

    /// Returns the whole, without a space.
    pub fn whole(&self) -> String {
        format!("{}{}", self.outward, self.inward)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_meet_in_one_spelling() {
        for (written, canonical) in [
            ("O'Brien", "OBRIEN"),
            ("o’brien ", "OBRIEN"),
            ("Müller-Weiß", "MULLERWEISS"),
            ("MÜLLER WEISS", "MULLERWEISS"),
            ("Sørensen", "SORENSEN"),
            ("Wałęsa", "WALESA"),
            ("Æthelred", "AETHELRED"),
            ("Þóra", "THORA"),
            ("Đặng", "DANG"),
            ("Siân", "SIAN"),
            ("SIA\u{302}N", "SIAN"),
            ("Mrs. Jones", "JONES"),
            ("Jones, Mr", "JONES"),
            ("Dr", "DR"),
            ("Mary  Jane", "MARYJANE"),
            ("Ｌｅｅ", "LEE"),
        ] {
            assert_eq!(name(written).as_deref(), Some(canonical), "{written}");
        }
        for nameless in ["", "  ", "-", "?", "12", "李"] {
            assert_eq!(name(nameless), None, "{nameless}");
        }
    }

    #[test]
    fn an_nhs_number_has_to_hold_its_check_digit() {
        assert_eq!(nhs_number("943 476 5919").as_deref(), Some("9434765919"));
        assert_eq!(nhs_number("943-476-5919").as_deref(), Some("9434765919"));
        for bad in ["9434765918", "943476591", "94347659190", "0000000000", "943476591x", "", " "] {
            assert_eq!(nhs_number(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_date_of_birth_is_one_date_or_an_error() {
        let recorded = Timestamp::parse("2024-06-01T00:00:00Z").unwrap();
        let born = |text| date_of_birth(text, recorded);
        for same in ["1986-02-08", "08/02/1986", " 1986-02-08 "] {
            assert_eq!(born(same), Ok(Some("1986-02-08".to_owned())), "{same}");
        }
        for unknown in ["", "  ", "1986-01-01", "01/01/1986"] {
            assert_eq!(born(unknown), Ok(None), "{unknown}");
        }
        for bad in
            ["1899-12-31", "2024-06-02", "31/02/1986", "86-02-08", "8/2/1986", "1986-02", "?"]
        {
            assert_eq!(born(bad), Err(InvalidBirth), "{bad}");
        }
    }

    #[test]
    fn a_postcode_has_the_form_of_one() {
        for same in ["PO1 3AB", "po13ab", " Po1  3aB "] {
            let postcode = Postcode::read(same).expect(same);
            assert_eq!((postcode.outward(), postcode.whole().as_str()), ("PO1", "PO13AB"));
        }
        assert_eq!(Postcode::read("EC1A 1BB").unwrap().outward(), "EC1A");
        for missing in ["", "PO1", "ZZ99 3VZ", "zz993wz", "PO1 AB3", "PO1-3AB", "3AB", "PÖ1 3AB"] {
            assert_eq!(Postcode::read(missing), None, "{missing}");
        }
    }

    proptest! {
        /// A canonical name is its own canonical name, whatever was written.
        #[test]
        fn normalising_twice_changes_nothing(written in "\\PC{0,24}") {
            if let Some(once) = name(&written) {
                prop_assert!(once.bytes().all(|b| b.is_ascii_uppercase()));
                prop_assert_eq!(name(&once), Some(once));
            }
        }

        /// Case, decomposed marks, hyphens and spaces are habits of a system, not of a person.
        #[test]
        fn habits_of_writing_do_not_matter(written in "[A-Za-zÀ-ž' -]{1,16}") {
            let canonical = name(&written);
            prop_assert_eq!(name(&written.to_uppercase()), canonical.clone());
            prop_assert_eq!(name(&written.nfd().collect::<String>()), canonical.clone());
            prop_assert_eq!(name(&written.replace('-', " ")), canonical.clone());
            prop_assert_eq!(name(&written.replace('\'', "")), canonical.clone());
            prop_assert_eq!(name(&format!("  {written} ")), canonical);
        }

        /// No text makes a reader of parts fail in any way but its own.
        #[test]
        fn any_text_is_read_or_missing(text in "\\PC{0,16}") {
            let recorded = Timestamp::from_ms(1_700_000_000_000);
            if let Ok(Some(born)) = date_of_birth(&text, recorded) {
                prop_assert_eq!(date_of_birth(&born, recorded), Ok(Some(born)));
            }
            if let Some(postcode) = Postcode::read(&text) {
                prop_assert_eq!(Postcode::read(&postcode.whole()), Some(postcode));
            }
            if let Some(number) = nhs_number(&text) {
                prop_assert_eq!(nhs_number(&number), Some(number));
            }
        }
    }
}
