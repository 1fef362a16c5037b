//! The fields of an alert that an agreement may grant, and sets of them.

use super::code::{UnknownCode, codes};

codes! {
    /// A field that an agreement may grant. What is not granted is withheld.
    Field, "field", {
        Type = 1 "TYPE",
        Subject = 2 "SUBJECT",
        SubjectCategories = 3 "SUBJECT_CATEGORIES",
        Indicators = 4 "INDICATORS",
        HealthIndicators = 5 "HEALTH_INDICATORS",
        OffenceIndicators = 6 "OFFENCE_INDICATORS",
        SafeguardingIndicators = 7 "SAFEGUARDING_INDICATORS",
        Certainty = 8 "CERTAINTY",
        Assertion = 9 "ASSERTION",
        Grading = 10 "GRADING",
        Urgency = 11 "URGENCY",
        Route = 12 "ROUTE",
        Area = 13 "AREA",
        RequestedAction = 14 "REQUESTED_ACTION",
        Time = 15 "TIME",
        AsOf = 16 "AS_OF",
        Contact = 17 "CONTACT",
        CaseReference = 18 "CASE_REFERENCE",
    }
}

/// A set of fields; bit n stands for the field with number n.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Fields(u32);

impl Fields {
    /// No field.
    pub const NONE: Self = Self(0);

    /// Every field there is.
    pub fn all() -> Self {
        Field::ALL.iter().copied().collect()
    }

    /// Reads the bits as they stand in a record.
    ///
    /// # Errors
    ///
    /// `UnknownCode` where a bit stands for no field.
    pub fn from_bits(bits: u32) -> Result<Self, UnknownCode> {
        if bits & !Self::all().0 == 0 { Ok(Self(bits)) } else { Err(UnknownCode { what: "field" }) }
    }

    /// Returns the bits as they stand in a record.
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// Tells whether `field` is in the set.
    pub const fn contains(self, field: Field) -> bool {
        self.0 & (1 << field.number()) != 0
    }

    /// Adds `field`.
    pub const fn insert(&mut self, field: Field) {
        self.0 |= 1 << field.number();
    }

    /// Takes `field` out.
    pub const fn remove(&mut self, field: Field) {
        self.0 &= !(1 << field.number());
    }

    /// Returns the fields in both sets.
    #[must_use]
    pub const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Returns the fields of this set that are not in `other`.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Tells whether the set is empty.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Walks through the fields in order of number.
    pub fn iter(self) -> impl Iterator<Item = Field> {
        Field::ALL.iter().copied().filter(move |field| self.contains(*field))
    }
}

impl FromIterator<Field> for Fields {
    fn from_iter<I: IntoIterator<Item = Field>>(fields: I) -> Self {
        let mut set = Self::NONE;
        fields.into_iter().for_each(|field| set.insert(field));
        set
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_outside_the_list_are_refused() {
        assert_eq!(Fields::from_bits(Fields::all().bits()), Ok(Fields::all()));
        Fields::from_bits(1).expect_err("bit 0 stands for no field");
        Fields::from_bits(1 << 19).expect_err("bit 19 stands for no field");
    }
}
