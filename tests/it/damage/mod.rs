//! A start on directories that are not as they were left: it says what is wrong, names the place, repeats nothing of
//! what is in it, changes nothing, and ends with 1; put right, everything that was acknowledged is there.

mod directories;
mod settings;

use std::{fs, path::Path};

use portway::record::Event;

use crate::stage::{Cli, Role, Stage, copy_dir, draft, events, now, request};

/// The directories of a broker.
const PARTS: [&str; 3] = ["journal", "keys", "anchor"];

/// A broker that has acknowledged some publishes and was stopped, with a copy of its directories.
struct House {
    stage: Stage,
    published: Vec<u64>,
}

impl House {
    async fn build() -> Self {
        let mut stage = Stage::start();
        stage.agree().await;
        let police = stage.speak("police", Role::Service).await;
        let mut published = Vec::new();
        for _ in 0..5 {
            published.push(police.publish(request(draft(now()))).await.unwrap().index);
        }
        stage.terminate();
        let house = Self { stage, published };
        for part in PARTS {
            copy_dir(&house.at(part), &house.stage.path("copy").join(part));
        }
        house
    }

    fn at(&self, name: &str) -> std::path::PathBuf {
        self.stage.path("broker").join(name)
    }

    /// Puts everything back as it was.
    fn put_back(&self) {
        for part in PARTS {
            fs::remove_dir_all(self.at(part)).unwrap();
            copy_dir(&self.stage.path("copy").join(part), &self.at(part));
        }
    }

    /// Tries to start, and returns what was said: a broker that does not start serves nobody.
    fn refuses(&self) -> String {
        self.refuses_with(1)
    }

    fn refuses_with(&self, status: i32) -> String {
        let config = self.at("portway.toml");
        let message =
            Cli::nobody().run(["serve", "--config", config.to_str().unwrap()]).failed(status);
        let secret = fs::read_to_string(self.stage.path("copy/keys/master.key")).unwrap();
        assert!(!message.contains(secret.trim()), "it repeats a key");
        message
    }

    /// Starts, and finds every publish that was acknowledged.
    async fn starts_with_everything(&mut self) {
        self.stage.serve_again();
        let officer = self.stage.connect("police", Role::Officer).await;
        let events = events(&officer).await;
        for index in &self.published {
            let there =
                events.iter().any(|(at, it)| at == index && matches!(it, Event::Published(_)));
            assert!(there, "{index} is lost");
        }
        self.stage.terminate();
    }
}

fn first_segment(journal: &Path) -> std::path::PathBuf {
    let mut names: Vec<_> = fs::read_dir(journal).unwrap().map(|it| it.unwrap().path()).collect();
    names.retain(|it| fs::metadata(it).unwrap().len() > 1000);
    names.sort();
    names.first().expect("a segment").clone()
}
