//! Who may no longer take part.

use super::*;
use crate::domain::Barring;

/// In haste an operator takes an agency out of the table first: what it left can be ended all the same. An act on one
/// that nobody knows would be a mistyped one.
#[test]
fn an_agency_is_barred_by_the_table_or_by_its_records() {
    let (desk, by) = (Desk::agreed(), Caller::local());
    let acts: [fn(AgencyId) -> Barring; 2] = [Barring::AgencyRevoked, Barring::AgencySuspended];
    for act in acts {
        let unknown = desk.state.bar(&by, &act(agency("library")), false);
        assert_eq!(unknown, Err(Refusal::at(Reason::AgencyUnknown, "agency")));
        for (name, is_listed) in [("library", true), (COUNCIL, false), (COUNCIL, true)] {
            let decided = desk.state.bar(&by, &act(agency(name)), is_listed);
            let Ok(Err(Event::Barred { act: recorded, .. })) = decided else { panic!("{name}") };
            assert_eq!(recorded, act(agency(name)));
        }
    }
}
