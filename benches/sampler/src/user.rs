//! A session as applications have one.

use session_core::{AuthUserSession, Codec, SessionId, Sessions};

/// A signed-in user: a handful of names, two roles, four notes.
pub fn user() -> AuthUserSession {
    let note = |n: u32| (format!("preference-{n}"), format!("value number {n}"));
    AuthUserSession {
        is_authenticated: true,
        user_id: Some("1048577".to_owned()),
        user_name: Some("alice".to_owned()),
        display_name: Some("Alice Liddell".to_owned()),
        email: Some("alice@example.com".to_owned()),
        provider: Some("credentials".to_owned()),
        roles: ["editor", "reviewer"].map(str::to_owned).into(),
        meta: (0..4).map(note).collect(),
        ..AuthUserSession::default()
    }
}

/// The same user with as many notes as make 1 KB of JSON.
///
/// # Panics
///
/// Never: such a user is JSON.
pub fn user_of_1_kb() -> AuthUserSession {
    let mut user = user();
    for n in 4.. {
        let text = Codec::Json.encode(&user).expect("a user is JSON");
        if text.len() >= 1_000 {
            break;
        }
        let note = format!("value number {n}");
        user.meta.insert(format!("preference-{n}"), note);
    }
    user
}

/// Stores so many sessions, each of another such user.
///
/// # Panics
///
/// If the store fails.
pub async fn signed_in(sessions: &Sessions<AuthUserSession>, count: usize) -> Vec<SessionId> {
    let mut ids = Vec::new();
    for at in 0..count {
        let mut session = sessions
            .get_or_create(None)
            .await
            .expect("a session is made");
        *session.data_mut() = user();
        session.data_mut().user_id = Some(at.to_string());
        session.save().await.expect("a session is saved");
        ids.extend(session.id());
    }
    ids
}
