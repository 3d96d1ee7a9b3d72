//! The rows of the codec: a session of about 1 KB, encoded and decoded.

use benches::rounds::Contestant;
use benches::table::{Goal, Row};
use sampler::sample::{Shape, Work};
use sampler::user::user_of_1_kb;
use session_core::{AuthUserSession, Codec};

use crate::ratios::Setting;
use crate::ratios::contest::{Contest, at_least};

pub(crate) fn rows(setting: &Setting) -> Vec<Row> {
    let handle = setting.runtime.handle();
    let user = user_of_1_kb();
    let ours = |codec| {
        let user = user.clone();
        Contestant::new("ours", handle, Ours { codec, user })
    };
    let peer = || Contestant::new("serde_json", handle, Theirs(user.clone()));
    let contest = |workload: &str| Contest {
        setting,
        backend: "codec",
        workload: workload.to_owned(),
        shape: Shape::Threads(1),
    };
    let mut rows = contest("encode and decode 1 KB, bincode")
        .rates(ours(Codec::Bincode), vec![(peer(), at_least(2.0, 2.3))]);
    rows.extend(
        contest("encode and decode 1 KB, JSON")
            .rates(ours(Codec::Json), vec![(peer(), Goal::None)]),
    );
    rows
}

struct Ours {
    codec: Codec,
    user: AuthUserSession,
}

impl Work for Ours {
    async fn run(&self, _: u64) {
        let bytes = self.codec.encode(&self.user).expect("a user encodes");
        let user: AuthUserSession = Codec::decode(&bytes).expect("a user decodes");
        std::hint::black_box(user);
    }
}

struct Theirs(AuthUserSession);

impl Work for Theirs {
    async fn run(&self, _: u64) {
        let bytes = serde_json::to_vec(&self.0).expect("a user encodes");
        let user: AuthUserSession = serde_json::from_slice(&bytes).expect("a user decodes");
        std::hint::black_box(user);
    }
}
