//! The ten partners' case systems: which columns each exports, and which kinds of event it knows.
//! Nothing drawn here: only what an adapter's map has to be able to read.

/// One agency's case system.
#[derive(Clone, Copy, Debug)]
pub struct Source {
    /// The agency.
    pub agency: &'static str,
    /// What its case numbers begin with.
    pub prefix: &'static str,
    /// How it identifies a person, in the order of its columns.
    pub columns: &'static [Column],
    /// The kinds of event it records.
    pub kinds: &'static [Kind],
}

/// A column that identifies a person.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Column {
    /// Date of birth.
    Dob,
    /// Forename.
    Forename,
    /// NHS number.
    NhsNumber,
    /// Postcode.
    Postcode,
    /// Surname.
    Surname,
}

impl Column {
    /// Returns its name in the header.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Dob => "dob",
            Self::Forename => "forename",
            Self::NhsNumber => "nhs_number",
            Self::Postcode => "postcode",
            Self::Surname => "surname",
        }
    }
}

/// A kind of event.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    /// Its name in the system.
    pub name: &'static str,
    /// Which indicator it bears on.
    pub bears: Bears,
    /// How often it is routine, priority and urgent, in tenths.
    pub urgency: [u32; 3],
    /// What it costs the agency in pounds, where that is well known.
    pub cost: Option<u32>,
}

/// Which indicator a kind of event bears on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Bears {
    /// Always this one.
    Always(&'static str),
    /// Domestic abuse, where the person is known for it.
    DomesticAbuse,
    /// Mental health, where the person is known for it.
    MentalHealth,
    /// None.
    Nothing,
    /// Offending, where the person is known for it.
    Offending,
    /// Alcohol and drugs, as far as the person is known for them.
    Substance,
}

const fn kind(name: &'static str, bears: Bears, urgency: [u32; 3]) -> Kind {
    Kind { name, bears, urgency, cost: None }
}

const fn costing(cost: u32, kind: Kind) -> Kind {
    Kind { cost: Some(cost), ..kind }
}

const NAMES: &[Column] = &[Column::Surname, Column::Forename, Column::Dob];
const NAMES_AND_HOME: &[Column] =
    &[Column::Surname, Column::Forename, Column::Dob, Column::Postcode];
const PATIENT: &[Column] =
    &[Column::NhsNumber, Column::Surname, Column::Forename, Column::Dob, Column::Postcode];
const PATIENT_WITHOUT_HOME: &[Column] =
    &[Column::NhsNumber, Column::Surname, Column::Forename, Column::Dob];
const CALL_OUT: &[Column] = &[Column::Surname, Column::Forename, Column::Postcode];

const DISENGAGED: Bears = Bears::Always("FAILURE_TO_ENGAGE");

