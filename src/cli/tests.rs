//! What can be typed, and with which status a mistake ends.

use clap::CommandFactory;

use super::*;

fn parse(line: &str) -> Result<Arguments, clap::Error> {
    Arguments::try_parse_from(line.split(' '))
}

#[test]
fn the_command_line_is_sound() {
    Arguments::command().debug_assert();
}

#[test]
fn every_command_can_be_typed() {
    for line in [
        "portway status --json",
        "portway --connect h:1 --identity d status",
        "portway agreement propose --file a.toml",
        "portway agreement approve city-asb --version 00",
        "portway agreement withdraw city-asb",
        "portway agreement list",
        "portway agreement show city-asb --json",
        "portway subscription create --name asb-n1 --purpose CRIME_AND_DISORDER --types VIOLENCE,ARREST --areas N1,N2 --days 30",
        "portway subscription create --name a --purpose FIRE_PREVENTION --expires 2027-01-01T00:00:00Z",
        "portway subscription create --file s.json",
        "portway subscription delete asb-n1",
        "portway subscription list",
        "portway publish --file - --receipts r.jsonl",
        "portway follow --subscription asb-n1 --purpose CRIME_AND_DISORDER --count 3 --timeout 9 --no-ack",
        "portway follow --subscription asb-n1",
        "portway audit show 4 --purpose SELF_MONITORING",
        "portway audit checkpoint",
        "portway audit export dir",
        "portway audit verify dir --since c --vkey k",
        "portway cert show cert.pem",
    ] {
        parse(line).unwrap_or_else(|error| panic!("{line}: {error}"));
    }
}

#[test]
fn a_mistake_in_typing_ends_with_status_2() {
    for line in [
        "portway",
        "portway frobnicate",
        "portway publish",
        "portway follow --subscription asb-n1 --count 0",
        "portway follow --subscription Not_A_Name",
        "portway audit show first",
        "portway subscription create --name a --purpose CRIME_AND_DISORDER",
        "portway subscription create --name a --purpose GOSSIP --days 3",
        "portway subscription create --name a --purpose FIRE_PREVENTION --days 401",
        "portway subscription create --name a --purpose FIRE_PREVENTION --days 3 --expires 2027-01-01T00:00:00Z",
        "portway subscription create --file s.json --name a",
        "portway subscription create --name a --purpose FIRE_PREVENTION --types VIOLENCE,GOSSIP --days 3",
        "portway agreement approve city-asb",
    ] {
        let error = parse(line).expect_err(line);
        assert_eq!(error.exit_code(), 2, "{line}");
    }
}

#[test]
fn whoever_mistypes_a_code_is_shown_the_list() {
    let error = parse("portway follow --subscription a --purpose GOSSIP").expect_err("no purpose");
    let text = error.to_string();
    assert!(text.contains("CRIME_AND_DISORDER") && text.contains("SERIOUS_VIOLENCE"), "{text}");
}

#[test]
fn every_command_shows_an_example() {
    fn check(command: &clap::Command, path: &str) {
        let has_children = command.get_subcommands().next().is_some();
        if !has_children && !path.contains(" cert ") {
            let help = command.clone().render_help().to_string();
            assert!(help.contains("Example:"), "{path}");
        }
        for child in command.get_subcommands() {
            check(child, &format!("{path} {} ", child.get_name()));
        }
    }
    check(&Arguments::command(), "portway");
}

/// What is left of the promise when nothing answers: no identity, no broker, no file.
#[test]
fn what_is_missing_on_this_side_ends_with_status_2() {
    let dir = tempfile::tempdir().unwrap();
    let missing = dir.path().join("missing").display().to_string();
    let usage = |line: &str| {
        let arguments = parse(line).unwrap();
        let out = Output { json: arguments.global.json };
        run(arguments, out).expect_err(line).exit
    };
    for line in [
        format!("portway --identity {missing} --connect localhost:1 status"),
        format!("portway --identity {missing} --connect localhost:1 publish --file {missing}"),
        format!("portway agreement propose --file {missing}"),
        format!("portway audit verify {missing}"),
        format!("portway subscription create --file {missing}"),
    ] {
        assert_eq!(usage(&line), output::Exit::Usage, "{line}");
    }
}
