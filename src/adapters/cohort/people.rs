//! Fifty people, drawn to the margins of the review's sample: substance misuse 33 (alcohol only 7,
//! drugs only 12, both 14), mental health 15, offending 29 (domestic abuse only 2, with other
//! offending 9), no known issue 10, just one 11, under eighteen 4.

use super::random::Random;

/// One person who never lived.
#[derive(Clone, Debug)]
pub(super) struct Person {
    pub(super) name: String,
    pub(super) surname: &'static str,
    pub(super) forename: &'static str,
    pub(super) born: (u32, u32, u32),
    pub(super) postcode: String,
    pub(super) nhs_number: String,
    pub(super) issues: Issues,
    pub(super) young: bool,
}

/// What a person is known for: indicator codes, empty where nothing is.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Issues {
    pub(super) substance: &'static [&'static str],
    pub(super) offending: &'static [&'static str],
    pub(super) mental_health: bool,
}

/// How many have which issues at once: (count, substance, mental health, offending). The one way to
/// meet 33, 15 and 29 among 40 people of whom 11 have just one; the split by pairs is ours.
const GROUPS: [(usize, bool, bool, bool); 8] = [
    (6, true, false, false),
    (2, false, true, false),
    (3, false, false, true),
    (3, true, true, false),
    (16, true, false, true),
    (2, false, true, true),
    (8, true, true, true),
    (10, false, false, false),
];
const SUBSTANCES: [(usize, &[&str]); 3] =
    [(7, &["ALCOHOL"]), (12, &["DRUGS"]), (14, &["ALCOHOL", "DRUGS"])];
const OFFENCES: [(usize, &[&str]); 3] =
    [(2, &["DOMESTIC_ABUSE"]), (9, &["DOMESTIC_ABUSE", "OFFENDING"]), (18, &["OFFENDING"])];
const YOUNG: usize = 4;

const SURNAMES: &str = "Adeyemi Akhtar Allen Bailey Bennett Bielak Brooks Castellano Chapman \
    D'Souza Dąbrowski Dunne Edwards Fairweather Ferreira Fisher Fitz-Gerald Gill Grześ Harris Hughes \
    Ibrahim Iyer Jabłoński Jensen Khalil Lindqvist Lowe Malik Marlow-Price McBride Müller Ngata \
    O'Connor O'Dowd Osei Parekh Popescu Quinn Rahman Saunders Sørensen Stevens Tremblay Underhill \
    Vaughan Wallace Weaver Winters Zając";
const FORENAMES: &str = "Abel Adaeze Agnieszka Amir Andrea Angela Bilal Björn Bridget Ceri Chantelle \
    Colin Damian Deborah Eirlys Emeka Farah Fiona Geraint Glenda Harpreet Hugo Imogen Ivan Jasmin \
    Joanne Kofi Kirsty Lamar Lorraine Małgorzata Martin Maureen Nadia Neil Olga Owen Patience Phil \
    Rebecca Renée Rory Samira Shaun Tamsin Theo Una Wayne Yasmin Zachary";

/// Draws the fifty in an order that tells nothing about their issues.
pub(super) fn draw(random: &mut Random) -> Vec<Person> {
    let mut groups: Vec<_> = GROUPS
        .iter()
        .flat_map(|(count, substance, health, offending)| {
            std::iter::repeat_n((*substance, *health, *offending), *count)
        })
        .collect();
    random.shuffle(&mut groups);
    let mut substances = dealt(random, &SUBSTANCES).into_iter();
    let mut offences = dealt(random, &OFFENCES).into_iter();
    let mut young: Vec<bool> = (0..groups.len()).map(|index| index < YOUNG).collect();
    random.shuffle(&mut young);
    let mut people = Vec::with_capacity(groups.len());
    for (number, ((substance, mental_health, offending), young)) in
        groups.into_iter().zip(young).enumerate()
    {
        let deal = |known, hand: &mut std::vec::IntoIter<_>| {
            if known { hand.next().unwrap_or_default() } else { <&[&str]>::default() }
        };
        let issues = Issues {
            substance: deal(substance, &mut substances),
            offending: deal(offending, &mut offences),
            mental_health,
        };
        people.push(person(random, number, issues, young));
    }
    people
}

fn dealt(
    random: &mut Random,
    hands: &[(usize, &'static [&'static str])],
) -> Vec<&'static [&'static str]> {
    let repeat = |(count, codes): &(usize, &'static [_])| std::iter::repeat_n(*codes, *count);
    let mut cards: Vec<_> = hands.iter().flat_map(repeat).collect();
    random.shuffle(&mut cards);
    cards
}

fn person(random: &mut Random, number: usize, issues: Issues, young: bool) -> Person {
    let year = match (young, random.chance(70)) {
        (true, _) => random.within(2009, 2012),
        (false, true) => random.within(1974, 1990),
        (false, false) => random.within(1953, 2003),
    };
    Person {
        name: format!("P{:02}", number + 1),
        surname: random.word(SURNAMES),
        forename: random.word(FORENAMES),
        born: (year, random.within(1, 12), random.within(1, 28)),
        postcode: postcode(random),
        nhs_number: nhs_number(random),
        issues,
        young,
    }
}

fn postcode(random: &mut Random) -> String {
    let (district, sector) = (random.within(1, 6), random.within(1, 9));
    let unit = [(); 2].map(|()| random.word("A B D E F G H J L N P Q R S T U"));
    format!("PO{district} {sector}{}", unit.concat())
}

/// Draws a number of the 999 range, which is kept for tests, whose check digit holds.
fn nhs_number(random: &mut Random) -> String {
    loop {
        let body = format!("999{:06}", random.below(1_000_000));
        let digits = body.chars().filter_map(|digit| digit.to_digit(10));
        let sum: u32 = digits.zip((2..=10).rev()).map(|(digit, weight)| digit * weight).sum();
        let check = (11 - sum % 11) % 11;
        if check < 10 {
            return format!("{body}{check}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_margins_of_the_sample_are_met() {
        for seed in [1, 2, 2016] {
            let people = draw(&mut Random::new(seed));
            let count = |holds: &dyn Fn(&Issues) -> bool| {
                people.iter().filter(|person| holds(&person.issues)).count()
            };
            let issues = |issues: &Issues| {
                usize::from(!issues.substance.is_empty())
                    + usize::from(!issues.offending.is_empty())
                    + usize::from(issues.mental_health)
            };
            assert_eq!(people.len(), 50);
            assert_eq!(count(&|i| !i.substance.is_empty()), 33);
            assert_eq!(count(&|i| i.substance == ["ALCOHOL"]), 7);
            assert_eq!(count(&|i| i.substance == ["DRUGS"]), 12);
            assert_eq!(count(&|i| i.substance.len() == 2), 14);
            assert_eq!(count(&|i| i.mental_health), 15);
            assert_eq!(count(&|i| !i.offending.is_empty()), 29);
            assert_eq!(count(&|i| i.offending == ["DOMESTIC_ABUSE"]), 2);
            assert_eq!(count(&|i| i.offending.len() == 2), 9);
            assert_eq!(count(&|i| issues(i) == 0), 10);
            assert_eq!(count(&|i| issues(i) == 1), 11);
            assert_eq!(people.iter().filter(|person| person.young).count(), 4);
        }
    }

    #[test]
    fn every_nhs_number_is_of_the_test_range_and_valid() {
        for person in draw(&mut Random::new(5)) {
            let number = &person.nhs_number;
            assert!(number.starts_with("999"), "{number}");
            assert_eq!(crate::adapters::normalise::nhs_number(number).as_ref(), Some(number));
        }
    }
}