/// The ten.
pub static SOURCES: [Source; 10] = [
    Source {
        agency: "police",
        prefix: "OCC",
        columns: NAMES_AND_HOME,
        kinds: &[
            kind("ASB_INCIDENT", Bears::Nothing, [6, 3, 1]),
            kind("VIOLENCE", Bears::Always("HISTORY_OF_VIOLENCE"), [0, 5, 5]),
            kind("DOMESTIC_ABUSE_INCIDENT", Bears::DomesticAbuse, [0, 6, 4]),
            kind("ADULT_AT_RISK_FORM", Bears::Always("ADULT_AT_RISK"), [1, 6, 3]),
            costing(700, kind("ARREST", Bears::Offending, [2, 6, 2])),
        ],
    },
    Source {
        agency: "council-asb",
        prefix: "ASB",
        columns: NAMES_AND_HOME,
        kinds: &[
            kind("ASB_COMPLAINT", Bears::Nothing, [7, 3, 0]),
            kind("NOISE_COMPLAINT", Bears::Nothing, [9, 1, 0]),
            kind("CASE_REVIEW", Bears::Nothing, [9, 1, 0]),
            kind("WARNING_LETTER", Bears::Nothing, [8, 2, 0]),
        ],
    },
    Source {
        agency: "housing",
        prefix: "TEN",
        columns: NAMES_AND_HOME,
        kinds: &[
            kind("RENT_ARREARS", Bears::Always("FINANCIAL_DIFFICULTY"), [8, 2, 0]),
            kind("NOTICE_SEEKING_POSSESSION", Bears::Always("UNSTABLE_ACCOMMODATION"), [2, 7, 1]),
            kind("PROPERTY_TAKEOVER_CONCERN", Bears::Always("EXPLOITATION"), [0, 5, 5]),
            costing(7000, kind("EVICTION", Bears::Always("HOMELESSNESS"), [0, 7, 3])),
        ],
    },
    Source {
        agency: "mental-health",
        prefix: "MH",
        columns: PATIENT,
        kinds: &[
            kind("REFERRAL_RECEIVED", Bears::MentalHealth, [6, 4, 0]),
            kind("REFERRAL_DECLINED_THRESHOLD", Bears::MentalHealth, [5, 5, 0]),
            kind("DID_NOT_ATTEND", DISENGAGED, [8, 2, 0]),
            costing(400, kind("CRISIS_CONTACT", Bears::MentalHealth, [0, 4, 6])),
            costing(2000, kind("DETAINED_UNDER_ACT", Bears::MentalHealth, [0, 2, 8])),
        ],
    },
    Source {
        agency: "substance-misuse",
        prefix: "REC",
        columns: PATIENT_WITHOUT_HOME,
        kinds: &[
            kind("TREATMENT_STARTED", Bears::Substance, [8, 2, 0]),
            kind("DID_NOT_ATTEND", DISENGAGED, [7, 3, 0]),
            kind("TREATMENT_DROPPED_OUT", DISENGAGED, [3, 7, 0]),
            kind("RELAPSE", Bears::Substance, [2, 7, 1]),
        ],
    },
    Source {
        agency: "emergency-department",
        prefix: "ED",
        columns: PATIENT,
        kinds: &[
            costing(200, kind("ATTENDANCE", Bears::Nothing, [6, 4, 0])),
            kind("FREQUENT_ATTENDER_FLAG", Bears::Always("FREQUENT_ATTENDER"), [3, 7, 0]),
            costing(1500, kind("OVERDOSE", Bears::Substance, [0, 2, 8])),
            kind("ASSAULT_INJURY", Bears::Always("HISTORY_OF_VIOLENCE"), [1, 6, 3]),
        ],
    },
    Source {
        agency: "probation",
        prefix: "CRN",
        columns: NAMES,
        kinds: &[
            kind("ORDER_STARTED", Bears::Offending, [8, 2, 0]),
            kind("MISSED_APPOINTMENT", DISENGAGED, [5, 5, 0]),
            kind("BREACH", Bears::Offending, [1, 7, 2]),
            kind("RELEASE_FROM_PRISON", Bears::Offending, [1, 8, 1]),
        ],
    },
    Source {
        agency: "fire",
        prefix: "INC",
        columns: CALL_OUT,
        kinds: &[
            kind("HOME_FIRE_RISK", Bears::Nothing, [5, 5, 0]),
            costing(4000, kind("DELIBERATE_FIRE", Bears::Nothing, [0, 4, 6])),
        ],
    },
    Source {
        agency: "children-services",
        prefix: "CS",
        columns: PATIENT,
        kinds: &[
            kind("CHILD_PROTECTION_CONCERN", Bears::Always("CHILD_PROTECTION"), [0, 5, 5]),
            kind("MISSED_SCHOOL", Bears::Always("CHILD_PROTECTION"), [8, 2, 0]),
        ],
    },
    Source {
        agency: "homeless-outreach",
        prefix: "RS",
        columns: NAMES,
        kinds: &[
            kind("SEEN_ROUGH_SLEEPING", Bears::Always("HOMELESSNESS"), [3, 6, 1]),
            kind("ENGAGED", Bears::Nothing, [9, 1, 0]),
            kind("REFUSED_SUPPORT", DISENGAGED, [6, 4, 0]),
        ],
    },
];
