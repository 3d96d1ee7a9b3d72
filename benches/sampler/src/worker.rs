//! A contestant in a process of its own: a line asks for a lap, a line answers.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::runtime::Handle;

use crate::sample::{Lap, Sample, Shape, Work, laps};

/// What is asked for.
#[derive(Debug, Serialize, Deserialize)]
struct Turn {
    work: String,
    shape: Shape,
    length: Duration,
}

/// The side of the process that does the work.
#[derive(Default)]
pub struct Worker {
    works: HashMap<&'static str, Lap>,
}

impl Worker {
    /// A worker that knows no work yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets this work be asked for.
    #[must_use]
    pub fn with(mut self, name: &'static str, runtime: &Handle, work: impl Work) -> Self {
        self.works.insert(name, laps(runtime, Arc::new(work)));
        self
    }

    /// Says that it is ready, and does what it is asked for until nobody asks any more.
    pub fn serve(self) {
        let mut answers = std::io::stdout();
        answer(&mut answers, &"ready");
        for line in std::io::stdin().lines() {
            let line = line.expect("a line can be read");
            let turn: Turn = serde_json::from_str(&line).expect("a line asks for a lap");
            let work = &self.works[turn.work.as_str()];
            answer(&mut answers, &work(turn.shape, turn.length));
        }
    }
}

fn answer(answers: &mut impl Write, answer: &impl Serialize) {
    let text = serde_json::to_string(answer).expect("an answer is JSON");
    writeln!(answers, "{text}").expect("somebody reads");
    answers.flush().expect("somebody reads");
}

/// The side of the process that asks. The worker ends when this is dropped.
#[derive(Debug)]
pub struct WorkerProcess {
    child: Child,
    questions: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl WorkerProcess {
    /// Starts a program that calls [`Worker::serve`] and waits until it does.
    pub fn start(program: &Path, arguments: &[&str]) -> Self {
        let mut child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the worker starts");
        let answers = BufReader::new(child.stdout.take().expect("its output is piped"));
        let questions = child.stdin.take();
        let mut worker = Self {
            child,
            questions,
            answers,
        };
        let ready: String = worker.answer();
        assert_eq!(ready, "ready");
        worker
    }

    /// One lap of a work that the worker knows.
    pub fn lap(&mut self, work: &str, shape: Shape, length: Duration) -> Sample {
        let work = work.to_owned();
        let turn = Turn {
            work,
            shape,
            length,
        };
        let questions = self.questions.as_mut().expect("the worker runs");
        answer(questions, &turn);
        self.answer()
    }

    fn answer<T: for<'d> Deserialize<'d>>(&mut self) -> T {
        let mut line = String::new();
        let read = self.answers.read_line(&mut line);
        read.expect("the worker answers");
        serde_json::from_str(&line).expect("the worker answers in JSON")
    }
}

impl Drop for WorkerProcess {
    fn drop(&mut self) {
        // Nobody asks any more, so it ends.
        self.questions = None;
        let _ = self.child.wait();
    }
}
